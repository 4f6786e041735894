"""Completion of the command line by a shell: what is put into its start file, and what it is answered.

Conventions: argcomplete's protocol. A shell runs ``sousa`` with ``_ARGCOMPLETE`` in the environment and the
line so far in ``COMP_LINE``; only then is argcomplete imported.
"""

import argparse
import os
import shlex
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sousa.generation.console import Console
from sousa.generation.errors import SousaError

SHELLS = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/config.fish"}
_EXAMPLES = """examples:
  sousa completion bash >> ~/.bashrc
      complete in every bash that is started from now on
  sousa completion zsh >> ~/.zshrc
      the same for zsh, after the line that runs compinit
  sousa completion fish > ~/.config/fish/completions/sousa.fish
      the same for fish"""


def command(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa completion SHELL``."""
    parser.description = (
        "Print what completes commands and options of sousa by the tab key; add it to the start file of your "
        "shell."
    )
    parser.epilog = _EXAMPLES
    parser.add_argument("shell", metavar="SHELL", choices=list(SHELLS), help=f"one of {', '.join(SHELLS)}")
    return _completion


def _completion(arguments: argparse.Namespace, console: Console) -> None:
    import argcomplete

    console.print(argcomplete.shellcode(["sousa"], shell=arguments.shell).strip())


def answer(parser_of: Callable[[list[str]], argparse.ArgumentParser]) -> int:
    """Write what may come next to where the shell reads it.

    Args:
        parser_of: gives the parser of a command line; it may add words to it that are understood.

    Returns: 1, where there is nothing to say; otherwise the process ends.
    """
    import argcomplete

    line, point = os.environ.get("COMP_LINE", ""), os.environ.get("COMP_POINT", "")
    with suppress(SousaError, SystemExit, ValueError):  # of a line that is not right yet
        quote, prefix, _, words, _ = argcomplete.split_line(line, int(point) if point else None)
        start = int(os.environ["_ARGCOMPLETE"])
        typed = [*words[start:], *[prefix] * prefix.startswith("-")]
        argv = list(typed)
        parser = parser_of(argv)
        if argv != typed and argv[-1] == typed[-1]:
            before = argv[:-1] if prefix.startswith("-") else argv
            line = f"{shlex.join([*words[:start], *before])} {quote}{prefix}"
            os.environ |= {"COMP_LINE": line, "COMP_POINT": str(len(line))}
        argcomplete.autocomplete(parser, always_complete_options="long", print_suppressed=True)
    return 1
