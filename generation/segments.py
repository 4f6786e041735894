"""Sums and moments over segments of flat arrays, without a Python loop.

Conventions: ``owner`` gives the segment of each element, segments are numbered from 0 to
``count`` - 1. Every result has one element a segment; segments without enough elements get NaN.
Sums run element by element in order, so a segment's result does not depend on its neighbours.
"""

import numpy as np


class Segments:
    """Moments of values grouped by ``owner``."""

    def __init__(self, owner: np.ndarray, count: int):
        self.owner, self.count = owner, count
        self.size = np.bincount(owner, minlength=count)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sum a segment, 0 for an empty one."""
        return np.bincount(self.owner, weights=values, minlength=self.count)

    @np.errstate(invalid="ignore", divide="ignore")
    def mean(self, values: np.ndarray, least: int = 1) -> np.ndarray:
        """Mean a segment; NaN with fewer than ``least`` elements."""
        return np.where(self.size >= least, self.sum(values) / self.size, np.nan)

    @np.errstate(invalid="ignore", divide="ignore")
    def std(self, values: np.ndarray, least: int = 2) -> np.ndarray:
        """Sample standard deviation (n - 1) a segment; NaN with fewer than ``least`` elements."""
        away = values - self.mean(values)[self.owner]
        out = np.sqrt(self.sum(away * away) / (self.size - 1))
        return np.where(self.size >= max(least, 2), out, np.nan)

    def max(self, values: np.ndarray) -> np.ndarray:
        """Maximum a segment, NaN for an empty one."""
        out = np.full(self.count, -np.inf)
        np.maximum.at(out, self.owner, values)
        return np.where(self.size > 0, out, np.nan)

    def line(self, x: np.ndarray, y: np.ndarray, least: int = 4) -> tuple[np.ndarray, np.ndarray]:
        """Least-squares line a segment: ``(slope, residuals)``; residuals one an element.

        A segment with fewer than ``least`` elements has a NaN slope.
        """
        x0 = x - self.mean(x)[self.owner]
        y0 = y - self.mean(y)[self.owner]
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = self.sum(x0 * y0) / self.sum(x0 * x0)
        return np.where(self.size >= least, slope, np.nan), y0 - np.nan_to_num(slope)[self.owner] * x0
