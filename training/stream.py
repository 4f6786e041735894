"""Rows of any audio dataset in Parquet, read one by one in any order, and the loader that deals them out.

Conventions: ``open_rows`` gives :class:`Rows` of a dataset or release here or on the Hub, or of a Parquet
file; :class:`sousa.training.live.LiveRows` makes the rows it is asked for and needs no disk. Both are
map-style torch datasets with a length and the same rows:

    ``audio`` float32 (samples,); ``sampling_rate`` Hz; ``start_sample`` where a crop begins, in samples
    of the stored clip, whose rate is ``file_rate``; ``row``, its number; and the columns asked for.

A row is one read of a byte range, so any order costs the same. :class:`Loader` deals rows out in the order of
:mod:`sousa.training.order`, with any number of workers. Random crops and transforms are functions of (seed,
epoch, row), so they don't depend on workers or on a resume either.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation import extras

try:
    import torch.distributed as dist
    from torch.utils.data import DataLoader
except ModuleNotFoundError as error:
    raise extras.missing("sousa.training.stream", error) from None

from sousa.generation.errors import RunError, UsageError, first_line, one_of
from sousa.generation.filters import Filter
from sousa.generation.text import counted
from sousa.training import sources
from sousa.training.live import LiveRows
from sousa.training.order import Order, differences
from sousa.training.rows import BaseRows

log = logging.getLogger(__name__)
_REQUESTS = 16  # ranges asked of the Hub at once by one process


class Rows(BaseRows):
    """Stored rows. Arguments: :class:`sousa.training.rows.BaseRows`."""

    def _tables(self, paths: list[str], tested: list[str], kept: Filter) -> list[pa.Table]:
        leaf = _audio_leaf(self.source.schema, self.audio, self.source.where) if self.audio else ""
        names = list(dict.fromkeys(path.partition(".")[0] for path in paths))
        tables, places, self._paths, self._names = [], [], [], {}
        for number, file in enumerate(self.files):
            table = self.source.read(file, paths + tested)
            if missing := [name for name in names if name not in table.column_names]:
                raise RunError(f"{file.name} has no column {missing[0]!r}, which other files of it have")
            rows = np.arange(table.num_rows)
            offsets = lengths = np.zeros(len(rows), np.int64)
            if leaf:
                path, offsets, lengths = self.source.audio_ranges(file, leaf)
                if len(offsets) != len(rows):
                    raise RunError(
                        f"{file.name} has {len(rows)} rows and {len(offsets)} clips; fetch it again"
                    )
                self._paths.append(path)
                if (offsets < 0).any() and leaf.endswith(".bytes"):
                    column = f"{leaf.removesuffix('.bytes')}.path"
                    self._names[number] = self.source.read(file, [column])[self.audio]
                rows = self._with_sound(number, offsets)
            numbered = table.append_column("__row", pa.array(np.arange(table.num_rows)))
            if len(rows) < table.num_rows:
                numbered = numbered.take(rows)
            if kept.columns:
                numbered = numbered.filter(kept.expression)
            rows = numbered["__row"].to_numpy()
            tables.append(numbered.select(names))
            places.append(np.stack([np.full(len(rows), number), rows, offsets[rows], lengths[rows]], axis=1))
        self._at = np.concatenate(places)
        return tables

    def _with_sound(self, number: int, offsets: np.ndarray) -> np.ndarray:
        """The rows of a file that have audio; how many have none goes to the log."""
        sound = offsets >= 0
        if number in self._names:
            sound |= [bool(names and names["path"]) for names in self._names[number].to_pylist()]
        rows = np.flatnonzero(sound)
        if lost := len(offsets) - len(rows):
            log.warning("%s: %s without audio left out", self.files[number].name, counted(lost, "row"))
        return rows

    def _take(self, rows: np.ndarray) -> None:
        super()._take(rows)
        self._at = self._at[rows]

    def _durations(self) -> np.ndarray | None:
        known = super()._durations()
        if known is not None or self.files[0].remote or "duration_sec" not in self.source.schema.names:
            return known
        out = np.zeros(self.num_rows)
        for number in np.unique(self._at[:, 0]).tolist():
            rows = self._at[:, 0] == number
            lengths = self.source.read(self.files[number], ["duration_sec"])["duration_sec"].to_numpy()
            out[rows] = lengths[self._at[rows, 1]]
        return out

    def describe(self, row: int) -> str:
        number, inside = self._at[row, :2]
        known = f" ({self.columns['sample_id'][row]})" if "sample_id" in self.columns else ""
        return f"row {inside}{known} of {self.files[number].name}"

    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        """Encoded clips of rows; RunError when one is missing or can't be read."""
        if len(rows) > 1 and self.files[0].remote:
            with ThreadPoolExecutor(_REQUESTS) as pool:
                return list(pool.map(self._clip, rows))
        return [self._clip(row) for row in rows]

    def _clip(self, row: int) -> bytes:
        number, inside, offset, length = map(int, self._at[row])
        try:
            if offset >= 0:
                return sources.read_range(self._paths[number], offset, length, self.source.token)
            stored = self._names[number][inside].as_py() if number in self._names else None
            if not stored or not stored.get("path") or self.source.root is None:
                raise RunError(f"{self.describe(row)} has no audio: neither bytes nor a path")
            root, file = self.source.root.resolve(), Path(self.files[number].path).resolve()
            path = (file.parent / stored["path"]).resolve()
            if not path.is_relative_to(root):
                place = f"{str(path)!r}, which is outside its dataset {root}"
                raise RunError(f"{self.describe(row)} names {place}")
            return path.read_bytes()
        except (OSError, EOFError) as error:
            raise RunError(f"{self.describe(row)} can't be read: {first_line(error)}") from None


