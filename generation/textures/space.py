"""The points of parameter space that a corpus renders, and the split each of them is in.

Conventions: a *share* is 0 to 1 from one end of an axis to the other. Natural values have 12 significant
digits, so a point that two grids have in common is the same float in both. A setting's text ``draws`` names
everything that chance is drawn by, besides the corpus seed and the number of the example: synthesizer,
version and parameters, and neither labels, grid size, nor order. Moving parameters are in it by what the
configuration says of them.
"""

import itertools
import json
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sousa.generation import seeds
from sousa.generation.textures.values import Curve, between, share_of

TRAIN, VALIDATION, TEST = "train", "validation", "test"
RANDOM, INTERPOLATION, EXTRAPOLATION = "random", "interpolation", "extrapolation"
# a longer sequence of points begins with a shorter one; so do its splits, from this many settings on
PREFIX_METHODS = ("sobol", "random")
PREFIX_SETTINGS = 24
# straight lines in one cycle of a sine: at most 0.12 % of its height off
SINE_POINTS = 64


@dataclass(frozen=True, slots=True)
class Setting:
    """One point of a sound's parameter space.

    Attributes:
        sound: number of the sound in the configuration.
        index: of the setting in its sound.
        params: dict with a float or :class:`sousa.generation.textures.values.Curve` for every parameter of
            the synthesizer, in its order.
        user, natural: label and natural value of each axis.
        draws: see the module's conventions.
        split: train, validation or test.
        held_out: of test settings: random, interpolation, extrapolation.
    """

    sound: int
    index: int
    params: dict
    user: tuple
    natural: tuple
    draws: str
    split: str
    held_out: str | None


@lru_cache(maxsize=4)  # by value, so that a worker that gets a copy with each shard works them out once
def settings(config):
    """All settings of a configuration, sound by sound: tuple of :class:`Setting`."""
    sounds = enumerate(config.sounds)
    return tuple(setting for number, sound in sounds for setting in _of_sound(config, number, sound))


def count(sound):
    """How many settings a sound has; makes none of them."""
    if sound.method == "grid":
        return math.prod(axis.count for axis in sound.axes)
    return len(sound.points) if sound.method == "list" else sound.count


def rounded(value):
    """A value with 12 significant digits, and no negative zero."""
    return float(f"{value:.12g}") + 0.0


def _of_sound(config, number, sound):
    parameters = config.parameters[sound.synth]
    constant = {p.name: p.default for p in parameters} | {part.name: part.natural for part in sound.fixed}
    constant = {name: rounded(value) for name, value in constant.items()}
    curves = {part.name: _curve(part, config, "") for part in sound.moving if part.shape != "random"}
    wandering = [part for part in sound.moving if part.shape == "random"]
    axes = [axis.name for axis in sound.axes]
    replaced = {part.name: _description(part) for part in sound.moving} | dict(sound.drawn_as)
    maker = {"synth": sound.synth, "version": sound.synth_version}

    points = _points(config.seed, sound, parameters)
    swept = [dict(zip(axes, natural, strict=True)) for natural, _ in points]
    drawn_by = ({"params": {**constant, **values, **replaced}, **maker} for values in swept)
    texts = [json.dumps(coordinates, sort_keys=True) for coordinates in drawn_by]
    places = _divide(config, sound, [natural for natural, _ in points], texts)
    for index, ((natural, user), draws, place) in enumerate(zip(points, texts, places, strict=True)):
        drawn = {part.name: _curve(part, config, draws) for part in wandering}
        params = {**constant, **curves, **swept[index], **drawn}
        yield Setting(number, index, params, user, natural, draws, *place)


