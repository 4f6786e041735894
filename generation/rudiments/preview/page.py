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
from pathlib import Path

from generation import DATA_VERSION
from generation.errors import RunError, UsageError, raise_all
from generation.rudiments import columns, reopen
from generation.rudiments.preview import choose
from generation.shards import atomic_file, damage
from generation.tables import complete_manifest, row_groups

DEFAULT_ROWS = 48
# browsers read a page into memory whole, and copy parts of it when they decode
MAX_BYTES = 200_000_000
_HERE = Path(__file__).parent
_GROUPS = (
    ("Take", columns.IDENTITY),
    ("Scores", columns.SCORES),
    ("Sound and acoustics", columns.SOUND),
    ("Player", columns.PLAYER),
)
_STROKE = (
    "onset_sample", "intended_sample", "hand", "stroke_type", "is_accent", "actual_velocity",
    "timing_error_ms", "parent_stroke_index",
)  # fmt: skip


def write(
    root, output=None, rows=DEFAULT_ROWS, rudiments=None, tiers=None, presets=None, seed=42, progress=None
):
    """Write the preview page of a dataset.

    Args:
        output: file to write; ``preview.html`` in the dataset by default.
        rows: how many rows to show.
        rudiments, tiers, presets: lists of names, or None for all.
        seed: of the choice of rows.
        progress: function of (title, total) giving a context that yields a function to call with the
            number of rows done, such as a progress bar.

    Returns: ``(path, rows shown, bytes)``.
    Raises: UsageError for a request that makes no sense or a page that would be too large; RunError
        for a dataset that is unfinished or damaged, and a file that can't be written.
    """
    _check(output, rows, seed, {"--rudiments": rudiments, "--tiers": tiers, "--presets": presets})
    manifest = complete_manifest(root)
    config = reopen.config_of(manifest, need_drums=False)
    records = reopen.records_of(manifest, config)
    forms = choose.wanted_forms(rudiments, config)
    choose.check_tiers(tiers, config)
    index = choose.read_index(root, records, forms, tiers, presets)
    numbers = choose.choose(index, rows, seed)
    path = Path(output) if output is not None else Path(root) / "preview.html"
    bar = progress("embedding", len(numbers)) if progress else nullcontext(lambda count: None)
    with atomic_file(path) as file, bar as done:
        head, tail = _frame(root, config, len(numbers))
        file.write(head)
        for shown, row in enumerate(_rows(root, config, records, numbers)):
            file.write(_row(row, shown))
            if file.tell() + len(tail) > MAX_BYTES:
                raise UsageError(
                    f"a page with these {len(numbers):,} rows would be larger than {MAX_BYTES / 1e6:.0f} MB; "
                    f"about {max(shown, 1):,} of them fit: ask for fewer with --rows"
                )
            done(1)
        file.write(tail)
        size = file.tell()
    return path, len(numbers), size


def _check(output, rows, seed, names):
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


def _frame(root, config, count):
    """What comes before the rows and after them, as bytes."""
    name = Path(root).resolve().name
    meta = {
        "dataset": name, "data_version": DATA_VERSION, "preset": config.preset, "num_rows": config.num_rows,
        "shown": count, "with_audio": config.with_audio, "tiers": list(config.tiers),
        "groups": [
            {"title": title, "columns": [[c.name, c.unit, c.meaning] for c in group]}
            for title, group in _GROUPS
        ],
    }  # fmt: skip
    text = (_HERE / "page.html").read_text(encoding="utf-8")
    scripts = [path.read_text(encoding="utf-8") for path in sorted((_HERE / "js").glob("*.js"))]
    parts = {
        "TITLE": html.escape(name), "META": as_script(meta), "SCRIPT": "\n".join(scripts),
        "STYLE": (_HERE / "page.css").read_text(encoding="utf-8"),
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


def _rows(root, config, records, numbers):
    """Rows by number, as dicts, in order; only shards that hold one are read."""
    names = [c.name for _, group in _GROUPS for c in group] + [c.name for c in columns.NESTED]
    names += [c.name for c in columns.SOUND_FILE] if config.with_audio else []
    first = 0
    for record in records:
        last = first + record["rows"]
        inside = [number for number in numbers if first <= number < last]
        problem = damage(root, record) if inside else None
        if problem:
            raise RunError(f"{problem}; run the 'sousa generate' command that made {root} again")
        if inside:
            for group in row_groups(Path(root) / record["file"], names):
                here = [n - first for n in inside if first <= n < first + len(group)]
                for place in here:  # one at a time: sound is large
                    yield group.slice(place, 1).to_pylist()[0]
                first += len(group)
        first = last


def _row(row, shown):
    """The script elements of a row, as bytes."""
    strokes = {name: [stroke[name] for stroke in row["strokes"]] for name in _STROKE}
    strokes["hand"] = "".join(strokes["hand"])
    strokes["is_accent"] = [int(value) for value in strokes["is_accent"]]
    facts = {c.name: row[c.name] for _, group in _GROUPS for c in group}
    bars = [measure["start_sample"] for measure in row["measures"]]
    labels = as_script({"facts": facts, "bars": bars, "strokes": strokes})
    parts = [f'<script type="application/json" class="row">{labels}</script>\n'.encode()]
    if "audio" in row:
        parts += [
            f'<script type="text/plain" id="audio-{shown}">'.encode(),
            base64.b64encode(row["audio"]["bytes"]), b"</script>\n",
        ]  # fmt: skip
    return b"".join(parts)
