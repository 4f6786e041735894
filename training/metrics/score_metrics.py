"""Metrics of scores and other numbers: mean absolute error, root mean squared error, R2, rank correlation.

Conventions: errors are in the unit of the score. R2 is 1 less the squared errors over the squared deviations
of the references from their own mean, that of the rows scored: a model that says that mean has 0, and where
references hardly differ R2 is low or negative however small the errors. Where they are constant it is None; a
resample has its own mean. Rank correlation is Spearman's with tied values given their mean rank; it is None
where references or predictions are constant, and is recomputed, ranks and all, on every resample.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sousa.generation.errors import UsageError
from sousa.training.metrics import bootstrap

NAMES = ("mae", "rmse", "r2")
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def score_metrics(
    predictions: Sequence[Any], references: Sequence[Any], groups: Sequence[Any] | None = None,
    resamples: int = bootstrap.RESAMPLES, seed: int = 0, rank: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """Score predicted numbers.

    Args:
        predictions: floats [rows].
        references: the same; None or NaN leaves the row out.
        groups: names, one a row; None: each row is its own.
        resamples, seed: of the intervals, see :mod:`sousa.training.metrics.bootstrap`.
        rank: whether the rank correlation is wanted; it takes the longest, and is left out otherwise.

    Returns: dict: ``mae``, ``rmse``, ``r2``, ``spearman``: ``{"value", "low", "high"}``; ``num_rows``,
        ``num_groups``: that were scored; ``num_left_out``: rows without reference.
    Raises: UsageError when the columns differ in length or a prediction is None, NaN or infinite.
    Source: SciPy, ``scipy.stats.spearmanr`` (Pearson's correlation of mean ranks); scikit-learn,
        ``sklearn.metrics.r2_score``.
    """
    bootstrap.check_rows(predictions=predictions, references=references, groups=groups)
    truth, guess, codes = _kept(predictions, references, groups)
    sums = _error_sums(truth, guess, codes)
    out: dict[str, Any] = dict(zip(NAMES, bootstrap.intervals(_errors, sums, resamples, seed), strict=True))
    if rank:
        out["spearman"] = bootstrap.interval(*_spearman(truth, guess, codes, resamples, seed))
    num_left_out = len(references) - len(truth)
    return {**out, "num_rows": len(truth), "num_groups": len(sums), "num_left_out": num_left_out}


def score_differences(
    predictions: Sequence[Any], others: Sequence[Any], references: Sequence[Any],
    groups: Sequence[Any] | None = None, resamples: int = bootstrap.RESAMPLES, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Errors of ``predictions`` less those of ``others`` on the same rows, resampled in pairs.

    Arguments are those of :func:`score_metrics`, and ``others``, floats of the other system.

    Returns: dict of ``mae``, ``rmse``, ``r2``: ``{"value", "low", "high"}``; ``predictions`` are better where
        errors are below 0 and R2 above.
    """
    bootstrap.check_rows(predictions=predictions, others=others, references=references, groups=groups)
    sums = [_error_sums(*_kept(column, references, groups)) for column in (predictions, others)]
    return dict(zip(NAMES, bootstrap.differences(_errors, sums, resamples, seed), strict=True))


def _kept(predictions: Sequence[Any], references: Sequence[Any], groups: Sequence[Any] | None) -> Arrays:
    """Rows with a reference: references, predictions, group codes."""
    # None becomes NaN
    truth, guess = (np.array(column, np.float64) for column in (references, predictions))
    kept = np.flatnonzero(~np.isnan(truth))
    truth, guess = truth[kept], guess[kept]
    if wrong := int((~np.isfinite(guess)).sum()):
        raise UsageError(
            f"{wrong:,} predicted scores are missing, NaN or infinite; predict a number for every row"
        )
    if wrong := int(np.isinf(truth).sum()):
        raise UsageError(f"{wrong:,} reference scores are infinite; a score is a finite number or null")
    return truth, guess, bootstrap.group_codes(groups, kept)


def _error_sums(truth: np.ndarray, guess: np.ndarray, codes: np.ndarray) -> np.ndarray:
    error = guess - truth
    # squares of what is left after a mean keep their digits; whose mean it is does not matter
    away = truth - truth.mean() if len(truth) and np.ptp(truth) > 0 else np.zeros(len(truth))
    columns = np.stack([np.ones(len(error)), np.abs(error), error**2, away, away**2], axis=-1)
    return bootstrap.sums_by_group(codes, columns)


def _errors(sums: np.ndarray) -> np.ndarray:
    """MAE, RMSE and R2 from counts, absolute and squared errors, references and their squares."""
    count, absolute, squared, first, second = np.moveaxis(sums, -1, 0)
    spread = second - first**2 / count
    # what rounding leaves of no spread is none
    r2 = np.where(spread > 1e-12 * np.maximum(second, 1e-300), 1 - squared / spread, np.nan)
    return np.stack([absolute / count, np.sqrt(squared / count), r2], axis=-1)


def _spearman(
    truth: np.ndarray, guess: np.ndarray, codes: np.ndarray, resamples: int, seed: int
) -> tuple[float, np.ndarray]:
    """Spearman's correlation, on all rows and on resamples: ``(value, array [resamples])``.

    A row drawn k times is k tied rows, so ranks are those of weighted values: no resample is sorted.
    """
    places = [np.unique(values, return_inverse=True)[1] for values in (truth, guess)]
    value = _correlation(places, np.ones(len(truth)))
    draws = bootstrap.draw_counts(codes.max(initial=-1) + 1, resamples, seed)
    counts = (row[codes].astype(np.float64) for part in draws for row in part)
    return value, np.array([_correlation(places, weights) for weights in counts])


def _correlation(places: list[np.ndarray], weights: np.ndarray) -> float:
    """Correlation of weighted mean ranks; ``places``: index of each row's value among the sorted values."""
    total, away = weights.sum(), []
    for place in places:
        tied = np.bincount(place, weights)
        ranks = np.cumsum(tied) - (tied - 1) / 2
        # the mean rank is known; taking it away first keeps the products exact
        away.append((ranks - (total + 1) / 2)[place])
    x, y = away
    spread = np.sqrt((weights * x * x).sum() * (weights * y * y).sum())
    return (weights * x * y).sum() / spread if spread > 0 else np.nan
