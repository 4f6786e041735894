"""What to train, from a YAML file with the command line over it, checked as a whole.

Conventions
-----------
Sections: ``task`` and what is learnt, ``data``, ``model``, ``augment``, ``spec_augment``, and ``train``,
whose keys are fields of transformers' ``TrainingArguments`` plus a few of ours. On the command line: a key
is ``--section.key value``, or ``--key value`` where only one section has it; values are YAML. Unknown keys
are errors, and all problems are reported together.
"""

import difflib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import yaml

from sousa.generation.errors import UsageError, first_line, one_of, raise_all
from sousa.training import kinds

# keys of ``train`` that are no TrainingArguments
OWN_TRAIN = ("warmup_ratio", "early_stopping_patience", "class_weights", "label_smoothing", "cpu_threads")
# fields of TrainingArguments that we set, that our model or streams have no use for, or that are secret
_OURS = {
    "output_dir", "resume_from_checkpoint", "remove_unused_columns", "do_train", "do_eval", "do_predict",
    "eval_strategy", "save_strategy", "save_steps", "save_only_model", "metric_for_best_model",
    "greater_is_better", "label_names", "ignore_data_skip", "local_rank", "label_smoothing_factor", "seed",
    "auto_find_batch_size", "train_sampling_strategy", "length_column_name", "gradient_checkpointing",
    "gradient_checkpointing_kwargs", "activation_checkpointing", "activation_checkpointing_kwargs",
    "neftune_noise_alpha", "use_liger_kernel", "liger_kernel_config", "hub_token", "hub_strategy",
    "hub_always_push", "hub_revision", "per_gpu_train_batch_size", "prediction_loss_only",
    "eval_accumulation_steps", "eval_use_gather_object", "batch_eval_metrics", "include_for_metrics",
    "eval_do_concat_batches", "use_cache", "data_seed", "bf16_full_eval", "fp16_full_eval",
}  # fmt: skip


@dataclass
class Data:
    """Where rows come from.

    Attributes:
        path: directory of a dataset or release, ``org/name`` on the Hub; made there by ``generate``.
        generate: what to make at ``path`` if it is not there, see :mod:`sousa.training.corpora`.
        live: make each row when it is read in place of storing it; needs ``generate``.
        name, revision: config and revision of a dataset on the Hub.
        train, validation, test: names of the splits.
        where: filter of rows, see :func:`sousa.training.filters.select`.
        max_sec: clips are cut and padded to it; crop: start or random, while training.
    """

    path: str = "output/dataset"
    generate: dict | None = None
    live: bool = False
    name: str | None = None
    revision: str | None = None
    train: str = "train"
    validation: str = "validation"
    test: str | None = "test"
    where: dict | None = None
    max_sec: float = 7.0
    crop: str = "start"


@dataclass
class Settings:
    """Everything about a run.

    Attributes:
        task: one of :data:`sousa.training.tasks.TASKS`; targets: names in place of the task's own.
        weights: of losses by target; auxiliary: further targets, with weights, that are learnt and not
            reported.
        model: ``kind`` compact with its sizes, or pretrained with ``path`` and ``freeze``.
        front_end: see :mod:`sousa.training.front_ends`.
        augment, spec_augment: see :mod:`sousa.training.augment`.
        train: see the module's conventions.
        output: directory of the run; resume: go on from its last checkpoint; seed: of everything.
        report: whether the test split is evaluated at the end.
    """

    task: str = "rudiment"
    targets: list | None = None
    weights: dict = field(default_factory=dict)
    auxiliary: dict = field(default_factory=dict)
    data: Data = field(default_factory=Data)
    model: dict = field(default_factory=lambda: {"kind": "compact"})
    front_end: dict = field(default_factory=lambda: {"kind": "log_mel"})
    augment: dict = field(default_factory=dict)
    spec_augment: dict = field(default_factory=dict)
    train: dict = field(default_factory=dict)
    output: str = "output/run"
    resume: bool = False
    report: bool = True
    seed: int = 0

    def plain(self):
        """As plain data."""
        return asdict(self)


SECTIONS = ("data", "model", "front_end", "augment", "spec_augment", "train", "weights", "auxiliary")
_OPEN = {"data.generate", "data.where", "weights", "auxiliary"}  # their keys are checked where they are used


