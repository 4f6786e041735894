"""How the help of commands looks.

Conventions: a description and the examples at the end keep their lines. The first line of a command with many
options names only what has to be given. ``sousa --help`` lists commands under HEADINGS.
"""

import argparse
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sousa.generation import corpora
from sousa.generation.text import visible

HEADINGS = (
    "make data", "look and check", "give to others", "sounds and instruments", "captions and search",
    "models", "more commands",
)  # fmt: skip
_FEW = 5  # options that the first line of help names
_END = """examples:
  sousa generate --size small
      make a small dataset in DATASET
  sousa preview DATASET
      make a page to look at its rows and hear them
  sousa export DATASET --to csv -o output/csv
      write its rows as files, with a table of them

'sousa COMMAND --help' shows the options of a command and examples.
Documentation: README.md and docs/"""


class Help(argparse.RawDescriptionHelpFormatter):
    """Help as above."""

    def add_usage(
        self, usage: str | None, actions: Iterable[Any], groups: Iterable[Any], prefix: str | None = None
    ) -> None:
        """Add the first line."""
        actions = list(actions)
        left_out = [action for action in actions if action.option_strings and not action.required]
        if usage is None and len(left_out) > _FEW:
            actions = [action for action in actions if action not in left_out]
            actions.insert(0, argparse.Action(["options"], "options", nargs=0))
        super().add_usage(usage, actions, groups, prefix)


class Parser(argparse.ArgumentParser):
    """A parser with such help, that shows nothing which a terminal would obey."""

    def __init__(self, *arguments: Any, **more: Any):
        super().__init__(*arguments, **{"formatter_class": Help, **more})

    def format_help(self) -> str:
        """Help; DATASET in its examples stands for the directory that 'sousa generate' makes by default."""
        epilog = self.epilog
        self.epilog = epilog and epilog.replace("DATASET", corpora.place_of(corpora.DEFAULT))
        try:
            return super().format_help()
        finally:
            self.epilog = epilog

    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message(clipped(visible(message)), file)  # it quotes what was typed


def clipped(text: str) -> str:
    """A text without the rest of words that are longer than any that is of use."""
    return re.sub(r"\S{1000,}", lambda match: f"{match[0][:100]}…", text)


def heading_of(entry: tuple[str, ...]) -> str:
    """The heading that a command is listed under."""
    return entry[2] if len(entry) > 2 else HEADINGS[-1]


def overview(commands: Mapping[str, tuple[str, ...]]) -> str:
    """All commands under their headings, examples, and where to read on.

    Args:
        commands: dict of name to ``module:function``, help and heading, in the order of each list.
    """
    headings = dict.fromkeys([*HEADINGS[:-1], *map(heading_of, commands.values()), HEADINGS[-1]])
    width = max(map(len, commands)) + 2
    blocks = []
    for heading in headings:
        lines = [
            f"  {name:<{width}}{entry[1]}" for name, entry in commands.items() if heading_of(entry) == heading
        ]
        if lines:
            blocks.append("\n".join([f"{heading}:", *lines]))
    return "\n\n".join([*blocks, _END])
