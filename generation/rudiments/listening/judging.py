"""What was played against what is written: mistakes, performances as labels have them, and scores.

Conventions: scores are those of :mod:`sousa.generation.rudiments.scores`, by the same code. The grid is a
straight line through the strokes where the tempo is not known, so how late a player is on the whole, and
whether the tempo drifts from a metronome's, can't be told: the first counts as nothing, and without a known
tempo there is no ``tempo_stability``. Written velocities are those of taps, accents and diddles, at the level
of the take.
"""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from sousa.generation.rudiments import ornaments, scores
from sousa.generation.rudiments.assembly import BOUNCE, BUZZ, GRACE, STRAY, TAP, Omissions, Performances
from sousa.generation.rudiments.listening.fitting import Fit
from sousa.generation.rudiments.listening.heard import Heard
from sousa.generation.rudiments.listening.sticking import Sticking
from sousa.generation.rudiments.mistakes import number
from sousa.generation.rudiments.performance import ACCENT_GAIN, DIDDLE_SECOND_VELOCITY, TAP_VELOCITY
from sousa.generation.rudiments.validation import matching, written

RATE = 48_000  # of the samples that performances are counted in, Hz
SURE_HAND, SURE_ACCENT = 0.95, 0.8  # probability from which a hand or an accent is held against the player
STOP_BEATS = 1.0  # left out in one piece
# a hesitation: later than the strokes before, in ms, of the interval, and in standard deviations
LATE_MS, LATE_SHARE, LATE_SPREADS = 40.0, 0.40, 3.5
CATCH_UP, SETTLED_MS = 0.85, 12.0  # of its lateness is left stroke by stroke; what is less is none any more
LAPSE_STROKES, LAPSE_AROUND = (8, 11, 14, 17, 20), 6  # in a lapse, and to each side of it
PEAK_MS, PEAK_SHARE, PEAK_ERRORS = 85.0, 0.5, 8.0  # height of a lapse: ms, of the interval, standard errors
COLLAPSED_MS, COLLAPSED_SHARE = 46.0, 0.5  # of a diddle, from stroke to stroke: ms, and of the interval
_AROUND = 4  # strokes before, for the place beside the grid


@dataclass(frozen=True)
class Compared:
    """Heard strokes beside those of a form.

    Attributes:
        fit: the form, its tempo and place; beat 0 begins a cycle.
        wanted: written strokes, arrays as :func:`sousa.generation.rudiments.validation.written.of_take` has
            them, with ``time_ms`` on the grid.
        written_of: int64 (strokes,), number of the written stroke of each heard one, -1 for none.
        hands: (strokes,), R or L: as written, but where the other is heard for certain.
        mistakes, omissions: kinds of mistakes, None for none: of heard and of written strokes.
    """

    fit: Fit
    wanted: dict[str, np.ndarray]
    written_of: np.ndarray
    hands: np.ndarray
    mistakes: np.ndarray
    omissions: np.ndarray


@dataclass(frozen=True)
class Judged(Compared):
    """A recording against a form, with mistakes of degree.

    Attributes:
        error_ms: float64 (strokes,), heard - grid, NaN where nothing is written.
        scores: dict of name to points, NaN where a score does not apply.
    """

    error_ms: np.ndarray
    scores: dict[str, float]

    @property
    def num_mistakes(self) -> int:
        """Strokes with a mistake, and written strokes that were not played."""
        return int(self.mistakes.astype(bool).sum() + self.omissions.astype(bool).sum())


def judge(heard: Heard, fit: Fit, tempo_known: bool = False) -> Judged:
    """Judge heard strokes by the form that was laid over them."""
    compared = compare(heard, fit)
    wanted, written_of, mistakes = compared.wanted, compared.written_of, compared.mistakes
    at = np.flatnonzero(written_of >= 0)
    place = written_of[at]
    error = np.full(len(heard), np.nan)
    error[at] = heard.time_ms[at] - wanted["time_ms"][place]
    _name_others(heard, wanted, written_of, error, mistakes)
    points = _scores(_performance(heard, compared), tempo_known)
    error[at] -= np.where(wanted["grace"][place] > 0, np.nan, 0.0)
    return Judged(**vars(compared), error_ms=error, scores=points)