def train_keys():
    """Keys of ``train``."""
    from transformers import TrainingArguments

    return [f.name for f in fields(TrainingArguments) if f.init and f.name not in _OURS] + [*OWN_TRAIN]


def known_keys():
    """All keys on the command line: dict of full name to section."""
    from sousa.training.augment import SpecAugment, Waveform
    from sousa.training.front_ends import LogMel
    from sousa.training.models.compact import CompactConfig

    keys = {
        "data": [f.name for f in fields(Data)],
        "model": ["kind", "path", "freeze", *CompactConfig.__dataclass_fields__],
        "front_end": ["kind", *LogMel.__dataclass_fields__],
        "augment": [f.name for f in fields(Waveform)],
        "spec_augment": list(SpecAugment().settings()),
        "train": train_keys(),
    }
    out = {f.name: None for f in fields(Settings)}
    for section, names in keys.items():
        out.update((f"{section}.{name}", section) for name in names)
    return out


def read(path, arguments=()):
    """Settings from a YAML file and ``--key value`` arguments over it.

    Raises: UsageError naming every problem.
    """
    path = Path(path).expanduser()
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise UsageError(
            f"{path} can't be read ({error.strerror}); give a YAML file, see training/configs"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(given, dict):
        raise UsageError(f"{path} holds {type(given).__name__}, not keys with values")
    known = known_keys()
    problems = _unknown(given, known, path)
    raise_all(problems)
    problems = _overlay(given, arguments, known)
    raise_all(problems or _unknown(given, known, "command line"))
    return build(given)


def _unknown(given, known, path):
    problems = []
    top = [name for name in known if "." not in name]
    for name, value in given.items():
        if name not in top:
            near = [full for full in known if full.endswith(f".{name}")]
            hint = f"; it belongs under {near[0].partition('.')[0]}" if near else ""
            problems.append(f"{path}: unknown key {one_of(name, top)}{hint}")
        elif name in SECTIONS and value is not None and not isinstance(value, dict):
            problems.append(f"{path}: {name} is {value!r}; give keys with values")
        elif name in SECTIONS and name not in _OPEN:
            own = [full.partition(".")[2] for full, section in known.items() if section == name]
            problems += [
                f"{path}: {name}: unknown key {one_of(key, own)}" for key in value or {} if key not in own
            ]
    return problems


def _overlay(given, arguments, known):
    """Put ``--key value`` arguments into ``given``. Returns: list of problems."""
    problems, arguments = [], list(arguments)
    while arguments:
        option = arguments.pop(0)
        if not option.startswith("--"):
            problems.append(f"{option!r} is no option; write --key value")
            continue
        name, has_value, text = option[2:].partition("=")
        if not has_value:
            if not arguments or (arguments[0].startswith("--")):
                problems.append(f"--{name} has no value")
                continue
            text = arguments.pop(0)
        full = [key for key in known if key == name] or [key for key in known if key.endswith(f".{name}")]
        section = name.partition(".")[0]
        if not full and (section in _OPEN or ".".join(name.split(".")[:2]) in _OPEN):
            full = [name]
        if len(full) != 1:
            near = difflib.get_close_matches(name, [*known, *(key.partition(".")[2] for key in known)], n=1)
            hint = f" (did you mean --{near[0]}?)" if near else ""
            what = f"is {' or '.join(full)}; write which" if full else f"is not known{hint}; see --help"
            problems.append(f"--{name} {what}")
            continue
        *path, last = full[0].split(".")
        at = given
        for part in path:
            if at.get(part) is not None and not isinstance(at[part], dict):
                problems.append(f"{part} is {at[part]!r}; give keys with values")
            at[part] = dict(at[part]) if isinstance(at.get(part), dict) else {}
            at = at[part]
        at[last] = _value(full[0], text)
        if full[0] in SECTIONS and at[last] is not None and not isinstance(at[last], dict):
            problems.append(f"--{name} is {text!r}; give one of its keys, such as --{name}.KEY")
    return problems


def _value(key, text):
    """What a value on the command line means."""
    if kinds.is_text(key) and text not in ("null", "~"):
        return text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return _number(value) if isinstance(value, str) else value


def _number(text):
    """YAML reads 1e-3 as text; people mean the number."""
    try:
        return float(text)
    except ValueError:
        return text


def build(given):
    """Settings from plain data, each part of it checked.

    Raises: UsageError naming every problem.
    """
    from sousa.training import augment
    from sousa.training.augment import SpecAugment, Waveform
    from sousa.training.tasks import make_targets

    # null takes a key back, as on the command line: --auxiliary.strokes null
    given = {
        name: {key: one for key, one in value.items() if one is not None} if name in SECTIONS else value
        for name, value in given.items()
        if value is not None
    }
    for section in ("train", "front_end", "augment", "weights", "auxiliary"):
        numbers = {key: _number(v) if isinstance(v, str) else v for key, v in given.get(section, {}).items()}
        given[section] = numbers if section in given else {}
    problems = kinds.problems(given)
    given = {name: value for name, value in given.items() if value != {} or name == "train"}
    settings = Settings(**{**given, "data": Data(**given.get("data", {}))})
    checks = (
        ("task targets weights auxiliary",
         lambda: make_targets(settings.task, settings.targets, settings.weights, settings.auxiliary)),
        ("augment", lambda: augment.build(Waveform, settings.augment)),
        ("spec_augment", lambda: augment.build(SpecAugment, settings.spec_augment)),
        ("front_end model", lambda: _check_front_end(settings)),
        ("data task", lambda: _check_data(settings.data, settings.task)),
        ("model", lambda: _check_model(settings.model)),
        ("train", lambda: _check_train(settings.train)),
    )  # fmt: skip
    wrong = {problem.split()[0].partition(".")[0] for problem in problems}
    for sections, check in checks:
        if wrong & set(sections.split()):
            continue  # what is said already would be said again
        try:
            check()
        except UsageError as error:
            problems += [
                line.removeprefix("  - ")
                for line in str(error).splitlines()
                if not line.endswith("problems:")
            ]
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            problems.append(f"{sections.split()[0]}: {first_line(error)}")
    raise_all(problems)
    return settings


def _check_front_end(settings):
    from sousa.training import front_ends

    default = {"kind": "log_mel"}
    if settings.model.get("kind") == "pretrained":
        if settings.front_end != default:
            raise UsageError("front_end is for model.kind: compact; a pretrained model brings its own")
    elif settings.front_end.get("kind", "log_mel") != "log_mel":
        raise UsageError(f"front_end.kind: unknown {one_of(settings.front_end['kind'], ['log_mel'])}")
    else:
        front_ends.build(settings.front_end)


def _check_data(data, task):
    from sousa.training import corpora
    from sousa.training.filters import Filter
    from sousa.training.stream import CROPS
    from sousa.training.tasks import FROM_DATA

    problems = []
    if data.crop not in CROPS:
        problems.append(f"data.crop: unknown {one_of(data.crop, CROPS)}")
    if data.live and data.generate is None:
        problems.append("data.live needs data.generate, which says what rows to make")
    raise_all(problems)
    if data.where is not None:
        Filter.parse(data.where)
    if data.generate is not None:
        made = corpora.name_of(corpora.config(data.generate))
        wanted = "textures" if task in FROM_DATA else "rudiments"
        if made != wanted:
            raise UsageError(
                f"task {task} learns from {wanted}, and data.generate makes {made}; change one of them"
            )


def _check_model(model):
    from sousa.training.models.model import KINDS

    kind = model.get("kind", "compact")
    if kind not in KINDS:
        raise UsageError(f"model.kind: unknown {one_of(kind, KINDS)}")
    if kind == "pretrained" and not model.get("path"):
        raise UsageError("model.path is missing: name a pretrained model, a directory or org/name on the Hub")
    if kind == "compact" and ("path" in model or "freeze" in model):
        raise UsageError("model.path and model.freeze are for kind: pretrained")
    idle = [name for name in model if name not in ("kind", "path", "freeze")]
    if kind == "pretrained" and idle:
        raise UsageError(f"model.{idle[0]} is for kind: compact; a pretrained model has sizes of its own")
    heads, wide = model.get("attention_heads", 4), model.get("wide_channels", 160)
    if model.get("attention_layers") and wide % (2 * heads):
        raise UsageError(
            f"model.wide_channels is {wide}; with {heads} attention heads give a multiple of {2 * heads}"
        )


def _check_train(train):
    weights = train.get("class_weights")
    if weights not in (None, "balanced"):
        raise UsageError(f"train.class_weights is {weights!r}; give balanced, or leave it out")
    if train.get("bf16") and train.get("fp16"):
        raise UsageError("train.bf16 and train.fp16 are both true; choose one")
