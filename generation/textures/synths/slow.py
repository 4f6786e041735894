"""Slow random curves, and the way from curves to samples.

Conventions: slow curves are worked out at control times, CONTROL_HZ a second from 0 on, whatever the sample
rate is: the same chance gives the same curve at every rate. From control times to samples go straight lines
between knots, one every KNOT samples.
"""

import numpy as np

from sousa.generation.textures.values import at

CONTROL_HZ = 200
KNOT = 64


def control_times(samples, rate):
    """Control times in seconds that cover a sound: float64, at least two."""
    return np.arange(int(np.ceil(samples / rate * CONTROL_HZ)) + 2) / CONTROL_HZ


def integral(values):
    """Integral over time of a curve given at control times, from 0 on: float64, trapezoidal rule."""
    steps = (values[1:] + values[:-1]) / (2.0 * CONTROL_HZ)
    return np.concatenate([[0.0], np.cumsum(steps)])


def wander(rng, turns):
    """A smooth random curve (value noise) at growing positions.

    Independent random values lie at whole positions; between them goes the quintic
    6 x^5 - 15 x^4 + 10 x^3, so that slope and curvature are continuous (Perlin, Improving Noise, 2002).
    Where positions (``turns``) grow by 1 a second, there is a new value each second.

    Returns: float64 like ``turns``, from -1 to 1.
    """
    turns = turns + rng.random()
    whole = np.floor(turns).astype(np.int64)
    values = rng.uniform(-1.0, 1.0, whole[-1] + 2)
    x = turns - whole
    share = x * x * x * (x * (6.0 * x - 15.0) + 10.0)
    return values[whole] + (values[whole + 1] - values[whole]) * share


def gusts(rng, per_sec, times):
    """A smooth random curve at control times, ``per_sec`` (number or Curve) new values a second."""
    return wander(rng, integral(at(per_sec, times)))


def knots(values, samples, rate):
    """A curve given at control times, at every KNOT-th sample: float64, one past the end."""
    at_knots = np.arange(-(-samples // KNOT) + 1) * (KNOT / rate)
    return np.interp(at_knots, np.arange(len(values)) / CONTROL_HZ, values)


def ramps(at_knots, samples):
    """Straight lines through knots: float32 (samples,)."""
    start = at_knots[:-1, None].astype(np.float32)
    rise = (np.diff(at_knots)[:, None] / KNOT).astype(np.float32)
    return (start + rise * np.arange(KNOT, dtype=np.float32)).ravel()[:samples]


def fractions(at_knots, samples):
    """Straight lines through knots less a whole number in each piece: float32 (samples,).

    For phases in turns: a float32 would lose precision as they grow.
    """
    start = (at_knots[:-1, None] - np.floor(at_knots[:-1, None])).astype(np.float32)
    rise = (np.diff(at_knots)[:, None] / KNOT).astype(np.float32)
    return (start + rise * np.arange(KNOT, dtype=np.float32)).ravel()[:samples]
