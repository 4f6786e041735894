"""What to train, from a YAML file with the command line over it, checked as a whole.

Conventions
-----------
Sections are ``data``, ``model``, ``front_end``, ``augment``, ``spec_augment`` and ``train``, whose keys are
fields of transformers' ``TrainingArguments`` plus a few of ours; ``weights`` and ``auxiliary``, whose keys
are names of targets. On the command line a key is ``--section.key value``, or ``--key value`` where only one
section has it; values are YAML, and null takes a key back. Every key is a field of a model, which says what
it means, its default and its limits. All problems are reported together.
"""

import dataclasses
import difflib
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import yaml
from pydantic import create_model

from sousa.generation.errors import UsageError, one_of, raise_all
from sousa.generation.models import (
    Model,
    Number,
    Text,
    Whole,
    chosen,
    kind_of,
    number,
    validated,
)
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
_ABOVE_0 = ("num_train_epochs", "learning_rate", "logging_steps", "eval_steps")
_FROM_0 = ("weight_decay", "warmup_steps", "max_grad_norm", "dataloader_num_workers")
_FROM_1 = ("max_steps", "per_device_train_batch_size", "per_device_eval_batch_size", "ddp_timeout",
           "gradient_accumulation_steps", "dataloader_prefetch_factor", "save_total_limit")  # fmt: skip


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

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return self.model_dump()


SECTIONS = ("data", "model", "front_end", "augment", "spec_augment", "train", "weights", "auxiliary")
_BY_TARGET = ("weights", "auxiliary")
_OPEN = ("data.generate", "data.where", *_BY_TARGET)  # their keys are checked where they are used
_MODELS = dict(zip(SECTIONS, (Data, ModelSettings, LogMel, Waveform, Masks), strict=False))


@cache
def train_model() -> type[Model]:
    """The model of ``train``."""
    from transformers import TrainingArguments

    hints, fields = get_type_hints(TrainingArguments), {}
    for one in dataclasses.fields(TrainingArguments):
        if one.init and one.name not in _OURS and one.name not in TrainSettings.model_fields:
            kind = {int: Whole, float: Number, bool: bool}.get(kind_of(hints[one.name]), Any)
            default = None if one.default is dataclasses.MISSING else one.default
            about = " ".join(one.metadata.get("help", "").split()).partition(". ")[0].rstrip(".")
            default = TRAIN_DEFAULTS.get(one.name, default)
            limits = {"gt": 0} if one.name in _ABOVE_0 else {"ge": 0} if one.name in _FROM_0 else {}
            limits |= {"ge": 1} if one.name in _FROM_1 else {}
            fields[one.name] = kind, option(default, about, **limits)
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
    for full, (model, name) in known_keys().items():
        if full not in SECTIONS:
            lines.append(f"  --{full}\n      {about_of(model, name)}")
        elif full in _BY_TARGET:
            lines.append(f"  --{full}.TARGET\n      {model.model_fields[name].description}")
    return "\n".join(lines)


def read(path: str | Path, arguments: Iterable[str] = ()) -> Settings:
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
    problems = _unknown(given, f"{path}: ")
    problems += _overlay(given, arguments)
    return build(given, problems)


def _unknown(given: dict[str, Any], place: str) -> list[str]:
    """Take what is no key out of plain data. Returns: list of problems."""
    problems, known = [], known_keys()
    for name in list(given):
        value = given[name]
        if name not in Settings.model_fields:
            near = [full for full in known if full.endswith(f".{name}")]
            hint = f"; it belongs under {near[0].partition('.')[0]}" if near else ""
            problems.append(f"{place}unknown key {one_of(name, Settings.model_fields)}{hint}")
            del given[name]
        elif name in SECTIONS and value is not None and not isinstance(value, dict):
            problems.append(f"{place}{name} is {value!r}; give keys with values")
            del given[name]
        elif name in SECTIONS and name not in _BY_TARGET:
            fields = model_of(name).model_fields
            wrong = [key for key in value or {} if key not in fields]
            problems += [f"{place}{name}: unknown key {one_of(key, fields)}" for key in wrong]
            given[name] = {key: one for key, one in (value or {}).items() if key not in wrong}
    return problems


