"""Files that others made (configurations, manifests, fonts, sounds, models), opened and read within limits.

Conventions: what can't be read is an OSError, or for its content a ValueError, that says in a few words
what is wrong; who reads adds the path and what to do. Only regular
files are opened, and without waiting: the other end of a pipe may never come, and a device may never end. A
limit is far above what this program writes or anybody has written by hand, and low enough that reading stays
within some hundred megabytes. Paths that a user names are first looked at by ``expanded``, ``is_directory``
and ``is_file``, whose errors are UsageErrors.
"""

import errno
import io
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

from sousa.generation.errors import UsageError

CONFIG_BYTES = 64 << 20  # 100,000 sounds in JSON take 20 MB
YAML_BYTES = 16 << 20  # it takes a hundred times as long to read as JSON
_BLOCK_BYTES = 1 << 20
SMALL_BYTES = 1 << 20  # settings of a run, a model or a bank; a filter; a card's template
MANIFEST_BYTES = 256 << 20  # 1,000,000 shards
FONT_BYTES = 4 << 30  # offsets in a soundfont have 32 bits
DEPTH = 100  # of what is nested; every Python walks that deep
ANY_BYTES = 1 << 62  # of files that are read a block at a time
SAMPLES = 3600 * 96_000 * 2  # of a row's sound: the longest that is made is an hour
_DEEP = f"more than {DEPTH} levels inside one another"
_KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
          stat.S_IFSOCK: "a socket"}  # fmt: skip


class ReadError(OSError):
    """The system's reason why a file can't be read; ``str`` gives the reason alone."""

    def __str__(self) -> str:
        return self.strerror or ""


class UnfitFile(ReadError):
    """A file that is not read, whatever it holds."""


class AliasError(ValueError):
    """YAML with an alias."""

    def __init__(self, event: Any):
        super().__init__(
            f"line {event.start_mark.line + 1}, column {event.start_mark.column + 1}: aliases such as "
            f"*{event.anchor} are not read; write the values out"
        )


def home() -> str | None:
    """The user's home directory; None for a user without one, as in many containers."""
    path = os.path.expanduser("~")
    return path if os.path.isabs(path) else None


def path_text(path: object) -> str:
    """A path of a caller in Python as text; raises UsageError for what is none."""
    if isinstance(path, (str, os.PathLike)) and isinstance(text := os.fspath(path), str):
        return text
    raise UsageError(f"a path is {shortened(repr(path))}; give a text or a pathlib.Path")


def expanded(path: str | os.PathLike[str]) -> str:
    """A path as the user wrote it, with ``~`` replaced by the home directory.

    Raises: UsageError where there is none: no folder is ever called ``~``; and for no path at all.
    """
    text = path_text(path)
    if not text:
        raise UsageError("a path is empty; name a file or directory")
    whole = os.path.expanduser(text)
    if text.startswith("~") and not os.path.isabs(whole):
        user = text.split("/")[0]
        raise UsageError(
            f"{shortened(text)}: there is no home directory for {user}; write the whole path, or ./{user} "
            "for a folder of that name"
        )
    return whole


def shortened(path: object) -> str:
    """A path as it is shown in a sentence."""
    text = str(path)
    return text if len(text) <= 200 else f"{text[:60]}…"


def refuse_address(path: str | os.PathLike[str]) -> None:
    """Raise a UsageError for an address such as ``s3://bucket/name``: what is read lies in directories."""
    scheme, slashes, _ = str(path).partition("://")
    if slashes and scheme.isalnum():
        how = "'aws s3 sync'" if scheme == "s3" else "the tools of its store"
        raise UsageError(
            f"{shortened(path)} is an address, and rows are read from directories; copy it to one, with "
            f"{how}, and name that"
        )


def status_of(path: str | os.PathLike[str]) -> os.stat_result | None:
    """What the system says of a path, None where there is nothing.

    Raises: UsageError where it can't say: for want of a permission, or because it is no path.
    """
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = error.strerror
    except ValueError:  # it has a NUL, or half of a character
        reason = "no path can be so"
    raise UsageError(f"{shortened(path)} can't be looked at: {reason}; name another path")


