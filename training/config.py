"""What to train, from a YAML file with the command line over it, checked as a whole.

Conventions: sections are ``data``, ``transcription`` (of targets that are notes), ``decoder`` (that writes
them), ``model``, ``front_end``, ``augment``, ``spec_augment`` and ``train``, whose keys are fields of
transformers' ``TrainingArguments`` plus a few of ours; ``weights`` and ``auxiliary``, whose keys are names of
targets. On the command line a key is ``--section.key value``, or ``--key value`` where only one section has
it; values are YAML, and null takes a key back. Every key is a field of a model, which says what it means,
its default and its limits. All problems are reported together.
"""

import dataclasses
import difflib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import yaml
from pydantic import BeforeValidator, WrapValidator, create_model, field_serializer

from sousa.generation import corpora, extras

try:
    from transformers import TrainingArguments
except ModuleNotFoundError as error:
    raise extras.missing("sousa.training.config", error) from None

from sousa.generation.errors import UsageError, collected, raise_all
from sousa.generation.models import Model, Number, ProblemsError, Text, Whole, chosen, kind_of, validated
from sousa.generation.options import about_of, option
from sousa.generation.outside import expanded, parse_yaml, read_yaml
from sousa.training import tokens
from sousa.training.augment import Masks, Waveform
from sousa.training.conflicts import SIZES, check_data, conflicts
from sousa.training.front_ends import LogMel
from sousa.training.models.cnn import CnnConfig
from sousa.training.models.compact import CompactConfig
from sousa.training.models.decoder import DecoderConfig
from sousa.training.models.pretrained import AstConfig
from sousa.training.rows import CROPS
from sousa.training.tasks.notes import NoteSettings

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

    path: Text = option(
        corpora.place_of(corpora.DEFAULT), "directory of a dataset or release, or org/name on the Hub"
    )
    generate: dict[str, Any] | None = option(
        None, "what to make at path if it is not there: corpus, and options of 'sousa generate'"
    )
    live: bool = option(False, "make each row when it is read in place of storing it")
    name: Text | None = option(None, "config of the dataset")
    revision: Text | None = option(None, "of a dataset on the Hub")
    train: Text = option("train", "split to learn from")
    validation: Text = option("validation", "split that the best checkpoint is chosen by")
    validation_rows: Whole | None = option(
        None, "so many of its rows, taken evenly, where all take too long; null: all", ge=1
    )
    test: Text | None = option("test", "split to report on")
    where: dict[str, Any] | None = option(None, "only these rows: filters with their values")
    max_sec: Number = option(7.0, "clips are cut and padded to it, seconds", ge=0.1, le=600)
    spectra: bool = option(
        False, "keep spectrograms in the cache directory: much faster from the second epoch on"
    )
    crop: Annotated[str, chosen(*CROPS)] = option(
        "start", f"where clips are cut while training: {', '.join(CROPS)}"
    )


class ModelSettings(CompactConfig, CnnConfig, AstConfig):
    """A network of ours with its sizes, or a pretrained one."""

    kind: Annotated[str, chosen(*SIZES, "pretrained")] = option(
        "compact", "compact, over time; cnn, over time and bands; ast, of patches; or pretrained"
    )
    path: Text | None = option(None, "of a pretrained model: a directory, or org/name on the Hub")
    freeze: bool = option(False, "keep the weights of a pretrained model as they are")
    start: Text | None = option(
        None, "run or model of ours whose network, front end and weights are taken (notes is shipped)"
    )


class DecoderSettings(DecoderConfig):
    """A decoder that writes notes, beside the rolls of a target of notes; none without a tokenizer."""

    tokenizer: Annotated[str, chosen(*tokens.KINDS)] = option(
        None, "how a decoder writes notes: quadruples (time, pitch, velocity, duration) or mt3 (events)"
    )
    weight: Number = option(1.0, "of the decoder's loss", ge=0, le=1000)
    encoder: Text | None = option(
        None, "run or model (notes is shipped) whose encoder and heads are taken; null: new ones"
    )
    freeze_encoder: bool = option(False, "keep encoder and heads as they are, and train the decoder alone")


