"""Sines in plain arithmetic, and how loud events are called.

Conventions: phases are in turns (1 is a whole cycle), gains linear.
"""

import numpy as np

# sin(2 pi y) / y for |y| <= 1/4 as a polynomial in y^2: least squares at Chebyshev points, error below 4e-9
_SINE = tuple(np.float32(c) for c in (6.28318516, -41.34165493, 81.6009982, -76.54965682, 39.53581371))


def sine(turns):
    """sin(2 pi turns): float32 for float32; the error is below 1e-6 while |turns| < 1.

    Products and sums only, in a fixed order, so that every machine gets the same samples.
    """
    # as a cosine, which is even, so that a quarter of a turn to either side of 0 is left
    y = turns - np.float32(0.25)
    y -= np.rint(y)
    np.abs(y, out=y)
    np.subtract(np.float32(0.25), y, out=y)
    square = y * y
    out = _SINE[-1] * square
    for coefficient in _SINE[-2:0:-1]:
        out += coefficient
        out *= square
    out += _SINE[0]
    out *= y
    return out


def velocities(gains):
    """MIDI velocities of gains, 127 for 1, with which the amplitude grows by its square: int64, 1 to 127."""
    return np.clip(np.rint(127.0 * np.sqrt(gains)), 1, 127).astype(np.int64)
