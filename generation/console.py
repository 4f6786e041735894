"""What the commands say: results, remarks and progress."""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

from sousa.generation.ending import Forgiving
from sousa.generation.text import visible


@dataclass(frozen=True)
class Console:
    """Where lines go; ``quiet`` leaves out all but what was asked for, and errors."""

    quiet: bool = False

    def print(self, text: str) -> None:
        """A line of the result."""
        _line(text, sys.stdout)

    def tell(self, text: str) -> None:
        """A line of the result that a quiet command leaves out."""
        if not self.quiet:
            self.print(text)

    def say(self, text: str) -> None:
        """A remark on what goes on, left out by a quiet command."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """A sentence that is always said."""
        _line(text, sys.stderr)

    @contextmanager
    def progress(self, title: str, total: float | None, **look: Any) -> Iterator[Any]:
        """A progress bar; gives a function that takes numbers of what was done."""
        if self.quiet:
            yield lambda done=1: None
            return
        from tqdm import tqdm

        look = {"unit": " rows", "mininterval": 0.5, "smoothing": 0.1, "file": Forgiving(sys.stderr)} | look
        with tqdm(total=total, desc=visible(title), **look) as bar:
            yield bar.update

    def hearing(self, title: str, seconds: float) -> AbstractContextManager[Any]:
        """A progress bar over the seconds of a recording."""
        look = "{desc}: {percentage:3.0f}% of {total:.0f} s [{elapsed}<{remaining}]"
        return self.progress(title, seconds, unit=" s", bar_format=look)


SILENT = Console(quiet=True)
silent = SILENT.progress


def _line(text: str, stream: TextIO) -> None:
    """Print; a reader that has gone away, or a full disk behind it, does not change the result."""
    try:
        print(visible(text), file=stream, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
