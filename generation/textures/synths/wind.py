"""Wind: noise through a resonance whose frequency and gain follow one smooth random curve.

    g(t) = value noise, -1 to 1, with `gustiness` new values a second
    f(t) = 150 Hz * 8^strength * 2^(0.8 g)                 centre of the resonance, 150 to 1,200 Hz on average
    gain = 7 dB * g + 6 dB * (strength - 1/2)
    H(x) = 1 / (1 + j Q (x - 1/x)) / sqrt(1 + (x/3)^10)    at x = frequency / f(t)

H is the band-pass of a tuned circuit of quality Q (`howliness`), times the magnitude of a fifth-order
Butterworth low-pass, three times as high as the resonance, that takes the hiss away.

How the filter moves: a resonance of constant Q keeps its shape on the axis x. So the noise is made once with
the spectrum H over *cycles of the centre frequency* in place of seconds, 32 values a cycle, and read along
the integral of f(t), as a tape is read with a changing speed. That has no blocks that could click or be
heard as steps of pitch, which overlap-add and crossfaded banks have at high Q; its level stays the same
whatever f and Q do, because the noise on the tape is stationary; and the tape, some 20,000 values a
second, does not depend on the sample rate. Where howliness moves, tapes of the same noise for neighbouring
values of Q are faded into each other. What H leaves above half the sample rate folds back: noise onto noise,
below -20 dB but at rates under 16 kHz with strength near 1.
"""

import math

import numpy as np

from sousa.generation.textures.synth import streams
from sousa.generation.textures.synths import slow
from sousa.generation.textures.synths.shaped_noise import uniform
from sousa.generation.textures.values import Parameter, at, highest, lowest

_LOWEST_HZ, _RANGE = 150.0, 8.0
_GUST_OCTAVES, _GUST_DB, _STRENGTH_DB = 0.8, 7.0, 6.0
_LEVEL = 0.08  # RMS at strength 0.5 while the curve is at 0
_PER_CYCLE = 32  # values of the tape
_Q_STEP = 1.5  # between tapes
_PIECE = 4096  # knots, or frequencies
_PLANNED = 2**20  # values of a tape


class Wind:
    name = "wind"
    version = "1.0.0"
    about = "Gusts of wind that howl."
    aliases = ("DS_Wind", "DS_Wind_1.0", "DS_Wind_1.1")
    parameters = (
        Parameter("strength", 0.0, 1.0, 0.5, "", "how hard it blows: pitch and level", varying=True),
        Parameter("gustiness", 0.05, 4.0, 0.4, "gusts/s", "how often strength turns", "log", varying=True),
        Parameter("howliness", 0.7, 40.0, 5.0, "Q", "from a rush to a whistle", "log", varying=True),
    )

    def memory(self, params, samples, rate):
        # a tape with its spectrum, what the transform works with, and the tape before; gusts raise the mean
        cycles = 1.15 * _LOWEST_HZ * _RANGE ** params["strength"] * samples / rate
        return 6 * samples + 40 * _PER_CYCLE * cycles

    def render(self, params, samples, rate, rng):
        """See :mod:`sousa.generation.textures.synth`. There are no events."""
        of_gusts, of_noise = streams(rng, 2)
        times = slow.control_times(samples, rate)
        strength = at(params["strength"], times)
        gust = slow.gusts(of_gusts, params["gustiness"], times)
        cycles = slow.integral(_LOWEST_HZ * _RANGE**strength * 2.0 ** (_GUST_OCTAVES * gust))
        gain = _LEVEL * 10.0 ** ((_GUST_DB * gust + _STRENGTH_DB * (strength - 0.5)) / 20.0)

        tape = _tape(of_noise, params["howliness"], cycles, times)
        knots = slow.knots(cycles * _PER_CYCLE, samples, rate)
        return _read(tape, knots, slow.knots(gain, samples, rate), samples), None


def _tape(rng, howliness, cycles, times):
    """Noise over ``cycles`` passed at ``times``: float32, variance 1, _PER_CYCLE values a cycle."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(int(cycles[-1] * _PER_CYCLE) + 8 * slow.KNOT, real=True)
    white = rfft(uniform(rng, size))

    def parts():
        for first in range(0, len(white), _PIECE):
            x = np.arange(first, min(first + _PIECE, len(white))) * (_PER_CYCLE / size)
            yield slice(first, first + _PIECE), np.maximum(x, 1e-9)

    for part, x in parts():
        white[part] /= np.sqrt(1.0 + (x / 3.0) ** 10)

    def of(q, spectrum):
        power = np.empty(len(white))
        for part, x in parts():
            spectrum[part] = white[part] / (1.0 + 1j * q * (x - 1.0 / x))
            power[part] = 1.0 / (1.0 + (q * (x - 1.0 / x)) ** 2) / (1.0 + (x / 3.0) ** 10)
        level = np.sqrt(power.mean())
        del power
        tape = irfft(spectrum, size)
        if size > _PLANNED:
            # scipy keeps what it has worked out for the last sizes, each as large as the tape: it forgets
            # them for others
            for other in range(1, 17):
                rfft(np.zeros(other))
        tape /= level
        # rounded, so that the last bit of a machine's transform can't reach the samples
        return np.round(tape, 6, out=tape).astype(np.float32)

    low, high = lowest(howliness), highest(howliness)
    if low == high:
        return of(low, white)
    steps = math.ceil(math.log(high / low) / math.log(_Q_STEP))
    quality = np.interp(np.arange(size) / _PER_CYCLE, cycles, np.log(at(howliness, times) / low))
    place = np.clip(quality * (steps / math.log(high / low)), 0.0, steps).astype(np.float32)
    out = np.zeros(size, np.float32)
    for step in range(steps + 1):
        share = np.maximum(np.float32(1.0) - np.abs(place - np.float32(step)), np.float32(0.0))
        share *= of(low * (high / low) ** (step / steps), np.empty_like(white))
        out += share
    return out


def _read(tape, at_knots, gain, samples):
    """The tape at straight lines between knots (in values of the tape), by a gain: float32 (samples,)."""
    out = np.empty(samples, np.float32)
    for begin in range(0, len(at_knots) - 1, _PIECE):
        knots = slice(begin, begin + _PIECE + 1)
        rest = out[begin * slow.KNOT : (begin + _PIECE) * slow.KNOT]
        position = slow.fractions(at_knots[knots], len(rest))
        whole = np.floor(position)
        position -= whole
        index = np.repeat(np.floor(at_knots[knots][:-1]).astype(np.intp), slow.KNOT)[: len(rest)]
        index += whole.astype(np.intp)
        first = tape.take(index, mode="clip")
        rest[:] = tape.take(index + 1, mode="clip")
        rest -= first
        rest *= position
        rest += first
        rest *= slow.ramps(gain[knots], len(rest))
    return out
