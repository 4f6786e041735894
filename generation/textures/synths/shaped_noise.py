"""Noise whose spectrum is given, and may change from frame to frame.

Conventions: an amplitude density is in full scale per square root of Hz: the RMS of the noise is the square
root of the integral of its square from 0 to half the sample rate. A band thus has the same level at every
rate.
"""

import numpy as np

FRAME_SEC = 0.046
_GROUP = 16


def uniform(rng, count):
    """White noise, mean 0 and variance 1: float64.

    Uniform from 16 bits in place of normal: a draw costs 1 ns in place of 8, and what is heard is the sum
    of many of them, which is normal.
    """
    bits = np.frombuffer(rng.bytes(2 * count), "<i2")
    return (bits + 0.5) * (np.sqrt(12.0) / 65536.0)


def frames(samples, rate):
    """How noise is cut: size of a frame in samples (even), and the times of the frames' middles in seconds.

    Frames follow each other by half their size; the first one's middle is at 0.
    """
    from scipy.fft import next_fast_len

    size = 2 * next_fast_len(max(int(FRAME_SEC * rate / 2), 8), real=True)
    return size, np.arange(2 * samples // size + 2) * (size / 2 / rate)


def noise(rng, samples, rate, amplitude):
    """Noise of a density: float32 (samples,).

    Independent spectra are drawn for frames that overlap by half, and faded into each other with sine
    windows, whose squares add up to 1.

    Args:
        amplitude: function of frequencies in Hz (bins,), returning a function of a slice of the frames that
            :func:`frames` has; that returns densities (bins,) or, one row a frame, (frames, bins).
    """
    from scipy.fft import irfft

    size, middles = frames(samples, rate)
    half = size // 2
    # complex of two uniform 16-bit numbers, each of variance 2^32 / 12
    scale = np.sqrt(rate * size / 4.0) * np.sqrt(12.0) / 65536.0
    density = amplitude(np.arange(half + 1) * (rate / size))
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    out = np.empty((len(middles), half), np.float32)
    before = np.zeros(half)
    # few frames at a time stay in the processor's cache
    for first in range(0, len(middles), _GROUP):
        part = slice(first, min(first + _GROUP, len(middles)))
        rows = np.broadcast_to(density(part) * scale, (part.stop - first, half + 1))[..., None]
        bits = np.frombuffer(rng.bytes(4 * rows.size), "<i2").reshape(-1, half + 1, 2)
        spectra = (bits * rows).view(complex)[..., 0]
        spectra[:, 0] = 0.0
        pieces = irfft(spectra, size)
        pieces *= window
        pieces[1:, :half] += pieces[:-1, half:]
        pieces[0, :half] += before
        before = pieces[-1, half:].copy()
        # rounded, so that the last bit of a machine's transform can't reach the samples
        out[first : first + _GROUP] = np.round(pieces[:, :half], 6)
    return out[1:].ravel()[:samples]
