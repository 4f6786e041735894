"""Errors, R2 and rank correlation of scores with intervals by group, as an `evaluate` module."""

from collections.abc import Sequence
from typing import Any

import datasets

from sousa.generation.errors import UsageError
from sousa.training.metrics import modules
from sousa.training.metrics.score_metrics import score_metrics


def scores(
    predictions: Sequence[Any], references: Sequence[Any], groups: Sequence[Any] | None,
    names: Sequence[str] | None = None, resamples: int = 1000, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Score predicted numbers, or lists of numbers.

    Args:
        predictions, references: a float a row, or a list of floats a row (one a score); a reference of None
            leaves the row out.
        groups: names, one a row; None: the row is a group of its own.
        names: of the scores, when rows are lists (default: 0, 1 and so on).
        resamples, seed: of the intervals (default: 1000, 0).

    Returns: see sousa.training.metrics.score_metrics.score_metrics; for lists, a dict of name to that.
    """
    if not any(isinstance(row, list) for row in predictions):
        return score_metrics(predictions, references, groups, resamples, seed)
    width = len(names) if names else len(predictions[0])
    if any(len(row) != width for row in [*predictions, *(row for row in references if row is not None)]):
        raise UsageError(
            f"a row has another number of scores than {width}; give one for each of {names or width}"
        )
    truths = zip(*([None] * width if row is None else row for row in references), strict=True)
    columns = zip(names or range(width), zip(*predictions, strict=True), truths, strict=True)
    more = (groups, resamples, seed)
    return {str(name): score_metrics(guess, truth, *more) for name, guess, truth in columns}


class Scores(modules.Metric):
    """MAE, RMSE, R2 and Spearman's rank correlation of scores, with intervals by group."""

    function = staticmethod(scores)
    number = datasets.Value("float64")
    features = [modules.features(number), modules.features(datasets.List(number))]
