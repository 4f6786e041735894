"""Unpacking archives (zip, also beyond 4 GiB; tar, also with gzip) so that nothing in them can do harm.

Conventions
-----------
An archive is gone through twice. First everything that it says of itself is looked at, and nothing is
written: a name that leads out of the folder or stands for two files, a link or a device, a password, or more
content than an archive of its size can sensibly have refuses all of it. Then its files are written one by
one, each under a temporary name until it is whole. A file that is there with the same size and CRC-32 is not
written again, so an unpacking that was interrupted goes on. Hidden files, such as those of macOS, are left
out.
"""

import gzip
import io
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

from sousa.generation.captions.downloads.names import is_left_out, unfit
from sousa.generation.errors import RunError, told
from sousa.generation.outside import ANY_BYTES, opened
from sousa.generation.storage import explained, temporary
from sousa.generation.text import one_line

MOST_FILES = 5_000_000
MOST_TIMES, LEAST_BYTES = 100, 64 << 20  # text is packed some twenty times
MOST_HEADER = 1 << 20  # of a tar: long names and extended headers are read whole
MOST_DIRECTORY = 1 << 30  # of a zip: 5,000,000 files
_BLOCK = 1 << 20
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError,
           RuntimeError, gzip.BadGzipFile, MemoryError, OverflowError)  # fmt: skip


class UnfitArchive(ValueError):
    """An archive that is not unpacked, whatever else it holds."""


@dataclass(frozen=True)
class Member:
    """A file in an archive; ``crc`` is its CRC-32 where that is known."""

    name: str
    size: int
    crc: int | None


def unpack(
    archive: Path, folder: Path, progress: Any, ours: Callable[[Path], bool] = lambda path: False
) -> list[tuple[str, int]]:
    """Unpack an archive into a folder; goes on where an earlier call was interrupted.

    Args:
        archive: a file that ends with .zip, .tar, .tar.gz or .tgz.
        folder: is made where there is none.
        progress: context manager of (title, total bytes, initial=bytes there already) that gives a function
            to call with each number of new bytes.
        ours: whether a file that is there was unpacked before: if it is damaged, it is replaced.

    Returns: paths in the folder, and sizes, of all files that are in the archive.
    Raises: RunError when it can't be unpacked, is damaged or unfit, or the disk is full, or another file
        stands in its place; what was written before is whole and stays.
    """
    try:
        members = _looked_at(archive, folder)
        _check_room(archive, folder, members.values())
        with progress(f"unpacking {archive.name}", sum(m.size for m in members.values()), initial=0) as done:
            _write(archive, folder, members, ours, done)
    except UnfitArchive as error:
        raise RunError(f"{archive} is not unpacked: {error}") from None
    except _DAMAGE as error:
        raise RunError(f"{archive} is damaged ({told(error)}); nothing was kept that is not whole") from None
    return [(member.name, member.size) for member in members.values()]


def _looked_at(archive: Path, folder: Path) -> dict[str, Member]:
    """All files of an archive that are unpacked, by name."""
    members: dict[str, Member] = {}
    folders: set[str] = set()
    total, most = 0, max(archive.stat().st_size * MOST_TIMES, LEAST_BYTES)
    for number, entry in enumerate(_entries(archive)):
        shown = one_line(repr(entry.name)[:200])
        if number >= MOST_FILES:
            raise UnfitArchive(f"it has more than {MOST_FILES:,} files")
        if why := unfit(entry.name.removesuffix("/") if entry.is_folder else entry.name):
            raise UnfitArchive(f"the name {shown} in it {why}")
        if entry.why:
            raise UnfitArchive(f"{shown} in it {entry.why}")
        if entry.is_folder or is_left_out(entry.name):
            continue
        total += entry.size
        if total > most:
            raise UnfitArchive(f"it unpacks to {total:,} bytes or more, of at most {most:,} for its size")
        if entry.name in members:
            raise UnfitArchive(f"two files in it have the name {shown}")
        crc = entry.crc
        if crc is None and _has_size(folder / entry.name, entry.size):
            with entry.open() as stream:  # a tar states none, and it is needed to go on
                crc = _crc(stream)
        members[entry.name] = Member(entry.name, entry.size, crc)
        folders.update(str(parent) for parent in PurePosixPath(entry.name).parents)
    if both := sorted(folders & members.keys()):
        raise UnfitArchive(f"{both[0]!r} in it is a file and a folder")
    return members


@dataclass(frozen=True)
class _Entry:
    """What an archive says of one of its entries; ``why``: what forbids to unpack it."""

    name: str
    size: int
    crc: int | None
    is_folder: bool
    why: str | None
    open: Callable[[], IO[bytes]]


