"""Pops: three samples of noise through a narrow filter, as DSGenerator's Pop texture has them.

Conventions: frequencies in Hz, times in seconds, angles in radians a sample. Formulas are those published
with popTextureDS (the maths alone; this is our own code).

With x = rate_exp and y = irreg_exp there are 2**x events a second, see
:func:`sousa.generation.textures.synths.events.regular`; the standard deviation of their times is 0.1 * y *
10**y mean gaps (``pop``, as the published code has it) or 0.04 * 10**y (``pop_documented``, as its
documentation has it). An event of the drawn frequency f = cf * 2**(N(0, 1) / 12) is u0, u1, u2 (even between
-1 and 1) through the peak filter, scaled to a peak of 0.9::

    w = 2 pi f / rate,  g = 1 / (1 + tan(w / (2 Q)))
    y[n] = (1 - g) (u[n] - u[n - 2]) + 2 g cos(w) y[n - 1] - (2 g - 1) y[n - 2]

After the input has ended y[n] is a sum of two powers, of the poles p = g cos(w) +- sqrt(g**2 cos(w)**2 -
2 g + 1), which are conjugate (a decaying sine) for all but the lowest Q. It is rendered in that form until it
has fallen by 96 dB.

Where irreg_exp reaches about 2 pops are anywhere (the deviation is 20 gaps), and more changes nothing.

Two limits keep it finite anywhere. f is held at 0.49 of the sample rate. The band f / Q is held at 0.95 of
half the sample rate: beyond that tan() changes its sign and the filter is unstable.
"""

import numpy as np

from sousa.generation.textures.synth import streams
from sousa.generation.textures.synths import events
from sousa.generation.textures.values import Parameter, at

_PEAK = 0.9
_HIGHEST = 0.49  # of the sample rate
_WIDEST = 0.95  # of half the sample rate
_STEPS = 5  # outputs that the input still enters: three samples and the filter's memory of two


def peak_filter(frequency_hz, quality, rate):
    """Coefficients of the peak filter, within the limits told above.

    Returns: ``(gain, first, second)``, as the arguments: y[n] = gain (u[n] - u[n - 2]) + first y[n - 1] +
        second y[n - 2].
    """
    angle = 2.0 * np.pi * np.minimum(np.asarray(frequency_hz) / rate, _HIGHEST)
    half_band = np.minimum(angle / (2.0 * quality), _WIDEST * np.pi / 2.0)
    g = 1.0 / (1.0 + np.tan(half_band))
    return 1.0 - g, 2.0 * g * np.cos(angle), 1.0 - 2.0 * g


def first_outputs(noise, frequency_hz, quality, rate):
    """The first outputs of the peak filter for noise (events, 3), and what follows them.

    Returns: ``(outputs, weights, poles)``: float64 (events, 5), of which the last two begin the free ringing;
        complex128 (events, 2) twice: output 3 + n is the sum of weight * pole**n.
    """
    gain, first, second = peak_filter(frequency_hz, quality, rate)
    outputs = np.zeros((len(noise), _STEPS))
    outputs[:, :3] += noise
    outputs[:, 2:] -= noise
    outputs *= gain[:, None]
    for step in range(1, _STEPS):
        outputs[:, step] += first * outputs[:, step - 1]
        if step > 1:
            outputs[:, step] += second * outputs[:, step - 2]
    root = np.sqrt((first**2 / 4.0 + second).astype(complex))
    root = np.where(np.abs(root) < 1e-7, 1e-7, root)  # equal poles: their formula would divide by 0
    poles = np.stack([first / 2.0 + root, first / 2.0 - root], axis=1)
    above = (outputs[:, 4] - poles[:, 1] * outputs[:, 3]) / (2.0 * root)
    return outputs, np.stack([above, outputs[:, 3] - above], axis=1), poles


def pops(noise, frequency_hz, quality, rate, longest):
    """The sounds of events, arguments as in :func:`first_outputs`; none is longer than ``longest`` samples.

    Yields: float64 (length,) for each event, with a peak of 0.9.
    """
    outputs, weights, poles = first_outputs(noise, frequency_hz, quality, rate)
    # the two powers may cancel at first: what they fall from is more than what is heard
    more = np.abs(weights).sum(axis=1) / np.abs(outputs).max(axis=1)
    slowest = np.abs(poles).max(axis=1)
    decay_db = 96.0 + 20.0 * np.log10(np.maximum(1.0, more))
    ringing = np.maximum(_STEPS - 3, events.ring_length(slowest, decay_db))
    rest = events.ringing(weights, poles, ringing)
    for begin, free in zip(outputs[:, :3], rest, strict=True):
        sound = np.concatenate([begin, free])
        sound *= _PEAK / max(sound.max(), -sound.min())
        yield sound[:longest]


class Pop:
    name = "pop"
    version = "1.0.0"
    about = "Short noise pops of a pitch, from evenly spaced to scattered."
    aliases = ("PopPatternSynth", "Pop", "MyPop")
    parameters = (
        Parameter("rate_exp", -10, 10, 0, "log2 events/s", "2**rate_exp pops a second", varying=True),
        Parameter("irreg_exp", 0, 50, 1, "", "how far pops are from evenly spaced; 0: even", varying=True),
        Parameter("cf", 100, 2000, 440, "Hz", "mean pitch of the pops", varying=True, nyquist=True),
        Parameter("Q", 0.1, 50, 40, "", "quality of the filter: how long and pure pops ring", varying=True),
    )
    spread = staticmethod(events.spread)

    def render(self, params, samples, rate, rng):
        when, pitch, noise = streams(rng, 3)
        per_second = events.per_second(params["rate_exp"])
        found = events.regular(per_second, self.spread(params["irreg_exp"]), samples / rate, when)
        frequency = at(params["cf"], found.seconds) * 2.0 ** (found.normal(pitch) / 12.0)
        taps = 2.0 * found.uniform(noise, 3) - 1.0
        onsets = found.onsets(samples, rate)
        audio = np.zeros(samples)
        events.add(audio, onsets, pops(taps, frequency, at(params["Q"], found.seconds), rate, samples))
        return audio.astype(np.float32), onsets


class PopDocumented(Pop):
    name = "pop_documented"
    about = "Pop with the documented formula of irregularity: never quite even."
    aliases = ()
    spread = staticmethod(events.spread_documented)
