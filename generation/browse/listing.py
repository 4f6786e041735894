"""Which rows a request asks for: filters, order, and a page of the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation import filters
from sousa.generation.columns import AUDIO, STRINGS, Breakdown, Classes, Column, Group, Renditions, having
from sousa.generation.corpus import Corpus
from sousa.generation.errors import UsageError, one_of
from sousa.generation.preview.source import Source
from sousa.generation.tables import groups_of

ROWS_A_PAGE = 25
SORT, PAGE = "sort", "page"  # further keys of a request
_MOST_NAMES = 200  # in a list to choose from
_MOST_RENDITIONS = 12  # on the page of a row
_NUMBER, _DIGITS = "row number", 15


@dataclass(frozen=True)
class Control:
    """A filter that the page offers.

    Attributes:
        names: to choose from; empty where any text may be asked for, and for ranges.
        span: least and greatest value there is, for a range of numbers.
    """

    column: Column
    names: tuple[str, ...] = ()
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Part:
    """A page of the table.

    Attributes:
        rows: of the columns that are shown, with ``number``.
        count: how many rows pass the filters.
        page, pages: number of this one, from 1, and of all.
        where: the filters, in the order of the columns.
        options: the same filters as ``--where`` has them.
        sort: column that they are ordered by, with ``-`` before it for the greatest first; empty for none.
    """

    rows: list[dict[str, Any]]
    count: int
    page: int
    pages: int
    where: dict[str, str]
    sort: str
    options: dict[str, str]


class Listing:
    """The rows of a dataset by their scalar columns, which are read once.

    Args:
        source: of the rows.
        corpus: whose filters may be used too.
    """

    def __init__(self, source: Source, corpus: Corpus):
        self.source, self.corpus = source, corpus
        scalar = [c for c in source.columns if not c.nested and c.type not in (AUDIO, STRINGS, "binary")]
        self.columns = {column.name: column for column in scalar}
        self.tests = filters.tests(source.columns, corpus)

    @property
    def shown(self) -> list[Column]:
        """The columns of the table: what rows are told apart by."""
        return [
            column for name, column in self.columns.items()
            if name in ("sample_id", "duration_sec") or _is_shown(column.role)
        ]  # fmt: skip

    @cached_property
    def table(self) -> pa.Table:
        """All scalar columns that are shown or filtered by, and the numbers of the rows."""
        wanted = {column.name for column in [*self.shown, *having(self.source.columns, Renditions)]}
        table = self._read([name for name in self.columns if name in wanted or name in self.tests])
        return table.append_column(_NUMBER, pa.array(np.arange(len(table))))

    def _read(self, names: list[str]) -> pa.Table:
        return pa.concat_tables(groups_of(self.source.storage, self.source.records, names))

    @cached_property
    def controls(self) -> list[Control]:
        """What rows can be chosen by, names first."""
        names, spans = [], []
        for name, column in self.columns.items():
            if name not in self.tests:
                continue
            values = self.table[name].drop_null()
            if pa.types.is_string(values.type):
                known = sorted(pc.unique(values).to_pylist()) if len(values) else []
                if len(known) > 1:
                    names.append(Control(column, tuple(known) if len(known) <= _MOST_NAMES else ()))
            elif len(values):
                ends = pc.min_max(values).as_py()
                if ends["min"] < ends["max"]:
                    spans.append(Control(column, span=(float(ends["min"]), float(ends["max"]))))
        return names + spans

    def part(self, request: Mapping[str, str]) -> Part:
        """A page of the rows that a request asks for.

        Args:
            request: filters by name, and SORT and PAGE; empty values are left out.

        Raises: UsageError for an unknown filter, column or page.
        """
        asked = {name: value.strip() for name, value in request.items() if value.strip()}
        sort, number = asked.pop(SORT, ""), asked.pop(PAGE, "1")
        table = self.table
        whole = {name for name, value in asked.items() if self._has(name, value)}
        where = {n: [value] if n in whole else filters.value_of(value) for n, value in asked.items()}
        options = {n: v.replace(",", "\\,") if n in whole else v for n, v in asked.items()}
        if where:
            chosen = filters.Filter.parse(where, self.source.columns, self.corpus)
            for name in set(chosen.columns) - set(table.column_names):  # of a filter of the corpus itself
                table = table.append_column(name, self._read([name])[name])
            table = table.filter(chosen.expression)
        table = self._sorted(table, sort)
        pages = max(-(-len(table) // ROWS_A_PAGE), 1)
        if not number.isdecimal() or len(number) > _DIGITS or not 1 <= int(number) <= pages:
            raise UsageError(f"page is {number[:99]!r}; there are pages 1 to {pages:,}")
        first = (int(number) - 1) * ROWS_A_PAGE
        rows = table.slice(first, ROWS_A_PAGE).to_pylist()
        for row in rows:
            row["number"] = row.pop(_NUMBER)
        return Part(rows, len(table), int(number), pages, asked, sort, options)

    def _has(self, name: str, value: str) -> bool:
        """Whether a text is a value of a column as it stands, which may have commas."""
        if name not in self.table.column_names or not pa.types.is_string(self.table[name].type):
            return False
        return bool(pc.any(pc.equal(self.table[name], value)).as_py())

    def _sorted(self, table: pa.Table, sort: str) -> pa.Table:
        name = sort.removeprefix("-")
        if not name:
            return table
        if name not in table.column_names or name == _NUMBER:
            names = [column for column in table.column_names if column != _NUMBER]
            raise UsageError(f"rows can't be sorted by the column {one_of(name, names)}")
        order = "descending" if sort.startswith("-") else "ascending"
        return table.sort_by([(name, order), (_NUMBER, "ascending")])

    def renditions(self, number: int) -> list[int]:
        """A row and others of the same take, ascending; UsageError where there is no such row."""
        if not 0 <= number < len(self.table):
            raise UsageError(f"there is no row {number}; give 0 to {len(self.table) - 1}")
        for column in having(self.source.columns, Renditions)[:1]:
            same = self.table.filter(pc.field(column.name) == self.table[column.name][number])
            others = [other for other in same[_NUMBER].to_pylist() if other != number]
            return sorted([number, *others[: _MOST_RENDITIONS - 1]])
        return [number]


def _is_shown(role: Any) -> bool:
    return isinstance(role, (Classes, Group)) or (isinstance(role, Breakdown) and role.shown)
