"""MusicXML as scores, read by music21.

What is taken over: notes with their ties joined, staves as hands, voices, grace notes, trills, mordents,
turns and arpeggios, slurs, staccato, tenuto, accents; metre, key, tempo and dynamics with their changes and
hairpins; upbeats; chord symbols. Repeats, their endings, *da capo* and the like are written out; where they
contradict each other the piece stands as it is written. Of an ensemble with a piano only the piano is
taken.
"""

import warnings
from bisect import bisect_right
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation import extras
from sousa.generation.errors import UsageError, first_line
from sousa.generation.notation import keys as key_finding
from sousa.generation.piano.score import (
    ARTICULATIONS,
    ORNAMENTS,
    STYLES,
    Bar,
    Chord,
    Dynamic,
    Score,
)
from sousa.generation.piano.scores import spanners
from sousa.generation.piano.scores.arranging import FileNote, arrange, key_name
from sousa.generation.piano.scores.repeats import MOST_BARS, playing_order
from sousa.generation.piano.scores.unfit import UnfitScore, bar_length, plain_xml, refuse_numbers
from sousa.generation.text import as_line

_TEMPO = 100.0  # quarter notes a minute of a file that says none
# classes of music21
_ARTICULATIONS = {"Staccato": "staccato", "Staccatissimo": "staccato", "Spiccato": "staccato",
                  "Tenuto": "tenuto", "DetachedLegato": "tenuto", "Accent": "accent",
                  "StrongAccent": "marcato"}  # fmt: skip
_ORNAMENTS = {"Trill": "trill", "WavyLine": "trill", "Mordent": "mordent", "InvertedMordent": "mordent",
              "Turn": "turn", "InvertedTurn": "turn", "ArpeggioMark": "arpeggio"}  # fmt: skip
_VELOCITIES = {"pppp": 22.0, "ppp": 28.0, "pp": 36.0, "p": 45.0, "mp": 54.0, "mf": 63.0, "f": 74.0,
               "ff": 86.0, "fff": 97.0, "ffff": 105.0, "sf": 78.0, "sfz": 80.0, "fz": 78.0,
               "fp": 74.0}  # fmt: skip
_USUAL_VELOCITY, _HAIRPIN = _VELOCITIES["mf"], 12.0  # what a hairpin without an aim leads to is so much away
_QUALITIES = {"major": "major", "minor": "minor", "augmented": "augmented", "diminished": "diminished",
              "dominant-seventh": "dominant7", "major-seventh": "major7", "minor-seventh": "minor7",
              "diminished-seventh": "diminished7", "half-diminished-seventh": "halfdiminished7",
              "suspended-second": "sus2", "suspended-fourth": "sus4"}  # fmt: skip
_COMPOSERS = {"baroque": "bach handel händel scarlatti couperin rameau vivaldi purcell telemann corelli",
              "romantic": "chopin schumann brahms liszt schubert mendelssohn grieg tchaikovsky rachmaninoff "
                          "scriabin debussy ravel satie fauré field dvořák dvorak franck",
              "popular": "joplin gershwin berlin porter ellington kern"}  # fmt: skip


@dataclass
class _Fragment:
    """A note, or the part of one between ties, in a bar."""

    note: FileNote
    begins: bool  # no tie leads to it
    goes_on: bool


@dataclass
class _WrittenBar:
    """What stands in a bar; times are from its beginning."""

    length: Fraction
    metre: str
    fragments: list[_Fragment] = field(default_factory=list)
    keys: list[tuple[Fraction, int, str]] = field(default_factory=list)  # sharps, mode or ""
    tempi: list[tuple[Fraction, bool, float]] = field(default_factory=list)
    dynamics: list[tuple[Fraction, float, bool]] = field(default_factory=list)
    chords: list[tuple[Fraction, int, int, str]] = field(default_factory=list)  # root, bass, quality


