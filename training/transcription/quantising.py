"""Notes in seconds put on the grid of their beats.

Notes that begin together are a chord at one place. Each beat takes the coarsest division that keeps what
begins in it apart and near its time. Ends go to the same grid; where a piece is played, not reckoned, they
are then tidied, since keys are let go early or late: see :func:`_tidied`.
"""

from dataclasses import dataclass

import numpy as np

from sousa.training.transcription.beats import Onsets
from sousa.training.transcription.metres import Beats, is_compound

SIMPLE, COMPOUND = (1, 2, 3, 4, 6, 8), (1, 3, 6, 12, 2, 4)
_COST = {1: 0.0, 2: 0.6, 3: 1.6, 4: 1.4, 6: 3.0, 8: 3.0, 5: 3.5, 7: 4.0, 12: 4.5, 16: 4.5}
_COMPOUND_COST = {1: 0.0, 3: 0.6, 6: 1.6, 2: 2.2, 4: 3.0, 12: 3.0}
_JITTER_SEC = 0.02  # of onsets that are meant to be at one place of the grid
_CLASH = 4.0  # cost of two onsets that fall on one place
_EXACT, _STRICT = 0.02, 0.9  # of a beat: so near to the grid are so many ends that are as they are written


@dataclass(frozen=True)
class Quantising:
    """How times become places.

    Attributes:
        divisions: what a beat may be divided into; none for those of its metre.
        least: the shortest length of a note, as a share of a beat.
        align_sec: an onset so near to a beat, in seconds, is at it.
    """

    divisions: tuple[int, ...] = ()
    least: float = 1 / 8
    align_sec: float = 0.0

    def allowed(self, metre: str) -> tuple[int, ...]:
        """Divisions of a beat in a metre."""
        return self.divisions or (COMPOUND if is_compound(metre) else SIMPLE)


def place_onsets(onsets: Onsets, beats: Beats, how: Quantising) -> np.ndarray:
    """Places of onsets in ticks from beat 0: int64, rising or the same."""
    place = beats.places(onsets.sec)
    near = np.rint(place)
    aligned = np.abs(beats.times(near) - onsets.sec) <= how.align_sec
    place = np.where(aligned, near, place)
    out = np.zeros(len(place), dtype=np.int64)
    # what is just before a beat belongs to it
    beat = np.floor(place + 1 / 16).astype(int)
    for number in np.unique(beat):
        mine = np.flatnonzero(beat == number)
        length = float(np.diff(beats.times(np.array([number, number + 1])))[0])
        out[mine] = number * beats.beat_ticks + _in_beat(place[mine] - number, length, beats, how)
    return np.maximum.accumulate(out)


def _in_beat(part: np.ndarray, length: float, beats: Beats, how: Quantising) -> np.ndarray:
    """Ticks in a beat of so many seconds, of onsets by their share of it."""
    costs = _COMPOUND_COST if is_compound(beats.metre) else _COST
    best, chosen = np.inf, part
    for division in how.allowed(beats.metre):
        grid = np.rint(part * division)
        error = np.square((part - grid / division) * length / _JITTER_SEC).sum()
        clashes = len(grid) - len(np.unique(grid))
        cost = 0.5 * error + _CLASH * clashes + costs.get(division, 5.0)
        if cost < best - 1e-9:
            best, chosen = cost, grid / division
    return np.rint(chosen * beats.beat_ticks).astype(np.int64)


def place_ends(
    notes: np.ndarray, onset: np.ndarray, staff: np.ndarray, beats: Beats, how: Quantising
) -> np.ndarray:
    """Ends of notes in ticks from beat 0: int64, later than their onsets.

    Args:
        onset: places of notes, in ticks.
        staff: hand of each note.
    """
    finish = beats.places(notes["offset_sec"])
    begin = onset / beats.beat_ticks
    grids = [np.rint(finish * division) / division for division in how.allowed(beats.metre)]
    costs = _COMPOUND_COST if is_compound(beats.metre) else _COST
    error = np.array([np.abs(grid - finish) + 0.012 * costs.get(division, 5.0)
                      for grid, division in zip(grids, how.allowed(beats.metre), strict=True)])  # fmt: skip
    # a grid on which the note has no length is none
    error += 10.0 * (np.array(grids) <= begin[None, :] + 1e-6)
    ends = np.array(grids)[error.argmin(0), np.arange(len(finish))]
    least = max(how.least, 1 / 16)
    ends = np.where(ends - begin < least - 1e-6, begin + least, ends)
    if (np.abs(ends - finish) < _EXACT).mean() < _STRICT:
        ends = np.maximum(_on_grid(onset, finish, beats, how), begin + _least(onset, beats, how))
        for hand in np.unique(staff):
            mine = np.flatnonzero(staff == hand)
            ends[mine] = _tidied(begin[mine], finish[mine], ends[mine])
    return np.maximum(np.rint(ends * beats.beat_ticks).astype(np.int64), onset + 1)


def _divisions(onset: np.ndarray, beats: Beats, how: Quantising) -> dict[int, int]:
    """The coarsest division of each beat that has all its onsets, two or three parts at least."""
    least = 3 if is_compound(beats.metre) else 2
    allowed = sorted(d for d in how.allowed(beats.metre) if d >= least) or [1]
    length, out = beats.beat_ticks, {}
    for beat in np.unique(onset // length).tolist():
        inside = onset[onset // length == beat] % length
        out[beat] = next((d for d in allowed if not (inside * d % length).any()), allowed[-1])
    return out


def _on_grid(onset: np.ndarray, finish: np.ndarray, beats: Beats, how: Quantising) -> np.ndarray:
    """Ends, in beats, on the grid that the onsets of their beat are on."""
    known = _divisions(onset, beats, how)
    # an end needs no finer place than half a division's
    coarser = {4: 2, 8: 4, 6: 3, 12: 6, 16: 4}
    finer = [known.get(int(beat), 1) for beat in np.floor(finish)]
    division = np.array([coarser.get(parts, parts) for parts in finer])
    return np.rint(finish * division) / division


def _least(onset: np.ndarray, beats: Beats, how: Quantising) -> np.ndarray:
    """The shortest length of a note, as a share of a beat: to the next place of the grid where it begins."""
    known = _divisions(onset, beats, how)
    return np.array([1 / known[beat] for beat in (onset // beats.beat_ticks).tolist()])


def _tidied(begin: np.ndarray, finish: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Ends of the notes of a hand as they would be written; all in beats.

    A note that is held for most of the time until the next one, or a little longer, lasts until then; where
    the next one is in a beat or sooner, two fifths of the time are enough. One that is held over others ends
    where one of them begins. Notes of a chord end together, but for those that are twice as long.
    """
    places = np.unique(begin)
    after = np.append(places, np.inf)[np.searchsorted(places, begin + 1e-6)]
    share = (finish - begin) / (after - begin)
    most = np.where(after - begin < 1 + 1e-6, 0.4, 0.75)
    out = np.where(np.isfinite(after) & (share > most) & (share < 1.6), after, np.minimum(ends, after))
    nearest = np.clip(np.searchsorted(places, finish), 1, max(len(places) - 1, 1))
    over = share >= 1.6
    if len(places) > 1:
        lower, upper = places[nearest - 1], places[nearest]
        out[over] = np.where(finish - lower < upper - finish, lower, upper)[over]
    out = np.where(out <= begin + 1e-6, ends, out)
    for place in places:
        chord = np.flatnonzero(begin == place)
        shortest = (out[chord] - place).min()
        alike = chord[out[chord] - place < 2 * shortest]
        out[alike] = np.sort(out[alike])[len(alike) // 2]
    return out
