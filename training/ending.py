"""How the programs of training end: with a status, and what went wrong as one sentence."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sousa.generation import ending, environment
from sousa.generation.console import Console
from sousa.generation.errors import RunError, SousaError, first_line

_CONSOLE = Console()


def status_of(work: Callable[[], Any], interrupted: str, alone: bool) -> int:
    """Exit status of a program; ``interrupted``: what to say when the user stops it.

    Args:
        alone: see :func:`sousa.generation.ending.run`.
    """
    return ending.run(lambda: _status(work), f"interrupted; {interrupted}", alone)


def _status(work: Callable[[], Any]) -> int:
    rank = 0
    try:
        rank = environment.rank()
        environment.check()
        work()
    except SousaError as error:
        # what is wrong with the request is wrong everywhere; what goes wrong later may be one rank's
        if rank == 0 or isinstance(error, RunError):
            bar = "\n" if isinstance(error, RunError) and sys.stderr.isatty() else ""
            who = "" if rank == 0 else f"rank {rank}: "
            _CONSOLE.warn(f"{bar}{who}{error}")
        return error.exit_status
    except OSError as error:
        what = error.strerror or first_line(error)
        _CONSOLE.warn(f"{error.filename or 'writing'}: {what}; what was finished before is kept")
        return 1
    return 0


def run_example(main: Callable[[str], None], usage: str | None) -> None:
    """Run an example on the dataset that the command line names; exit with what is wrong, or ``usage``."""
    if len(sys.argv) != 2:
        sys.exit(usage)
    try:
        main(sys.argv[1])
    except SousaError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
