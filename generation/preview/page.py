"""The preview page: one HTML file with rows, their labels and their sound.

Conventions
-----------
A row is written as it is read: JSON of its labels in one script element, its encoded sound as
base64 in the next, so memory holds one row group and browsers decode only what is looked at. Nothing
in the page points outside it; a policy in its head forbids that too.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from sousa.generation import text
from sousa.generation.columns import Breakdown, Column
from sousa.generation.console import silent
from sousa.generation.errors import RunError, UsageError, collected, not_a_seed, not_whole, raise_all
from sousa.generation.filters import Filter
from sousa.generation.preview import choose
from sousa.generation.preview.source import Source
from sousa.generation.reopen import Stored, rows_at
from sousa.generation.storage import atomic_file, refuse_others_file
from sousa.generation.tables import groups_of

# browsers read a page into memory whole, and copy parts of it when they decode
MAX_BYTES = 200_000_000
_PIECE = 3 * 2**18  # bytes of sound: without a rest, so that pieces of base64 make a whole
_HERE = Path(__file__).parent


def write(
    stored: Stored, output: str | Path | None = None, rows: int = 48,
    where: Mapping[str, Any] | None = None, seed: int = 42, progress: Any = silent,
) -> tuple[Path, int, int]:  # fmt: skip
    """Write the preview page of a dataset.

    Args:
        output: file to write; ``preview.html`` in the dataset by default.
        rows: how many to show.
        seed: of their choice.
        where: filters of rows, see :mod:`sousa.generation.filters`.
        progress: as of :class:`sousa.generation.console.Console`.

    Returns: ``(path, rows shown, bytes)``.
    Raises: UsageError for a request that makes no sense or a page that would be too large; RunError
        for a dataset that is damaged, and a file that can't be written.
    """
    problems = []
    if output is not None and not str(output):
        problems.append("output is empty; name a file or leave it out")
    problems += not_whole("rows", rows, "1 or more", 1) + not_a_seed(seed)
    with collected(problems):
        chosen = Filter.parse(where, _with_names(stored, where or {}), stored.corpus)
    raise_all(problems)
    source = Source.of(stored)
    numbers = choose.choose(source, chosen, rows, seed)
    path = Path(output) if output is not None else stored.storage.path("preview.html")
    if output is not None:
        refuse_others_file(path, b'content="sousa preview"')
    with atomic_file(path) as file, progress("writing rows", len(numbers)) as done:
        size = compose(file, source, numbers, done)
    return path, len(numbers), size


def compose(file: BinaryIO, source: Source, numbers: list[int], done: Any = lambda count: None) -> int:
    """Write a page of rows into an open file.

    Args:
        numbers: of the rows, ascending.
        done: is told of each row.

    Returns: bytes.
    Raises: UsageError for a page that would be too large; RunError for a dataset that is damaged.
    """
    page, there = source.page, {column.name for column in source.columns}
    names = dict.fromkeys([*(c.name for _, group in page.groups for c in group), *page.lists, "audio"])
    wanted = [name for name in names if name in there]
    head, tail = _frame(source, len(numbers), there)
    size = file.write(head)
    for shown, row in enumerate(_rows(source, numbers, wanted)):
        facts = {c.name: row.get(c.name) for _, group in page.groups for c in group}
        size += file.write(_labels({"facts": facts, **page.labels(row)}))
        sound = row["audio"]["bytes"] if row.get("audio") else b""
        if size + _encoded(len(sound)) + len(tail) > MAX_BYTES:
            raise UsageError(
                f"a page with these {len(numbers):,} rows would be larger than {MAX_BYTES / 1e6:.0f} MB; "
                f"about {max(shown, 1):,} of them fit: ask for fewer rows"
            )
        if sound:
            size += sum(map(file.write, _sound(sound, shown)))
        done(1)
    return size + file.write(tail)


def _with_names(stored: Stored, where: Mapping[str, Any]) -> list[Column]:
    """The columns of a dataset; those that names are asked of know which there are."""
    out = []
    for column in stored.columns:
        role = column.role
        open_ended = isinstance(role, Breakdown) and not role.known and column.type == "string"
        if open_ended and (column.name in where or column.alias in where):
            groups = groups_of(stored.storage, stored.records, [column.name])
            names = {name: True for group in groups for name in group[column.name].unique().to_pylist()}
            column = replace(column, role=replace(role, known=tuple(filter(None, names))))
        out.append(column)
    return out


def _rows(source: Source, numbers: list[int], columns: list[str]) -> Iterable[dict[str, Any]]:
    """Rows by number as dicts, one at a time, because sound is large.

    Raises: RunError for a damaged shard.
    """
    first = 0
    for record in source.records:
        inside = any(first <= number < first + record["rows"] for number in numbers)
        first += record["rows"]
        if inside and (problem := source.storage.damage(record)):
            raise RunError(f"{problem}; {source.again}")
    for part in rows_at(source.storage, source.records, numbers, columns):
        for i in range(len(part)):
            yield from part.slice(i, 1).to_pylist()


def _frame(source: Source, count: int, there: set[str]) -> tuple[bytes, bytes]:
    """What comes before the rows and after them."""
    page = source.page
    meta = {
        **source.facts, "shown": count, "folded": list(page.folded), "darkest_db": page.darkest_db,
        **page.meta,
        "groups": [
            {"title": title, "columns": [[c.name, c.unit, c.meaning] for c in group if c.name in there]}
            for title, group in page.groups
        ],
    }  # fmt: skip
    files = sorted([*(_HERE / "js").glob("*.js"), *page.scripts], key=lambda path: path.name)
    parts = {
        "TITLE": text.html(source.facts["dataset"]), "META": text.script(meta),
        "SCRIPT": "\n".join(path.read_text("utf-8") for path in files),
        "STYLE": (_HERE / "page.css").read_text("utf-8"),
        "FILTERS": "\n".join(
            f'  <label>{text.html(title)} <select data-column="{text.html(column)}"></select></label>'
            for title, column in page.filters
        ),
    }  # fmt: skip
    head, tail = (_HERE / "page.html").read_text("utf-8").split("@ROWS@")
    # in one pass: what is filled in may itself look like a place to fill
    fill = partial(re.sub, r"@([A-Z]+)@", lambda match: parts[match[1]])
    return fill(head).encode(), fill(tail).encode()


def _labels(labels: dict[str, Any]) -> bytes:
    return f'<script type="application/json" class="row">{text.script(labels)}</script>\n'.encode()


def _encoded(size: int) -> int:
    return -(-size // 3) * 4


def _sound(data: bytes, shown: int) -> Iterable[bytes]:
    yield f'<script type="text/plain" id="audio-{shown}">'.encode()
    for first in range(0, len(data), _PIECE):
        yield base64.b64encode(data[first : first + _PIECE])
    yield b"</script>\n"
