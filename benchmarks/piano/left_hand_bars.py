"""What the left hand does in a bar, told from its notes alone."""

import numpy as np

KINDS = ("mixed", "broken", "moving chords", "sparse", "run", "held note", "octaves", "Alberti", "held chord",
         "line", "stride", "empty", "repeated chord", "repeated note")  # fmt: skip
_ABOVE_ROOT = {
    "major": (0, 4, 7), "minor": (0, 3, 7), "diminished": (0, 3, 6), "augmented": (0, 4, 8),
    "dominant7": (0, 4, 7, 10), "major7": (0, 4, 7, 11), "minor7": (0, 3, 7, 10),
    "halfdiminished7": (0, 3, 6, 10), "diminished7": (0, 3, 6, 9), "sus2": (0, 2, 7), "sus4": (0, 5, 7),
}  # fmt: skip


def tones(chord):
    """Pitch classes of a chord."""
    return {(chord.root + step) % 12 for step in _ABOVE_ROOT[chord.quality]}


def kind(onsets, durations, pitches):
    """One of KINDS.

    Args:
        onsets, durations, pitches: of the notes of a bar.
    """
    if not len(onsets):
        return "empty"
    times = np.unique(onsets)
    chords = [tuple(sorted(pitches[onsets == time].tolist())) for time in times]
    sizes = [len(chord) for chord in chords]
    ends = [max((onsets + durations)[onsets == time]) for time in times]
    if len(times) == 1:
        octave = sizes[0] == 2 and chords[0][1] - chords[0][0] == 12
        return "held note" if sizes[0] == 1 or octave else "held chord"
    if any(end > following + 1e-6 for end, following in zip(ends, times[1:], strict=False)):
        return "mixed"  # two voices
    if len(set(chords)) == 1:
        return "repeated note" if sizes[0] == 1 else "repeated chord"
    if all(size == 2 and chord[1] - chord[0] == 12 for size, chord in zip(sizes, chords, strict=True)):
        return "octaves"
    if min(sizes) >= 2:
        return "moving chords"
    low = np.array([chord[0] for chord in chords])
    if max(sizes) == 1:
        steps = np.diff(low)
        small = np.mean(np.abs(steps) <= 2)
        if len(times) >= 4:
            groups = [low[i : i + 4] for i in range(0, len(low) - 3, 4)]
            if groups and all(g[1] == g[3] and g[0] < g[2] < g[1] for g in groups):
                return "Alberti"
        if small >= 0.75 and len(times) >= 3:
            return "run" if len(times) >= 7 else "line"
        if len(times) <= 3:
            return "sparse"
        return "broken" if np.mean(np.abs(steps) >= 3) >= 0.6 else "mixed"
    if sizes[0] == 1 or (chords[0][-1] - chords[0][0] == 12 and sizes[0] == 2):
        return "stride" if max(sizes[1:]) >= 2 else "mixed"
    return "sparse" if len(times) <= 3 else "mixed"
