"""A written score of two staves, as it comes from notes."""

from dataclasses import dataclass, field

import numpy as np

from sousa.generation.notation import hands, keys, voices
from sousa.training.transcription import TICKS, metres
from sousa.training.transcription import beats as tracking
from sousa.training.transcription.metres import Beats
from sousa.training.transcription.quantising import Quantising, place_ends, place_onsets

VOICES = 2  # of a staff, at most: more can't be told apart by their stems
WRITTEN = np.dtype([("onset", "i8"), ("length", "i8"), ("pitch", "i2"), ("spelling", "i2"), ("staff", "i1"),
                    ("voice", "i1"), ("source", "i4")])  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """A score.

    Attributes:
        notes: array of WRITTEN in order of onset: places and lengths in ticks, spellings, 0 for the upper
            staff and 1 for the lower one, voices from 1 within a staff, and the number of the note it was.
        bars: ``(onset, length)`` of each in ticks; the first may be an upbeat.
        sharps, mode: the key.
        beats: where its beats were heard; beat 0 is at tick ``origin``.
    """

    title: str
    notes: np.ndarray
    bars: tuple[tuple[int, int], ...]
    metre: str
    sharps: int
    mode: str
    tempo_bpm: float
    beats: Beats
    origin: int = 0
    sources: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def seconds(self, tick: np.ndarray) -> np.ndarray:
        """When places of the score are heard."""
        return self.beats.times((np.asarray(tick, dtype=np.float64) - self.origin) / self.beats.beat_ticks)


def write_down(
    notes: np.ndarray,
    *,
    title: str = "",
    beats: Beats | None = None,
    metre: str = "",
    tempo_bpm: float | None = None,
    key: tuple[int, str] | None = None,
    how: Quantising | None = None,
    staff: np.ndarray | None = None,
) -> Sheet:
    """The score of notes.

    Args:
        notes: array of NOTE, at least one, in order.
        beats: if they are known, with their metre.
        metre: such as ``3/4``, if it is known; else it is found.
        tempo_bpm: of the beats, about, if it is known.
        key: signature and mode, if they are known.
        staff: hand of each note, if they are known.
    """
    how = how or Quantising()
    onsets = tracking.onsets_of(notes)
    if beats is None:
        thirds = metres.is_compound(metre) if metre else None
        beats = metres.beats_of(notes, onsets, *tracking.track(onsets, tempo_bpm, thirds), metre)
    onset = place_onsets(onsets, beats, how)[onsets.group]
    if staff is None:
        staff = hands.split(notes["onset_sec"], notes["offset_sec"], notes["pitch"])
    ends = place_ends(notes, onset, staff, beats, how)
    bars, origin = _bars(beats, int(onset.min()), int(ends.max()))
    sharps, mode = key or keys.of_notes(notes["pitch"], notes["offset_sec"] - notes["onset_sec"])
    out = np.zeros(len(notes), dtype=WRITTEN)
    out["onset"], out["length"] = onset + origin, ends - onset
    out["pitch"], out["staff"] = notes["pitch"], staff
    out["spelling"] = keys.spell(notes["pitch"], sharps, mode)
    out["source"] = np.arange(len(notes))
    out = _without_doubles(out)
    for hand in (hands.RIGHT, hands.LEFT):
        mine = np.flatnonzero(out["staff"] == hand)
        line = out[mine]
        out["voice"][mine] = voices.assign(line["onset"], line["length"], line["pitch"], most=VOICES)
    period = float(np.median(np.diff(beats.sec)))
    quarters = beats.beat_ticks / TICKS
    return Sheet(title, out, bars, beats.metre, sharps, mode, 60 / period * quarters, beats, origin)


def _bars(beats: Beats, first: int, last: int) -> tuple[tuple[tuple[int, int], ...], int]:
    """``(bars, tick of beat 0)``; ``first, last``: ticks from beat 0 between which notes are."""
    begin = beats.first_bar * beats.beat_ticks
    whole = beats.bar_ticks
    before = begin - first
    upbeat = before % whole if before > 0 else 0
    start = begin - (before // whole) * whole if before > 0 else begin + (first - begin) // whole * whole
    bars, at = [], 0
    if upbeat:
        # from the beat in which the first note is
        upbeat = -(-upbeat // beats.beat_ticks) * beats.beat_ticks
        bars.append((0, upbeat))
        at, start_at = upbeat, start - upbeat
    else:
        start_at = start
    while start_at + at < last or not bars:
        bars.append((at, whole))
        at += whole
    return tuple(bars), -start_at


def _without_doubles(notes: np.ndarray) -> np.ndarray:
    """Notes in order; of those at one place and pitch the longest, until its key is struck again."""
    notes = notes[np.lexsort((notes["source"], -notes["length"], notes["pitch"], notes["onset"]))]
    again = np.append(False, (np.diff(notes["onset"]) == 0) & (np.diff(notes["pitch"]) == 0))
    notes = notes[~again]
    last: dict[int, int] = {}
    for i, (onset, pitch) in enumerate(zip(notes["onset"].tolist(), notes["pitch"].tolist(), strict=True)):
        if pitch in last:
            before = last[pitch]
            notes["length"][before] = min(notes["length"][before], onset - notes["onset"][before])
        last[pitch] = i
    return notes
