"""Frequency modulation: one sine moves the phase of another.

    x(t) = 0.5 sin(2 pi cf t + a + I sin(2 pi m t + b))

with carrier frequency cf, modulator frequency m and index I. Its spectrum is lines at cf + k m with
amplitudes J_k(I), Bessel functions of the first kind (Chowning, The Synthesis of Complex Audio Spectra by
Means of Frequency Modulation, 1973); lines at negative frequencies are heard at their absolute value. Where
cf and m move in time, cf t and m t are integrals. The phases a and b are drawn, so that examples of one
setting differ; the lines' amplitudes don't depend on them, unless lines fall on each other.

Lines above half the sample rate would fold back to frequencies that no label speaks of. Where lines above
-80 dB lie there, the sound is made at 2, 4, ... times the rate and brought down with a low-pass that ends at
half the rate, so what is left is the true spectrum without its top. Nothing else is taken away: limiting
the index would make its label wrong.
"""

import numpy as np

from sousa.generation.textures.synth import streams
from sousa.generation.textures.synths.tones import sine
from sousa.generation.textures.values import Curve, Parameter, at, highest

_LEVEL = 0.5
_MARGIN = 256  # samples of the final rate: beyond them the low-pass has rung out
_BLOCK = 2048
_TOGETHER = 64  # blocks
_PIECE = 2**18  # samples of the higher rate
_PASS = 0.45  # of the rate: from here to half of it the low-pass falls


class FM:
    name = "fm"
    version = "1.0.0"
    about = "Frequency modulation of a sine by a sine."
    aliases = ("BasicFM", "DS_BasicFM", "DS_BasicFM_1.0")
    parameters = (
        Parameter("carrier_hz", 20.0, 8000.0, 440.0, "Hz", "middle of the spectrum", "log", True, True),
        Parameter("modulator_hz", 0.1, 4000.0, 110.0, "Hz", "distance of the lines", "log", True, True),
        Parameter("index", 0.0, 20.0, 2.0, "", "number and strength of the sidebands", varying=True),
    )

    def memory(self, params, samples, rate):
        return 6 * samples

    def render(self, params, samples, rate, rng):
        """See :mod:`sousa.generation.textures.synth`. There are no events."""
        carrier, modulator, index = (params[p.name] for p in self.parameters)
        phases = [stream.random() for stream in streams(rng, 2)]
        times = _oversampling(carrier, modulator, index, rate)
        margin = _MARGIN if times > 1 else 0
        size = (samples + 2 * margin) * times
        of_modulator, of_carrier = _Turns(modulator, phases[1]), _Turns(carrier, phases[0])

        def piece(first, end):
            seconds = (np.arange(first, end) / times - margin) / rate
            turns = (at(index, seconds) / (2 * np.pi)).astype(np.float32) * sine(of_modulator(seconds))
            turns += of_carrier(seconds)
            turns -= np.rint(turns)
            return np.float32(_LEVEL) * sine(turns)

        out = np.empty(samples, np.float32)
        if times == 1:
            for first in range(0, samples, _PIECE):
                out[first : first + _PIECE] = piece(first, min(first + _PIECE, samples))
        else:
            _lower(piece, size, times, out)
        return out, None


class _Turns:
    """Integral of a frequency in Hz over times, plus a phase, less whole turns: float32, piece by piece."""

    def __init__(self, frequency, phase):
        self._frequency, self._phase = frequency, phase
        self._before, self._passed = None, 0.0

    def __call__(self, seconds):
        if isinstance(self._frequency, Curve):
            values = self._frequency.at(seconds)
            before = self._before or (seconds[0], values[0])
            self._before = seconds[-1], values[-1]
            sums = values + np.concatenate([before[1:], values[:-1]])
            steps = np.diff(seconds, prepend=before[0]) * sums / 2.0
            passed = np.cumsum(np.concatenate([[self._passed], steps]))[1:]
            self._passed = passed[-1]
            turns = self._phase + passed
        else:
            turns = self._frequency * seconds + self._phase
        return (turns - np.rint(turns)).astype(np.float32)


def sidebands(index):
    """How many lines on either side of the carrier can be above -80 dB (1e-4) of the whole."""
    return 0 if index == 0 else int(np.ceil(index + 2.7 * index ** (1 / 3) + 2.0))


def _oversampling(carrier, modulator, index, rate):
    """Power of two by which the rate has to grow for no line to fold below half of the final rate."""
    top = highest(carrier) + sidebands(highest(index)) * highest(modulator)
    times = 1
    while top > (times - 0.5) * rate:
        times *= 2
    return times


def _lower(piece, size, times, out):
    """Every ``times``-th sample of a sound after a low-pass, less the margins, into ``out``.

    ``piece(first, end)`` gives the sound, in order; it has ``size`` samples, and is silent after that.
    Overlapping blocks are cut off in the frequency domain, from _PASS of the rate on by half a period of a
    cosine; shorter inverse transforms then have the lower rate. Margins of blocks, which wrap, are dropped.
    """
    from scipy.fft import irfft, rfft

    hop, done = _BLOCK - 2 * _MARGIN, 0
    fall = np.clip((np.arange(_BLOCK // 2 + 1) / _BLOCK - _PASS) / (0.5 - _PASS), 0.0, 1.0)
    response = (0.5 + 0.5 * np.cos(np.pi * fall)) / times
    together = max(1, _TOGETHER // times) * hop
    tail = np.zeros(0, np.float32)
    for first in range(0, len(out), together):
        place = out[first : first + together]
        padded = np.zeros((-(-len(place) // hop) * hop + 2 * _MARGIN) * times, np.float32)
        padded[: len(tail)] = tail
        end = min(first * times + len(padded), size)
        padded[len(tail) : end - first * times] = piece(done, end)
        done, tail = end, padded[-2 * _MARGIN * times :].copy()
        blocks = np.lib.stride_tricks.sliding_window_view(padded, _BLOCK * times)[:: hop * times]
        spectra = rfft(blocks.astype(np.float64))[:, : _BLOCK // 2 + 1] * response
        low = irfft(spectra, _BLOCK)[:, _MARGIN:-_MARGIN]
        # rounded, so that the last bit of a machine's transform can't reach the samples
        place[:] = np.round(low.ravel()[: len(place)], 6)
