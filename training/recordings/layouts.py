"""Where published collections keep their sounds and annotations.

Conventions: a layout is a function of a directory that yields a :class:`Piece` for every sound, with every
annotated event of it, whatever the instrument. Problems are appended to a list of sentences; a piece with a
problem is not yielded. Times are seconds from the start of the sound, as in the files.

- ``mdb``: MDB Drums. ``audio/drum_only/NAME_Drum.wav``, ``audio/full_mix/NAME_MIX.wav``;
  ``annotations/subclass/NAME_subclass.txt``, or where that is missing ``annotations/class/NAME_class.txt``:
  lines of seconds and label.
- ``idmt``: IDMT-SMT-Drums. ``audio/NAME#MIX.wav``, tracks of single instruments ``audio/NAME#SD.wav``;
  ``annotation_xml/NAME#MIX.xml`` with ``event`` elements that hold ``onsetSec`` and ``instrument``. Single
  strokes for training (``NAME#SD#train.wav``) are left out.
- ``groove``: Groove MIDI Dataset and E-GMD. A CSV file with ``midi_filename``, ``audio_filename`` and
  ``split``; notes of the MIDI files. Rows without sound are left out.
- ``enst``: ENST-Drums. ``drummer_N/annotation/NAME.txt``: lines of seconds and label;
  ``drummer_N/audio/{wet_mix,dry_mix,snare}/NAME.wav``.
- ``folder``: ``NAME.wav`` beside ``NAME.txt`` or ``NAME.csv``: seconds and, if wanted, a label, separated by
  commas, semicolons, tabs or spaces; also label tracks of Audacity (start, end, label).
"""

import csv
import io
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sousa.generation.errors import first_line, one_of
from sousa.generation.outside import CONFIG_BYTES, SMALL_BYTES
from sousa.generation.outside import read as read_bytes
from sousa.generation.text import is_line, one_line

SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
_ENST_SOUNDS = ("wet_mix", "dry_mix", "snare")
_MIDI_BYTES = 4 << 20
_ENDLESS = re.compile(rb"[\x80-\xff]{4096}")  # a length that mido would read in quadratic time
_HEADS = {
    "time",
    "times",
    "sec",
    "secs",
    "second",
    "seconds",
    "onset",
    "onsets",
    "onset_sec",
    "start",
    "start_sec",
}
_NOT_ANNOTATIONS = re.compile(r"(readme|licen[cs]e|changelog|notes?)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Event:
    """An annotated onset: seconds, the label as written, and where that stands (``file:line``)."""

    sec: float
    label: str
    place: str


@dataclass(frozen=True)
class Piece:
    """A sound with its events.

    Attributes:
        version: which of the sounds of a performance this is.
        group: name of the performance.
        split: as the collection has it, or None.
        only: label of the only instrument in the sound, or None.
        accompanied: whether other instruments than drums sound in it.
    """

    sound: Path
    events: list[Event]
    version: str
    group: str
    split: str | None = None
    only: str | None = None
    accompanied: bool = False


def mdb(root: Path, problems: list[str]) -> Iterator[Piece]:
    """The pieces of MDB Drums."""
    annotations: dict[str, Path] = {}
    for kind in ("class", "subclass"):  # the finer is read where both are there
        for path in _files(root / "annotations" / kind, (".txt",)):
            annotations[path.stem.removesuffix(f"_{kind}")] = path
    versions = (("drum_only", "_Drum"), ("full_mix", "_MIX"))
    sounds = {
        version: {path.stem.removesuffix(end): path for path in _files(root / "audio" / version, SOUNDS)}
        for version, end in versions
    }
    _unmatched(annotations, sounds, "annotations/subclass/NAME_subclass.txt", problems)
    for name, path in annotations.items():
        events = _table(path, problems)
        for version in sounds:
            if events is not None and name in sounds[version]:
                full = version == "full_mix"
                yield Piece(sounds[version][name], events, version, name, accompanied=full)


def idmt(root: Path, problems: list[str]) -> Iterator[Piece]:
    """The pieces of IDMT-SMT-Drums."""
    annotations = {path.stem: path for path in _files(root / "annotation_xml", (".xml",))}
    sounds: dict[str, Path] = {}
    for path in _files(root / "audio", SOUNDS):
        if not path.stem.endswith("#train"):
            sounds[path.stem] = path
    wanted = {name: path for name, path in annotations.items() if not name.endswith("#train")}
    # a track of a single instrument has the annotation of its mix
    own = {name: name if name in wanted else f"{name.partition('#')[0]}#MIX" for name in sounds}
    problems += [
        f"{one_line(str(sounds[name]))} has no annotation annotation_xml/{one_line(own[name])}.xml; add it, "
        "or remove the sound"
        for name in sounds
        if own[name] not in wanted
    ]
    _soundless({name: path for name, path in wanted.items() if name not in sounds}, problems)
    parsed = {name: _xml(wanted[name], problems) for name in sorted(set(own.values()) & wanted.keys())}
    for name, path in sounds.items():
        events = parsed.get(own[name])
        group, _, version = name.partition("#")
        if events is None:
            continue
        only = None if version in ("MIX", "") else version
        kept = [event for event in events if only in (None, event.label)]
        yield Piece(path, kept, version or "MIX", group, only=only)


def groove(root: Path, problems: list[str], split: str | None = None) -> Iterator[Piece]:
    """The pieces of the Groove MIDI Dataset and of E-GMD; of one split, the others need not be there."""
    known = set()
    for table in groove_tables(root):
        place = one_line(str(table))
        rows = csv.DictReader(io.StringIO(_text(table, problems, CONFIG_BYTES) or "", newline=""))
        try:
            for row in rows:
                where, above = f"{place}:{rows.line_num}", one_line(str(root))
                midi, audio = ((row.get(key) or "").strip() for key in ("midi_filename", "audio_filename"))
                part = (row.get("split") or "").strip() or None
                known.add(part)
                if not audio or split not in (None, part):
                    continue
                if wrong := [name for name in (midi, audio) if _leads_out(name)]:
                    problems.append(f"{where}: {wrong[0]!r} leads out of {above}; name a file in it")
                    continue
                missing = [name for name in (midi, audio) if not (root / name).is_file()]
                if missing:
                    problems += [
                        f"{where}: there is no file {name} in {above}; add it, or remove the row"
                        for name in missing
                    ]
                    continue
                if (events := _midi(root / midi, problems)) is not None:
                    version = (row.get("kit_name") or "").strip() or "audio"
                    group = str(PurePosixPath(row.get("id") or midi))
                    yield Piece(root / audio, events, version, group, part)
        except csv.Error as error:
            problems.append(
                f"{place}:{rows.line_num}: no row of CSV ({one_line(first_line(error))}); mend the file"
            )
    if split not in (None, *known):
        problems.append(f"there is no split {one_of(split, sorted(filter(None, known)))}")


def enst(root: Path, problems: list[str]) -> Iterator[Piece]:
    """The pieces of ENST-Drums."""
    for player in sorted(path for path in root.glob("drummer_*") if path.is_dir()):
        annotations = {path.stem: path for path in _files(player / "annotation", (".txt",))}
        sounds = {
            version: {path.stem: path for path in _files(player / "audio" / version, SOUNDS)}
            for version in _ENST_SOUNDS
        }
        _unmatched(annotations, sounds, f"{player.name}/annotation/NAME.txt", problems)
        for name, path in annotations.items():
            events = _table(path, problems)
            for version in sounds:
                if events is not None and name in sounds[version]:
                    yield Piece(sounds[version][name], events, version, f"{player.name}/{name}")


def folder(root: Path, problems: list[str]) -> Iterator[Piece]:
    """The pieces of a folder of the user's own, and of the folders in it."""
    sounds: dict[Path, Path] = {}
    annotations: dict[Path, Path] = {}
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(parent, name) for name in sorted(names) if not name.startswith(".")):
            stem, suffix = path.with_suffix(""), path.suffix.lower()
            kept = sounds if suffix in SOUNDS else annotations if suffix in (".txt", ".csv") else None
            if kept is None:
                continue
            if stem in kept:
                both = f"{one_line(str(path))} and {one_line(kept[stem].name)}"
                problems.append(f"{both} differ only in their ending; keep one of them, or rename one")
                continue
            kept[stem] = path
    for stem, path in sounds.items():
        if stem not in annotations:
            problems.append(
                f"{one_line(str(path))} has no annotation {one_line(stem.name)}.txt or .csv; add it (lines "
                "of seconds and, if wanted, a label), or remove the sound"
            )
    alone = {str(stem): path for stem, path in annotations.items() if stem not in sounds}
    _soundless({s: path for s, path in alone.items() if not _NOT_ANNOTATIONS.match(path.name)}, problems)
    for stem, path in sounds.items():
        if stem in annotations and (events := _own_table(annotations[stem], problems)) is not None:
            group = stem.relative_to(root).as_posix()
            yield Piece(path, events, "audio", group)