def _points(seed, sound, parameters):
    """``(natural, user)`` of every setting, each a tuple with a value an axis."""
    declared = {p.name: p for p in parameters}
    if sound.method == "list":
        columns = [_labelled(axis, [point[i] for point in sound.points]) for i, axis in enumerate(sound.axes)]
    else:
        shares = _shares(seed, sound)
        columns = [_at_shares(axis, share, declared) for axis, share in zip(sound.axes, shares, strict=True)]
    pairs = [list(zip(*column, strict=True)) for column in columns]
    if sound.method == "grid":
        points = itertools.product(*pairs)
    else:
        points = zip(*pairs, strict=True) if pairs else [()] * count(sound)
    return [(tuple(n for n, _ in point), tuple(u for _, u in point)) for point in points]


def _shares(seed, sound):
    """Shares of the points of each axis: float64, both ends on a grid, else drawn in [0, 1).

    A point of ``sobol`` and ``random`` does not depend on how many are asked for; one of
    ``latin_hypercube`` does, because each of the equal slices of an axis holds one point.
    """
    if sound.method == "grid":
        return [np.arange(axis.count) / max(axis.count - 1, 1) for axis in sound.axes]
    names, coordinates = [axis.name for axis in sound.axes], ("textures", sound.method, sound.synth)
    size = sound.count
    if sound.method == "sobol":
        shifts = [_uniform(seed, *coordinates, name) for name in names]
        return _sobol(shifts, size) if names else []
    if sound.method == "random":
        return [np.array([_uniform(seed, *coordinates, name, i) for i in range(size)]) for name in names]
    rngs = [seeds.stream(seed, *coordinates, name, size) for name in names]
    return [(rng.permutation(size) + rng.random(size)) / size for rng in rngs]


def _sobol(shifts, number):
    """Sobol points with a digital shift (0 to 1) of our own for each axis: float64 (axes, points).

    The shift is ours because scipy may change how it scrambles, never the sequence.

    Source: S. Joe and F. Y. Kuo, Constructing Sobol sequences with better two-dimensional projections,
    SIAM J. Sci. Comput. 30 (2008), whose direction numbers scipy has.
    """
    from scipy.stats import qmc  # slow to import

    bits = 52
    exponent = max(number - 1, 0).bit_length()
    points = qmc.Sobol(len(shifts), scramble=False, bits=bits).random_base2(exponent)[:number]
    shift = (np.array(shifts) * 2.0**bits).astype(np.uint64)
    return (((points * 2.0**bits).astype(np.uint64) ^ shift) / 2.0**bits).T


def _at_shares(axis, shares, declared):
    """``(natural, user)`` of an axis at shares: lists of floats."""
    if axis.values is not None:
        if len(shares) == axis.count:
            return _labelled(axis, axis.values)
        return _labelled(axis, [axis.values[int(share * len(axis.values))] for share in shares])
    natural = between(axis.minimum, axis.maximum, shares, axis.scale)
    # the last digit must not lead out of the declared range
    parameter = declared[axis.name]
    natural = [min(max(rounded(v), parameter.minimum), parameter.maximum) for v in natural.tolist()]
    if parameter.whole:
        return _labelled(axis, [round(value) for value in natural])
    return natural, natural if axis.is_natural else _labels(axis, shares)


def _labelled(axis, natural):
    """The same for natural values; a label is as far between its ends as the value is."""
    natural = [rounded(value) for value in natural]
    if axis.is_natural:
        return natural, natural
    if axis.minimum == axis.maximum:
        return natural, [axis.user_min] * len(natural)
    return natural, _labels(axis, share_of(axis.minimum, axis.maximum, np.array(natural), axis.scale))


def _labels(axis, shares):
    return [rounded(value) for value in between(axis.user_min, axis.user_max, np.asarray(shares)).tolist()]


