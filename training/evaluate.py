"""Evaluate a trained model: ``python training/evaluate.py MODEL --data DATASET [--split test]``.

MODEL is a run's directory, its ``model`` or a checkpoint, or ``org/name`` on the Hub; DATASET a directory of
a dataset or release, or ``org/name`` on the Hub. What comes out, in ``--output``: ``predictions.parquet``,
``metrics.json``, ``metrics.csv``, ``dashboard.png``, confusion matrices and ``report.html``.

``--recordings DIRECTORY`` in place of ``--data`` scores the onsets of real recordings, see
:mod:`sousa.training.recordings`; the scores are ``recordings.json`` and ``recordings.csv``.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import NoneType
from typing import Any

if __package__ in (None, ""):  # run as a file: the checkout, not this folder, is where packages are
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

os.environ.setdefault("GOMP_SPINCOUNT", "0")  # see train.py

from sousa.generation import ending, extras

if __name__ == "__main__":
    ending.leave_at_once("interrupted; nothing was written")

import pyarrow.parquet as pq
import yaml

try:
    import torch
except ModuleNotFoundError as error:
    raise extras.stop("training/evaluate.py", error, __name__) from None

from sousa.generation.console import Console
from sousa.generation.errors import RunError, UsageError, first_line, one_of, raise_all
from sousa.generation.models import validated
from sousa.generation.outside import MANIFEST_BYTES, expanded, is_directory, is_file, read_json, read_yaml
from sousa.generation.storage import atomic_file, output_path
from sousa.training import config, corpora, report, sources
from sousa.training.baselines import baselines, checks
from sousa.training.batches import predict, rows_for, with_facts
from sousa.training.ending import status_of
from sousa.training.models import places
from sousa.training.models.model import Model
from sousa.training.recordings import command as recordings
from sousa.training.report.numbers import PARAMETERS


def parser() -> argparse.ArgumentParser:
    """The options of an evaluation, see :func:`run`."""
    top = argparse.ArgumentParser(prog="evaluate.py", description=__doc__.split("\n\n")[0])
    add = top.add_argument
    add("model", help="a run's directory, a checkpoint, or org/name on the Hub")
    add("--data", help="dataset or release, or org/name on the Hub; default: what the run was made with")
    add("--split", help="which split (default: test, or the run's own)")
    add("--output", "-o", help="directory of the report (default: MODEL/report-<split>)")
    add("--task", help="refuse a model of another task")
    add("--name", help="config of the dataset")
    add("--revision", help="of a dataset on the Hub: tag, branch or commit")
    add("--where", help="only these rows, as YAML: '{COLUMN: [NAME], OTHER: [60, 120]}'")
    add("--train-split", default="train", help="what baselines learn from (default train)")
    add("--no-baselines", action="store_true", help="leave the baselines out, which read the training split")
    add("--batch-size", type=int, default=64, help="rows at once (default 64)")
    add("--workers", type=int, default=0, help="processes that read (default 0: this one)")
    add("--device", help="such as cpu or cuda (default: cuda where there is one)")
    half = "half precision (default: as the run was made)"
    add("--bf16", action=argparse.BooleanOptionalAction, help=half)
    add("--resamples", type=int, default=1000, help="of the bootstrap (default 1000)")
    recordings.add_options(top)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate as the command line says. Returns: exit status."""
    options = parser().parse_args(arguments)
    return status_of(lambda: run(options), "nothing was written", arguments is None)