def read_musicxml(data: bytes, name: str) -> Score:
    """The score of a MusicXML file.

    Raises: UsageError without music21, UnfitScore for a file that it can't read.
    """
    try:
        from music21 import converter, stream
    except ImportError:
        raise UsageError(
            f"MusicXML is read by music21, which is not installed; run: {extras.how_to_install('scores')}"
        ) from None
    text = plain_xml(data)
    if "<score-partwise" not in text and "<score-timewise" not in text:
        raise UnfitScore("no MusicXML; export it again")
    refuse_numbers(text)
    try:
        with warnings.catch_warnings():  # of bars that are too full, and the like
            warnings.simplefilter("ignore")
            piece = converter.parseData(text, format="musicxml")
    except Exception as error:  # of a dozen kinds, by what a file lacks
        raise UnfitScore(f"music21 can't read it ({first_line(error)}); export it again") from None
    if not isinstance(piece, stream.Score):
        raise UnfitScore("it holds several pieces; give each a file")
    parts = [part for part in piece.parts if list(part.getElementsByClass(stream.Measure))]
    keyboard: list[Any] = [part for part in parts if isinstance(part, stream.PartStaff)]
    if len(keyboard) == 2:
        parts = keyboard
    if not parts:
        raise UnfitScore("no bars in it; give a piece for piano")
    bars = _written(piece, parts)
    order = playing_order(parts[0])
    if len(order) > MOST_BARS:
        raise UnfitScore(f"more than {MOST_BARS:,} bars; give a shorter piece")
    return _score(piece, [bars[i] for i in order], name)


def _written(piece: Any, parts: list[Any]) -> list[_WrittenBar]:
    """The bars of a piece as they are written, by their parts in music21."""
    from music21 import stream

    measures = [list(part.getElementsByClass(stream.Measure)) for part in parts]
    first = measures[0]
    starts = [Fraction(measure.offset) for measure in first]
    last = max(Fraction(m[-1].highestTime) for m in measures)
    lengths = [b - a for a, b in zip(starts, [*starts[1:], starts[-1] + last], strict=True)]
    bars, metre = [], "4/4"
    for measure, length in zip(first, lengths, strict=True):
        if (signature := measure.timeSignature) is not None:
            metre = f"{signature.numerator}/{signature.denominator}"
            bar_length(metre)
        bars.append(_WrittenBar(length or Fraction(measure.barDuration.quarterLength), metre))
    places = spanners.places_of(measures)
    slurs = spanners.slurs_of(piece, places)
    spread = spanners.arpeggios_of(piece)
    for staff, own in enumerate(measures):
        for bar, measure in zip(bars, own, strict=False):
            for element in measure.recurse():
                at = Fraction(element.getOffsetInHierarchy(measure))
                _add(bar, element, at, staff, slurs.get(id(element), -1), id(element) in spread)
    _add_hairpins(piece, places, bars, starts)
    return bars


def _add(bar: _WrittenBar, element: Any, at: Fraction, staff: int, slur: int, spread: bool) -> None:
    """Put an element of a measure into its bar."""
    from music21 import chord, dynamics, harmony, key, note, tempo

    if isinstance(element, harmony.ChordSymbol):
        root, bass = element.root(), element.bass()
        if root is not None and bass is not None:
            bar.chords.append(
                (at, root.pitchClass, bass.pitchClass, _QUALITIES.get(element.chordKind, "other"))
            )
    elif isinstance(element, (note.Note, chord.Chord)):
        if not (element.style.hideObjectOnPrint and element.duration.isGrace):
            _add_notes(bar, element, at, staff, slur, spread)
    elif isinstance(element, key.KeySignature) and staff == 0:
        bar.keys.append((at, element.sharps, element.mode if isinstance(element, key.Key) else ""))
    elif isinstance(element, tempo.MetronomeMark):
        bpm = None
        with suppress(ZeroDivisionError):  # music21's, of a tempo of 0
            bpm = element.getQuarterBPM()
        if bpm and 5.0 <= bpm <= 600.0:
            # one that is printed goes before one for playback at the same place
            bar.tempi.append((at, element.number is not None, round(float(bpm), 3)))
    elif isinstance(element, dynamics.Dynamic) and element.value in _VELOCITIES:
        bar.dynamics.append((at, _VELOCITIES[element.value], False))