def _entries(archive: Path) -> Iterator[_Entry]:
    with opened(archive, ANY_BYTES) as file:
        if archive.name.endswith(".zip"):
            yield from _of_zip(file)
        elif archive.name.endswith(".tar"):
            yield from _of_tar(file, "r:")
        else:
            with gzip.GzipFile(fileobj=file) as plain:
                yield from _of_tar(plain, "r|")
                while plain.read(_BLOCK):  # to the end, where its checksum is
                    pass


class _Zip(io.BufferedIOBase):
    """A zip whose list of files, which is read at once, is of a sensible size."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self.seek, self.tell = file.seek, file.tell  # type: ignore[method-assign]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MOST_DIRECTORY:
            raise UnfitArchive(f"its list of files has {size:,} bytes, of at most {MOST_DIRECTORY:,}")
        return self._file.read(-1 if size is None else size)


def _of_zip(file: IO[bytes]) -> Iterator[_Entry]:
    with zipfile.ZipFile(_Zip(file)) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            why = "needs a password" if info.flag_bits & 1 else None
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                why = "is a link or a device"
            name = info.orig_filename.removeprefix("./")  # as it stands there: the other is cut at a NUL
            yield _Entry(name, info.file_size, info.CRC, info.is_dir(), why, partial(archive.open, info))


class _Header(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, *arguments: Any) -> Any:
        entry = super().frombuf(*arguments)
        if entry.size < 0 or (not entry.isreg() and entry.size > MOST_HEADER):
            raise UnfitArchive(f"a header in it has {entry.size:,} bytes, of at most {MOST_HEADER:,}")
        return entry


def _of_tar(file: Any, mode: Any) -> Iterator[_Entry]:
    with tarfile.open(fileobj=file, mode=mode, tarinfo=_Header) as archive:
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined] # it would keep every one
            why = None if info.isdir() or (info.isreg() and not info.issparse()) else "is a link or a device"
            name = info.name.removeprefix("./")
            if name in (".", "") and info.isdir():
                continue
            yield _Entry(name, info.size, None, info.isdir(), why, partial(_stream, archive, info))
        if mode == "r:" and (file.seek(archive.offset) is None or file.read(512).strip(b"\0")):
            raise ValueError("a header in it can't be read")  # tarfile takes it for the end


def _stream(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(info)
    assert stream is not None  # a regular file has one
    return stream


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _is_there(path: Path, member: Member) -> bool:
    try:
        if member.crc is None or not _has_size(path, member.size):
            return False
        with opened(path, ANY_BYTES) as file:
            return _crc(file) == member.crc
    except OSError:
        return False


def _crc(stream: IO[bytes]) -> int:
    crc = 0
    while block := stream.read(_BLOCK):
        crc = zlib.crc32(block, crc)
    return crc


def _check_room(archive: Path, folder: Path, members: Iterable[Member]) -> None:
    place = folder
    while not place.exists():
        place = place.parent
    missing = sum(m.size for m in members if not _has_size(folder / m.name, m.size))
    if missing > (free := shutil.disk_usage(place).free):
        raise RunError(
            f"{archive.name} unpacks to {missing / 1e6:,.1f} MB that are not there yet, but only "
            f"{free / 1e6:,.1f} MB are free at {folder}; free some and run the same command again to go on"
        )


def _write(
    archive: Path, folder: Path, members: dict[str, Member], ours: Callable[[Path], bool],
    done: Callable[[int], object],
) -> None:  # fmt: skip
    for entry in _entries(archive):
        member, path = members.get(entry.name), folder / entry.name
        if member is None or entry.is_folder:
            continue
        if _is_there(path, member):
            done(member.size)
            continue
        if os.path.lexists(path) and not ours(path):
            raise RunError(
                f"{path} is there and is not what is in {archive.name}; move it elsewhere and run the same "
                "command again"
            )
        with entry.open() as stream, _placed(path) as file:
            left = entry.size
            while left and (block := stream.read(min(_BLOCK, left))):
                with explained(path):
                    view = memoryview(block)
                    while view:  # a disk that is nearly full takes less than it is given
                        view = view[file.write(view) :]
                left -= len(block)
                done(len(block))
            if left or stream.read(1):  # at its end zipfile compares the CRC-32
                raise ValueError(f"{entry.name} has another size than it says")


@contextmanager
def _placed(path: Path) -> Iterator[BinaryIO]:
    """A new file, in its place when the block ends well. Files are many, so none is synced by itself."""
    work = None
    try:
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            work, file = temporary(path, buffering=0)
        with file:
            yield file
        with explained(path):
            os.replace(work, path)
    finally:
        with suppress(OSError):
            os.unlink(work or "")
