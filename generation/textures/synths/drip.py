"""Drips: short sines whose pitch rises, as the Drip texture of DSGenerator's authors has them.

Conventions: frequencies in Hz, times in seconds. Rate and irregularity are those of
:mod:`sousa.generation.textures.synths.pop`. A drip lasts D = 0.05 + 0.15 U seconds, with U even between 0 and
1::

    s(t) = a(t) sin(2 pi (cf t + sweep t**2 / (2 D))),   0 <= t < D
    a(t) = A + (0.05 - A) t / D,   A from N(startAmp, ampRange), held between 0.05 and 1

that is, frequency and amplitude go in straight lines from cf to cf + sweep and from A to 0.05. Ours are
ramps of 1 ms at the beginning and 3 ms at the end against clicks, and that both ends of the sweep are held at
0.45 of the sample rate.
"""

import numpy as np

from sousa.generation.textures.synth import streams
from sousa.generation.textures.synths import events
from sousa.generation.textures.values import Parameter, at

_LAST_AMPLITUDE = 0.05
_SHORTEST_SEC, _LONGER_SEC = 0.05, 0.15
_RISE_SEC, _FALL_SEC = 0.001, 0.003
_HIGHEST = 0.45  # of the sample rate


def drips(first_hz, last_hz, amplitude, duration_sec, rate):
    """The sounds of drips; arguments are float (events,). Yields: float64 (length,) for each."""
    for low, high, loud, length_sec in zip(first_hz, last_hz, amplitude, duration_sec, strict=True):
        # half a sample late, so that the first one is not 0
        share = (np.arange(int(np.ceil(length_sec * rate))) + 0.5) / (length_sec * rate)
        sound = np.sin(2.0 * np.pi * length_sec * share * (low + 0.5 * (high - low) * share))
        sound *= loud + (_LAST_AMPLITUDE - loud) * share
        yield events.soften(sound, round(_RISE_SEC * rate), round(_FALL_SEC * rate))


class Drip:
    name = "drip"
    version = "1.0.0"
    about = "Drops of water: short tones that rise in pitch and fall in level."
    aliases = ("DripPatternSynth", "MyDrip")
    parameters = (
        Parameter("rate_exp", -10, 10, 1, "log2 events/s", "2**rate_exp drips a second", varying=True),
        Parameter("irreg_exp", 0, 50, 1, "", "how far drips are from evenly spaced; 0: even", varying=True),
        Parameter("cf", 100, 2000, 440, "Hz", "pitch at which drips begin", varying=True, nyquist=True),
        Parameter("sweep", 0, 2000, 400, "Hz", "how far the pitch of a drip rises", varying=True),
        Parameter("startAmp", 0.05, 1, 0.5, "", "mean amplitude at which drips begin", varying=True),
        Parameter(
            "ampRange", 0, 0.5, 0.15, "", "how much amplitudes differ: standard deviation", varying=True
        ),
    )

    def render(self, params, samples, rate, rng):
        when, how_long, how_loud = streams(rng, 3)
        per_second = events.per_second(params["rate_exp"])
        found = events.regular(per_second, events.spread(params["irreg_exp"]), samples / rate, when)
        names = ("cf", "sweep", "startAmp", "ampRange")
        first, rise, loud, differ = (at(params[name], found.seconds) for name in names)
        amplitude = np.clip(loud + differ * found.normal(how_loud), _LAST_AMPLITUDE, 1.0)
        duration = _SHORTEST_SEC + _LONGER_SEC * found.uniform(how_long)
        ends = (np.minimum(hz, _HIGHEST * rate) for hz in (first, first + rise))
        audio, onsets = np.zeros(samples), found.onsets(samples, rate)
        events.add(audio, onsets, drips(*ends, amplitude, duration, rate))
        return audio.astype(np.float32), onsets
