"""JamendoMaxCaps: some 362,000 instrumental tracks of Jamendo, captioned by a model in parts of 30 s.

Files: ``final_caption30sec.jsonl``, once ``caption30sec.jsonl`` (an object a part: ``id``, ``caption``,
``start_time``, ``end_time``); ``YYYY-MM-DD.jsonl`` (an object a track, as Jamendo's API gives it; a track may
be in several); ``data/*.parquet`` (a column ``audio``, whose path is the id with ``.mp3``).

Conventions: a row is a track, in the order of the dates, as its first object tells of it. Its captions are in
the order of the parts; parts without text are counted in ``meta``. Tracks that no date has are rejected last:
nobody knows their licences and artists. Of captions and sounds only their places are kept in memory, 16 bytes
each; the sounds themselves are not read.
"""

import math
import re
from array import array
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation.captions.files import json_lines, json_object, meta, needed, number, text
from sousa.generation.captions.jamendo import common, id_of, source
from sousa.generation.captions.licences import licence_of
from sousa.generation.captions.readers import Reader, Rows, Wanted
from sousa.generation.errors import RunError, UsageError, told
from sousa.generation.outside import ANY_BYTES, opened
from sousa.generation.parquet import NO_THREADS, parquet_file

CAPTIONS = ("final_caption30sec.jsonl", "caption30sec.jsonl")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\.jsonl")
_BLOCK = 1 << 16  # names of sounds
_BROKEN, _NO_ID = "a broken line", "no id"
_INFO = ("vocalinstrumental", "lang", "gender", "acousticelectric", "speed")


class _Places:
    """Where things are, by the track they belong to."""

    def __init__(self) -> None:
        self._tracks, self._places = array("q"), array("q")

    def add(self, track: int, place: int) -> None:
        """Note a place of a track, before any is asked for."""
        self._tracks.append(track)
        self._places.append(place)

    def sort(self) -> None:
        """Make ready to be asked."""
        order = np.argsort(np.frombuffer(self._tracks, np.int64), kind="stable")
        self.tracks = np.frombuffer(self._tracks, np.int64)[order]
        self.places = np.frombuffer(self._places, np.int64)[order]
        self._tracks, self._places = array("q"), array("q")

    def of(self, track: int) -> list[int]:
        """The places of a track, in the order in which they were noted."""
        first, end = np.searchsorted(self.tracks, (track, track + 1))
        return self.places[first:end].tolist()


