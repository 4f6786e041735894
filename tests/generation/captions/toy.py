"""Corpora that nobody published: tables of rows, with sounds or none, for tests of what is common."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import soundfile

from sousa.generation.captions import readers
from sousa.generation.captions.readers import Reader, Rows, Wanted

FIELDS = ("id", "caption", "split", "artist", "native", "licence", "seconds")


class Toy(Reader):
    """Rows of ``rows.csv``; the sound of row X is ``audio/X.flac``."""

    title, summary, homepage, caption_licence = "Toy", "rows for tests", "https://example.org", "CC0-1.0"

    def __init__(self, name: str, source: str):
        self.name, self.caption_source = name, source

    def read(self, root: Path, wanted: Wanted) -> Iterator[pa.Table]:
        rows = Rows(self)
        with open(root / "rows.csv", newline="", encoding="utf-8") as file:
            for line in csv.DictReader(file):
                at = f"audio/{line['id']}.flac"
                licence = line["licence"] or None
                yield from rows.add(
                    source_id=line["id"], caption=line["caption"], split=line["split"] or None,
                    artist=line["artist"], artist_id=line["artist"], group_id=line["artist"],
                    native_id=line["native"] or None, licence=licence, genres=line["caption"].split()[:1],
                    licence_nc=licence and "NC" in licence, licence_nd=licence and "ND" in licence,
                    audio_at=at if (root / at).exists() else None,
                    rejected=None if line["caption"] else "no caption",
                )  # fmt: skip
        yield from rows.rest()


def install(monkeypatch, **sources: str) -> None:
    """Make toy corpora known: dict of name to who wrote their captions."""
    monkeypatch.setattr(readers, "READERS", dict.fromkeys(sources, "toy:Toy"))
    for module in ("gathering", "settings", "packaging", "options"):
        target = __import__(f"sousa.generation.captions.{module}", fromlist=["READERS"])
        monkeypatch.setattr(target, "READERS", readers.READERS)
    toys = {name: Toy(name, source) for name, source in sources.items()}
    monkeypatch.setattr(readers, "_reader", toys.__getitem__)


def row(number: int, **values: str) -> dict[str, str]:
    """A row of a table."""
    usual = {
        "id": f"{number:05}", "caption": f"{'rock' if number % 3 else 'jazz'} tune {number}", "split": "",
        "artist": f"artist{number % 7}", "native": "", "licence": "CC-BY-4.0", "seconds": "",
    }  # fmt: skip
    return usual | values


def write(folder: Path, rows: list[dict[str, str]]) -> Path:
    """Write the files of a corpus; rows with ``seconds`` have a sound of that length."""
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    table = csv.DictWriter(text, FIELDS)
    table.writeheader()
    table.writerows(rows)
    (folder / "rows.csv").write_text(text.getvalue(), encoding="utf-8")
    for number, line in enumerate(rows):
        if line["seconds"]:
            count, pitch = int(float(line["seconds"]) * 8000), 100 + hash_of(folder.name, number) % 2000
            sound = 0.3 * np.sin(2 * np.pi * pitch * np.arange(count) / 8000)
            soundfile.write(folder / "audio" / f"{line['id']}.flac", sound, 8000, "PCM_16")
    return folder


def hash_of(name: str, number: int) -> int:
    """A number that differs between rows and corpora."""
    return sum(name.encode()) * 37 + number * 7
