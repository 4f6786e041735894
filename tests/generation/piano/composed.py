"""Composed pieces for tests, and chord tones told from labels alone."""

from functools import cache

from sousa.generation.piano.composition import Wanted, compose

ABOVE_ROOT = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "diminished": (0, 3, 6),
    "augmented": (0, 4, 8),
    "dominant7": (0, 4, 7, 10),
    "major7": (0, 4, 7, 11),
    "minor7": (0, 3, 7, 10),
    "halfdiminished7": (0, 3, 6, 10),
    "diminished7": (0, 3, 6, 9),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
}


@cache
def pieces(level, count=60, seed=1):
    """The first pieces of a level."""
    return [compose(seed, i, Wanted(level)) for i in range(count)]


def tones(chord):
    """Pitch classes of a chord."""
    return {(chord.root + step) % 12 for step in ABOVE_ROOT[chord.quality]}
