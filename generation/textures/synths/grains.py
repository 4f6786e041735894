"""Grains: tones under a bell-shaped window, or chirps, as in the Chirp and GaussGrains textures.

Conventions: frequencies in Hz, times in seconds, sweeps in octaves. Rate and irregularity are those of
:mod:`sousa.generation.textures.synths.pop`. A grain of D seconds about the centre frequency::

    c = 440 * 2**(cf_exp + cfrangeocts * U + cfsd * N / 12),   U even between -1/2 and 1/2, N normal
    f(t) = c * 2**(nocts * (t / D - 1/2))
    s(t) = 0.5 * window(t) * sum over k = 1..comps of sin(2 pi k * integral of f) / k, over the root of
           the sum of 1 / k**2

With evdur = 0 (GaussGrains) D is 2**durdutyexp times the gap to the next grain, at least 2 ms, and the window
is a Gaussian of standard deviation D / 6 less its value at the ends. With evdur > 0 (Chirp) D = evdur and the
window is flat with ramps of 5 ms. f is held at 0.45 of the sample rate; partials fade out from there to half
of it.

An onset is where a grain begins; a Gaussian one is loudest D / 2 later.
"""

import numpy as np

from sousa.generation.textures.synth import streams
from sousa.generation.textures.synths import events
from sousa.generation.textures.values import Parameter, at

_REFERENCE_HZ = 440.0
_SHORTEST_SEC = 0.002
_RAMP_SEC = 0.005
_WIDTH = 1.0 / 6.0  # standard deviation of the window, of the grain's length
_HIGHEST, _NYQUIST = 0.45, 0.5  # of the sample rate


def bell(share):
    """The window at shares (0 to 1) of a grain: 0 at the ends, 1 in the middle."""
    end = np.exp(-0.5 * (0.5 / _WIDTH) ** 2)
    return (np.exp(-0.5 * ((share - 0.5) / _WIDTH) ** 2) - end) / (1.0 - end)


def grain(share, step, centre, octaves, partials):
    """One grain before its window, sweeping ``octaves`` about ``centre``, a share of the sample rate.

    ``share``: where its samples are, 0 to 1 of its length, ``step`` from one to the next. Returns: float64,
    as ``share``.
    """
    if octaves:
        frequency = np.minimum(centre * 2.0 ** (octaves * (share - 0.5)), _HIGHEST)
        phase = np.cumsum(frequency) - 0.5 * frequency
    else:
        frequency = min(centre, _HIGHEST)
        phase = share * (frequency / step)
    turn = np.exp(2j * np.pi * phase)
    sound, now = turn.imag.copy(), turn
    for k in range(2, partials + 1):
        audible = np.clip((_NYQUIST - k * frequency) / (_NYQUIST - _HIGHEST), 0.0, 1.0) / k
        if not np.any(audible):
            break  # higher ones are not either
        now = now * turn
        sound += audible * now.imag
    return sound * (0.5 / np.sqrt((1.0 / np.arange(1, partials + 1) ** 2).sum()))


class Grains:
    name = "grains"
    version = "1.0.0"
    about = "Soft grains of tone, or chirps, still or sweeping, sparse or overlapping."
    aliases = ("Chirp_0001", "ChirpPatternSynth", "GaussGrains", "GaussGrains_0001", "DS_GaussGrains_1.0")
    parameters = (
        Parameter("rate_exp", -10, 10, 2, "log2 events/s", "2**rate_exp grains a second", varying=True),
        Parameter(
            "irreg_exp", 0, 50, 0.5, "", "how far grains are from evenly spaced; 0: even", varying=True
        ),
        Parameter("cf_exp", -2, 3, 0, "octaves", "middle of their pitch, octaves above 440 Hz", varying=True),
        Parameter("cfrangeocts", 0, 4, 1, "octaves", "over what range their pitches lie", varying=True),
        Parameter("cfsd", 0, 12, 0, "semitones", "how much pitches differ: deviation", varying=True),
        Parameter("nocts", -3, 3, 0, "octaves", "how far a grain's pitch rises", varying=True),
        Parameter("durdutyexp", -4, 2, 0, "octaves", "2**durdutyexp: length of grains in gaps", varying=True),
        Parameter("evdur", 0, 0.5, 0, "s", "length of chirps; 0: grains as long as durdutyexp says"),
        Parameter("comps", 1, 10, 1, "", "partials of a grain's tone: how bright it is", whole=True),
    )

    def render(self, params, samples, rate, rng):
        when, where, how_far = streams(rng, 3)
        per_second = events.per_second(params["rate_exp"])
        found = events.regular(per_second, events.spread(params["irreg_exp"]), samples / rate, when)
        names = ("cf_exp", "cfrangeocts", "cfsd", "nocts", "durdutyexp")
        middle, wide, deviation, octaves, duty = (at(params[name], found.seconds) for name in names)
        middle += wide * (found.uniform(where) - 0.5) + deviation * found.normal(how_far) / 12.0
        if params["evdur"] > 0:
            duration = np.full(len(found.seconds), params["evdur"])
        else:
            # after the last grain a mean gap follows
            last = found.seconds[-1:] + 2.0 ** -at(params["rate_exp"], found.seconds[-1:])
            duration = 2.0**duty * np.diff(found.seconds, append=last)
        duration = np.maximum(duration, _SHORTEST_SEC)
        onsets = found.onsets(samples, rate)
        centre = _REFERENCE_HZ * 2.0**middle / rate
        partials = int(params["comps"])

        def sounds():
            ramp = round(_RAMP_SEC * rate)
            heard = np.minimum(np.ceil(duration * rate), samples - onsets).astype(np.int64)
            for i in range(len(onsets)):
                step = 1.0 / (duration[i] * rate)
                share = (np.arange(heard[i]) + 0.5) * step
                sound = grain(share, step, centre[i], octaves[i], partials)
                if params["evdur"] > 0:
                    edge = np.minimum(share, 1.0 - share) / step
                    sound *= np.clip(edge / ramp, 0.0, 1.0)
                else:
                    sound *= bell(share)
                yield sound

        audio = np.zeros(samples)
        events.add(audio, onsets, sounds())
        return audio.astype(np.float32), onsets
