"""Applause: many people clapping, each at a rate and with hands of their own. Nothing is recorded.

Conventions: frequencies in Hz, times in seconds, differences between clappers in octaves. Clapper j of
num_clappers claps at the rate r_j with the irregularity of :mod:`sousa.generation.textures.synths.pop`, about
his own phase p_j::

    r_j = 2**(rate_exp + 0.1 (1 - synchrony) N),   p_j = p + (1 - synchrony) U gaps
    c_j = centre_hz * 2**(spread_octaves N),   l_j = 2**(-2 U)

with N normal and U even between 0 and 1, drawn once a clapper. A clap is Gaussian noise that falls by 60 dB
in evdur, through a resonance (the peak filter of Pop) at c_j of quality Q, scaled to the peak
0.4 * l_j * (0.7 + 0.3 U). That claps are noise bursts through resonances, and that free applause has about 4
claps a second, follows Peltola et al., Synthesis of Hand Clapping Sounds, IEEE TASLP 15(3), 2007, and Repp,
The Sound of Two Hands Clapping, JASA 81(4), 1987. Where num_clappers is n, clapper j = 0, 1, ... claps while
n > j, and the last one, of whom there is only the part n - j, that much softer: all values sound different.
"""

import numpy as np

from sousa.generation.textures.synth import streams
from sousa.generation.textures.synths import events
from sousa.generation.textures.synths.pop import peak_filter
from sousa.generation.textures.values import Parameter, at, highest

_PEOPLE = 50
_RATE_OCTAVES = 0.1  # deviation of people's rates
_PEAK = 0.4
_TAIL_DB = 72.0
_BLOCK = 2**20  # samples of claps rendered at a time
_HIGHEST = 0.45  # of the sample rate


def claps(loudness, centre_hz, quality, decay_sec, rate, rng):
    """The claps of one clapper; ``loudness``: float (claps,), their peaks.

    Yields: float64 (length,) for each clap.
    """
    from scipy.signal import lfilter  # slow to import

    gain, first, second = peak_filter(min(centre_hz, _HIGHEST * rate), quality, rate)
    slowest = np.abs(np.roots([1.0, -first, -second])).max()
    ring = int(events.ring_length(slowest, _TAIL_DB))
    burst = int(np.ceil(decay_sec * rate * _TAIL_DB / 60.0))
    envelope = 10.0 ** (-3.0 * np.arange(burst) / (decay_sec * rate))
    together = max(1, _BLOCK // (burst + ring))
    for begin in range(0, len(loudness), together):
        peaks = loudness[begin : begin + together]
        noise = np.zeros((len(peaks), burst + ring))
        noise[:, :burst] = rng.standard_normal((len(peaks), burst), dtype=np.float32) * envelope
        sounds = lfilter([gain, 0.0, -gain], [1.0, -first, -second], noise, axis=1)
        sounds *= (peaks / np.maximum(sounds.max(axis=1), -sounds.min(axis=1)))[:, None]
        yield from sounds


class Applause:
    name = "applause"
    version = "1.0.0"
    about = "People clapping, from one to a hall, each in their own time or together."
    aliases = ("DSApplause", "DSApplauseSynth", "DSApplause_0003")
    parameter_aliases = {"numClappers": "num_clappers"}
    parameters = (
        Parameter("num_clappers", 1, _PEOPLE, 10, "", "how many people clap", varying=True),
        Parameter(
            "rate_exp", -2, 4, 2, "log2 events/s", "each claps 2**rate_exp times a second", varying=True
        ),
        Parameter("irreg_exp", 0, 2, 0.3, "", "how far each is from clapping evenly; 0: even", varying=True),
        Parameter("centre_hz", 300, 3500, 1000, "Hz", "middle of the hands' resonances", "log", nyquist=True),
        Parameter("spread_octaves", 0, 1, 0.3, "octaves", "how unlike their hands sound: deviation"),
        Parameter("Q", 0.5, 10, 2, "", "quality of the resonances: how much of a pitch a clap has", "log"),
        Parameter("evdur", 0.005, 0.3, 0.03, "s", "time in which the noise of a clap falls by 60 dB", "log"),
        Parameter("synchrony", 0, 1, 0, "", "0: each in their own time, 1: all together"),
    )

    def memory(self, params, samples, rate):
        # the onsets of all people, sorted
        return 12 * samples + 60 * params["num_clappers"] * 2.0 ** params["rate_exp"] * samples / rate

    def render(self, params, samples, rate, rng):
        who, each = streams(rng, 2)
        apart = 1.0 - params["synchrony"]
        together = who.random()
        # one row a person, so that further people change nothing of the first ones
        hurry, hands = who.standard_normal((2, _PEOPLE))
        phase, distance = who.random((2, _PEOPLE))
        clap_rate, irregularity = events.per_second(params["rate_exp"]), events.spread(params["irreg_exp"])
        people = int(np.ceil(highest(params["num_clappers"])))
        audio, found_at = np.zeros(samples), [np.zeros(0, np.int64)]
        for person, own in enumerate(streams(each, people)):
            when, strength, noise = streams(own, 3)
            own_rate = events.scaled(clap_rate, 2.0 ** (_RATE_OCTAVES * apart * hurry[person]))
            own_phase = together + apart * phase[person]
            found = events.regular(own_rate, irregularity, samples / rate, when, own_phase)
            peaks = _PEAK * 2.0 ** (-2.0 * distance[person]) * (0.7 + 0.3 * found.uniform(strength))
            part = np.clip(at(params["num_clappers"], found.seconds) - person, 0.0, 1.0)
            here = part > 0.0
            onsets = found.onsets(samples, rate)[here]
            pitch = params["centre_hz"] * 2.0 ** (params["spread_octaves"] * hands[person])
            sounds = claps((peaks * part)[here], pitch, params["Q"], params["evdur"], rate, noise)
            events.add(audio, onsets, sounds)
            found_at.append(onsets)
        return audio.astype(np.float32), np.sort(np.concatenate(found_at))
