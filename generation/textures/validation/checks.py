"""Judging the measurements of a textures dataset: all checks, in the order of the report."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from sousa.generation.textures import records
from sousa.generation.textures.validation import population, splits
from sousa.generation.validation.findings import Check, absence, count_check, tables_damage


@dataclass
class Findings:
    """Measurements of all shards together, as ``examine.examine_shard`` gives them."""

    rows: dict
    media: list
    borders: list
    trains: list
    again: list
    problems: dict

    @property
    def count(self):
        return len(self.rows["sample_id"])


# name, problems counted while examining that fail it, and what is claimed when there are none
_ROW_CHECKS = (
    (
        "labels as planned",
        ("labels_differ_from_plan", "names_differ_from_plan", "rows_not_in_plan", "row_not_in_plan"),
        "every label that does not describe the sound is what the configuration plans",
    ),
    (
        "coordinates",
        ("coordinates_differ_from_plan", "start_is_not_chunk_times_length", "length_differs"),
        "rows are in order, each begins where the one before ends, lengths agree",
    ),
    (
        "parameters",
        (
            "value_out_of_declared_range", "norm_differs_from_natural", "user_value_missing_or_odd",
            "parameters_are_not_the_synthesizers", "column_of_parameter_differs",
        ),
        "natural values lie in their declared ranges, normalised ones follow by the scale",
    ),
    ("nulls", ("null_where_none_is_allowed",), "nothing is null that has a value"),
    (
        "curves",
        ("frames_missing_or_extra", "curve_differs_from_plan"),
        "parameters that move have a value for every frame, those of their curve",
    ),
    (
        "events",
        ("num_events_differs", "event_outside_row", "events_out_of_order", "velocity_out_of_range"),
        "events are in order, inside their row, and as many as is said",
    ),
)  # fmt: skip
_AUDIO = (
    "audio_unreadable", "audio_length_or_rate_differs", "pcm_digest_differs", "level_differs",
    "clipped_samples_differ",
)  # fmt: skip


def run_all(findings, root, config, manifest):
    """All checks.

    Args:
        findings: Findings; root: dataset directory; config: its Config; manifest: as read.
    """
    whole = absence(findings.problems, "integrity", ("damaged_shard",), "every shard is as it was written")
    if not findings.rows:
        return [whole]
    heard, total = len(findings.media), findings.count
    part = "all rows" if heard == total else f"{heard:,} of {total:,} rows, evenly spread"
    found = findings.problems
    claim = f"decodes to the labelled length, digest, peak and RMS ({part})"
    checks = [
        whole,
        count_check(findings.rows["sample_id"], config.num_rows),
        _label_tables(findings, root, manifest),
        *(absence(found, *check) for check in _ROW_CHECKS),
        absence(found, "audio", _AUDIO, claim),
        population.silence(findings, config),
        population.levels(findings, config),
        population.clipping(findings),
        _again(findings),
        population.onsets(findings),
        population.event_rates(findings, config),
        population.rates_follow(findings, config),
        population.shared_chance(findings),
        population.pitches(findings, config),
        population.borders(findings),
        splits.splits(findings, config),
        splits.coverage(findings, config),
    ]
    if manifest.get("loose_files"):
        claim = f"each is there and equal to its row ({part})"
        checks.append(absence(found, "loose files", ("loose_file_missing_or_other",), claim))
    return [*checks, *_records(root, config, manifest)]


def _label_tables(findings, root, manifest):
    """The plain tables, and the other files the manifest knows: unchanged, and one to one with rows."""
    if wrong := tables_damage(root, manifest):
        return Check("label tables", False, wrong)
    path = Path(root) / "labels" / "samples.parquet"
    ids = pq.read_table(path, columns=["sample_id"])["sample_id"].to_pylist()
    same = ids == list(findings.rows["sample_id"])
    return Check("label tables", same, f"unchanged, {len(ids):,} rows one to one with the shards")


def _again(findings):
    claim = f"{len(findings.again):,} rows made again from their coordinates are the same, bit for bit"
    return absence(findings.problems, "rows made again", ("row_differs_from_made_again",), claim)


def _records(root, config, manifest):
    """Every file of other people's formats is as it was written."""
    listed = manifest.get("records", [])
    missing = sorted(set(config.records) - {record.get("format") for record in listed})
    if not listed and not missing:
        return []
    wrong = [f"{name} is missing from the manifest" for name in missing]
    wrong += [problem for problem in (records.damage(root, record) for record in listed) if problem]
    told = ", ".join(f"{r['format']} {r['files']:,} files" for r in listed)
    return [
        Check("records", not wrong, f"unchanged: {told}" if not wrong else f"{len(wrong)} damaged", wrong)
    ]
