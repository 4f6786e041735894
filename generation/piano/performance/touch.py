"""When each key goes up.

The time a key is down over the notated length at the local tempo has measured quantiles, which depend on
slurs, staccato and the length itself. They are looked up at a standard-normal number that has a part of the
player, one that changes slowly along the voice, one of each chord, and a small one of each note. Fingers let
go earlier while the pedal holds the sound, and well before a key is struck again. The end is held.
"""

from typing import Any

import numpy as np
from numpy.random import Generator

from sousa.generation.piano.performance.draws import DEVIATES, ar1
from sousa.generation.piano.performance.players import Player
from sousa.generation.piano.score import ARTICULATIONS, LEFT, Score

# notated lengths in ms, and for each the ratio's quantiles at DEVIATES
LENGTHS = (90.0, 185.0, 375.0, 800.0)
SLURRED = (
    (0.25, 0.47, 0.68, 0.91, 1.14, 1.41, 1.80),
    (0.22, 0.41, 0.64, 0.89, 1.11, 1.35, 1.70),
    (0.18, 0.36, 0.62, 0.92, 1.13, 1.36, 1.65),
    (0.18, 0.38, 0.58, 0.90, 1.06, 1.22, 1.45),
)
UNMARKED = (
    (0.22, 0.41, 0.60, 0.82, 1.06, 1.32, 1.70),
    (0.12, 0.22, 0.46, 0.77, 1.01, 1.25, 1.60),
    (0.10, 0.18, 0.36, 0.63, 1.03, 1.22, 1.50),
    (0.11, 0.21, 0.41, 0.62, 0.98, 1.10, 1.35),
)
LAST_OF_SLUR = (0.12, 0.20, 0.32, 0.50, 0.80, 1.07, 1.30)
STACCATO = (0.08, 0.14, 0.19, 0.26, 0.39, 0.57, 0.80)
# standard-normal units: longer in the polyphony of baroque pieces
STYLE = {"baroque": 0.45, "classical": -0.05, "romantic": 0.10, "popular": 0.20}
# what pedal, repeats and the left hand take away is given back
SHIFT, SPREAD, SLUR_SHIFT = 0.22, 1.15, 0.15
LEFT_SHIFT = -0.18
PEDAL_SHIFT = -0.15
LEAST_SEC = 0.035
LAST_RATIO = 0.85  # of the last chord, at least


def key_ups(
    score: Score, player: Player, onset: np.ndarray, length: np.ndarray, held: np.ndarray, rng: Generator
) -> np.ndarray:
    """Seconds at which the key of each written note goes up, before any is struck again.

    Args:
        onset: seconds of the written notes.
        length: their notated length in seconds, at the local tempo.
        held: whether the pedal is down where each one ends as notated.
    """
    notes = score.notes
    count = len(notes)
    hand, articulation, slur = notes["hand"], notes["articulation"], notes["slur"]
    z = 0.95 * _of_chords(notes, rng) + 0.31 * rng.standard_normal(count)
    z = SPREAD * z + SHIFT + player.touch + STYLE[score.style]
    z += np.where(hand == LEFT, LEFT_SHIFT, 0.0) + np.where(held, PEDAL_SHIFT, 0.0)
    slurred, last = slur >= 0, _last_of_slur(notes)
    z = (z + np.where(slurred & ~last, SLUR_SHIFT, 0.0)).clip(-2.4, 2.4)
    ratio = np.where(slurred, _by_length(z, length, SLURRED), _by_length(z, length, UNMARKED))
    ratio = np.where(last, np.interp(z, DEVIATES, LAST_OF_SLUR), ratio)
    ratio = np.where(articulation == ARTICULATIONS.index("staccato"), np.interp(z, DEVIATES, STACCATO), ratio)
    ratio = np.where(articulation == ARTICULATIONS.index("tenuto"), np.maximum(ratio, 0.85), ratio)
    ratio = np.where(notes["onset_beat"] == notes["onset_beat"].max(), np.maximum(ratio, LAST_RATIO), ratio)
    ratio = ratio + player.touch_noise * rng.standard_normal(count)
    up = onset + np.maximum(ratio * length, LEAST_SEC)
    return np.minimum(up, _before_repeats(notes, onset, rng))


def _by_length(z: np.ndarray, length: np.ndarray, table: Any) -> np.ndarray:
    """Ratios between those of the two nearest lengths of the table."""
    rows = np.array([np.interp(z, DEVIATES, row) for row in table])
    place = np.interp(length * 1000.0, LENGTHS, np.arange(len(LENGTHS)))
    low = np.floor(place).astype(int).clip(max=len(LENGTHS) - 2)
    at = np.arange(len(z))
    part = place - low
    return rows[low, at] * (1.0 - part) + rows[low + 1, at] * part


def _of_chords(notes: np.ndarray, rng: Generator) -> np.ndarray:
    """A number of unit variance that the notes of a chord share, and that changes slowly along a voice.

    A chord is what one voice strikes at one time; the last one of a piece is of all voices.
    """
    onset, voice = notes["onset_beat"], notes["hand"].astype(int) * 64 + notes["voice"]
    order = np.lexsort((onset, voice))
    new = (np.diff(voice[order]) != 0) | (np.diff(onset[order]) > 0)
    chord = np.zeros(len(notes), dtype=int)
    chord[order[1:]] = np.cumsum(new)
    last = np.flatnonzero(onset == onset.max())
    chord[last] = chord[last[0]]
    count = int(new.sum()) + 1
    return (0.62 * ar1(rng.standard_normal(count), 0.8) + 0.78 * rng.standard_normal(count))[chord]


def _last_of_slur(notes: np.ndarray) -> np.ndarray:
    """Whether a note begins where the last one of its slur does."""
    slur = notes["slur"]
    out = np.zeros(len(notes), dtype=bool)
    under = np.flatnonzero(slur >= 0)
    if len(under):
        latest = np.full(int(slur.max()) + 1, -np.inf)
        np.maximum.at(latest, slur[under], notes["onset_beat"][under])
        out[under] = notes["onset_beat"][under] >= latest[slur[under]] - 1e-9
    return out


def _before_repeats(notes: np.ndarray, onset: np.ndarray, rng: Generator) -> np.ndarray:
    """The latest a key may go up before it is struck again: a measured gap of 196 ms, less when fast."""
    gap = 0.190 * np.exp(0.45 * rng.standard_normal(len(notes)).clip(-2.0, 2.0))
    share = rng.uniform(0.3, 0.55, len(notes))
    order = np.lexsort((onset, notes["pitch"]))
    same = notes["pitch"][order][1:] == notes["pitch"][order][:-1]
    first, again = order[:-1][same], order[1:][same]
    out = np.full(len(notes), np.inf)
    room = onset[again] - onset[first]
    out[first] = onset[again] - np.minimum(gap[first], share[first] * np.maximum(room, 0.0))
    return out
