"""Confidence intervals by resampling groups of rows, not rows.

Conventions: rows of one group (a player, a setting) are alike, so rows drawn one by one would give intervals
that are too narrow. Here whole groups are drawn with replacement, as many as there are, and all rows of a
group count as often as it was drawn. The interval is the percentile interval: the middle ``LEVEL`` of the
resampled values.

Rows are given with group codes, integers from 0 up. A metric is a function of sums over rows wherever it can
be, so a resample costs a product of draw counts [resamples, groups] and sums by group [groups, columns], and
no row is touched again. Draws depend on seed and number of groups alone: two systems on the same rows are
resampled alike, and their differences are paired.

With one group nothing can be resampled and the bounds are None. With few groups (under about ten) percentile
intervals are too narrow; reports say so.

Source: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (percentile
intervals); A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application, 1997, section 3.8
(groups).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from sousa.generation.errors import UsageError

RESAMPLES = 1000
LEVEL = 0.95
_DEFINED = 0.9  # share of resamples in which a metric must be defined, for an interval
Statistic = Callable[[np.ndarray], np.ndarray]
Interval = dict[str, float | None]
_CHUNK = 1 << 22  # draws held at a time


def check_rows(**columns: Any) -> None:
    """Raise a UsageError for columns of unequal length; None stands for a column that isn't there."""
    lengths = {name: len(column) for name, column in columns.items() if column is not None}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise UsageError(f"rows differ in number: {said}; give one value of each for every row")


def group_codes(groups: Sequence[Any] | None, rows: Sequence[int] | np.ndarray) -> np.ndarray:
    """Codes of the groups of rows, in order of first appearance: int64 array [rows].

    Args:
        groups: a name for each row, None for a group of its own, or None for no names.
        rows: those to code.
    """
    if groups is None:
        return np.arange(len(rows))
    codes: dict[Any, int] = {}
    names = ((row,) if groups[row] is None else groups[row] for row in rows)
    return np.array([codes.setdefault(name, len(codes)) for name in names], dtype=np.int64)


def sums_by_group(codes: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Sums of columns [rows, columns] over each group: float64 array [groups, columns]."""
    out = np.zeros((codes.max(initial=-1) + 1, columns.shape[1]))
    np.add.at(out, codes, columns)
    return out


def draw_counts(num_groups: int, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[np.ndarray]:
    """How often each group is drawn: int64 arrays [some resamples, groups]; none of fewer than two groups."""
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK // max(num_groups, 1))
    for start in range(0, resamples if num_groups > 1 else 0, step):
        rows = min(step, resamples - start)
        drawn = generator.integers(0, num_groups, (rows, num_groups))
        drawn += np.arange(rows)[:, None] * num_groups
        yield np.bincount(drawn.ravel(), minlength=rows * num_groups).reshape(rows, num_groups)


def interval(value: float, resampled: np.ndarray) -> Interval:
    """A value with its bounds: ``{"value", "low", "high"}``, floats, or None where undefined.

    Args:
        value: number, NaN where undefined.
        resampled: float array [resamples], may be empty. Resamples where it is NaN are left out; where those
            are more than a tenth, there are no bounds.
    """
    low = high = None
    defined = resampled[~np.isnan(resampled)]
    if np.isfinite(value) and len(defined) and len(defined) >= _DEFINED * len(resampled):
        tail = 50 * (1 - LEVEL)
        low, high = np.percentile(defined, [tail, 100 - tail]).tolist()
    return {"value": float(value) if np.isfinite(value) else None, "low": low, "high": high}


def intervals(
    statistic: Statistic, sums: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> list[Interval]:
    """An :func:`interval` for each value of a statistic of sums, float64 [..., groups, columns]."""
    with np.errstate(invalid="ignore", divide="ignore"):
        values = statistic(sums.sum(-2))
        parts = [statistic(counts @ sums) for counts in draw_counts(sums.shape[-2], resamples, seed)]
    resampled = np.concatenate([np.empty((0, len(values))), *parts])
    return [interval(value, resampled[:, i]) for i, value in enumerate(values)]


def differences(statistic: Statistic, sums: Sequence[np.ndarray], *options: int) -> list[Interval]:
    """As :func:`intervals`, of how far the statistic of the first of two sums is above that of the second."""
    return intervals(lambda both: np.subtract(*statistic(both)), np.stack(sums), *options)