def compare(heard: Heard, fit: Fit) -> Compared:
    """Match heard strokes with those of the form that was laid over them."""
    wanted = _wanted(fit)
    kept = np.flatnonzero(~heard.is_bounce)
    heard_hands = np.where(heard.left > 0.5, "L", "R")
    sure = np.maximum(heard.left, 1.0 - heard.left) >= SURE_HAND
    match = matching.find(
        wanted, wanted["time_ms"], heard.time_ms[kept], np.where(sure, heard_hands, "")[kept]
    )
    written_of = np.full(len(heard), -1)
    written_of[kept] = match.written_of
    written_of = _with_parents(written_of, wanted)
    at = np.flatnonzero(written_of >= 0)
    place = written_of[at]
    hands = heard_hands.copy()
    hands[at] = np.where(sure[at], heard_hands[at], wanted["hand"][place])
    mistakes = np.full(len(heard), None, dtype=object)
    mistakes[kept] = match.played
    mistakes[mistakes == "wrong_hand"] = None
    other = at[hands[at] != wanted["hand"][place]]
    mistakes[other[mistakes[other] == None]] = "wrong_hand"  # noqa: E711
    alone = (written_of < 0) & ~heard.is_bounce
    mistakes[alone & (mistakes == None)] = "touch"  # noqa: E711
    mistakes[(written_of >= 0) & np.isin(mistakes, ("double", "touch"))] = None
    missing = np.ones(len(wanted["beat"]), bool)
    missing[place] = False
    return Compared(fit, wanted, written_of, hands, mistakes, _omissions(missing, wanted))


def with_hands(heard: Heard, judged: Compared) -> Heard:
    """Heard strokes with what their colours say of the hands, the sticking being the one that is written."""
    place = np.where(judged.written_of >= 0, judged.written_of, 0)
    primary = heard.is_primary
    known = primary & (judged.written_of >= 0) & (judged.wanted["grace"][place] == 0)
    numbers = (np.cumsum(primary) - 1)[known]
    written_left = (judged.wanted["hand"][place[known]] == "L").astype(float)
    told = Sticking(heard.select(primary)).probability(numbers, written_left)
    if told is None:
        return heard
    left = heard.left.copy()
    own, other = np.clip([left[known], told], 0.02, 0.98)
    odds = own / (1.0 - own) * other / (1.0 - other)
    left[known] = odds / (1.0 + odds)
    return replace(heard, left=left)


def _wanted(fit: Fit) -> dict[str, np.ndarray]:
    """Written strokes between the first and the last that is heard, with ``cycle`` and ``time_ms``."""
    cycle = written.of_cycle(fit.form.form, fit.lead_hand)
    beats, last = float(fit.form.cycle_beats), float(np.nanmax(fit.beats))
    count = int(np.floor(last / beats)) + 1
    out = {name: np.tile(values, count) for name, values in cycle.items()}
    out["cycle"] = np.repeat(np.arange(count), len(cycle["beat"]))
    out["beat"] = out["beat"] + out["cycle"] * beats
    inside = (out["beat"] >= np.nanmin(fit.beats) - 1e-6) & (out["beat"] <= last + 1e-6)
    out = {name: values[inside] for name, values in out.items()}
    primary = np.flatnonzero(out["grace"] == 0)
    out["main"] = primary[np.searchsorted(primary, np.arange(len(out["beat"])))]
    grid = fit.first_ms + out["beat"] * fit.beat_ms
    slots = np.diff(grid[primary], prepend=np.nan)
    slots[0] = float(fit.form.slots[int(out["position"][0]) % len(fit.form.slots)]) * fit.beat_ms
    out["slot_ms"] = slots[np.searchsorted(primary, np.arange(len(out["beat"])))]
    flam, first, last = ornaments.written_leads(out["slot_ms"])
    drag = np.where(out["grace"] == 2, first, last)
    lead = np.where(out["graces"] == 2, drag, flam)
    out["lead_ms"] = np.where(out["grace"] == 0, 0.0, lead)
    out["time_ms"] = grid
    return out


