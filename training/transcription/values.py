"""What note values show a length of time, so that beats and the middle of a bar can be seen."""

from functools import cache
from typing import NamedTuple

from sousa.training.transcription import TICKS
from sousa.training.transcription.metres import Beats, is_compound

_TYPES = ("whole", "half", "quarter", "eighth", "16th", "32nd", "64th")


class Value(NamedTuple):
    """A note value: ``actual`` of a tuplet take the time of ``normal``."""

    name: str
    dots: int
    actual: int
    normal: int

    @property
    def flags(self) -> int:
        """How many flags or beams it has."""
        return max(_TYPES.index(self.name) - _TYPES.index("quarter"), 0)


@cache
def values() -> dict[int, Value]:
    """Lengths in ticks that one note can have, those of tuplets last."""
    out: dict[int, Value] = {}
    for actual, normal in ((1, 1), (3, 2), (5, 4), (7, 4)):
        for power, name in enumerate(_TYPES):
            for dots in (0, 1, 2) if actual == 1 else (0,):
                numerator = 4 * TICKS * normal * (2 ** (dots + 1) - 1)
                length, rest = divmod(numerator, actual * 2**power * 2**dots)
                if not rest and length not in out:
                    out[length] = Value(name, dots, actual, normal)
    return out


def pieces(begin: int, end: int, beats: Beats, rest: bool = False) -> list[int]:
    """Lengths of the notes, tied, or of the rests that fill a bar from one tick of it to another.

    A note is one if it can be, except that it may not hide the middle of a bar of four beats, nor a beat
    when it begins off the beat; the usual syncopations excepted. Rests show every beat.
    """
    if begin >= end:
        return []
    if _is_clear(begin, end, beats, rest):
        return [end - begin]
    at = _cut(begin, end, beats, rest)
    if not begin < at < end:  # shorter than every note
        return [end - begin]
    return pieces(begin, at, beats, rest) + pieces(at, end, beats, rest)


def _is_clear(begin: int, end: int, beats: Beats, rest: bool) -> bool:
    """Whether one note or rest can be written."""
    length, beat, bar = end - begin, beats.beat_ticks, beats.bar_ticks
    value, compound = values().get(length), is_compound(beats.metre)
    if value is None:
        return False
    if begin // beat == (end - 1) // beat:
        return not rest or length == beat or (begin % beat % length == 0 and not value.dots)
    if value.actual > 1:
        return False
    if _middle(begin, end, beats) and begin % bar and (rest or begin % beat or begin + end != bar):
        return False
    if begin % beat:
        return not (rest or compound) and length == beat and begin % beat * 2 == beat
    if rest:
        return length == 2 * beat and begin % length == 0 and beats.per_bar % 2 == 0
    return not (compound and length % beat)


def _middle(begin: int, end: int, beats: Beats) -> int:
    """The middle of a bar of four beats, if it is in between; else 0."""
    half = beats.bar_ticks // 2
    return half if beats.per_bar == 4 and begin < half < end else 0


def _cut(begin: int, end: int, beats: Beats, rest: bool) -> int:
    """Where what one note can't show is divided: at the middle, a beat, or inside a beat."""
    beat, length = beats.beat_ticks, end - begin
    if begin // beat != (end - 1) // beat:
        if (half := _middle(begin, end, beats)) and begin:
            return half
        first, last = begin + beat - begin % beat, end - (end % beat or beat)
        return first if begin % beat or rest or last <= begin else last
    for parts in _grid(begin, end, beats):
        step = beat // parts
        first, last = begin + step - begin % step, end - (end % step or step)
        if first < end:
            return first if begin % step or rest else last
    return begin + max((v for v in values() if v < length), default=0)


def _grid(begin: int, end: int, beats: Beats) -> tuple[int, ...]:
    """The divisions of a beat, each finer than the one before, that two places are on."""
    beat = beats.beat_ticks
    for first in (3, 2, 5, 7) if is_compound(beats.metre) else (2, 3, 5, 7):
        grid = tuple(first << k for k in range(5) if beat % (first << k) == 0)
        if not (begin * grid[-1] % beat or end * grid[-1] % beat):
            return grid
    return ()
