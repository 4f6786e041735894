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
    """Everything about a run; what has no group is not on the command line."""

    data_dir: Text = option(
        "data/processed_embeddings", "what 'sousa embed' made", group="data", metavar="DIR"
    )
    audio_encoder: Text | None = option(
        None,
        "whose vectors of sounds: muq, mert, latent, clap, musicnn …; default: the only",
        group="data",
    )
    text_encoder: Text | None = option(
        None, "whose vectors of texts, such as minilm; default: the only", group="data"
    )
    train: Text = option("train", "split to learn from", flags=("--train-split",), group="data")
    validation: Text = option(
        "validation", "split that the best model is chosen by", flags=("--validation-split",), group="data"
    )
    test: Text = option("test", "split to report on", flags=("--split",), group="data")
    output: Text = option(
        OUTPUT, "directory of the run", flags=("--checkpoint-dir", "--output", "-o"), metavar="DIR",
        group="run",
    )  # fmt: skip
    report: bool = option(True, "measure the test split at the end")
    baselines: bool = option(True, "beside it, ridge regressions from text to sound")
    dim: Whole = option(256, "of the space that both are put into", ge=1, le=65536, group="model")
    hidden_dim: Whole = option(
        1024, "of the layer inside each head; 0: heads are linear", ge=0, le=65536, group="model"
    )
    dropout: Number = option(0.1, "share of it that is left out while training", ge=0, le=0.9, group="model")
    temperature: Number = option(0.07, "that learning starts from", ge=0.01, le=10, group="model")
    epochs: Whole = option(20, "in each, every sound is learnt once, with one of its texts", ge=1, le=1000000,
                           group="training")  # fmt: skip
    batch_size: Whole = option(
        1024, "sounds at once, of each process; all are told apart", ge=2, le=1 << 20, group="training"
    )
    lr: Number = option(1e-3, "largest learning rate", gt=0, le=10, group="training")
    weight_decay: Number = option(0.05, "of AdamW", ge=0, le=100, group="training")
    warmup_ratio: Number = option(0.1, "share of the steps to warm up in", ge=0, le=0.99, group="training")
    patience: Whole = option(5, "stop after so many evaluations without a better recall; 0: never", ge=0,
                             le=1000000, group="training")  # fmt: skip
    eval_epochs: Whole | None = option(
        None, "from evaluation to evaluation; default: as many as have 20 steps", ge=1, le=1000000,
        group="training",
    )  # fmt: skip
    lora: Annotated[str, chosen("none", "text", "audio", "both")] = option(
        "none", "encoders that learn too, by adapters: none, text, audio or both", group="training"
    )
    lora_rank: Whole = option(16, "of adapters", ge=1, le=1024, group="training")
    lora_lr: Number = option(
        2e-5, "largest learning rate of adapters", flags=("--lora-lr", "--text-lr"), gt=0, le=10,
        group="training",
    )  # fmt: skip
    bf16: bool = option(False, "compute in half precision where that is faster")
    seed: Whole = option(0, "of weights, order and texts", ge=0, le=2**32 - 1, group="training")
    text_weights: Text | None = option(
        None, "with adapters: where the weights of the text encoder are, if not as usual", group="data"
    )
    audio_weights: Text | None = option(None, "and of the encoder of sound", group="data")
    sounds: Text | None = option(
        None, "with adapters of sound: where sounds are (default: where they were embedded)", group="data"
    )
    cpu_threads: Whole | None = option(None, "of torch; default: the cores", ge=1, le=1024, group="run")
    resamples: Whole = option(1000, "of intervals", ge=0, le=1000000, group="run")


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
        if kind is bool:
            parser.add_argument(
                *flags_of(name), dest=f"key_{name}", action=argparse.BooleanOptionalAction, help=about
            )
            continue
        group = groups.setdefault(title, None) or parser.add_argument_group(title)
        groups[title] = group
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
