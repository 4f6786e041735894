"""Finding the drums of a folder of recordings: which sound files there are, and what they are recordings of.

Conventions
-----------
A *recording* is a sound file with one stroke. The recordings of one folder are one drum; side sticks, which
their file or folder names, are its articulation ``side_stick``. A folder with ``drumkit.xml`` or a
``.h2drumkit`` archive is a kit of Hydrogen, and each of its instruments that is called a snare is a drum, but
for rolls and flams. Among several kits, those without a snare are left out.
Hidden files and banks are left out. Nothing outside of a folder is read, wherever links lead.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sousa.generation.audio import hydrogen
from sousa.generation.errors import UsageError, collected, raise_all
from sousa.generation.outside import expanded, is_directory, is_file
from sousa.generation.text import is_line, one_line

SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".ogg")
_FONTS = (".sf2", ".sf3")
_MOST_FILES, _MOST_RECORDINGS = 100_000, 2000
_SIDE_STICK = re.compile(
    r"(side|cross)[ _-]?stick|(?<![a-z])x[ _-]?stick|rim[ _-]?click|(?<![a-z])rim(?![ _-]?shot|[a-z])",
    re.IGNORECASE,
)
_SEVERAL = re.compile(r"roll|flam|drag|ruff|buzz", re.IGNORECASE)  # no single strokes
_STICK = re.compile(r"^\W*stick\W*$", re.IGNORECASE)  # so drum machines call a side stick


@dataclass(frozen=True)
class Recording:
    """One sound file of a drum."""

    path: Path
    name: str  # in its folder or kit, with slashes
    shown: str  # as the user knows it
    range: tuple[float, float] | None = None  # of velocities, 0 to 127, as a kit states it
    gain: float = 1.0
    ratio: float = 1.0  # played faster by this


@dataclass
class Drum:
    """Recordings that become one bank."""

    pack: str  # name of the folder or kit it is from
    name: str  # of the drum in it; empty for its only one
    parts: dict[str, list[Recording]]  # by articulation
    licence: str = ""  # as its makers state it
    about: dict[str, str] = field(default_factory=dict)

    @property
    def recordings(self) -> list[Recording]:
        return [recording for part in self.parts.values() for recording in part]


class NoSnareError(UsageError):
    """A kit without a snare."""


def is_pack(path: str | Path) -> bool:
    """Whether drums are to be cut out of recordings there: a kit, or a directory without soundfonts."""
    place = Path(expanded(path))
    if not is_directory(place):
        return place.suffix.lower() == hydrogen.ARCHIVE and is_file(place)
    try:
        return not any(name.lower().endswith(_FONTS) for name in os.listdir(place))
    except OSError:
        return False


def beside_fonts(path: str | Path) -> int:
    """Number of sound files in a directory itself, 0 for what is none."""
    place = Path(expanded(path))
    names = os.listdir(place) if is_directory(place) else []
    return sum(name.lower().endswith(SUFFIXES) and not name.startswith(".") for name in names)


def require(path: str | Path) -> None:
    """Raise a UsageError unless there are drums; the sound itself is not read."""
    if is_directory(expanded(path)):
        find(path)


@contextmanager
def drums_of(path: str | Path) -> Iterator[list[Drum]]:
    """The drums of a directory or an archive, whose files are there until the end.

    Raises: UsageError naming every problem; RunError when an archive can't be unpacked here.
    """
    place = Path(expanded(path))
    if is_directory(place):
        yield find(place)
        return
    with hydrogen.unpacked(place, SUFFIXES) as folder:
        yield _of_kit(folder / hydrogen.TABLE, place.stem, str(place))


def find(directory: str | Path) -> list[Drum]:
    """The drums of a folder and of the folders in it, in order of name.

    Raises: UsageError naming every problem.
    """
    root = Path(expanded(directory))
    pack = Path(os.path.abspath(root)).name or "drum"
    problems: list[str] = []
    drums: dict[Path, Drum] = {}
    snareless: list[NoSnareError] = []  # kits that are left out where there are others
    number, todo = 0, [root]
    while todo:
        folder = todo.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            problems.append(f"{folder} can't be looked into: {error.strerror or error}; give it permission")
            continue
        number += len(entries)
        if number > _MOST_FILES:
            raise UsageError(f"{root} has more than {_MOST_FILES:,} files; name the folder of the drum")
        entries = [entry for entry in entries if not entry.name.startswith((".", "__MACOSX"))]
        below = folder.relative_to(root).as_posix().removeprefix(".")
        if any(entry.name == "bank.json" for entry in entries):
            continue
        if any(entry.name == hydrogen.TABLE for entry in entries):
            with collected(problems), _kept(snareless):
                kit = _of_kit(folder / hydrogen.TABLE, folder.name or pack, str(folder))
                drums |= {folder / str(i): drum for i, drum in enumerate(kit)}
            continue
        sounds = [e for e in entries if e.name.lower().endswith(SUFFIXES) and not _is_folder(e)]
        wrong = {entry.name: _unfit(entry, root) for entry in sounds}
        problems += filter(None, wrong.values())
        fit = [entry for entry in sounds if not wrong[entry.name]]
        todo += reversed([folder / entry.name for entry in entries if _is_folder(entry)])
        for entry in entries:
            if entry.is_symlink() and _leads_to_folder(entry):
                problems.append(f"{entry.path} is a link to a folder; copy the folder in its place")
        if fit:
            recordings = [Recording(Path(e.path), f"{below}/{e.name}".lstrip("/"), e.path) for e in fit]
            parent = drums.get(folder.parent)
            if folder != root and parent and _SIDE_STICK.search(folder.name):
                parent.parts["side_stick"] = parent.parts.get("side_stick", []) + recordings
            else:
                drums[folder] = Drum(pack, below, _parts(recordings))
    for folder, drum in drums.items():
        if (size := len(drum.recordings)) > _MOST_RECORDINGS:
            problems.append(f"{folder} has {size:,} recordings of at most {_MOST_RECORDINGS:,}; remove some")
    raise_all(problems)
    if not drums and snareless:
        raise_all(problem for error in snareless for problem in error.problems)
    if not drums:
        raise UsageError(
            f"no sound file ({', '.join(SUFFIXES)}), no {hydrogen.TABLE} and no .sf2 or .sf3 file in "
            f"{root}; put recordings of single strokes or a soundfont there, or name another directory or a "
            f"{hydrogen.ARCHIVE} file"
        )
    return list(drums.values())


@contextmanager
def _kept(errors: list[NoSnareError]) -> Iterator[None]:
    try:
        yield
    except NoSnareError as error:
        errors.append(error)


def _is_folder(entry: os.DirEntry) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _leads_to_folder(entry: os.DirEntry) -> bool:
    with suppress(OSError):
        return entry.is_dir()
    return False


def _unfit(entry: os.DirEntry, root: Path) -> str:
    """What is wrong with a sound file before it is read; empty for nothing."""
    try:
        entry.path.encode()
    except UnicodeEncodeError:
        return f"the name of {os.fsencode(entry.path)!r} is no UTF-8; rename the file"
    if not is_line(entry.name) or not is_line(entry.path):
        return f"the name of {entry.path!r} has control characters; rename the file"
    if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(os.path.realpath(root)):
        return f"{entry.path} is a link that leads out of {root}; copy the file in its place"
    return ""


def _parts(recordings: list[Recording]) -> dict[str, list[Recording]]:
    stick = [r for r in recordings if _SIDE_STICK.search(Path(r.name).stem)]
    centre = [r for r in recordings if r not in stick]
    if not centre or not stick:
        return {"centre": recordings}
    return {"centre": centre, "side_stick": stick}


def _of_kit(table: Path, name: str, shown: str) -> list[Drum]:
    """The snares of a kit.

    Args:
        name: of the kit, where it has none of its own.
        shown: the place as the user knows it.

    Raises: UsageError naming every problem.
    """
    kit = hydrogen.read_table(table, f"{shown}/{table.name}")
    folder = table.parent
    problems: list[str] = []
    snares: list[tuple[str, list[Recording]]] = []
    stick: list[Recording] = []
    for instrument, layers in kit.instruments:
        is_stick = bool(_SIDE_STICK.search(instrument) or _STICK.search(instrument))
        is_snare = "snare" in instrument.lower() and not _SEVERAL.search(instrument)
        if (is_stick and stick) or not (is_stick or is_snare):
            continue
        recordings = []
        for layer in layers:
            path = folder / layer.file
            inside = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
            if not inside or not is_file(path):
                problems.append(
                    f"{shown}: {layer.file!r} of the instrument {instrument!r} is not in the kit; restore it"
                )
            low, high = layer.low * 127.0, layer.high * 127.0
            ratio = round(2.0 ** (layer.pitch / 12.0), 9)
            place = f"{shown}/{layer.file}"
            recordings.append(Recording(path, layer.file, place, (low, high), layer.gain, ratio))
        if is_stick:
            stick = recordings
        else:
            snares.append((instrument, recordings))
    raise_all(problems)
    if not snares:
        have = ", ".join(one_line(instrument) for instrument, _ in kit.instruments[:40]) or "none with sound"
        raise NoSnareError(f"{shown} has no instrument called snare; its instruments are {have}")
    about = {key: text for key, text in (("author", kit.author), ("info", kit.info)) if text}
    drums = []
    for instrument, recordings in snares:
        parts = {"centre": recordings, **({"side_stick": stick} if stick else {})}
        drums.append(Drum(kit.name or name, instrument, parts, kit.licence, about))
    return drums
