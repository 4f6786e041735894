"""From a command line to the one command it names.

A command is a function ``command(parser, argv)`` that adds its arguments and gives a function of the parsed
arguments and a :class:`sousa.generation.console.Console`, which does the work and returns an exit status or
None; each sub-command may set a default ``work`` in its place. One that sets the default ``rest``
(``parser.set_defaults(rest=[])``) finds there what its parser does not know; others are not called where
there is any. Only the command that is named is imported.
"""

import argparse
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from pkgutil import resolve_name
from typing import Any

from sousa.generation import corpora, ending, environment
from sousa.generation.console import Console
from sousa.generation.errors import SousaError, one_of, raise_all, told
from sousa.generation.text import visible


class _Parser(argparse.ArgumentParser):
    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message(_clipped(visible(message)), file)  # it quotes what was typed


def run(commands: Mapping[str, tuple[str, str]], argv: list[str], version: str, alone: bool = False) -> int:
    """Run a command line; returns the exit status.

    Args:
        commands: dict of name to ``module:function`` and help; corpora add their own.
        alone: this process is there for the command alone.
    """
    console = Console()
    try:
        environment.check()
        raise_all(
            f"{word!r} is not text in UTF-8 (it has other bytes); rename it, or name another one"
            for word in argv
            if not _is_text(word)
        )
        known = dict(commands)
        for corpus in corpora.every():  # of two commands of one name the first
            known |= {name: entry for name, entry in corpus.commands.items() if name not in known}
        return _run(known, argv, version, alone)
    except SousaError as error:
        if ending.STOPPED.is_set():
            raise KeyboardInterrupt from None
        console.warn(_clipped(f"sousa: {error}"))
        return error.exit_status
    except MemoryError:
        console.warn("sousa: not enough memory; ask for less at once: fewer workers, or shorter rows")
        return 1
    except (OSError, UnicodeError) as error:
        # whatever the system refuses and nobody nearer to it has explained
        console.warn(f"sousa: {told(error)}")
        return 1


def _clipped(text: str) -> str:
    """A text without the rest of words that are longer than any that is of use."""
    return re.sub(r"\S{1000,}", lambda match: f"{match[0][:100]}…", text)


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _run(commands: Mapping[str, tuple[str, str]], argv: list[str], version: str, alone: bool) -> int:
    about = "Labelled music audio: made, packaged, published."
    top = _Parser(prog="sousa", description=about)
    top.add_argument("--version", action="version", version=f"sousa {version}")
    choices = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    named = next((word for word in argv if not word.startswith("-")), None)
    kind = argparse.RawDescriptionHelpFormatter
    for name, (place, about) in commands.items():
        parser = choices.add_parser(name, help=about.replace("%", "%%"), formatter_class=kind)
        if name == named:
            parser.set_defaults(work=resolve_name(place)(parser, argv))
    arguments, rest = top.parse_known_args(argv)
    if not hasattr(arguments, "rest"):
        raise_all(unknown(rest, _innermost(top, argv)))
    arguments.rest = rest
    if alone and hasattr(arguments, "workers"):  # it works on rows
        from sousa.generation import lean

        lean.give_memory_back()
    return arguments.work(arguments, Console(getattr(arguments, "quiet", False))) or 0


def _innermost(parser: argparse.ArgumentParser, argv: list[str]) -> argparse.ArgumentParser:
    for word in argv:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parser = action.choices.get(word, parser)
    return parser


def unknown(
    words: list[str], parser: argparse.ArgumentParser, hint: Callable[[str], str] = lambda word: ""
) -> list[str]:
    """A sentence for each word of a command line that its parser does not know.

    Args:
        words: in order; one after an option is the option's value.
        hint: what to say of one in place of what there is to choose from; empty for nothing.
    """
    flags = [flag for flag in parser._option_string_actions if flag.startswith("--")]
    problems = []
    for before, word in pairwise(["", *words]):
        flag = word.partition("=")[0]
        if word.startswith("-"):
            problems.append(f"unknown option {one_of(flag, flags, hint(flag))}")
        elif not before.startswith("-"):
            problems.append(f"unrecognized argument {word!r}{hint(word)}")
    return problems


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
