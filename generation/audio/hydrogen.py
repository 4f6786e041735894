"""Reading drum kits of the drum machine Hydrogen: a folder with ``drumkit.xml``, or a ``.h2drumkit`` archive.

Conventions
-----------
A kit has instruments, an instrument has layers: a sound file with the range of velocities that plays it, from
0 to 1, a gain, and a pitch in semitones. Older kits have the layers in the instrument itself, or one file in
place of layers; of several components (microphones) the first one that has layers is taken. An archive is a
tar, mostly compressed by gzip. Nothing is written outside of a folder of its own.
"""

import math
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sousa.generation.audio.debs import BoundedEntry
from sousa.generation.errors import RunError, UsageError, raise_all, told
from sousa.generation.outside import opened, read
from sousa.generation.text import as_line, is_line, one_line

TABLE = "drumkit.xml"
ARCHIVE = ".h2drumkit"
_TABLE_BYTES = 8 << 20
_ARCHIVE_BYTES, _ARCHIVE_FILES = 4 << 30, 20_000
_BLOCK = 1 << 20
_LONGEST_TEXT = 2000
# name, value where it is missing, least and most
_FIELDS = (("min", 0.0, 0.0, 1.0), ("max", 1.0, 0.0, 1.0), ("gain", 1.0, 0.001, 100.0),
           ("pitch", 0.0, -24.0, 24.0))  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One recording of an instrument."""

    file: str  # relative to the kit
    low: float  # velocities from 0 to 1 that play it
    high: float
    gain: float  # linear
    pitch: float  # semitones


@dataclass(frozen=True)
class Kit:
    """What ``drumkit.xml`` says."""

    name: str
    licence: str
    author: str
    info: str
    instruments: list[tuple[str, list[Layer]]]  # those with layers


def _children(node: Any, name: str) -> list[Any]:
    """Elements of this name, in whatever namespace."""
    return [child for child in node if isinstance(child.tag, str) and child.tag.split("}")[-1] == name]


def _text(node: Any, name: str) -> str:
    found = _children(node, name)
    return as_line("".join(found[0].itertext()))[:_LONGEST_TEXT] if found else ""


def read_table(path: str | Path, shown: str) -> Kit:
    """The kit that a ``drumkit.xml`` describes.

    Args:
        path: of the file.
        shown: the same as the user knows it.

    Raises: UsageError naming every problem.
    """
    from xml.etree import ElementTree

    try:
        data = read(path, _TABLE_BYTES)
        if b"<!ENTITY" in data.replace(b"\0", b""):  # in UTF-16 as well
            raise ValueError("it defines entities, which are not read")
        root = ElementTree.fromstring(data)
    except (OSError, ValueError, LookupError, ElementTree.ParseError) as error:
        raise UsageError(
            f"{shown} can't be read as a kit of Hydrogen ({one_line(str(error))}); replace or remove it"
        ) from None
    problems: list[str] = []
    instruments = []
    for instrument_list in _children(root, "instrumentList"):
        for node in _children(instrument_list, "instrument"):
            name = _text(node, "name")[:200] or "instrument"
            if layers := _layers(node, f"{shown}, instrument {name!r}", problems):
                instruments.append((name, layers))
    raise_all(problems)
    author = _text(root, "author")
    return Kit(_text(root, "name")[:200], _text(root, "license"), author, _text(root, "info"), instruments)


def _layers(node: Any, where: str, problems: list[str]) -> list[Layer]:
    places = [place for place in (node, *_children(node, "instrumentComponent")) if _children(place, "layer")]
    nodes = _children(places[0], "layer") if places else [node]
    layers = []
    for layer in nodes:
        if not (file := _text(layer, "filename")):
            continue
        before = len(problems)
        fields = _FIELDS if places else ()  # an instrument's own gain is another one
        values = [_number(layer, *field, where, problems) for field in fields]
        low, high, gain, pitch = values or [default for _, default, *_ in _FIELDS]
        if low > high:
            problems.append(f"{where}: min {low:g} is over max {high:g}; exchange them in the file")
        if unsafe(file):
            problems.append(f"{where}: filename {file!r} leads out of the kit; name a file in it")
        if len(problems) == before:
            layers.append(Layer(file, low, high, gain, pitch))
    return layers


def _number(
    node: Any, name: str, default: float, least: float, most: float, where: str, problems: list[str]
) -> float:
    text = _text(node, name)
    try:
        value = float(text.replace(",", ".")) if text else default  # some kits have commas
    except ValueError:
        value = math.nan
    if least <= value <= most:
        return value
    problems.append(f"{where}: {name} is {text[:60]!r}; give a number from {least:g} to {most:g}")
    return default


def unsafe(name: str) -> bool:
    """Whether a path may lead out of the folder it is in, or can't be one."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name or not is_line(name) or not path.parts


@contextmanager
def unpacked(path: str | Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """The folder of ``drumkit.xml`` in a new temporary one, with what an archive has in it.

    Args:
        path: the archive.
        suffixes: of the files to unpack beside ``drumkit.xml``, lower-case.

    Raises: UsageError for an archive that can't be used; RunError when it can't be unpacked here.
    """
    with tempfile.TemporaryDirectory(prefix="sousa-kit-") as work:
        tables = _unpack(Path(path), Path(work), suffixes)
        if len(tables) != 1:
            number = "no" if not tables else str(len(tables))
            raise UsageError(f"{path} holds {number} {TABLE}; name an archive with one kit of Hydrogen")
        yield tables[0].parent


def _unpack(path: Path, work: Path, suffixes: tuple[str, ...]) -> list[Path]:
    tables = []
    try:
        file = opened(path)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror or error}; name another kit") from None
    try:
        with file:
            mode: Any = "r|gz" if file.peek(2)[:2] == b"\x1f\x8b" else "r|"
            with tarfile.open(fileobj=file, mode=mode, tarinfo=BoundedEntry) as archive:
                taken = 0
                for number, entry in enumerate(archive):
                    taken += entry.size
                    if taken > _ARCHIVE_BYTES or number >= _ARCHIVE_FILES:
                        raise ValueError(
                            f"it unpacks to more than {_ARCHIVE_BYTES:,} bytes or {_ARCHIVE_FILES:,} files"
                        )
                    if entry.isdir():
                        continue
                    if unsafe(entry.name) or not entry.isreg() or entry.issparse():
                        kind = "leads out of it" if unsafe(entry.name) else "is no plain file"
                        raise ValueError(f"its member {one_line(entry.name)[:200]!r} {kind}")
                    name = PurePosixPath(entry.name).name
                    if name != TABLE and not name.lower().endswith(suffixes):
                        continue
                    goal = work / entry.name
                    _write(archive, entry, goal)
                    if name == TABLE:
                        tables.append(goal)
    except (tarfile.TarError, zlib.error, EOFError, ValueError, MemoryError) as error:
        raise UsageError(
            f"{path} is damaged or no archive of Hydrogen ({one_line(str(error))}); fetch it again"
        ) from None
    return tables


def _write(archive: tarfile.TarFile, entry: tarfile.TarInfo, goal: Path) -> None:
    content = archive.extractfile(entry)
    assert content, "it is a plain file"
    try:
        goal.parent.mkdir(parents=True, exist_ok=True)
        with goal.open("xb") as out:
            while block := content.read(_BLOCK):
                out.write(block)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"it has two members called {one_line(entry.name)[:200]!r}") from None
    except OSError as error:
        raise RunError(
            f"can't unpack {one_line(entry.name)[:200]!r} into {goal.parent}: {told(error)}"
        ) from None
