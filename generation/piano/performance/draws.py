"""Small tools of the performer's random draws."""

from collections.abc import Sequence

import numpy as np

# standard-normal deviates of the quantiles .02, .1, .25, .5, .75, .9 and .98
DEVIATES = (-2.054, -1.2816, -0.6745, 0.0, 0.6745, 1.2816, 2.054)


def quantiles(z: np.ndarray, values: Sequence[float]) -> np.ndarray:
    """Values with the given quantiles (those of DEVIATES), from standard-normal numbers."""
    return np.interp(z, DEVIATES, values)


def distinct(rising: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each distinct value of a rising array begins, and the number of the value of each element."""
    new = np.empty(len(rising), dtype=bool)
    new[:1] = True
    np.not_equal(rising[1:], rising[:-1], out=new[1:])
    return np.flatnonzero(new), np.cumsum(new) - 1


def ar1(z: np.ndarray, phi: float) -> np.ndarray:
    """Stationary first-order autoregression of unit variance, driven by standard-normal ``z``."""
    gain = (1.0 - phi * phi) ** 0.5
    out, last = [], None
    for value in z.tolist():
        last = value if last is None else phi * last + gain * value
        out.append(last)
    return np.array(out)
