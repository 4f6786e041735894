"""Which velocities each of several recordings of one drum plays: from their file names, or from their levels.

Conventions
-----------
Velocities are 1-127. A *nominal* velocity is the one at which a drum was struck, so far as it is known: a
float. Levels are in dB. Recordings of one nominal velocity (round robins) are a *group*. A group plays the
velocities that are nearer to its own than to another's, and its recordings share them in order of level.

Where nothing else is known, loudness follows the usual curve of samplers, ``40 log10(velocity / 127)`` dB.
Kits with ranges are made for a player that makes their recordings louder in proportion to the velocity.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MODES = ("auto", "names", "levels")
MOST = 127  # layers: one for each velocity
_NUMBER = re.compile(r"(?<![a-z])(?:v|vel|velo|velocity|layer|lyr)[ _.-]?(\d{1,3})(?!\d)", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# as notation programs play them
_DYNAMICS = {"ppp": 16.0, "pp": 33.0, "p": 49.0, "mp": 64.0, "mf": 80.0, "f": 96.0, "ff": 112.0, "fff": 126.0}
_STRENGTHS = {
    "ghost": 20.0, "softest": 20.0, "soft": 40.0, "quiet": 40.0, "light": 40.0, "medium": 80.0, "med": 80.0,
    "mid": 80.0, "hard": 115.0, "loud": 115.0, "strong": 115.0, "hardest": 126.0, "loudest": 126.0,
}  # fmt: skip
_MOST_LAYER = 32  # what is larger is a velocity, unless the numbers are 1, 2, 3 and so on
_FALLING_DB = 6.0  # layers that fall by more are numbered from loud to soft
_EVEN_DB = 6.0  # recordings within this are of one dynamic, or were made equally loud
_LEAST_SHARE, _MOST_RANGE_DB = 0.25, 24.0


class UnnamedError(ValueError):
    """Names that don't say velocities; the text says which."""


@dataclass(frozen=True)
class Arrangement:
    """Recordings as the layers of a drum.

    Attributes:
        order: index of the recording of each layer, softest first.
        layer_of: (128,), index of the layer each velocity plays.
        level_db: (128,), level of each velocity.
        by: what it follows: ``names``, ``levels`` or ``ranges``.
    """

    order: list[int]
    layer_of: np.ndarray
    level_db: np.ndarray
    by: str


def usual_db(velocity: np.ndarray) -> np.ndarray:
    """Level of velocities against that of 127, where nothing else is known, in dB."""
    return 40.0 * np.log10(np.maximum(velocity, 1.0) / 127.0)


def arrange(
    names: Sequence[str],
    levels_db: Sequence[float],
    mode: str = "auto",
    ranges: Sequence[tuple[float, float]] | None = None,
) -> Arrangement:
    """Give recordings their velocities.

    Args:
        names: of the recordings, without suffix.
        levels_db: of the recordings.
        mode: one of MODES: ``auto`` goes by the names where they say it, and by the levels otherwise.
        ranges: lowest and highest velocity of each, 0 to 127, as a kit states them; they count as names.

    Returns: Arrangement; of more than MOST recordings it leaves some out.
    Raises: UnnamedError where names are asked for and don't say it.
    """
    levels = np.round(np.asarray(levels_db, float), 6)
    nominal, tops, by = None, None, "levels"
    if mode != "levels" and ranges is not None:
        nominal, by = np.array([(low + high) / 2 for low, high in ranges]), "ranges"
        tops = [
            max(h for (_, h), n in zip(ranges, nominal, strict=True) if n == v) for v in np.unique(nominal)
        ]
    elif mode != "levels":
        try:
            nominal, by = named(names, levels if mode == "auto" else None), "names"
        except UnnamedError:
            if mode == "names":
                raise
    if nominal is None:
        nominal = _of_levels(levels)
    order = sorted(range(len(names)), key=lambda i: (nominal[i], levels[i], names[i]))
    groups = np.unique(nominal)
    if tops is None:
        tops = [*((groups[1:] + groups[:-1]) / 2), 127.0]
    low, ends = 0.0, []
    for group, top in zip(groups, np.maximum.accumulate(tops), strict=True):
        size = int((nominal == group).sum())
        ends += [low + (top - low) * (i + 1) / size for i in range(size)]
        low = top
    if len(order) > MOST:
        kept = np.rint(np.linspace(0, len(order) - 1, MOST)).astype(int)
        order, ends = [order[i] for i in kept], [ends[i] for i in kept]
    layer_of = np.zeros(128, dtype=int)
    layer_of[1:] = np.searchsorted(_spread(ends), np.arange(1, 128))
    level_db = _curve(groups, np.array([levels[nominal == group].mean() for group in groups]), by)
    return Arrangement(order, layer_of, level_db, by)


