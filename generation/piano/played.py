"""A performance: what performers make of a score, labels tell, and samplers render.

Conventions
-----------
Time is in samples at the rate of the corpus, as int64, from the start of the recording. Every time is drawn
on the sample grid once; MIDI files, labels and audio have that number. Notes stand in order of onset, then
pitch. Of one pitch no two notes are held at once: a key goes up before it is struck again.

``key_up_sample`` is where the finger leaves the key. ``end_sample`` is where the damper begins to stop the
string: the same where the pedal is up; otherwise where it comes up (:data:`PEDAL_DOWN`), or where the key is
struck again. Strings above :data:`HIGHEST_DAMPED` have no damper.
"""

from dataclasses import dataclass

import numpy as np

PEDAL_DOWN = 64  # of controller 64: from this value on dampers are lifted
HIGHEST_DAMPED = 89
TIERS = ("beginner", "intermediate", "professional")
KINDS = ("written", "ornament", "wrong", "extra", "repeated")  # repeated: played again after a stop

NOTE = np.dtype(
    [
        ("onset_sample", "i8"),
        ("key_up_sample", "i8"),
        ("end_sample", "i8"),
        ("pitch", "i2"),
        ("velocity", "i2"),  # 1-127
        ("hand", "i1"),
        ("voice", "i1"),
        ("kind", "i1"),  # index of KINDS
        ("note", "i4"),  # index in the notes of the score; -1 for an extra one
    ]
)


@dataclass(frozen=True, eq=False)
class Performance:
    """A performance.

    Attributes:
        notes: array of NOTE.
        missed: indices of the notes of the score that were left out. Of notes on one key at one time one is
            played; the others are among these.
        pedal: int64 (n, 2): sample and value (0-127) of each message of controller 64, in order; the first is
            at sample 0.
        beats: float64 (m,): the beats of the score, and its end.
        beat_samples: int64 (m,), rising: when these are heard.
        num_samples: length of the recording, silence before and the last sounds included.
    """

    notes: np.ndarray
    missed: np.ndarray
    pedal: np.ndarray
    beats: np.ndarray
    beat_samples: np.ndarray
    num_samples: int
    sample_rate: int


def sounding_ends(
    onset: np.ndarray, key_up: np.ndarray, pitch: np.ndarray, pedal: np.ndarray, num_samples: int
) -> np.ndarray:
    """``end_sample`` of notes: see the module's conventions.

    Args:
        onset, key_up, pitch: of each note, in order of onset.
        pedal: as in Performance.
    """
    end = np.array(key_up, dtype=np.int64)
    if len(pedal):
        down = pedal[:, 1] >= PEDAL_DOWN
        at = np.searchsorted(pedal[:, 0], key_up, side="right") - 1
        # the first message after each one at which the pedal is up
        lifts = np.where(down, num_samples, pedal[:, 0])
        lifts = np.minimum.accumulate(lifts[::-1])[::-1]
        held = (at >= 0) & down[at]
        end[held] = np.minimum(lifts[at[held]], num_samples)
    order = np.lexsort((onset, pitch))
    same = pitch[order][1:] == pitch[order][:-1]
    first, again = order[:-1][same], onset[order[1:][same]]
    end[first] = np.minimum(end[first], again)
    return end
