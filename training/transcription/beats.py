"""Beats of notes: where they are by the rhythm of all onsets, see :mod:`sousa.training.transcription.rhythm`.

Where the piece is played in strict time, beats go onto one straight line.
"""

from dataclasses import dataclass

import numpy as np

from sousa.training.transcription import rhythm

_TOGETHER_SEC = 0.035
_LONE_BPM = 96.0  # of what is too short to have a tempo
_STRICT_SEC = 0.004  # onsets of strict time are nearer to a grid, on average
_CHANGE_SEC = (0.7, 1.6)  # before and after an onset, in which harmonies are compared
# Logistic regression over what is played at beats and elsewhere, in 180 composed pieces and 19 scores of
# music21's corpus (chorales, quartets, piano pieces), performed: 81 % of onsets are told right by themselves.
# Of a chord: number of notes as log2(n + 1), pitch in octaves, velocity in tens, time in seconds up to 2,
# waits up to 1, change of harmony as 1 less the cosine; usual is the mean within 1.5 s.
_BIAS = -3.612
_WEIGHTS = {
    "size": 0.370, "size over usual": 0.053, "lowest over usual": -0.678, "at the bottom": 0.408,
    "bass duration": -0.921, "bass duration over usual": 0.608, "duration": 3.636,
    "duration over usual": 0.915, "velocity over usual": 0.287, "wait after": 2.472, "wait before": 1.722,
    "wait after over before": 0.751, "change": 1.042, "change of more": -0.104, "change over usual": -0.410,
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
    change, change_of_more = (_change(notes, sec, group, duration, reach) for reach in _CHANGE_SEC)
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
        "change": change,
        "change of more": change_of_more,
        "change over usual": change - usual(change),
    }
    return sum((_WEIGHTS[name] * values for name, values in features.items()), start=np.full(len(sec), _BIAS))


def _change(
    notes: np.ndarray, sec: np.ndarray, group: np.ndarray, duration: np.ndarray, reach: float
) -> np.ndarray:
    """How unlike the pitch classes that begin from each onset on are to those before it, from 0 to 1."""
    chroma = np.zeros((len(sec) + 1, 12))
    np.add.at(chroma, (group + 1, notes["pitch"] % 12), np.sqrt(duration))
    total = chroma.cumsum(0)
    after = total[np.searchsorted(sec, sec + reach)] - total[:-1]
    before = total[:-1] - total[np.searchsorted(sec, sec - reach)]
    norms = np.sqrt(np.square(after).sum(1) * np.square(before).sum(1))
    return 1 - (after * before).sum(1) / (norms + 1e-9)


def track(
    onsets: Onsets, tempo_bpm: float | None = None, thirds: bool | None = None
) -> tuple[np.ndarray, bool]:
    """``(beats, thirds)``: seconds, rising, around all onsets, and whether they divide in three.

    Args:
        tempo_bpm: of the pulse, about, if it is known.
        thirds: whether beats divide in three, if it is known.
    """
    place, thirds = rhythm.places(onsets.sec, onsets.odds, tempo_bpm, thirds)
    knots, number = np.unique(place, return_inverse=True)
    sec = np.bincount(number, weights=onsets.sec) / np.bincount(number)
    whole = np.arange(-(-knots[0] // rhythm.BEAT), knots[-1] // rhythm.BEAT + 1)
    beats = np.interp(whole * rhythm.BEAT, knots, sec)
    if len(beats) < 2:
        period = 60 / (tempo_bpm or _LONE_BPM)
        beats = (beats[0] if len(beats) else sec[0]) + period * np.arange(2)
        return _around(beats, onsets), thirds
    return _around(_strict(beats, onsets), onsets), thirds


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