def _of_levels(levels: np.ndarray) -> np.ndarray:
    """Nominal velocities by the usual curve; evenly spread where all are about equally loud."""
    if np.ptp(levels) < _EVEN_DB:
        return _of_ranks(levels)
    return np.maximum(127.0 * 10.0 ** ((levels - levels.max()) / 40.0), 1.0).round(6)


def _of_ranks(values: np.ndarray) -> np.ndarray:
    distinct, rank = np.unique(values, return_inverse=True)
    return ((rank + 0.5) * 127.0 / len(distinct)).round(6)


def _spread(ends: Sequence[float]) -> list[int]:
    """Highest velocities of layers as whole numbers: rising, one velocity at least for each, 127 the last."""
    tops = [round(float(end)) for end in ends]
    for i in range(len(tops)):
        tops[i] = max(tops[i], tops[i - 1] + 1 if i else 1)
    tops[-1] = 127
    for i in range(len(tops) - 2, -1, -1):
        tops[i] = min(tops[i], tops[i + 1] - 1)
    return tops


def _curve(groups: np.ndarray, levels: np.ndarray, by: str) -> np.ndarray:
    """Level of each velocity: through those of the groups, unless recordings were made equally loud."""
    every, usual = usual_db(np.arange(128.0)), usual_db(groups)
    rise, least = levels[-1] - levels[0], _LEAST_SHARE * min(usual[-1] - usual[0], _MOST_RANGE_DB)
    if by == "levels" or len(groups) == 1 or rise < least:
        return every + (levels[-1] - usual[-1])
    if by == "ranges":
        levels = levels + usual / 2
    between = np.interp(every, usual, np.maximum.accumulate(levels))
    below, above = np.minimum(every - usual[0], 0.0), np.maximum(every - usual[-1], 0.0)
    return between + below + above


def named(names: Sequence[str], levels: np.ndarray | None = None) -> np.ndarray:
    """Nominal velocities that names say: ``v064``, layer numbers, ``pp`` to ``ff``, ``soft`` to ``hard``.

    Args:
        names: without suffix.
        levels: in dB, where these may be followed as well: then numbers of layers that fall from loud to soft
            by more than 6 dB don't count, nor names that all say the same.

    Raises: UnnamedError where not all names say it in one way.
    """
    found = [
        [_number(name) for name in names],
        [_word(name, _DYNAMICS) for name in names],
        [_word(name, _STRENGTHS) for name in names],
    ]
    for number, values in enumerate(found):
        if None in values or (len(set(values)) < 2 and levels is not None):
            continue
        nominal = np.array(values, float)
        if number > 0:
            return nominal
        padded = any(len(text[-1]) == 3 for text in map(_NUMBER.findall, names))
        if not _layers(sorted({int(v) for v in nominal}), padded):
            if nominal.min() >= 1 and nominal.max() <= 127:
                return nominal
            continue
        if levels is not None:
            ends = [levels[nominal == end].mean() for end in (nominal.min(), nominal.max())]
            if ends[1] < ends[0] - _FALLING_DB:
                continue
        return _of_ranks(nominal)
    silent = [name for name, *said in zip(names, *found, strict=True) if said == [None] * len(found)]
    if silent:
        raise UnnamedError(f"{silent[0]!r} says no velocity")
    raise UnnamedError("the names say velocities in several ways, or none from 1 to 127")


def _layers(numbers: list[int], padded: bool) -> bool:
    """Whether numbers count layers; others are velocities."""
    counting = numbers[0] in (0, 1) and numbers[-1] - numbers[0] == len(numbers) - 1
    return counting or (numbers[-1] <= _MOST_LAYER and not padded)


def _number(name: str) -> float | None:
    numbers = _NUMBER.findall(name)
    return float(numbers[-1]) if numbers else None


def _word(name: str, known: dict[str, float]) -> float | None:
    """The value of the only word of a name that is known; words end at signs, digits and capitals."""
    values = {known[word.lower()] for word in _WORD.findall(name) if word.lower() in known}
    return values.pop() if len(values) == 1 else None
