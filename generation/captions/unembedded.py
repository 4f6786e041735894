"""Captioned rows that are no dataset directory yet, as tables with roles: of a JSON file, or of a corpus.

Conventions: columns are those that corpora publish, with ``duration_sec`` as it is stated, and ``audio_at``;
the paths of a JSON file are absolute, those of a corpus relative to its folder.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation import columns
from sousa.generation.captions import unified_json
from sousa.generation.captions.columns import MEASURED, PUBLISHED
from sousa.generation.captions.licences import licence_of
from sousa.generation.captions.readers import Wanted, reader, told_of
from sousa.generation.columns import Column
from sousa.generation.errors import RunError

_AUDIO_AT = Column("audio_at", "string", "", "where the sound is")
COLUMNS = (*PUBLISHED, *(c for c in MEASURED if c.name == "duration_sec"), _AUDIO_AT)
_SCHEMA = columns.schema(COLUMNS, 44100)  # the rate is of audio, which there is not
_BLOCK_ROWS = 4096


def from_json(path: str | Path) -> Iterator[pa.Table]:
    """Rows of a unified JSON file; raises RunError for what is none, and for an id that comes twice."""
    folder, ids = Path(path).absolute().parent, set[str]()
    entries = unified_json.read(path)
    while block := list(islice(entries, _BLOCK_ROWS)):
        for entry in block:
            if entry["id"] in ids:
                raise RunError(f"{path}: the id {entry['id']!r} comes twice; ids are unique")
            ids.add(entry["id"])
        yield pa.Table.from_pylist([_row(entry, folder) for entry in block], _SCHEMA)


def _row(entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    source, language = entry.get("caption_source") or None, entry.get("language") or None
    others = entry.get("alt_captions") or ()
    group = entry.get("group_id") or entry.get("artist")
    return told_of([entry["caption"], *others], source, language) | {
        "sample_id": entry["id"], "dataset": entry.get("dataset") or "unified",
        "split": unified_json.split_of(entry), "group_id": group if isinstance(group, str) else None,
        "caption_source": source, "language": language, "url": entry.get("url"),
        "artist": entry.get("artist"), "title": entry.get("title"), "tags": entry.get("tags") or [],
        "genres": entry.get("genres") or [], **licence_of(entry.get("license")).columns(),
        "duration_sec": float(entry["duration"]), "audio_at": os.path.join(folder, entry["audio_path"]),
    }  # fmt: skip


def from_corpus(name: str, root: Path) -> Iterator[pa.Table]:
    """Rows of a published corpus that can be used, with and without sound; raises as its reader does."""
    for table in reader(name).read(root, Wanted(metadata_only=True)):
        usable = table.filter(pc.is_null(table["rejected"]))
        there = set(usable.column_names)
        arrays = [usable[f.name] if f.name in there else pa.nulls(len(usable), f.type) for f in _SCHEMA]
        yield pa.table(arrays, schema=_SCHEMA)
