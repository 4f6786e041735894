"""One published file, brought to its place: whole, checked, and unpacked where it is an archive."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sousa.generation.audio import download
from sousa.generation.captions.downloads import archives
from sousa.generation.captions.downloads.digests import digest_of
from sousa.generation.captions.downloads.records import Record
from sousa.generation.corpus import Say
from sousa.generation.errors import RunError, UsageError, told
from sousa.generation.storage import LocalStorage, explained

TRIES = 10
_MORE = 64 << 20  # bytes beyond twice those that the catalogue estimates
_LARGE = 64 << 20  # bytes of a file whose checking is shown


@dataclass(frozen=True)
class File:
    """A file that is to be in the folder of a corpus.

    Attributes:
        path: in that folder.
        address: where it is published.
        bytes: of it, exact or estimated.
        exact: whether they are.
        digest: its checksum, None where nobody states one.
        unpack: folder into which it is unpacked, None for no archive.
        content: bytes of what is in it, estimated.
    """

    path: str
    address: str
    bytes: int
    exact: bool = False
    digest: str | None = None
    unpack: str | None = None
    content: int = 0

    def is_done(self, record: Record) -> bool:
        """Whether there is nothing left to do for it, as far as is remembered."""
        if self.unpack is not None and record.is_unpacked(self.path, self.digest):
            return True
        return self.unpack is None and record.is_whole(self.path, self.digest)

    def left_bytes(self, record: Record) -> int:
        """Bytes that are still to come."""
        if self.is_done(record) or record.is_whole(self.path, self.digest):
            return 0
        part = _part(record.root / self.path)
        return max(self.bytes - (part.stat().st_size if part.is_file() else 0), 0)

    def content_bytes(self, record: Record) -> int:
        """Bytes that unpacking it will take; 0 for an archive that is there, which is looked at itself."""
        if self.unpack is None or record.is_whole(self.path, self.digest):
            return 0
        lost = record.lost_bytes(self.path, self.digest)
        return self.content if lost is None else lost


def bring(file: File, record: Record, say: Say, progress: Any, keep: bool = False) -> None:
    """Do what is left to do for a file.

    Args:
        file: what is to be there.
        record: of the folder of its corpus.
        say: called with a line of text for each remark.
        progress: see ``audio.download.fetch``.
        keep: leave an archive where it is when it is unpacked.

    Raises: UsageError where another file is in its place; RunError when it can't be had, or is not what was
        published.
    """
    if file.is_done(record):
        if file.unpack is not None and record.is_left_over(file.path):  # of a run that ended just before
            (record.root / file.path).unlink()
        return
    if not record.is_whole(file.path, file.digest):
        _have(file, record, say, progress)
    if file.unpack is None:
        return
    archive = record.root / file.path
    try:
        ours = record.unpacked_before(file.path)
        names = archives.unpack(archive, record.root / file.unpack, progress, ours)
    except RunError:
        if file.digest is None:  # perhaps it came damaged
            archive.unlink(missing_ok=True)
        raise
    prefix = "" if file.unpack == "." else f"{file.unpack}/"
    with explained(archive):
        files = [(f"{prefix}{name}", size) for name, size in names]
        record.add_unpacked(file.path, file.digest, files, keep)
        if not keep:
            archive.unlink()


def _have(file: File, record: Record, say: Say, progress: Any) -> None:
    """Have the file itself in its place, and remembered as whole."""
    path = record.root / file.path
    if os.path.lexists(path) and not record.is_ours(file.path):
        if why := _other(file, path, progress):
            raise UsageError(
                f"{path} is there and is not the file that was published ({why}); move it elsewhere and run "
                "the same command again"
            )
        record.add(file.path, file.digest)
        return
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    part = _part(path)
    limit = file.bytes if file.exact else 2 * file.bytes + _MORE
    while True:
        resumed = part.is_file()
        download.fetch(file.address, part, limit, say, progress, TRIES)
        why = _other(file, part, progress)
        if not why:
            break
        download.forget(part)
        if not resumed:
            raise RunError(f"{file.address} gave another file than was published, which was not kept: {why}")
        say(f"{path.name}: {why}; what was kept of an earlier try is left out, and it is fetched again")
    with explained(path):
        with open(part, "rb") as whole:
            os.fsync(whole.fileno())
        LocalStorage(str(record.root)).move(str(part.relative_to(record.root)), file.path)
        download.forget(part)
        record.add(file.path, file.digest)


def _other(file: File, path: Path, progress: Any) -> str | None:
    """What shows that a file is not the published one, None where nothing does."""
    try:
        size = path.stat().st_size
        if file.exact and size != file.bytes:
            return f"it has {size:,} bytes, expected {file.bytes:,}"
        if file.digest is None:
            return None
        kind = file.digest.partition(":")[0]
        if size < _LARGE:
            digest = digest_of(path, kind)
        else:
            with progress(f"checking {file.path}", size, initial=0) as done:
                digest = digest_of(path, kind, done)
    except OSError as error:
        return f"it can't be read: {told(error)}"
    return None if digest == file.digest else f"its checksum is {digest}, expected {file.digest}"


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")
