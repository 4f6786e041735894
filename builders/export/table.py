"""Rows as lines of one file: a flat CSV index beside audio and MIDI files, or JSON Lines of all labels.

CSV: null is an empty field, true and false are written in lower case, lists of records are left out (the
format ``json`` has them). JSON: strict, so a number that is not finite is null.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sousa.generation.exporting import Format, media_files, media_paths
from sousa.generation.text import finite

INDEX, ROWS = "index.csv", "rows.jsonl"


class Csv(Format):
    """``index.csv`` with all scalar labels, and ``audio/SPLIT/`` and ``midi/SPLIT/`` with their MD5."""

    fills = True

    def reads(self) -> tuple[str, ...]:
        """Scalars and sound."""
        return (*(column.name for column in self.scalars), *self.media)

    def files(self, row: Mapping[str, Any], number: int) -> dict[str, bytes]:
        """Its audio and MIDI."""
        return media_files(row, number)

    def lines(self, row: Mapping[str, Any], number: int) -> dict[str, str]:
        """Its line of the index."""
        paths, content = media_paths(row, number), media_files(row, number)
        found = [paths.get(kind) for kind in self.media]
        sums = [path and hashlib.md5(content[path], usedforsecurity=False).hexdigest() for path in found]
        return {INDEX: _line([*(row[column.name] for column in self.scalars), *found, *sums])}

    def head(self, path: str) -> str:
        """Names of the columns."""
        media = [f"{kind}_{what}" for what in ("path", "md5") for kind in self.media]
        return _line([*(column.name for column in self.scalars), *media])

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


def _line(values: Iterable[Any]) -> str:
    text = io.StringIO()
    cells = [str(value).lower() if isinstance(value, bool) else finite(value) for value in values]
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