class JamendoMaxCaps(Reader):
    """Reads JamendoMaxCaps."""

    name, title = "jamendo_max_caps", "JamendoMaxCaps"
    summary = "some 362,000 instrumental tracks of Jamendo, captioned by a model in parts of 30 s"
    homepage = "https://huggingface.co/datasets/amaai-lab/JamendoMaxCaps"
    caption_licence, caption_source = "CC-BY-SA-3.0", "model"
    may_overlap = True
    citation = """@article{roy2025jamendomaxcaps,
  title={JamendoMaxCaps: A Large Scale Music-caption Dataset with Imputed Metadata},
  author={Roy, Abhinaba and Liu, Renhang and Lu, Tongyu and Herremans, Dorien},
  journal={arXiv preprint arXiv:2502.07461},
  year={2025},
}"""

    def read(self, root: Path, wanted: Wanted) -> Iterator[pa.Table]:
        """A row a track; broken lines, of captions first."""
        table = needed(root, self.title, *CAPTIONS)
        dates = sorted(path for path in root.iterdir() if _DATE.fullmatch(path.name))
        if not dates:
            raise UsageError(
                f"{root} does not hold {self.title}: there is no YYYY-MM-DD.jsonl with metadata; name "
                "the folder that holds it, or get it with 'sousa download'"
            )
        shards = sorted(path for path in root.glob("data/*.parquet") if not path.name.startswith("."))
        rows, parts, sounds = Rows(self), _Places(), _Places()
        yield from _note_parts(table, parts, rows)
        yield from _note_sounds(shards, sounds, rows)
        seen = set[int]()
        with opened(table, ANY_BYTES) as captions:
            for path in dates:
                for place, entry in json_lines(path):
                    name = f"{path.stem}.byte-{place}"
                    track = _id(entry.get("id")) if entry else None
                    if entry is None or track is None:
                        yield from rows.add(source_id=name, rejected=_NO_ID if entry else _BROKEN)
                        continue
                    row = self._row(track, entry)
                    if track in seen:
                        row |= {"source_id": f"{track}.{name}", "rejected": "its id came before"}
                    else:
                        seen.add(track)
                        row |= self._described(row, [_line(captions, place) for place in parts.of(track)])
                        row["audio_at"] = _at(root, shards, sounds.of(track))
                    yield from rows.add(**row | {"meta": meta(**row["meta"])})
        for track in np.union1d(parts.tracks, sounds.tracks).tolist():
            if track not in seen:
                name = str(track)
                yield from rows.add(source_id=name, native_id=source(name), rejected="no metadata")
        yield from rows.rest()

    def _row(self, track: int, entry: dict[str, Any]) -> dict[str, Any]:
        """What the metadata tell of a track."""
        info = entry["musicinfo"] if isinstance(entry.get("musicinfo"), dict) else {}
        tags = info["tags"] if isinstance(info.get("tags"), dict) else {}
        genres, instruments, others = (
            [tag for tag in tags[kind] if text(tag)] if isinstance(tags.get(kind), list) else []
            for kind in ("genres", "instruments", "vartags")
        )
        duration = number(entry.get("duration")) or None
        row = common(
            str(track), id_of(text(entry.get("artist_id"))), id_of(text(entry.get("album_id"))), None
        )
        return row | licence_of(None, text(entry.get("license_ccurl"))).columns() | {
            "title": text(entry.get("name")), "artist": text(entry.get("artist_name")),
            "track_duration_sec": duration, "clip_start_sec": 0.0, "clip_end_sec": duration,
            "tags": [*genres, *instruments, *others], "genres": genres,
            "url": text(entry.get("shareurl")) or row["url"],
            "meta": {
                "instruments": instruments, "album": text(entry.get("album_name")),
                "released": text(entry.get("releasedate")),
                "download_allowed": entry.get("audiodownload_allowed"),
                **{name: text(info.get(name)) for name in _INFO},
            },
        }  # fmt: skip

    def _described(self, row: dict[str, Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
        """The captions of the parts of a track."""
        captions = [
            {"text": said.strip(), "source": self.caption_source, "language": self.language,
             "start_sec": number(part.get("start_time")), "end_sec": number(part.get("end_time"))}
            for part in parts if (said := text(part.get("caption")))
        ]  # fmt: skip
        captions.sort(key=lambda caption: math.inf if caption["start_sec"] is None else caption["start_sec"])
        first = captions[0] if captions else {}
        return {
            "caption": first.get("text"), "caption_start_sec": first.get("start_sec"),
            "caption_end_sec": first.get("end_sec"), "alt_captions": captions[1:],
            "meta": row["meta"] | {"without_text": len(parts) - len(captions) or None},
            "rejected": None if captions else "no caption",
        }  # fmt: skip


def _id(value: Any) -> int | None:
    track = id_of(text(value))
    return int(track) if track else None


def _note_parts(table: Path, parts: _Places, rows: Rows) -> Iterator[pa.Table]:
    """Note where the captions of each track are; tables of the lines that are none."""
    for place, part in json_lines(table):
        if part and (track := _id(part.get("id"))) is not None:
            parts.add(track, place)
        else:
            name = f"{table.stem}.byte-{place}"
            yield from rows.add(source_id=name, rejected=_NO_ID if part else _BROKEN)
    parts.sort()


def _note_sounds(shards: list[Path], sounds: _Places, rows: Rows) -> Iterator[pa.Table]:
    """Note where the sound of each track is; tables of the rows whose sound has no id."""
    for shard, path in enumerate(shards):
        for place, name in enumerate(_sound_names(path)):
            if (track := _id(PurePosixPath(name or "").stem)) is not None:
                sounds.add(track, shard << 32 | place)
            else:
                yield from rows.add(source_id=f"{path.stem}.row-{place}", rejected=_NO_ID)
    sounds.sort()


def _line(file: Any, place: int) -> dict[str, Any]:
    file.seek(place)
    return json_object(file.readline()) or {}


def _at(root: Path, shards: list[Path], places: list[int]) -> str | None:
    if not places:
        return None
    return f"{shards[places[0] >> 32].relative_to(root).as_posix()}#{places[0] & 0xFFFFFFFF}"


def _sound_names(path: Path) -> Iterator[str | None]:
    """Paths in the column ``audio`` of a Parquet file; the sounds are not read."""
    try:
        with parquet_file(path) as file:
            if "audio.path" not in [file.schema.column(i).path for i in range(len(file.schema))]:
                raise RunError(f"{path} has no column audio with a path; get the file again")
            for batch in file.iter_batches(_BLOCK, columns=["audio.path"], **NO_THREADS):
                yield from batch.column(0).field("path").cast(pa.string()).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{path} can't be read: {told(error)}; get the file again") from None
