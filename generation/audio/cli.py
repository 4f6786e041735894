"""The ``sousa banks``, ``soundfonts`` and ``acoustics`` commands: their arguments, and who does the work."""

import argparse
from typing import Any

from sousa.generation import commandline
from sousa.generation.errors import UsageError


def banks(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa banks list|build|play``."""
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="verb")
    verbs.add_parser("list", help="all banks with source and licence")
    sub = verbs.add_parser("build", help="cut banks out of a soundfont")
    sub.add_argument("font", help=".sf2 or .sf3 file, a directory of them, or a key of 'soundfonts list'")
    sub.add_argument("--kits", metavar="PROGRAM:KEY,...", help="only these (default: every distinct snare)")
    sub.add_argument("--output", "-o", help="directory (default: this user's cache)")
    sub.add_argument("--licence", metavar="SPDX", help="identifier of the font's licence, such as MIT")
    sub.add_argument("--character", metavar="NAME", help="make practice_pad or marching drums of them")
    sub = verbs.add_parser("play", help="write strokes of a bank to a sound file")
    sub.add_argument("bank")
    sub.add_argument("output", help=".wav or .flac")
    sub.add_argument(
        "--velocities", default="20,40,60,80,100,120", help="MIDI velocities (default: %(default)s)"
    )
    sub.add_argument("--articulation", default="centre", help="where it is struck (default: %(default)s)")
    return _banks


def _banks(arguments: argparse.Namespace, console: Any) -> None:
    from sousa.generation.audio import commands

    if arguments.verb == "list":
        commands.list_banks(console.print)
    elif arguments.verb == "build":
        commands.build(
            arguments.font, arguments.kits, arguments.output, arguments.licence, arguments.character,
            console.print,
        )  # fmt: skip
    else:
        try:
            velocities = [int(text) for text in arguments.velocities.split(",")]
        except ValueError:
            raise UsageError(f"--velocities is {arguments.velocities!r}; write numbers with commas") from None
        commands.play(arguments.bank, arguments.output, velocities, arguments.articulation)
        console.print(arguments.output)


def soundfonts(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa soundfonts list|install``."""
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="verb")
    verbs.add_parser("list", help="known fonts with licence, and whether they are on this machine")
    sub = verbs.add_parser("install", help="put known fonts on this machine, verified by their SHA-256")
    sub.add_argument("keys", nargs="+", metavar="KEY", help="as 'sousa soundfonts list' shows them")
    sub.add_argument("--from", dest="source", metavar="PATH", help="font, .deb or directory of them to take")
    sub.add_argument("--output", "-o", help="directory (default: this user's cache)")
    sub.add_argument("--address", metavar="URL", help="fetch the package from here, such as a mirror")
    commandline.quiet(sub)
    return _soundfonts


def _soundfonts(arguments: argparse.Namespace, console: Any) -> None:
    from functools import partial

    from sousa.generation.audio import font_commands

    if arguments.verb == "list":
        font_commands.list_fonts(console.print)
    else:
        font_commands.install(
            arguments.keys, arguments.output, arguments.source, arguments.address, console.tell, console.say,
            partial(console.progress, unit="B", unit_scale=True),
        )  # fmt: skip


def acoustics(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa acoustics``."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="acoustics; all by default")
    parser.add_argument("--build-rooms", metavar="DIR", help="make the impulse responses again, into DIR")
    return _acoustics


def _acoustics(arguments: argparse.Namespace, console: Any) -> None:
    from sousa.generation.audio import commands

    commands.acoustics(arguments.names, arguments.build_rooms, console.print)
