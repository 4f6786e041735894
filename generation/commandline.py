"""From a command line to the one command it names.

A command is a function ``command(parser, argv)`` that adds its arguments and gives a function of the parsed
arguments and a :class:`sousa.generation.console.Console`, which does the work and returns an exit status or
None. Only the command that is named is imported.
"""

import argparse
from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import Any

from sousa.generation import corpora
from sousa.generation.console import Console
from sousa.generation.errors import SousaError


def run(commands: Mapping[str, tuple[str, str]], argv: list[str], version: str) -> int:
    """Run a command line; returns the exit status.

    Args:
        commands: dict of name to ``module:function`` and help; corpora add their own.
    """
    console = Console()
    try:
        others = {name: entry for corpus in corpora.every() for name, entry in corpus.commands.items()}
        return _run({**commands, **others, **commands}, argv, version)
    except SousaError as error:
        console.warn(f"sousa: {error}")
        return error.exit_status
    except KeyboardInterrupt:
        console.warn("\nsousa: stopped; run the same command again to go on")
        return 130
    except (OSError, UnicodeError, MemoryError) as error:
        # whatever the system refuses and nobody nearer to it has explained
        console.warn(f"sousa: {error or type(error).__name__}")
        return 1


def _run(commands: Mapping[str, tuple[str, str]], argv: list[str], version: str) -> int:
    about = "Labelled music audio: made, packaged, published."
    top = argparse.ArgumentParser(prog="sousa", description=about)
    top.add_argument("--version", action="version", version=f"sousa {version}")
    choices = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    named = next((word for word in argv if not word.startswith("-")), None)
    work: Callable[..., Any] | None = None
    for name, (place, about) in commands.items():
        parser = choices.add_parser(name, help=about, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name == named:
            work = resolve_name(place)(parser, argv)
    arguments, rest = top.parse_known_args(argv)
    if rest and not hasattr(work, "takes_rest"):
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    assert work is not None  # argparse has refused what names no command
    console = Console(getattr(arguments, "quiet", False))
    return work(arguments, console, *([rest] if rest else [])) or 0


def names(text: str | None) -> list[str] | None:
    """A list separated by commas, or None."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def quiet(parser: argparse.ArgumentParser, about: str = "say nothing but errors") -> None:
    """Add ``--quiet``."""
    parser.add_argument("--quiet", "-q", action="store_true", help=about)


def workers(parser: argparse.ArgumentParser) -> None:
    """Add ``--workers``."""
    parser.add_argument(
        "--workers", "-w", type=int, default=0, metavar="N", help="processes; 0 is one a core (default: 0)"
    )


def workers_problem(count: int) -> list[str]:
    """What is wrong with ``--workers``: a list of no or one sentence."""
    return [] if count >= 0 else [f"--workers is {count}; give 0 (one a core) or more"]
