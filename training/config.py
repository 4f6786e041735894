"""What to train, from a YAML file with the command line over it, checked as a whole.

Conventions: sections are ``data``, ``model``, ``front_end``, ``augment``, ``spec_augment`` and ``train``,
whose keys are fields of transformers' ``TrainingArguments`` plus a few of ours; ``weights`` and
``auxiliary``, whose keys are names of targets. On the command line a key is ``--section.key value``, or
``--key value`` where only one section has it; values are YAML, and null takes a key back. Every key is a
field of a model, which says what it means, its default and its limits. All problems are reported together.
"""

import dataclasses
import difflib
import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import yaml
from pydantic import create_model

from sousa.generation.errors import UsageError, one_of, raise_all
from sousa.generation.models import Model, Number, Text, Whole, chosen, kind_of, number, validated
from sousa.generation.options import about_of, option
from sousa.training.augment import Masks, Waveform
from sousa.training.front_ends import LogMel
from sousa.training.models.compact import CompactConfig
from sousa.training.rows import CROPS

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


class Data(Model):
    """Where rows come from."""

    path: Text = option("output/dataset", "directory of a dataset or release, or org/name on the Hub")
    generate: dict[str, Any] | None = option(
        None, "what to make at path if it is not there: corpus, and options of 'sousa generate'"
    )
    live: bool = option(False, "make each row when it is read in place of storing it")
    name: Text | None = option(None, "config of the dataset")
    revision: Text | None = option(None, "of a dataset on the Hub")
    train: Text = option("train", "split to learn from")
    validation: Text = option("validation", "split that the best checkpoint is chosen by")
    test: Text | None = option("test", "split to report on")
    where: dict[str, Any] | None = option(None, "only these rows: filters with their values")
    max_sec: Number = option(7.0, "clips are cut and padded to it, seconds", ge=0.1, le=600)
    crop: Annotated[str, chosen(*CROPS)] = option(
        "start", f"where clips are cut while training: {', '.join(CROPS)}"
    )


class ModelSettings(CompactConfig):
    """A compact network with its sizes, or a pretrained one."""

    kind: Annotated[str, chosen("compact", "pretrained")] = option("compact", "compact or pretrained")
    path: Text | None = option(None, "of a pretrained model: a directory, or org/name on the Hub")
    freeze: bool = option(False, "keep the weights of a pretrained model as they are")


class TrainSettings(Model):
    """Keys of ``train`` that are no TrainingArguments, and those of them that have limits of ours."""

    warmup_ratio: Number = option(None, "share of the steps to warm up in", ge=0, le=0.99)
    early_stopping_patience: Whole = option(None, "stop after so many evaluations without a gain", ge=1)
    class_weights: Annotated[str, chosen("balanced")] = option(
        None, "balanced: rare classes weigh more in the loss"
    )
    label_smoothing: Number = option(0.0, "of the losses of classes", ge=0, le=0.99)
    cpu_threads: Whole = option(None, "of torch; by default the cores", ge=1, le=1024)


# fields of TrainingArguments: our defaults, and what has limits
TRAIN_DEFAULTS = {
    "per_device_train_batch_size": 32, "per_device_eval_batch_size": 64, "learning_rate": 2e-3,
    "num_train_epochs": 5, "weight_decay": 0.05, "lr_scheduler_type": "cosine", "logging_steps": 20,
    "save_total_limit": 2, "load_best_model_at_end": True, "report_to": "none",
    "restore_callback_states_from_checkpoint": True,
}  # fmt: skip
_BOUNDS = (
    ("gt", 0, ("num_train_epochs", "learning_rate", "logging_steps", "eval_steps")),
    ("ge", 0, ("weight_decay", "warmup_steps", "max_grad_norm", "dataloader_num_workers")),
    ("ge", 1, ("max_steps", "per_device_train_batch_size", "per_device_eval_batch_size", "ddp_timeout",
               "gradient_accumulation_steps", "dataloader_prefetch_factor", "save_total_limit")),
)  # fmt: skip


class Settings(Model):
    """Everything about a run."""

    task: Text | None = option(None, "what to learn: a task of the corpus, or a column of the data")
    targets: list[Text] | None = option(
        None, "names of columns or parameters in place of the task's own", min_length=1
    )
    output: Text = option("output/run", "directory of the run")
    resume: bool = option(False, "go on from the last checkpoint in it")
    report: bool = option(True, "evaluate the test split at the end")
    seed: Whole = option(0, "of weights, order, crops and augmentation", ge=0, le=2**32 - 1)
    weights: dict[str, Any] = option({}, "of losses by target, 1 where left out")
    auxiliary: dict[str, Any] = option({}, "further targets, with weights, that are learnt and not reported")
    data: Data = option(Data())
    model: dict[str, Any] = option({"kind": "compact"})
    front_end: dict[str, Any] = option({"kind": "log_mel"})
    augment: dict[str, Any] = option({})
    spec_augment: dict[str, Any] = option({})
    train: dict[str, Any] = option({})


