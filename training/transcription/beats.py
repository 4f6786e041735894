"""Beats of notes, by dynamic programming over their onsets.

The pulse is the row of times that follows strong onsets (several notes at once, low, long and loud ones)
while its period changes slowly from one beat to the next and stays near a usual tempo. Every pair of a time
and a period has one best way that leads to it. Beats then go to the onsets that they are nearest to, and
where the piece is played in strict time, onto one straight line.
"""

from dataclasses import dataclass

import numpy as np

_STEP_SEC, _LONG_STEP_SEC, _LONG_SEC = 0.01, 0.02, 600.0  # steps of what is short, and of what is long
_FASTEST_BPM, _SLOWEST_BPM = 230.0, 36.0
_USUAL_BPM, _OCTAVES = 96.0, 0.5  # of a pulse: its middle and spread, in octaves
_PRIOR, _CHANGE = 0.5, 60.0  # weights of the usual tempo, and of a change from one period to the next
_EMPTY, _REACH = -1.5, 3  # logit of a beat where nothing begins; steps beside an onset that still are it
_TOGETHER_SEC = 0.035
_NEAR = 0.18  # of a period: an onset so near to a beat is at it
_STRICT_SEC = 0.004  # onsets of strict time are nearer to a grid, on average
# Logistic regression over what is played at beats and between, in 29 pieces (a rag, polonaises, songs,
# quartets and chorales of music21's corpus), performed: 86 % of onsets are told right by themselves. Of a
# chord: number of notes as log2(n + 1), pitch in octaves, velocity in tens, time in seconds up to 2, waits
# up to 1; usual is the mean within 1.5 s.
_BIAS = -2.635
_WEIGHTS = {
    "size": -0.246, "size over usual": 1.593, "lowest over usual": -0.333, "at the bottom": 0.409,
    "bass duration": -1.711, "bass duration over usual": 2.379, "duration": 3.917,
    "duration over usual": 0.637, "velocity over usual": 0.167, "wait after": 3.825, "wait before": 3.104,
    "wait after over before": 0.868,
}  # fmt: skip


@dataclass(frozen=True)
class Onsets:
    """Onsets of what begins together.

    Attributes:
        sec: float64 (n,), rising.
        odds: float64 (n,), logit of the probability that it is at a beat.
        group: int64 (notes,), the number of each note's onset.
    """

    sec: np.ndarray
    odds: np.ndarray
    group: np.ndarray


def onsets_of(notes: np.ndarray) -> Onsets:
    """What begins together: notes no more than 35 ms apart, within 70 ms, of different pitches."""
    group = np.zeros(len(notes), dtype=np.int64)
    number, first, pitches = -1, -np.inf, set()
    for i, note in enumerate(notes):
        begin, pitch = note["onset_sec"], int(note["pitch"])
        apart = (
            i == 0 or begin - notes["onset_sec"][i - 1] > _TOGETHER_SEC or begin - first > 2 * _TOGETHER_SEC
        )
        if apart or pitch in pitches:
            number, first, pitches = number + 1, begin, set()
        group[i] = number
        pitches.add(pitch)
    sec = np.bincount(group, weights=notes["onset_sec"]) / np.bincount(group)
    return Onsets(sec, _odds(notes, sec, group), group)