def _with_parents(written_of, wanted):
    """Graces whose primary is not heard stand for nothing."""
    out = written_of.copy()
    main = {place for place in written_of.tolist() if place >= 0 and wanted["grace"][place] == 0}
    for j, place in enumerate(written_of.tolist()):
        if place >= 0 and wanted["grace"][place] > 0 and int(wanted["main"][place]) not in main:
            out[j] = -1
    return out


def _omissions(missing, wanted):
    """Kinds of the written strokes that are not heard: dropped graces, stops, and other omissions."""
    out = np.full(len(missing), None, dtype=object)
    is_grace = wanted["grace"] > 0
    out[missing & is_grace & ~missing[wanted["main"]]] = "dropped_grace"
    gone = missing & (out == None)  # noqa: E711
    out[gone] = "omission"
    edges = np.flatnonzero(np.diff(np.concatenate([[0], gone.astype(np.int8), [0]])))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        following = wanted["beat"][min(end, len(gone) - 1)]
        if end - first > 1 and following - wanted["beat"][first] >= STOP_BEATS:
            out[first:end] = "stop"
    return out


def _name_others(heard, wanted, written_of, error, mistakes):
    """Mistakes of degree, at strokes that have no other: accents, hesitations, lapses, collapsed diddles."""

    def mark(kind, strokes):
        for j in strokes:
            if mistakes[j] is None:
                mistakes[j] = kind

    main = [j for j, place in enumerate(written_of.tolist()) if place >= 0 and wanted["grace"][place] == 0]
    if len(main) < _AROUND:
        return
    main = np.array(main)
    place = written_of[main]
    slot, e = wanted["slot_ms"][place], error[main]
    for first, end in _hesitations(e, slot):
        mark("hesitation", main[first:end])
    for first, end in _lapses(e, slot):
        mark("tempo_lapse", main[first:end])
    second = np.flatnonzero(wanted["diddle"][place][1:] == 2) + 1
    gap = heard.time_ms[main[second]] - heard.time_ms[main[second - 1]]
    together = place[second] - place[second - 1] == 1
    least = np.minimum(COLLAPSED_MS, COLLAPSED_SHARE * slot[second])
    mark("collapsed_diddle", main[second[together & (gap < least)]])
    accent = heard.accent[main]
    has_accents = wanted["accent"].any()
    mark("missing_accent", main[wanted["accent"][place] & (accent < 1.0 - SURE_ACCENT)])
    mark("misplaced_accent", main[has_accents & ~wanted["accent"][place] & (accent > SURE_ACCENT)])


def _hesitations(e, slot):
    """Runs ``(first, end)`` of strokes that begin late all at once and catch up stroke by stroke."""
    base = np.array([np.median(e[max(i - _AROUND, 0) : i]) if i else e[0] for i in range(len(e))])
    usual = 1.4826 * np.median(np.abs(e[1:] - base[1:]))
    least = np.maximum(np.maximum(LATE_MS, LATE_SHARE * slot), LATE_SPREADS * usual)
    out: list[tuple[int, int]] = []
    for i in np.flatnonzero(e - base > least).tolist():
        if out and i < out[-1][1]:
            continue
        end = i + 1
        while end < len(e) and SETTLED_MS < e[end] - base[i] < CATCH_UP * (e[end - 1] - base[i]):
            end += 1
        out.append((i, end))
    return out


