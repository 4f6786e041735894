"""Where datasets and releases lie, and the one way files are written there: whole or not at all.

Conventions: a file is written under a temporary name beside its place, synced, and renamed. The temporary
file is created exclusively under a random name, so nothing that is there is ever opened for writing: no file,
link or device, and no other name of the same file. Paths inside a storage are relative, with ``/``. A storage
can be pickled, so tasks carry it to wherever they run.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sousa.generation.errors import RunError, UsageError
from sousa.generation.manifest import BEGUN
from sousa.generation.outside import (
    ANY_BYTES,
    MANIFEST_BYTES,
    expanded,
    opened,
    path_text,
    read,
    shortened,
    status_of,
)
from sousa.generation.text import is_line

_OWN_TEMPORARY = re.compile(r"^\.([0-9a-f]{16}|.+\.\d+)\.tmp$")  # the second as earlier versions named them
SHOWN = "shown.json"  # names of what was moved out of the folder it is in
_CLONE = 0x40049409  # FICLONE of linux/fs.h
# a file system of a network may lock files alone, and says so by one of these; the file stays
_LOCK = ".lock"
_NO_LOCK_OF_DIRECTORIES = (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP, errno.EISDIR)


@dataclass(frozen=True)
class LocalStorage:
    """A directory on this machine, by its path."""

    root: str

    def __reduce__(self) -> tuple[type, tuple[str]]:
        # a task that takes it elsewhere may run in another working directory
        return type(self), (os.path.abspath(self.root),)

    def path(self, file: str = "") -> Path:
        """Where a file of the storage lies."""
        return Path(self.root) / file

    @property
    def where(self) -> str:
        """What the user calls it."""
        return self.root

    def source(self, file: str) -> Any:
        """What readers of Parquet take: the path of a file, or a file that is open."""
        return self.path(file)

    def inside(self, folder: str) -> "LocalStorage":
        """A folder of the storage as one of its own."""
        return LocalStorage(str(self.path(folder)))

    def writing(self, file: str) -> AbstractContextManager[BinaryIO]:
        """Open a file for binary writing, see :func:`atomic_file`."""
        return atomic_file(self.path(file))

    @contextmanager
    def recorded(self, file: str) -> Iterator[tuple[BinaryIO, dict[str, Any]]]:
        """Open a file for writing as :meth:`writing`, with its record, which is filled when it is there."""
        record: dict[str, Any] = {}
        with self.writing(file) as out:
            yield out, record
        record |= self.record(file)

    def has_begun(self) -> bool:
        """Whether a dataset is being made in it."""
        return self.path(BEGUN).exists()

    def look(self) -> None:
        """See what is there; raises UsageError for what is no dataset."""

    def publish(self, *files: str) -> None:
        """Bring files where they belong; without names everything, when all of it is there."""

    def write_json(self, file: str, data: object) -> None:
        """Write JSON atomically."""
        write_json(self.path(file), data)

    def append(self, file: str, line: str) -> None:
        """Add a line to a file, and make it last."""
        with explained(self.path(file)), appending(self.path(file)) as opened:
            if opened.tell() and not _ends_a_line(self.path(file)):
                opened.write(b"\n")  # a run was killed in the middle of one
            opened.write(line.encode() + b"\n")
            opened.flush()
            os.fsync(opened.fileno())

    def lines(self, file: str) -> list[str]:
        """Whole lines of a file; none where there is none. One that was cut short is left out."""
        try:
            return read(self.path(file), MANIFEST_BYTES).decode("utf-8", "replace").split("\n")[:-1]
        except FileNotFoundError:
            return []

    def move(self, source: str, target: str) -> None:
        """Rename a file or folder, at once, in place of a file or empty folder."""
        with explained(self.path(target)):
            self.path(target).parent.mkdir(parents=True, exist_ok=True)
            _replace(self.path(source), self.path(target))

    def show(self, folder: str, names: Sequence[str]) -> None:
        """Move files and folders out of a folder of this one, in that order; :meth:`hide` takes them back.

        Raises: UsageError where something that was not shown before stands in the way.
        """
        names = [name for name in names if os.path.lexists(self.path(f"{folder}/{name}"))]
        if in_the_way := [self.path(name) for name in names if os.path.lexists(self.path(name))]:
            raise UsageError(
                f"{in_the_way[0]} was not made by this command, which would write a file of that name; "
                "move it elsewhere, then run the same command again"
            )
        self.write_json(f"{folder}/{SHOWN}", names)
        for name in names:
            self.move(f"{folder}/{name}", name)

    def hide(self, folder: str) -> None:
        """Move what was shown, and nothing else, back into its folder."""
        try:
            shown = json.loads(read(self.path(f"{folder}/{SHOWN}"), MANIFEST_BYTES))
        except FileNotFoundError:
            return
        for name in reversed([name for name in shown if "/" not in name]):
            if os.path.lexists(self.path(name)) and not os.path.lexists(self.path(f"{folder}/{name}")):
                self.move(name, f"{folder}/{name}")

    def remove(self, file: str) -> None:
        """Remove a file or folder, if it is there."""
        path = self.path(file)
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink() if path.is_symlink() or not path.is_dir() else shutil.rmtree(path)

    def free_bytes(self) -> int:
        """Room that is left."""
        return shutil.disk_usage(self.root).free

    def entries(self) -> list[str]:
        """Names of what lies directly in it, if it is there, but for temporary files of ours."""
        names = os.listdir(self.root) if self.path().is_dir() else []
        return [name for name in names if name != _LOCK and not _OWN_TEMPORARY.match(name)]

    def sweep(self) -> None:
        """Remove the temporary files that a killed run has left."""
        for stale in self.path().rglob(".*.tmp"):
            if _OWN_TEMPORARY.match(stale.name) and stale.is_file():
                stale.unlink(missing_ok=True)

    def record(self, file: str) -> dict[str, Any]:
        """Record of a file: its path, size and SHA-256."""
        path = self.path(file)
        return {"file": file, "bytes": path.stat().st_size, "sha256": file_digest(path)}

    def damage(self, record: Mapping[str, Any]) -> str | None:
        """What is wrong with a recorded file (``file, bytes, sha256``), or None."""
        name, path = record["file"], self.path(record["file"])
        try:
            if not path.exists():
                return f"{name} is missing"
            if path.stat().st_size != record["bytes"]:
                return f"{name} has {path.stat().st_size} bytes instead of {record['bytes']}"
            if file_digest(path) != record["sha256"]:
                return f"{name} does not match its digest"
        except OSError as error:
            return f"{name} can't be read ({error.strerror})"
        return None

    @contextmanager
    def locked(self, shared: bool = False) -> Iterator[None]:
        """Hold the directory, making it if need be; one process at a time, or several that share it.

        Raises: UsageError when another holds it, or it can't be written.
        """
        with ExitStack() as held:
            try:
                self.path().mkdir(parents=True, exist_ok=True)
                kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
                try:
                    # the directory itself is locked: nothing to leave behind
                    _lock(self.root, os.O_RDONLY, kind, held)
                except OSError as error:
                    if error.errno not in _NO_LOCK_OF_DIRECTORIES:
                        raise
                    _lock(str(self.path(_LOCK)), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, kind, held)
            except FileExistsError:
                raise UsageError(f"{self.root} is a file, not a directory; name another directory") from None
            except BlockingIOError:
                raise UsageError(
                    f"another sousa is writing to {self.root}; wait for it or choose another directory"
                ) from None
            except OSError as error:
                raise UsageError(
                    f"can't write to {self.root}: {error.strerror or error}; choose another directory"
                ) from None
            yield


def _lock(path: str, flags: int, kind: int, held: ExitStack) -> None:
    """Lock a file or directory until ``held`` lets go of it; raises BlockingIOError where another has it."""
    handle = os.open(path, flags, 0o666)
    held.callback(os.close, handle)
    fcntl.flock(handle, kind | fcntl.LOCK_NB)


def _ends_a_line(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def explain(error: OSError, path: object) -> RunError:
    """A RunError for an operating-system error while writing ``path``."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = "free some and run the same command again to go on"
        return RunError(f"no space left while writing {path}; {advice}")
    return RunError(f"can't write {path}: {error.strerror or error}")


