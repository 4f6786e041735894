"""Calls that go to other processes and machines: what all of them share is sent once.

Conventions: an object that is the same argument of all tasks, such as a large configuration, is *shared*; the
rest of a task is its *own*. An argument may say what a machine needs besides the package: its attribute
``files`` is a tuple of absolute paths, files and folders, which lie at the same place there.
"""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sousa.generation import PACKAGE_VERSION
from sousa.generation.errors import RunError
from sousa.generation.storage import atomic_file

_PACKAGE = Path(__file__).parents[1]  # whose data every machine has


def parted(tasks: Sequence[tuple]) -> tuple[dict[int, Any], list[tuple]]:
    """``(shared arguments by their place, own arguments of each task)``."""
    if not tasks:
        return {}, []
    shared = {i: part for i, part in enumerate(tasks[0]) if all(task[i] is part for task in tasks)}
    return shared, [tuple(part for i, part in enumerate(task) if i not in shared) for task in tasks]


def joined(shared: dict[int, Any], own: tuple) -> tuple:
    """The arguments of a task."""
    rest = iter(own)
    return tuple(shared[i] if i in shared else next(rest) for i in range(len(shared) + len(own)))


def files_of(shared: dict[int, Any]) -> Iterator[Path]:
    """Files that shared arguments need and the package does not have, those in folders too."""
    for part in shared.values():
        for place in getattr(part, "files", ()):
            path = Path(place)
            if path.is_relative_to(_PACKAGE):
                continue
            yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def put_files(files: dict[str, bytes]) -> None:
    """Write files that are not there, by their absolute paths; raises RunError."""
    for path, content in files.items():
        if not os.path.exists(path):
            with atomic_file(path) as file:
                file.write(content)


@dataclass(frozen=True)
class Call:
    """A call on another machine, without a task's own arguments.

    Attributes:
        function: module-level.
        shared: its arguments that all tasks share, by their place.
        version: of the package that sends it.
    """

    function: Callable
    shared: dict[int, Any] = field(default_factory=dict)
    version: str = PACKAGE_VERSION

    def __call__(self, own: tuple) -> Any:
        """Do a task; raises RunError where this machine would make something else."""
        if self.version != PACKAGE_VERSION:
            raise RunError(
                f"{socket.gethostname()} has sousa {PACKAGE_VERSION}, and {self.version} sends the tasks; "
                "install the same version on every machine"
            )
        if not _draws_the_same():
            raise RunError(
                f"NumPy draws other numbers on {socket.gethostname()} than where published corpora were "
                "made; install the versions of constraints.txt on every machine"
            )
        return self.function(*joined(self.shared, own))


@cache
def _draws_the_same() -> bool:
    from sousa.generation import seeds

    return seeds.self_check()
