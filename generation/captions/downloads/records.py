"""What a run remembers of a corpus's folder, so that the next one does only what is left.

Conventions: a line of JSON a file that was found whole, with its size and the time of its last change: while
these are as they were, it is not read again. Of an archive that was unpacked, a file of its own lists what
was in it, since the archive is removed.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sousa.generation.captions.downloads.names import matches
from sousa.generation.outside import MANIFEST_BYTES, read_json
from sousa.generation.storage import LocalStorage, write_json

FILE = ".fetched.jsonl"


class Record:
    """What is known of the folder of a corpus; ``root`` need not be there."""

    def __init__(self, root: Path):
        self.root, self._storage = root, LocalStorage(str(root))
        self._lines: dict[str, list[Any]] = {}
        for line in self._storage.lines(FILE):
            with suppress(ValueError, TypeError):  # one that was cut short by the end of a run
                path, *rest = json.loads(line)
                self._lines[path] = rest

    def is_ours(self, path: str) -> bool:
        """Whether a file is as it was when it was found whole."""
        try:
            return self._lines.get(path, [None])[:-1] == self._look(path)
        except OSError:
            return False

    def is_whole(self, path: str, digest: str | None) -> bool:
        """Whether it is, and that was with this checksum."""
        return self.is_ours(path) and self._lines[path][-1] == digest

    def matching(self, pattern: str) -> list[int]:
        """Sizes of the files that are there and whole, of those whose paths fit a pattern."""
        paths = [path for path in self._lines if matches(path, pattern)]
        return [self._lines[path][0] for path in paths if self.is_ours(path)]

    def add(self, path: str, digest: str | None) -> None:
        """Remember a file as whole."""
        self._lines[path] = [*self._look(path), digest]
        self._storage.append(FILE, json.dumps([path, *self._lines[path]]))

    def _look(self, path: str) -> list[int]:
        status = os.stat(self.root / path)
        return [status.st_size, status.st_mtime_ns]

    def is_unpacked(self, archive: str, digest: str | None) -> bool:
        """Whether everything that was in an archive is there, by its size."""
        try:
            kept = read_json(self._unpacked(archive), MANIFEST_BYTES)
            return kept["digest"] == digest and all(
                os.stat(self.root / name).st_size == size for name, size in kept["files"]
            )
        except (OSError, ValueError, TypeError, KeyError):
            return False

    def add_unpacked(self, archive: str, digest: str | None, files: list[tuple[str, int]]) -> None:
        """Remember an archive as unpacked: paths and sizes of what was in it."""
        os.sync()  # files of archives are many: they are made to last together
        write_json(self._unpacked(archive), {"digest": digest, "files": files})

    def _unpacked(self, archive: str) -> Path:
        path = self.root / archive
        return path.with_name(f".{path.name}.unpacked.json")
