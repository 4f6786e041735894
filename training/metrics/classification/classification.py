"""Accuracy, balanced accuracy and macro F1 with intervals by group, as an `evaluate` module."""

import datasets
import evaluate

from sousa.training.metrics.class_metrics import class_metrics

_DESCRIPTION = "Accuracy, balanced accuracy, macro F1 and per-class figures, with intervals by group."
_INPUTS = """
Args:
    predictions, references: class names or ints, one a row; a reference of None leaves the row out.
    groups: names, one a row; None: the row is a group of its own.
    labels: order of classes (default: sorted).
    resamples, seed: of the intervals (default: 1000, 0).
Returns: see sousa.training.metrics.class_metrics.class_metrics.
"""
_CITATION = ""


class Classification(evaluate.Metric):
    """See ``_INPUTS``; the work is done in :func:`sousa.training.metrics.class_metrics.class_metrics`."""

    def _info(self):
        name = datasets.Value("string")
        features = datasets.Features({"predictions": name, "references": name, "groups": name})
        return evaluate.MetricInfo(
            description=_DESCRIPTION, citation=_CITATION, inputs_description=_INPUTS, features=features
        )

    def _enforce_nested_string_type(self, schema, obj):
        """Ints and None are welcome: they are stored as text and null."""

    def _compute(self, predictions, references, groups, labels=None, resamples=1000, seed=0):
        return class_metrics(predictions, references, groups, labels, resamples, seed)
