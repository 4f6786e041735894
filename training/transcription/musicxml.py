"""Scores as MusicXML 4.0: two staves with their clefs, bars, voices, chords, rests and ties."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from operator import itemgetter
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from sousa.training.transcription import TICKS
from sousa.training.transcription.metres import is_compound
from sousa.training.transcription.sheet import Sheet

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 '
    'Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_TYPES = ("whole", "half", "quarter", "eighth", "16th", "32nd", "64th")
_CLEFS = (("G", "2"), ("F", "4"))
_VOICES = 4  # of a staff: those of the lower one have numbers from 5
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}


@cache
def _values() -> dict[int, tuple[str, int, int, int]]:
    """Lengths in ticks that one note can have: ``(type, dots, actual, normal)``, those of tuplets last."""
    out: dict[int, tuple[str, int, int, int]] = {}
    for actual, normal in ((1, 1), (3, 2), (5, 4), (7, 4)):
        for power, name in enumerate(_TYPES):
            for dots in (0, 1, 2) if actual == 1 else (0,):
                numerator = 4 * TICKS * normal * (2 ** (dots + 1) - 1)
                length, rest = divmod(numerator, actual * 2**power * 2**dots)
                if not rest and length not in out:
                    out[length] = (name, dots, actual, normal)
    return out


def _pieces(begin: int, end: int, beat: int) -> list[int]:
    """Lengths that notes can have, from one tick of a bar to another; off the beat, up to the next."""
    out = []
    while begin < end:
        length = end - begin
        if length not in _values():
            to_beat = beat - begin % beat
            off = begin % beat and to_beat < length
            limit = to_beat if off else length
            length = limit if limit in _values() else max((v for v in _values() if v <= limit), default=limit)
        out.append(length)
        begin += length
    return out


def encode(sheet: Sheet) -> bytes:
    """A score as a MusicXML file."""
    root = Element("score-partwise", version="4.0")
    if sheet.title:
        SubElement(SubElement(root, "work"), "work-title").text = sheet.title
    SubElement(SubElement(SubElement(root, "identification"), "encoding"), "software").text = "SOUSA"
    parts = SubElement(root, "part-list")
    SubElement(SubElement(parts, "score-part", id="P1"), "part-name").text = "Keyboard"
    part = SubElement(root, "part", id="P1")
    voices = list(_voices(sheet))
    for number, (onset, length) in enumerate(sheet.bars):
        upbeat = number == 0 and len(sheet.bars) > 1 and length < sheet.bars[1][1]
        measure = SubElement(part, "measure", number=str(number + (not _has_upbeat(sheet))))
        if upbeat:
            measure.set("implicit", "yes")
        if number == 0:
            _attributes(measure, sheet)
        _fill(measure, sheet, voices, onset, length)
        if number == len(sheet.bars) - 1:
            barline = SubElement(measure, "barline", location="right")
            SubElement(barline, "bar-style").text = "light-heavy"
    ElementTree.indent(root, " ")
    return _HEAD.encode() + ElementTree.tostring(root, "utf-8") + b"\n"


def _has_upbeat(sheet: Sheet) -> bool:
    return len(sheet.bars) > 1 and sheet.bars[0][1] < sheet.bars[1][1]


def _voices(sheet: Sheet) -> Iterator[tuple[int, int, list[tuple[int, int, np.ndarray]]]]:
    """``(staff, voice, chords)`` of each; chords are ``(onset, end, notes)``, one after the other."""
    for staff in (0, 1):
        of_staff = sheet.notes[sheet.notes["staff"] == staff]
        for voice in range(1, _VOICES + 1):
            notes = of_staff[of_staff["voice"] == voice]
            chords = []
            for onset in np.unique(notes["onset"]):
                chord = notes[notes["onset"] == onset]
                chords.append([int(onset), int(onset + chord["length"].max()), np.sort(chord, order="pitch")])
            for first, second in pairwise(chords):
                first[1] = min(first[1], second[0])
            if chords or voice == 1:
                yield staff, voice, [tuple(chord) for chord in chords]


def _attributes(measure: Element, sheet: Sheet) -> None:
    attributes = SubElement(measure, "attributes")
    SubElement(attributes, "divisions").text = str(TICKS)
    key = SubElement(attributes, "key")
    SubElement(key, "fifths").text = str(sheet.sharps)
    SubElement(key, "mode").text = sheet.mode
    time = SubElement(attributes, "time")
    for name, text in zip(("beats", "beat-type"), sheet.metre.split("/"), strict=True):
        SubElement(time, name).text = text
    SubElement(attributes, "staves").text = "2"
    for number, (sign, line) in enumerate(_CLEFS, 1):
        clef = SubElement(attributes, "clef", number=str(number))
        SubElement(clef, "sign").text = sign
        SubElement(clef, "line").text = line
    direction = SubElement(measure, "direction", placement="above")
    mark = SubElement(SubElement(direction, "direction-type"), "metronome")
    compound = is_compound(sheet.metre)
    SubElement(mark, "beat-unit").text = "quarter"
    if compound:
        SubElement(mark, "beat-unit-dot")
    SubElement(mark, "per-minute").text = str(round(sheet.tempo_bpm / (1.5 if compound else 1.0)))
    SubElement(direction, "sound", tempo=f"{sheet.tempo_bpm:.3f}")


def _fill(measure: Element, sheet: Sheet, voices: list, onset: int, length: int) -> None:
    """Put the part of every voice that is in a bar into it."""
    end, written = onset + length, False
    for staff, voice, chords in voices:
        # chords of a voice follow one another, so their ends are in order as well
        first = bisect_right(chords, onset, key=itemgetter(1))
        here = chords[first : bisect_left(chords, end, key=itemgetter(0))]
        if not here and voice > 1:
            continue
        if written:
            SubElement(SubElement(measure, "backup"), "duration").text = str(length)
        written = True
        signs: dict[tuple[str, int], int] = {}
        at = onset
        for begin, finish, notes in here:
            first, last = max(begin, onset), min(finish, end)
            _rest(measure, at, first, staff, voice, sheet, onset, length)
            for k, piece in enumerate(
                lengths := _pieces(first - onset, last - onset, sheet.beats.beat_ticks)
            ):
                tied = (k > 0 or begin < onset, k < len(lengths) - 1 or finish > end)
                for member, note in enumerate(notes):
                    _note(measure, note, piece, staff, voice, tied, member > 0, signs, sheet.sharps)
            at = last
        _rest(measure, at, end, staff, voice, sheet, onset, length)


def _rest(
    measure: Element, begin: int, end: int, staff: int, voice: int, sheet: Sheet, onset: int, length: int
) -> None:
    if begin >= end:
        return
    if voice > 1:  # only the first voice of a staff shows its rests
        forward = SubElement(measure, "forward")
        SubElement(forward, "duration").text = str(end - begin)
        SubElement(forward, "voice").text = str(staff * _VOICES + voice)
        SubElement(forward, "staff").text = str(staff + 1)
        return
    whole = end - begin == length == sheet.beats.bar_ticks
    for piece in [length] if whole else _pieces(begin - onset, end - onset, sheet.beats.beat_ticks):
        element = SubElement(measure, "note")
        rest = SubElement(element, "rest")
        if whole:
            rest.set("measure", "yes")
        _timing(element, piece, staff, voice, (False, False), typed=not whole)


def _note(
    measure: Element, note: np.void, length: int, staff: int, voice: int, tied: tuple[bool, bool],
    chord: bool, signs: dict[tuple[str, int], int], sharps: int,
) -> None:  # fmt: skip
    element = SubElement(measure, "note")
    if chord:
        SubElement(element, "chord")
    letter, alter = "FCGDAEB"[(int(note["spelling"]) + 1) % 7], (int(note["spelling"]) + 1) // 7
    octave = (int(note["pitch"]) - alter) // 12 - 1
    pitch = SubElement(element, "pitch")
    SubElement(pitch, "step").text = letter
    if alter:
        SubElement(pitch, "alter").text = str(alter)
    SubElement(pitch, "octave").text = str(octave)
    usual = (sharps > "FCGDAEB".index(letter)) - (-sharps > "BEADGCF".index(letter))
    accidental = ""
    if not tied[0] and signs.get((letter, octave), usual) != alter:
        signs[letter, octave] = alter
        accidental = _ACCIDENTALS.get(alter, "")
    _timing(element, length, staff, voice, tied, accidental=accidental)


def _timing(
    element: Element, length: int, staff: int, voice: int, tied: tuple[bool, bool], accidental: str = "",
    typed: bool = True,
) -> None:  # fmt: skip
    """What follows the pitch of a note, in the order of the schema."""
    SubElement(element, "duration").text = str(length)
    kinds = [kind for kind, is_so in zip(("stop", "start"), tied, strict=True) if is_so]
    for kind in kinds:
        SubElement(element, "tie", type=kind)
    SubElement(element, "voice").text = str(staff * _VOICES + voice)
    name, dots, actual, normal = _values().get(length, ("", 0, 1, 1))
    if typed and name:
        SubElement(element, "type").text = name
        for _ in range(dots):
            SubElement(element, "dot")
    if accidental:
        SubElement(element, "accidental").text = accidental
    if typed and actual > 1:
        ratio = SubElement(element, "time-modification")
        SubElement(ratio, "actual-notes").text = str(actual)
        SubElement(ratio, "normal-notes").text = str(normal)
    SubElement(element, "staff").text = str(staff + 1)
    if kinds:
        notations = SubElement(element, "notations")
        for kind in kinds:
            SubElement(notations, "tied", type=kind)