def run(options: argparse.Namespace) -> None:
    """Evaluate; UsageError or RunError when that is not possible."""
    model = Model.from_pretrained(options.model)
    if options.task and model.task != options.task:
        raise UsageError(
            f"{options.model} is a model of task {model.task}, not {options.task}; name another model or task"
        )
    problems = [f"--{name} is {value}; give {least} or more" for name, value, least in (
        ("batch-size", options.batch_size, 1), ("workers", options.workers, 0),
        ("resamples", options.resamples, 0),
    ) if value < least]  # fmt: skip
    raise_all(problems)
    output = output_path(options.output, "--output") if options.output is not None else None
    device, settings = _device(options.device), _settings_of(options.model)
    if options.recordings is not None:
        raise_all(problems)
        dtype = torch.bfloat16 if options.bf16 and places.computes_bf16() else None
        directory = Path(_beside(options.model, "recordings") if output is None else output)
        recordings.run(model, options, device, dtype, directory)
        return
    history = _history_of(options.model)
    data = validated(config.Data, settings["data"], "data", problems) if settings else config.Data()
    where, learnt_from = options.where, data.where
    if options.data:
        source = sources.find(options.data, options.name, options.revision)
        data = config.Data(path=str(options.data))
    elif settings:
        raise_all(problems)
        source = corpora.prepared_source(data)
        where = data.where if where is None else where
        Console().print(f"data of the run: {data.path}" + (f", only {where}" if where else ""))
    else:
        raise UsageError("what to evaluate on is not known; give --data DATASET")
    split, learn, validation = options.split or data.test or "test", options.train_split, data.validation
    parameters = any(target.kind in PARAMETERS for target in model.targets)
    # of a part of the test rows a baseline of parameters must not know more than the model
    learnt_from = learnt_from if parameters else where
    rows = rows_for(model, source, split, where=where or None)
    # as the run's own report was made
    bf16 = bool(settings and settings["train"].get("bf16")) if options.bf16 is None else options.bf16
    dtype = torch.bfloat16 if bf16 and places.computes_bf16() else None
    table = predict(model.to(device), rows, options.batch_size, options.workers, device, dtype)
    table = with_facts(table, checkpoint=str(places.place_of(options.model)), data=data.path, split=split)
    train_rows = validation_rows = None
    if learn not in source.splits and learn != "train":
        raise UsageError(f"--train-split: there is no split {one_of(learn, source.splits)}")
    if not options.no_baselines and learn in source.splits and learn != split:
        train_rows = rows_for(model, source, learn, where=learnt_from or None)
        if parameters and validation in source.splits and validation not in (split, learn):
            validation_rows = rows_for(model, source, validation, where=learnt_from or None)
    directory = Path(_beside(options.model, split) if output is None else output)
    names, more = (learn, split), {"resamples": options.resamples, "validation_rows": validation_rows}
    more["history"] = history
    Console().print(report_on(model, table, rows, directory, train_rows, names, **more))
    Console().print(f"report: {directory / 'report.html'}")


def _device(name: str | None) -> str:
    """The device asked for, or the best there is; UsageError when it is not there."""
    best = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name or best)
    except (RuntimeError, AssertionError) as error:
        reason = first_line(error)
        raise UsageError(f"--device {name!r} can't be used ({reason}); here there is {best}") from None
    return name or best


def _settings_of(where: str) -> dict[str, Any] | None:
    """Settings of the run that a model or checkpoint is of, or None."""
    place = Path(expanded(where))
    for root in (place, place.parent):
        if is_file(root / "settings.yaml"):
            try:
                settings = read_yaml(root / "settings.yaml")
                return settings if settings["data"]["path"] and isinstance(settings["train"], dict) else None
            except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
                return None
    return None


def _history_of(where: str) -> list[dict[str, Any]] | None:
    """Losses and metrics of the run that is named, None where it has none.

    Raises: RunError where they are damaged.
    """
    path = Path(expanded(where)) / "history.json"
    try:
        history = read_json(path, MANIFEST_BYTES)
        if not isinstance(history, list):
            raise ValueError("it is no list")
        for number, entry in enumerate(history):
            values = [entry[key] for key in entry if key in ("step", "loss") or key.startswith("eval_")]
            if not ("step" in entry and all(isinstance(v, (int, float, NoneType)) for v in values)):
                raise ValueError(f"entry {number} is none of a step")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise RunError(
            f"{path} is damaged ({first_line(error)}); remove it, for a report without the course of training"
        ) from None
    return history


def _beside(where: str, split: str) -> Path:
    """A directory for the report: beside the model in its run, not inside what is published or resumed."""
    root = Path(expanded(where))
    if not is_directory(root):
        return Path(f"report-{split}")
    if (root.parent / "settings.yaml").is_file():
        return root.parent / f"report-{root.name}-{split}"
    return root / f"report-{split}"


def report_on(
    model: Any, table: Any, rows: Any, directory: str | Path, train_rows: Any = None,
    names: tuple[str, str] = ("train", "test"), resamples: int = 1000, quiet: bool = False,
    validation_rows: Any = None, history: list[dict[str, Any]] | None = None,
) -> str:  # fmt: skip
    """Write predictions and report.

    Args:
        table: predictions of ``rows``.
        train_rows: what baselines learn from, None for no baselines.
        names: of the two splits.
        validation_rows: what baselines choose by, or None.
        history: of the run, or None.

    Returns: the result in a few lines.
    """
    predictions, answers = [], []
    if train_rows is not None:
        reported = model.reported_targets
        timed = any(target.level == "frame" for target in reported)
        frames = (model.num_frames, model.frame_sec) if timed else (None, None)
        predictions = baselines(reported, train_rows, rows, 0, quiet, validation_rows, frames)
        answers = checks(train_rows, rows, names)
    metrics = report.write(table, directory, predictions, answers, resamples=resamples, history=history)
    with atomic_file(Path(directory) / "predictions.parquet") as file:
        pq.write_table(table, file)
    return report.summary(metrics)


if __name__ == "__main__":
    sys.exit(main())
