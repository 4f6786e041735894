"""F-measure of onsets at several tolerances with intervals by group, as an `evaluate` module."""

import datasets

from sousa.training.metrics import modules
from sousa.training.metrics.onset_metrics import onset_metrics


class Onsets(modules.Metric):
    """Onset F-measure (mir_eval) and attributes of matched onsets, with intervals by group."""

    function = staticmethod(onset_metrics)
    features = modules.features(datasets.List(datasets.Value("float64")))
    citation = "C. Raffel et al., mir_eval: A Transparent Implementation of Common MIR Metrics, ISMIR 2014."
