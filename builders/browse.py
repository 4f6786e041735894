"""The command ``sousa open``: a dataset or a release in a browser."""

import argparse
import os
import sys
import webbrowser
from collections.abc import Sequence
from typing import Any

from sousa.builders.api import PathLike
from sousa.builders.release import opened
from sousa.generation.browse.listing import Listing
from sousa.generation.browse.server import Browse
from sousa.generation.columns import AUDIO
from sousa.generation.console import Console
from sousa.generation.errors import UsageError, not_whole, raise_all
from sousa.generation.outside import expanded
from sousa.generation.preview import general
from sousa.generation.preview.source import Source
from sousa.generation.reopen import open_dataset

_EXAMPLES = """examples:
  sousa open DATASET
      a page with all rows, in the browser
  sousa open output/v1.0.0 --port 8000
      a release, always at http://127.0.0.1:8000/
  sousa open DATASET --no-browser
      say the address alone, as on a machine that is reached through ssh"""


def listing_of(directory: PathLike, plugins: Sequence[str] = ()) -> Listing:
    """The rows of a finished dataset or a release.

    Raises: UsageError or RunError when it is none, is not finished, or can't be used here.
    """
    root = expanded(directory)
    if not opened.is_release(root):
        stored = open_dataset(root, plugins=plugins)
        return Listing(Source.of(stored), stored.corpus)
    from sousa.builders.export.source import open_source

    rows, manifest = open_source(root, plugins), opened.read(root)
    facts = {
        "dataset": rows.storage.path().resolve().name, "data_version": rows.data_version,
        "size": f"release {manifest.version}", "num_rows": sum(shard["rows"] for shard in rows.shards),
        "with_audio": any(column.type == AUDIO for column in rows.columns),
    }  # fmt: skip
    page = general(rows.columns)
    again = "get the release again"
    return Listing(Source(rows.storage, rows.shards, rows.columns, page, facts, again), rows.corpus)


def command(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa open DIRECTORY``."""
    from sousa.builders.commands import plugins

    parser.epilog = _EXAMPLES
    add = parser.add_argument
    add("directory", help="a finished dataset or release")
    add("--port", type=int, default=0, metavar="N", help="port on this machine (default: a free one)")
    add("--no-browser", action="store_true", help="don't start a browser")
    plugins(parser)
    return _command


def _command(arguments: argparse.Namespace, console: Console) -> None:
    raise_all(not_whole("port", arguments.port, "0 to 65535", 0, 65535))
    listing = listing_of(arguments.directory, arguments.plugins)
    listing.table  # noqa: B018 - damage is reported before a browser is opened
    try:
        server = Browse(listing, arguments.directory, arguments.port)
    except OSError as error:
        why = f"port {arguments.port} can't be used ({error.strerror})"
        raise UsageError(f"{why}; give another one, or leave out --port for a free one") from None
    console.print(f"{arguments.directory} is at {server.address} until you press Ctrl-C")
    if not arguments.no_browser and _has_display():
        webbrowser.open(server.address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        console.say("closed")
    finally:
        server.server_close()


def _has_display() -> bool:
    """Whether a browser would be seen; elsewhere one in a terminal would take the place of the server."""
    displays = ("DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in displays)
