"""What players do that is not written: strokes left out, added, displaced, or struck by the other hand.

Conventions
-----------
The kinds, what they mean and how often they are made are data: ``mistakes.toml``. A mistake is decided for
a primary stroke from draws of its own, so that a take without mistakes is the same take in all else.
``KINDS`` numbers the kinds from 1; 0 is no mistake. A stroke carries one kind: of several the one that is
later in ``_ORDER``. Rates follow the tier, the player's ``mistake_ratio``, the strain of the tempo, and
bursts.

The first primary of a take and the last are always played: a take begins and ends where it is written.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation.seeds import stream

LEVELS = ("as_played", "few", "none")
TABLE_FILE = Path(__file__).with_name("mistakes.toml")

_WIDTH = 16  # uniform draws of a primary
_ORDER = ("wrong_hand", "tempo_lapse", "hesitation", "missing_accent", "misplaced_accent", "collapsed_diddle")
_RUN_MEAN = 5.0  # strokes with exchanged hands
_RUN_LONGEST = 16
_LATE_SHARE, _LATE_MOST_MS = (0.45, 1.0), 240.0  # a hesitation, of the time to the stroke before
_CATCH_UP = 0.55  # what is left of it with each stroke
_LEAST_LATE_MS = 12.0  # what is less is no mistake any more
_LAPSE_STROKES, _LAPSE_SHARE, _LAPSE_MOST_MS = (8, 20), (0.30, 0.70), 130.0
_STOP_BEATS = 1.0  # at least this much is left out
_CLEAR_MS = 12.0  # an added stroke stays this far from the next one
_DOUBLE_MS, _TOUCH_SHARE = (48.0, 95.0), (0.30, 0.75)


@cache
def table() -> dict[str, Any]:
    """``mistakes.toml`` as plain data."""
    return tomllib.loads(TABLE_FILE.read_text(encoding="utf-8"))


KINDS = ("", *table()["kinds"])  # the number of a kind is its index
LEFT_OUT = tuple(kind for kind, row in table()["kinds"].items() if row["written"] == "left out")
HEARD = tuple(kind for kind in KINDS[1:] if kind not in LEFT_OUT)


def number(kind: str) -> int:
    """Number of a kind."""
    return KINDS.index(kind)


@dataclass
class Mistakes:
    """What goes wrong at the P primaries of a batch.

    Attributes:
        omitted: int8 (P,), kind for which the primary and its graces are left out, else 0.
        graces: int8 (P,), kind of what happens to its graces alone, else 0.
        added: int8 (P,), kind of a stroke that is added after it, else 0.
        swapped: bool (P,), the hands are exchanged.
        accent: bool (P,), played as an accent.
        collapsed: bool (P,), second strokes of diddles that come too soon.
        delay_ms: float64 (P,), displacement by hesitations and lapses of tempo.
        kind: int8 (P,), what is wrong with the primary as it is played, else 0.
        draw: float64 (P, 2), uniform: place and loudness of an added stroke.
    """

    omitted: np.ndarray
    graces: np.ndarray
    added: np.ndarray
    swapped: np.ndarray
    accent: np.ndarray
    collapsed: np.ndarray
    delay_ms: np.ndarray
    kind: np.ndarray
    draw: np.ndarray


def plan(p: Any, trait: dict[str, np.ndarray], strain: np.ndarray) -> Mistakes:
    """Decide the mistakes of a batch.

    Args:
        p: primaries of :mod:`sousa.generation.rudiments.performance`, with the hands as written.
        trait: one value a take for each dimension of its player.
        strain: float64 (T,), 0 at the slow end of the player's range to 1 at its top.
    """
    count = len(p.take)
    out = Mistakes(
        *(np.zeros(count, np.int8) for _ in range(3)), np.zeros(count, bool), p.accent.copy(),
        np.zeros(count, bool), np.zeros(count), np.zeros(count, np.int8), np.zeros((count, 2)),
    )  # fmt: skip
    prone = [i for i, take in enumerate(p.takes) if take.mistakes != "none"]
    if not prone:
        return out
    draws = np.ones((count, _WIDTH))
    for i in prone:
        take = p.takes[i]
        name = (take.player.index, take.form.form, take.tempo_index)
        rows = slice(p.start[i], p.start[i + 1])
        draws[rows] = stream(take.seed, "rudiments", "mistakes", *name).random((p.count[i], _WIDTH))
    rate = _Rates(p, trait, strain, draws[:, 0], draws[:, 1])
    first, last = np.zeros(count, bool), np.zeros(count, bool)
    first[p.start[:-1]] = last[p.start[1:] - 1] = True
    inner, marks = ~(first | last), {}

    marks["wrong_hand"] = out.swapped = _runs(p, ~first & (draws[:, 2] < rate("wrong_hand")), draws[:, 3])
    late = _hesitations(p, ~first & (draws[:, 4] < rate("hesitation")), draws[:, 5])
    lapse = _lapses(p, inner & (draws[:, 6] < rate("tempo_lapse")), draws[:, 7])
    out.delay_ms = late + lapse
    marks["hesitation"] = np.abs(late) >= _LEAST_LATE_MS
    marks["tempo_lapse"] = np.abs(lapse) >= _LEAST_LATE_MS
    moved = _accents(p, out, draws[:, 8], draws[:, 9], rate("misplaced_accent"))
    missed = p.accent & ~moved & (draws[:, 8] > 1.0 - trait["accent_miss_rate"][p.take] * rate.level)
    out.accent &= ~missed
    marks["missing_accent"] = p.accent & ~out.accent
    marks["misplaced_accent"] = out.accent & ~p.accent
    out.omitted[inner & (draws[:, 11] < rate("omission"))] = number("omission")
    out.omitted[_stops(p, inner & (draws[:, 12] < rate("stop")))] = number("stop")
    # a bounce comes from the first stroke of the pair, which must be there
    from_first = ~first & (p.before(out.omitted, 0) == 0) & ~(p.accent | out.accent)
    out.collapsed = (p.diddle == 2) & from_first & (draws[:, 10] < rate("collapsed_diddle"))
    marks["collapsed_diddle"] = out.collapsed
    for kind in _ORDER:
        out.kind[marks[kind]] = number(kind)

    flat = (p.graces == 1) & (draws[:, 13] > 1.0 - rate("flat_grace"))
    dropped = (p.graces > 0) & (draws[:, 13] < rate("dropped_grace"))
    out.graces[flat], out.graces[dropped] = number("flat_grace"), number("dropped_grace")
    # what would be added after a stroke that is not there is not added either
    free = ~p.buzz & (out.omitted == 0) & ~last
    out.added[free & (draws[:, 14] < rate("double"))] = number("double")
    out.added[free & (draws[:, 14] > 1.0 - rate("touch"))] = number("touch")
    # two more numbers of the same draws, which are uniform again inside their range
    out.draw = np.stack([draws[:, 15], (draws[:, 15] * 1024.0) % 1.0], axis=1)
    return out


class _Rates:
    """Probability of each kind at each primary."""

    def __init__(self, p, trait, strain, burst_draw, length_draw):
        few = table()["few"]
        level = np.array([{"as_played": 1.0, "few": few, "none": 0.0}[take.mistakes] for take in p.takes])
        bursts = table()["bursts"]
        length = _geometric(length_draw, bursts["mean_strokes"])
        inside = _covered(p, burst_draw < bursts["start"], length)
        share = min(bursts["start"] * bursts["mean_strokes"], 0.5)
        calm = 1.0 / (1.0 + share * (bursts["factor"] - 1.0))
        self.level = level[p.take]
        self.tier = np.array([take.player.tier for take in p.takes])[p.take]
        self.strain = strain[p.take] - 0.5
        self.common = self.level * trait["mistake_ratio"][p.take] * calm
        self.common = self.common * np.where(inside, bursts["factor"], 1.0)

    def __call__(self, kind: str) -> np.ndarray:
        row = table()["kinds"][kind]
        rate = np.array(row["rate"])[self.tier] * np.exp(row["strain"] * self.strain) * self.common
        return np.minimum(rate, 0.45)


def _geometric(draw, mean):
    """Whole lengths from 1 on with this mean, out of uniform draws."""
    return 1 + np.floor(np.log1p(-draw * 0.999) / np.log(1.0 - 1.0 / mean))


def _covered(p, begins, length):
    """Primaries within ``length`` strokes of a beginning, in its take: bool (P,)."""
    index = np.arange(len(p.take))
    end = np.where(begins, np.minimum(index + length, p.start[p.take + 1]), 0)
    return np.maximum.accumulate(end) > index


def _runs(p, begins, draw):
    """Primaries with exchanged hands: runs of a geometric length."""
    return _covered(p, begins, np.minimum(_geometric(draw, _RUN_MEAN), _RUN_LONGEST))


def _hesitations(p, begins, draw):
    """How late each primary is by them, in ms."""
    low, high = _LATE_SHARE
    out = np.zeros(len(p.take))
    for i in np.flatnonzero(begins).tolist():
        late = min((low + (high - low) * draw[i]) * p.slot_ms[i], _LATE_MOST_MS)
        for j in range(i, int(p.start[p.take[i] + 1])):
            if late < 1.0:
                break
            out[j] = max(out[j], late)
            late *= _CATCH_UP
    return out


def _lapses(p, begins, draw):
    """How far each primary is carried off by lapses of tempo, in ms: there and back on straight lines."""
    out = np.zeros(len(p.take))
    for i in np.flatnonzero(begins).tolist():
        end = int(p.start[p.take[i] + 1])
        # a second number out of the draw
        share, sign = (draw[i] * 64.0) % 1.0, -1.0 if draw[i] < 0.5 else 1.0
        size = min(_LAPSE_STROKES[0] + int(share * (_LAPSE_STROKES[1] - _LAPSE_STROKES[0])), end - i)
        most = _LAPSE_SHARE[0] + (_LAPSE_SHARE[1] - _LAPSE_SHARE[0]) * ((draw[i] * 4096.0) % 1.0)
        peak = min(most * p.slot_ms[i], _LAPSE_MOST_MS)
        step = (np.arange(size) + 1.0) / (size + 1.0)
        out[i : i + size] += sign * peak * (1.0 - np.abs(2.0 * step - 1.0))
    return out


def _accents(p, out, draw, side, rate):
    """Move accents to a stroke beside them, in ``out.accent``; returns those that were moved."""
    moved = np.zeros(len(p.take), bool)
    for i in np.flatnonzero(p.accent & (draw < rate)).tolist():
        for j in (i - 1, i + 1) if side[i] < 0.5 else (i + 1, i - 1):
            inside = p.start[p.take[i]] <= j < p.start[p.take[i] + 1]
            if inside and not p.accent[j] and not out.accent[j] and not p.buzz[j]:
                out.accent[i], out.accent[j], moved[i] = False, True, True
                break
    return moved


def _stops(p, begins):
    """Primaries that stops leave out: to the next bar or cycle that begins a beat later or more."""
    out = np.zeros(len(p.take), bool)
    for i in np.flatnonzero(begins).tolist():
        take = p.takes[p.take[i]]
        end = int(p.start[p.take[i] + 1])
        bar, cycle = float(take.form.bar_beats), float(take.form.cycle_beats)
        earliest = p.beat[i] + _STOP_BEATS
        again = min(-(-earliest // unit) * unit for unit in (bar, cycle))
        later = np.flatnonzero(p.beat[i:end] >= again - 1e-9)
        if len(later):  # the take ends before: nobody would hear where it went on
            out[i : i + int(later[0])] = True
    return out


def added_ms(p: Any, mistakes: Mistakes, time_ms: np.ndarray, free_ms: np.ndarray) -> np.ndarray:
    """Time after its primary of each added stroke, in ms; 0 where there is none, or no room for one.

    Args:
        time_ms: float64 (P,), primaries as played.
        free_ms: float64 (P,), when the next stroke comes, whatever it is.
    """
    low, high = _DOUBLE_MS
    double = low + (high - low) * mistakes.draw[:, 0]
    low, high = _TOUCH_SHARE
    room = free_ms - time_ms
    touch = (low + (high - low) * mistakes.draw[:, 0]) * np.where(np.isfinite(room), room, 0.0)
    at = np.select(
        [mistakes.added == number("double"), mistakes.added == number("touch")], [double, touch], 0.0
    )
    return np.where((at >= _CLEAR_MS) & (at <= room - _CLEAR_MS), at, 0.0)


def described(kinds: Sequence[str] = KINDS[1:]) -> list[tuple[str, str, str]]:
    """``(kind, meaning, opportunity)`` of kinds, for documents."""
    rows = table()["kinds"]
    return [(kind, rows[kind]["meaning"], rows[kind]["per"]) for kind in kinds]
