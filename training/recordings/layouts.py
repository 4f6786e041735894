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
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sousa.generation.errors import first_line, one_of
from sousa.generation.outside import CONFIG_BYTES
from sousa.generation.text import is_line, one_line
from sousa.training.recordings import annotated
from sousa.training.recordings.annotated import Event

SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
_ENST_SOUNDS = ("wet_mix", "dry_mix", "snare")
_NOT_ANNOTATIONS = re.compile(r"(readme|licen[cs]e|changelog|notes?)\b", re.IGNORECASE)


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
        events = annotated.read_table(path, problems)
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
    parsed = {
        name: annotated.read_xml(wanted[name], problems) for name in sorted(set(own.values()) & wanted.keys())
    }
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
        rows = csv.DictReader(
            io.StringIO(annotated.read_text(table, problems, CONFIG_BYTES) or "", newline="")
        )
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
                if (events := annotated.read_midi(root / midi, problems)) is not None:
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
            events = annotated.read_table(path, problems)
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
        if (
            stem in annotations
            and (events := annotated.read_own_table(annotations[stem], problems)) is not None
        ):
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
