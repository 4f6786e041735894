"""F-measure of onsets at several tolerances with intervals by group, as an `evaluate` module."""

import datasets
import evaluate

from sousa.training.metrics.onset_metrics import ATTRIBUTE_TOLERANCE, TOLERANCES, onset_metrics

_DESCRIPTION = "Onset F-measure (mir_eval) and attributes of matched onsets, with intervals by group."
_INPUTS = """
Args:
    predictions, references: lists of onset times in seconds, one a row; a reference of None leaves
        the row out.
    groups: names, one a row; None: the row is a group of its own.
    tolerances: seconds (default: 0.01, 0.02, 0.05).
    attributes: dict of name to {"references": lists of ints, "predictions": lists of ints}, one int an onset.
    attribute_tolerance: seconds, at which attributes are compared (default: 0.02).
    resamples, seed: of the intervals (default: 1000, 0).
Returns: see sousa.training.metrics.onset_metrics.onset_metrics.
"""
_CITATION = "C. Raffel et al., mir_eval: A Transparent Implementation of Common MIR Metrics, ISMIR 2014."


class Onsets(evaluate.Metric):
    """See ``_INPUTS``; the work is done in :func:`sousa.training.metrics.onset_metrics.onset_metrics`."""

    def _info(self):
        times, name = datasets.List(datasets.Value("float64")), datasets.Value("string")
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features({"predictions": times, "references": times, "groups": name}),
        )

    def _enforce_nested_string_type(self, schema, obj):
        """Groups may be ints or None: they are stored as text and null."""

    def _compute(self, predictions, references, groups, tolerances=TOLERANCES, attributes=None,
                 attribute_tolerance=ATTRIBUTE_TOLERANCE, resamples=1000, seed=0):  # fmt: skip
        return onset_metrics(
            predictions, references, groups, tolerances, attributes, attribute_tolerance, resamples, seed
        )