LAYOUTS = {"mdb": mdb, "idmt": idmt, "groove": groove, "enst": enst, "folder": folder}
SIGNS = {
    "mdb": "annotations/class or annotations/subclass beside audio",
    "idmt": "annotation_xml beside audio",
    "groove": "a CSV file with the columns midi_filename and audio_filename",
    "enst": "drummer_1/annotation",
    "folder": f"sound files ({', '.join(SOUNDS)})",
}


def layout_of(root: Path) -> str | None:
    """The name of the layout that a directory has, or None."""
    if any((root / "annotations" / kind).is_dir() for kind in ("class", "subclass")):
        return "mdb"
    if (root / "annotation_xml").is_dir():
        return "idmt"
    if any((path / "annotation").is_dir() for path in root.glob("drummer_*")):
        return "enst"
    if groove_tables(root):
        return "groove"
    for _, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if any(name.lower().endswith(SOUNDS) for name in names):
            return "folder"
    return None


def groove_tables(root: Path) -> list[Path]:
    """The CSV files in a directory that have the columns of the Groove MIDI Dataset."""
    out = []
    for path in _files(root, (".csv",)):
        try:
            with path.open(encoding="utf-8-sig", errors="replace") as file:
                head = file.readline(4096)
        except OSError:
            continue
        if {"midi_filename", "audio_filename"} <= {name.strip().strip('"') for name in head.split(",")}:
            out.append(path)
    return out


