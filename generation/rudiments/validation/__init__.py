"""Validation of a rudiments dataset beside what any dataset is validated by, see
:mod:`sousa.generation.validation`.

``examine`` measures one shard, and ``sound`` and ``onsets`` what is heard; ``checks`` and ``population``
judge the measurements of all of them; ``report`` puts them into words and pictures, ``figures`` beside
drummers that were measured.
"""

from sousa.generation.rudiments.validation import checks, report
from sousa.generation.rudiments.validation.examine import RudimentsExaminer
from sousa.generation.validation import Validation


class RudimentsValidation(Validation):
    """What rudiments add; see :class:`sousa.generation.validation.Validation`."""

    Examiner = RudimentsExaminer
    kept = (
        "tempo_bpm", "num_strokes", "num_measures", "num_omissions", "bank", "unseen_sound",
        "aug_room_response",
        "augmentation_preset",
    )  # fmt: skip

    checks = staticmethod(checks.run_all)
    summary = staticmethod(report.summary)
    lines = staticmethod(report.lines)
    parts = staticmethod(report.parts)
