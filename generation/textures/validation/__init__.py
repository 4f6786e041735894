"""Validation of a textures dataset beside what any dataset is validated by, see
:mod:`sousa.generation.validation`.

``examine`` measures one shard: its ``labels``, and its ``sound`` beside what ``expectations`` says of it;
``population``, ``splits`` and ``checks`` judge the measurements of all shards; ``report`` puts them into
words and pictures.
"""

from typing import Any

from sousa.generation.textures.validation import checks, report
from sousa.generation.textures.validation.examine import TexturesExaminer
from sousa.generation.validation import Validation
from sousa.generation.validation.findings import Check, Findings


class TexturesValidation(Validation):
    """What textures add; see :class:`sousa.generation.validation.Validation`."""

    Examiner = TexturesExaminer
    media_rows = 400  # reading takes as long as making
    kept = ("sound", "held_out", "setting_index", "example_index", "chunk_index", "num_events", "gain_db",
            "peak_db", "rms_db", "clipped_samples")  # fmt: skip

    def checks(self, found: Findings) -> list[Check]:
        return checks.run_all(found)

    def summary(self, found: Findings) -> dict[str, Any]:
        return report.summary(found)

    def lines(self, report_: dict[str, Any]) -> list[str]:
        return report.lines(report_)

    def parts(self, report_: dict[str, Any], found: Findings) -> list[str]:
        return report.parts(found, report_)
