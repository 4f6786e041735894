"""A written piece: what composers and readers of files make, performers play, and engravers write.

Conventions
-----------
Time in a score is in quarter notes from the start of its first bar, as float64; a bar that is not full
(an upbeat) is the first one and shorter. Notes stand in order of onset, then hand, then falling pitch.

*Grace notes* have no duration and the onset of the note they lead to; they are played in their order.
*Ties* are one note. A note with the ornament ``trill``, ``mordent`` or ``turn`` is written once, and
performers play it as several; chords whose notes have ``arpeggio`` are broken upwards.

A *spelling* is a place on the line of fifths: C is 0, G 1, F -1, F sharp 6, B flat -2. It tells the names
of notes apart that sound alike. Keys are named as ``F# minor`` or ``Bb major``; each of the 24 has one name
(see :data:`KEYS`).
"""

from dataclasses import dataclass, field

import numpy as np

RIGHT, LEFT = 0, 1
LOWEST_PITCH, HIGHEST_PITCH = 21, 108
COMPLEXITIES = ("simple", "medium", "complex")
STYLES = ("baroque", "classical", "romantic", "popular")
ARTICULATIONS = ("none", "staccato", "tenuto", "accent", "marcato")
ORNAMENTS = ("none", "grace", "trill", "mordent", "turn", "arpeggio")
CADENCES = ("none", "PAC", "IAC", "HC", "DC")  # perfect, imperfect, half, deceptive

NOTE = np.dtype(
    [
        ("onset_beat", "f8"),
        ("duration_beat", "f8"),  # as notated; 0 for grace notes
        ("pitch", "i2"),  # MIDI note number
        ("fifths", "i1"),  # spelling
        ("hand", "i1"),  # RIGHT or LEFT
        ("voice", "i1"),  # within its hand, from 1, the highest first
        ("articulation", "i1"),  # index of ARTICULATIONS
        ("ornament", "i1"),  # index of ORNAMENTS
        ("slur", "i4"),  # number of the slur it is under, -1 for none
        ("melody", "?"),  # whether it belongs to the leading line
    ]
)


@dataclass(frozen=True)
class Bar:
    """A bar: where it begins, how long it is, and its metre, such as ``6/8``."""

    onset_beat: float
    length_beat: float
    metre: str


@dataclass(frozen=True)
class Chord:
    """A harmony.

    Attributes:
        numeral: Roman numeral in the local key with figures, such as ``V65/V`` or ``viio7``, if known.
        key: the local key it is read in.
        root, bass: pitch classes, 0-11.
        quality: major, minor, diminished, augmented, dominant7, major7, minor7, halfdiminished7,
            diminished7, sus2, sus4 or other.
    """

    onset_beat: float
    duration_beat: float
    numeral: str
    key: str
    root: int
    bass: int
    quality: str


@dataclass(frozen=True)
class Phrase:
    """A phrase, from its first note to where the next one may begin, and the cadence it ends with."""

    onset_beat: float
    end_beat: float
    cadence: str


@dataclass(frozen=True)
class Dynamic:
    """A written loudness, as the MIDI velocity of a note of the accompaniment that it asks for, from here on.

    Between two of them where ``hairpin`` is set, loudness goes in a straight line to the next one.
    """

    onset_beat: float
    velocity: float
    hairpin: bool = False


@dataclass(frozen=True, eq=False)
class Score:
    """A piece.

    Attributes:
        notes: array of NOTE, see the module's conventions.
        keys: ``(onset_beat, name)`` of each local key, the first being that of the piece.
        tempo_bpm: quarter notes a minute, at the beginning.
        tempi: ``(onset_beat, tempo_bpm)`` of written changes after that.
        style: one of STYLES: what performers take tempo, touch and pedal from.
        complexity: one of COMPLEXITIES, or ``unrated`` for a file.
        licence: of a file, as its owner states it; empty for a composed piece.
    """

    title: str
    style: str
    complexity: str
    tempo_bpm: float
    notes: np.ndarray
    bars: tuple[Bar, ...]
    keys: tuple[tuple[float, str], ...]
    chords: tuple[Chord, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    dynamics: tuple[Dynamic, ...] = ()
    tempi: tuple[tuple[float, float], ...] = field(default=())
    source: str = "composed"
    licence: str = ""

    @property
    def end_beat(self) -> float:
        """Where the last bar ends."""
        return self.bars[-1].onset_beat + self.bars[-1].length_beat


_MAJOR = ("Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B")
_MINOR = ("Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#")
# every key, with its sharps (positive) or flats
KEYS: dict[str, int] = {
    f"{tonic} {mode}": fifths
    for mode, tonics in (("major", _MAJOR), ("minor", _MINOR))
    for fifths, tonic in enumerate(tonics, -6)
}


def tonic_of(key: str) -> int:
    """Pitch class of the tonic of a key."""
    return (KEYS[key] * 7 + (0 if key.endswith("major") else 9)) % 12


def spelt(fifths: int) -> tuple[str, int]:
    """``(letter, alteration)`` of a spelling: ``(F, 1)`` for F sharp."""
    return "FCGDAEB"[(fifths + 1) % 7], (fifths + 1) // 7


def beat_length(metre: str) -> float:
    """Quarter notes of a beat that a player counts: 1.5 in 6/8, 1 in 3/4, 2 in 2/2."""
    count, unit = (int(part) for part in metre.split("/"))
    return 4.0 / unit * (3 if unit >= 8 and count % 3 == 0 and count > 3 else 1)
