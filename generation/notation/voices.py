"""Voices within a hand: lines of chords that follow one another."""

import numpy as np

_SAME = 1e-6


def assign(onset: np.ndarray, duration: np.ndarray, pitch: np.ndarray, most: int = 4) -> np.ndarray:
    """Voices of the notes of one hand.

    Notes that begin and end together are a chord in one voice. A chord goes on with the voice that is free
    and was nearest in pitch; where more than ``most`` would be needed, one begins before another has ended.
    Where all voices have ended they are counted anew, so a line that sounds alone is voice 1.

    Args:
        onset, duration, pitch: of each note, in order of onset.

    Returns: int8 (notes,), from 1, of those that sound together the highest on average first.
    """
    onset, duration, pitch = (np.asarray(part, dtype=np.float64) for part in (onset, duration, pitch))
    out = np.zeros(len(onset), dtype=np.int8)
    ends: list[float] = []  # of each voice: where it is free
    places: list[float] = []  # its last pitch
    lines: list[list[int]] = []  # its notes
    chords: dict[tuple[float, float], list[int]] = {}
    for i in range(len(onset)):
        chords.setdefault((round(onset[i], 6), round(duration[i], 6)), []).append(i)
    # of chords that begin together the highest is first
    for (begin, length), notes in sorted(chords.items(), key=lambda c: (c[0][0], -pitch[c[1]].max())):
        if all(end <= begin + _SAME for end in ends):
            _number(out, lines, pitch)
            ends, places, lines = [], [], []
        middle = float(pitch[notes].mean())
        free = [v for v, end in enumerate(ends) if end <= begin + _SAME]
        if free:
            # an interrupted voice is taken up where it lies nearest, the one that sounded last before others
            chosen = min(free, key=lambda v: abs(places[v] - middle) + 2.0 * min(begin - ends[v], 4.0))
        elif len(ends) < most:
            chosen = len(ends)
            ends.append(begin)
            places.append(middle)
            lines.append([])
        else:
            chosen = int(np.argmin(ends))
        lines[chosen] += notes
        ends[chosen], places[chosen] = max(begin + length, ends[chosen]), middle
    _number(out, lines, pitch)
    return out


def _number(out: np.ndarray, lines: list[list[int]], pitch: np.ndarray) -> None:
    """Number lines from 1, the highest on average first."""
    for number, line in enumerate(sorted(lines, key=lambda notes: -pitch[notes].mean()), 1):
        out[line] = number
