"""All rows of the corpora that are wanted, read once: kept in a file, with what choosing needs in memory.

Conventions: the file has the columns of READ, in batches of any number of rows, corpus after corpus.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.captions.choosing import Ledger
from sousa.generation.captions.columns import READ, SOURCES
from sousa.generation.captions.hashing import digests
from sousa.generation.captions.readers import READERS, Reader, Wanted
from sousa.generation.columns import SPLITS
from sousa.generation.errors import RunError, told
from sousa.generation.storage import explained


@dataclass(frozen=True)
class Part:
    """A corpus that is read.

    Attributes:
        name: of the corpus.
        folder: where it lies in the root directory.
    """

    name: str
    folder: str
    reader: Reader


@dataclass
class Gathered:
    """Rows that were read.

    Attributes:
        parts: the corpora, those of human captions first: a number in ``ledger.dataset`` is one in this list.
        ledger: of all rows, in the order of the file.
        batches: gives the rows in the same order, as often as it is called: some columns, or all.
    """

    parts: list[Part]
    ledger: Ledger
    batches: Callable[..., Iterator[pa.RecordBatch]]


def order_of(part: Part) -> tuple[int, int, str]:
    """What corpora are sorted by: who wrote the captions, then their place in READERS. Of rows with the same
    sound those of the first corpus are kept."""
    place = list(READERS).index(part.name) if part.name in READERS else len(READERS)
    return SOURCES.index(part.reader.caption_source), place, part.name


def gather(
    root: Path, parts: Sequence[Part], wanted: Wanted, strata: str | None, work: Path, progress: Any
) -> Gathered:
    """Read all rows of corpora.

    Args:
        strata: genre or licence, if those are balanced.
        work: folder for the file, which has to stay there.
        progress: as of :class:`sousa.generation.console.Console`.

    Raises: UsageError when a corpus is not there; RunError when it can't be read.
    """
    parts, path, notes = sorted(parts, key=order_of), work / "read.arrow", []
    with (
        explained(path),
        progress("reading", None) as done,
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_file(file, READ) as writer,
    ):
        for number, part in enumerate(parts):
            for table in _tables(part, root, wanted):
                writer.write_table(table)
                notes.append(_noted(table, number, wanted.seed, strata))
                done(len(table))

    def batches(*names: str) -> Iterator[pa.RecordBatch]:
        some = pa.ipc.IpcReadOptions(included_fields=[READ.names.index(name) for name in names] or None)
        with pa.OSFile(str(path)) as source, pa.ipc.open_file(source, options=some) as reader:
            yield from (reader.get_batch(i) for i in range(reader.num_record_batches))

    return Gathered(parts, _ledger(notes), batches)


def _tables(part: Part, root: Path, wanted: Wanted) -> Iterator[pa.Table]:
    """Rows of a corpus; RunError for what the system refuses while they are read."""
    try:
        yield from part.reader.read(root / part.folder, wanted)
    except OSError as error:
        raise RunError(f"{part.name} can't be read: {told(error)}") from None


def _noted(table: pa.Table, number: int, seed: int, strata: str | None) -> dict[str, Any]:
    """What choosing needs of some rows."""
    native = digests(table["native_id"])
    artist = digests(_artist(table))
    stratum: Any = {
        "genre": lambda: pc.list_element(_filled(table["genres"]), 0), "licence": lambda: table["licence"],
    }.get(strata or "", lambda: None)()  # fmt: skip
    split = pc.index_in(table["split"], pa.array(SPLITS)).fill_null(-1)
    span = pc.subtract(table["clip_end_sec"], table["clip_start_sec"])
    return {
        "key": digests(table["sample_id"], seed), "dataset": np.full(len(table), number, np.int16),
        "split": split.to_numpy().astype(np.int8), "group": digests(group_ids(table)),
        "artist": artist, "artist_name": digests(pc.utf8_lower(table["artist"])), "native": native,
        "start": _numbers(table["clip_start_sec"]), "end": _numbers(table["clip_end_sec"]),
        "seconds": _numbers(span),
        "stratum": stratum, "rejected": table["rejected"],
    }  # fmt: skip


def group_ids(table: pa.Table | pa.RecordBatch) -> Any:
    """What splits are made by, as ids among those of all corpora: a row without a group is one of its own."""
    own = pc.binary_join_element_wise(table["dataset"], table["group_id"], ":")
    scoped = pc.if_else(pc.match_substring(table["group_id"], ":"), table["group_id"], own)
    return pc.coalesce(scoped, table["sample_id"])


def _artist(table: pa.Table) -> Any:
    """Artists: by their id where the sound was first published, else by name."""
    system = pc.list_element(pc.split_pattern(pc.fill_null(table["native_id"], ":"), ":", max_splits=1), 0)
    by_id = pc.binary_join_element_wise(system, table["artist_id"], ":")
    return pc.coalesce(by_id, pc.utf8_lower(table["artist"]))


def _numbers(column: Any) -> np.ndarray:
    return column.to_numpy().astype(float)


def _filled(lists: Any) -> Any:
    """Lists with one null where they are empty."""
    empty = pa.array([[None]], lists.type).take(pa.array(np.zeros(len(lists), int)))
    return pc.if_else(pc.equal(pc.list_value_length(lists), 0), empty, lists)


def _ledger(notes: list[dict[str, Any]]) -> Ledger:
    def joined(name: str) -> np.ndarray:
        return np.concatenate([note[name] for note in notes]) if notes else np.zeros(0, np.uint64)

    names = ("key", "dataset", "split", "group", "artist", "artist_name", "native", "start", "end", "seconds")
    values: dict[str, Any] = {name: joined(name) for name in names}
    count = len(values["key"])
    ledger = Ledger(
        **values, stratum=np.zeros(count, np.int32), shut=np.zeros(count, np.int16),
        reason=np.zeros(count, np.int16),
    )  # fmt: skip
    if notes and notes[0]["stratum"] is not None:
        texts = pa.chunked_array([chunk for note in notes for chunk in _chunks(note["stratum"])], pa.string())
        coded = texts.combine_chunks().dictionary_encode("encode")
        ledger.stratum = coded.indices.to_numpy().astype(np.int32)
        ledger.strata = coded.dictionary.to_pylist()
    first = 0
    for note in notes:
        reasons = note["rejected"]
        for reason in pc.unique(reasons).drop_null().to_pylist():
            ledger.reject(first + np.flatnonzero(pc.equal(reasons, reason).fill_null(False)), reason)
        first += len(reasons)
    return ledger


def _chunks(texts: Any) -> list[pa.Array]:
    return texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
