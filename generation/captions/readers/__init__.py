"""Readers of published corpora with captions, one a corpus: from its files to rows of one schema.

A reader is a subclass of :class:`Reader` in a module of its own; :data:`READERS` is the list of them, and the
only one there is. The least that it has to say::

    class Tunes(Reader):
        name, title, summary = "tunes", "Tunes", "folk tunes with human captions"
        homepage, caption_licence, caption_source = "https://tunes.example", "CC-BY-4.0", "human"

        def read(self, root, wanted):
            rows = Rows(self)
            for line in lines_of(root / "tunes.csv"):
                yield from rows.add(source_id=line["id"], caption=line["text"])
            yield from rows.rest()

Conventions
-----------
``root`` is the folder of the corpus, as ``sousa download`` leaves it or as a user unpacked it. Every row that
is in the files is yielded once, those that can't be used with the reason in ``rejected``, so that rows read
are rows kept and rows rejected. Files are read in blocks: memory does not grow with their size. Rows come in
the order of the files, and hang on nothing else.

``source_id`` is of the letters ``A-Za-z0-9._-`` and unique in the corpus. ``split`` is the published one,
train, validation or test, and null where there is none; of a sound that is in several parts, the rows of the
last are read first, and the others rejected. ``group_id`` is what must not be in two splits.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from sousa.generation.captions.columns import READ
from sousa.generation.errors import UsageError, one_of

_HERE = "sousa.generation.captions.readers"
READERS = {
    "song_describer": f"{_HERE}.song_describer:SongDescriber",
    "jamendo_max_caps": f"{_HERE}.jamendo_max_caps:JamendoMaxCaps",
    "fma": f"{_HERE}.fma:FMA",
    "musicbench": f"{_HERE}.musicbench:MusicBench",
    "mtg_jamendo": f"{_HERE}.mtg_jamendo:MTGJamendo",
    "musiccaps": f"{_HERE}.musiccaps:MusicCaps",
    "audiocaps": f"{_HERE}.audiocaps:AudioCaps",
    "clotho": f"{_HERE}.clotho:Clotho",
}
BLOCK_ROWS = 4096
SEED = 42  # of paraphrases, where nobody names another one


@dataclass(frozen=True)
class Wanted:
    """Which of the published versions of a corpus are read; each reader looks at its own.

    Attributes:
        fma_size: small, medium, large or full; None for the largest that is there.
        mtg_split: which of the five published splits of MTG-Jamendo, 0 to 4.
        seed: of captions that are made from tags.
        metadata_only: rows whose sound is not there are kept, without one.
    """

    fma_size: str | None = None
    mtg_split: int = 0
    seed: int = SEED
    metadata_only: bool = False


class Reader(Protocol):
    """One published corpus.

    Attributes:
        name: as in READERS: of the folder, of the column ``dataset``.
        title, summary: for lists and cards.
        homepage: where it is published.
        caption_licence: SPDX identifier of the licence of captions and tags, or ``LicenseRef-NAME``.
        caption_source: human, model or template: who wrote the captions.
        language: of captions, where the files do not say it.
        citation: BibTeX of its paper.
        audio_from_youtube: the sound was cut from YouTube, and is never passed on.
        own: fields of Wanted that it alone looks at.
        may_overlap: its sounds may be among those of evaluation sets: they were published by Jamendo.
    """

    name: str
    title: str
    summary: str
    homepage: str
    caption_licence: str
    caption_source: str
    language: str | None = "en"
    citation: str = ""
    audio_from_youtube: bool = False
    may_overlap: bool = False
    own: tuple[str, ...] = ()

    @abstractmethod
    def read(self, root: Path, wanted: Wanted) -> Iterator[pa.Table]:
        """All rows, as tables of READ of some thousand rows.

        Raises: UsageError when ``root`` does not hold the corpus, naming the file that is missing;
            RunError when a file can't be read.
        """


def told_of(texts: Sequence[str], source: str | None, language: str | None) -> dict[str, Any]:
    """The columns of captions of one sound: the first, and all others."""
    others = [{"text": text, "source": source, "language": language} for text in texts[1:]]
    return {"caption": texts[0] if texts else None, "alt_captions": others}


def reader(name: str) -> Reader:
    """A reader by its name; raises UsageError when there is none."""
    if name not in READERS:
        raise UsageError(f"unknown corpus {one_of(name, READERS)}")
    return _reader(name)


@cache
def _reader(name: str) -> Reader:
    module, _, kind = READERS[name].partition(":")
    return getattr(import_module(module), kind)()


def sample_id(dataset: str, source_id: str) -> str:
    """Name of a row among those of all corpora."""
    return f"{dataset}_{source_id}"


class Rows:
    """Rows as dicts, gathered into tables.

    Attributes:
        seen: the ``source_id`` of every row that was added with a word on others of its name.
    """

    def __init__(self, reader: Reader):
        self.usual: dict[str, Any] = {
            "dataset": reader.name, "caption_source": reader.caption_source, "language": reader.language,
            "caption_licence": reader.caption_licence, "alt_captions": [], "tags": [], "genres": [],
        }  # fmt: skip
        self._rows: list[dict[str, Any]] = []
        self.seen: set[str] = set()

    def add(self, again: str = "", **values: Any) -> Iterator[pa.Table]:
        """Add a row; yields a table when there are enough. What is left out is as usual for the corpus.

        Args:
            again: why a row whose ``source_id`` was there before is rejected, under another one; where it is
                empty, nobody looks.
        """
        if again:
            if values["source_id"] in self.seen:
                values |= {"source_id": f"{values['source_id']}.{len(self.seen)}", "rejected": again}
            self.seen.add(values["source_id"])
        name = sample_id(self.usual["dataset"], values["source_id"])
        self._rows.append(self.usual | {"sample_id": name} | values)
        if len(self._rows) >= BLOCK_ROWS:
            yield from self.rest()

    def rest(self) -> Iterator[pa.Table]:
        """A table of what is left, if anything."""
        if self._rows:
            yield pa.Table.from_pylist(self._rows, READ)
            self._rows = []


def table_of(columns: dict[str, Any], rows: int) -> pa.Table:
    """A table of READ of arrays by column; what is left out is null, and lists are empty."""
    arrays = []
    for field in READ:
        value = columns.get(field.name)
        if value is None and pa.types.is_list(field.type):
            value = pa.array([[]], field.type).take(pa.array([0] * rows))
        arrays.append(pa.nulls(rows, field.type) if value is None else value)
    return pa.table(arrays, schema=READ)