SECTIONS = ("data", "model", "front_end", "augment", "spec_augment", "train", "weights", "auxiliary")
_BY_TARGET = ("weights", "auxiliary")
_OPEN = ("data.generate", "data.where", *_BY_TARGET)  # their keys are checked where they are used
_NULL = ("null", "~")
_MODELS = dict(zip(SECTIONS, (Data, ModelSettings, LogMel, Waveform, Masks), strict=False))


@cache
def train_model() -> type[Model]:
    """The model of ``train``."""
    from transformers import TrainingArguments

    hints, fields = get_type_hints(TrainingArguments), {}
    for field in dataclasses.fields(TrainingArguments):
        name, default = field.name, None if field.default is dataclasses.MISSING else field.default
        if field.init and name not in _OURS and name not in TrainSettings.model_fields:
            kind = {int: Whole, float: Number, bool: bool}.get(kind_of(hints[name]), Any)
            about = " ".join(field.metadata.get("help", "").split()).partition(". ")[0].rstrip(".")
            limits = {bound: limit for bound, limit, names in _BOUNDS if name in names}
            fields[name] = kind, option(TRAIN_DEFAULTS.get(name, default), about, **limits)
    return create_model("Train", __base__=TrainSettings, **fields)


def model_of(section: str) -> type[Model]:
    """The model of a section."""
    return train_model() if section == "train" else _MODELS[section]


@cache
def known_keys() -> dict[str, Any]:
    """All keys of the command line: dict of full name to its model and field."""
    out = {name: (Settings, name) for name in Settings.model_fields}
    for section in SECTIONS:
        if section not in _BY_TARGET:
            out |= {f"{section}.{name}": (model_of(section), name) for name in model_of(section).model_fields}
    return out


def help_text() -> str:
    """Every key with its meaning, default and limits."""
    lines = []
    for key, (model, name) in known_keys().items():
        if key not in SECTIONS:
            lines.append(f"  --{key}\n      {about_of(model, name)}")
        elif key in _BY_TARGET:
            lines.append(f"  --{key}.TARGET\n      {model.model_fields[name].description}")
    return "\n".join(lines)


def read(path: str | Path, arguments: Iterable[str] = ()) -> Settings:
    """Settings from a YAML file and ``--key value`` arguments over it; UsageError naming every problem."""
    path = Path(path).expanduser()
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        hint = "give a YAML file, see training/configs"
        raise UsageError(f"{path} can't be read ({error.strerror}); {hint}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path} holds {type(data).__name__}, not keys with values")
    problems = _take_out_unknown(data, f"{path}: ")
    problems += _overlay(data, list(arguments))
    data = {name: value for name, value in data.items() if value is not None}
    top = {name: value for name, value in data.items() if name not in SECTIONS}
    if isinstance(top.get("targets"), str):
        top["targets"] = [top["targets"]]
    settings = validated(Settings, top, "", problems)
    wrong = {"task"} if problems else set()
    for section in SECTIONS:
        values = {key: value for key, value in data.get(section, {}).items() if value is not None}
        before = len(problems)
        if values:
            setattr(settings, section, _section(section, values, problems))
        wrong |= {section} if len(problems) > before else set()
    # what is said already would be said again
    if not wrong & {"data", "task", *_BY_TARGET}:
        _collect(problems, _check_data, settings)
    problems += [sentence for sections, sentence in _conflicts(settings) if not wrong & sections]
    raise_all(problems)
    return settings


def _take_out_unknown(data: dict[str, Any], place: str) -> list[str]:
    """Take what is no key out of the data of a file. Returns: list of problems."""
    problems = []
    for name, value in list(data.items()):
        if name not in Settings.model_fields:
            near = [key for key in known_keys() if key.endswith(f".{name}")]
            hint = f"; it belongs under {near[0].partition('.')[0]}" if near else ""
            problems.append(f"{place}unknown key {one_of(name, Settings.model_fields)}{hint}")
            del data[name]
        elif name in SECTIONS and value is not None and not isinstance(value, dict):
            problems.append(f"{place}{name} is {value!r}; give keys with values")
            del data[name]
        elif name in SECTIONS and name not in _BY_TARGET and value:
            fields = model_of(name).model_fields
            unknown = [key for key in value if key not in fields]
            problems += [f"{place}{name}: unknown key {one_of(key, fields)}" for key in unknown]
            data[name] = {key: value[key] for key in value if key in fields}
    return problems