@contextmanager
def explained(path: str | Path) -> Iterator[None]:
    """Turn what the operating system refuses while ``path`` is written into a RunError that names it."""
    try:
        yield
    except OSError as error:
        raise explain(error, path) from None


def _replace(source: Path, target: Path) -> None:
    """Rename, and make that last."""
    os.replace(source, target)
    handle = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary(path: str | Path, buffering: int = -1) -> tuple[str, BinaryIO]:
    """A new file beside ``path``, under a name that nothing has: ``(its path, open for writing)``."""
    work = os.path.join(os.path.dirname(path), f".{secrets.token_hex(8)}.tmp")
    handle = os.open(work, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    return work, os.fdopen(handle, "wb", buffering)


@contextmanager
def atomic_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a temporary file for binary writing; it becomes ``path`` when the block ends well.

    Raises: RunError when it can't be written; ``path`` is then untouched.
    """
    path, work = Path(path), None
    try:
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            work, file = temporary(path)
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _replace(Path(work), path)
    finally:
        with suppress(OSError):
            os.unlink(work or "")


def appending(path: str | Path) -> BinaryIO:
    """A file open to be added to, made where there is none; raises OSError for what is no regular file."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    handle = os.open(path, flags, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return os.fdopen(handle, "ab")


def write_unsynced(path: str, data: bytes) -> None:
    """Write a file of bytes whole or not at all, which may be lost when the power fails; raises OSError."""
    work, file = temporary(path, buffering=0)
    try:
        with file:
            file.write(data)
        os.replace(work, path)
    except BaseException:
        os.unlink(work)
        raise


def is_address(path: str | os.PathLike[str]) -> bool:
    """Whether an output is an address such as ``s3://bucket/name``, and no path."""
    return isinstance(path, (str, os.PathLike)) and "://" in str(path)


def output_path(path: str | os.PathLike[str], name: str = "output") -> str:
    """A path to write to, with ``~`` replaced; ``name``: what the user calls it.

    Raises: UsageError for what can't be the path of a file, or would not be read again as it is written.
    """
    text = path_text(path)
    if not text.strip():
        raise UsageError(f"{name} is {'empty' if not text else repr(text)}; name a directory or file")
    if not is_line(text):
        raise UsageError(f"{name} is {shortened(text)!r}; name one without characters that can't be seen")
    if is_address(text):
        raise UsageError(
            f"{name} is the address {shortened(text)!r}; name a directory or file: 'sousa generate' alone "
            "writes to addresses"
        )
    status_of(whole := expanded(text))
    parts = Path(whole).parts
    for number, part in enumerate(parts):
        if part == ".." and status_of(before := Path(*parts[:number])) is None:
            raise UsageError(
                f"{name} is {shortened(text)!r}, but {before} isn't there; name a path that leaves it out"
            )
    return whole


def refuse_others_file(path: str | Path, *marks: bytes) -> None:
    """Refuse to write where something stands that this program did not make.

    Args:
        path: named by the user.
        marks: what the first 1,000 bytes of our own files hold, one of them; none where nothing tells them
            from others.

    Raises: UsageError.
    """
    place = Path(path)
    try:
        if not os.path.lexists(place):
            return
        ours = any(marks) and place.is_file() and not place.is_symlink() and place.stat().st_nlink == 1
        if ours:
            with open(place, "rb") as file:
                head = file.read(1000)
            ours = any(mark and mark in head for mark in marks)
    except OSError:
        ours = False
    if not ours:
        raise UsageError(f"{path} is there and was not made by this command; name another file, or remove it")


def copied(source: str | Path, target: str | Path) -> None:
    """Copy a file; where the file system can, without writing its bytes again (a reflink).

    Raises: RunError when it can't be read or written.
    """
    try:
        file = opened(source, ANY_BYTES)  # its errors are told from those of writing
    except OSError as error:
        raise RunError(f"{source} can't be read: {error.strerror or error}") from None
    with file, atomic_file(target) as out:
        try:
            fcntl.ioctl(out.fileno(), _CLONE, file.fileno())
        except OSError:
            while block := _block(file, source):
                out.write(block)


def _block(file: BinaryIO, path: str | Path) -> bytes:
    try:
        return file.read(1 << 20)
    except OSError as error:
        raise RunError(f"{path} can't be read: {error.strerror or error}") from None


def write_json(path: str | Path, data: object) -> None:
    """Write JSON atomically."""
    with atomic_file(path) as file:
        file.write((json.dumps(data, indent=1) + "\n").encode())


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with opened(path, ANY_BYTES) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
