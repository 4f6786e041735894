"""What an export format is: how rows become files that other tools read. Corpora may have their own.

Conventions: paths are relative to the export's directory, with ``/``. Rows are numbered from 0 over the whole
dataset or release, whatever is left out of an export, so a row keeps its number.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.columns import AUDIO, Column
from sousa.generation.storage import LocalStorage

# columns to read -> (split, table with these, numbers of its rows) of each row group
Groups = Callable[[Sequence[str]], Iterator[tuple[str, pa.Table, Sequence[int]]]]
_SAFE = re.compile(r"[\w+=,@()-][\w.+=,@()-]{0,149}", re.ASCII)


@dataclass(frozen=True)
class Format:
    """An export format of one dataset; it can be pickled.

    Attributes:
        title: of the corpus.
        columns: of the rows that are exported.
        fill: a whole number in place of null, in columns of one number a row; None leaves them null.
        fills: whether the format can do that.
    """

    title: str
    columns: tuple[Column, ...]
    fill: int | None = None
    fills: ClassVar[bool] = False

    @property
    def scalars(self) -> tuple[Column, ...]:
        """Columns with one value a row that is not bytes."""
        return tuple(c for c in self.plain if not c.nested)

    @property
    def plain(self) -> tuple[Column, ...]:
        """Columns without bytes."""
        return tuple(c for c in self.columns if c.nested or not (c.type == AUDIO or "binary" in c.type))

    @property
    def media(self) -> tuple[str, ...]:
        """The columns ``audio`` and ``midi``, as far as rows have them."""
        return tuple(c.name for c in self.columns if c.name in ("audio", "midi"))

    def problem(self) -> str | None:
        """Why these rows can't be exported so, or None."""
        return None

    def reads(self) -> tuple[str, ...]:
        """Names of the columns that :meth:`files` and :meth:`lines` need."""
        return tuple(c.name for c in self.columns)

    def files(self, row: Mapping[str, Any], number: int) -> dict[str, bytes]:
        """Files of a row: dict of path to content."""
        return {}

    def lines(self, row: Mapping[str, Any], number: int) -> dict[str, str]:
        """What a row adds to files of all rows: dict of path to text."""
        return {}

    def head(self, path: str) -> str:
        """What such a file begins with."""
        return ""

    def finish(self, groups: Groups, storage: LocalStorage) -> list[str]:
        """Write further files of all rows; returns their paths.

        Args:
            groups: function of names of columns that gives ``(split, table, numbers of its rows)`` for every
                row group.
        """
        return []

    def filled(self, table: pa.Table) -> pa.Table:
        """Rows as they are exported: with ``fill`` in place of null."""
        if self.fill is not None:
            for at, field in enumerate(table.schema):
                if pa.types.is_integer(field.type) or pa.types.is_floating(field.type):
                    column = pc.fill_null(table[at], pa.scalar(self.fill, field.type))
                    table = table.set_column(at, field, column)
        return table

    def notes(self) -> tuple[str, ...]:
        """Sentences on what readers have to know."""
        return ()

    def load(self, output: str) -> str:
        """A line of Python that loads it."""
        return ""


def stem(row: Mapping[str, Any], number: int) -> str:
    """A file name without its ending: the ``sample_id``, or the row's number where that is no safe name."""
    name = str(row["sample_id"])
    return name if _SAFE.fullmatch(name) else f"row-{number:09}"


def media_paths(row: Mapping[str, Any], number: int, folder: str = "") -> dict[str, str]:
    """Where audio and MIDI of a row go, ``kind/folder/stem``, as far as it has them: dict of column to path.

    Args:
        row: with ``sample_id``, and perhaps ``audio`` (of which the ``path`` is enough) and ``midi``.
        folder: by default the split.
    """
    folder, out = folder or row["split"], {}
    if row.get("audio") is not None:
        ending = PurePosixPath(row["audio"]["path"] or "").suffix
        out["audio"] = f"audio/{folder}/{stem(row, number)}{ending}"
    if row.get("midi") is not None:
        out["midi"] = f"midi/{folder}/{stem(row, number)}.mid"
    return out


def media_files(row: Mapping[str, Any], number: int, folder: str = "") -> dict[str, bytes]:
    """The files at :func:`media_paths`."""
    content: dict[str, Any] = {"audio": (row.get("audio") or {}).get("bytes"), "midi": row.get("midi")}
    return {path: content[kind] for kind, path in media_paths(row, number, folder).items()}
