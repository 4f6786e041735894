"""Rows as lines of files: flat CSV tables beside audio and MIDI files, or JSON Lines of all labels.

CSV: null is an empty field, true and false are written in lower case. Columns of records, such as events, are
files of their own, a line a record, with the ``sample_id`` of the row first, and each time in samples in
seconds too. JSON: strict, so a number that is not finite is null.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sousa.generation.columns import Column
from sousa.generation.exporting import Format, Groups, media_files, media_paths
from sousa.generation.storage import LocalStorage
from sousa.generation.text import finite

INDEX, COLUMNS, ROWS = "index.csv", "columns.csv", "rows.jsonl"


class Csv(Format):
    """``index.csv`` with all scalar labels, and ``audio/SPLIT/`` and ``midi/SPLIT/`` with their MD5; a file
    such as ``events.csv`` for each column of records; ``columns.csv`` says what all their columns are.
    """

    fills = True

    @property
    def records(self) -> dict[str, Column]:
        """Columns of records, by the file that each is written into."""
        return {f"{column.name}.csv": column for column in self.columns if column.nested}

    def reads(self) -> tuple[str, ...]:
        """Labels and sound."""
        return (*(column.name for column in self.plain), *self.media)

    def files(self, row: Mapping[str, Any], number: int) -> dict[str, bytes]:
        """Its audio and MIDI."""
        return media_files(row, number)

    def lines(self, row: Mapping[str, Any], number: int) -> dict[str, str]:
        """Its line of the index."""
        paths, content = media_paths(row, number), media_files(row, number)
        found = [paths.get(kind) for kind in self.media]
        sums = [path and hashlib.md5(content[path], usedforsecurity=False).hexdigest() for path in found]
        index = _line([*(row[column.name] for column in self.scalars), *found, *sums])
        tables = {
            file: "".join(_line(_cells(row, column, record)) for record in row[column.name])
            for file, column in self.records.items()
            if row[column.name]
        }
        return {INDEX: index, **tables}

    def head(self, path: str) -> str:
        """Names of the columns."""
        if column := self.records.get(path):
            return _line(["sample_id", *(name for field in column.type for name in _names(field))])
        media = [f"{kind}_{what}" for what in ("path", "md5") for kind in self.media]
        return _line([*(column.name for column in self.scalars), *media])

    def finish(self, groups: Groups, storage: LocalStorage) -> list[str]:
        """Say what each column of the tables is."""
        lines = [["table", "column", "type", "unit", "meaning"]]
        for column in self.scalars:
            lines.append([INDEX, column.name, str(column.type), column.unit, column.meaning])
        for name, column in self.records.items():
            for field in column.type:
                lines.append([name, field.name, str(field.type), field.unit, field.meaning])
        with storage.writing(COLUMNS) as file:
            file.write("".join(map(_line, lines)).encode())
        return [COLUMNS]

    def load(self, output: str) -> str:
        """With pandas."""
        return f'pandas.read_csv("{output}/{INDEX}")'


class JsonLines(Format):
    """``rows.jsonl`` with every label."""

    fills = True

    def reads(self) -> tuple[str, ...]:
        """All but bytes."""
        return tuple(column.name for column in self.plain)

    def lines(self, row: Mapping[str, Any], number: int) -> dict[str, str]:
        """Its line of JSON."""
        text = json.dumps(finite(dict(row)), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return {ROWS: f"{text}\n"}

    def load(self, output: str) -> str:
        """With pandas."""
        return f'pandas.read_json("{output}/{ROWS}", lines=True)'


def _names(field: Column) -> list[str]:
    """The columns of a record's field: times in samples are there in seconds too."""
    return [field.name, _in_seconds(field.name)] if _is_time(field) else [field.name]


def _cells(row: Mapping[str, Any], column: Column, record: Mapping[str, Any]) -> Iterator[Any]:
    """A record as cells, in the order of :func:`_names`."""
    yield row["sample_id"]
    for field in column.type:
        value = record[field.name]
        yield value
        if _is_time(field):
            rate = row.get("sample_rate")
            yield round(value / rate, 9) if rate and value is not None else None


def _is_time(field: Column) -> bool:
    return field.unit == "samples"


def _in_seconds(name: str) -> str:
    return f"{re.sub('_?samples?$', '', name) or 'time'}_sec"


def _line(values: Iterable[Any]) -> str:
    text = io.StringIO()
    cells = [str(value).lower() if isinstance(value, bool) else finite(value) for value in values]
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
