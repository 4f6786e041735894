"""Which form is played, with which lead hand, at what tempo, and where in the figure the strokes are.

Conventions
-----------
A hidden Markov model for each form: its states are the places of a cycle, and a primary stroke that is heard
moves on by one place, by two or three (strokes were left out), or not at all (it is unintended); at a price
it goes on anywhere. A move costs what the time since the stroke before differs from what is written at that
tempo, by a distribution with long tails, so that one hesitation does not decide. A stroke costs what is
improbable about its accent, its hand, its graces and its bounces. All tempi and both lead hands are compared
at once (Viterbi). Then every place of the cycle is tried as the first one, with what :mod:`.sticking` says of
the hands there. Costs are negative logarithms of probabilities up to a constant, so that those of two forms
for the same strokes can be compared.

Times are ms, beats quarter notes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sousa.generation.rudiments.definitions import Rudiment
from sousa.generation.rudiments.listening.heard import Heard
from sousa.generation.rudiments.listening.sticking import Sticking
from sousa.generation.rudiments.score import template

LEAST = 4  # primaries that something can be said of
SKIPPED, EXTRA, ANYWHERE = 2.2, 2.5, 6.0  # prices: of each stroke left out, of an unintended one, of a jump
SPREAD_MS, SPREAD_SHARE, TAIL = 13.0, 0.07, 1.2  # of intervals: in ms, as a share, and how it grows
FURTHEST = 12.0  # what another place of the cycle may cost to be tried
ELSEWHERE = 0.7  # price of a recording that does not begin where a cycle does
GRACES, BOUNCES = 1.6, 2.5  # prices of graces too many or too few, and of presses taken for strokes
STEP, WIDER = 1.025, 1.15  # from tempo to tempo; and how far outside a form's range they go
_SURE = {"accent": 0.03, "left": 0.15}  # no probability counts for more certain than this
_MOVES = (1, 2, 3)  # places moved on; then EXTRA and ANYWHERE
_EXTRA, _ANYWHERE = 3, 4


@dataclass(frozen=True)
class Fit:
    """A form laid over heard strokes.

    Attributes:
        lead_hand: R or L.
        cost: the less, the better it fits.
        beat_ms: length of a quarter note.
        first_ms: where beat 0 of the figure is, the beginning of the cycle that the first stroke lies in.
        beats: float64 (primaries,), place of each primary that is heard; NaN for unintended ones.
    """

    form: Rudiment
    lead_hand: str
    cost: float
    beat_ms: float
    first_ms: float
    beats: np.ndarray

    @property
    def tempo_bpm(self) -> float:
        """Quarter notes a minute."""
        return 60000.0 / self.beat_ms


def best_fits(heard: Heard, forms: Iterable[Rudiment], tempo_bpm: float | None = None) -> list[Fit]:
    """The forms laid over heard strokes, each as it fits best, the best one first.

    Args:
        tempo_bpm: quarter notes a minute, where it is known; else all tempi of a form are tried.

    Returns: an empty list for fewer than :data:`LEAST` primaries.
    """
    if np.count_nonzero(heard.is_primary) < LEAST:
        return []
    sticking = Sticking(heard.select(heard.is_primary))
    fits = [_fit(heard, form, tempo_bpm, sticking) for form in forms]
    return sorted(fits, key=lambda fit: fit.cost)


def _fit(heard: Heard, form: Rudiment, tempo_bpm: float | None, sticking: Sticking) -> Fit:
    primary = np.flatnonzero(heard.is_primary)
    time = heard.time_ms[primary]
    plan = template(form, "R")
    emission = _emissions(heard, primary, plan)
    if tempo_bpm:
        tempi = np.array([float(tempo_bpm)])
    else:
        low, high = form.tempo.min / WIDER, form.tempo.max * WIDER
        tempi = np.geomspace(low, high, max(int(np.log(high / low) / np.log(STEP)), 2))
    beat_ms = 60000.0 / tempi
    places, moves, lead, chosen, cost = _path(time, emission, plan, beat_ms)
    path = time, places, moves, beat_ms[chosen]
    places, lead, change = _turned(path, lead, emission, plan, sticking)
    cost += change
    beats = _beats(time, places, moves, plan, beat_ms[chosen])
    slope, start = _line(beats, time, None if tempo_bpm is None else beat_ms[0])
    if not 1 / WIDER < slope / beat_ms[chosen] < WIDER:  # few strokes, and none where it is expected
        slope, start = _line(beats, time, beat_ms[chosen])
    return Fit(form, "RL"[lead], cost, slope, start, beats)


def _emissions(heard, primary, plan):
    """What each place costs for each primary: (primaries, 2 lead hands, places)."""
    sure = {name: np.clip(getattr(heard, name)[primary], low, 1.0 - low) for name, low in _SURE.items()}
    accent = np.where(plan.accent, -np.log(sure["accent"])[:, None], -np.log1p(-sure["accent"])[:, None])
    left, right = -np.log(sure["left"])[:, None], -np.log1p(-sure["left"])[:, None]
    hands = np.stack([np.where(plan.hand == 1, left, right), np.where(plan.hand == 1, right, left)], axis=1)
    before = np.concatenate([[-1], primary[:-1]])
    graces = np.array([_count(heard.grace > 0.5, a + 1, b) for a, b in zip(before, primary, strict=True)])
    after = np.append(primary[1:], len(heard))
    bounced = np.array([_count(heard.is_bounce, a + 1, b) > 0 for a, b in zip(primary, after, strict=True)])
    cost = accent + GRACES * np.abs(np.minimum(graces, 2)[:, None] - plan.graces)
    cost += BOUNCES * (bounced[:, None] != plan.buzz)
    return cost[:, None] + hands


def _count(mask, first, end):
    return int(np.count_nonzero(mask[first:end]))


def _price(interval, expected):
    """What an interval costs beside the one that is expected, ms."""
    away = (interval - expected) / np.hypot(SPREAD_MS, SPREAD_SHARE * expected)
    return TAIL * np.log1p(0.5 * away * away)


def _steps(plan):
    """Beats to each place from the one that is so many places before: (moves, places)."""
    return np.cumsum([np.roll(plan.slot_beats, shift) for shift in range(len(_MOVES))], axis=0)


def _path(time, emission, plan, beat_ms):
    """The cheapest way through the places: ``(places, moves, lead hand, number of the tempo, cost)``."""
    size, count = len(plan.beat), len(time)
    expected = _steps(plan)[:, None] * beat_ms[None, :, None]  # (moves, tempi, places)

    cost = np.broadcast_to(emission[0][:, None], (2, len(beat_ms), size)).copy()
    cost[:, :, 1:] += ELSEWHERE
    older = np.full_like(cost, np.inf)
    back = np.zeros((count, 2, len(beat_ms), size), np.int8)
    froms = np.zeros((count, 2, len(beat_ms)), np.int16)
    for i in range(1, count):
        interval = time[i] - time[i - 1]
        ways = [
            np.roll(cost, move, axis=2) + (_price(interval, expected[n]) + SKIPPED * n)
            for n, move in enumerate(_MOVES)
        ]
        earlier = _price(time[i] - time[i - 2], expected[0]) + EXTRA if i > 1 else np.inf
        ways.append(np.roll(older, 1, axis=2) + earlier)
        froms[i] = cost.argmin(axis=2)
        ways.append(np.broadcast_to(cost.min(axis=2, keepdims=True) + ANYWHERE, cost.shape))
        stacked = np.stack(ways)
        back[i] = stacked.argmin(axis=0)
        older, cost = cost, stacked.min(axis=0) + emission[i][:, None]
    lead, chosen, place = np.unravel_index(cost.argmin(), cost.shape)
    total, places, moves = float(cost.min()), np.full(count, -1), np.zeros(count, np.int8)
    i = count - 1
    while True:
        places[i] = place
        move = int(back[i, lead, chosen, place]) if i else _ANYWHERE
        moves[i] = move
        if i == 0:
            return places, moves, int(lead), int(chosen), total
        if move == _ANYWHERE:
            place, i = int(froms[i, lead, chosen]), i - 1
        elif move == _EXTRA:
            place, i = (place - 1) % size, i - 2
        else:
            place, i = (place - _MOVES[move]) % size, i - 1


def _turned(path, lead, emission, plan, sticking):
    """The same path begun at the place, and by the hand, that fits best with the sound of the hands.

    Returns: ``(places, lead hand, change of the cost)``.
    """
    time, places, moves, beat_ms = path
    known, size = np.flatnonzero(places >= 0), len(plan.beat)
    own, shifts = places[known], np.arange(size)
    moved = (own + shifts[:, None]) % size  # (shifts, strokes)
    total = emission[known[None, None], np.arange(2)[:, None, None], moved]
    total = total.sum(axis=2) + ELSEWHERE * (moved[:, 0] > 0)  # (lead hands, shifts)
    at = np.flatnonzero((moves[known] < len(_MOVES)) & (np.arange(len(known)) > 0))
    interval = time[known[at]] - time[known[at - 1]]
    expected = beat_ms * _steps(plan)[moves[known[at]], moved[:, at]]
    total = total + _price(interval, expected).sum(axis=1)
    base = total[lead, 0]
    left = np.stack([plan.hand[moved], 1 - plan.hand[moved]])  # as letters of the lead hand R and L
    near = np.argwhere(total < base + FURTHEST)
    gains = {(k, s): sticking.gain(known, left[k, s]) for k, s in near.tolist()}
    for (k, s), gain in gains.items():
        total[k, s] -= gain
    best = min(gains, key=lambda key: total[key])
    out = places.copy()
    out[known] = moved[best[1]]
    return out, best[0], float(total[best] - base)


def _beats(time, places, moves, plan, beat_ms):
    """Place of each primary on the grid, from the cycle of the first one on; NaN for unintended strokes."""
    beats, last = np.full(len(places), np.nan), None
    for i in np.flatnonzero(places >= 0).tolist():
        at = plan.beat[places[i]]
        if last is None:
            beats[i] = at
        else:
            step = (at - plan.beat[places[last]]) % plan.cycle_beats
            if moves[i] == _ANYWHERE:  # as many cycles further as the time says
                step += plan.cycle_beats * max(
                    round(((time[i] - time[last]) / beat_ms - step) / plan.cycle_beats), 0
                )
            elif step == 0.0:
                step = plan.cycle_beats
            beats[i] = beats[last] + step
        last = i
    return beats


def _line(beats, time, beat_ms):
    """``(beat_ms, first_ms)`` of the line through the strokes, without those that are far from it."""
    known = np.flatnonzero(~np.isnan(beats))
    x, y = beats[known], time[known]
    keep = np.ones(len(x), bool)
    slope, start = beat_ms, 0.0
    for _ in range(4):
        if beat_ms is None:
            slope, start = np.polyfit(x[keep], y[keep], 1)
        else:
            start = float(np.median((y - slope * x)[keep]))
        away = np.abs(y - start - slope * x)
        keep = away <= max(3.0 * 1.4826 * float(np.median(away)), 5.0)
        if np.ptp(x[keep]) <= 0:
            break
    return float(slope), float(start)
