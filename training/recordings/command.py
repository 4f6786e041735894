"""What ``training/evaluate.py MODEL --recordings DIRECTORY`` does."""

import csv
import io
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import torch

from sousa.generation.commandline import names
from sousa.generation.console import Console
from sousa.generation.errors import UsageError
from sousa.generation.storage import atomic_file, write_json
from sousa.training.models.model import Model
from sousa.training.recordings.detectors import Detector, baselines, detector
from sousa.training.recordings.layouts import LAYOUTS
from sousa.training.recordings.reading import read
from sousa.training.recordings.scoring import evaluate, summary


def add_options(parser: ArgumentParser) -> None:
    """Add the options of recordings to a parser."""
    group = parser.add_argument_group("real recordings with annotated onsets, in place of a dataset")
    add = group.add_argument
    add("--recordings", metavar="DIR", help="directory of MDB Drums, IDMT-SMT-Drums, Groove or E-GMD, "
        "ENST-Drums, or of your own sounds with a text file of onsets each")  # fmt: skip
    add("--layout", default="auto", help=f"auto (default), {', '.join(LAYOUTS)}")
    add("--instruments", default="snare", help="whose onsets, with commas between, or all (default: snare)")


def run(model: Model, options: Namespace, device: str, dtype: torch.dtype | None, output: Path) -> None:
    """Score a model and the baselines, print the scores, write ``recordings.json`` and ``recordings.csv``."""
    of_datasets = ("data", "where", "name", "revision", "workers")
    if flags := [f"--{name}" for name in of_datasets if getattr(options, name)]:
        raise UsageError(f"--recordings reads no dataset; leave {', '.join(flags)} out")
    instruments = None if options.instruments == "all" else names(options.instruments)
    recordings = read(options.recordings, options.layout, instruments, options.split)
    detectors: dict[str, Detector] = {"model": detector(model, device, options.batch_size, dtype)}
    if not options.no_baselines:
        detectors |= baselines()
    results = {
        name: evaluate(recordings, detect, resamples=options.resamples) for name, detect in detectors.items()
    }
    write_json(output / "recordings.json", results)
    with atomic_file(output / "recordings.csv") as file:
        file.write(_table(results).encode())
    Console().print(summary(results))
    Console().print(f"scores of every recording: {output / 'recordings.csv'}")


def _table(results: dict[str, dict[str, Any]]) -> str:
    """A line for each detector, recording and window, as CSV."""
    out = io.StringIO()
    facts = ("path", "version", "split", "has_other_drums", "num_onsets", "num_predicted")
    scores = ("f1", "precision", "recall")
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("detector", *facts, "window_sec", *scores))
    for name, result in results.items():
        for row in result["recordings"]:
            for window, values in row["windows"].items():
                table.writerow((name, *(row[key] for key in facts), window, *(values[key] for key in scores)))
    return out.getvalue()
