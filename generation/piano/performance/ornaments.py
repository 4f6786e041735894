"""Graces, trills, mordents, turns and broken chords as strikes of keys.

Figures are measured ones: a parts grace lasts 77 ms (10-90 %: 9-227), and is before the beat about as often
as on it; a trill has 12.2 notes a second and quickens; a broken chord takes 60 ms a note, upwards.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from sousa.generation.piano.performance.draws import quantiles
from sousa.generation.piano.performance.players import Player
from sousa.generation.piano.score import HIGHEST_PITCH, LOWEST_PITCH, ORNAMENTS, Score, tonic_of

GRACE, TRILL, MORDENT, TURN, ARPEGGIO = (ORNAMENTS.index(name) for name in ORNAMENTS[1:])
GRACE_MS = (9.0, 24.0, 45.0, 77.0, 112.0, 185.0, 300.0)
STEP_MS = (10.0, 24.0, 41.0, 60.0, 92.0, 150.0, 220.0)  # of a broken chord
GRACE_RATIO = (0.74, 0.80, 0.88, 0.95, 1.02, 1.10, 1.2)  # velocity over that of the note
BEFORE_SHARE = {"baroque": 0.35, "classical": 0.50, "romantic": 0.65, "popular": 0.85}
FROM_ABOVE = {"baroque": 0.9, "classical": 0.6, "romantic": 0.2, "popular": 0.1}  # trills that begin so
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11)
LEAST_SEC = 0.045  # of a strike inside an ornament


_Lists = tuple[list, ...]  # note, like, onset, end, pitch and ratio of parts of ornaments


@dataclass(frozen=True, eq=False)
class Strikes:
    """Keys that go down, one or more for each written note.

    Attributes:
        note: number of the written note.
        like: number of the note whose velocity it has: of a grace, the note it leads to.
        onset: seconds.
        end: seconds at which the next strike of the same ornament begins; infinity for the last one.
        ratio: velocity over that of the note.
        part: whether it is part of an ornament.
    """

    note: np.ndarray
    like: np.ndarray
    onset: np.ndarray
    end: np.ndarray
    pitch: np.ndarray
    ratio: np.ndarray
    part: np.ndarray


def neighbour(key: str, pitch: int, up: bool) -> int:
    """The next note of a key above or below a pitch."""
    scale = {(tonic_of(key) + step) % 12 for step in (MAJOR if key.endswith("major") else MINOR)}
    step = 1 if up else -1
    near = pitch + step
    return near if near % 12 in scale else near + step


def strikes(
    score: Score, player: Player, onset: np.ndarray, length: np.ndarray, rng: Generator
) -> tuple[Strikes, np.ndarray]:
    """Strikes of all written notes.

    Args:
        onset: seconds of the written notes.
        length: their notated length in seconds.

    Returns:
        :class:`Strikes`, and the onsets of the written notes, which graces and broken chords move.
    """
    notes, onset = score.notes, onset.copy()
    ornament = notes["ornament"]
    parts: _Lists = [], [], [], [], [], []
    if ornament.any():
        for members in _groups(notes, ornament == GRACE):
            _graces(score, members, onset, rng, parts)
        for members in _groups(notes, ornament == ARPEGGIO, across_voices=True):
            _broken(notes, members, onset, length, rng)
        for i in np.flatnonzero((ornament >= TRILL) & (ornament <= TURN)).tolist():
            _figure(score, player, i, float(onset[i]), float(length[i]), rng, parts)
    alone = np.ones(len(notes), dtype=bool)
    alone[parts[0]] = False
    plain = np.flatnonzero(alone)
    count = len(plain)
    return Strikes(
        np.concatenate([plain, np.array(parts[0], dtype=int)]),
        np.concatenate([plain, np.array(parts[1], dtype=int)]),
        np.concatenate([onset[plain], parts[2]]),
        np.concatenate([np.full(count, np.inf), parts[3]]),
        np.concatenate([notes["pitch"][plain].astype(int), np.array(parts[4], dtype=int)]),
        np.concatenate([np.ones(count), parts[5]]),
        np.concatenate([np.zeros(count, bool), np.ones(len(parts[0]), bool)]),
    ), onset


def _add(parts: _Lists, note: int, like: int, onset: float, end: float, pitch: int, ratio: float) -> None:
    for values, value in zip(parts, (note, like, onset, end, pitch, ratio), strict=True):
        values.append(value)


def _groups(notes: np.ndarray, chosen: np.ndarray, across_voices: bool = False) -> list[np.ndarray]:
    """Numbers of the chosen notes of each place, of one hand and voice or of both hands together."""
    found = np.flatnonzero(chosen)
    groups: dict[tuple, list[int]] = {}
    for i in found.tolist():
        note = notes[i]
        who = () if across_voices else (int(note["hand"]), int(note["voice"]))
        groups.setdefault((float(note["onset_beat"]), *who), []).append(i)
    return [np.array(members) for members in groups.values()]


def _graces(score: Score, members: np.ndarray, onset: np.ndarray, rng: Generator, parts: _Lists) -> None:
    """Graces of one note, before the beat or on it; then the note comes later, and its hand with it."""
    notes = score.notes
    steps = quantiles(rng.standard_normal(len(members)), GRACE_MS) / 1000.0
    if len(members) > 1:
        steps = steps.clip(0.05, 0.10)
    first = notes[members[0]]
    here = (notes["onset_beat"] == first["onset_beat"]) & (notes["hand"] == first["hand"])
    mine = here & (notes["voice"] == first["voice"]) & (notes["ornament"] != GRACE)
    goal = onset[mine].min() if mine.any() else onset[members].min()
    like = int(np.flatnonzero(mine)[0]) if mine.any() else int(members[0])
    before = rng.random() < BEFORE_SHARE[score.style] or len(members) > 2
    if not before:
        # half the length of the note is left to it
        longest = 0.5 * float(notes["duration_beat"][mine].max(initial=0.5)) * 60.0 / score.tempo_bpm
        steps *= min(1.0, longest / steps.sum())
        onset[mine] += steps.sum()
        goal += steps.sum()
    times = goal - np.cumsum(steps[::-1])[::-1]
    ends = np.append(times[1:], goal)
    ratios = quantiles(rng.standard_normal(len(members)), GRACE_RATIO)
    for k, i in enumerate(members.tolist()):
        _add(parts, i, like, float(times[k]), float(ends[k]), int(notes["pitch"][i]), float(ratios[k]))
        onset[i] = times[k]


def _broken(
    notes: np.ndarray, members: np.ndarray, onset: np.ndarray, length: np.ndarray, rng: Generator
) -> None:
    """A chord broken upwards, from a little before its place."""
    order = members[np.argsort(notes["pitch"][members], kind="stable")]
    steps = quantiles(0.85 * rng.standard_normal() + 0.5 * rng.standard_normal(len(order) - 1), STEP_MS)
    times = np.concatenate([[0.0], np.cumsum(steps / 1000.0)])
    times *= min(1.0, 0.6 * float(length[order].min()) / max(float(times[-1]), 1e-6))
    onset[order] = onset[order].mean() - rng.uniform(0.2, 0.8) * times[-1] + times


def _figure(
    score: Score, player: Player, i: int, onset: float, length: float, rng: Generator, parts: _Lists
) -> None:
    """A trill, mordent or turn: the first and last strikes are the note's own."""
    note = score.notes[i]
    pitch, kind = int(note["pitch"]), int(note["ornament"])
    key = next(name for at, name in reversed(score.keys) if at <= note["onset_beat"] + 1e-6)
    above, below = neighbour(key, pitch, True), neighbour(key, pitch, False)
    if above > HIGHEST_PITCH or below < LOWEST_PITCH:
        return
    step = 1.0 / (player.trill_rate * float(np.exp(0.08 * rng.standard_normal())))
    if kind == TRILL:
        from_above = rng.random() < FROM_ABOVE[score.style]
        count = int(min(0.9 * length, 2.5) / step)
        count += (count + from_above + 1) % 2  # so that it ends on the note
        pitches = [above if (k + from_above) % 2 else pitch for k in range(count)]
        # quickens: the first intervals are a fifth longer than the last ones
        steps = step * np.linspace(1.15, 0.88, count) * np.exp(0.23 * rng.standard_normal(count))
    else:
        pitches = [pitch, below, pitch] if kind == MORDENT else [above, pitch, below, pitch]
        count = len(pitches)
        steps = step * np.exp(0.15 * rng.standard_normal(count))
        steps *= min(1.0, 0.6 * length / float(steps[:-1].sum()))
    if count < 3 or steps[:-1].mean() < LEAST_SEC:
        return  # there is no room for it
    times = onset + np.concatenate([[0.0], np.cumsum(np.maximum(steps[:-1], LEAST_SEC))])
    softer = np.exp(0.06 * rng.standard_normal(count)) * np.append(1.0, np.full(count - 1, 0.94))
    for k in range(count):
        end = float(times[k + 1]) if k + 1 < count else np.inf
        _add(parts, i, i, float(times[k]), end, pitches[k], float(softer[k]))
