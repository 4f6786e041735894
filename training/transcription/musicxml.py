"""Scores as MusicXML 4.0: two staves with their clefs, bars, voices, chords, rests and ties."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from operator import itemgetter
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from sousa.training.transcription import TICKS
from sousa.training.transcription.beaming import Event, beams, tuplets
from sousa.training.transcription.metres import is_compound
from sousa.training.transcription.sheet import VOICES, Sheet
from sousa.training.transcription.values import pieces, values

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 '
    'Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_CLEFS = (("G", "2"), ("F", "4"))
_LINES = ((64, 77), (43, 57))  # pitches of the lowest and the highest line, by clef
_CHANGE_OF_CLEF = 8.0  # in leger lines that it has to save
_NUMBERS = 4  # voices of the lower staff are counted from 5, as is usual
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}


def encode(sheet: Sheet) -> bytes:
    """A score as a MusicXML file."""
    root = Element("score-partwise", version="4.0")
    if sheet.title:
        SubElement(SubElement(root, "work"), "work-title").text = sheet.title
    SubElement(SubElement(SubElement(root, "identification"), "encoding"), "software").text = "SOUSA"
    parts = SubElement(root, "part-list")
    SubElement(SubElement(parts, "score-part", id="P1"), "part-name").text = "Keyboard"
    part = SubElement(root, "part", id="P1")
    voices, clefs = list(_voices(sheet)), [_clefs(sheet, staff) for staff in (0, 1)]
    for number, (onset, length) in enumerate(sheet.bars):
        upbeat = number == 0 and len(sheet.bars) > 1 and length < sheet.bars[1][1]
        measure = SubElement(part, "measure", number=str(number + (not _has_upbeat(sheet))))
        if upbeat:
            measure.set("implicit", "yes")
        if number == 0:
            _attributes(measure, sheet, [of_staff[0] for of_staff in clefs])
        elif any(of_staff[number] != of_staff[number - 1] for of_staff in clefs):
            attributes = SubElement(measure, "attributes")
            for staff, of_staff in enumerate(clefs):
                if of_staff[number] != of_staff[number - 1]:
                    _clef(attributes, staff, of_staff[number])
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
        for voice in range(1, VOICES + 1):
            notes = of_staff[of_staff["voice"] == voice]
            chords = []
            for onset in np.unique(notes["onset"]):
                chord = notes[notes["onset"] == onset]
                chords.append([int(onset), int(onset + chord["length"].max()), np.sort(chord, order="pitch")])
            for first, second in pairwise(chords):
                first[1] = min(first[1], second[0])
            if chords or voice == 1:
                yield staff, voice, [tuple(chord) for chord in chords]


def _clefs(sheet: Sheet, staff: int) -> list[int]:
    """The clef of each bar of a staff, of those that together take the fewest leger lines and changes."""
    notes = sheet.notes[sheet.notes["staff"] == staff]
    bar = np.searchsorted([onset for onset, _ in sheet.bars], notes["onset"], side="right") - 1
    costs = np.zeros((len(sheet.bars), len(_CLEFS)))
    for clef, (low, high) in enumerate(_LINES):
        beyond = np.maximum(low - notes["pitch"], 0) + np.maximum(notes["pitch"] - high, 0)
        np.add.at(costs[:, clef], bar, beyond / 3.5)  # semitones from line to line
    change = _CHANGE_OF_CLEF * (1 - np.eye(len(_CLEFS)))
    total, before = costs[0] + change[staff], []  # a staff begins with its own clef, if it can
    for cost in costs[1:]:
        ways = total[:, None] + change
        before.append(ways.argmin(0))
        total = ways.min(0) + cost
    out = [int(total.argmin())]
    for came in reversed(before):
        out.append(int(came[out[-1]]))
    return out[::-1]


def _clef(attributes: Element, staff: int, clef: int) -> None:
    element = SubElement(attributes, "clef", number=str(staff + 1))
    for name, text in zip(("sign", "line"), _CLEFS[clef], strict=True):
        SubElement(element, name).text = text


def _attributes(measure: Element, sheet: Sheet, clefs: list[int]) -> None:
    attributes = SubElement(measure, "attributes")
    SubElement(attributes, "divisions").text = str(TICKS)
    key = SubElement(attributes, "key")
    SubElement(key, "fifths").text = str(sheet.sharps)
    SubElement(key, "mode").text = sheet.mode
    time = SubElement(attributes, "time")
    for name, text in zip(("beats", "beat-type"), sheet.metre.split("/"), strict=True):
        SubElement(time, name).text = text
    SubElement(attributes, "staves").text = "2"
    for staff, clef in enumerate(clefs):
        _clef(attributes, staff, clef)
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
    written = False
    for staff in (0, 1):
        events = {
            voice: parts
            for number, voice, chords in voices
            if number == staff and ((parts := _events(chords, voice, sheet, onset, length)) or voice == 1)
        }
        signs = _signs(events, sheet.sharps)
        for voice, parts in events.items():
            if written:
                SubElement(SubElement(measure, "backup"), "duration").text = str(length)
            written = True
            marks = zip(parts, beams(parts, sheet.beats), tuplets(parts, sheet.beats), strict=True)
            for number, (event, joined, bracket) in enumerate(marks):
                if voice > 1 and not len(event.notes) and not event.length % sheet.beats.beat_ticks:
                    forward = SubElement(measure, "forward")
                    SubElement(forward, "duration").text = str(event.length)
                    SubElement(forward, "voice").text = str(staff * _NUMBERS + voice)
                    SubElement(forward, "staff").text = str(staff + 1)
                    continue
                whole = not len(event.notes) and event.length == length == sheet.beats.bar_ticks
                for member in range(max(len(event.notes), 1)):
                    element = SubElement(measure, "note")
                    if len(event.notes):
                        _pitch(element, event.notes[member], member > 0)
                    else:
                        SubElement(element, "rest", {"measure": "yes"} if whole else {})
                    _rest_of_note(
                        element, event, staff, voice, () if member else joined, () if member else bracket,
                        signs.get((voice, number, member), ""), typed=not whole,
                    )  # fmt: skip


def _events(chords: list, voice: int, sheet: Sheet, onset: int, length: int) -> list[Event]:
    """Notes and rests of a voice in a bar; none where it has no notes, unless it is the first."""
    # chords of a voice follow one another, so their ends are in order as well
    end, beats, shift = onset + length, sheet.beats, sheet.beats.bar_ticks - length
    first = bisect_right(chords, onset, key=itemgetter(1))
    here = chords[first : bisect_left(chords, end, key=itemgetter(0))]
    if not here and voice > 1:
        return []
    out: list[Event] = []
    nothing, at = sheet.notes[:0], onset

    def add(begin: int, finish: int, notes: np.ndarray, tied: tuple[bool, bool] = (False, False)) -> None:
        place, stop = begin - onset + shift, finish - onset + shift
        whole = not len(notes) and finish - begin == length == beats.bar_ticks
        lengths = [length] if whole else pieces(place, stop, beats, rest=not len(notes))
        for k, piece in enumerate(lengths):
            ties = (k > 0 or tied[0], k < len(lengths) - 1 or tied[1]) if len(notes) else tied
            out.append(Event(place, piece, notes, ties))
            place += piece

    for begin, finish, notes in here:
        add(at, max(begin, onset), nothing)
        at = min(finish, end)
        add(max(begin, onset), at, notes, (begin < onset, finish > end))
    add(at, end, nothing)
    return out


def _signs(events: dict[int, list[Event]], sharps: int) -> dict[tuple[int, int, int], str]:
    """Accidentals of a staff in a bar, by voice, event and note: those that a key and earlier ones lack."""
    out: dict[tuple[int, int, int], str] = {}
    known: dict[tuple[str, int], int] = {}
    places = [(event.begin, voice, number) for voice, parts in events.items()
              for number, event in enumerate(parts)]  # fmt: skip
    for _, voice, number in sorted(places):
        event = events[voice][number]
        for member, note in enumerate(event.notes):
            letter, alter, octave = _spelt(note)
            usual = (sharps > "FCGDAEB".index(letter)) - (-sharps > "BEADGCF".index(letter))
            if not event.tied[0] and known.get((letter, octave), usual) != alter:
                known[letter, octave] = alter
                out[voice, number, member] = _ACCIDENTALS.get(alter, "")
    return out


def _spelt(note: np.void) -> tuple[str, int, int]:
    """``(letter, alteration, octave)``."""
    letter, alter = "FCGDAEB"[(int(note["spelling"]) + 1) % 7], (int(note["spelling"]) + 1) // 7
    return letter, alter, (int(note["pitch"]) - alter) // 12 - 1


def _pitch(element: Element, note: np.void, chord: bool) -> None:
    if chord:
        SubElement(element, "chord")
    letter, alter, octave = _spelt(note)
    pitch = SubElement(element, "pitch")
    SubElement(pitch, "step").text = letter
    if alter:
        SubElement(pitch, "alter").text = str(alter)
    SubElement(pitch, "octave").text = str(octave)


def _rest_of_note(
    element: Element, event: Event, staff: int, voice: int, joined: tuple[str, ...], bracket: tuple[str, ...],
    accidental: str, typed: bool,
) -> None:  # fmt: skip
    """What follows the pitch of a note, in the order of the schema."""
    SubElement(element, "duration").text = str(event.length)
    kinds = [kind for kind, is_so in zip(("stop", "start"), event.tied, strict=True) if is_so]
    for kind in kinds:
        SubElement(element, "tie", type=kind)
    SubElement(element, "voice").text = str(staff * _NUMBERS + voice)
    value = values().get(event.length) if typed else None
    if value:
        SubElement(element, "type").text = value.name
        for _ in range(value.dots):
            SubElement(element, "dot")
    if accidental:
        SubElement(element, "accidental").text = accidental
    if value and value.actual > 1:
        ratio = SubElement(element, "time-modification")
        SubElement(ratio, "actual-notes").text = str(value.actual)
        SubElement(ratio, "normal-notes").text = str(value.normal)
    SubElement(element, "staff").text = str(staff + 1)
    for number, word in enumerate(joined, 1):
        SubElement(element, "beam", number=str(number)).text = word
    if kinds or bracket:
        notations = SubElement(element, "notations")
        for kind in kinds:
            SubElement(notations, "tied", type=kind)
        for kind in bracket:
            SubElement(notations, "tuplet", type=kind)