def _add_notes(bar: _WrittenBar, element: Any, at: Fraction, staff: int, slur: int, spread: bool) -> None:
    marks = {_ARTICULATIONS.get(type(mark).__name__, "none") for mark in element.articulations}
    articulation = max(map(ARTICULATIONS.index, marks or {"none"}))
    ornaments = {_ORNAMENTS.get(type(mark).__name__, "none") for mark in element.expressions} - {"none"}
    grace = element.duration.isGrace
    single = element.notes if element.isChord else (element,)
    top = max(single, key=lambda part: part.pitch.ps)
    for part in single:
        chord_like = spread or "arpeggio" in ornaments
        ornament = (
            next(iter(sorted(ornaments - {"arpeggio"}))) if ornaments - {"arpeggio"} and part is top else ""
        )
        ornament = "grace" if grace else ornament or ("arpeggio" if chord_like else "none")
        pitch = part.pitch
        fifths = "FCGDAEB".index(pitch.step) - 1 + 7 * round(pitch.alter)
        tie = part.tie.type if part.tie is not None and not grace else ""
        written = FileNote(
            at, Fraction(0) if grace else Fraction(element.duration.quarterLength), round(pitch.ps), fifths,
            staff, spanners.voice_of(element), articulation, ORNAMENTS.index(ornament), slur,
        )  # fmt: skip
        bar.fragments.append(
            _Fragment(written, tie not in ("stop", "continue"), tie in ("start", "continue"))
        )


def _add_hairpins(
    piece: Any, places: dict[int, spanners.Place], bars: list[_WrittenBar], starts: list[Fraction]
) -> None:
    def put(beat: Fraction, value: float) -> None:
        number = min(max(bisect_right(starts, beat) - 1, 0), len(bars) - 1)
        bars[number].dynamics.append((beat - starts[number], value, True))

    for hairpin in piece.recurse().getElementsByClass(["Crescendo", "Diminuendo"]):
        if ends := spanners.ends_of(hairpin, places):
            put(ends[0].beat, _HAIRPIN if type(hairpin).__name__ == "Crescendo" else -_HAIRPIN)
            put(ends[1].beat + ends[1].length, 0.0)


def _score(piece: Any, bars: list[_WrittenBar], name: str) -> Score:
    """The score of bars in the order in which they are played."""
    onsets, at = [], Fraction(0)
    for bar in bars:
        onsets.append(at)
        at += bar.length
    notes = arrange(_joined(zip(onsets, bars, strict=True)))
    placed = [(onset + Fraction(0), bar) for onset, bar in zip(onsets, bars, strict=True)]
    tempi = _changes((o + t, bpm) for o, bar in placed for t, _, bpm in sorted(bar.tempi))
    first = tempi[0][1] if tempi and tempi[0][0] == 0 else (tempi[0][1] if tempi else _TEMPO)
    keys = _keys(placed, notes)
    chords = _chords(placed, keys, float(at))
    metadata = piece.metadata
    title = next((t for t in (metadata and metadata.title, metadata and metadata.movementName) if t), "")
    composer = (metadata and metadata.composer) or ""
    rights = (metadata and metadata.copyright) or ""
    return Score(
        title=_line(title) or Path(name).stem,
        style=_style(f"{composer} {title}"),
        complexity="unrated",
        tempo_bpm=first,
        notes=notes,
        bars=tuple(Bar(float(o), float(bar.length), bar.metre) for o, bar in placed),
        keys=keys,
        chords=chords,
        dynamics=_dynamics(placed),
        tempi=tuple((beat, bpm) for beat, bpm in tempi if beat > 0),
        source=name,
        licence=_line(str(rights)),
    )


