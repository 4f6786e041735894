"""What a Roman numeral means in a key: tones with their spelling, and the scale around them.

Conventions
-----------
A *place* is a note name in an octave: 7 x octave + letter, with C as letter 0, so C4 is 35 and a step of the
scale is 1. A harmony says for each letter which pitch it has (0 for C in its octave, may be -1 or 12 where a
note is altered) and how it is spelt.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from sousa.generation.piano.score import KEYS

NATURAL = (0, 2, 4, 5, 7, 9, 11)
_NUMERAL = re.compile(
    r"(bb|b|#)?(VII|VI|V|IV|III|II|I|vii|vi|v|iv|iii|ii|i)([oøM+])?(sus2|sus4)?(65|64|43|6|7|2)?(?:/(.+))?"
)
_DEGREES = {
    "major": {"i": 0, "ii": 2, "iii": 4, "iv": -1, "v": 1, "vi": 3, "vii": 5},
    "minor": {"i": 0, "ii": 2, "iii": -3, "iv": -1, "v": 1, "vi": -4, "vii": -2},
}
# fifths above the root
_TONES = {
    "major": (0, 4, 1),
    "minor": (0, -3, 1),
    "diminished": (0, -3, -6),
    "augmented": (0, 4, 8),
    "sus2": (0, 2, 1),
    "sus4": (0, -1, 1),
    "dominant7": (0, 4, 1, -2),
    "major7": (0, 4, 1, 5),
    "minor7": (0, -3, 1, -2),
    "halfdiminished7": (0, -3, -6, -2),
    "diminished7": (0, -3, -6, -9),
}
_INVERSION = {"": 0, "7": 0, "6": 1, "65": 1, "64": 2, "43": 2, "2": 3}


def letter(fifths: int) -> int:
    """Letter of a spelling: 0 for C."""
    return fifths * 4 % 7


def within(fifths: int) -> int:
    """Semitones of a spelling above the C of its octave: -1 for C flat."""
    return NATURAL[letter(fifths)] + (fifths + 1) // 7


class Harmony(NamedTuple):
    """A chord in a key.

    Attributes:
        tones: spellings, from the root up.
        bass: spelling of the lowest note.
        pitches, spellings: of each letter, while it sounds.
        is_tone: whether a letter belongs to the chord.
    """

    numeral: str
    key: str
    quality: str
    tones: tuple[int, ...]
    bass: int
    pitches: tuple[int, ...]
    spellings: tuple[int, ...]
    is_tone: tuple[bool, ...]


def tonic_fifths(key: str) -> int:
    """Spelling of the tonic of a key."""
    return KEYS[key] + (0 if key.endswith("major") else 3)


def _read(numeral: str, minor: bool) -> tuple[int, str, int]:
    """Fifths of the root above the tonic, quality, and inversion."""
    parts = _NUMERAL.fullmatch(numeral)
    if parts is None:
        raise ValueError(f"{numeral!r} is no Roman numeral")
    sign, degree, kind, suspended, figure, of = parts.groups("")
    base = 0
    if of:
        base, quality, _ = _read(of, minor)
        minor = quality.startswith("minor")
    lower = degree.islower()
    root = _DEGREES["minor" if minor else "major"][degree.lower()]
    if degree.lower() == "vii" and lower and minor:
        root = 5  # the leading tone
    root += {"b": -7, "bb": -14, "#": 7}.get(sign, 0) + base
    if figure in ("7", "65", "43", "2"):
        quality = {"M": "major7", "o": "diminished7", "ø": "halfdiminished7"}.get(
            kind, "minor7" if lower else "dominant7"
        )
    else:
        quality = suspended or {"o": "diminished", "+": "augmented"}.get(kind, "minor" if lower else "major")
    return root, quality, _INVERSION[figure]


@lru_cache(maxsize=8192)
def harmony(numeral: str, key: str) -> Harmony:
    """The chord that a numeral is in a key.

    Raises: ValueError for a numeral that is none.
    """
    tonic, minor = tonic_fifths(key), key.endswith("minor")
    root, quality, inversion = _read(numeral, minor)
    tones = tuple(tonic + root + fifths for fifths in _TONES[quality])
    spellings = {letter(KEYS[key] + fifths): KEYS[key] + fifths for fifths in range(-1, 6)}
    if minor and tonic + 5 in tones and tonic - 4 not in tones:
        spellings[letter(tonic + 3)] = tonic + 3  # the melodic scale: no augmented second
    spellings |= {letter(tone): tone for tone in tones}
    ordered = tuple(spellings[name] for name in range(7))
    letters = {letter(tone) for tone in tones}
    return Harmony(
        numeral, key, quality, tones, tones[inversion], tuple(map(within, ordered)), ordered,
        tuple(name in letters for name in range(7)),
    )  # fmt: skip


@lru_cache(maxsize=16384)
def stack(chord: Harmony, bass: int) -> tuple[tuple[int, int], ...]:
    """Chord tones from a bass pitch up, ``(pitch, fifths)``, over three octaves."""
    above = sorted(((within(tone) - bass) % 12, tone) for tone in chord.tones)
    return tuple((bass + step + 12 * octave, tone) for octave in range(3) for step, tone in above)


@lru_cache(maxsize=16384)
def window(chord: Harmony, lowest: int) -> tuple[tuple[int, int], ...]:
    """Chord tones in the octave from a pitch up: what is common to two chords stays where it is."""
    tones = chord.tones
    if len(tones) == 4 and chord.bass == tones[2]:
        tones = (tones[0], tones[1], tones[3])  # the bass has the fifth
    return tuple(sorted((lowest + (within(tone) - lowest) % 12, tone) for tone in tones))
