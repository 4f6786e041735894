"""When the events of a texture begin, and how many of them become one sound.

Conventions: times are seconds from the beginning of the long signal, rates events a second, unless a name
says otherwise. A *quantity* is a number, a :class:`sousa.generation.textures.values.Curve`, or a function
from seconds to values. Everything drawn is drawn event by event and in seconds: neither the sample rate nor
another parameter moves the draws of an event. Sounds are float arrays (samples,).

With L(t) the integral of the rate from 0 to t, evenly spaced events lie where L is a whole number plus a
phase. Working in L makes the number of events right on average for every rate, duration and curve.
"""

from dataclasses import dataclass

import numpy as np

from sousa.generation.textures import values

_GRID_SEC = 0.001  # a moving rate is integrated in steps of this length
_ALL_CHANCE = 1e6  # irregularity beyond which nothing changes: every event is anywhere
_NO_POLE = 1e-300  # as good as 0, with a logarithm
_BLOCK = 2**20  # numbers in the tables that are made at a time


@dataclass(frozen=True)
class Events:
    """When events begin.

    Attributes:
        seconds: float64 (events,), in order.
        number: int64 (events,): which draw is whose. Properties of events are drawn for all numbers and
            then taken with ``number``, so that an event keeps its own when others move or go.
        drawn: draws there are in all.
    """

    seconds: np.ndarray
    number: np.ndarray
    drawn: int

    def onsets(self, samples, rate):
        """The sample each event is placed at: int64 (events,), in order, below ``samples``."""
        # the tiny part keeps 0.7 * 10 = 6.999... at 7; a time at the very end may round to the end
        return np.minimum((self.seconds * rate + 1e-6).astype(np.int64), samples - 1)

    def normal(self, rng, *shape):
        """Normally distributed draws, mean 0 and deviation 1: float64 (events, *shape)."""
        return rng.standard_normal((self.drawn, *shape))[self.number]

    def uniform(self, rng, *shape):
        """Evenly distributed draws in 0 to 1: float64 (events, *shape)."""
        return rng.random((self.drawn, *shape))[self.number]


def per_second(rate_exp):
    """The published scale of rates, 2**rate_exp events/s, as a quantity."""
    return _mapped(lambda x: 2.0**x, rate_exp)


def scaled(quantity, factor):
    """A quantity times a number, as a quantity."""
    return _mapped(lambda value: factor * value, quantity)


def spread(irreg_exp):
    """Irregularity as published in code, 0.1 * x * 10**x mean gaps, as a quantity. Regular at 0."""
    return _mapped(lambda x: 0.1 * x * 10.0**x, irreg_exp)


def spread_documented(irreg_exp):
    """Irregularity as published in documentation, 0.04 * 10**x mean gaps, as a quantity."""
    return _mapped(lambda x: 0.04 * 10.0**x, irreg_exp)


def _mapped(function, quantity):
    """A function of a quantity, as a quantity."""
    if isinstance(quantity, values.Curve) or callable(quantity):
        return lambda seconds: function(_at(quantity, seconds))
    return function(quantity)


def _at(quantity, seconds):
    return np.asarray(quantity(seconds) if callable(quantity) else values.at(quantity, seconds), float)


def _clock(rate, duration_sec):
    """``(total, seconds_of)``: L at the end, and the function from L back to seconds."""
    if isinstance(rate, int | float):
        return rate * duration_sec, lambda passed: passed / rate
    grid = np.linspace(0.0, duration_sec, int(np.ceil(duration_sec / _GRID_SEC)) + 1)
    speed = _at(rate, grid)
    passed = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) * (0.5 * grid[1]))])
    return passed[-1], lambda wanted: np.interp(wanted, passed, grid)