class TrainSettings(Model):
    """Keys of ``train`` that are no TrainingArguments, and those of them that have limits of ours."""

    warmup_ratio: Number = option(None, "share of the steps to warm up in", ge=0, le=0.99)
    early_stopping_patience: Whole = option(None, "stop after so many evaluations without a gain", ge=1)
    class_weights: Annotated[str, chosen("balanced")] = option(
        None, "balanced: rare classes weigh more in the loss"
    )
    label_smoothing: Number = option(0.0, "of the losses of classes", ge=0, le=0.99)
    muon_lr: Number = option(
        None, "learning rate of Muon for matrices, such as 0.02; by default train.optim for all", gt=0, le=1
    )
    cpu_threads: Whole = option(None, "of torch; by default the cores", ge=1, le=1024)


# fields of TrainingArguments: our defaults, and what has limits
TRAIN_DEFAULTS = {
    "per_device_train_batch_size": 32, "per_device_eval_batch_size": 64, "learning_rate": 2e-3,
    "num_train_epochs": 5, "weight_decay": 0.05, "lr_scheduler_type": "cosine", "logging_steps": 20,
    "save_total_limit": 2, "load_best_model_at_end": True, "report_to": "none",
    "restore_callback_states_from_checkpoint": True, "ddp_timeout": 24 * 3600,
}  # fmt: skip
_BOUNDS = (
    ("gt", 0, ("num_train_epochs", "learning_rate", "logging_steps", "eval_steps")),
    ("ge", 0, ("weight_decay", "warmup_steps", "max_grad_norm", "dataloader_num_workers")),
    ("ge", 1, ("max_steps", "per_device_train_batch_size", "per_device_eval_batch_size", "ddp_timeout",
               "gradient_accumulation_steps", "dataloader_prefetch_factor", "save_total_limit")),
)  # fmt: skip


def _arguments() -> dict[str, Any]:
    """Fields of ``TrainingArguments`` that a run may set, as those of a model."""
    hints, fields = get_type_hints(TrainingArguments), {}
    for field in dataclasses.fields(TrainingArguments):
        name, default = field.name, None if field.default is dataclasses.MISSING else field.default
        if field.init and name not in _OURS and name not in TrainSettings.model_fields:
            kind = {int: Whole, float: Number, bool: bool}.get(kind_of(hints[name]), Any)
            about = " ".join(field.metadata.get("help", "").split()).partition(". ")[0].rstrip(".")
            limits: dict[str, Any] = {bound: limit for bound, limit, names in _BOUNDS if name in names}
            fields[name] = kind, option(TRAIN_DEFAULTS.get(name, default), about, **limits)
    return fields


Train: Any = create_model("Train", __base__=TrainSettings, **_arguments())


def _weight(value: Any) -> float:
    with suppress(ValueError, TypeError, OverflowError):
        if not isinstance(value, bool) and (weight := float(value)) >= 0:
            return weight
    raise ValueError("give a number of 0 or more")


def _as_problems(value: Any, check: Callable[[Any], Any]) -> Any:
    try:
        return check(value)
    except UsageError as error:  # of values that don't fit together
        raise ProblemsError(*error.problems) from None


_Weights = dict[str, Annotated[float, BeforeValidator(_weight)]]
# stored without defaults
_AS_WRITTEN = ("transcription", "decoder", "model", "front_end", "augment", "spec_augment", "train")


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
    transcription: NoteSettings = option(NoteSettings())
    decoder: Annotated[DecoderSettings, WrapValidator(_as_problems)] = option(DecoderSettings())
    weights: _Weights = option({}, "of losses by target, 1 where left out")
    auxiliary: _Weights = option({}, "further targets, with weights, that are learnt and not reported")
    data: Data = option(Data())
    model: ModelSettings = option(ModelSettings(kind="compact"))
    front_end: Annotated[LogMel, WrapValidator(_as_problems)] = option(LogMel(kind="log_mel"))
    augment: Waveform = option(Waveform())
    spec_augment: Masks = option(Masks())
    train: Train = option(Train())

    @field_serializer(*_AS_WRITTEN)
    def _as_written(self, section: Model) -> dict[str, Any]:
        return section.model_dump(exclude_unset=True)


