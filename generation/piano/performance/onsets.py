"""When each key goes down.

An onset is the time of its place in the score, plus a part that all notes of that place share and that grows
with the time between them; the offset of the hand (Student t, 2.2 degrees of freedom: now and then hands part
widely); that of the finger; and the lead of louder notes, which is most of what is called melody lead.
"""

import numpy as np
from numpy.random import Generator

from sousa.generation.piano.performance.draws import ar1, distinct
from sousa.generation.piano.performance.players import Player
from sousa.generation.piano.performance.pulse import Pulse
from sousa.generation.piano.score import LEFT, RIGHT, Score

HAND_PHI, FREEDOM, FARTHEST_MS = 0.5, 2.2, 120.0
EXPRESSIVE, ON_BEAT = 0.06, 0.5  # of the time between onsets; share of it on counted beats
SLOW_BPM = 70.0  # of the notes' own time: pieces slower than this have the further lead of the melody
CLOSE_SEC = 0.090  # where onsets of a hand are closer than this, scatter shrinks in proportion


def onsets(
    score: Score,
    player: Player,
    pulse: Pulse,
    beats: np.ndarray,
    velocity: np.ndarray,
    rng: Generator,
) -> np.ndarray:
    """Seconds at which the key of each written note goes down; graces at the note they lead to.

    Args:
        beats: as from :func:`~sousa.generation.piano.performance.pulse.counted_beats`.
        velocity: of each written note.
    """
    notes = score.notes
    count = len(notes)
    first, which = distinct(notes["onset_beat"])
    places = notes["onset_beat"][first]
    seconds = pulse.at(places)
    gap = np.diff(seconds, append=seconds[-1] + 1.0)
    room = np.minimum(gap, np.concatenate([[1.0], gap[:-1]]))
    shared = EXPRESSIVE * room.clip(0.0, 0.6) * rng.standard_normal(len(places)).clip(-2.5, 2.5)
    shared *= np.where(np.isin(places, beats), ON_BEAT, 1.0)
    out = (seconds + shared)[which]

    scatter = np.zeros(count)
    for hand in (RIGHT, LEFT):
        mine = notes["hand"] == hand
        first, of = distinct(which[mine])
        if not len(first):
            continue
        there = which[mine][first]
        steps = np.diff(seconds[there], prepend=-1.0)
        calm = np.minimum(1.0, np.minimum(steps, np.append(steps[1:], 1.0)) / CLOSE_SEC)
        apart = ar1(rng.standard_t(FREEDOM, len(there)), HAND_PHI)
        fingers = rng.standard_normal(mine.sum()).clip(-3.0, 3.0)
        late = player.left_late_ms if hand == LEFT else 0.0
        weak = player.weak_left if hand == LEFT else 1.0
        apart = (weak * player.hand_ms * apart).clip(-FARTHEST_MS, FARTHEST_MS)
        scatter[mine] = (calm * (apart + late))[of]
        scatter[mine] += calm[of] * weak * player.finger_ms * fingers

    size = np.bincount(which)
    mean = np.bincount(which, velocity) / size
    lead = player.lead_ms * (velocity - mean[which])
    slow = np.clip(SLOW_BPM / (60.0 / np.median(gap)) - 0.6, 0.0, 1.0) if count > 1 else 0.0
    lead += np.where(notes["melody"] & (size[which] > 1), slow * player.slow_lead_ms, 0.0)
    return out + (scatter - lead.clip(-45.0, 45.0)) / 1000.0
