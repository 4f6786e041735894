"""Notes as a file has them, put into the order and form of a Score.

Rules, where a file leaves something open: the first of two staves is the right hand's. Of more, those whose
notes lie at middle C or above, by their median, are the right hand's, and each is a voice. Notes of a
single staff are given to hands by :mod:`sousa.generation.notation.hands`. A key that two voices strike
together is one note, as long as the longer; one that is struck while another voice holds it ends the held
note. The leading line is the highest note of each chord of the right hand that no higher one of it sounds
over; the left hand's where there is no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from sousa.generation.notation import hands, voices
from sousa.generation.piano.score import (
    HIGHEST_PITCH,
    KEYS,
    LEFT,
    LOWEST_PITCH,
    NOTE,
    ORNAMENTS,
    RIGHT,
)
from sousa.generation.piano.scores.unfit import UnfitScore

MOST_NOTES = 50_000
_MIDDLE_C, _MOST_VOICES = 60, 127


@dataclass
class FileNote:
    """A note as a file has it: times in quarter notes; ``voice`` 0 where the file does not say."""

    onset: Fraction
    duration: Fraction
    pitch: int
    fifths: int
    staff: int
    voice: int = 0
    articulation: int = 0
    ornament: int = 0
    slur: int = -1


def arrange(notes: Sequence[FileNote]) -> np.ndarray:
    """Notes as an array of NOTE, in its order.

    Raises: UnfitScore for more than MOST_NOTES, or pitches that a piano does not have.
    """
    for pitch in sorted({note.pitch for note in notes}):
        if not LOWEST_PITCH <= pitch <= HIGHEST_PITCH:
            raise UnfitScore(
                f"pitch {pitch} is not on a piano ({LOWEST_PITCH} to {HIGHEST_PITCH}); transpose it"
            )
    notes = _one_a_key(notes)
    if len(notes) > MOST_NOTES:  # said before hands are given to them, which takes long
        raise UnfitScore(f"{len(notes):,} notes, of at most {MOST_NOTES:,}; give a shorter piece")
    out = np.zeros(len(notes), dtype=NOTE)
    for i, note in enumerate(notes):
        out[i] = (
            round(float(note.onset), 6), round(float(note.duration), 6), note.pitch, note.fifths, RIGHT, 1,
            note.articulation, note.ornament, note.slur, False,
        )  # fmt: skip
    staff = np.array([note.staff for note in notes], dtype=np.int64)
    out["hand"] = _hands(staff, out)
    voice = np.array([note.voice for note in notes], dtype=np.int64)
    for hand in (RIGHT, LEFT):
        mine = np.flatnonzero(out["hand"] == hand)
        if voice.any():
            numbers = np.unique(staff[mine] * 1000 + voice[mine], return_inverse=True)[1] + 1
            out["voice"][mine] = np.minimum(numbers, _MOST_VOICES)
        else:
            out["voice"][mine] = voices.assign(
                out["onset_beat"][mine], out["duration_beat"][mine], out["pitch"][mine]
            )
    grace = out["ornament"] == ORNAMENTS.index("grace")
    # before the note that they lead to, in the order of the file
    order = np.lexsort((np.where(grace, 0, -out["pitch"]), ~grace, out["hand"], out["onset_beat"]))
    out = out[order]
    out["melody"] = _leading(out)
    return out


def _one_a_key(notes: Sequence[FileNote]) -> list[FileNote]:
    grace = ORNAMENTS.index("grace")
    kept: list[FileNote] = []
    last: dict[int, FileNote] = {}
    for note in sorted(notes, key=lambda n: (n.onset, n.staff, n.voice)):
        before = last.get(note.pitch)
        if note.ornament == grace:
            kept.append(note)
            continue
        if before is not None and before.onset == note.onset:
            before.duration = max(before.duration, note.duration)
            continue
        if before is not None and before.onset + before.duration > note.onset:
            before.duration = note.onset - before.onset
        kept.append(note)
        last[note.pitch] = note
    return kept


def _hands(staff: np.ndarray, notes: np.ndarray) -> np.ndarray:
    staves = np.unique(staff)
    if len(staves) == 1:
        order = np.argsort(notes["onset_beat"], kind="stable")
        out = np.empty(len(notes), dtype=np.int8)
        ends = notes["onset_beat"] + notes["duration_beat"]
        out[order] = hands.split(notes["onset_beat"][order], ends[order], notes["pitch"][order])
        return out
    if len(staves) == 2:
        return np.where(staff == staves[0], RIGHT, LEFT)
    high = [number for number in staves if np.median(notes["pitch"][staff == number]) >= _MIDDLE_C]
    return np.where(np.isin(staff, high), RIGHT, LEFT)


def _leading(notes: np.ndarray) -> np.ndarray:
    """Which notes, in the order of a Score, are of the leading line."""
    hand = RIGHT if (notes["hand"] == RIGHT).any() else LEFT
    out = np.zeros(len(notes), dtype=bool)
    grace = notes["ornament"] == ORNAMENTS.index("grace")
    onset, pitch = notes["onset_beat"], notes["pitch"]
    ends = onset + notes["duration_beat"]
    sounding: list[int] = []
    last = -1.0
    for i in np.flatnonzero((notes["hand"] == hand) & ~grace).tolist():
        sounding = [j for j in sounding if ends[j] > onset[i] + 1e-6]
        # those of a chord stand together, the highest first
        if onset[i] > last and all(pitch[j] < pitch[i] for j in sounding):
            out[i] = True
        last = onset[i]
        sounding.append(i)
    out[grace] = notes["hand"][grace] == hand
    return out


def key_name(sharps: int, mode: str) -> str:
    """Name of a key of this signature."""
    return next(name for name, number in KEYS.items() if number == sharps and name.endswith(mode))
