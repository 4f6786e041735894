"""The command ``sousa export``."""

import argparse
import time
from typing import Any

from sousa.builders import api, export
from sousa.builders.commands import add_where, call, conditions, plugins
from sousa.generation.columns import SPLITS
from sousa.generation.commandline import quiet, workers
from sousa.generation.console import Console

_EXAMPLES = """examples:
  sousa export DATASET --to csv -o output/csv
      index.csv, and every row's audio and MIDI as files
  sousa export output/v1.0.0 --to jams -o output/jams --split test
      a JAMS file for each test row of a release
  sousa export DATASET --to audiofolder -o output/folder
      datasets.load_dataset("audiofolder", data_dir="output/folder") reads it"""


def command(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa export DIRECTORY --to FORMAT -o OUTPUT``."""
    known = export.every()
    formats = "\n".join(f"  {name:<12} {about}" for name, (_, about) in known.items())
    parser.description = f"Write rows as files for other tools.\n\nformats:\n{formats}"
    parser.epilog = _EXAMPLES
    add = parser.add_argument
    add("directory", help="a finished dataset or release")
    to: Any = add("--to", required=True, metavar="FORMAT", help=f"one of {', '.join(known)}")
    to.completer = lambda **_: list(known)
    add("--output", "-o", required=True, metavar="DIR", help="directory of the export, empty or new")
    split: Any = add("--split", metavar="SPLIT", help=f"only rows of {', '.join(SPLITS)} (default: all)")
    split.completer = lambda **_: list(SPLITS)
    add_where(parser)
    fill = "whole number to write where a number does not apply (default: null, which scikit-learn refuses)"
    add("--fill-null", type=int, metavar="VALUE", help=fill)
    workers(parser)
    quiet(parser)
    plugins(parser)
    parser.set_defaults(rest=[])
    return _export


def _export(arguments: argparse.Namespace, console: Console) -> None:
    begin, where = time.perf_counter(), conditions(arguments)
    summary = call(api.export, arguments, console, where=where)
    console.tell(
        f"{summary['rows']:,} rows, {summary['files']:,} files, {summary['bytes'] / 1e6:,.1f} MB in "
        f"{arguments.output} ({time.perf_counter() - begin:.0f} s)"
    )
    for note in summary["notes"]:
        console.tell(f"  {note}")
    console.tell(f"load it with: {summary['load']}")
