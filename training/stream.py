"""Rows of any audio dataset in Parquet, read one by one in any order, and the loader that deals them out.

Conventions
-----------
``open_rows`` gives :class:`Rows` over a directory that ``sousa generate`` or ``sousa release`` made, a
Parquet file, or a dataset on the Hub; :class:`sousa.training.live.LiveRows` makes the rows it is asked for
and needs no disk. Both are map-style torch datasets with a length and the same rows:

    ``audio`` float32 (samples,); ``sampling_rate`` Hz; ``start_sample`` where a crop begins, in samples
    of the stored clip, whose rate is ``file_rate``; ``row``, its number; and the columns asked for.

A row is one read of a byte range: nothing is copied beforehand, no buffer is filled, and any order costs
the same. :class:`Loader` is a torch ``DataLoader`` over :class:`sousa.training.order.Order`: a global shuffle
that is a pure function of (seed, epoch), the same number of steps on every rank, any number of workers,
and a state of a few numbers. Random crops and transforms are functions of (seed, epoch, row), so they
don't depend on workers or on a resume either.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from torch.utils.data import DataLoader

from sousa.generation.errors import RunError, UsageError, first_line, one_of
from sousa.training import filters, roles, sources
from sousa.training.columns import parquet_paths
from sousa.training.live import LiveRows
from sousa.training.order import Order
from sousa.training.rows import BaseRows, Transform

_REQUESTS = 16  # ranges asked of the Hub at once by one process


class Rows(BaseRows):
    """Stored rows.

    Args:
        source: a path, a name on the Hub, or a :class:`sousa.training.sources.Source`.
        split: name, or None for all.
        columns: names of columns to give with each row, ``column.field`` for one field of a list of records;
            only they are read, once, when this is made.
        where: a :class:`sousa.training.filters.Filter`, or its keys as a dict: rows it refuses are left
            out; only its columns are read.
        sample_rate: Hz to resample to, None for the stored rate.
        crop_sec, crop: length of a part of each clip and where it is cut: start, random or centre; pad:
            fill shorter clips with zeros.
        transform: ``transform(audio, sampling_rate, rng)`` giving audio, rng a NumPy generator of
            (seed, epoch, row); it has to be picklable for workers that are spawned.
        audio: column of the encoded clips, or None for rows without sound.
        seed: of random crops and transforms.
        name, revision, token: config and revision of a dataset on the Hub; see
            :func:`sousa.training.sources.find`.

    Attributes:
        table: Arrow table of the columns, a row each; num_rows; source.

    Raises: UsageError for a split, column or filter that fits nothing; RunError when files can't be read.
    """

    def __init__(
        self, source: Any, split: str | None = None, *, columns: str | Iterable[str] = (), where: Any = None,
        sample_rate: int | None = None, crop_sec: float | None = None, crop: str = "start", pad: bool = False,
        transform: Transform | None = None, audio: str | None = "audio", seed: int = 0,
        name: str | None = None, revision: str | None = None, token: str | None = None,
    ):  # fmt: skip
        super().__init__(sample_rate, crop_sec, crop, pad, transform, seed)
        columns = [columns] if isinstance(columns, str) else columns
        self.source = sources.find(source, name, revision, token)
        self.split, self.with_audio = split, audio is not None
        files = self.source.of(split)
        schema, self.known = self.source.schema, self.source.known
        where = filters.parse(where, self.known)
        asked = list(columns) + [c for c in ("sample_id",) if c in schema.names]
        own = parquet_paths(schema, asked, self.source.where)
        tested = parquet_paths(schema, where.columns, self.source.where) if where is not None else []
        leaf = _audio_leaf(schema, audio, self.source.where) if self.with_audio else None
        wanted = list(dict.fromkeys(path.partition(".")[0] for path in own))
        tables, kept, paths, self._names = [], [], [], {}
        for number, file in enumerate(files):
            table, metadata = sources.read_columns(self.source, file, list(dict.fromkeys(own + tested)))
            if missing := [name for name in wanted if name not in table.column_names]:
                raise RunError(f"{file.name} has no column {missing[0]!r}, which other files of it have")
            if leaf:
                path, offsets, lengths = sources.audio_ranges(self.source, file, leaf, metadata)
                if len(offsets) != table.num_rows:
                    raise RunError(
                        f"{file.name} has {table.num_rows} rows and {len(offsets)} clips; fetch it again"
                    )
                paths.append(path)
                if (offsets < 0).any() and leaf.endswith(".bytes"):
                    column = f"{leaf.removesuffix('.bytes')}.path"
                    self._names[number] = sources.read_columns(self.source, file, [column])[0][audio]
            else:
                offsets = lengths = np.zeros(table.num_rows, np.int64)
            rows = np.arange(table.num_rows)
            if where is not None:
                numbered = table.append_column("__row", pa.array(rows))
                rows = numbered.filter(where.expression)["__row"].to_numpy()
                table = table.take(rows)
            tables.append(table.select(wanted))
            kept.append(np.stack([np.full(len(rows), number), rows, offsets[rows], lengths[rows]], axis=1))
        self.files, self._paths = files, paths
        self._at = np.concatenate(kept)
        try:
            self._fill(pa.concat_tables(tables).unify_dictionaries(), len(self._at))
        except pa.ArrowException as error:
            raise RunError(
                f"the files of {self.source.where} have columns of other kinds: {first_line(error)}"
            ) from None
        if not self.num_rows:
            what = f"split {split}" if split else "the dataset"
            why = " by the filter" if where is not None else ""
            raise UsageError(f"{self.source.where}: no row of {what} is left{why}")

    def _take(self, rows: np.ndarray) -> None:
        super()._take(rows)
        self._at = self._at[rows]

    def describe(self, row: int) -> str:
        """A row in words, for messages."""
        number, inside = self._at[row, :2]
        known = f" ({self.columns['sample_id'][row]})" if "sample_id" in self.columns else ""
        return f"row {inside}{known} of {self.files[number].name}"

    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        """Encoded clips of rows: list of bytes.

        Raises: RunError when one is missing or can't be read.
        """
        if len(rows) > 1 and self.files[0].remote:
            with ThreadPoolExecutor(_REQUESTS) as pool:
                return list(pool.map(self._clip, rows))
        return [self._clip(row) for row in rows]

    def _clip(self, row):
        number, _, offset, length = self._at[row]
        try:
            if offset >= 0:
                return sources.read_range(self._paths[number], int(offset), int(length), self.source.token)
            return self._beside(row)
        except (OSError, EOFError) as error:
            raise RunError(f"{self.describe(row)} can't be read: {first_line(error)}") from None

    def _beside(self, row):
        """A clip that is stored as a path."""
        number, inside = self._at[row, :2]
        name = self._names[number][int(inside)].as_py() if number in self._names else None
        if not (name or {}).get("path"):
            raise RunError(f"{self.describe(row)} has no audio: neither bytes nor a path")
        root = self.source.root.resolve()
        path = (Path(self.files[number].path).resolve().parent / name["path"]).resolve()
        if not path.is_relative_to(root):
            raise RunError(f"{self.describe(row)} names {str(path)!r}, which is outside its dataset {root}")
        return path.read_bytes()


def _audio_leaf(schema, audio, where):
    """Parquet path of the encoded bytes of an audio column."""
    at = schema.get_field_index(audio)
    if at < 0:
        raise UsageError(f"{where} has no audio column {one_of(audio, schema.names)}")
    kind = schema.field(at).type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        return f"{audio}.bytes"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return audio
    raise UsageError(f"{where}: column {audio!r} is {kind}, not encoded audio; name another with audio=")


def open_rows(source: Any, split: str | None = None, **options: Any) -> BaseRows:
    """Rows of a dataset here or on the Hub, or of a configuration to generate.

    Args: those of :class:`Rows`; ``source`` may be the Config of a corpus, see :mod:`sousa.training.corpora`.
    """
    kind = LiveRows if roles.corpus_of(source) else Rows
    return kind(source, split, **options)


def as_arrays(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Collation without padding: dict of lists, as ``datasets`` gives batches."""
    return {name: [row[name] for row in rows] for name in rows[0]}


