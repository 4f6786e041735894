"""Metrics of scores: mean absolute error, root mean squared error, rank correlation.

Conventions: errors are in the unit of the score. Rank correlation is Spearman's with tied values given their
mean rank; it is None where references or predictions are constant, and is recomputed, ranks and all, on every
resample.
"""

import numpy as np

from generation.errors import UsageError
from training.metrics import bootstrap


def score_metrics(predictions, references, groups=None, resamples=bootstrap.RESAMPLES, seed=0):
    """Score predicted numbers.

    Args:
        predictions: floats [rows]. references: the same; None or NaN leaves the row out.
        groups: names of players, one a row; None: each row is its own.
        resamples, seed: of the intervals, see :mod:`training.metrics.bootstrap`.

    Returns: dict: ``mae``, ``rmse``, ``spearman``: ``{"value", "low", "high"}``; ``num_rows``,
        ``num_groups``: that were scored; ``num_left_out``: rows without reference.
    Raises: UsageError when the columns differ in length or a prediction is None, NaN or infinite.
    Source: SciPy, ``scipy.stats.spearmanr`` (Pearson's correlation of mean ranks).
    """
    bootstrap.check_rows(predictions=predictions, references=references, groups=groups)
    truth, guess, codes = _kept(predictions, references, groups)
    error = guess - truth
    sums = _error_sums(codes, error)
    mae, rmse = bootstrap.intervals(_errors, sums, resamples, seed)
    value, resampled = _spearman(truth, guess, codes, resamples, seed)
    return {
        "mae": mae,
        "rmse": rmse,
        "spearman": bootstrap.interval(value, resampled),
        "num_rows": len(truth),
        "num_groups": len(sums),
        "num_left_out": len(references) - len(truth),
    }


def score_differences(
    predictions, others, references, groups=None, resamples=bootstrap.RESAMPLES, seed=0
):  # fmt: skip
    """Errors of ``predictions`` less those of ``others`` on the same rows, resampled in pairs.

    Args: as :func:`score_metrics`; ``others``: floats of the other system.
    Returns: dict of ``mae``, ``rmse``: ``{"value", "low", "high"}``; below 0: ``predictions`` are better.
    """
    bootstrap.check_rows(predictions=predictions, others=others, references=references, groups=groups)
    parts = []
    for column in (predictions, others):
        truth, guess, codes = _kept(column, references, groups)
        parts.append(bootstrap.resample(_errors, _error_sums(codes, guess - truth), resamples, seed))
    (a, resampled_a), (b, resampled_b) = parts
    return {
        name: bootstrap.interval(a[i] - b[i], resampled_a[:, i] - resampled_b[:, i])
        for i, name in enumerate(("mae", "rmse"))
    }


def _floats(values):
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _kept(predictions, references, groups):
    """Rows with a reference: references, predictions, group codes."""
    truth, guess = _floats(references), _floats(predictions)
    kept = np.flatnonzero(~np.isnan(truth))
    truth, guess = truth[kept], guess[kept]
    if wrong := int((~np.isfinite(guess)).sum()):
        raise UsageError(
            f"{wrong:,} predicted scores are missing, NaN or infinite; predict a number for every row"
        )
    if wrong := int(np.isinf(truth).sum()):
        raise UsageError(f"{wrong:,} reference scores are infinite; a score is a finite number or null")
    codes = bootstrap.group_codes(None if groups is None else [groups[row] for row in kept], len(kept))
    return truth, guess, codes


def _error_sums(codes, error):
    columns = np.stack([np.ones(len(error)), np.abs(error), error**2], axis=-1)
    return bootstrap.sums_by_group(codes, columns)


def _errors(sums):
    """MAE and RMSE from counts, absolute and squared errors."""
    return np.stack([sums[..., 1] / sums[..., 0], np.sqrt(sums[..., 2] / sums[..., 0])], axis=-1)


def _spearman(truth, guess, codes, resamples, seed):
    """Spearman's correlation, on all rows and on resamples: ``(value, array [resamples])``.

    A row drawn k times is k tied rows, so ranks are those of weighted values: no resample is sorted.
    """
    places = [np.unique(values, return_inverse=True)[1] for values in (truth, guess)]
    value = _correlation(places, np.ones(len(truth)))
    num_groups = codes.max(initial=-1) + 1
    if num_groups < 2:
        return value, np.empty(0)
    counts = (row for part in bootstrap.draws(num_groups, resamples, seed) for row in part)
    return value, np.array([_correlation(places, row[codes].astype(np.float64)) for row in counts])


def _correlation(places, weights):
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