def _audio_leaf(schema: pa.Schema, audio: str, where: str) -> str:
    """Parquet path of the encoded bytes of an audio column."""
    if audio not in schema.names:
        raise UsageError(f"{where} has no audio column {one_of(audio, schema.names)}")
    kind = schema.field(audio).type
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        return f"{audio}.bytes"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return audio
    raise UsageError(f"{where}: column {audio!r} is {kind}, not encoded audio; name another with audio=")


def open_rows(source: Any, split: str | None = None, **options: Any) -> BaseRows:
    """Rows of a dataset, or of a configuration to make; arguments: :class:`sousa.training.rows.BaseRows`."""
    source = sources.find(source, *(options.pop(name, None) for name in ("name", "revision", "token")))
    return (LiveRows if isinstance(source, sources.Live) else Rows)(source, split, **options)


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
        parallel = dist.is_available() and dist.is_initialized()
        rank = (dist.get_rank() if parallel else 0) if rank is None else rank
        world_size = (dist.get_world_size() if parallel else 1) if world_size is None else world_size
        self.order = Order(len(rows), batch_size, seed, shuffle, rank, world_size, drop_last)
        self._delivered = 0
        super().__init__(rows, batch_sampler=self.order, collate_fn=collate_fn, **more)

    def __repr__(self) -> str:
        order = self.order
        facts = [f"batches of {order.batch_size}", f"{len(order):,} left in epoch {order.epoch}"]
        facts += [f"seed {order.seed}" if order.shuffle else "in order of rows"]
        facts += [f"rank {order.rank} of {order.world_size}"] * (order.world_size > 1)
        rows = repr(self.dataset).replace("\n", "\n  ")
        return f"{type(self).__name__}: {', '.join(facts)}\n  {rows}"

    def set_epoch(self, epoch: int) -> None:
        """Go on with this epoch."""
        if epoch != self.order.epoch:
            self._delivered = 0
        self.order.set_epoch(epoch)

    def __iter__(self) -> Iterator[Any]:
        epoch, self._delivered = self.order.epoch, 0
        for batch in super().__iter__():
            self._delivered += 1
            yield batch
        self._delivered = 0
        if self.order.epoch == epoch:
            self.order.set_epoch(epoch + 1)

    def state_dict(self) -> dict[str, Any]:
        """Where the stream stands, as plain data: after the batches that were taken out of it."""
        consumed = self.order.consumed(self._delivered)
        return {"epoch": self.order.epoch, "consumed_rows": consumed, **self.order.identity()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where a state was taken; UsageError when it is of other data, another seed or order."""
        if wrong := differences(state, self.order.identity(), "here"):
            raise UsageError(f"the state is of another stream: {wrong}; use the settings it was made with")
        epoch, consumed = state.get("epoch"), state.get("consumed_rows")
        if not (
            isinstance(epoch, int) and isinstance(consumed, int) and 0 <= consumed <= self.order.num_rows
        ):
            numbers = f"epoch {epoch!r} and consumed_rows {consumed!r}"
            raise UsageError(f"the state has {numbers}, as no stream has")
        self.order.epoch, self.order.start, self._delivered = epoch, consumed, 0
        if not len(self.order):
            self.order.set_epoch(epoch + 1)