class Loader(DataLoader):
    """Batches of rows in the order of :class:`sousa.training.order.Order`, resumable to the batch.

    Args:
        rows: what :func:`open_rows` gives, or any map-style dataset whose items are taken by (epoch, row).
        batch_size: rows of a batch of one rank.
        rank, world_size: of this process; None asks torch.distributed.
        collate_fn: makes a batch of a list of rows; by default a dict of lists.
        more: further arguments of torch's ``DataLoader`` (num_workers, pin_memory, persistent_workers …).

    After an epoch the next one follows by itself; ``set_epoch`` chooses another. Don't pass it through
    ``accelerator.prepare`` with ``world_size`` above 1: it is sharded already.
    """

    def __init__(
        self, rows: Any, batch_size: int, *, seed: int = 0, shuffle: bool = True, rank: int | None = None,
        world_size: int | None = None, drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] = as_arrays, **more: Any,
    ):  # fmt: skip
        import torch.distributed as dist

        there = dist.is_available() and dist.is_initialized()
        rank = rank if rank is not None else dist.get_rank() if there else 0
        world_size = world_size if world_size is not None else dist.get_world_size() if there else 1
        self.order = Order(len(rows), batch_size, seed, shuffle, rank, world_size, drop_last)
        self._delivered = 0
        super().__init__(rows, batch_sampler=self.order, collate_fn=collate_fn, **more)

    def set_epoch(self, epoch: int) -> None:
        """Go on with this epoch."""
        if epoch != self.order.epoch:
            self._delivered = 0
        self.order.set_epoch(epoch)

    def __iter__(self) -> Iterator[Any]:
        epoch = self.order.epoch
        self._delivered = 0
        batches = super().__iter__()
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                break
            except RunError as error:
                raise plain(error) from None
            self._delivered += 1
            yield batch
        self._delivered = 0
        if self.order.epoch == epoch:
            self.order.set_epoch(epoch + 1)

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands, as plain data: after the batches that were taken out of it."""
        return {
            "epoch": self.order.epoch, "consumed_rows": self.order.consumed(self._delivered),
            **self.order.identity(),
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where a state was taken.

        Raises: UsageError when the state is of other data, another seed or another order.
        """
        own = self.order.identity()
        wrong = [
            f"{name} {state.get(name)!r}, here {own[name]!r}" for name in own if state.get(name) != own[name]
        ]
        if wrong:
            raise UsageError(
                f"the state is of another stream: {'; '.join(wrong)}; use the settings it was made with"
            )
        epoch, consumed = state.get("epoch"), state.get("consumed_rows")
        if not (isinstance(epoch, int) and isinstance(consumed, int) and 0 <= consumed <= own["num_rows"]):
            raise UsageError(
                f"the state has epoch {epoch!r} and consumed_rows {consumed!r}, as no stream has"
            )
        self.order.epoch, self.order.start = epoch, consumed
        self._delivered = 0
        if self.order.start >= self.order.num_rows or not len(self.order):
            self.order.set_epoch(self.order.epoch + 1)


def plain(error: Exception) -> RunError:
    """An error of a worker as its own sentence, without the traceback torch puts before it."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    last = lines[-1].partition(f"{RunError.__module__}.{RunError.__name__}: ") if lines else ("", "", "")
    return RunError(last[2] or str(error))


def values_of(rows: BaseRows, column: str) -> list[Any]:
    """All values of a column of rows, None for null; empty when rows have no such column."""
    return rows.table[column].to_pylist() if column in rows.table.column_names else []
