"""How loud each note is.

Velocity is the sum of the written loudness (that of the accompaniment); the player's level; more for the
leading line; the slope with pitch within a hand and bar; a slow swell that both hands share and one of the
melody; the arch of the phrase; small accents of the metre; written accents; and local noise. Both ends of
the MIDI range are approached softly.
"""

import numpy as np
from numpy.random import Generator

from sousa.generation.piano.performance.draws import ar1
from sousa.generation.piano.performance.players import Player
from sousa.generation.piano.performance.pulse import Pulse
from sousa.generation.piano.score import ARTICULATIONS, LEFT, RIGHT, Score

ARCH = (-2.4, -1.2, -1.0, -0.7, -0.1, -0.4, 1.0, 1.0, 1.7, -0.9)  # over tenths of a phrase
LEFT_SLOPE = 0.25  # of the right hand's
SWELL_SEC = 4.0  # in which the swell loses all but 1/e of its correlation
# added for each of ARTICULATIONS
ACCENTS = np.array([0.0, -1.0, 2.0, 12.0, 16.0])
SOFT, LOUD = 18.0, 104.0  # beyond these velocities are bent


def written_loudness(score: Score, beat: np.ndarray) -> np.ndarray:
    """Velocity of the accompaniment that the dynamics ask for at places in the score; 60 without any."""
    if not score.dynamics:
        return np.full(len(beat), 60.0)
    at = np.array([d.onset_beat for d in score.dynamics])
    level = np.array([d.velocity for d in score.dynamics])
    hairpin = np.array([d.hairpin for d in score.dynamics])
    k = (np.searchsorted(at, beat + 1e-6, side="right") - 1).clip(0)
    return np.where(hairpin[k], np.interp(beat, at, level), level[k])


def velocities(score: Score, player: Player, pulse: Pulse, rng: Generator) -> np.ndarray:
    """Velocity of each written note, float64, before it is rounded."""
    notes = score.notes
    beat, hand, melody = notes["onset_beat"], notes["hand"], notes["melody"]
    written = written_loudness(score, beat)
    middle = written.mean()
    out = middle + player.contrast * (written - middle) + player.level
    out += np.where(melody, player.melody, 0.0)
    out += player.slope * np.where(hand == LEFT, LEFT_SLOPE, 1.0) * _height(score)
    out += player.contrast * (ACCENTS[: len(ARTICULATIONS)][notes["articulation"]] + _arch(score, beat))
    out += player.contrast * _metre(score, beat)
    out += player.swell * _swell(pulse, beat, melody, rng)
    noise = rng.standard_normal(len(notes))
    out += player.unevenness * np.where(hand == LEFT, player.weak_left, 1.0) * noise
    return bent(out)


def bent(velocity: np.ndarray) -> np.ndarray:
    """Velocities bent softly into 1-126."""
    over, under = np.maximum(velocity - LOUD, 0.0), np.maximum(SOFT - velocity, 0.0)
    return velocity.clip(SOFT, LOUD) + 22.0 * over / (over + 22.0) - 17.0 * under / (under + 17.0)


def _height(score: Score) -> np.ndarray:
    """Octaves above the mean pitch of the same hand and bar."""
    notes = score.notes
    onsets = np.array([bar.onset_beat for bar in score.bars])
    group = 2 * np.searchsorted(onsets, notes["onset_beat"] + 1e-6, side="right") + (notes["hand"] == RIGHT)
    pitch = notes["pitch"].astype(float)
    size = np.bincount(group)
    mean = np.bincount(group, pitch) / np.maximum(size, 1)
    return ((pitch - mean[group]) / 12.0).clip(-1.5, 1.5)


def _arch(score: Score, beat: np.ndarray) -> np.ndarray:
    out = np.zeros(len(beat))
    for phrase in score.phrases:
        first, last = np.searchsorted(beat, (phrase.onset_beat - 1e-6, phrase.end_beat - 1e-6))
        place = (beat[first:last] - phrase.onset_beat) / (phrase.end_beat - phrase.onset_beat)
        out[first:last] = np.interp(place, np.arange(0.05, 1.0, 0.1), ARCH)
    return out


def _metre(score: Score, beat: np.ndarray) -> np.ndarray:
    """Small accents: bar lines, other quarters, and what lies between."""
    onsets = np.array([bar.onset_beat for bar in score.bars])
    place = beat - onsets[(np.searchsorted(onsets, beat + 1e-6, side="right") - 1).clip(0)]
    return np.where(place < 1e-6, 1.1, np.where(np.abs(place - np.rint(place)) < 1e-6, 0.9, -0.6))


def _swell(pulse: Pulse, beat: np.ndarray, melody: np.ndarray, rng: Generator) -> np.ndarray:
    """Slow wandering of unit variance: most of it is common, some is the melody's own."""
    seconds = pulse.at(beat)
    grid = np.arange(0.0, seconds[-1] + 1.0, 0.5)
    common, own = rng.standard_normal((2, len(grid)))
    phi = float(np.exp(-0.5 / SWELL_SEC))
    out = 0.9 * np.interp(seconds, grid, ar1(common, phi))
    return out + np.where(melody, 0.436 * np.interp(seconds, grid, ar1(own, phi)), 0.0)
