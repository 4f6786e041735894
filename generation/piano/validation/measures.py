"""How a performance is played, in figures that have been measured on concert pianists.

Conventions: times in seconds, figures in the unit of their names. A *chord* is the plain notes (no graces,
trills, broken chords) with one place in the score, at most .25 s apart. The *melody* is the highest note of
the right hand at each place. *Beats* are heard where the notes on them are: the median of their onsets,
between others where there is none. Figures that a performance doesn't have are left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from sousa.generation.piano.played import KINDS, Performance
from sousa.generation.piano.score import LEFT, RIGHT, Score

WRITTEN = KINDS.index("written")
IOI_MS = (60, 100, 150, 250, 400, 800)
FAST_SEC = 0.250


Figures = dict[str, float]  # by name; measures add to one


@dataclass(frozen=True, eq=False)
class Played:
    """A performance as arrays, one element a note in order of onset.

    Attributes:
        beat, length: place in the score and notated length, quarter notes; NaN for extra notes.
        note: number of the written note, -1 for none.
        marks: ``slur``, ``last`` (of a slur), ``articulation`` and ``ornament`` of each note, where known.
        beats: counted beats, quarter notes.
        bars: where bars begin, quarter notes.
        phrases: ``(onset, end)`` of each.
        pedal: float64 (n, 2): seconds and value.
    """

    onset: np.ndarray
    key_up: np.ndarray
    end: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    hand: np.ndarray
    voice: np.ndarray
    kind: np.ndarray
    note: np.ndarray
    beat: np.ndarray
    length: np.ndarray
    beats: np.ndarray
    bars: np.ndarray
    pedal: np.ndarray
    marks: dict[str, np.ndarray]
    phrases: tuple[tuple[float, float], ...] = ()

    @property
    def plain(self) -> np.ndarray:
        """Notes that are written and no part of an ornament."""
        keep = self.kind == WRITTEN
        return keep & (self.marks["ornament"] == 0) if "ornament" in self.marks else keep


def ends_slur(score: Score) -> np.ndarray:
    """Whether each written note is the last of its slur; meaningless for those under none."""
    latest: dict[int, float] = {}
    for slur, beat in zip(score.notes["slur"].tolist(), score.notes["onset_beat"].tolist(), strict=True):
        latest[slur] = max(latest.get(slur, beat), beat)
    end = np.array([latest[slur] for slur in score.notes["slur"].tolist()])
    return score.notes["onset_beat"] >= end - 1e-9


def of(score: Score, performance: Performance) -> Played:
    """A performance with what its score tells."""
    notes, rate = performance.notes, performance.sample_rate
    written = notes["note"] >= 0
    source = score.notes[np.maximum(notes["note"], 0)]
    return Played(
        notes["onset_sample"] / rate,
        notes["key_up_sample"] / rate,
        notes["end_sample"] / rate,
        notes["pitch"].astype(float),
        notes["velocity"].astype(float),
        notes["hand"],
        notes["voice"],
        notes["kind"],
        notes["note"],
        np.where(written, source["onset_beat"], np.nan),
        np.where(written, source["duration_beat"], np.nan),
        performance.beats,
        np.array([bar.onset_beat for bar in score.bars]),
        performance.pedal * [1.0 / rate, 1.0],
        {
            "slur": source["slur"],
            "last": ends_slur(score)[np.maximum(notes["note"], 0)] & (source["slur"] >= 0),
            "articulation": source["articulation"],
            "ornament": source["ornament"],
        },
        tuple((phrase.onset_beat, phrase.end_beat) for phrase in score.phrases),
    )


def beats_heard(played: Played) -> np.ndarray:
    """Seconds of each counted beat; NaN before the first note and after the last one."""
    plain = played.plain
    at, seconds = _by_place(played.beat[plain], played.onset[plain], np.median)
    return np.interp(played.beats, at, seconds, left=np.nan, right=np.nan)


def _by_place(
    place: np.ndarray, values: np.ndarray, of_each: Callable[[np.ndarray], Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Distinct places, rising, and a figure of the values at each of them."""
    order = np.argsort(place, kind="stable")
    places, first = np.unique(place[order], return_index=True)
    parts = np.split(values[order], first[1:])
    return places, np.array([of_each(part) for part in parts])


def lag1(values: np.ndarray) -> float:
    """Correlation of a series with itself one step later."""
    away = values - values.mean()
    power = (away * away).sum()
    return float((away[1:] * away[:-1]).sum() / power) if len(values) > 3 and power > 0 else np.nan