def _overlay(data: dict[str, Any], arguments: list[str]) -> list[str]:
    """Put ``--key value`` arguments into the data of a file. Returns: list of problems."""
    problems, known = [], known_keys()
    while arguments:
        argument = arguments.pop(0)
        name, has_value, text = argument.removeprefix("--").partition("=")
        if not argument.startswith("--"):
            problems.append(f"{argument!r} is no option; write --key value")
            continue
        if not has_value:
            if not arguments or arguments[0].startswith("--"):
                problems.append(f"--{name} has no value")
                continue
            text = arguments.pop(0)
        keys = [key for key in known if key == name] or [key for key in known if key.endswith(f".{name}")]
        if not keys and any(name.startswith(f"{key}.") for key in _OPEN):
            keys = [name]
        if len(keys) != 1:
            near = difflib.get_close_matches(name, [*known, *(key.partition(".")[2] for key in known)], n=1)
            hint = f" (did you mean --{near[0]}?)" if near else ""
            reason = f"is {' or '.join(keys)}; write which" if keys else f"is not known{hint}; see --help"
            problems.append(f"--{name} {reason}")
        elif keys[0] in SECTIONS and text not in _NULL:
            problems.append(f"--{name} is {text!r}; give one of its keys, such as --{name}.KEY")
        else:
            *path, last = keys[0].split(".")
            values = data
            for part in path:
                values[part] = dict(values[part]) if isinstance(values.get(part), dict) else {}
                values = values[part]
            values[last] = _value(keys[0], text)
    return problems


def _value(key: str, text: str) -> Any:
    """The value that a text on the command line stands for."""
    model, name = known_keys().get(key, (None, ""))
    if model and kind_of(model.model_fields[name].annotation) is str and text not in _NULL:
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _collect(problems: list[str], function: Callable, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except UsageError as error:
        problems += error.problems
        return None


def _section(section: str, values: dict[str, Any], problems: list[str]) -> Any:
    """The keys of a section that are right: a Data, or plain data."""
    if section in _BY_TARGET:
        weights = {key: number(_numeric(v), f"{section}.{key}", problems) for key, v in values.items()}
        low = {key: weight for key, weight in weights.items() if weight and weight < 0}
        problems += [f"{section}.{key} is {v:g}; give a number of 0 or more" for key, v in low.items()]
        return weights
    model = model_of(section)
    numbers = [
        name for name, field in model.model_fields.items() if kind_of(field.annotation) in (int, float)
    ]
    values |= {key: _numeric(values[key]) for key in numbers if key in values}
    out = _collect(problems, validated, model, values, "", problems, lambda key: f"{section}.{key}")
    return out if section == "data" or out is None else out.model_dump(exclude_unset=True)


def _numeric(value: Any) -> Any:
    """YAML reads 1e-3 as text; people mean the number."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _check_data(settings: Settings) -> None:
    from sousa.training import corpora, tasks

    data = settings.data
    if data.live and data.generate is None:
        raise UsageError("data.live needs data.generate, which says what rows to make")
    if data.generate is None and not os.path.exists(os.path.expanduser(data.path)):
        return  # it is looked at when it is read
    known, problems = corpora.wanted(data).known, []
    _collect(problems, known.filter, data.where)
    task = settings.task or tasks.default_task(known)
    targets = (settings.targets, settings.weights, settings.auxiliary)
    _collect(problems, tasks.make_targets, known, task, *targets)
    raise_all(problems)


def _conflicts(settings: Settings) -> Iterator[tuple[set[str], str]]:
    """Settings that do not fit each other: the sections they are in, and a sentence."""
    model, train = settings.model, settings.train
    if model.get("kind") == "pretrained":
        if settings.front_end != Settings().front_end:
            sentence = "front_end is for model.kind: compact; a pretrained model brings its own"
            yield {"front_end", "model"}, sentence
        if not model.get("path"):
            sentence = "model.path is missing: name a pretrained model, a directory or org/name on the Hub"
            yield {"model"}, sentence
        for name in [name for name in model if name in CompactConfig.model_fields][:1]:
            yield {"model"}, f"model.{name} is for kind: compact; a pretrained model has sizes of its own"
    elif "path" in model or "freeze" in model:
        yield {"model"}, "model.path and model.freeze are for kind: pretrained"
    heads, wide = model.get("attention_heads", 4), model.get("wide_channels", 160)
    if model.get("attention_layers") and wide % (2 * heads):
        sentence = f"with {heads} attention heads give a multiple of {2 * heads}"
        yield {"model"}, f"model.wide_channels is {wide}; {sentence}"
    if train.get("bf16") and train.get("fp16"):
        yield {"train"}, "train.bf16 and train.fp16 are both true; choose one"
    if train.get("warmup_ratio") is not None and "warmup_steps" in train:
        sentence = "train.warmup_ratio and train.warmup_steps both say how long to warm up; leave one out"
        yield {"train"}, sentence
