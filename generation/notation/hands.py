"""Which hand plays each note, where nothing says so.

Notes that begin together are cut in two, the upper ones for the right hand. Where, is what costs the hands
least over the whole piece: stretches wider than an octave, ways from one chord to the next in little time,
notes that another hand is holding, and keys far on the other hand's side. The cheapest of the ways that are
kept after each chord is found by a beam search.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

RIGHT, LEFT = 0, 1
_BEAM = 24
_TOGETHER = 0.03  # of the unit of time: onsets that are one chord
_COMFORTABLE, _WIDEST, _FINGERS = 12, 17, 5
_REST = {RIGHT: 69.0, LEFT: 50.0}  # where hands lie that have not played
_MIDDLE = 60.0


@dataclass(frozen=True)
class _Hand:
    """Where a hand is: the middle of its last chord, and the keys it holds, from when until when."""

    middle: float
    low: float
    high: float
    until: float
    since: float


def split(onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Hands of notes.

    Args:
        onset, offset: of each note; notes in order of onset. In quarter notes, or in seconds.
        pitch: of each note.

    Returns: int8 (notes,), RIGHT or LEFT.
    """
    onset, offset = np.asarray(onset, dtype=np.float64), np.asarray(offset, dtype=np.float64)
    hands = np.zeros(len(onset), dtype=np.int8)
    if not len(onset):
        return hands
    starts = np.flatnonzero(np.diff(onset, prepend=-np.inf) > _TOGETHER)
    chords = np.split(np.arange(len(onset)), starts[1:])
    chords = [chord[np.argsort(pitch[chord], kind="stable")] for chord in chords]
    begin = tuple(_Hand(_REST[hand], _REST[hand], _REST[hand], -np.inf, -np.inf) for hand in (RIGHT, LEFT))
    # cost, hands, and the steps before: how many notes are for the left, and the step before that
    ways: list[tuple[float, tuple[_Hand, ...], Any]] = [(0.0, begin, None)]
    for chord in chords:
        now, keys, ends = onset[chord[0]], pitch[chord], offset[chord]
        following: dict[Any, tuple[float, tuple[_Hand, ...], Any]] = {}
        for cost, (right, left), before in ways:
            for count in range(len(chord) + 1):
                right_cost, next_right = _played(right, RIGHT, keys[count:], ends[count:], now, left)
                left_cost, next_left = _played(left, LEFT, keys[:count], ends[:count], now, right)
                total, state = cost + right_cost + left_cost, (next_right, next_left)
                if state not in following or total < following[state][0]:
                    following[state] = (total, state, (count, before))
        ways = sorted(following.values(), key=lambda way: way[0])[:_BEAM]
    step = ways[0][2]
    for chord in reversed(chords):
        count, step = step
        hands[chord[:count]] = LEFT
    return hands


def _played(
    hand: _Hand, which: int, keys: np.ndarray, ends: np.ndarray, now: float, other: _Hand
) -> tuple[float, _Hand]:
    """``(cost, hand)`` of playing keys, rising, with a hand."""
    if not len(keys):
        return 0.0, hand
    low, high, count = float(keys[0]), float(keys[-1]), len(keys)
    held = hand.until > now + _TOGETHER
    lowest, highest = (min(low, hand.low), max(high, hand.high)) if held else (low, high)
    width = highest - lowest
    cost = 0.5 * max(width - _COMFORTABLE, 0.0) + (20.0 if width > _WIDEST else 0.0)
    cost += 10.0 * max(count - _FINGERS, 0)
    middle = (low + high) / 2
    beyond = (_MIDDLE - middle) if which == RIGHT else (middle - _MIDDLE)
    cost += 0.08 * count * max(beyond, 0.0)
    # a way is harder the less time there is for it
    pause = min(max(now - hand.since, 0.1), 2.0)
    cost += 0.12 * max(abs(middle - hand.middle) - 3.0, 0.0) / (0.5 + pause)
    if other.until > now + _TOGETHER:  # into or across what the other holds
        cost += 1.5 if (low <= other.high if which == RIGHT else high >= other.low) else 0.0
    until = max(float(ends.max()), hand.until if held else -np.inf)
    return cost, _Hand(middle, lowest if held else low, highest if held else high, until, now)