def _files(directory: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Files of a directory in order of name; none where there is no directory."""
    if not directory.is_dir():
        return []
    paths = (path for path in directory.iterdir() if not path.name.startswith("."))
    return sorted(path for path in paths if path.suffix.lower() in suffixes and path.is_file())


def _unmatched(
    annotations: dict[str, Path], sounds: dict[str, dict[str, Path]], pattern: str, problems: list[str]
) -> None:
    """Sentences for sounds without annotation and annotations without any sound."""
    for version in sounds.values():
        for name in sorted(version.keys() - annotations.keys()):
            wanted = one_line(pattern.replace("NAME", name))
            problems.append(
                f"{one_line(str(version[name]))} has no annotation {wanted}; add it, or remove the sound"
            )
    with_sound = {name for version in sounds.values() for name in version}
    _soundless({name: path for name, path in annotations.items() if name not in with_sound}, problems)


def _soundless(annotations: dict[str, Path], problems: list[str]) -> None:
    problems += [
        f"{one_line(str(path))} has no sound of that name; add the sound, or remove the annotation"
        for path in annotations.values()
    ]


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name or not is_line(name)


def _text(path: Path, problems: list[str], most: int = SMALL_BYTES) -> str | None:
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(
            f"{one_line(str(path))} can't be read as text ({one_line(first_line(error))}); save it as UTF-8"
        )
    return None


def _seconds(text: str) -> float | None:
    """A time that a text says, None where it says none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _table(path: Path, problems: list[str]) -> list[Event] | None:
    """Lines of seconds and label, in order of time; None where one can't be read."""
    before, events = len(problems), list[Event]()
    text = _text(path, problems)
    for number, line in enumerate((text or "").split("\n"), 1):
        fields, place = line.split(), f"{one_line(str(path))}:{number}"
        if not fields:
            continue
        sec = _seconds(fields[0])
        if sec is None or len(fields) != 2:
            problems.append(
                f"{place}: {_shown(line)} is not a time in seconds and a label; mend or remove the line"
            )
            continue
        events.append(Event(sec, fields[1], place))
    return None if text is None or len(problems) > before else sorted(events, key=lambda event: event.sec)


def _own_table(path: Path, problems: list[str]) -> list[Event] | None:
    """Lines of a user's own, which have to be in order of time."""
    before, events = len(problems), list[Event]()
    text = _text(path, problems)
    for number, line in enumerate((text or "").split("\n"), 1):
        place, line = f"{one_line(str(path))}:{number}", line.strip("\r ")
        # Audacity writes the frequencies of a label in a line that begins with a backslash
        if not line.strip() or line.startswith(("#", "\\")):
            continue
        fields = [field.strip().strip('"') for field in _split(line)]
        sec = _seconds(fields[0])
        if sec is None and not events and fields[0].lower() in _HEADS:
            continue
        if sec is None:
            problems.append(
                f"{place}: {_shown(line)} does not begin with a time in seconds such as 1.25; mend or "
                "remove the line"
            )
            continue
        rest = fields[1:]
        end = _seconds(rest[0]) if rest else None
        # where a label of Audacity ends; a whole number alone is a label, such as that of a MIDI note
        if end is not None and end >= sec and (len(rest) > 1 or "." in rest[0]):
            rest = rest[1:]
        if events and sec < events[-1].sec:
            problems.append(
                f"{place}: {sec:g} s comes after {events[-1].sec:g} s; put the lines in order of time"
            )
        events.append(Event(sec, " ".join(rest).strip(), place))
    return None if text is None or len(problems) > before else events


def _split(line: str) -> list[str]:
    for mark in "\t;,":
        if mark in line:
            return line.split(mark)
    return line.split(maxsplit=1)


def _shown(line: str) -> str:
    return repr(one_line(line.strip())[:60])


def _xml(path: Path, problems: list[str]) -> list[Event] | None:
    """Events of an annotation of IDMT-SMT-Drums, in order of time."""
    from xml.etree import ElementTree

    place, events, before = one_line(str(path)), list[Event](), len(problems)
    try:
        data = read_bytes(path, SMALL_BYTES)
        plain = data.replace(b"\0", b"")  # in UTF-16 as well
        if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
            raise ValueError("it has a DOCTYPE, which is not read")
        root = ElementTree.fromstring(data)
    except (OSError, ValueError, LookupError, ElementTree.ParseError) as error:
        problems.append(f"{place} can't be read as XML ({one_line(first_line(error))}); replace or remove it")
        return None
    for number, node in enumerate(root.iter("event"), 1):
        time, label = ((node.findtext(name) or "").strip() for name in ("onsetSec", "instrument"))
        sec = _seconds(time)
        if sec is None or not label:
            problems.append(
                f"{place}: event {number} has onsetSec {_shown(time)} and instrument {_shown(label)}; give "
                "seconds and a label"
            )
            continue
        events.append(Event(sec, label, f"{place}: event {number}"))
    return None if len(problems) > before else sorted(events, key=lambda event: event.sec)


def _midi(path: Path, problems: list[str]) -> list[Event] | None:
    """Notes of a MIDI file, in order of time; labels are their numbers."""
    import mido

    place, now, events = one_line(str(path)), 0.0, list[Event]()
    try:
        data = read_bytes(path, _MIDI_BYTES)
        if _ENDLESS.search(data):
            raise ValueError("a number in it does not end")
        file: Any = mido.MidiFile(file=io.BytesIO(data), clip=True)
        for message in file:
            now += message.time
            if message.type == "note_on" and message.velocity:
                events.append(Event(now, str(message.note), f"{place}: note {len(events) + 1}"))
    except Exception as error:  # of several kinds, by where the file ends
        problems.append(
            f"{place} can't be read as MIDI ({one_line(first_line(error))}); replace or remove it"
        )
        return None
    return events
