"""Validation of a piano dataset beside what any dataset is validated by, see
:mod:`sousa.generation.validation`.

``examine`` measures one shard, and ``sound`` what is heard; ``checks`` judges the measurements of all of
them, and ``report`` puts them into words and pictures, with ``figures`` of measured pianists beside them.
"""

from sousa.generation.piano.validation import checks, report
from sousa.generation.piano.validation.examine import PianoExaminer
from sousa.generation.validation import Validation


class PianoValidation(Validation):
    """What piano adds; see :class:`sousa.generation.validation.Validation`."""

    Examiner = PianoExaminer
    media_rows = 400
    again_units = 8
    kept = ("piece_index", "num_notes", "max_polyphony", "pedal_share", "piano", "augmentation_preset",
            "tempo_bpm", "performed_tempo_bpm", "metre", "aug_room_response")  # fmt: skip

    checks = staticmethod(checks.run_all)
    summary = staticmethod(report.summary)
    lines = staticmethod(report.lines)
    parts = staticmethod(report.parts)
