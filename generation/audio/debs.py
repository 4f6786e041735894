"""Reading one file out of a Debian package.

Conventions
-----------
A ``.deb`` is an ``ar`` archive with a compressed tar, ``data.tar.xz``, in it. Both are read as
streams, once, and nothing but the named file is handed out; no path in the archive is ever used.
"""

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

from sousa.generation.errors import RunError
from sousa.generation.outside import FONT_BYTES, opened

# a package of fonts has some hundred files, and extended headers of some hundred bytes
MAX_FILES, MAX_HEADER = 100_000, 1 << 20
_MAGIC = b"!<arch>\n"
_MODES: dict[str, Any] = {
    "data.tar": "r|", "data.tar.gz": "r|gz", "data.tar.bz2": "r|bz2", "data.tar.xz": "r|xz"
}  # fmt: skip


def is_deb(path: str | Path) -> bool:
    """Whether a file starts like a Debian package."""
    with opened(path) as file:
        return file.read(len(_MAGIC)) == _MAGIC


@contextmanager
def member(path: str | Path, name: str) -> Iterator[IO[bytes]]:
    """Open one file of a package as a stream of bytes.

    Args:
        path: the package.
        name: path of the file in it, without a leading slash.

    Raises: RunError when there is no such plain file, or the package is damaged or packed in a way
        that can't be read; also while the stream is read.
    """
    try:
        with (
            opened(path) as file,
            tarfile.open(fileobj=file, mode=_to_data(file, path), tarinfo=BoundedEntry) as archive,
        ):
            taken = 0
            for number, entry in enumerate(archive):
                taken += entry.size
                if taken > FONT_BYTES or number > MAX_FILES:
                    raise ValueError(f"it unpacks to more than {FONT_BYTES:,} bytes or {MAX_FILES:,} files")
                if entry.name.removeprefix("./") == name:
                    content = archive.extractfile(entry) if entry.isfile() else None
                    if content is None:
                        raise RunError(f"{name} in {path} is no plain file; use another package")
                    yield content
                    return
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, ValueError, MemoryError) as error:
        raise RunError(f"{path} is damaged ({error}); fetch it again") from None
    raise RunError(f"{path} holds no {name}; it is another package or another version of it")


class BoundedEntry(tarfile.TarInfo):
    """The head of a file in a tar. Long names and extended headers are read whole, so they are bounded."""

    @classmethod
    def frombuf(cls, *arguments: Any) -> Any:
        entry = super().frombuf(*arguments)
        most = FONT_BYTES if entry.isreg() or entry.issparse() else MAX_HEADER
        if not 0 <= entry.size <= most:
            raise ValueError(f"an entry has {entry.size:,} bytes, of at most {most:,}")
        return entry


def _to_data(file: BinaryIO, path: str | Path) -> Any:
    """Go to the beginning of a package's data archive; the mode in which tarfile reads it."""
    end = file.seek(0, 2)
    file.seek(len(_MAGIC))
    while len(head := file.read(60)) == 60:
        name, size = head[:16].decode("ascii").rstrip().removesuffix("/"), int(head[48:58])
        if name in _MODES:
            return _MODES[name]
        if name.startswith("data.tar"):
            raise RunError(
                f"{path} is packed as {name}, which sousa can't read; unpack it with "
                f"'dpkg-deb -x {path} DIRECTORY' and name the font in there with --from"
            )
        if not 0 <= size <= end - file.tell():
            raise ValueError(f"a member has {size:,} bytes, and {end - file.tell():,} are left")
        file.seek(size + size % 2, 1)  # members begin at even places
    raise ValueError("it has no data archive")
