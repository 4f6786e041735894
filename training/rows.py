"""Rows as a torch dataset: what stored and live rows share, from the encoded clip on."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from torch.utils.data import Dataset

from sousa.generation import seeds
from sousa.generation.errors import RunError, UsageError, first_line, one_of, raise_all
from sousa.training.audio import decode
from sousa.training.columns import at, columns_of
from sousa.training.roles import Known

CROPS = ("start", "random", "centre")
_PLACES = {"start": 0.0, "centre": 0.5}
Transform = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]


class RowError(RunError):
    """A row can't be read.

    torch raises an error of a worker again with the worker's traceback before its sentence; only the sentence
    is kept.
    """

    def __init__(self, text: str):
        super().__init__(text.rpartition(f"{__name__}.{type(self).__name__}: ")[2].strip())


class BaseRows(Dataset):
    """Rows by number; a subclass fills in ``table``, ``known`` and ``with_audio``, and reads clips.

    Attributes:
        table: Arrow table of the columns, a row each; num_rows: of it.
        known: roles of the columns that rows of this kind have, asked for or not.
    """

    table: pa.Table
    known: Known
    with_audio: bool

    def __init__(
        self, sample_rate: int | None, crop_sec: float | None, crop: str, pad: bool,
        transform: Transform | None, seed: int,
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
        self.transform, self.seed = transform, seed

    def __len__(self) -> int:
        return self.num_rows

    def describe(self, row: int) -> str:
        """A row in words, for messages."""
        raise NotImplementedError

    def encoded(self, rows: Sequence[int]) -> list[bytes]:
        """Encoded clips of rows."""
        raise NotImplementedError

    def values(self, column: str) -> list[Any]:
        """All values of a column, None for null; empty when there is no such column."""
        return self.table[column].to_pylist() if column in self.table.column_names else []

    def _fill(self, table: pa.Table, num_rows: int) -> None:
        # a table without columns has no rows
        self.table, self.num_rows, self.columns = table, num_rows, columns_of(table)

    def _row(self, epoch: int, row: int, clip: bytes | None) -> dict[str, Any]:
        """A row out of its encoded clip."""
        out: dict[str, Any] = {"row": row}
        if self.with_audio:
            random = self.crop == "random"
            place = seeds.uniforms(self.seed, 1, "crop", epoch, row)[0] if random else _PLACES[self.crop]
            try:
                audio, rate, start, file_rate = decode(clip, self.sample_rate, self.crop_sec, place, self.pad)
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
        for _, row in pairs:
            if not -self.num_rows <= row < self.num_rows:
                raise IndexError(f"row {row} of {self.num_rows}")
        pairs = [(epoch, row % self.num_rows) for epoch, row in pairs]
        try:
            clips = self.encoded([row for _, row in pairs]) if self.with_audio else [None] * len(pairs)
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
