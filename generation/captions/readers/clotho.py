"""Clotho: clips of sounds of Freesound, each with five captions.

Conventions: ``clotho_captions_<part>.csv`` for the parts development, validation and evaluation, which are
train, validation and test, and beside them ``clotho_metadata_<part>.csv`` with keywords, licences and places
in the sound, where it is there. A file's name is its name to the letter: with commas, with double and leading
blanks, in letters of any script. Metadata are UTF-8, or Latin-1 where a line is none.
"""

import csv
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from sousa.generation.captions.clips import all_files
from sousa.generation.captions.files import byte_lines, csv_rows, meta, needed, text, there
from sousa.generation.captions.licences import licence_of
from sousa.generation.captions.readers import Reader, Rows, Wanted, told_of
from sousa.generation.errors import RunError

PARTS = {"development": "train", "validation": "validation", "evaluation": "test"}
CAPTIONS = [f"caption_{number}" for number in range(1, 6)]
RATE = 44_100  # Hz, of the samples that metadata count
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class Clotho(Reader):
    """Clotho."""

    name, title = "clotho", "Clotho"
    summary = "5,929 clips of sounds of all kinds, 15 to 30 s, with five captions each"
    homepage = "https://zenodo.org/records/4783391"
    caption_licence, caption_source = "LicenseRef-Tampere-Non-Commercial", "human"
    citation = """@inproceedings{drossos2020clotho,
  title = {Clotho: an Audio Captioning Dataset},
  author = {Drossos, Konstantinos and Lipping, Samuel and Virtanen, Tuomas},
  booktitle = {ICASSP}, year = {2020}
}"""

    def read(self, root: Path, wanted: Wanted) -> Iterator[pa.Table]:
        """As for every reader."""
        needed(root, self.title, *(f"clotho_captions_{part}.csv" for part in PARTS))
        rows = Rows(self)
        sounds = _sounds(root)
        for part, split in PARTS.items():
            if not there(path := root / f"clotho_captions_{part}.csv"):
                continue
            about = _metadata(root / f"clotho_metadata_{part}.csv")
            for row in csv_rows(path, "file_name", *CAPTIONS):
                name = row["file_name"]
                values = self._values(part, row, about.get(name, {}))
                values["audio_at"] = sounds.get((part, name)) or sounds.get(("", name))
                yield from rows.add("another row of a file of this name", split=split, **values)
        yield from rows.rest()

    def _values(self, part: str, row: dict[str, str], about: dict[str, str]) -> dict[str, Any]:
        name = row["file_name"]
        texts = [row[column] for column in CAPTIONS if text(row[column])]
        number = about.get("sound_id", "").strip()
        native = f"freesound:{number}" if number.isascii() and number.isdigit() else None
        link, licence = about.get("sound_link", "").strip(), licence_of(text(about.get("license")))
        place = re.fullmatch(r"\s*\[\s*(\d+)\s*,\s*(\d+)\s*\]\s*", about.get("start_end_samples", ""))
        user = text(about.get("manufacturer"))
        return {
            "source_id": source_id(part, name), **told_of(texts, self.caption_source, self.language),
            "native_id": native, "group_id": native or f"{part}/{name}", "title": name.removesuffix(".wav"),
            "artist": user, "artist_id": user,
            "tags": [tag for tag in about.get("keywords", "").split(";") if tag.strip()],
            "clip_start_sec": int(place[1]) / RATE if place else None,
            "clip_end_sec": int(place[2]) / RATE if place else None,
            "url": link if link.startswith("http") else None, "meta": meta(file_name=name),
            "rejected": "no name" if not name else None if texts else "no caption", **licence.columns(),
        }  # fmt: skip


def source_id(part: str, file_name: str) -> str:
    """A name of the letters that ids have, for a file whose name has any; different for different files."""
    digest = hashlib.sha256(f"{part}/{file_name}".encode()).hexdigest()[:8]
    return f"{_UNSAFE.sub('_', file_name.removesuffix('.wav'))[:60].strip('_')}-{digest}"


def _sounds(root: Path) -> dict[tuple[str, str], str]:
    """Paths by part and name: a name may be in two parts, and a part's files are in a folder of its name."""
    sounds: dict[tuple[str, str], str] = {}
    for entry in all_files(root):
        if entry.name.lower().endswith(".wav") and not entry.name.startswith("._"):
            path = Path(entry.path).relative_to(root)
            part = path.parent.name if path.parent.name in PARTS else ""
            sounds.setdefault((part, entry.name), path.as_posix())
    return sounds


def _metadata(path: Path) -> dict[str, dict[str, str]]:
    """Rows by the name of the file; none where the table is not there."""
    if not there(path):
        return {}
    try:
        rows = csv.DictReader(_decoded(line) for _, line in byte_lines(path))
        return {row.get("file_name") or "": {k: v or "" for k, v in row.items() if k} for row in rows}
    except csv.Error as error:
        raise RunError(f"{path} is not CSV: {error}; get the file again") from None


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return line.decode("latin-1")
