"""Missed, wrong and extra notes. Their share of professionals is measured, that of others is modelled."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from sousa.generation.piano.performance.players import Player
from sousa.generation.piano.score import HIGHEST_PITCH, LOWEST_PITCH, ORNAMENTS, Score

MISSED, WRONG, EXTRA = 0.40, 0.35, 0.25  # shares of all mistakes
WHITE = np.array([True, False, True, False, True, True, False, True, False, True, False, True])


@dataclass(frozen=True, eq=False)
class Mistakes:
    """Numbers of written notes.

    Attributes:
        missed: that are left out.
        wrong, wrong_pitch: for which another key is struck, and which.
        extra, extra_pitch: beside which another key is struck, and which.
    """

    missed: np.ndarray
    wrong: np.ndarray
    wrong_pitch: np.ndarray
    extra: np.ndarray
    extra_pitch: np.ndarray


def mistakes(score: Score, player: Player, rng: Generator) -> Mistakes:
    """The mistakes of a performance."""
    notes = score.notes
    count = len(notes)
    twice = _unisons(notes)
    inner = _inside_chords(notes)
    draw = rng.random(count)
    rate = player.mistake_rate
    # notes inside chords are missed more readily than those that are heard best
    miss = (draw < rate * MISSED * np.where(inner, 2.5, 0.75)) | twice
    plain = (notes["ornament"] == 0) | (notes["ornament"] == ORNAMENTS.index("arpeggio"))
    draw = rng.random((2, count))
    wrong = np.flatnonzero(~miss & plain & (draw[0] < rate * WRONG))
    extra = np.flatnonzero(~miss & plain & (draw[1] < rate * EXTRA))
    signs = rng.random((2, count)) < 0.5
    miss_indices = np.flatnonzero(miss)
    kept = []
    for row, chosen in enumerate((wrong, extra)):
        pitches = [_beside(notes, i, 1 if signs[row, i] else -1) for i in chosen.tolist()]
        free = np.array([pitch is not None for pitch in pitches], dtype=bool)
        kept += [chosen[free], np.array([pitch for pitch in pitches if pitch is not None], dtype=int)]
    return Mistakes(miss_indices, *kept)


def _unisons(notes: np.ndarray) -> np.ndarray:
    """Notes on a key that another note strikes at the same time: one key can be struck once."""
    order = np.lexsort((-notes["duration_beat"], notes["pitch"], notes["onset_beat"]))
    after, before = notes[order][1:], notes[order][:-1]
    same = (after["onset_beat"] == before["onset_beat"]) & (after["pitch"] == before["pitch"])
    same &= (after["duration_beat"] > 0) & (before["duration_beat"] > 0)
    out = np.zeros(len(notes), dtype=bool)
    out[order[1:][same]] = True
    return out


def _inside_chords(notes: np.ndarray) -> np.ndarray:
    """Notes with others of their hand both above and below them at the same time."""
    out = np.zeros(len(notes), dtype=bool)
    if len(notes) > 2:
        alike = (notes["onset_beat"][1:] == notes["onset_beat"][:-1]) & (
            notes["hand"][1:] == notes["hand"][:-1]
        )
        out[1:-1] = alike[1:] & alike[:-1]
    return out


def _beside(notes: np.ndarray, i: int, sign: int) -> int | None:
    """A key next to that of a note that is not struck or held at that time; None if there is none."""
    pitch = int(notes["pitch"][i])
    near = notes["onset_beat"] < notes["onset_beat"][i] + notes["duration_beat"][i] + 0.5
    near &= notes["onset_beat"] + notes["duration_beat"] + 0.5 > notes["onset_beat"][i]
    taken = set(notes["pitch"][near].tolist())
    for direction in (sign, -sign):
        beside = pitch + direction
        # from a white key the hand slips to the next white one
        if WHITE[pitch % 12] and not WHITE[beside % 12]:
            beside += direction
        if LOWEST_PITCH <= beside <= HIGHEST_PITCH and beside not in taken:
            return beside
    return None