def _odds(notes: np.ndarray, sec: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Logits of being at a beat, by _WEIGHTS."""
    duration = np.minimum(notes["offset_sec"] - notes["onset_sec"], 2.0)
    size = np.log2(np.bincount(group) + 1.0)
    lowest, longest, loudest = np.full(len(sec), 127.0), np.zeros(len(sec)), np.zeros(len(sec))
    np.minimum.at(lowest, group, notes["pitch"])
    np.maximum.at(longest, group, duration)
    np.maximum.at(loudest, group, notes["velocity"])
    by_pitch = np.lexsort((notes["pitch"], group))
    bass = duration[by_pitch[np.diff(group[by_pitch], prepend=-1) > 0]]
    after, before = (np.minimum(np.diff(sec, **{end: edge}), 1.0) for end, edge in (
        ("append", sec[-1] + 1.0), ("prepend", sec[0] - 1.0)
    ))  # fmt: skip
    begin, end = np.searchsorted(sec, sec - 1.5), np.searchsorted(sec, sec + 1.5)

    def usual(values: np.ndarray) -> np.ndarray:
        total = np.append(0.0, np.cumsum(values))
        return (total[end] - total[begin]) / (end - begin)

    low = [
        lowest[a:b].min()
        for a, b in zip(np.searchsorted(sec, sec - 1), np.searchsorted(sec, sec + 1), strict=True)
    ]
    features = {
        "size": size,
        "size over usual": size - usual(size),
        "lowest over usual": (lowest - usual(lowest)) / 12,
        "at the bottom": lowest <= np.array(low) + 4,
        "bass duration": bass,
        "bass duration over usual": bass - usual(bass),
        "duration": longest,
        "duration over usual": longest - usual(longest),
        "velocity over usual": (loudest - usual(loudest)) / 10,
        "wait after": after,
        "wait before": before,
        "wait after over before": after - before,
    }
    return sum((_WEIGHTS[name] * values for name, values in features.items()), start=np.full(len(sec), _BIAS))


def track(onsets: Onsets, tempo_bpm: float | None = None) -> np.ndarray:
    """Times of beats in seconds, rising, from at or before the first onset to after the last one.

    Args:
        tempo_bpm: of the pulse, about, if it is known.
    """
    step = _STEP_SEC if np.ptp(onsets.sec) < _LONG_SEC else _LONG_STEP_SEC
    places = (onsets.sec - onsets.sec[0]) / step
    periods = np.arange(round(60 / _FASTEST_BPM / step), round(60 / _SLOWEST_BPM / step) + 1)
    gains = np.full(int(places[-1]) + int(periods[-1]) + 2, _EMPTY)
    for place, odds in zip(np.rint(places).astype(int), onsets.odds, strict=True):
        for away in range(-_REACH, _REACH + 1):
            if 0 <= place + away < len(gains):
                value = odds - away * away / _REACH
                gains[place + away] = (
                    max(gains[place + away], value) if odds > _EMPTY else min(gains[place + away], odds)
                )
    usual, spread = (_USUAL_BPM, _OCTAVES) if tempo_bpm is None else (tempo_bpm, 0.08)
    prior = -0.5 * (np.log2(60 / (periods * step) / usual) / spread) ** 2
    best = _ways(gains, periods, _PRIOR * prior, int(places[-1]) + 1)
    return _settled(onsets.sec[0] + np.array(best) * step, onsets)


def _ways(gains: np.ndarray, periods: np.ndarray, prior: np.ndarray, last: int) -> list[int]:
    """Frames of the best row of beats that ends at or after frame ``last``."""
    change = -_CHANGE * np.square(np.log(periods[:, None] / periods[None, :]))  # [period, the one before]
    score = np.full((len(gains), len(periods)), -np.inf, dtype=np.float32)
    before = np.full(score.shape, -1, dtype=np.int16)
    for frame, gain in enumerate(gains):
        if frame < periods[-1]:  # it may be the first
            score[frame] = gain
        inside = np.flatnonzero(periods <= frame)
        if len(inside):
            ways = score[frame - periods[inside]] + change[inside]
            chosen = ways.argmax(1)
            values = ways[np.arange(len(inside)), chosen] + gain + prior[inside]
            better = values > score[frame, inside]
            score[frame, inside[better]] = values[better]
            before[frame, inside[better]] = chosen[better]
    frame, period = np.unravel_index(int(score[last:].argmax()), score[last:].shape)
    frame += last
    out = [int(frame)]
    while before[frame, period] >= 0:
        frame, period = frame - int(periods[period]), int(before[frame, period])
        out.append(int(frame))
    return out[::-1]


def _settled(beats: np.ndarray, onsets: Onsets) -> np.ndarray:
    """Beats at the onsets they belong to, those between spread evenly; around all onsets."""
    period = np.gradient(beats) if len(beats) > 1 else np.array([0.6])
    near = np.clip(np.searchsorted(onsets.sec, beats), 1, max(len(onsets.sec) - 1, 1))
    after = np.minimum(near, len(onsets.sec) - 1)
    sooner = np.abs(onsets.sec[near - 1] - beats) <= np.abs(onsets.sec[after] - beats)
    near = np.where(sooner, near - 1, after)
    at = np.abs(onsets.sec[near] - beats) < np.minimum(_NEAR * period, 0.08)
    _, first = np.unique(near, return_index=True)
    known = np.intersect1d(np.flatnonzero(at), first)
    if len(known) < 2:
        return _around(beats, onsets)
    index = np.arange(len(beats), dtype=np.float64)
    moved = beats.copy()
    inside = (index >= known[0]) & (index <= known[-1])
    moved[inside] = np.interp(index[inside], known, onsets.sec[near[known]])
    moved[: known[0]] += moved[known[0]] - beats[known[0]]
    moved[known[-1] + 1 :] += moved[known[-1]] - beats[known[-1]]
    return _around(_strict(moved, onsets), onsets)


def _strict(beats: np.ndarray, onsets: Onsets) -> np.ndarray:
    """Beats on a straight line, where all onsets are on the grid of one."""
    index = np.arange(len(beats), dtype=np.float64)
    slope, begin = np.polyfit(index, beats, 1)
    for _ in range(4):  # first the line of the beats, then that of all onsets
        places = (onsets.sec - begin) / slope
        grid = np.rint(places * 12) / 12
        fours = np.rint(places * 8) / 8
        grid = np.where(np.abs(fours - places) < np.abs(grid - places), fours, grid)
        if np.abs(grid - places).mean() * slope > 3 * _STRICT_SEC or np.ptp(grid) == 0:
            return beats
        slope, begin = np.polyfit(grid, onsets.sec, 1)
    off = np.abs(begin + slope * grid - onsets.sec)
    return begin + slope * index if off.mean() < _STRICT_SEC and off.max() < 5 * _STRICT_SEC else beats


def _around(beats: np.ndarray, onsets: Onsets) -> np.ndarray:
    """Beats with more before the first and after the last, so that every onset lies between two."""
    first, last = (beats[1] - beats[0], beats[-1] - beats[-2]) if len(beats) > 1 else (0.6, 0.6)
    before, after = [], []
    while (before[-1] if before else beats[0]) > onsets.sec[0] + 0.01:
        before.append((before[-1] if before else beats[0]) - first)
    while (after[-1] if after else beats[-1]) < onsets.sec[-1] + 0.05:
        after.append((after[-1] if after else beats[-1]) + last)
    return np.concatenate([before[::-1], beats, after])
