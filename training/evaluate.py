"""Evaluate a trained model: ``python training/evaluate.py MODEL --data DATASET [--split test]``.

MODEL is a run's directory, its ``model`` or a checkpoint, or ``org/name`` on the Hub; DATASET a directory of
a dataset or release, or ``org/name`` on the Hub. What comes out, in ``--output``: ``predictions.parquet``,
``metrics.json``, ``metrics.csv``, ``dashboard.png``, confusion matrices and ``report.html``.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a file: the checkout, not this folder, is where packages are
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

os.environ.setdefault("GOMP_SPINCOUNT", "0")  # see train.py

import pyarrow.parquet as pq
import torch
import yaml

from sousa.generation.errors import UsageError, first_line, one_of, raise_all
from sousa.generation.models import validated
from sousa.generation.storage import atomic_file
from sousa.training import config, corpora, report, sources
from sousa.training.baselines import baselines, checks
from sousa.training.batches import predict, rows_for, with_facts
from sousa.training.ending import status_of
from sousa.training.models.model import Model
from sousa.training.report.numbers import PARAMETERS


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="evaluate.py", description=__doc__.split("\n\n")[0])
    top.add_argument("model", help="a run's directory, a checkpoint, or org/name on the Hub")
    top.add_argument(
        "--data", help="dataset or release, or org/name on the Hub; default: what the run was made with"
    )
    top.add_argument("--split", help="which split (default: test, or the run's own)")
    top.add_argument("--output", "-o", help="directory of the report (default: MODEL/report-<split>)")
    top.add_argument("--task", help="refuse a model of another task")
    top.add_argument("--name", help="config of the dataset"), top.add_argument("--revision")
    top.add_argument("--where", help="only these rows, as YAML: '{COLUMN: [NAME], OTHER: [60, 120]}'")
    top.add_argument("--train-split", default="train", help="what baselines learn from (default train)")
    top.add_argument("--no-baselines", action="store_true")
    top.add_argument("--batch-size", type=int, default=64)
    top.add_argument("--workers", type=int, default=0)
    top.add_argument("--device", help="such as cpu or cuda (default: cuda where there is one)")
    top.add_argument(
        "--bf16", action=argparse.BooleanOptionalAction, help="half precision (default: as the run was made)"
    )
    top.add_argument("--resamples", type=int, default=1000, help="of the bootstrap (default 1000)")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate as the command line says. Returns: exit status."""
    given = _parser().parse_args(arguments)
    return status_of(lambda: run(given), "nothing was written")


def find_model(where: str) -> str | Path:
    """Directory of a model: the best one of a run, or as given."""
    root = Path(where).expanduser()
    return root / "model" if (root / "model" / "config.json").exists() else where


def run(given: argparse.Namespace) -> None:
    """Evaluate.

    Raises: UsageError or RunError.
    """
    place = find_model(given.model)
    model = Model.from_pretrained(place)
    if given.task and model.task != given.task:
        raise UsageError(
            f"{given.model} is a model of task {model.task}, not {given.task}; name another model or task"
        )
    wrong = [f"--{name} is {value}; give {least} or more" for name, value, least in (
        ("batch-size", given.batch_size, 1), ("workers", given.workers, 0), ("resamples", given.resamples, 0),
    ) if value < least]  # fmt: skip
    raise_all(wrong)
    device = _device(given.device)
    made = _settings_of(given.model)
    source, where = None, given.where
    if given.data:
        source = sources.find(given.data, given.name, given.revision)
    elif made:
        data = made["data"]
        checked = validated(config.Data, data, "data", wrong)
        raise_all(wrong)
        source = corpora.ready(checked)
        where = data["where"] if where is None else where
        print(f"data of the run: {data['path']}" + (f", only {where}" if where else ""))
    else:
        raise UsageError("what to evaluate on is not known; give --data DATASET")
    split = given.split or (made["data"]["test"] if made and not given.data else None) or "test"
    parameters, learnt = any(target.kind in PARAMETERS for target in model.targets), where
    if parameters:  # of a part of the test rows a baseline must not know more than the model
        learnt = made["data"]["where"] if made else None
    rows = rows_for(model, source, split, where=where or None)
    # as the run's own report was made
    bf16 = bool(made and made["train"].get("bf16")) if given.bf16 is None else given.bf16
    dtype, data = torch.bfloat16 if bf16 else None, str(given.data or made["data"]["path"])
    table = predict(model.to(device), rows, given.batch_size, given.workers, device, dtype)
    table = with_facts(table, checkpoint=str(place), data=data, split=split)
    train_rows = validation_rows = None
    splits = source.splits
    if given.train_split not in splits and given.train_split != "train":
        raise UsageError(f"--train-split: there is no split {one_of(given.train_split, splits)}")
    if not given.no_baselines and given.train_split in splits and given.train_split != split:
        train_rows = rows_for(model, source, given.train_split, where=learnt or None)
        own = made["data"]["validation"] if made and not given.data else "validation"
        if parameters and own in splits and own not in (split, given.train_split):
            validation_rows = rows_for(model, source, own, where=learnt or None)
    output = Path(given.output or _beside(given.model, split)).expanduser()
    names, more = (given.train_split, split), {"validation_rows": validation_rows}
    print(report_on(model, table, rows, output, train_rows, names, given.resamples, **more))
    print(f"report: {output / 'report.html'}")


def _device(name: str | None) -> str:
    """The device asked for, or the best there is.

    Raises: UsageError when it is not there.
    """
    best = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name or best)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"--device {name!r} can't be used ({first_line(error)}); here there is {best}"
        ) from None
    return name or best


def _settings_of(where: str) -> dict[str, Any] | None:
    """Settings of the run that a model or checkpoint is of, or None."""
    for root in (Path(where), Path(where).parent):
        if (root / "settings.yaml").is_file():
            try:
                made = yaml.safe_load((root / "settings.yaml").read_text(encoding="utf-8"))
                return made if made["data"]["path"] and isinstance(made["train"], dict) else None
            except (OSError, yaml.YAMLError, KeyError, TypeError):
                return None
    return None


def _beside(where: str, split: str) -> Path:
    """A directory for the report: beside the model in its run, not inside what is published or resumed."""
    root = Path(where)
    if not root.is_dir():
        return Path(f"report-{split}")
    if (root.parent / "settings.yaml").is_file():
        return root.parent / f"report-{root.name}-{split}"
    return root / f"report-{split}"


def report_on(
    model: Any, table: Any, rows: Any, directory: str | Path, train_rows: Any = None,
    names: tuple[str, str] = ("train", "test"), resamples: int = 1000, quiet: bool = False,
    validation_rows: Any = None,
) -> str:  # fmt: skip
    """Write predictions and report.

    Args:
        table: predictions of ``rows``; train_rows: what baselines learn from, None for no baselines.
        names: of the two splits; validation_rows: what baselines choose by, or None.

    Returns: the result in a few lines.
    """
    found, told = [], []
    if train_rows is not None:
        reported = [target for target in model.targets if target.name in model.reported]
        timed = any(target.level == "frame" for target in reported)
        frames = (model.num_frames, model.frame_sec) if timed else (None, None)
        found = baselines(reported, train_rows, rows, 0, quiet, validation_rows, frames)
        told = checks(train_rows, rows, names)
    metrics = report.write(table, directory, found, told, resamples=resamples)
    with atomic_file(Path(directory) / "predictions.parquet") as file:
        pq.write_table(table, file)
    return report.summary(metrics)


if __name__ == "__main__":
    sys.exit(main())
