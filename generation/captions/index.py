"""The chosen rows, written down with where their sounds are: what shards are made from.

Conventions: the index is an Arrow file in the user's cache under the digest of its rows, with a folder of the
account and the rejected rows beside it. Rows stand by split, then in the order in which they were taken. It
is written anew by every command that chooses rows, and removed when the command has ended well and no other
process uses it.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sousa.generation.captions import workspace
from sousa.generation.captions.columns import PUBLISHED
from sousa.generation.captions.gathering import group_ids
from sousa.generation.captions.hashing import feed
from sousa.generation.columns import SPLITS, arrow_type
from sousa.generation.errors import RunError, told
from sousa.generation.outside import read_json
from sousa.generation.storage import LocalStorage, explained
from sousa.generation.text import counted

if TYPE_CHECKING:
    from sousa.generation.captions.gathering import Gathered
    from sousa.generation.captions.taking import Taker

BUCKET_ROWS, BATCH_ROWS = 16_384, 4096
ROWS, REJECTED, ACCOUNT = "rows.arrow", "rejected.parquet", "account.json"
_SOUND = {"num_samples": pa.int64(), "sample_rate": pa.int32(), "file_sha256": pa.string(),
          "pcm_digest": pa.string()}  # fmt: skip
SCHEMA = pa.schema([
    *((column.name, arrow_type(column.type)) for column in PUBLISHED), ("audio_at", pa.string()),
    ("folder", pa.string()), ("taken", pa.int64()), *_SOUND.items(),
])  # fmt: skip


@dataclass(frozen=True)
class Index:
    """What was written; ``rows``: how many of each split."""

    digest: str
    rows: tuple[int, int, int]


def place(digest: str) -> LocalStorage:
    """Where an index is kept."""
    return LocalStorage(str(workspace.folder() / digest))


@dataclass(frozen=True)
class Account:
    """What became of the rows that were read, by corpus.

    Attributes:
        rows: how many were kept (``kept``), and rejected for each reason.
        left_out: how many of those that were kept have no sound because of a licence, by the licence.
    """

    rows: Mapping[str, Mapping[str, int]]
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def text(self) -> str:
        """A line for each corpus, and one for the sounds that were left out."""
        lines = []
        for name, counts in self.rows.items():
            read = counted(sum(counts.values()), "row")
            why = reasons_text(counts)
            rejected = f"; rejected: {why}" if why else ""
            lines.append(f"{name}: {read} read, {counts['kept']:,} kept{rejected}")
            if closed := self.left_out.get(name):
                lines.append(f"{name}: sounds left out, as they may not be passed on: {reasons_text(closed)}")
        return "\n".join(lines)


def reasons_text(counts: Mapping[str, int]) -> str:
    """Why rows of a corpus were not kept, and how many; empty where all were."""
    return "; ".join(f"{count:,} {reason}" for reason, count in counts.items() if reason != "kept")


def write(rows: "Gathered", taken: "Taker", account: Account, root: Path, work: Path) -> Index:
    """Write the rows that were taken, of corpora in ``root``.

    They are sorted in parts of BUCKET_ROWS, through files in ``work``, so that memory does not grow.
    """
    ledger, order = rows.ledger, np.array(taken.order, dtype=np.int64)
    place_of, rank = np.full(len(ledger.key), -1, np.int64), np.zeros(len(ledger.key), np.int64)
    place_of[order[np.argsort(ledger.split[order], kind="stable")]] = rank[order] = np.arange(len(order))
    with ExitStack() as held:
        parts = [
            held.enter_context(_Bucket(work / f"part-{number}.arrow"))
            for number in range(-(-len(order) // BUCKET_ROWS))
        ]
        first = 0
        for batch in rows.batches():
            places = place_of[first : first + len(batch)]
            for part in np.unique(places[places >= 0] // BUCKET_ROWS).tolist():
                inside = np.flatnonzero((places >= 0) & (places // BUCKET_ROWS == part))
                some = batch if len(inside) == len(batch) else batch.take(pa.array(inside))
                table = _table(some, first + inside, rows, taken, rank)
                parts[part].add(table, places[inside])
            first += len(batch)
    sha, path = hashlib.sha256(), work / ROWS
    with explained(path), pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, SCHEMA) as writer:
        for part in parts:
            for batch in part.sorted().to_batches(BATCH_ROWS):
                for array in batch.columns:
                    feed(sha, array)
                writer.write_batch(batch)
    counts = np.bincount(ledger.split[order], minlength=len(SPLITS)).tolist()
    _hold(sha.hexdigest())
    storage = place(sha.hexdigest())
    storage.move(str(path), ROWS)
    about = {"root": os.path.abspath(root), "account": account.rows, "left_out": account.left_out}
    storage.write_json(ACCOUNT, about)
    _write_rejected(rows, storage)
    return Index(sha.hexdigest(), (counts[0], counts[1], counts[2]))


def _write_rejected(rows: "Gathered", storage: LocalStorage) -> None:
    """A table of the rows that were read and not taken, each with the reason."""
    ledger, first = rows.ledger, 0
    schema = pa.schema([("sample_id", pa.string()), ("dataset", pa.string()), ("reason", pa.string())])
    reasons = pa.array(ledger.reasons, pa.string())
    with storage.writing(REJECTED) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in rows.batches("sample_id", "dataset"):
            codes = ledger.reason[first : first + len(batch)]
            first += len(batch)
            columns = [batch["sample_id"], batch["dataset"], reasons.take(pa.array(codes))]
            table = pa.table(columns, schema=schema).filter(pa.array(codes > 0))
            if len(table):
                writer.write_table(table)


def read(digest: str, begin: int, rows: int) -> Iterator[pa.Table]:
    """Rows of an index from number ``begin`` on, as tables of at most BATCH_ROWS.

    Raises: RunError when the index is not there any more.
    """
    path = place(digest).path(ROWS)
    try:
        with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as reader:
            end = begin + rows
            for number in range(begin // BATCH_ROWS, -(-end // BATCH_ROWS)):
                first = number * BATCH_ROWS
                table = pa.Table.from_batches([reader.get_batch(number)])
                low = max(begin - first, 0)
                yield table.slice(low, min(end - first, len(table)) - low)
    except (OSError, pa.ArrowException) as error:
        raise RunError(
            f"the list of chosen rows can't be read ({told(error)}); run the same command again"
        ) from None


_HELD: dict[str, int] = {}  # handles of locks, by the digest of what this process uses


def _hold(digest: str) -> None:
    """Keep other processes from removing an index, until it is forgotten or this process ends."""
    path = _lock(digest)
    while digest not in _HELD:
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            fcntl.flock(handle, fcntl.LOCK_SH)
        if path.exists() and os.path.samestat(os.fstat(handle), os.stat(path)):
            _HELD[digest] = handle
        else:  # it was removed meanwhile
            os.close(handle)


def _lock(digest: str) -> Path:
    return workspace.folder() / f"{digest}{workspace.LOCK}"


def forget(digest: str) -> None:
    """Remove an index, unless another process needs it."""
    _hold(digest)
    handle = _HELD.pop(digest)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        LocalStorage(str(workspace.folder())).remove(digest)
        _lock(digest).unlink(missing_ok=True)
    except BlockingIOError:
        pass  # the other one removes it
    finally:
        os.close(handle)


def account_of(digest: str) -> Account:
    """The account of an index; raises RunError when it is not there any more."""
    about = _about(digest)
    return Account(about["account"], about.get("left_out", {}))


def root_of(digest: str) -> str:
    """The root directory of the corpora of an index; raises RunError when it is not there any more."""
    _hold(digest)
    return _about(digest)["root"]


def _about(digest: str) -> dict[str, Any]:
    try:
        return read_json(place(digest).path(ACCOUNT))
    except (OSError, ValueError):
        raise RunError("the list of chosen rows is not there any more; run the same command again") from None


def _table(
    batch: pa.RecordBatch, numbers: np.ndarray, rows: "Gathered", taken: "Taker", rank: np.ndarray
) -> pa.Table:
    """Some rows as the index has them."""
    ledger, parts = rows.ledger, rows.parts
    sounds = [taken.measured.get(number) for number in numbers.tolist()] if taken.measured else []
    columns = {name: batch[name] for name in SCHEMA.names if name in batch.schema.names}
    columns["split"] = pa.array([SPLITS[i] for i in ledger.split[numbers]], pa.string())
    columns["group_id"] = group_ids(batch)
    columns["folder"] = pa.array([parts[i].folder for i in ledger.dataset[numbers]], pa.string())
    columns["taken"] = pa.array(rank[numbers])
    for name, kind in _SOUND.items():
        values = [sound and getattr(sound, name) for sound in sounds]
        columns[name] = pa.array(values, kind) if values else pa.nulls(len(numbers), kind)
    return pa.table(columns, schema=SCHEMA)


class _Bucket:
    """Rows of one part of the index."""

    def __init__(self, path: Path):
        self._path, self._places = str(path), [np.zeros(0, np.int64)]

    def __enter__(self) -> "_Bucket":
        self._file = pa.OSFile(self._path, "wb")
        self._writer = pa.ipc.new_stream(self._file, SCHEMA)
        return self

    def __exit__(self, *details: object) -> None:
        with explained(self._path):
            self._writer.close()
            self._file.close()

    def add(self, table: pa.Table, places: np.ndarray) -> None:
        """Add rows that belong at these places of the index."""
        with explained(self._path):
            self._writer.write_table(table)
        self._places.append(places)

    def sorted(self) -> pa.Table:
        """All of it, in order."""
        with pa.OSFile(self._path) as source, pa.ipc.open_stream(source) as reader:
            table = reader.read_all()
        order = np.argsort(np.concatenate(self._places))
        return table.take(pa.array(order)).combine_chunks()
