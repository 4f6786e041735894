"""Validation of a textures dataset beside what any dataset is validated by, see
:mod:`sousa.generation.validation`.

``examine`` measures one shard: its ``labels``, and its ``sound`` beside what ``expectations`` says of it;
``population`` and ``splits`` judge the measurements of all shards; ``report`` puts them into words and
pictures.
"""

from sousa.generation.textures import records
from sousa.generation.textures.validation import population, report, splits
from sousa.generation.textures.validation.examine import TexturesExaminer
from sousa.generation.validation import Validation
from sousa.generation.validation.findings import Check, Findings, absence

# name, problems counted while examining that fail it, and what is claimed when there are none
_ROW_CHECKS = (
    ("coordinates", ("start_is_not_chunk_times_length", "length_is_not_the_chunks"),
     "each row begins where the one before ends, and is as long as a chunk"),
    ("parameters", ("value_out_of_declared_range", "norm_differs_from_natural", "user_value_missing_or_odd",
                    "parameters_are_not_the_synthesizers", "column_of_parameter_differs"),
     "natural values lie in their declared ranges, normalised ones follow by the scale"),
    ("nulls", ("null_where_none_is_allowed",), "no required value is missing"),
    ("curves", ("frames_missing_or_extra",), "parameters that move have a value for every frame"),
    ("events", ("num_events_differs", "velocity_out_of_range"),
     "events are as many as is said, velocities 1 to 127"),
    ("levels", ("level_differs", "clipped_samples_differ"),
     "peak, RMS and what is cut off are those of the sound ({part})"),
)  # fmt: skip
_DATASET_CHECKS = (
    population.silence, population.levels, population.clipping, population.onsets, population.event_rates,
    population.rates_follow, population.shared_chance, population.pitches, population.borders,
    splits.splits, splits.coverage,
)  # fmt: skip


class TexturesValidation(Validation):
    """What textures add; see :class:`sousa.generation.validation.Validation`."""

    Examiner = TexturesExaminer
    media_rows = 400  # reading takes as long as making
    kept = ("sound", "held_out", "setting_index", "example_index", "chunk_index", "num_events", "gain_db",
            "peak_db", "rms_db", "clipped_samples")  # fmt: skip

    def checks(self, findings: Findings) -> list[Check]:
        row_checks = [
            absence(findings.problems, name, problems, claim.format(part=findings.part))
            for name, problems, claim in _ROW_CHECKS
        ]
        return [*row_checks, *(check(findings) for check in _DATASET_CHECKS), *_records(findings)]

    summary = staticmethod(report.summary)
    lines = staticmethod(report.lines)
    parts = staticmethod(report.parts)


def _records(findings: Findings) -> list[Check]:
    """Every file of other people's formats is as it was written."""
    listed = findings.stored.manifest.get("records", [])
    if not listed:
        return []
    root = findings.stored.storage.root
    damaged = [problem for record in listed if (problem := records.damage(root, record))]
    unchanged = "unchanged: " + ", ".join(f"{r['format']} {r['files']:,} files" for r in listed)
    text = f"{len(damaged)} damaged" if damaged else unchanged
    return [Check("records", not damaged, text, damaged)]
