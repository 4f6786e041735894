"""Large CSV tables as Arrow tables of some thousand rows: a few of their columns, hundreds of MB a second.

Conventions: cells are text, empty where there is nothing; line breaks may be in quotes. Memory grows with the
longest row, not with the file.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from sousa.generation.errors import RunError, first_line, told
from sousa.generation.outside import ANY_BYTES, opened

BLOCK_BYTES = 1 << 18  # what is parsed at a time; some blocks are read ahead
ROW_BYTES = 1 << 24  # the longest row: where one does not fit into a block, blocks are so long


@dataclass
class Blocks:
    """A table in blocks.

    Attributes:
        names: of all its columns.
        columns: those that are read.
        head: lines before the first row.
        rows: of a block, at least, but for the last one.
        ragged: what the rows with too few or too many cells begin with, and how many those are; known when
            all blocks have been read.
    """

    path: Path
    names: Sequence[str]
    columns: Sequence[str]
    head: int
    rows: int
    ragged: list[tuple[str, int]] = field(default_factory=list)

    def __iter__(self) -> Iterator[pa.Table]:
        """Raises RunError when the file can't be read, has not the columns, or is no CSV."""
        if lacking := [name for name in self.columns if name not in self.names]:
            raise RunError(f"{self.path} has no column {', '.join(lacking)}; get the file again")
        done, size = 0, BLOCK_BYTES
        while True:
            try:
                opened(self.path, ANY_BYTES).close()
                for table in self._tables(size, done):
                    done += len(table)
                    yield table
                return
            except pa.ArrowInvalid as error:
                if "straddl" not in str(error) or size >= ROW_BYTES:
                    problem = f"{self.path} is not CSV: {first_line(error)}; get the file again"
                    raise RunError(problem) from None
                size = ROW_BYTES  # and again, from the block on that has the long row
            except OSError as error:
                raise RunError(f"{self.path} can't be read: {told(error)}; get the file again") from None

    def _tables(self, size: int, done: int) -> Iterator[pa.Table]:
        """Blocks after so many rows."""
        self.ragged.clear()
        batches: list[pa.RecordBatch] = []
        with self._reader(size) as reader:
            for batch in reader:
                new, done = batch.slice(min(done, len(batch))), max(done - len(batch), 0)
                batches += [new] if len(new) else []
                if sum(map(len, batches)) >= self.rows:
                    yield pa.Table.from_batches(batches)
                    batches = []
        if batches:
            yield pa.Table.from_batches(batches)

    def _reader(self, size: int) -> Any:
        return pyarrow.csv.open_csv(
            str(self.path),
            pyarrow.csv.ReadOptions(
                use_threads=False, block_size=size, skip_rows=self.head, column_names=[*self.names]
            ),
            pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=self._skip),
            pyarrow.csv.ConvertOptions(
                include_columns=[*self.columns], column_types=dict.fromkeys(self.columns, pa.string())
            ),
        )

    def _skip(self, row: Any) -> str:
        self.ragged.append((row.text[:40], row.actual_columns))
        return "skip"


def distinct(column: Any) -> tuple[list[Any], pa.Array]:
    """The values of a column, each once, and which of them each row has."""
    codes = (column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column).dictionary_encode()
    return codes.dictionary.to_pylist(), codes.indices


def mapped(column: Any, convert: Callable[[Any], Any], kind: Any) -> pa.Array:
    """A column of what a function makes of each value; it is called once for each that differs."""
    values, rows = distinct(column)
    return pa.array([convert(value) for value in values], kind).take(rows)
