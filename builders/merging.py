"""The command ``sousa merge``."""

import argparse
import time
from typing import Any

from sousa.builders import api
from sousa.builders.commands import call, plugins
from sousa.generation.commandline import quiet, workers
from sousa.generation.console import Console
from sousa.generation.text import uses

_EXAMPLES = """examples:
  sousa merge output/made
      finish what runs with --shards have made there
  sousa merge /disk1/made /disk2/made -o output/made
      copy what lies on two disks into one directory, and finish it
  sousa merge output/made --files
      also write each row's audio and MIDI as files"""


def command(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa merge DIRECTORY ...``."""
    parser.epilog = _EXAMPLES
    add = parser.add_argument
    add("directories", nargs="+", metavar="DIR", help="a directory that 'sousa generate --shards' has used")
    add(
        "--output",
        "-o",
        metavar="DIR",
        help="directory of the whole dataset (default: the one named)",
    )
    add("--files", action="store_true", help="also write each row's audio and MIDI as files")
    add("--skip-validation", action="store_true", help="don't check the dataset at the end")
    workers(parser)
    quiet(parser)
    plugins(parser)
    return _merge


def _merge(arguments: argparse.Namespace, console: Console) -> None:
    begin, failed = time.perf_counter(), None
    try:
        stored = call(api.merge, arguments, console, check=not arguments.skip_validation)
    except api.InvalidDatasetError as error:
        failed, stored = error, error.stored
    size = sum(record["bytes"] for record in stored.records) / 1e6
    root = stored.storage.root
    console.tell(
        f"{stored.manifest['num_rows']:,} rows, {size:,.0f} MB in {root} "
        f"({time.perf_counter() - begin:.0f} s)\n"
        f"{uses(root)}"
    )
    if failed:
        raise failed