# settings with keys of their own: models, or dicts whose keys are checked where they are used
SECTIONS = {
    name: kind
    for name, field in Settings.model_fields.items()
    if issubclass(kind := kind_of(field.annotation), (Model, dict))
}
_NULL = ("null", "~")


@cache
def known_keys() -> dict[str, Any]:
    """All keys of the command line: dict of full name to its model and field."""
    models = [(section, kind) for section, kind in SECTIONS.items() if kind is not dict]
    inner = {f"{section}.{name}": (kind, name) for section, kind in models for name in kind.model_fields}
    return {name: (Settings, name) for name in Settings.model_fields} | inner


def _kind(key: str) -> Any:
    """Type of a key's value; None for keys that no model has."""
    model, name = known_keys().get(key, (None, ""))
    return kind_of(model.model_fields[name].annotation) if model else None


def help_text() -> str:
    """Every key with its meaning, default and limits."""
    lines = []
    for key, (model, name) in known_keys().items():
        if key not in SECTIONS:
            lines.append(f"  --{key}\n      {about_of(model, name)}")
        elif SECTIONS[key] is dict:
            lines.append(f"  --{key}.TARGET\n      {model.model_fields[name].description}")
    return "\n".join(lines)


def read(path: str | Path, arguments: Iterable[str] = ()) -> Settings:
    """Settings from a YAML file and ``--key value`` arguments over it; UsageError naming every problem."""
    return checked(keys_of(path), arguments)


def keys_of(path: str | Path) -> dict[str, Any]:
    """The keys of a YAML file; UsageError for a file that has none."""
    path = Path(expanded(path))
    try:
        data = read_yaml(path) or {}
    except OSError as error:
        hint = "give a YAML file, see training/configs"
        raise UsageError(f"{path} can't be read ({error.strerror}); {hint}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path} holds {type(data).__name__}, not keys with values")
    return data


def checked(data: dict[str, Any], arguments: Iterable[str] = (), problems: Iterable[str] = ()) -> Settings:
    """Settings from plain data and ``--key value`` arguments over it.

    Args:
        problems: further ones of the request, to be raised with those of the settings.

    Raises: UsageError naming every problem.
    """
    problems = list(problems)
    for name in [name for name in data if name not in Settings.model_fields]:
        if sections := [section for section in SECTIONS if f"{section}.{name}" in known_keys()]:
            problems.append(f"unknown key {name!r}; it belongs under {' or '.join(sections)}")
            del data[name]
    problems += _overlay(data, list(arguments))
    complete = not problems
    data = {k: value for k, value in _coerced(Settings, data).items() if value != {} or k not in SECTIONS}
    settings = validated(Settings, data, "", problems)
    # what is said already would be said again
    if complete and data.keys() - set(_AS_WRITTEN) <= settings.model_fields_set:
        with collected(problems):
            check_data(settings)
    problems += conflicts(settings)
    raise_all(problems)
    return settings


def _coerced(kind: Any, value: Any) -> Any:
    """A value without keys that are null; text as a number (1e-3 in YAML) or a list where these are due."""
    if isinstance(value, dict) and issubclass(kind, (Model, dict)):
        fields = {} if kind is dict else kind.model_fields
        kinds = {key: kind_of(field.annotation) for key, field in fields.items()}
        return {key: _coerced(kinds.get(key, str), v) for key, v in value.items() if v is not None}
    if kind is list and isinstance(value, str):
        return [value]
    with suppress(ValueError):
        return float(value) if kind in (int, float) and isinstance(value, str) else value
    return value


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
        if not keys and any(name.startswith(f"{key}.") for key in known if _kind(key) is dict):
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
            values[last] = text
            if _kind(keys[0]) is not str or text in _NULL:
                with suppress(yaml.YAMLError, ValueError):
                    values[last] = parse_yaml(text)
    return problems
