"""Published files, a line at a time: memory does not grow with their size, and what is broken is named.

Conventions: text is UTF-8, with or without a mark at its beginning; what is none reads as U+FFFD. Lines end
in LF or CRLF. A file that can't be read, or is not of its form, is a RunError that names it and the line.
"""

import csv
import json
import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sousa.generation.errors import RunError, UsageError, told
from sousa.generation.outside import ANY_BYTES, DEPTH, is_file, opened, parse_json, read
from sousa.generation.text import finite, one_line

LINE_BYTES = 16 << 20
MOST_COLUMNS = 1000
_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_LINK_BYTES = 255  # of a link that was unpacked as a file


def needed(root: Path, title: str, *names: str) -> Path:
    """The first of some files of a corpus that is there, by their paths in its folder.

    Raises: UsageError when none is; RunError as :func:`there`.
    """
    for name in names:
        if there(root / name):
            return root / name
    raise UsageError(
        f"{root} does not hold {title}: there is no {' or '.join(names)}; name the folder that holds it, or "
        "get it with 'sousa download'"
    )


def there(path: Path) -> bool:
    """Whether a published file is there; raises RunError for what is no file that can be read."""
    if not os.path.lexists(path):
        return False
    with _named(path):
        opened(path, ANY_BYTES).close()
    return True


def followed(path: Path) -> Path | None:
    """A file, or that beside it which it names, where a link was unpacked as a file; None for neither."""
    if not there(path):
        return None
    if path.stat().st_size <= _LINK_BYTES:
        with _named(path):
            name = read(path, _LINK_BYTES).decode("utf-8", "replace").strip()
        if re.fullmatch(r"[\w-][\w.-]*\.\w+", name):
            return path.with_name(name) if is_file(path.with_name(name)) else None
    return path


def byte_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines with their ends, each with the byte it begins at."""
    place = 0
    with _named(path), opened(path, ANY_BYTES) as file:
        while line := file.readline(LINE_BYTES):
            if len(line) == LINE_BYTES and not line.endswith(b"\n"):
                raise RunError(f"{path}: a line has more than {LINE_BYTES:,} bytes; get the file again")
            yield place, line
            place += len(line)


def text_lines(path: Path) -> Iterator[str]:
    """Lines with their ends."""
    for place, line in byte_lines(path):
        text = line.decode("utf-8", "replace")
        yield text if place else text.removeprefix("\ufeff")


def tab_rows(path: Path) -> Iterator[list[str]]:
    """Cells of each line that is not empty, between tabs; quotes mean nothing."""
    for line in text_lines(path):
        if line := line.rstrip("\r\n"):
            yield line.split("\t")


def csv_rows(path: Path, *columns: str) -> Iterator[dict[str, str]]:
    """Rows of a CSV file by the names in its first line; cells that are missing are empty.

    Raises: RunError when a column is not there, or a quote never ends.
    """
    with _named(path):
        rows = csv.reader(text_lines(path), strict=True)
        head = next(rows, [])
        if len(head) > MOST_COLUMNS:
            raise RunError(
                f"{path} has {len(head):,} columns, of at most {MOST_COLUMNS:,}; get the file again"
            )
        if lacking := [name for name in columns if name not in head]:
            has = ", ".join(one_line(name)[:40] for name in head[:10]) or "none"
            raise RunError(f"{path} has no column {', '.join(lacking)}; it has {has}; get the file again")
        for row in rows:
            if row:
                yield dict.fromkeys(head, "") | dict(zip(head, row, strict=False))


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Objects of a file with one a line, each with the byte it begins at; None for a line that is none."""
    for place, line in byte_lines(path):
        if line.strip():
            yield place, json_object(line)


def json_object(line: bytes) -> dict[str, Any] | None:
    """An object of JSON, None for anything else; NaN and infinity, which JSON has not, are null in it."""
    few = line.count(b"{") + line.count(b"[") <= DEPTH  # then nothing is nested too deep
    odd = b"NaN" in line or b"Infinity" in line
    try:
        words = line.removeprefix(b"\xef\xbb\xbf").decode()
        value = json.loads(words) if few and not odd else parse_json(words, parse_constant=lambda name: None)
        if b"\\ud" in line.lower():
            json.dumps(value, ensure_ascii=False).encode()  # half of a character is no text
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def number(value: Any) -> float | None:
    """A finite number at or above 0, from a number or its text; None for anything else."""
    try:
        out = float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else -1.0
    except (ValueError, OverflowError):
        return None
    return out if math.isfinite(out) and out >= 0 else None


def text(value: Any) -> str | None:
    """A text that has something in it, as it is, or a whole number as text; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and value.strip() else None


def meta(**values: Any) -> str | None:
    """What the schema has no column for, as JSON; what is null, empty or an empty list is left out."""
    told_of = {name: value for name, value in values.items() if value not in (None, "", [], {})}
    return _JSON.encode(finite(told_of)) if told_of else None


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except csv.Error as error:
        raise RunError(f"{path} is not CSV: {error}; get the file again") from None
    except OSError as error:
        raise RunError(f"{path} can't be read: {told(error)}; get the file again") from None
