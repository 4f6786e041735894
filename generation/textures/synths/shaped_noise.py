"""Noise whose spectrum is given, and may change from frame to frame.

Conventions
-----------
An amplitude density is in full scale per square root of Hz: the RMS of the noise is the square root of the
integral of its square from 0 to half the sample rate. A band thus has the same level at every rate.
"""

import numpy as np

FRAME_SEC = 0.046


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
    """Noise of a density: float64 (samples,), rounded to 6 decimals.

    Independent spectra are drawn for frames that overlap by half, and faded into each other with sine
    windows, whose squares add up to 1.

    Args:
        amplitude: function of frequencies in Hz (bins,), returning densities (bins,) or, one row a frame
            as :func:`frames` has them, (frames, bins).
    """
    from scipy.fft import irfft

    size, middles = frames(samples, rate)
    half = size // 2
    frequencies = np.arange(half + 1) * (rate / size)
    density = amplitude(frequencies)
    spectra = uniform(rng, len(middles) * (half + 1) * 2).view(complex).reshape(len(middles), half + 1)
    spectra *= density * np.sqrt(rate * size / 4.0)
    spectra[:, 0] = 0.0
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    pieces = irfft(spectra, size, overwrite_x=True) * window
    out = (pieces[:-1, half:] + pieces[1:, :half]).ravel()[:samples]
    # rounded, so that the last bit of a machine's transform can't reach the samples
    return np.round(out, 6)
