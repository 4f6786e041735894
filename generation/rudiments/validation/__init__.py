"""Validation of a rudiments dataset beside what any dataset is validated by, see
:mod:`sousa.generation.validation`.

``examine`` measures one shard, and ``sound`` and ``onsets`` what is heard; ``checks`` and ``population``
judge the measurements of all of them; ``report`` puts them into words and pictures, ``figures`` beside
drummers that were measured.
"""

from typing import Any

from sousa.generation.rudiments.validation import checks, report
from sousa.generation.rudiments.validation.examine import RudimentsExaminer
from sousa.generation.validation import Validation
from sousa.generation.validation.findings import Check, Findings


class RudimentsValidation(Validation):
    """What rudiments add; see :class:`sousa.generation.validation.Validation`."""

    Examiner = RudimentsExaminer
    kept = ("tempo_bpm", "num_strokes", "num_measures", "bank", "augmentation_preset")

    def checks(self, found: Findings) -> list[Check]:
        return checks.run_all(found)

    def summary(self, found: Findings) -> dict[str, Any]:
        return report.summary(found)

    def lines(self, report_: dict[str, Any]) -> list[str]:
        return report.lines(report_)

    def parts(self, report_: dict[str, Any], found: Findings) -> list[str]:
        return report.parts(report_, found)
