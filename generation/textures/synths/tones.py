"""Sines in plain arithmetic, and the sums of decaying partials made of them.

Conventions: phases are in turns (1 is a whole cycle), decays in 1/s (amplitude e^(-decay t)). Products and
sums only, in a fixed order, so that every machine gets the same samples.
"""

import numpy as np

# sin(2 pi y) / y for |y| <= 1/4 as a polynomial in y^2: least squares at Chebyshev points, error below 4e-9
_SINE = tuple(np.float32(c) for c in (6.28318516, -41.34165493, 81.6009982, -76.54965682, 39.53581371))
_BLOCK = 256


def sine(turns):
    """sin(2 pi turns): float32 for float32; the error is below 1e-6 while |turns| < 1."""
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


def partials(frequencies, decays, gains, samples, rate):
    """Sum of gains * e^(-decay t) * sin(2 pi frequency t): float32 (samples,).

    Each partial is a power of one complex number; powers of whole blocks times powers inside a block give
    all of them with few exponentials.
    """
    blocks = -(-samples // _BLOCK)
    out = np.zeros((blocks, _BLOCK), np.float32)
    for frequency, decay, gain in zip(frequencies, decays, gains, strict=True):
        power = (-decay + 2j * np.pi * frequency) / rate
        inside = np.exp(power * np.arange(_BLOCK))
        # nothing is added where it has fallen below 1e-5
        last = blocks if decay <= 0 else min(blocks, int(11.6 / decay * rate / _BLOCK) + 1)
        whole = gain * np.exp(power * _BLOCK * np.arange(last))
        out[:last] += whole.real.astype(np.float32)[:, None] * inside.imag.astype(np.float32)
        out[:last] += whole.imag.astype(np.float32)[:, None] * inside.real.astype(np.float32)
    return out.ravel()[:samples]
