"""Rows as a torch dataset: what stored and live rows share, from the encoded clip on."""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation import extras

try:
    from torch.utils.data import Dataset
except ModuleNotFoundError as error:
    raise extras.missing("sousa.training.rows", error) from None

from sousa.generation import seeds
from sousa.generation.errors import RunError, UsageError, first_line, one_of, raise_all
from sousa.generation.filters import Filter
from sousa.generation.text import counted
from sousa.training import sources
from sousa.training.audio import decode
from sousa.training.columns import at, columns_of, parquet_paths, stored_rate

CROPS = ("start", "random", "centre")
_PLACES = {"start": 0.0, "centre": 0.5}
Transform = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]


class RowError(RunError):
    """A row can't be read; of a worker's traceback, which torch puts before the sentence, nothing is kept."""

    def __init__(self, text: str):
        super().__init__(text.rpartition(f"{__name__}.{type(self).__name__}: ")[2].strip())


class BaseRows(Dataset):
    """Rows by number; a subclass finds their columns and reads their clips.

    Args:
        source: what :func:`sousa.training.sources.find` takes or gives.
        split: name, or None for all.
        columns: names of columns to give with each row, ``column.field`` for one field of a list of records;
            only they are read, once, when this is made.
        where: a :class:`sousa.training.filters.Filter`, or its keys as a dict; rows it refuses are left out.
        sample_rate: Hz to resample to, None for the stored rate.
        crop_sec, crop: length of a part of each clip and where it is cut: start, random or centre.
        pad: fill shorter clips with zeros.
        transform: ``transform(audio, sampling_rate, rng)`` giving audio, rng a NumPy generator of
            (seed, epoch, row); it has to be picklable for workers that are spawned.
        detune_cents: clips are tuned by up to so much either way, and are as much faster or slower; the
            rate of the file that a row tells, by which labels go, is that of the detuned file.
        audio: column of the encoded clips, or None for rows without sound.
        seed: of random crops and transforms.
        name, revision, token: as :func:`sousa.training.sources.find` takes them.

    Attributes:
        table: Arrow table of the columns, a row each.
        known: roles of the columns that rows of this kind have, asked for or not.

    Raises: UsageError for a split, column or filter that fits nothing; RunError when files can't be read.
    """

    def __init__(
        self, source: Any, split: str | None = None, *, columns: str | Iterable[str] = (), where: Any = None,
        sample_rate: int | None = None, crop_sec: float | None = None, crop: str = "start", pad: bool = False,
        transform: Transform | None = None, audio: str | None = "audio", seed: int = 0,
        detune_cents: float = 0.0,
        name: str | None = None, revision: str | None = None, token: str | None = None,
    ):  # fmt: skip
        problems = []
        if crop not in CROPS:
            problems.append(f"unknown crop {one_of(crop, CROPS)}")
        if sample_rate is not None and not 1000 <= sample_rate <= 384_000:
            problems.append(f"sample rate {sample_rate}: give 1000 to 384000 Hz, or None for the stored one")
        if crop_sec is not None and not crop_sec > 0:
            problems.append(f"crop of {crop_sec} s: give more than 0, or None for whole clips")
        raise_all(problems)
        self.sample_rate, self.crop_sec, self.crop, self.pad = sample_rate, crop_sec, crop, pad
        self.transform, self.seed, self.split, self.audio = transform, seed, split, audio
        self.detune_cents = detune_cents
        self.source = sources.find(source, name, revision, token)
        self.known, self.files = self.source.known, self.source.of(split)
        schema, place, kept = self.source.schema, self.source.where, self.known.filter(where)
        names = [columns] if isinstance(columns, str) else list(columns)
        paths = parquet_paths(schema, names + [n for n in ("sample_id",) if n in schema.names], place)
        tables = self._tables(paths, parquet_paths(schema, kept.columns, place), kept)
        try:
            table = pa.concat_tables(tables).unify_dictionaries()
        except pa.ArrowException as error:
            raise RunError(f"the files of {place} have columns of other kinds: {first_line(error)}") from None
        self._fill(table, sum(map(len, tables)))
        if not self.num_rows:
            part = f"split {split}" if split else "the dataset"
            why = " by the filter" if kept.columns else ""
            raise UsageError(f"{place}: no row of {part} is left{why}")

    def _tables(self, paths: list[str], tested: list[str], kept: Filter) -> list[pa.Table]:
        """Columns of the rows that a filter keeps, for each file; both lists are Parquet paths."""
        raise NotImplementedError

    def describe(self, row: int) -> str:
        """A row in words, for messages."""
        return f"row {self.columns['sample_id'][row]}"

    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        """Encoded clips of rows."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self.num_rows

    def values(self, column: str) -> list[Any]:
        """All values of a column, None for null; empty when there is no such column."""
        return self.table[column].to_pylist() if column in self.table.column_names else []

    def __repr__(self) -> str:
        place = f"{self.source.where}, split {self.split}" if self.split else self.source.where
        hours, rate = self._hours(), self.sample_rate or stored_rate(self.source.schema)
        sound = [] if hours is None else [f"{hours:.2f} h"]
        sound += [f"{rate:,} Hz"] if rate and self.audio else []
        corpus = [f"  corpus: {self.source.corpus}"] if self.source.corpus else []
        size = ", ".join([counted(self.num_rows, "row"), *sound])
        columns = ", ".join([*([self.audio] if self.audio else []), *self.columns])
        return "\n".join(
            [f"{type(self).__name__} of {place}", *corpus, f"  {size}", f"  columns: {columns or 'none'}"]
        )

    def _hours(self) -> float | None:
        """Length of all clips, as they are given; None where it is not known without much reading."""
        try:
            lengths = self._durations()
        except (RunError, OSError, pa.ArrowException):
            return None
        if lengths is not None and self.crop_sec is not None:
            lengths = np.minimum(lengths, self.crop_sec)
        return None if lengths is None else float(np.nansum(lengths)) / 3600

    def _durations(self) -> np.ndarray | None:
        """Length of each row's clip in seconds, or None where no column that is here says it."""
        names = self.table.column_names
        return self.table["duration_sec"].to_numpy() if "duration_sec" in names else None

    def _fill(self, table: pa.Table, num_rows: int) -> None:
        self.table = table.combine_chunks()  # in one piece, so that columns share its memory
        # a table without columns has no rows
        self.num_rows, self.columns = num_rows, columns_of(self.table)

    def _row(self, epoch: int, row: int, clip: bytes | None) -> dict[str, Any]:
        """A row out of its encoded clip."""
        out: dict[str, Any] = {"row": row}
        if clip is not None:
            random = self.crop == "random"
            place = seeds.uniforms(self.seed, 1, "crop", epoch, row)[0] if random else _PLACES[self.crop]
            speed = 1.0
            if self.detune_cents:
                up = 2 * seeds.uniforms(self.seed, 1, "detune", epoch, row)[0] - 1
                speed = 2.0 ** (up * self.detune_cents / 1200)
            try:
                cut = (self.sample_rate, self.crop_sec, place, self.pad, speed)
                audio, rate, start, file_rate = decode(clip, *cut)
            except (RuntimeError, TypeError, ValueError) as error:
                raise RunError(f"{self.describe(row)} can't be decoded: {first_line(error)}") from None
            if self.transform is not None:
                try:
                    audio = self.transform(audio, rate, seeds.stream(self.seed, "transform", epoch, row))
                except Exception as error:
                    reason = f"{type(error).__name__}: {first_line(error)}"
                    raise RunError(f"{self.describe(row)}: the transform failed: {reason}") from error
            out.update(audio=audio, sampling_rate=rate, start_sample=start, file_rate=file_rate)
        out.update((name, at(values, row)) for name, values in self.columns.items())
        return out

    def __getitem__(self, index: Any) -> dict[str, Any]:
        """A row: by number, or by (epoch, number) where crops and transforms are drawn anew."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[Any]) -> list[dict[str, Any]]:
        """Rows of a batch; what torch's loader calls."""
        pairs = [(0, int(i)) if np.ndim(i) == 0 else (int(i[0]), int(i[1])) for i in indices]
        if outside := [row for _, row in pairs if not -self.num_rows <= row < self.num_rows]:
            raise IndexError(f"row {outside[0]} of {self.num_rows}")
        pairs = [(epoch, row % self.num_rows) for epoch, row in pairs]
        try:
            clips = self.encoded([row for _, row in pairs]) if self.audio else [None] * len(pairs)
            return [self._row(epoch, row, clip) for (epoch, row), clip in zip(pairs, clips, strict=True)]
        except RunError as error:
            raise RowError(str(error)) from error

    def select(self, rows: Sequence[int] | np.ndarray) -> "BaseRows":
        """Some of these rows, in the order given, as a dataset of the same kind."""
        rows = np.asarray(rows, np.int64)
        if len(rows) and not (rows.min() >= 0 and rows.max() < self.num_rows):
            raise UsageError(f"rows {rows.min()} to {rows.max()} are chosen of {self.num_rows}")
        out = copy.copy(self)
        out._take(rows)
        return out

    def _take(self, rows: np.ndarray) -> None:
        self._fill(self.table.take(rows), len(rows))
