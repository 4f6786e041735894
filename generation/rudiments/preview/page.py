"""The preview page of a rudiments dataset, see :mod:`sousa.generation.preview.page`."""

from pathlib import Path

from sousa.generation.preview.page import DEFAULT_ROWS, Page, check, read_rows
from sousa.generation.preview.page import write as write_page
from sousa.generation.rudiments import columns, reopen
from sousa.generation.rudiments.preview import choose
from sousa.generation.tables import complete_manifest

_GROUPS = (
    ("Take", columns.IDENTITY),
    ("Scores", columns.SCORES),
    ("Sound and acoustics", columns.SOUND),
    ("Player", columns.PLAYER),
)
_FILTERS = (
    ("Rudiment", "form"),
    ("Tier", "skill_tier"),
    ("Acoustics", "augmentation_preset"),
    ("Split", "split"),
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
        progress: see :func:`sousa.generation.preview.page.write`.

    Returns: ``(path, rows shown, bytes)``.
    Raises: UsageError for a request that makes no sense or a page that would be too large; RunError
        for a dataset that is unfinished or damaged, and a file that can't be written.
    """
    check(output, rows, seed, {"--rudiments": rudiments, "--tiers": tiers, "--presets": presets})
    manifest = complete_manifest(root)
    config = reopen.config_of(manifest, need_drums=False)
    records = reopen.records_of(manifest, config)
    forms = choose.wanted_forms(rudiments, config)
    choose.check_tiers(tiers, config)
    index = choose.read_index(root, records, forms, tiers, presets)
    numbers = choose.choose(index, rows, seed)
    names = [c.name for _, group in _GROUPS for c in group] + [c.name for c in columns.NESTED]
    names += [c.name for c in columns.SOUND_FILE] if config.with_audio else []
    # drums spread their energy over all pitches, so a bin is some 20 dB below the whole
    meta = {"tiers": list(config.tiers), "folded": ["Player"], "darkest_db": -20}
    page = Page(meta, _GROUPS, _FILTERS, Path(__file__).parent / "js", _labels)
    return write_page(
        page, root, config, read_rows(root, records, numbers, names), len(numbers), output, progress
    )


def _labels(row):
    """What the page's scripts are told of a row."""
    strokes = {name: [stroke[name] for stroke in row["strokes"]] for name in _STROKE}
    strokes["hand"] = "".join(strokes["hand"])
    strokes["is_accent"] = [int(value) for value in strokes["is_accent"]]
    facts = {c.name: row[c.name] for _, group in _GROUPS for c in group}
    return {
        "facts": facts,
        "bars": [measure["start_sample"] for measure in row["measures"]],
        "strokes": strokes,
    }
