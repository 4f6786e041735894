"""Which hand plays each note, where nothing says so.

Notes that begin together, in a span of no more than _SPREAD, are cut in two, the upper ones for the right
hand. Where, is what costs the hands
least over the whole piece: stretches wider than an octave, ways from one chord to the next in little time,
notes that another hand is holding, and keys far on the other hand's side. The cheapest of the ways that are
kept after each chord is found by a beam search.
"""

from typing import Any, NamedTuple

import numpy as np

RIGHT, LEFT = 0, 1
_BEAM = 24
_TOGETHER = 0.03  # of the unit of time: onsets that are one chord
_SPREAD = 0.12  # from the first onset of a chord to its last: otherwise dense notes would be one chord
_COMFORTABLE, _WIDEST, _FINGERS = 12, 17, 5
_REST = {RIGHT: 69.0, LEFT: 50.0}  # where hands lie that have not played
_MIDDLE = 60.0


class _Hand(NamedTuple):
    """Where a hand is: the middle of its last chord, and the keys it holds, from when until when."""

    middle: float
    low: float
    high: float
    until: float
    since: float


# what a part of a chord costs a hand, its lowest and highest key, and where the hand is after it
_Played = tuple[float, float, float, _Hand]


def split(onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Hands of notes, in time proportional to their number.

    Args:
        onset, offset: of each note; notes in order of onset. In quarter notes, or in seconds.
        pitch: of each note.

    Returns: int8 (notes,), RIGHT or LEFT.
    """
    onset, offset = np.asarray(onset, dtype=np.float64), np.asarray(offset, dtype=np.float64)
    hands = np.zeros(len(onset), dtype=np.int8)
    if not len(onset):
        return hands
    chords = np.split(np.arange(len(onset)), _starts(onset.tolist())[1:])
    chords = [chord[np.argsort(pitch[chord], kind="stable")] for chord in chords]
    begin = tuple(_Hand(_REST[hand], _REST[hand], _REST[hand], -np.inf, -np.inf) for hand in (RIGHT, LEFT))
    # cost, hands, and the steps before: how many notes are for the left, and the step before that
    ways: list[tuple[float, tuple[_Hand, ...], Any]] = [(0.0, begin, None)]
    for chord in chords:
        now, keys, ends = float(onset[chord[0]]), pitch[chord].astype(float).tolist(), offset[chord]
        last = [np.maximum.accumulate(ends[::-1])[::-1].tolist(), np.maximum.accumulate(ends).tolist()]
        played: dict[tuple[int, _Hand], list[_Played | None]] = {}
        following: dict[Any, tuple[float, tuple[_Hand, ...], Any]] = {}
        for cost, (right, left), before in ways:
            for which, hand in ((RIGHT, right), (LEFT, left)):
                if (which, hand) not in played:
                    played[which, hand] = _all_played(hand, which, keys, last[which], now)
            rights, lefts = played[RIGHT, right], played[LEFT, left]
            right_holds, left_holds = right.until > now + _TOGETHER, left.until > now + _TOGETHER
            for count, (for_right, for_left) in enumerate(zip(rights, lefts, strict=True)):
                right_cost, next_right, left_cost, next_left = 0.0, right, 0.0, left
                # into or across what the other holds
                if for_right is not None:
                    right_cost, low, _, next_right = for_right
                    right_cost += 1.5 if left_holds and low <= left.high else 0.0
                if for_left is not None:
                    left_cost, _, high, next_left = for_left
                    left_cost += 1.5 if right_holds and high >= right.low else 0.0
                total, state = cost + right_cost + left_cost, (next_right, next_left)
                if state not in following or total < following[state][0]:
                    following[state] = (total, state, (count, before))
        ways = sorted(following.values(), key=lambda way: way[0])[:_BEAM]
    step = ways[0][2]
    for chord in reversed(chords):
        count, step = step
        hands[chord[:count]] = LEFT
    return hands


def _starts(onsets: list[float]) -> list[int]:
    """Where each chord begins."""
    out = [0]
    for i in range(1, len(onsets)):
        if onsets[i] - onsets[i - 1] > _TOGETHER or onsets[i] - onsets[out[-1]] > _SPREAD:
            out.append(i)
    return out


def _all_played(
    hand: _Hand, which: int, keys: list[float], last: list[float], now: float
) -> list[_Played | None]:
    """What each cut of a chord is for a hand, by the number of notes for the left; None where it has none.

    Args:
        keys: rising.
        last: where the keys from each on, or up to each for the left hand, have ended.
    """
    size = len(keys)
    if which == RIGHT:
        return [*(_played(hand, which, keys[i], keys[-1], size - i, last[i], now) for i in range(size)), None]
    return [None, *(_played(hand, which, keys[0], keys[i], i + 1, last[i], now) for i in range(size))]


def _played(hand: _Hand, which: int, low: float, high: float, count: int, end: float, now: float) -> _Played:
    """Playing ``count`` keys with a hand."""
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
    until = max(end, hand.until if held else -np.inf)
    return cost, low, high, _Hand(middle, lowest, highest, until, now)
