"""Pistons: an engine whose cylinders fire in turn.

Conventions: frequencies in Hz, times in seconds, levels in dB. Rate and irregularity are those of
:mod:`sousa.generation.textures.synths.pop`. A firing is a sawtooth under a falling envelope (the Engine
texture)::

    s(t) = (1 / pi) * 10**(level / 20) * 10**(-3 t / evdur) * sum over k = 1..32 of sin(2 pi k cf t) / k

of partials below 0.45 of the sample rate (they fade out from there to half of it), so that nothing folds
back. Firing i is that of cylinder i mod cylinders. The levels of the cylinders lie evenly between 0 and
-imbalance_db, in a drawn order: what is heard is a pattern that repeats after every ``cylinders`` firings.
"""

import numpy as np

from sousa.generation.textures.synth import streams
from sousa.generation.textures.synths import events
from sousa.generation.textures.values import Parameter, at

_PARTIALS = np.arange(1, 33)
_HIGHEST, _NYQUIST = 0.45, 0.5  # of the sample rate


def firings(frequency_hz, decay_sec, rate):
    """The sounds of firings; arguments are float (events,). Returns: list of float64 (length,)."""
    cycles = frequency_hz[:, None] * _PARTIALS / rate
    audible = np.clip((_NYQUIST - cycles) / (_NYQUIST - _HIGHEST), 0.0, 1.0) / (np.pi * _PARTIALS)
    fall = -3.0 * np.log(10.0) / (decay_sec * rate)
    poles = np.exp(fall[:, None] + 2j * np.pi * cycles)
    # half a sample late, so that the first one is not 0
    weights = -1j * audible * np.exp(1j * np.pi * cycles)
    return list(events.ringing(weights, poles, events.ring_length(poles[:, 0])))


class Pistons:
    name = "pistons"
    version = "1.0.0"
    about = "An engine: cylinders that fire in turn, each with its own level."
    aliases = ("Engine", "Engine_0001", "DSPistons", "MyEngine")
    parameters = (
        Parameter("rate_exp", -2, 8, 4, "log2 events/s", "2**rate_exp firings a second", varying=True),
        Parameter(
            "irreg_exp", 0, 2, 0.1, "", "how far firings are from evenly spaced; 0: even", varying=True
        ),
        Parameter("cf", 40, 1000, 110, "Hz", "pitch of a firing", "log", varying=True, nyquist=True),
        Parameter("evdur", 0.01, 0.5, 0.1, "s", "time in which a firing falls by 60 dB", "log", varying=True),
        Parameter("cylinders", 1, 12, 4, "", "how many firings there are in a cycle", whole=True),
        Parameter("imbalance_db", 0, 24, 6, "dB", "how unlike the levels of cylinders are", varying=True),
    )

    def render(self, params, samples, rate, rng):
        when, order = streams(rng, 2)
        per_second = events.per_second(params["rate_exp"])
        found = events.regular(per_second, events.spread(params["irreg_exp"]), samples / rate, when)
        cylinders = int(params["cylinders"])
        place = np.argsort(order.random(cylinders)) / max(1, cylinders - 1)
        level = -at(params["imbalance_db"], found.seconds) * place[found.number % cylinders]
        # firings that sound alike are rendered once; where nothing moves that is all of them
        pairs = np.stack([at(params[name], found.seconds) for name in ("cf", "evdur")], axis=1)
        like, which = np.unique(pairs, axis=0, return_inverse=True)
        kinds = firings(like[:, 0], like[:, 1], rate)
        audio, onsets = np.zeros(samples), found.onsets(samples, rate)
        events.add(audio, onsets, (kinds[i] for i in which.tolist()), 10.0 ** (level / 20.0))
        return audio.astype(np.float32), onsets