def _overlay(given: dict[str, Any], arguments: Iterable[str]) -> list[str]:
    """Put ``--key value`` arguments into plain data. Returns: list of problems."""
    problems, arguments, known = [], list(arguments), known_keys()
    while arguments:
        option = arguments.pop(0)
        if not option.startswith("--"):
            problems.append(f"{option!r} is no option; write --key value")
            continue
        name, has_value, text = option[2:].partition("=")
        if not has_value:
            if not arguments or arguments[0].startswith("--"):
                problems.append(f"--{name} has no value")
                continue
            text = arguments.pop(0)
        full = [key for key in known if key == name] or [key for key in known if key.endswith(f".{name}")]
        if not full and any(name.startswith(f"{key}.") for key in _OPEN):
            full = [name]
        if len(full) != 1:
            near = difflib.get_close_matches(name, [*known, *(key.partition(".")[2] for key in known)], n=1)
            hint = f" (did you mean --{near[0]}?)" if near else ""
            what = f"is {' or '.join(full)}; write which" if full else f"is not known{hint}; see --help"
            problems.append(f"--{name} {what}")
            continue
        if full[0] in SECTIONS and text not in ("null", "~"):
            problems.append(f"--{name} is {text!r}; give one of its keys, such as --{name}.KEY")
            continue
        *path, last = full[0].split(".")
        at = given
        for part in path:
            at[part] = dict(at[part]) if isinstance(at.get(part), dict) else {}
            at = at[part]
        at[last] = _value(full[0], text)
    return problems


def _value(key: str, text: str) -> Any:
    """What a value on the command line means."""
    model, name = known_keys().get(key, (None, ""))
    if model and kind_of(model.model_fields[name].annotation) is str and text not in ("null", "~"):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def build(given: Mapping[str, Any], problems: Iterable[str] = ()) -> Settings:
    """Settings from plain data, each part of it checked.

    Args:
        problems: that were found before; they are raised with the others.

    Raises: UsageError naming every problem.
    """
    problems, wrong = list(problems), set()
    given = {name: value for name, value in given.items() if value is not None}
    top = {name: value for name, value in given.items() if name not in SECTIONS}
    if isinstance(top.get("targets"), str):
        top["targets"] = [top["targets"]]
    settings = validated(Settings, top, "", problems)
    wrong |= {"task"} if problems else set()
    for section in SECTIONS:
        values = {key: one for key, one in (given.get(section) or {}).items() if one is not None}
        before = len(problems)
        if values:
            setattr(settings, section, _section(section, values, problems))
        wrong |= {section} if len(problems) > before else set()
    for sections, check in (
        ({"data", "task", *_BY_TARGET}, _check_data), ({"front_end", "model"}, _check_front_end),
        ({"model"}, _check_model), ({"train"}, _check_train),
    ):  # fmt: skip
        if not wrong & sections:  # what is said already would be said again
            _collect(problems, check, settings)
    raise_all(problems)
    return settings


def _collect(problems: list[str], function: Callable, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except UsageError as error:
        problems += error.problems
        return None


def _section(section: str, values: dict[str, Any], problems: list[str]) -> Any:
    """What is right in a section: a Data, or the keys that were given as plain data."""
    if section in _BY_TARGET:
        weights = {key: number(_numeric(v), f"{section}.{key}", problems) for key, v in values.items()}
        low = [
            f"{section}.{key} is {v:g}; give a number of 0 or more"
            for key, v in weights.items()
            if v and v < 0
        ]
        problems += low
        return weights
    fields = model_of(section).model_fields
    values = {
        key: _numeric(value) if kind_of(fields[key].annotation) in (int, float) else value
        for key, value in values.items()
    }
    out = _collect(
        problems, validated, model_of(section), values, "", problems, lambda key: f"{section}.{key}"
    )
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
    _collect(
        problems, tasks.make_targets, known, task, settings.targets, settings.weights, settings.auxiliary
    )  # fmt: skip
    raise_all(problems)


def _check_front_end(settings: Settings) -> None:
    pretrained = settings.model.get("kind") == "pretrained"
    if pretrained and settings.front_end != Settings().front_end:
        raise UsageError("front_end is for model.kind: compact; a pretrained model brings its own")


def _check_model(settings: Settings) -> None:
    model, sizes = settings.model, [name for name in settings.model if name in CompactConfig.model_fields]
    pretrained = model.get("kind") == "pretrained"
    if pretrained and not model.get("path"):
        raise UsageError("model.path is missing: name a pretrained model, a directory or org/name on the Hub")
    if not pretrained and ("path" in model or "freeze" in model):
        raise UsageError("model.path and model.freeze are for kind: pretrained")
    if pretrained and sizes:
        raise UsageError(f"model.{sizes[0]} is for kind: compact; a pretrained model has sizes of its own")
    heads, wide = model.get("attention_heads", 4), model.get("wide_channels", 160)
    if model.get("attention_layers") and wide % (2 * heads):
        raise UsageError(
            f"model.wide_channels is {wide}; with {heads} attention heads give a multiple of {2 * heads}"
        )


def _check_train(settings: Settings) -> None:
    train = settings.train
    if train.get("bf16") and train.get("fp16"):
        raise UsageError("train.bf16 and train.fp16 are both true; choose one")
    if train.get("warmup_ratio") is not None and "warmup_steps" in train:
        raise UsageError(
            "train.warmup_ratio and train.warmup_steps both say how long to warm up; leave one out"
        )