def _curve(moving, config, draws):
    """The Curve of a parameter that moves; ``draws``: of the setting, for the shape random."""
    if moving.shape == "points":
        times, values = zip(*moving.points, strict=True)
        return Curve(times, tuple(rounded(value) for value in values), moving.scale)
    if moving.shape == "sine":
        share = np.linspace(0, 1, max(2, round(SINE_POINTS * moving.cycles) + 1))
        height = (1 + np.sin(2 * np.pi * moving.cycles * share)) / 2
    else:
        rng = seeds.stream(config.seed, "textures", "curve", moving.name, draws)
        share, height = np.linspace(0, 1, moving.count), rng.random(moving.count)
    low, high = moving.ends
    values = between(moving.minimum, moving.maximum, height, moving.scale).tolist()
    values = tuple(min(max(rounded(value), low), high) for value in values)
    return Curve(tuple((share * config.duration_sec).tolist()), values, moving.scale)


def _description(moving):
    """What a configuration says of a moving parameter; lengths of signals are no part of it."""
    ends = ("minimum", "maximum")
    fields = {"points": ("points",), "sine": (*ends, "cycles"), "random": (*ends, "count")}
    return {name: getattr(moving, name) for name in ("shape", "scale", *fields[moving.shape])}


def _divide(config, sound, naturals, texts):
    """``(split, held_out)`` of each setting of a sound.

    Boxes decide first, those of extrapolation before those of interpolation; the rest is divided by a
    uniform number of each setting's own.
    """
    splits = config.splits
    extrapolation = [held for box in splits.extrapolation if (held := in_box(box, sound))]
    interpolation = [held for box in splits.interpolation if (held := in_box(box, sound))]
    places, free = [None] * len(texts), []
    for i, (natural, draws) in enumerate(zip(naturals, texts, strict=True)):
        if any(held(natural) for held in extrapolation):
            places[i] = (TEST, EXTRAPOLATION)
        elif any(held(natural) for held in interpolation) or (
            splits.interpolation_share
            and inside(sound, natural)
            and _uniform(config.seed, "textures", "interpolation", draws) < splits.interpolation_share
        ):
            places[i] = (TEST, INTERPOLATION)
        else:
            free.append((_uniform(config.seed, "textures", "split", draws), i))
    prefix = sound.method in PREFIX_METHODS and len(texts) >= PREFIX_SETTINGS
    window = [(number, i) for number, i in free if not prefix or i < PREFIX_SETTINGS]
    limits = {TEST: splits.test, VALIDATION: splits.test + splits.validation}
    for number, i in free:
        split = next((split for split, limit in limits.items() if number < limit), TRAIN)
        places[i] = (split, RANDOM if split == TEST else None)
    for i, place in _none_empty(splits, sorted(window)):
        places[i] = place
    return places


def _uniform(seed, *coordinates):
    return seeds.uniforms(seed, 1, *coordinates)[0]


def _none_empty(splits, ordered):
    """Places of settings in order of their numbers, so that no split that is asked for is empty.

    A split without a setting takes the one whose number is nearest. Of one or two settings all are train.
    """
    if len(ordered) < 3:
        return [(i, (TRAIN, None)) for _, i in ordered]
    test = sum(number < splits.test for number, _ in ordered)
    both = sum(number < splits.test + splits.validation for number, _ in ordered)
    wanted = int(splits.validation > 0)
    test = min(max(test, int(splits.test > 0)), len(ordered) - 1 - wanted)
    both = min(max(both, test + wanted), len(ordered) - 1)
    return [
        (i, (TEST, RANDOM) if n < test else (VALIDATION if n < both else TRAIN, None))
        for n, (_, i) in enumerate(ordered)
    ]


def in_box(box, sound):
    """A test of natural values for a box, or None when the sound does not sweep all its parameters."""
    axes = [axis.name for axis in sound.axes]
    if not all(name in axes for name, _, _ in box):
        return None
    sides = [(axes.index(name), lowest, highest) for name, lowest, highest in box]
    return lambda natural: all(lowest <= natural[i] <= highest for i, lowest, highest in sides)


def inside(sound, natural):
    """Whether a point is strictly between the ends of every axis; not without axes."""
    ends = [axis.ends for axis in sound.axes]
    return bool(ends) and all(low < value < high for (low, high), value in zip(ends, natural, strict=True))