def _joined(placed: Iterable[tuple[Fraction, _WrittenBar]]) -> list[FileNote]:
    """Notes of bars in order, those that are tied joined."""
    out: list[FileNote] = []
    held: dict[tuple[int, int], FileNote] = {}  # by staff and pitch: notes with a tie that leads on
    for onset, bar in placed:
        for part in sorted(bar.fragments, key=lambda f: f.note.onset):
            note = FileNote(**{**vars(part.note), "onset": onset + part.note.onset})
            key = (note.staff, note.pitch)
            before = held.pop(key, None)
            # a jump back leaves ties without their end
            if not part.begins and before is not None and before.onset + before.duration == note.onset:
                before.duration += note.duration
                note = before
            else:
                out.append(note)
            if part.goes_on:
                held[key] = note
    return out


def _changes(events: Iterable[tuple[Fraction, float]]) -> list[tuple[float, float]]:
    """Values where they differ from the one before, by their beat."""
    out: list[tuple[float, float]] = []
    for beat, value in events:
        if out and out[-1][0] == float(beat):
            out.pop()
        if not out or out[-1][1] != value:
            out.append((float(beat), value))
    return out


def _keys(placed: list[tuple[Fraction, _WrittenBar]], notes: np.ndarray) -> tuple[tuple[float, str], ...]:
    """Keys by signatures; notes tell the mode, or the key, where the file has none."""
    signatures: list[tuple[float, int | None, str]] = []
    for onset, bar in placed:
        for at, number, kind in bar.keys:
            if not signatures or signatures[-1][1:] != (number, kind):
                signatures.append((float(onset + at), number, kind))
    if not signatures or signatures[0][0] > 0:
        signatures.insert(0, (0.0, None, ""))
    out: list[tuple[float, str]] = []
    ends = [*(beat for beat, _, _ in signatures[1:]), np.inf]
    for (beat, sharps, mode), end in zip(signatures, ends, strict=True):
        inside = notes[(notes["onset_beat"] >= beat) & (notes["onset_beat"] < end)]
        signature: Any = None if sharps is None else key_finding.within(sharps)
        if signature is None or mode not in key_finding.MODES:
            heard = inside if len(inside) else notes
            if not len(heard):
                continue
            signature, mode = key_finding.of_notes(heard["pitch"], heard["duration_beat"], signature)
        named = key_name(signature, mode)
        if not out or out[-1][1] != named:
            out.append((beat, named))
    return tuple(out) or ((0.0, "C major"),)


def _chords(
    placed: list[tuple[Fraction, _WrittenBar]], keys: tuple[tuple[float, str], ...], end: float
) -> tuple[Chord, ...]:
    symbols = [
        (float(o + at), root, bass, quality)
        for o, bar in placed
        for at, root, bass, quality in sorted(bar.chords)
    ]
    ends = [*(symbol[0] for symbol in symbols), end][1:]
    return tuple(
        Chord(
            beat,
            until - beat,
            "",
            keys[bisect_right(keys, beat, key=lambda key: key[0]) - 1][1],
            root,
            bass,
            quality,
        )
        for (beat, root, bass, quality), until in zip(symbols, ends, strict=True)
        if until > beat
    )


def _dynamics(placed: list[tuple[Fraction, _WrittenBar]]) -> tuple[Dynamic, ...]:
    """Written loudness, hairpins led to the next mark, or so far as is usual."""
    out: list[Dynamic] = []
    level, change = _USUAL_VELOCITY, 0.0
    for onset, bar in placed:
        for at, value, hairpin in sorted(bar.dynamics, key=lambda d: (d[0], not d[2], d[1] != 0.0)):
            beat = float(onset + at)
            if hairpin and value:
                out.append(Dynamic(beat, level, True))
                change = value
                continue
            if hairpin:
                value = float(np.clip(level + change, _VELOCITIES["ppp"], _VELOCITIES["fff"]))
            if out and out[-1].onset_beat == beat:
                out.pop()
            level, change = value, 0.0
            out.append(Dynamic(beat, level))
    return tuple(out)


def _style(text: str) -> str:
    words = set(text.lower().replace(",", " ").replace(".", " ").split())
    return next((style for style in STYLES if words & set(_COMPOSERS.get(style, "").split())), "classical")


def _line(text: str) -> str:
    return as_line(text)[:200]