def robust_sd(values: np.ndarray) -> float:
    """1.4826 times the median distance from the median."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if len(values) else np.nan


def _middle(values: Sequence[float] | np.ndarray) -> float:
    return float(np.median(values)) if len(values) else np.nan


def chords(p: Played, out: Figures) -> None:
    """Asynchrony of chords: between fingers, hands, and the melody and the rest."""
    chosen = np.flatnonzero(p.plain)
    order = chosen[np.lexsort((p.pitch[chosen], p.beat[chosen]))]
    starts = np.flatnonzero(np.diff(p.beat[order], prepend=-1.0) > 1e-9)
    spread, size, apart, lead_all, lead_right, louder, top_louder = [], [], [], [], [], [], []
    one_hand: dict[int, list] = {RIGHT: [], LEFT: []}
    pairs: dict[int, list] = {RIGHT: [], LEFT: []}
    left_top, right_top_first = [], []
    for members in np.split(order, starts[1:]):
        t, v, right = p.onset[members] * 1000.0, p.velocity[members], p.hand[members] == RIGHT
        if len(members) < 2 or np.ptp(t) > 250.0:
            continue
        spread.append((np.ptp(t), t.std(ddof=1)))
        size.append(len(members))
        for hand, mine in ((RIGHT, right), (LEFT, ~right)):
            if mine.sum() > 1:
                one_hand[hand].append(np.ptp(t[mine]))
                if mine.sum() == 2:
                    pairs[hand].append(np.diff(t[mine])[0])
        if (~right).sum() > 1:
            left_top.append(v[~right][-1] - v[~right][0])
        if right.any() and not right.all():
            apart.append(t[~right].mean() - t[right].mean())
        if right.any():
            top = np.flatnonzero(right)[-1]
            others = np.arange(len(members)) != top
            lead_all.append(t[others].mean() - t[top])
            louder.append(v[top] - v[others].mean())
            if (others & right).any():
                lead_right.append(t[others & right].mean() - t[top])
                right_top_first.append(t[right][0] - t[top])
            top_louder.append(louder[-1])
    if len(spread) < 8:
        return
    (ranges, sds), sizes = np.array(spread).T, np.array(size)
    out["chord_sd_ms"], out["chord_range_ms"] = np.median(sds), np.median(ranges)
    out["chord_range_p90_ms"] = np.percentile(ranges, 90)
    out["chord_range_2_ms"], out["chord_range_4_ms"] = _middle(ranges[sizes == 2]), _middle(ranges[sizes > 3])
    out["chord_within_2_ms"] = (ranges <= 2.0).mean()
    out["chord_range_right_ms"] = _middle(one_hand[RIGHT])
    out["chord_range_left_ms"] = _middle(one_hand[LEFT])
    if len(apart) > 7:
        out["left_after_right_ms"], out["hands_sd_ms"] = np.median(apart), np.std(apart)
        out["hands_lag1"], out["hands_robust_sd_ms"] = lag1(np.array(apart)), robust_sd(np.array(apart))
    if len(apart) > 30 and np.ptp(apart) > 0:
        away = np.array(apart) - np.mean(apart)
        out["hands_kurtosis"] = (away**4).mean() / (away**2).mean() ** 2
    for hand, name in ((RIGHT, "right"), (LEFT, "left")):
        if len(pairs[hand]) > 7:
            out[f"finger_{name}_sd_ms"] = robust_sd(np.array(pairs[hand])) / 2**0.5
    if len(lead_all) > 7:
        out["lead_ms"], out["lead_sd_ms"] = np.median(lead_all), np.std(lead_all)
        out["lead_ms_per_velocity"] = np.polyfit(louder, lead_all, 1)[0] if np.ptp(louder) > 0 else np.nan
        out["melody_louder"] = np.mean(top_louder)
    if len(lead_right) > 7:
        out["lead_right_ms"], out["right_top_first_ms"] = np.median(lead_right), np.median(right_top_first)
    if len(left_top) > 7:
        out["left_top_louder"] = np.mean(left_top)


def tempo(p: Played, beat_sec: np.ndarray, out: Figures) -> None:
    """Lengths of beats."""
    heard = np.isfinite(beat_sec)
    quarters = np.diff(p.beats[heard])
    usual = quarters == np.median(quarters)
    intervals = (np.diff(beat_sec[heard]))[usual]
    if len(intervals) < 16:
        return
    log = np.log(intervals)
    out["beat_cv"], out["beat_lag1"] = intervals.std() / intervals.mean(), lag1(log)
    slow = np.convolve(log, np.full(9, 1 / 9), mode="valid")
    fast = log[4:-4] - slow
    out["beat_slow_sd"], out["beat_fast_sd"], out["beat_fast_lag1"] = slow.std(), fast.std(), lag1(fast)
    out["beat_step_percent"] = 100.0 * np.median(np.abs(np.diff(log)))
    low, high = np.percentile(intervals, (5, 95))
    out["beat_p95_over_p5"] = high / low
    middle = np.median(intervals)
    for back, name in ((1, "last"), (2, "last_but_1"), (4, "last_but_3"), (8, "last_but_7")):
        out[f"{name}_beat"] = intervals[-back] / middle
    ends, before = [], []
    for onset, end in p.phrases[:-1]:  # the last one has the final ritardando
        inside = np.flatnonzero((p.beats[heard] >= onset - 1e-6) & (p.beats[heard] < end - 1e-6))
        inside = inside[inside < heard.sum() - 1]
        if len(inside) > 5:
            steps = np.diff(beat_sec[heard])[inside]
            ends.append(steps[-1] / np.median(steps))
            before.append(steps[-2] / np.median(steps))
    if ends:
        out["phrase_end_beat"], out["phrase_end_but_1_beat"] = np.median(ends), np.median(before)


def runs(p: Played, out: Figures) -> None:
    """Isochronous runs of nine notes or more in one hand.

    The residual of a note is from the parabola through it and the four on either side. Lag-1 is of the
    intervals of fast runs.
    """
    x = np.arange(-4.0, 5.0)
    basis = np.linalg.qr(np.column_stack([np.ones(9), x, x * x]))[0]
    middle = np.eye(9)[4] - basis @ basis[4]
    residuals, ioi, repeating = [], [], []
    plain = p.plain
    for hand in (RIGHT, LEFT):
        mine = plain & (p.hand == hand)
        if mine.sum() < 9:
            continue
        place, seconds = _by_place(p.beat[mine], p.onset[mine], np.median)
        step = np.diff(place)
        changes = np.flatnonzero(np.abs(np.diff(step)) > 1e-6) + 1
        for first, last in zip([0, *changes], [*changes, len(step)], strict=True):
            run = seconds[first : last + 1]
            if len(run) < 9:
                continue
            windows = np.lib.stride_tricks.sliding_window_view(run, 9)
            residuals.append(windows @ middle * 1000.0)
            ioi.append((windows[:, -1] - windows[:, 0]) * 125.0)
            if np.diff(run).mean() < FAST_SEC:
                repeating.append(lag1(np.diff(run)))
    if not residuals:
        return
    residual, gap = np.concatenate(residuals), np.concatenate(ioi)
    if len(residual) > 15:
        out["run_residual_ms"] = robust_sd(residual)
    out["run_lag1"] = _middle(repeating)
    for low, high in pairwise(IOI_MS):
        here = (gap >= low) & (gap < high)
        if here.sum() > 15:
            out[f"run_residual_{low}_{high}_ms"] = robust_sd(residual[here])


def velocity(p: Played, out: Figures) -> None:
    """Velocity: of notes, hands, bars and the melody."""
    v = p.velocity
    out["velocity_mean"], out["velocity_sd"] = v.mean(), v.std()
    levels = np.percentile(v, (1, 5, 25, 50, 75, 95, 99))
    for share, level in zip((1, 5, 25, 50, 75, 95, 99), levels, strict=True):
        out[f"velocity_p{share}"] = level
    out["velocity_width"] = levels[5] - levels[1]
    out["velocity_distinct"] = len(np.unique(v))
    chosen = p.plain
    bar = np.searchsorted(p.bars, p.beat + 1e-6, side="right")
    for hand, name in ((RIGHT, "right"), (LEFT, "left")):
        mine = chosen & (p.hand == hand)
        if mine.sum() < 16:
            continue
        out[f"velocity_{name}"] = v[mine].mean()
        size, pitch, loud = _centred(bar[mine], p.pitch[mine], v[mine])
        if (pitch**2).sum() > 0:
            out[f"velocity_per_octave_{name}"] = 12.0 * (pitch * loud).sum() / (pitch**2).sum()
        out[f"velocity_in_bar_sd_{name}"] = np.sqrt((loud**2).sum() / max(size, 1))
    of_bar = np.array([v[bar == k].mean() for k in np.unique(bar[chosen])])
    if len(of_bar) > 7:
        out["bar_velocity_sd"], out["bar_velocity_lag1"] = of_bar.std(), lag1(of_bar)
        out["bar_velocity_width"] = np.ptp(np.percentile(of_bar, (5, 95)))
    right = np.flatnonzero(chosen & (p.hand == RIGHT))
    order = right[np.lexsort((p.pitch[right], p.beat[right]))]
    top = order[np.append(np.diff(p.beat[order]) > 1e-9, True)] if len(order) else order
    if len(top) < 24:
        return
    melody = v[top]
    out["melody_velocity_lag1"], out["melody_velocity_sd"] = lag1(melody), melody.std()
    slow = np.convolve(melody, np.full(9, 1 / 9), mode="valid")
    local = melody[4:-4] - slow
    out["melody_velocity_slow_sd"], out["melody_velocity_local_sd"] = slow.std(), local.std()
    out["melody_velocity_local_lag1"] = lag1(local)
    step = np.diff(p.pitch[top])
    if np.ptp(step) > 0:
        out["velocity_per_octave_step"] = 12.0 * np.polyfit(step, np.diff(melody), 1)[0]
    place = p.beat[top][4:-4] - p.bars[bar[top][4:-4] - 1]
    on_beat = np.abs(place - np.rint(place)) < 1e-6
    kinds = (("downbeat", place < 1e-6), ("beat", on_beat & (place > 1e-6)), ("offbeat", ~on_beat))
    for kind, here in kinds:
        if here.sum() > 5:
            out[f"velocity_{kind}"] = local[here].mean()


def _centred(group: np.ndarray, *values: np.ndarray) -> Any:
    """Values without the mean of their group, of groups of three or more; how many they are first."""
    _, index, counts = np.unique(group, return_inverse=True, return_counts=True)
    keep = counts[index] > 2
    means = [np.bincount(index, value) / counts for value in values]
    away = [(value - mean[index])[keep] for value, mean in zip(values, means, strict=True)]
    return int(keep.sum()), *away