def regular(rate, irregularity, duration_sec, rng, phase=None):
    """Events of a given rate, from evenly spaced to anywhere.

    Event i of n = ceil(L(end)) lies at L = (i + phase + irregularity * N(0, 1)) mod n, and is left out where
    that is past the end: over all phases L(end) events remain on average, to 0.1 % and for an irregularity
    that does not move.

    Args:
        rate: quantity, events/s, above 0.
        irregularity: quantity: standard deviation as a share of the mean gap; 0 is regular.
        duration_sec: length.
        rng: takes one draw for the phase, then one an event.
        phase: 0 to 1 in place of the drawn one, in gaps.

    Returns: :class:`Events`.
    """
    total, seconds_of = _clock(rate, duration_sec)
    own_phase = rng.random()
    # a total of 8.0000001 is the rounding of a duration to samples, not a ninth event
    count = max(1, int(np.ceil(total - min(1e-3, total / 1e3))))
    even = np.arange(count) + (own_phase if phase is None else phase) % 1.0
    deviation = np.minimum(_at(irregularity, seconds_of(np.minimum(even, total))), _ALL_CHANCE)
    place = (even + deviation * rng.standard_normal(count)) % count
    number = np.argsort(place, kind="stable")
    number = number[place[number] < total]
    return Events(seconds_of(place[number]), number, count)


def poisson(rate, duration_sec, rng):
    """Events that know nothing of each other: gaps in L are exponential with mean 1.

    Arguments are as in :func:`regular`; the rate may be 0. Returns: :class:`Events`.
    """
    total, seconds_of = _clock(rate, duration_sec)
    place = np.zeros(0)
    while not len(place) or place[-1] < total:
        more = 16 + int(1.1 * total)
        place = np.concatenate([place, place[-1:].sum() + np.cumsum(rng.standard_exponential(more))])
    count = int(np.searchsorted(place, total))
    return Events(seconds_of(place[:count]), np.arange(count), count)


def add(buffer, onsets, sounds, gains=None):
    """Add the sound of each event to ``buffer`` at its onset, by its gain; what reaches past the end is cut.

    ``sounds``: iterable of float arrays, one an event; they may be of different lengths.
    """
    gains = np.ones(len(onsets)) if gains is None else gains
    for onset, gain, sound in zip(onsets.tolist(), gains.tolist(), sounds, strict=True):
        place = buffer[onset : onset + len(sound)]
        place += gain * sound[: len(place)]


def soften(sound, rise, fall):
    """The sound with straight ramps of ``rise`` and ``fall`` samples at its ends, so that it does not click.

    It is changed in place; the first sample is not 0.
    """
    rise, fall = min(rise, len(sound) // 2), min(fall, len(sound) // 2)
    sound[:rise] *= (np.arange(rise) + 0.5) / max(rise, 1)
    sound[len(sound) - fall :] *= (np.arange(fall)[::-1] + 0.5) / max(fall, 1)
    return sound


def ringing(weights, poles, lengths):
    """Decaying oscillations, one sound an event: the sum over modes of Re(weight * pole**n), n = 0, 1, ...

    A damped sine A * exp(-t / tau) * sin(2 pi f t) sampled at t = n / rate has the weight -1j * A and the
    pole exp(-1 / (tau * rate) + 2j * pi * f / rate). With n = k * b + j, pole**n is a product of two short
    tables, so that a sound is one small product of matrices and hardly any exponentials are taken.

    Args:
        weights, poles: complex or real (events, modes).
        lengths: int (events,), samples.

    Yields: float64 (lengths[i],) for each event i.
    """
    if not len(lengths):
        return
    together = int(_BLOCK / (2 * weights.shape[1] * np.sqrt(lengths.max())))
    for first in range(0, len(lengths), max(1, together)):
        part = slice(first, first + max(1, together))
        width = int(np.ceil(np.sqrt(lengths[part].max())))
        height = -(-int(lengths[part].max()) // width)
        turn = np.log(np.where(poles[part] == 0, _NO_POLE, poles[part]).astype(complex))[..., None]
        fine = np.exp(turn * np.arange(width))
        coarse = weights[part][..., None] * np.exp(turn * (width * np.arange(height)))
        right = np.concatenate([fine.real, fine.imag], axis=1)
        left = np.concatenate([coarse.real, -coarse.imag], axis=1).transpose(0, 2, 1)
        for index, length in enumerate(lengths[part].tolist()):
            rows = -(-length // width)
            yield (left[index, :rows] @ right[index]).ravel()[:length]


def ring_length(poles, decay_db=96.0):
    """Samples until poles (of a size below 1) have fallen by ``decay_db``: int64 as ``poles``, at least 1."""
    nepers = np.asarray(decay_db) * np.log(10.0) / 20.0
    return np.maximum(1, np.ceil(nepers / -np.log(np.maximum(np.abs(poles), _NO_POLE)))).astype(np.int64)
