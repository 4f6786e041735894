"""What a projection run is asked for: declared once, for the command line, YAML and Python.

Conventions: a key is a field of :class:`Settings`; on the command line it is a flag with ``-`` for ``_``, or
one that its field names. The command line goes before the file, the file before the defaults, and
``settings.yaml`` in the run says what came of it. All problems are reported together.
"""

import argparse
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import yaml

from sousa.generation.errors import UsageError, raise_all
from sousa.generation.models import Model, Number, Text, Whole, chosen, kind_of, validated
from sousa.generation.options import about_of, option, parsed
from sousa.generation.outside import expanded, read_yaml

OUTPUT = "output/projection"
_METAVARS = {int: "N", float: "X"}


class Settings(Model):
    """Everything about a run."""

    data_dir: Text = option(
        "data/processed_embeddings", "vectors that 'sousa embed' has written", group="data", metavar="DIR"
    )
    audio_encoder: Text | None = option(
        None,
        "encoder whose vectors of sounds to use, such as clap or musicnn (default: the only one there)",
        group="data",
    )
    text_encoder: Text | None = option(
        None,
        "encoder whose vectors of texts to use, such as minilm (default: the only one there)",
        group="data",
    )
    train: Text = option("train", "split to train on", flags=("--train-split",), group="data")
    validation: Text = option(
        "validation", "split by which the best model is chosen", flags=("--validation-split",), group="data"
    )
    test: Text = option("test", "split to report on", flags=("--split",), group="data")
    output: Text = option(
        OUTPUT, "directory of the run", flags=("--checkpoint-dir", "--output", "-o"), metavar="DIR",
        group="run",
    )  # fmt: skip
    report: bool = option(True, "evaluate the test split at the end", group="run")
    baselines: bool = option(True, "also evaluate ridge regressions from text to sound", group="run")
    dim: Whole = option(256, "dimensions of the common space", ge=1, le=65536, group="model")
    hidden_dim: Whole = option(
        1024, "size of the hidden layer of each head; 0 for linear heads", ge=0, le=65536, group="model"
    )
    dropout: Number = option(0.1, "dropout of the hidden layer", ge=0, le=0.9, group="model")
    temperature: Number = option(0.07, "temperature at the start of training", ge=0.01, le=10, group="model")
    epochs: Whole = option(20, "passes over all sounds, each with one of its texts", ge=1, le=1000000,
                           group="training")  # fmt: skip
    batch_size: Whole = option(1024, "sounds in a batch of each process", ge=2, le=1 << 20, group="training")
    lr: Number = option(1e-3, "largest learning rate", gt=0, le=10, group="training")
    weight_decay: Number = option(0.05, "weight decay of AdamW", ge=0, le=100, group="training")
    warmup_ratio: Number = option(
        0.1, "share of the steps in which the learning rate rises", ge=0, le=0.99, group="training"
    )
    patience: Whole = option(5, "stop after so many evaluations without a better recall; 0 for never", ge=0,
                             le=1000000, group="training")  # fmt: skip
    eval_epochs: Whole | None = option(
        None, "epochs between evaluations (default: as many as have 20 steps)", ge=1, le=1000000,
        group="training",
    )  # fmt: skip
    lora: Annotated[str, chosen("none", "text", "audio", "both")] = option(
        "none", "encoders to train too, with adapters: none, text, audio or both", group="training"
    )
    lora_rank: Whole = option(16, "rank of adapters", ge=1, le=1024, group="training")
    lora_lr: Number = option(
        2e-5, "largest learning rate of adapters", flags=("--lora-lr", "--text-lr"), gt=0, le=10,
        group="training",
    )  # fmt: skip
    bf16: bool = option(False, "compute in half precision where that is faster", group="training")
    seed: Whole = option(0, "seed of weights, order and texts", ge=0, le=2**32 - 1, group="training")
    text_weights: Text | None = option(
        None, "with adapters: weights of the text encoder (default: their usual place)", group="data"
    )
    audio_weights: Text | None = option(
        None, "with adapters: weights of the audio encoder (default: their usual place)", group="data"
    )
    sounds: Text | None = option(
        None, "with adapters: where to read sounds (default: where they were embedded)", group="data"
    )
    cpu_threads: Whole | None = option(
        None, "threads of torch (default: one a core)", ge=1, le=1024, group="run"
    )
    resamples: Whole = option(
        1000, "bootstrap resamples of confidence intervals", ge=0, le=1000000, group="run"
    )


# what a resumed run may change
FREE = (
    "output", "report", "baselines", "epochs", "patience", "cpu_threads", "resamples", "test", "data_dir",
    "text_weights", "audio_weights", "sounds",
)  # fmt: skip


def flags_of(name: str) -> list[str]:
    """Flags of a key, the first one being its name in messages."""
    extra: Any = Settings.model_fields[name].json_schema_extra
    return extra["flags"] or [f"--{name.replace('_', '-')}"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of every key."""
    groups: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        extra: Any = field.json_schema_extra
        kind, title = kind_of(field.annotation), extra["group"]
        about = about_of(Settings, name).replace("%", "%%")
        group = groups.setdefault(title, None) or parser.add_argument_group(title)
        groups[title] = group
        if kind is bool:
            switch = argparse.BooleanOptionalAction
            group.add_argument(*flags_of(name), dest=f"key_{name}", action=switch, help=about)
            continue
        group.add_argument(
            *flags_of(name), dest=f"key_{name}", type=partial(parsed, kind=kind), help=about,
            metavar=extra["metavar"] or _METAVARS.get(kind, "NAME"),
        )  # fmt: skip


def from_arguments(arguments: argparse.Namespace) -> dict[str, Any]:
    """The keys that were given on a command line."""
    values = {name: getattr(arguments, f"key_{name}", None) for name in Settings.model_fields}
    return {name: value for name, value in values.items() if value is not None}


def checked(
    values: Mapping[str, Any], path: str | Path | None = None, problems: Iterable[str] = (),
    surface: str = "python",
) -> Settings:  # fmt: skip
    """Settings of values by key, over those of a YAML file.

    Args:
        path: of the file, or None.
        problems: further ones of the request, raised with those of the settings.
        surface: command or python: decides what keys are called.

    Raises: UsageError with every problem.
    """
    problems, data = list(problems), {}
    if path is not None:
        try:
            data = read_yaml(Path(expanded(path))) or {}
            if not isinstance(data, dict):
                raise ValueError("it holds no keys with values")
        except (OSError, ValueError, yaml.YAMLError) as error:
            problems.append(f"--config {path} can't be read: {' '.join(str(error).split())}")
            data = {}

    def word(name: str) -> str:
        return flags_of(name)[0] if surface == "command" and name in values else name

    data = {key: value for key, value in {**data, **values}.items() if value is not None}
    settings = validated(Settings, data, "", problems, word)
    raise_all(problems)
    return settings


def stored(root: Path) -> dict[str, Any]:
    """The settings of a run; UsageError where there is none."""
    try:
        values = read_yaml(root / "settings.yaml")
        if isinstance(values, dict):
            return values
    except (OSError, ValueError, yaml.YAMLError):
        pass
    raise UsageError(f"{root} holds no run of 'sousa project' (no settings.yaml); name another directory")
