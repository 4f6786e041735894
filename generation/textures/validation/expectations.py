"""What the parameters of the built-in synthesizers promise of their sound: how many events, and what pitch.

Conventions: ``natural`` is a dict of a row's natural values by parameter; one that moves is not in it.
Rates are events a second, frequencies Hz. A synthesizer that nothing is known of promises only what the
units of its parameters say.
"""

import math

import numpy as np

from sousa.generation.textures.memory import UNITS

# by how much a long signal's own mean rate differs from the promised one, as a share
RATE_SPREAD = {"applause": 0.1}


def rate_parameter(synth):
    """``(parameter, function from its natural values to events/s)`` of a synthesizer, or None."""
    found = [p for p in synth.parameters if p.unit in UNITS]
    return (found[0], UNITS[found[0].unit]) if len(found) == 1 else None


def rate_factor(synth_name, natural):
    """What the parameter's rate is multiplied by to have that of all events; None when it moves."""
    if synth_name != "applause":
        return 1.0
    clappers = natural.get("num_clappers")  # the rate is that of each
    return None if clappers is None else float(np.ceil(clappers))


def _pop(cf, Q):
    # less than this, and what is heard is hardly a pitch; each pop is about a semitone off
    return (cf, cf) if Q >= 5 else None


def _grains(cf_exp, cfrangeocts, nocts, cfsd):
    middle = 440.0 * 2.0**cf_exp
    octaves = cfrangeocts / 2 + abs(nocts) / 2 + cfsd / 6
    return middle * 2.0**-octaves, middle * 2.0**octaves


def _fm(carrier_hz, modulator_hz, index):
    # lines at negative frequencies would be heard at their absolute value, and move the middle
    reach = modulator_hz * (index + 2.7 * index ** (1 / 3) + 2.0)
    return (carrier_hz, carrier_hz) if reach < carrier_hz else None


FEWEST_CYCLES = 40  # in a shorter row, lines of the spectrum are too wide to tell a pitch by
MOST_SAMPLES = 2**21  # that a pitch is worked out of
# synthesizer: (function of parameters giving (lowest, highest) Hz or None, what is measured, the parameters,
# median distance in semitones that is allowed, deviation of rows in semitones)
CENTRES = {
    "pop": (_pop, "peak", ("cf", "Q"), 0.8, 1.0),
    "pop_documented": (_pop, "peak", ("cf", "Q"), 0.8, 1.0),
    "drip": (lambda cf, sweep: (cf, cf + sweep), "peak", ("cf", "sweep"), 0.5, 0.5),
    "grains": (_grains, "peak", ("cf_exp", "cfrangeocts", "nocts", "cfsd"), 0.5, 0.5),
    "pistons": (lambda cf: (cf, cf), "peak", ("cf",), 1.0, 1.0),
    "fm": (_fm, "middle", ("carrier_hz", "modulator_hz", "index"), 0.2, 0.0),
}


def centre_error(synth_name, natural, pcm, rate):
    """How far the pitch of a row is from where its parameters put it.

    Returns: semitones, found - promised, 0 inside a promised range; None where nothing is promised, or the
        row is too short to tell.
    """
    if synth_name not in CENTRES:
        return None
    promised, how, needed, *_ = CENTRES[synth_name]
    bounds = promised(*map(natural.get, needed)) if natural.keys() >= set(needed) else None
    if bounds is None or bounds[1] > 0.4 * rate or not pcm.any():
        return None
    if bounds[0] * len(pcm) / rate < FEWEST_CYCLES:
        return None
    pcm = pcm[:MOST_SAMPLES]
    size = 1 << (len(pcm) - 1).bit_length()
    shape = np.hanning(len(pcm)).astype(np.float32)
    power = np.abs(np.fft.rfft(pcm * shape, size)) ** 2
    if how == "peak":  # the highest bin above 20 Hz
        first = max(1, 20 * size // rate)
        hz = (first + int(np.argmax(power[first:]))) * rate / size
    else:  # the mean frequency of the power
        hz = float(power @ np.arange(len(power)) / power.sum()) * rate / size
    return 12.0 * math.log2(hz / min(max(hz, bounds[0]), bounds[1]))
