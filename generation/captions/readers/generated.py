"""Datasets that ``sousa generate`` made, whose corpus tells in sentences what its rows sound like."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from sousa.generation import corpora
from sousa.generation.captions.readers import READERS, Reader, Rows, Wanted, told_of
from sousa.generation.columns import Group, having
from sousa.generation.errors import UsageError
from sousa.generation.licences import Licensed, of_plugin
from sousa.generation.manifest import MANIFEST
from sousa.generation.outside import is_file
from sousa.generation.reopen import open_dataset
from sousa.generation.tables import row_groups

_LABELS = "MIT"  # of the corpora of this package; those of others state theirs
_FREE = "CC0-1.0"
_MORE = ("duration_sec", "title")  # the second where there is one


def is_dataset(root: Path) -> bool:
    """Whether a folder is a dataset directory."""
    return is_file(root / MANIFEST)


class NoCaptions(UsageError):
    """A dataset whose corpus has no captions of its own."""


class Generated(Reader):
    """A dataset directory as a captioned corpus, called as its folder: there may be several of one corpus.

    Raises: UsageError when its corpus has no captions; as :func:`sousa.generation.reopen.open_dataset`.
    """

    homepage = ""
    caption_source = "template"

    def __init__(self, root: Path):
        self.dataset = open_dataset(root)
        corpus = self.dataset.corpus
        folder = source_id(root.name)
        self.name = corpus.name if folder in ("", *READERS) else folder
        self.title, self.summary = corpus.title, corpus.summary
        # the same players and pieces are in every dataset of a seed
        self._groups = f"{corpus.name}:{getattr(self.dataset.config, 'seed', '')}"
        if not corpus.captions_from:
            raise NoCaptions(f"{root} holds rows of {corpus.name}, which tells no captions of its own")
        parts = corpus.packaging(self.dataset.config, self.dataset.manifest).made_of
        if corpus.name in corpora.BUILT_IN:
            self.caption_licence = _LABELS
        else:
            own = [part for part in parts if part.kind == "corpus"]
            parts = parts if own else (of_plugin("corpus", corpora.GROUP, corpus.name), *parts)
            self.caption_licence = parts[0].licence_id or "LicenseRef-not-stated"
        self._licence = licence_columns(parts)

    def read(self, root: Path, wanted: Wanted) -> Iterator[pa.Table]:
        """See :meth:`sousa.generation.captions.readers.Reader.read`."""
        corpus, stored = self.dataset.corpus, self.dataset.columns
        group = next((column.name for column in having(stored, Group)), "sample_id")
        names = {column.name for column in stored}
        has_sound = "audio" in names
        sound = ("pcm_digest",) if has_sound else ()  # null where there is none
        needed = {*corpus.captions_from, "sample_id", "split", group, *_MORE, *sound}
        columns = sorted(needed & names)
        rows = Rows(self)
        for record in self.dataset.records:
            number = 0
            for table in row_groups(root / record["file"], columns):
                for row in table.to_pylist():
                    at = f"{record['file']}#{number}" if has_sound and row["pcm_digest"] else None
                    number += 1
                    yield from rows.add(**self._row(row, row[group], at))
        yield from rows.rest()

    def _row(self, row: Mapping[str, Any], group: Any, at: str | None) -> dict[str, Any]:
        captions = self.dataset.corpus.captions(row)
        return {
            **self._licence,
            "source_id": source_id(row["sample_id"]),
            "split": row["split"],
            "group_id": f"{self._groups}:{group}",
            **told_of(captions, self.caption_source, self.language),
            "track_duration_sec": row["duration_sec"],
            "title": row.get("title"),
            "audio_at": at,
            "rejected": None if captions else "no caption",
        }


def source_id(name: str) -> str:
    """The name of a row in letters that ids have: others are ``_``, and a digest keeps such names apart."""
    plain = re.sub("[^A-Za-z0-9._-]", "_", name)
    if plain == name:
        return name
    return f"{plain}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"


def licence_columns(parts: Iterable[Licensed]) -> dict[str, Any]:
    """What rows that are made of some things say of their licence; unknown when one of these is not known."""
    parts = list(parts)
    if any(part.licence_id is None for part in parts):
        texts = dict.fromkeys(f"{part.name}: {part.licence}" for part in parts)
        return {"licence_raw": "; ".join(texts)}
    # as for releases: what is free of conditions takes any other's, or that of what plays it
    ids = sorted({str(part.licence_id) for part in parts} - {_FREE})
    ids = ids or [_FREE if any(part.kind == "corpus" for part in parts) else _LABELS]
    conditions = {word for identifier in ids for word in identifier.split("-")}
    return {
        "licence": " AND ".join(ids),
        "licence_nc": "NC" in conditions,
        "licence_nd": "ND" in conditions,
        "licence_sa": "SA" in conditions,
    }
