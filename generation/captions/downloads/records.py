"""What a run remembers of a corpus's folder, so that the next one does only what is left.

Conventions: a line of JSON a file that was found whole, with its size and the time of its last change: while
these are as they were, it is not read again. Of an archive that was unpacked, a file of its own lists what
was in it, since the archive is removed.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sousa.generation.captions.downloads.names import matches
from sousa.generation.outside import MANIFEST_BYTES, is_directory, parse_json, read_json
from sousa.generation.storage import LocalStorage, write_json

FILE = ".fetched.jsonl"


class Record:
    """What is known of the folder of a corpus; ``root`` need not be there."""

    def __init__(self, root: Path):
        self.root, self._storage = root, LocalStorage(str(root))
        self._lines: dict[str, list[Any]] = {}
        self._whole: set[tuple[str, str | None]] = set()
        for line in self._storage.lines(FILE) if is_directory(root) else []:
            with suppress(ValueError, TypeError):  # one that was cut short by the end of a run
                path, size, changed, digest = parse_json(line)
                self._lines[str(path)] = [size, changed, digest]

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

    def lost_bytes(self, archive: str, digest: str | None) -> int | None:
        """Bytes of what was in an archive and is not there any more; None for one that was not unpacked."""
        about = self._about(archive)
        if about is None or about["digest"] != digest:
            return None
        return sum(max(size, 1) for name, size in about["files"].items() if not self._has(name, size))

    def unpacked_before(self, archive: str) -> Callable[[Path], bool]:
        """Whether a file is one that an archive was unpacked into before."""
        known = (self._about(archive) or {}).get("files", {})
        return lambda path: path.relative_to(self.root).as_posix() in known

    def is_unpacked(self, archive: str, digest: str | None) -> bool:
        """Whether everything that was in an archive is there, by its size."""
        if (archive, digest) not in self._whole and self.lost_bytes(archive, digest) == 0:
            self._whole.add((archive, digest))  # asked for several times, and files may be 100,000
        return (archive, digest) in self._whole

    def _has(self, path: str, size: int) -> bool:
        try:
            return os.stat(self.root / path).st_size == size
        except OSError:
            return False

    def add_unpacked(
        self, archive: str, digest: str | None, files: list[tuple[str, int]], kept: bool = False
    ) -> None:
        """Remember an archive as unpacked: paths and sizes of what was in it, and whether it stays."""
        os.sync()  # files of archives are many: they are made to last together
        write_json(self._unpacked(archive), {"digest": digest, "files": files, "kept": kept})

    def is_left_over(self, archive: str) -> bool:
        """Whether an archive that was unpacked, and was to be removed then, is still there."""
        return self.is_ours(archive) and (self._about(archive) or {}).get("kept") is False

    def _about(self, archive: str) -> dict[str, Any] | None:
        """What is remembered of an archive that was unpacked, with sizes of its files by path; else None."""
        try:
            about = read_json(self._unpacked(archive), MANIFEST_BYTES)
            files = {str(name): int(size) for name, size in about["files"]}
            return {"digest": about["digest"], "files": files, "kept": about.get("kept")}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def _unpacked(self, archive: str) -> Path:
        path = self.root / archive
        return path.with_name(f".{path.name}.unpacked.json")
