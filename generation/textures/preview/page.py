"""The preview page of a textures dataset, see :mod:`sousa.generation.preview.page`."""

from pathlib import Path

from sousa.generation.manifest import complete_manifest
from sousa.generation.preview.page import DEFAULT_ROWS, Page, check, read_rows
from sousa.generation.preview.page import write as write_page
from sousa.generation.textures import reopen
from sousa.generation.textures.columns import AFTER, BEFORE, EVENT
from sousa.generation.textures.preview import choose
from sousa.generation.textures.settings import FRAME_RATE_HZ

_LISTS = ("params", "curves", "events", "audio")
_ROW = tuple(BEFORE)
_SOUND = tuple(column for column in AFTER if column.name not in _LISTS)
_GROUPS = (("Row", _ROW), ("Sound", _SOUND))
_FILTERS = (("Sound", "sound"), ("Synthesizer", "synth"), ("Split", "split"), ("Held out", "held_out"))
_PARAM = ("name", "role", "natural", "unit", "user_name", "user", "norm")


def write(root, output=None, rows=DEFAULT_ROWS, sounds=None, seed=42, progress=None):
    """Write the preview page of a dataset.

    Args:
        output: file to write; ``preview.html`` in the dataset by default.
        rows: how many rows to show.
        sounds: list of names, or None for all.
        seed: of the choice of rows.
        progress: see :func:`sousa.generation.preview.page.write`.

    Returns: ``(path, rows shown, bytes)``.
    Raises: UsageError for a request that makes no sense or a page that would be too large; RunError
        for a dataset that is unfinished or damaged, and a file that can't be written.
    """
    check(output, rows, seed, {"--sounds": sounds})
    manifest = complete_manifest(root)
    config = reopen.config_of(manifest)
    records = reopen.records_of(manifest, config)
    wanted = choose.wanted_sounds(sounds, config)
    numbers = choose.choose(*choose.read_index(root, records), wanted, rows, seed)
    names = [column.name for _, group in _GROUPS for column in group] + list(_LISTS)
    meta = {
        "sounds": [sound.name for sound in config.sounds], "frame_rate_hz": FRAME_RATE_HZ,
        "examples": config.examples, "folded": ["Row", "Sound"], "darkest_db": -6,
    }  # fmt: skip
    page = Page(meta, _GROUPS, _FILTERS, Path(__file__).parent / "js", _labels)
    return write_page(
        page, root, config, read_rows(root, records, numbers, names), len(numbers), output, progress
    )


def _labels(row):
    """What the page's scripts are told of a row: frames of a curve stand under its parameter's name."""
    facts = {column.name: row[column.name] for _, group in _GROUPS for column in group}
    curves = {}
    for frame in row["curves"]:
        one = curves.setdefault(frame["name"], {"natural": [], "norm": []})
        one["natural"].append(frame["natural"])
        one["norm"].append(frame["norm"])
    events = row["events"] or ()
    return {
        "facts": facts,
        "params": [{name: one[name] for name in _PARAM} for one in row["params"]],
        "curves": curves,
        "events": {column.name: [event[column.name] for event in events] for column in EVENT},
    }
