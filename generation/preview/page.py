"""The preview page: one HTML file with rows, their labels and their sound.

Conventions
-----------
A row is written as it is read: JSON of its labels in one script element, its encoded sound as
base64 in the next, so memory holds one row group and browsers decode only what is looked at. Nothing
in the page points outside it; a policy in its head forbids that too.
"""

import base64
import html
import json
import math
import re
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from sousa.generation import DATA_VERSION
from sousa.generation.errors import RunError, UsageError, raise_all
from sousa.generation.shards import atomic_file, damage
from sousa.generation.tables import row_groups

DEFAULT_ROWS = 48
# browsers read a page into memory whole, and copy parts of it when they decode
MAX_BYTES = 200_000_000
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Page:
    """What a corpus says of its page.

    Attributes:
        meta: plain data for the page's scripts, besides what every page has: ``folded``, titles of groups
            that are closed at first; ``darkest_db``, level of a bin of a spectrogram that is darkest, of a
            full-scale sine; and whatever the corpus's own ones read.
        groups: pairs of title and Columns: what is told of a row; of each, names, units and meanings.
        filters: pairs of text and column of a row, or property of it in ``0_rows.js``.
        scripts: folder with the corpus's own ``.js`` files.
        labels: function of a row, a dict, giving plain data: ``facts`` (dict of columns) and more.
    """

    meta: dict
    groups: tuple
    filters: tuple
    scripts: Path
    labels: object


def check(output, rows, seed, names):
    """Check what is asked for.

    Args:
        names: dict of option to a list of names, or None where it isn't given.

    Raises: UsageError naming every problem.
    """
    problems = []
    if output is not None and not str(output):
        problems.append("--output is empty; name a file or leave it out")
    if rows < 1:
        problems.append(f"--rows is {rows}; give 1 or more")
    if not 0 <= seed < 2**63:
        problems.append(f"--seed is {seed}; give a whole number from 0 to 2^63 - 1")
    for option, value in names.items():
        if value is not None and not value:
            problems.append(f"{option} is empty; name at least one or leave it out")
    raise_all(problems)


def write(page, root, config, rows, count, output=None, progress=None):
    """Write a page.

    Args:
        page: a Page. root: dataset directory. config: its configuration.
        rows: iterable of rows as dicts; count: how many.
        output: file to write; ``preview.html`` in the dataset by default.
        progress: function of (title, total) giving a context that yields a function to call with the
            number of rows done, such as a progress bar.

    Returns: ``(path, rows shown, bytes)``.
    Raises: UsageError when the page would be too large; RunError when it can't be written.
    """
    path = Path(output) if output is not None else Path(root) / "preview.html"
    bar = progress("embedding", count) if progress else nullcontext(lambda done: None)
    with atomic_file(path) as file, bar as done:
        head, tail = _frame(page, root, config, count)
        file.write(head)
        for shown, row in enumerate(rows):
            file.write(_row(page.labels(row), row.get("audio"), shown))
            if file.tell() + len(tail) > MAX_BYTES:
                raise UsageError(
                    f"a page with these {count:,} rows would be larger than {MAX_BYTES / 1e6:.0f} MB; "
                    f"about {max(shown, 1):,} of them fit: ask for fewer with --rows"
                )
            done(1)
        file.write(tail)
        size = file.tell()
    return path, count, size


def _frame(page, root, config, count):
    """What comes before the rows and after them, as bytes."""
    name = Path(root).resolve().name
    meta = {
        "dataset": name, "data_version": DATA_VERSION, "preset": config.preset, "num_rows": config.num_rows,
        "shown": count, "with_audio": config.with_audio, **page.meta,
        "groups": [
            {"title": title, "columns": [[c.name, c.unit, c.meaning] for c in group]}
            for title, group in page.groups
        ],
    }  # fmt: skip
    text = (_HERE / "page.html").read_text(encoding="utf-8")
    files = [*(_HERE / "js").glob("*.js"), *page.scripts.glob("*.js")]
    scripts = [path.read_text(encoding="utf-8") for path in sorted(files, key=lambda path: path.name)]
    parts = {
        "TITLE": html.escape(name), "META": as_script(meta), "SCRIPT": "\n".join(scripts),
        "STYLE": (_HERE / "page.css").read_text(encoding="utf-8"),
        "FILTERS": "\n".join(
            f'  <label>{text} <select data-column="{column}"></select></label>'
            for text, column in page.filters
        ),
    }  # fmt: skip
    head, tail = text.split("@ROWS@")
    # in one pass: what is filled in may itself look like a place to fill
    return tuple(re.sub(r"@([A-Z]+)@", lambda match: parts[match[1]], part).encode() for part in (head, tail))


def as_script(data):
    """JSON that can stand inside a script element, whatever texts are in it."""
    text = json.dumps(_finite(data), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _finite(data):
    """Data without numbers that JSON does not have: they become null."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    return [_finite(value) for value in data] if isinstance(data, (list, tuple)) else data


def read_rows(root, records, numbers, columns):
    """Rows by number, as dicts, in order; only shards that hold one are read.

    Args:
        records: manifest records of the shards, in order of rows; numbers: ascending; columns: to read.

    Raises: RunError for a damaged shard.
    """
    first = 0
    for record in records:
        last = first + record["rows"]
        inside = [number for number in numbers if first <= number < last]
        problem = damage(root, record) if inside else None
        if problem:
            raise RunError(f"{problem}; run the 'sousa generate' command that made {root} again")
        if inside:
            for group in row_groups(Path(root) / record["file"], columns):
                here = [n - first for n in inside if first <= n < first + len(group)]
                for place in here:  # one at a time: sound is large
                    yield group.slice(place, 1).to_pylist()[0]
                first += len(group)
        first = last


def _row(labels, audio, shown):
    """The script elements of a row, as bytes."""
    parts = [f'<script type="application/json" class="row">{as_script(labels)}</script>\n'.encode()]
    if audio:
        parts += [
            f'<script type="text/plain" id="audio-{shown}">'.encode(), base64.b64encode(audio["bytes"]),
            b"</script>\n",
        ]  # fmt: skip
    return b"".join(parts)
