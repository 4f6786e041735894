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
from sousa.training.metrics import bootstrap

NAMES = ("accuracy", "balanced_accuracy", "macro_f1")


def class_metrics(
    predictions: Sequence[Any], references: Sequence[Any], groups: Sequence[Any] | None = None,
    labels: Sequence[Any] | None = None, resamples: int = bootstrap.RESAMPLES, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Score predicted classes.

    Args:
        predictions: class names, one a row. references: the same; None leaves the row out.
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
    kept, names, truth, guess, codes = _coded(predictions, references, groups, labels)
    size = len(names)
    values, resampled = _resample(truth, guess, codes, size, resamples, seed)
    scored = [bootstrap.interval(value, resampled[:, i]) for i, value in enumerate(values)]
    confusion = np.bincount(truth * size + guess, minlength=size * size).reshape(size, size)
    support = confusion.sum(1)
    per_class = {
        name: {key: scored[3 + k * size + i] for k, key in enumerate(("recall", "precision", "f1"))}
        | {"support": int(support[i])}
        for i, name in enumerate(names)
    }
    return {
        **dict(zip(NAMES, scored, strict=False)), "per_class": per_class, "labels": names,
        "confusion": confusion.tolist(), "num_rows": len(kept),
        "num_groups": int(codes.max(initial=-1)) + 1, "num_left_out": len(references) - len(kept),
    }  # fmt: skip


def class_differences(
    predictions: Sequence[Any], others: Sequence[Any], references: Sequence[Any],
    groups: Sequence[Any] | None = None, resamples: int = bootstrap.RESAMPLES, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """How much better ``predictions`` are than ``others`` on the same rows, resampled in pairs.

    Args: as :func:`class_metrics`; ``others``: class names of the other system.
    Returns: dict of ``accuracy``, ``balanced_accuracy``, ``macro_f1``: ``{"value", "low", "high"}``.
    """
    bootstrap.check_rows(predictions=predictions, others=others, references=references, groups=groups)
    labels = sorted({str(name) for column in (predictions, others) for name in column})
    parts = []
    for column in (predictions, others):
        _, names, truth, guess, codes = _coded(column, references, groups, labels)
        parts.append(_resample(truth, guess, codes, len(names), resamples, seed))
    (a, resampled_a), (b, resampled_b) = parts
    return {
        name: bootstrap.interval(a[i] - b[i], resampled_a[:, i] - resampled_b[:, i])
        for i, name in enumerate(NAMES)
    }


def _coded(predictions, references, groups, labels):
    """Rows with a reference: their places, the class names, classes of both as ints, group codes."""
    kept = [row for row, name in enumerate(references) if name is not None]
    truth = [str(references[row]) for row in kept]
    guess = [predictions[row] for row in kept]
    if missing := sum(name is None for name in guess):
        raise UsageError(f"{missing:,} rows have no predicted class; predict one for every row")
    guess = [str(name) for name in guess]
    order = [str(name) for name in labels or ()]
    order += sorted({*truth, *guess} - set(order))
    code = {name: i for i, name in enumerate(order)}
    codes = bootstrap.group_codes(None if groups is None else [groups[row] for row in kept], len(kept))
    as_codes = (np.array([code[name] for name in names], dtype=np.int64) for names in (truth, guess))
    return kept, order, *as_codes, codes


def _sums(truth, guess, codes, size):
    """By group: rows right, rows of the reference, rows predicted, of each class: [groups, 3 classes]."""
    out = np.zeros((codes.max(initial=-1) + 1, 3, size))
    right = truth == guess
    np.add.at(out, (codes[right], 0, truth[right]), 1)
    np.add.at(out, (codes, 1, truth), 1)
    np.add.at(out, (codes, 2, guess), 1)
    return out.reshape(len(out), 3 * size)


def _mean(values):
    """Mean over the last axis of what is defined."""
    defined = ~np.isnan(values)
    return np.where(defined, values, 0).sum(-1) / defined.sum(-1)


def _resample(truth, guess, codes, size, resamples, seed):
    sums = _sums(truth, guess, codes, size)
    real = sums.sum(0)[size : 2 * size] > 0
    return bootstrap.resample(lambda some: _statistic(some, real), sums, resamples, seed)


def _statistic(sums, real):
    """Accuracy, balanced accuracy, macro F1, then recall, precision and F1 of each class."""
    right, support, predicted = np.split(sums, 3, axis=-1)
    recall, precision, f1 = right / support, right / predicted, 2 * right / (support + predicted)
    f1 = np.where(real & (support == 0), np.nan, f1)
    accuracy = right.sum(-1) / support.sum(-1)
    whole = np.stack([accuracy, _mean(recall), _mean(f1)], axis=-1)
    return np.concatenate([whole, recall, precision, f1], axis=-1)