def _lapses(e, slot):
    """Runs ``(first, end)`` of strokes that leave the player's place beside the grid and come back.

    A triangle is laid over every run, on a line through the strokes around it; it counts by its height and by
    how many standard errors that is.
    """
    candidates = []
    for size in LAPSE_STROKES:
        shape = 1.0 - np.abs(2.0 * (np.arange(size) + 1.0) / (size + 1.0) - 1.0)
        for first in range(len(e) - size + 1):
            low, high = max(first - LAPSE_AROUND, 0), min(first + size + LAPSE_AROUND, len(e))
            x = np.zeros((high - low, 3))
            x[:, 0], x[:, 1] = 1.0, np.arange(high - low)
            x[first - low : first - low + size, 2] = shape
            inverse = np.linalg.pinv(x.T @ x)
            coefficients = inverse @ (x.T @ e[low:high])
            rest = e[low:high] - x @ coefficients
            error = np.sqrt(rest @ rest / max(len(rest) - 3, 1) * inverse[2, 2])
            height = abs(coefficients[2])
            if height > max(PEAK_MS, PEAK_SHARE * slot[first]) and height > PEAK_ERRORS * error:
                candidates.append((height / error, first, first + size))
    out: list[tuple[int, int]] = []
    for _, first, end in sorted(candidates, reverse=True):
        if all(end <= a or first >= b for a, b in out):
            out.append((first, end))
    return out


