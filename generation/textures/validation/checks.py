"""Judging the measurements of a textures dataset: its checks, in the order of the report."""

from sousa.generation.textures import records
from sousa.generation.textures.validation import population, splits
from sousa.generation.validation.findings import Check, Findings, absence

# name, problems counted while examining that fail it, and what is claimed when there are none
_ROW_CHECKS = (
    (
        "coordinates",
        ("start_is_not_chunk_times_length", "length_is_not_the_chunks"),
        "each row begins where the one before ends, and is as long as a chunk",
    ),
    (
        "parameters",
        (
            "value_out_of_declared_range", "norm_differs_from_natural", "user_value_missing_or_odd",
            "parameters_are_not_the_synthesizers", "column_of_parameter_differs",
        ),
        "natural values lie in their declared ranges, normalised ones follow by the scale",
    ),
    ("nulls", ("null_where_none_is_allowed",), "no required value is missing"),
    (
        "curves",
        ("frames_missing_or_extra",),
        "parameters that move have a value for every frame",
    ),
    (
        "events",
        ("num_events_differs", "velocity_out_of_range"),
        "events are as many as is said, velocities 1 to 127",
    ),
)  # fmt: skip
_LEVELS = ("level_differs", "clipped_samples_differ")


def run_all(findings: Findings) -> list[Check]:
    """All checks of textures."""
    problems = findings.problems
    claim = f"peak, RMS and what is cut off are those of the sound ({findings.part})"
    return [
        *(absence(problems, *check) for check in _ROW_CHECKS),
        absence(problems, "levels", _LEVELS, claim),
        population.silence(findings),
        population.levels(findings),
        population.clipping(findings),
        population.onsets(findings),
        population.event_rates(findings),
        population.rates_follow(findings),
        population.shared_chance(findings),
        population.pitches(findings),
        population.borders(findings),
        splits.splits(findings),
        splits.coverage(findings),
        *_records(findings),
    ]


def _records(findings: Findings) -> list[Check]:
    """Every file of other people's formats is as it was written."""
    listed = findings.stored.manifest.get("records", [])
    if not listed:
        return []
    root = findings.stored.storage.root
    wrong = [problem for record in listed if (problem := records.damage(root, record))]
    told = ", ".join(f"{r['format']} {r['files']:,} files" for r in listed)
    return [Check("records", not wrong, f"{len(wrong)} damaged" if wrong else f"unchanged: {told}", wrong)]
