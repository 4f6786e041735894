"""Bees: buzzes that come, pass and go.

Bee number i beats its wings at f_i = wingbeat_hz * 2^(pitch_spread * z_i / 12), with z_i normal and cut off
at +-2.5, and is at the distance

    d_i(t) = 1.5 m * 2^(1.3 w_i(t)),       w_i: value noise, -1 to 1, `busyness` new values a second

What arrives is a sawtooth without the harmonics above half the sample rate, its k-th harmonic being
1 / (k sqrt(1 + (k f_i / 2500 Hz)^2)), with the level 1.5 m / d_i and, by the Doppler effect, the frequency
f_i / (1 + (dd_i/dt) / 343 m/s). The wings themselves waver by up to 2 % slowly and 0.6 % seven times a
second. Of 2.5 bees the third has half its level; the sum is divided by the square root of their number.
"""

import numpy as np

from sousa.generation.textures.synth import streams
from sousa.generation.textures.synths import slow
from sousa.generation.textures.values import Parameter, at, highest

_MOST = 30
_NEAR_M, _OCTAVES, _SOUND_M_PER_S = 1.5, 1.3, 343.0
_DRIFT, _FLUTTER, _FLUTTER_HZ = 0.02, 0.006, 7.0
_SOFT_HZ = 2500.0  # harmonics above it fall off faster
_LEVEL = 0.11  # RMS of a single bee at 1.5 m
_TABLE = 8192  # entries of a wave; the nearest one is taken, which leaves noise at -68 dB
_HARMONICS = 40
_PIECE = 256  # knots


class Bees:
    name = "bees"
    version = "1.0.0"
    about = "A few bees flying about."
    aliases = ("DS_Bees", "DS_Bugs", "Bugs")
    parameters = (
        Parameter("num_bees", 1.0, 30.0, 5.0, "bees", "how many there are", "log", varying=True),
        Parameter("busyness", 0.05, 4.0, 0.5, "moves/s", "how often they turn", "log", varying=True),
        Parameter("wingbeat_hz", 100.0, 400.0, 220.0, "Hz", "frequency of the buzz", "log", True, True),
        Parameter(
            "pitch_spread", 0.0, 6.0, 1.0, "semitones", "how much their frequencies differ", "linear", True
        ),
    )

    def memory(self, params, samples, rate):
        return 7 * samples

    def render(self, params, samples, rate, rng):
        """See :mod:`sousa.generation.textures.synth`. There are no events."""
        times = slow.control_times(samples, rate)
        values = {name: at(value, times) for name, value in params.items()}
        sound = np.zeros(samples, np.float32)
        # one stream a bee: another bee changes none of those that are there
        for number, stream in enumerate(streams(rng, _MOST)):
            present = np.clip(values["num_bees"] - number, 0.0, 1.0)
            if number >= highest(params["num_bees"]):
                break
            frequency, level, start = _flight(stream, values, times)
            level *= present * _LEVEL / np.sqrt(values["num_bees"])
            wave = _wave(frequency.mean(), frequency.max(), rate)
            turns = slow.knots(start + slow.integral(frequency), samples, rate)
            _add(sound, wave, turns, slow.knots(level, samples, rate))
        return sound, None


def _flight(rng, values, times):
    """Frequency in Hz and level (1 at _NEAR_M) of a bee at control times, and where its wave starts, 0-1."""
    of_way, of_drift, of_flutter = streams(rng, 3)
    start, semitones = rng.random(), np.clip(rng.standard_normal(), -2.5, 2.5)
    moves = slow.integral(values["busyness"])
    distance = _NEAR_M * 2.0 ** (_OCTAVES * slow.wander(of_way, moves))
    speed = np.gradient(distance, 1.0 / slow.CONTROL_HZ)
    wings = values["wingbeat_hz"] * 2.0 ** (values["pitch_spread"] * semitones / 12.0)
    wings *= 1.0 + _DRIFT * slow.wander(of_drift, moves)
    wings *= 1.0 + _FLUTTER * slow.wander(of_flutter, _FLUTTER_HZ * times)
    return wings / (1.0 + speed / _SOUND_M_PER_S), _NEAR_M / distance, start


def _add(sound, wave, turns, level):
    """Add a bee, given at knots, to a sound; in pieces that stay in the processor's cache."""
    for first in range(0, len(turns) - 1, _PIECE):
        knots = slice(first, first + _PIECE + 1)
        place = sound[first * slow.KNOT : (first + _PIECE) * slow.KNOT]
        phase = slow.fractions(turns[knots], len(place))
        phase -= np.floor(phase)
        phase *= np.float32(_TABLE)
        buzz = wave.take(phase.astype(np.int32), mode="wrap")
        buzz *= slow.ramps(level[knots], len(place))
        place += buzz


def _wave(mean_hz, highest_hz, rate):
    """One period of a sawtooth without what lies above half the rate: float32 (_TABLE,), RMS 1."""
    from scipy.fft import irfft

    k = np.arange(1, max(1, min(_HARMONICS, int(0.5 * rate / highest_hz))) + 1)
    amplitude = 1.0 / (k * np.sqrt(1.0 + (k * mean_hz / _SOFT_HZ) ** 2))
    spectrum = np.zeros(_TABLE // 2 + 1, complex)
    spectrum[k] = -1j * amplitude * _TABLE / np.sqrt(2.0 * (amplitude**2).sum())
    # rounded, so that the last bit of a machine's transform can't reach the samples
    return np.round(irfft(spectrum, _TABLE), 6).astype(np.float32)
