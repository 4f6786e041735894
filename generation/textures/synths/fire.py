"""Fire: crackles, hiss and a low roar.

Crackles come as a Poisson process, `crackles_per_sec` on average. Their gains have a heavy tail: a Pareto
distribution with the exponent `tail`, cut off 30 dB above its lower end, P(gain > g) ~ g^(-tail), drawn by
inverting its distribution function,

    gain = low * (1 - u (1 - 31.6^(-tail)))^(-1/tail),     u even in 0 to 1

with `low` such that the mean square of gain is the same for every tail, less (8 / crackles_per_sec)^(1/4).
A crackle is one of 32 short sounds drawn for each signal, half a noise burst and half a resonance, peak 1:

    e^(-t / tau) (uniform noise + sin(2 pi f t)),   f = crackle_hz 2^(0.7 z), tau = 1.5 ms 2^(0.6 z')

with z, z' normal and cut off at +-2.5, and f at most 0.45 of the sample rate. The roar is noise with the
power 1 / (1 + (f/120 Hz)^4) above 25 Hz, whose level wanders by +-5 dB, 1.5 new values a second; the hiss is
noise with the power (f/4 kHz)^2 / (1 + (f/4 kHz)^6) that follows half of it. Their levels are those while
the wandering is at 0; 3 dB of the hiss are missing at 8 kHz, 0.4 dB at 16 kHz.

Onsets are the crackles; ``velocity`` says how loud, 127 being the loudest there can be.
"""

import numpy as np

from sousa.generation.textures.synth import streams
from sousa.generation.textures.synths import events, slow
from sousa.generation.textures.synths.shaped_noise import frames, noise, uniform
from sousa.generation.textures.synths.tones import sine, velocities
from sousa.generation.textures.values import Parameter, at

_SPAN = 10.0**1.5  # loudest to softest
_SHAPES = 32
_TAU_SEC = 0.0015
_RMS_GAIN = 0.11
_ROAR_HZ, _LOWEST_HZ, _HISS_HZ = 120.0, 25.0, 4000.0
_ROAR_DB, _ROAR_PER_SEC = 5.0, 1.5


class Fire:
    name = "fire"
    version = "1.0.0"
    about = "A wood fire: crackles, hiss and roar."
    parameters = (
        Parameter("crackles_per_sec", 0.5, 200.0, 8.0, "crackles/s", "how many", "log", varying=True),
        Parameter("tail", 1.0, 4.0, 1.6, "", "low: a few loud crackles among many soft ones", varying=True),
        Parameter("crackle_hz", 600.0, 3500.0, 1800.0, "Hz", "brightness of crackles", "log", nyquist=True),
        Parameter("roar_db", -60.0, -18.0, -28.0, "dBFS", "level of the low roar", varying=True),
        Parameter("hiss_db", -60.0, -20.0, -42.0, "dBFS", "level of the hiss", varying=True),
    )

    def memory(self, params, samples, rate):
        return 7 * samples

    def render(self, params, samples, rate, rng):
        """See :mod:`sousa.generation.textures.synth`. Events are crackles, with ``velocity``."""
        of_times, of_gains, of_choice, of_shapes, of_bursts, of_roar, of_noise = streams(rng, 7)
        crackles = events.poisson(params["crackles_per_sec"], samples / rate, of_times)
        onsets = crackles.onsets(samples, rate)
        tail = at(params["tail"], crackles.seconds)
        size = pareto(crackles.uniform(of_gains), tail)
        often = at(params["crackles_per_sec"], crackles.seconds)
        gain = _RMS_GAIN * (8.0 / often) ** 0.25 * size / np.sqrt(_mean_square(tail))

        sound = _background(params, samples, rate, of_roar, of_noise)
        shapes = _shapes(of_shapes, of_bursts, params["crackle_hz"], rate)
        chosen = (crackles.uniform(of_choice) * _SHAPES).astype(np.int64)
        events.add(sound, onsets, (shapes[i] for i in chosen), gain)
        return sound, onsets, {"velocity": velocities(size / _SPAN)}


def pareto(u, tail):
    """Gains from 1 to _SPAN with a Pareto tail, of even draws from 0 to 1."""
    return (1.0 - u * (1.0 - _SPAN**-tail)) ** (-1.0 / tail)


def _mean_square(tail):
    """Mean of the square of :func:`pareto`: the integral of tail g^(1-tail) / (1 - _SPAN^-tail)."""
    power = 2.0 - tail
    # (s^p - 1) / p goes to log(s) as p goes to 0
    near = np.abs(power) < 1e-6
    power = np.where(near, 1.0, power)
    integral = np.where(near, np.log(_SPAN), (_SPAN**power - 1.0) / power)
    return tail * integral / (1.0 - _SPAN**-tail)


def _shapes(rng, of_bursts, crackle_hz, rate):
    """The sounds of crackles, peak 1: float32 (_SHAPES, samples)."""
    z = np.clip(rng.standard_normal((2, _SHAPES)), -2.5, 2.5)
    frequency = np.minimum(crackle_hz * 2.0 ** (0.7 * z[0]), 0.45 * rate)
    tau = _TAU_SEC * 2.0 ** (0.6 * z[1])
    size = max(1, int(7.0 * _TAU_SEC * 2.0**1.5 * rate))
    seconds = np.arange(size) / rate
    noises = uniform(of_bursts, _SHAPES * size).reshape(_SHAPES, size) / np.sqrt(3.0)
    turns = frequency[:, None] * seconds
    shapes = sine((turns - np.rint(turns)).astype(np.float32)) + noises
    shapes *= np.exp(-seconds / tau[:, None])
    return (shapes / np.abs(shapes).max(axis=1, keepdims=True)).astype(np.float32)


def _background(params, samples, rate, of_roar, of_noise):
    """Roar and hiss: float32 (samples,)."""
    middles = frames(samples, rate)[1]
    wander_db = _ROAR_DB * slow.wander(of_roar, _ROAR_PER_SEC * middles)
    roar = 10.0 ** ((at(params["roar_db"], middles) + wander_db) / 10.0)
    hiss = 10.0 ** ((at(params["hiss_db"], middles) + 0.5 * wander_db) / 10.0)

    def amplitude(f):
        x = f / _HISS_HZ
        low = (f > _LOWEST_HZ) / (1.0 + (f / _ROAR_HZ) ** 4) / (np.pi / 8.0**0.5 * _ROAR_HZ - _LOWEST_HZ)
        high = 6.0 / (np.pi * _HISS_HZ) * x**2 / (1.0 + x**6)
        return lambda part: np.sqrt(roar[part, None] * low + hiss[part, None] * high)

    return noise(of_noise, samples, rate, amplitude)
