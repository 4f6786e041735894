"""A folder for files that a run needs while it lasts; what a killed one has left, the next one removes."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sousa.generation.environment import cache
from sousa.generation.storage import explained

LOCK = ".lock"  # ends the names of files by which an index is held
_PREFIX, _KEPT_SEC = "work-", 7 * 86_400


def folder() -> Path:
    """Where all that is kept of captioned corpora lies, in this user's cache."""
    return cache() / "captions"


@contextmanager
def workspace() -> Iterator[Path]:
    """A new folder, removed at the end."""
    with explained(folder()):
        folder().mkdir(parents=True, exist_ok=True)
        for old in folder().glob(f"{_PREFIX}*"):
            with suppress(OSError):
                _remove_unused(old)
        for index in folder().glob("?" * 64 + "*"):  # of a run that was not finished, and its lock
            with suppress(OSError):
                if time.time() - index.stat().st_mtime > _KEPT_SEC:
                    index.unlink() if index.name.endswith(LOCK) else shutil.rmtree(index)
        path = tempfile.mkdtemp(prefix=_PREFIX, dir=folder())
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield Path(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(handle)


def _remove_unused(path: Path) -> None:
    """Remove a folder that no running process holds."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path)
    finally:
        os.close(handle)
