"""Rain on water: impacts, bubbles, and the hiss of what falls further away.

Drops come as a Poisson process, `drops_per_sec` on average. Each makes an impact: 16-bit white noise that
falls by e every 0.6 ms. A share of them, `bubble_share`, leaves a bubble, which rings 6 dB louder
(van den Doel, Physically Based Models for Liquid Sounds, ACM Trans. Applied Perception 2, 2005):

    x(t) = e^(-d t) sin(2 pi f0 (t + s t^2 / 2)),   f0 = 3.26 m/s / r        (Minnaert 1933)
    d = 0.13 / r + 0.0072 r^(-3/2) 1/s,             s = 0.1 d                (r in m)

so a bubble begins at f0 and rises by the share s a second. Its radius r is bubble_radius_mm *
2^(radius_spread z), z normal and cut off at +-2.5, rounded to 1/48 octave. Nothing is heard above half the
sample rate: a bubble fades out on the last tenth below it, and its impact is what is left.

Gain of a drop: D (40 / drops_per_sec)^(1/4), with D even in dB from -24 to 0; of a bubble also
(r / bubble_radius_mm) (d / 193)^(1/4), with d of the median radius. The fourth roots keep levels together:
more drops fall on a larger surface, and are further away.

Onsets are the drops; ``kind`` says drop or bubble, ``velocity`` the gain D. The hiss is noise with the power
(f/3 kHz)^2 / (1 + (f/3 kHz)^6), 1.3 dB of which are missing at 8 kHz, 0.2 dB at 16 kHz.
"""

import numpy as np

from sousa.generation.textures.synth import streams
from sousa.generation.textures.synths import events
from sousa.generation.textures.synths.shaped_noise import frames, noise, uniform
from sousa.generation.textures.synths.tones import sine, velocities
from sousa.generation.textures.values import Curve, Parameter, at

MINNAERT_M_PER_S = 3.26
_RISE = 0.1
_STEPS = 48  # radii an octave
_RING_DB = 60.0
_RANGE_DB = 24.0
_IMPACT_SEC, _IMPACTS = 0.0006, 32
_IMPACT_GAIN = 10.0 ** (-6.0 / 20.0)
_LEVEL = 0.35
_HISS_HZ = 3000.0


class Rain:
    name = "rain"
    version = "1.0.0"
    about = "Rain on water: drops, their bubbles, and hiss."
    parameters = (
        Parameter("drops_per_sec", 1.0, 1000.0, 40.0, "drops/s", "drops a second", "log", varying=True),
        Parameter("bubble_share", 0.0, 1.0, 0.6, "", "drops that leave a bubble", varying=True),
        Parameter("bubble_radius_mm", 0.7, 6.0, 1.6, "mm", "large bubbles are low", "log", varying=True),
        Parameter("radius_spread", 0.0, 0.7, 0.3, "octaves", "how much radii differ", varying=True),
        Parameter("hiss_db", -60.0, -20.0, -36.0, "dBFS", "level of the drops far away", varying=True),
    )

    def memory(self, params, samples, rate):
        return 7 * samples

    def render(self, params, samples, rate, rng):
        """See :mod:`sousa.generation.textures.synth`. Events are drops, with ``kind`` and ``velocity``."""
        of_times, of_kinds, of_radii, of_gains, of_impacts, of_choice, of_hiss = streams(rng, 7)
        drops = events.poisson(params["drops_per_sec"], samples / rate, of_times)
        onsets = drops.onsets(samples, rate)
        value = {name: at(params[name], drops.seconds) for name in params}
        bubbles = drops.uniform(of_kinds) < value["bubble_share"]
        depth = 10.0 ** (-_RANGE_DB / 20.0 * drops.uniform(of_gains))
        gain = _LEVEL * depth * (40.0 / value["drops_per_sec"]) ** 0.25

        hiss = 10.0 ** (at(params["hiss_db"], frames(samples, rate)[1]) / 20.0)

        def amplitude(f):
            density = _density(f / _HISS_HZ)
            return lambda part: hiss[part, None] * density

        sound = noise(of_hiss, samples, rate, amplitude)
        impacts = _impacts(of_impacts, rate)
        chosen = (drops.uniform(of_choice) * _IMPACTS).astype(np.int64)
        events.add(sound, onsets, (impacts[i] for i in chosen), gain * _IMPACT_GAIN)

        octaves = np.clip(drops.normal(of_radii), -2.5, 2.5) * value["radius_spread"]
        octaves = np.rint(octaves * _STEPS) / _STEPS
        median = value["bubble_radius_mm"] / 1000.0
        if isinstance(params["bubble_radius_mm"], Curve):
            # few radii, so that bubbles can share what is worked out for one
            median = 2.0 ** (np.rint(np.log2(median) * _STEPS) / _STEPS)
        radii, which = np.unique(np.round((median * 2.0**octaves)[bubbles], 9), return_inverse=True)
        rings = [bubble(radius, samples, rate) for radius in radii]
        size_gain = (_damping(median[bubbles]) / _damping(0.0016)) ** 0.25
        louder = gain[bubbles] * 2.0 ** octaves[bubbles] * size_gain
        events.add(sound, onsets[bubbles], (rings[i] for i in which), louder)
        details = {"kind": np.where(bubbles, "bubble", "drop"), "velocity": velocities(depth)}
        return sound, onsets, details


def _density(x):
    """Amplitude density of hiss of RMS 1."""
    return np.sqrt(6.0 / (np.pi * _HISS_HZ)) * x / np.sqrt(1.0 + x**6)


def _impacts(rng, rate):
    """Short bursts of noise: float32 (_IMPACTS, samples), peaks about 1."""
    size = max(1, int(7.0 * _IMPACT_SEC * rate))
    fall = np.exp(-np.arange(size) / (_IMPACT_SEC * rate))
    return (uniform(rng, _IMPACTS * size).reshape(_IMPACTS, size) * fall / np.sqrt(3.0)).astype(np.float32)


def _damping(radius_m):
    """Of a bubble, 1/s."""
    return 0.13 / radius_m + 0.0072 * radius_m**-1.5


def bubble(radius_m, samples, rate):
    """What a bubble sounds like: float32, at most ``samples`` long, peak below 1."""
    frequency = MINNAERT_M_PER_S / radius_m
    damping = _damping(radius_m)
    size = min(samples, int(np.ceil(_RING_DB / 20.0 * np.log(10.0) / damping * rate)))
    seconds = np.arange(size) / rate
    turns = frequency * seconds * (1.0 + 0.5 * _RISE * damping * seconds)
    now = frequency * (1.0 + _RISE * damping * seconds)
    fade = np.exp(-damping * seconds) * np.clip((0.5 - now / rate) / 0.05, 0.0, 1.0)
    return sine((turns - np.rint(turns)).astype(np.float32)) * fade.astype(np.float32)