def _performance(heard: Heard, compared: Compared) -> Performances:
    """The strokes as labels have them, a batch of one take."""
    count, wanted, written_of = len(heard), compared.wanted, compared.written_of
    hands, mistakes, omissions = compared.hands, compared.mistakes, compared.omissions
    known = written_of >= 0
    place = np.where(known, written_of, 0)

    def of_written(name, other):
        return np.where(known, wanted[name][place], other)

    is_grace = known & (wanted["grace"][place] > 0)
    kind = np.full(count, STRAY, np.int8)
    kind[known] = TAP
    kind[known & wanted["buzz"][place]] = BUZZ
    kind[is_grace] = GRACE
    kind[heard.is_bounce] = BOUNCE
    main_of = {int(i): j for j, i in enumerate(written_of) if i >= 0 and wanted["grace"][i] == 0}
    parent, child = np.full(count, -1), np.zeros(count, np.int8)
    last, number_of = -1, 0
    for j in range(count):
        if kind[j] == GRACE:
            parent[j] = main_of[int(wanted["main"][place[j]])]
            child[j] = wanted["graces"][place[j]] - wanted["grace"][place[j]] + 1
        elif kind[j] == BOUNCE:
            if last < 0 or kind[last] != BUZZ:
                kind[j] = STRAY  # nothing it could be a bounce of
            else:
                number_of += 1
                parent[j], child[j] = last, number_of
        elif known[j]:
            last, number_of = j, 0
    # the one grace of a drag that is heard is no flam
    single = (kind == GRACE) & (child == 1) & (of_written("graces", 0) == 2)
    child[single & ~_followed(kind, parent)] = 2
    is_main = (kind == TAP) | (kind == BUZZ)
    per_ms = RATE / 1000.0
    grid_ms, lead_ms = of_written("time_ms", np.nan), of_written("lead_ms", 0.0)
    plain = np.where(of_written("diddle", 0) == 2, DIDDLE_SECOND_VELOCITY, TAP_VELOCITY)
    intended = plain + np.where(of_written("accent", False) & is_main, ACCENT_GAIN, 0.0)
    level = float(np.mean((heard.velocity - intended)[is_main])) if is_main.any() else 0.0
    error = heard.time_ms - grid_ms
    # how late on the whole can't be told
    shift = float(np.mean(error[is_main])) if is_main.any() else 0.0
    # bounces are written so long after their press, by the mean of what is usual
    after = np.cumsum(ornaments.BOUNCE_MS)
    target = grid_ms + shift - lead_ms
    bounce = kind == BOUNCE
    target[bounce] = target[parent[bounce]] + after[np.minimum(child[bounce], len(after)) - 1]
    names = np.array([number(name) if name else 0 for name in mistakes], np.int8)
    names[bounce] = 0
    written_hand = np.where(of_written("hand", "R") == "L", 1, 0)
    gone = np.flatnonzero(omissions.astype(bool))
    left = Omissions(
        start=np.array([0, len(gone)]),
        take=np.zeros(len(gone), np.int64),
        kind=np.where(wanted["grace"][gone] > 0, GRACE, np.where(wanted["buzz"][gone], BUZZ, TAP)).astype(
            np.int8
        ),
        hand=(wanted["hand"][gone] == "L").astype(np.int8),
        accent=wanted["accent"][gone],
        diddle=wanted["diddle"][gone].astype(np.int8),
        position=wanted["position"][gone],
        cycle=wanted["cycle"][gone],
        beat=wanted["beat"][gone],
        child=_first_missing(wanted, gone),
        graces=wanted["graces"][gone].astype(np.int8),
        written=gone,
        mistake=np.array([number(omissions[i]) for i in gone], np.int8),
        intended_sample=np.rint(wanted["time_ms"][gone] * per_ms).astype(np.int64),
    )
    take = SimpleNamespace(form=compared.fit.form, beats=float(np.ptp(wanted["beat"])) or 1.0)
    return Performances(
        takes=[take],
        start=np.array([0, count]),
        lead_in_beats=np.zeros(1, np.int64),
        lead_in_samples=np.zeros(1, np.int64),
        num_samples=np.array([round(heard.time_ms[-1] * per_ms)]),
        num_written=np.array([len(wanted["beat"])]),
        dynamic=np.array([level]),
        drift_ms=np.zeros(1),
        omissions=left,
        take=np.zeros(count, np.int64),
        kind=kind,
        hand=(hands == "L").astype(np.int8),
        written_hand=np.where(known, written_hand, -1).astype(np.int8),
        accent=of_written("accent", False) & is_main,
        accent_played=(heard.accent > 0.5) & is_main,
        diddle=np.where(is_main, of_written("diddle", 0), 0).astype(np.int8),
        position=of_written("position", 0),
        cycle=of_written("cycle", 0),
        # numbered as they are written, so that what is left out is a gap
        primary=np.where(known, (np.cumsum(wanted["grace"] == 0) - 1)[wanted["main"][place]], -1),
        beat=of_written("beat", 0.0) - float(wanted["beat"][0]),
        slot_ms=of_written("slot_ms", 0.0),
        child=child,
        parent=parent,
        written=np.where(known, written_of, -1),
        mistake=names,
        onset_sample=np.rint(heard.time_ms * per_ms).astype(np.int64),
        intended_sample=np.where(np.isnan(target), -1, np.rint(np.nan_to_num(target) * per_ms)).astype(
            np.int64
        ),
        intended_lead_ms=np.where(kind == GRACE, lead_ms, 0.0),
        velocity=np.rint(heard.velocity).astype(np.int16),
        intended_velocity=np.where(known, np.rint(intended + level), 0).astype(np.int16),
        variant=np.zeros(count, np.int64),
    )


def _followed(kind, parent):
    """Whether the next stroke is a grace of the same primary."""
    out = np.zeros(len(kind), bool)
    out[:-1] = (kind[1:] == GRACE) & (parent[1:] == parent[:-1])
    return out


def _first_missing(wanted, gone):
    """1 for the first missing grace of each primary, which counts; 2 for another; 0 for primaries."""
    out, seen = np.zeros(len(gone), np.int8), set()
    for n, i in enumerate(gone.tolist()):
        if wanted["grace"][i] > 0:
            main = int(wanted["main"][i])
            out[n] = 2 if main in seen else 1
            seen.add(main)
    return out


def _scores(played: Performances, tempo_known: bool) -> dict[str, float]:
    out: dict[str, Any] = scores.skill_scores(played, RATE, () if tempo_known else ("tempo_stability",))
    return {name: round(float(values[0]), 4) for name, values in out.items()}
