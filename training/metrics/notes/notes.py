"""F-measures of transcribed notes with intervals by group, as an `evaluate` module."""

import datasets

from sousa.training.metrics import modules
from sousa.training.metrics.note_metrics import note_metrics

_NUMBER = datasets.Value("float64")
_NOTE = dict.fromkeys(("onset_sec", "offset_sec", "pitch", "velocity"), _NUMBER)
_WITH_KEYS = {**_NOTE, "key_up_sec": _NUMBER}


def _features(reference: dict[str, datasets.Value]) -> datasets.Features:
    columns = modules.features(datasets.List(_NOTE))
    return datasets.Features({**columns, "references": datasets.List(reference)})


class Notes(modules.Metric):
    """Onset, offset and velocity F-measures of notes (mir_eval), with intervals by group."""

    function = staticmethod(note_metrics)
    features = [_features(_NOTE), _features(_WITH_KEYS)]
    citation = "C. Raffel et al., mir_eval: A Transparent Implementation of Common MIR Metrics, ISMIR 2014."
