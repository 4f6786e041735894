"""Metrics of classes: accuracy, balanced accuracy, macro F1, and each class by itself.

Conventions: classes are names (ints are taken as their decimal text). Rows of a confusion matrix are the
reference, columns the prediction. Balanced accuracy is the mean recall of the classes that occur in the
references, macro F1 the mean F1 of those that occur in references or predictions: scikit-learn's conventions.
A class whose groups are all absent from a resample is left out of both there, as nothing of it was drawn.
What is undefined (recall of a class with no rows, precision of one never predicted) is None, not 0.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sousa.generation.errors import UsageError
from sousa.generation.text import counted
from sousa.training.metrics import bootstrap

NAMES = ("accuracy", "balanced_accuracy", "macro_f1")
PER_CLASS = ("recall", "precision", "f1")


def class_metrics(
    predictions: Sequence[Any], references: Sequence[Any], groups: Sequence[Any] | None = None,
    labels: Sequence[Any] | None = None, resamples: int = bootstrap.RESAMPLES, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Score predicted classes.

    Args:
        predictions: class names, one a row.
        references: the same; None leaves the row out.
        groups: names, one a row; None: each row is its own.
        labels: order of classes; others that occur follow, sorted. None: all sorted.
        resamples, seed: of the intervals, see :mod:`sousa.training.metrics.bootstrap`.

    Returns: dict:
        ``accuracy``, ``balanced_accuracy``, ``macro_f1``: ``{"value", "low", "high"}``, 0 to 1.
        ``per_class``: dict of class to ``recall``, ``precision``, ``f1`` (as above) and ``support`` (rows).
        ``labels``, ``confusion``: class names [classes], row counts [classes][classes].
        ``num_rows``, ``num_groups``: that were scored; ``num_left_out``: rows without reference.
    Raises: UsageError when the columns differ in length or a prediction is None.
    Source: scikit-learn, ``balanced_accuracy_score``, ``f1_score(average="macro")``.
    """
    bootstrap.check_rows(predictions=predictions, references=references, groups=groups)
    names, truth, guess, sums = _coded(predictions, references, groups, labels)
    figures = bootstrap.intervals(_statistic(sums), sums, resamples, seed)
    summary = dict(zip(NAMES, figures, strict=False))
    confusion = np.zeros((len(names), len(names)), np.int64)
    np.add.at(confusion, (truth, guess), 1)
    supports = enumerate(zip(names, confusion.sum(1).tolist(), strict=True), len(NAMES))
    per_class = {
        name: dict(zip(PER_CLASS, figures[place :: len(names)], strict=True)) | {"support": support}
        for place, (name, support) in supports
    }
    return {
        **summary, "per_class": per_class, "labels": names, "confusion": confusion.tolist(),
        "num_rows": len(truth), "num_groups": len(sums), "num_left_out": len(references) - len(truth),
    }  # fmt: skip


def class_differences(
    predictions: Sequence[Any], others: Sequence[Any], references: Sequence[Any],
    groups: Sequence[Any] | None = None, resamples: int = bootstrap.RESAMPLES, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """How much better ``predictions`` are than ``others`` on the same rows, resampled in pairs.

    Arguments are those of :func:`class_metrics`, and ``others``, class names of the other system.

    Returns: dict of ``accuracy``, ``balanced_accuracy``, ``macro_f1``: ``{"value", "low", "high"}``.
    """
    bootstrap.check_rows(predictions=predictions, others=others, references=references, groups=groups)
    labels = sorted({str(name) for column in (predictions, others) for name in column})
    sums = [_coded(column, references, groups, labels)[-1] for column in (predictions, others)]
    statistic = _statistic(sums[0])
    figures = bootstrap.differences(lambda some: statistic(some)[..., : len(NAMES)], sums, resamples, seed)
    return dict(zip(NAMES, figures, strict=True))


def _coded(
    predictions: Sequence[Any], references: Sequence[Any], groups: Sequence[Any] | None, labels: Any
) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Names of classes; of the rows with a reference, both classes as ints; and sums [groups, 3 * classes].

    Sums are rows right, rows of the reference and rows predicted of each class.
    """
    kept = [row for row, name in enumerate(references) if name is not None]
    if missing := sum(predictions[row] is None for row in kept):
        raise UsageError(f"{counted(missing, 'row')} without a predicted class; predict one for every row")
    columns = [[str(column[row]) for row in kept] for column in (references, predictions)]
    names = [str(name) for name in labels or ()]
    names += sorted({*columns[0], *columns[1]} - set(names))
    code = {name: i for i, name in enumerate(names)}
    truth, guess = (np.array([code[name] for name in column], np.int64) for column in columns)
    owners = bootstrap.group_codes(groups, kept)
    sums = np.zeros((owners.max(initial=-1) + 1, 3, len(names)))
    right = truth == guess
    np.add.at(sums[:, 0], (owners[right], truth[right]), 1)
    np.add.at(sums[:, 1], (owners, truth), 1)
    np.add.at(sums[:, 2], (owners, guess), 1)
    return names, truth, guess, sums.reshape(len(sums), 3 * len(names))


def _statistic(sums: np.ndarray) -> bootstrap.Statistic:
    """A function of sums: accuracy, balanced accuracy, macro F1, then recall, precision, F1 of each class."""
    referenced = np.split(sums.sum(0), 3)[1] > 0

    def statistic(some: np.ndarray) -> np.ndarray:
        right, support, predicted = np.split(some, 3, axis=-1)
        recall, precision, f1 = right / support, right / predicted, 2 * right / (support + predicted)
        f1 = np.where(referenced & (support == 0), np.nan, f1)  # nothing of it was drawn
        means = (np.nansum(values, -1) / (~np.isnan(values)).sum(-1) for values in (recall, f1))
        summary = np.stack([right.sum(-1) / support.sum(-1), *means], axis=-1)
        return np.concatenate([summary, recall, precision, f1], axis=-1)

    return statistic
