"""Wind chimes: five tubes that the wind strikes.

A tube of length L that is free at both ends bends (Euler-Bernoulli) with the frequencies

    f_n = (b_n / L)^2 / (2 pi) * sqrt(E / rho) * sqrt(R^2 + r^2) / 2,     cos(b_n) cosh(b_n) = 1

b_n = 4.730, 7.853, 10.996, 14.137, 17.279, so f_n / f_1 = 1, 2.757, 5.404, 8.933, 13.344 (Fletcher and
Rossing, The Physics of Musical Instruments, chapter 2). Aluminium: E = 69 GPa, rho = 2,700 kg/m^3; outer and
inner radius R = 12.5 mm, r = 11 mm. The longest tube has the length `chime_size_m`, the others are as much
shorter as gives fundamentals 9/8, 5/4, 3/2 and 5/3 times as high, each off by a drawn deviation of 0.4 %.
Partial n sounds as e^(-6.91 t / T_n) sin(2 pi f_n t) with T_n = decay_sec * sqrt(f_1 of the longest / f_n);
those above half the sample rate are left out.

The wind is g(t), value noise from -1 to 1 with `gustiness` new values a second. Strikes come as a Poisson
process with the moving rate 0.5 * 20^strength * 3^g a second, on a tube drawn for each, with the gain
-9 dB + 5 dB * strength + 5 dB * g + N(0, 3 dB), at most 0 dB. Harder strikes are brighter: partials 3 to 5
grow by 1.5 dB where the others grow by 1.

Onsets are the strikes; ``velocity`` says how hard.
"""

import numpy as np

from sousa.generation.textures.synth import streams
from sousa.generation.textures.synths import events, slow
from sousa.generation.textures.synths.tones import velocities
from sousa.generation.textures.values import Parameter, at

# roots of cos(b) cosh(b) = 1
BAR = np.array(
    [4.730040744862704, 7.853204624095838, 10.99560783800167, 14.13716549125746, 17.27875965739948]
)
TUNING = np.array([1.0, 9 / 8, 5 / 4, 3 / 2, 5 / 3])
_SPEED_M_PER_S = np.sqrt(69e9 / 2700.0)
_GYRATION_M = 0.5 * np.hypot(0.0125, 0.011)
_GAINS = np.array([1.0, 0.7, 0.5, 0.3, 0.2])
_LOW = 2  # partials that grow as the gain does
_RING_DB = 72.0
_LEVEL = 0.17
_DETUNE = 0.004


class Chimes:
    name = "chimes"
    version = "1.0.0"
    about = "Wind chimes of five tubes."
    aliases = ("WindChimes", "DS_WindChimes", "DS_WindChimes_1.0", "DS_WindChimes_1.1")
    parameters = (
        Parameter("strength", 0.0, 1.0, 0.5, "", "how hard it blows: more strikes, louder", varying=True),
        Parameter("gustiness", 0.05, 4.0, 0.4, "gusts/s", "how often the wind turns", "log", varying=True),
        Parameter("chime_size_m", 0.3, 1.5, 0.5, "m", "length of the longest tube", "log"),
        Parameter("decay_sec", 0.5, 8.0, 3.0, "s", "time in which the lowest tone falls by 60 dB", "log"),
    )

    def memory(self, params, samples, rate):
        return 7 * samples

    def render(self, params, samples, rate, rng):
        """See :mod:`sousa.generation.textures.synth`. Events are strikes, with ``velocity``."""
        of_wind, of_times, of_gains, of_tubes, of_tuning = streams(rng, 5)
        times = slow.control_times(samples, rate)
        strength = at(params["strength"], times)
        gust = slow.gusts(of_wind, params["gustiness"], times)
        per_sec = 0.5 * 20.0**strength * 3.0**gust
        strikes = events.poisson(lambda t: np.interp(t, times, per_sec), samples / rate, of_times)
        wind_db = np.interp(strikes.seconds, times, -9.0 + 5.0 * strength + 5.0 * gust)
        gain = 10.0 ** (np.minimum(wind_db + 3.0 * strikes.normal(of_gains), 0.0) / 20.0)
        tube = (strikes.uniform(of_tubes) * len(TUNING)).astype(np.int64)

        onsets = strikes.onsets(samples, rate)
        fundamentals = _fundamental(params["chime_size_m"]) * TUNING
        fundamentals *= 1.0 + _DETUNE * of_tuning.standard_normal(len(TUNING))
        # many strikes that ring long are added up: a little less of each
        gain_of_all = _LEVEL * (3.0 / params["decay_sec"]) ** 0.35
        sound = np.zeros(samples, np.float32)
        for partials, power in ((slice(0, _LOW), 1.0), (slice(_LOW, None), 1.5)):
            tones = _tones(fundamentals, params["decay_sec"], partials, samples, rate)
            events.add(sound, onsets, (tones[i] for i in tube), gain_of_all * gain**power)
        return sound, onsets, {"velocity": velocities(gain)}


def _fundamental(length_m):
    """Lowest frequency of a tube, Hz."""
    return (BAR[0] / length_m) ** 2 / (2.0 * np.pi) * _SPEED_M_PER_S * _GYRATION_M


def _tones(fundamentals, decay_sec, partials, samples, rate):
    """What each tube sounds like, some of its partials: list of float32 arrays."""
    frequencies = fundamentals[:, None] * ((BAR / BAR[0]) ** 2)[partials]
    decays = np.log(1000.0) / decay_sec * np.sqrt(frequencies / fundamentals[0])
    gains = _GAINS[partials] * (frequencies < 0.5 * rate)
    poles = np.exp((-decays + 2j * np.pi * np.minimum(frequencies, 0.5 * rate)) / rate)
    lengths = np.minimum(events.ring_length(poles, _RING_DB).max(axis=1), samples)
    return [tone.astype(np.float32) for tone in events.ringing(-1j * gains, poles, lengths)]
