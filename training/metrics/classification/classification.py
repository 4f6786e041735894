"""Accuracy, balanced accuracy and macro F1 with intervals by group, as an `evaluate` module."""

import datasets

from sousa.training.metrics import modules
from sousa.training.metrics.class_metrics import class_metrics


class Classification(modules.Metric):
    """Accuracy, balanced accuracy, macro F1 and per-class figures, with intervals by group."""

    function = staticmethod(class_metrics)
    features = modules.features(datasets.Value("string"))
