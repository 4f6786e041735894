"""Exercise scores: how well a take was played, 0 (bad) to 100 (perfect).

Conventions
-----------
Each score is one function of what was played against what was written. Errors become points by
``points(x, half) = 100 / (1 + (x / half)^2)``: 50 at ``half``, smooth everywhere, so no score piles
up at 0 or 100. ``e`` is the timing error (actual - intended, ms) of primary strokes: graces and
bounces have scores of their own. NaN means that the take can't be scored, because it has no such
strokes or too few (``LEAST``).

Mistakes: each counts in ``stroke_accuracy``. An unintended stroke, a primary that was not played,
and one that was played by the other hand count there alone: an omission is no timing error. Hesitations and
lapses of tempo also count in the scores of timing, accents in those of accents, collapsed diddles in
``diddle_quality``, and graces that are missing or fall on their primary in ``flam_quality`` or
``drag_quality``.

Definitions, and why they are so
--------------------------------
timing_accuracy        points(mean |e|, 24 ms). Primaries only: graces are judged by their width.
timing_consistency     points(SD of e around its trend, 20 ms). A spread, not a second mean.
tempo_stability        points(slope of e, 4 ms/s widened by the standard error of the slope). Without
                       that allowance takes with few strokes would score low whoever plays.
subdivision_evenness   points(SD of interval errors, 24 ms) between neighbouring primaries. In ms,
                       not in per cent: drummers' interval SD hardly depends on the interval, so
                       a percentage would grade the rudiment's speed.
velocity_control       points(SD of velocity errors around the mean of their kind, 10). Accents, taps
                       and second strokes of diddles are kinds: playing an accent is no error.
accent_differentiation logistic((mean accent - mean tap velocity - 22) / 8). NaN without both. Second
                       strokes of diddles are no taps here: they are softer by themselves.
accent_accuracy        mean over strokes of logistic(distance to the right side of the player's own
                       midpoint between accents and taps / 4), accents and taps weighing the same.
                       Graded, so that one accent more or less is not all or nothing.
hand_balance           half points(difference of the hands' velocity error, 9) and half points(
                       difference of the hands' mean e, 9 ms). Velocity errors are taken around the
                       mean of their kind, and only for kinds that both hands play: a sticking with
                       all accents in one hand is not unbalanced.
weak_hand_index        100 * F(right) / (F(left) + F(right)): over 50 the right hand is the weaker
                       one, under 50 the left. A hand's fault F is the root of its squared timing
                       roughness (a stroke against its neighbours, over 8 ms), its lateness (over 5 ms)
                       and softness (over 5) against the other hand. Not a skill.
flam_quality           mean over flams of points(lead - intended lead, 12 ms); 0 for one without its grace.
drag_quality           mean over drags of points(error of either gap, 14 ms); 0 for one without its graces.
diddle_quality         half mean points(error of the interval inside the diddle, 18 ms) and half mean
                       points(1 - second / first velocity, 0.25), unaccented pairs.
roll_sustain           points(change of mean tap velocity from the first to the last third of a roll,
                       relative, 0.2). Accents are left out; growing louder is no better.
buzz_quality           half mean points(error of each bounce interval, 9 ms) and half mean points(1 -
                       length of the press over the length of the slot it should fill, 0.6).
stroke_accuracy        points(mistakes over written strokes, 0.08). Mistakes are strokes with one,
                       unintended strokes, and written strokes that were not played. The only score that
                       many takes have in full: those without a mistake.
groove_feel_proxy      0 to 1: half persistence of e, (1 + lag-1 autocorrelation) / 2, and half
                       timing_consistency / 100. A proxy: feel as steady, connected placement.
overall_score          weighted mean of the scores above that the take has (``OVERALL``).
tier_confidence        0 to 1: probability of the labelled tier given overall_score, from normal
                       distributions of the score in each tier, measured on the medium size
                       (``tier_distributions.json``, made by ``benchmarks/rudiments/tier_distributions.py``)
                       and the tier mix.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np

from sousa.generation.rudiments.assembly import BOUNCE, BUZZ, GRACE, TAP, num_mistakes
from sousa.generation.rudiments.columns import SCORE_NAMES
from sousa.generation.rudiments.mistakes import number
from sousa.generation.rudiments.players import table as players_table
from sousa.generation.segments import Segments

DISTRIBUTIONS_FILE = Path(__file__).parent / "tier_distributions.json"
LEAST = 4  # strokes needed for a spread or a trend

# Weights of overall_score; a take without a score leaves it out. Every ornament counts the same.
OVERALL = {
    "timing_accuracy": 0.20, "timing_consistency": 0.15, "tempo_stability": 0.10,
    "subdivision_evenness": 0.10, "velocity_control": 0.15, "hand_balance": 0.10,
    "accent_differentiation": 0.05, "accent_accuracy": 0.05, "flam_quality": 0.10, "drag_quality": 0.10,
    "diddle_quality": 0.10, "buzz_quality": 0.10, "stroke_accuracy": 0.10,
}  # fmt: skip
SKILL_SCORES = (*OVERALL, "overall_score")


def points(error, half):
    """100 / (1 + (error / half)^2)."""
    ratio = error / half
    return 100.0 / (1.0 + ratio * ratio)


def logistic(x):
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + np.exp(-x))


def exercise_scores(p, sample_rate):
    """Scores of a batch.

    Args:
        p: :class:`sousa.generation.rudiments.assembly.Performances`.
        sample_rate: Hz.

    Returns: dict of name to float64 array, one element a take, NaN where not applicable.
    """
    scores = skill_scores(p, sample_rate)
    scores["tier_confidence"] = _tier_confidence(scores["overall_score"], p.takes)
    return {name: np.round(scores[name], 4) for name in SCORE_NAMES}


@np.errstate(invalid="ignore", divide="ignore")  # what can't be scored is NaN
def skill_scores(p, sample_rate, unknown=()):
    """Scores that do not depend on who plays: all but ``tier_confidence``, not rounded.

    Args: as of :func:`exercise_scores`; unknown: names of scores that can't be told, and are NaN.
    """
    count = len(p.takes)
    ms = 1000.0 / sample_rate
    main = np.flatnonzero((p.kind == TAP) | (p.kind == BUZZ))
    take = p.take[main]
    by_take = Segments(take, count)
    error = (p.onset_sample - p.intended_sample)[main] * ms
    scores = {}

    seconds = p.intended_sample[main] / sample_rate
    slope, residual = by_take.line(seconds, error, LEAST)
    residual_sd = _root(by_take.sum(residual * residual), by_take.size - 2, by_take.size >= LEAST)
    scores["timing_accuracy"] = points(by_take.mean(np.abs(error)), 24.0)
    scores["timing_consistency"] = points(residual_sd, 20.0)
    away = seconds - by_take.mean(seconds)[take]
    # standard error of the slope; wandering makes it an understatement, the 4 ms/s allow for that
    noise = residual_sd / np.sqrt(by_take.sum(away * away))
    scores["tempo_stability"] = points(slope, np.hypot(4.0, noise))
    pair = np.flatnonzero(take[1:] == take[:-1]) + 1
    interval_error = error[pair] - error[pair - 1]
    scores["subdivision_evenness"] = points(Segments(take[pair], count).std(interval_error, LEAST - 1), 24.0)

    _velocity_scores(scores, p, main, by_take)
    _hand_scores(scores, p, main, error)
    _ornament_scores(scores, p, main, count, ms)
    scores["stroke_accuracy"] = points(num_mistakes(p) / p.num_written, 0.08)

    step = residual[pair] * residual[pair - 1]
    lag1 = Segments(take[pair], count).sum(step) / by_take.sum(residual * residual)
    feel = 0.5 * (1.0 + lag1) / 2.0 + 0.5 * scores["timing_consistency"] / 100.0
    scores["groove_feel_proxy"] = np.where(by_take.size >= LEAST, feel, np.nan)

    for name in unknown:
        scores[name] = np.full(count, np.nan)
    parts = np.stack([scores[name] for name in OVERALL])
    weights = np.array(list(OVERALL.values()))[:, None] * ~np.isnan(parts)
    scores["overall_score"] = (np.nan_to_num(parts) * weights).sum(0) / weights.sum(0)
    return scores


def _root(squares, freedom, valid):
    return np.where(valid, np.sqrt(squares / freedom), np.nan)


def _velocity_scores(scores, p, main, by_take):
    take, count = by_take.owner, by_take.count
    velocity = p.velocity[main].astype(np.float64)
    miss = velocity - p.intended_velocity[main]
    by_kind = Segments(take * len(_KINDS) + _kind(p, main), count * len(_KINDS))
    around = miss - by_kind.mean(miss)[by_kind.owner]
    kinds = (by_kind.size.reshape(count, -1) > 0).sum(1)
    spread = _root(by_take.sum(around * around), by_take.size - kinds, by_take.size - kinds >= LEAST - 1)
    scores["velocity_control"] = points(spread, 10.0)

    accent, tap = (_kind(p, main) == _KINDS.index(name) for name in ("accent", "tap"))
    taps, accents = Segments(take[tap], count), Segments(take[accent], count)
    tap_mean, accent_mean = taps.mean(velocity[tap]), accents.mean(velocity[accent])
    scores["accent_differentiation"] = 100.0 * logistic((accent_mean - tap_mean - 22.0) / 8.0)
    middle = (0.5 * (tap_mean + accent_mean))[take]
    right = np.nan_to_num(logistic(np.where(accent, velocity - middle, middle - velocity) / 4.0))
    scores["accent_accuracy"] = 50.0 * (accents.mean(right[accent]) + taps.mean(right[tap]))


_KINDS = ("tap", "accent", "second of a diddle")


def _kind(p, main):
    """Kind of each primary: its index in _KINDS."""
    return np.where(p.accent[main], 1, np.where(p.diddle[main] == 2, 2, 0))


def _hand_scores(scores, p, main, error):
    """Scores of the two hands: only strokes of a kind that both hands play are compared."""
    take, hand, count = p.take[main], p.hand[main], len(p.takes)
    kind = take * len(_KINDS) + _kind(p, main)
    sizes = Segments(kind * 2 + hand, count * len(_KINDS) * 2).size.reshape(-1, 2)
    shared = (sizes >= 2).all(1)[kind]
    miss = (p.velocity - p.intended_velocity)[main].astype(np.float64)
    miss = (miss - Segments(kind, count * len(_KINDS)).mean(miss)[kind])[shared]
    loud = Segments((take * 2 + hand)[shared], count * 2).mean(miss, 2).reshape(count, 2)
    late = Segments(take * 2 + hand, count * 2).mean(error, 2).reshape(count, 2)
    softer, later = points(loud[:, 0] - loud[:, 1], 9.0), points(late[:, 0] - late[:, 1], 9.0)
    scores["hand_balance"] = np.where(np.isnan(softer), later, 0.5 * (softer + later))

    # wander that both hands share is taken out by comparing a stroke with its neighbours
    inner = np.flatnonzero(take[2:] == take[:-2]) + 1
    jitter = error[inner] - 0.5 * (error[inner - 1] + error[inner + 1])
    by_hand = Segments((take * 2 + hand)[inner], count * 2)
    rough = by_hand.mean(jitter * jitter, 2).reshape(count, 2) / 8.0**2
    gap = np.nan_to_num(np.stack([(loud[:, 0] - loud[:, 1]) / 5.0, (late[:, 1] - late[:, 0]) / 5.0]))
    # each fault counts for the hand that has it: softer, or later
    right, left = np.sqrt(rough.T + (np.maximum([-gap, gap], 0.0) ** 2).sum(1))
    # nobody is weaker in a take without any error: null
    scores["weak_hand_index"] = 100.0 * right / (right + left)


def _ornament_scores(scores, p, main, count, ms):
    onset, take = p.onset_sample, p.take
    start = p.start[take]
    grace = np.flatnonzero((p.kind == GRACE) & (p.child == 1))
    parent = start[grace] + p.parent[grace]
    lead = (onset[parent] - onset[grace]) * ms
    written = p.intended_lead_ms[grace]
    drag = parent - grace == 2
    flam = grace[~drag]
    without = _without_graces(p, count)
    flams = points((lead - written)[~drag], 12.0)
    scores["flam_quality"] = _mean_with_zeros(Segments(take[flam], count), flams, without[:, 1])
    first = grace[drag]
    last_error = (onset[parent[drag]] - onset[first + 1]) * ms - p.intended_lead_ms[first + 1]
    pair_error = lead[drag] - written[drag] - last_error
    drags = 0.5 * (points(pair_error, 14.0) + points(last_error, 14.0))
    scores["drag_quality"] = _mean_with_zeros(Segments(take[first], count), drags, without[:, 2])

    second = np.flatnonzero(p.diddle[main] == 2)
    # both strokes of the pair must be there
    second = second[(second > 0) & (p.primary[main[second]] - p.primary[main[second - 1]] == 1)]
    now, before = main[second], main[second - 1]
    gap = (onset[now] - onset[before] - p.intended_sample[now] + p.intended_sample[before]) * ms
    timing = Segments(take[now], count).mean(points(gap, 18.0))
    plain = ~p.accent[now] & ~p.accent[before]
    fall = 1.0 - p.velocity[now] / p.velocity[before].astype(np.float64)
    dynamic = Segments(take[now[plain]], count).mean(points(fall[plain], 0.25))
    scores["diddle_quality"] = np.where(np.isnan(dynamic), timing, 0.5 * (timing + dynamic))

    is_roll = np.array([t.form.category == "roll" for t in p.takes])
    beats = np.array([t.beats for t in p.takes])
    third = np.minimum(p.beat[main] * 3.0 / beats[take[main]], 2.999).astype(np.int64)
    taps = ~p.accent[main]
    by_third = Segments((take[main] * 3 + third)[taps], count * 3)
    level = by_third.mean(p.velocity[main][taps].astype(np.float64), LEAST).reshape(count, 3)
    scores["roll_sustain"] = np.where(is_roll, points(level[:, 2] / level[:, 0] - 1.0, 0.2), np.nan)

    bounce = np.flatnonzero(p.kind == BOUNCE)
    early = p.intended_sample[bounce] - p.intended_sample[bounce - 1]
    interval = (onset[bounce] - onset[bounce - 1] - early) * ms
    even = Segments(take[bounce], count).mean(points(interval, 9.0))
    press = np.flatnonzero(p.kind == BUZZ)
    last = np.zeros(len(onset), dtype=np.int64)
    np.maximum.at(last, start[bounce] + p.parent[bounce], onset[bounce])
    length = np.maximum(last[press] - onset[press], 0) * ms
    fill = Segments(take[press], count).mean(points(1.0 - length / p.slot_ms[press], 0.6))
    scores["buzz_quality"] = 0.5 * (even + fill)


def _without_graces(p, count):
    """Primaries of each take that were played without their graces, by the number of these: (T, 3)."""
    o = p.omissions
    first = (o.child == 1) & (o.mistake == number("dropped_grace"))
    return np.bincount(o.take[first] * 3 + o.graces[first], minlength=count * 3).reshape(count, 3)


def _mean_with_zeros(segments, values, zeros):
    """Mean of values a segment with so many zeros beside them; NaN for none of either."""
    return segments.sum(values) / np.where(segments.size + zeros > 0, segments.size + zeros, np.nan)


@cache
def _distributions():
    return json.loads(DISTRIBUTIONS_FILE.read_text(encoding="utf-8"))


def tier_posterior(overall, mean, sd, share):
    """Probability of each tier given a score: array (n, tiers)."""
    z = (overall[:, None] - mean) / sd
    weight = share / sd * np.exp(-0.5 * z * z)
    return weight / weight.sum(1, keepdims=True)


def _tier_confidence(overall, takes):
    if not DISTRIBUTIONS_FILE.exists():  # only while the file itself is being measured
        return np.full(len(overall), np.nan)
    table = _distributions()
    posterior = tier_posterior(
        overall, np.array(table["mean"]), np.array(table["sd"]), np.array(players_table()["tier_share"])
    )
    return posterior[np.arange(len(takes)), [take.player.tier for take in takes]]