def is_directory(path: str | os.PathLike[str]) -> bool:
    """Whether there is a directory; raises UsageError as :func:`status_of`."""
    status = status_of(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def meant(path: str | os.PathLike[str]) -> str:
    """`` (did you mean PATH?)`` for a directory whose name is close to that of a path where nothing is.

    It is looked for beside the path, and beside its folder; empty where none is close.
    """
    text = os.fspath(path)
    near = None if os.path.lexists(text) else _nearest(os.path.normpath(text))
    return f" (did you mean {near}?)" if near else ""


def _nearest(path: str) -> str | None:
    import difflib  # seldom needed

    parent, name = os.path.split(path)
    try:
        with os.scandir(parent or ".") as entries:
            names = [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        folder = _nearest(parent) if os.path.dirname(parent) != parent else None
        below = os.path.join(folder, name) if folder else ""
        return below if os.path.isdir(below) else None
    near = difflib.get_close_matches(name, names, n=1)
    return os.path.join(parent, near[0]) if near else None


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether there is a regular file; raises UsageError as :func:`status_of`."""
    status = status_of(path)
    return status is not None and stat.S_ISREG(status.st_mode)


class _Named(io.FileIO):
    """A file whose errors of reading name it, as those of opening do."""

    def __init__(self, handle: int, path: str):
        super().__init__(handle, "rb")
        self._path = path

    def readinto(self, buffer: Any) -> int:
        with self._named():
            return super().readinto(buffer)

    def read(self, size: int | None = -1) -> bytes:
        with self._named():
            return super().read(size)

    def readall(self) -> bytes:
        with self._named():
            return super().readall()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ReadError(error.errno, error.strerror or str(error), self._path) from None


def opened(path: str | Path, most: int = FONT_BYTES) -> BufferedReader:
    """A regular file of at most so many bytes, open for binary reading.

    Raises: OSError, of which UnfitFile says that it is something else, or larger.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # so Linux refuses to open a socket
            raise UnfitFile(error.errno, f"{_KINDS[stat.S_IFSOCK]}, not a regular file", str(path)) from None
        raise
    about = os.fstat(handle)
    if stat.S_ISREG(about.st_mode) and about.st_size <= most:
        try:
            os.pread(handle, 1, 0)  # readers of sound would take a failing disk for a sound that is none
        except OSError as error:
            os.close(handle)
            raise ReadError(error.errno, error.strerror, str(path)) from None
        return io.BufferedReader(_Named(handle, str(path)))
    os.close(handle)
    if stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError(errno.EISDIR, "a directory, not a file", str(path))
    if stat.S_ISREG(about.st_mode):
        raise UnfitFile(errno.EFBIG, f"{about.st_size:,} bytes, of at most {most:,}", str(path))
    kind = _KINDS.get(stat.S_IFMT(about.st_mode), "something else")
    raise UnfitFile(errno.EINVAL, f"{kind}, not a regular file", str(path))


def read(path: str | Path, most: int = SMALL_BYTES) -> bytes:
    """The bytes of a regular file; raises OSError."""
    with opened(path, most) as file:
        # to its end, and no further than that: it may grow, and the system may not know its size. In blocks,
        # for a reader makes room for all that it is asked for
        blocks, left = [], most + 1
        while left and (block := file.read(min(left, _BLOCK_BYTES))):
            blocks.append(block)
            left -= len(block)
    if not left:
        raise UnfitFile(errno.EFBIG, f"more than {most:,} bytes", str(path))
    return b"".join(blocks)


def require_small_header(path: str | Path, most: int = SMALL_BYTES) -> None:
    """Refuse a file of safetensors whose header, which is JSON, has more bytes; raises OSError."""
    with opened(path, ANY_BYTES) as file:
        size = int.from_bytes(file.read(8), "little")
    if size > most:
        raise UnfitFile(errno.EFBIG, f"its header has {size:,} bytes, of at most {most:,}", str(path))


def holds(path: str | Path, data: bytes) -> bool:
    """Whether a regular file has this content; one that can't be read has not."""
    try:
        return os.stat(path).st_size == len(data) and read(path, len(data)) == data
    except OSError:
        return False


def read_text(path: str | Path, most: int = SMALL_BYTES) -> str:
    """The text of a regular file in UTF-8; raises OSError or UnicodeDecodeError, a ValueError."""
    return read(path, most).decode("utf-8")


def read_json(path: str | Path, most: int = SMALL_BYTES) -> Any:
    """The plain data of a file of JSON; raises OSError or ValueError."""
    return parse_json(read_text(path, most))


def read_yaml(path: str | Path, most: int = SMALL_BYTES) -> Any:
    """The plain data of a file of YAML; raises OSError, ValueError or yaml.YAMLError."""
    return parse_yaml(read_text(path, most))


def parse_json(text: str, **options: Any) -> Any:
    """The plain data of JSON; ``options`` are those of ``json.loads``. Raises ValueError."""
    try:
        return shallow(json.loads(text, **options))
    except RecursionError:
        raise ValueError(_DEEP) from None


def fast_loader() -> Any:
    """A loader of safe, plain values; several times as fast as SafeLoader, where PyYAML has libyaml."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str, loader: Any = None) -> Any:
    """The plain data of YAML, whose aliases are refused; raises ValueError or yaml.YAMLError.

    An alias costs a few letters and may stand for any number of values, which multiply when they hold others.
    """
    import yaml  # slow to import, and short commands read none

    depth = 0
    with suppress(yaml.YAMLError):  # the loader says better what is wrong
        # before anything is built: where PyYAML was built with libyaml, deep nesting ends the process
        for event in yaml.parse(text, fast_loader()):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH:
                raise ValueError(_DEEP)
            if isinstance(event, yaml.AliasEvent):
                raise AliasError(event)
    return yaml.load(text, loader or yaml.SafeLoader)


def shallow(data: Any) -> Any:
    """Plain data as it is; raises ValueError where it is nested more than DEPTH levels deep."""
    level: list[Any] = [data]
    for _ in range(DEPTH + 1):
        inner = (item.values() if isinstance(item, dict) else item for item in level)
        level = [value for values in inner if isinstance(values, _MANY) for value in values]
        level = [value for value in level if isinstance(value, (dict, list))]
        if not level:
            return data
    raise ValueError(_DEEP)


_MANY: tuple[Any, ...] = (list, type({}.values()))
