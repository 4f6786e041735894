"""Marks over several notes of a MusicXML file, and the places of the notes they are tied to."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass
class Place:
    """Where a note or chord stands in the piece as it is written."""

    beat: Fraction
    length: Fraction
    staff: int
    voice: int


def places_of(measures: list[list[Any]]) -> dict[int, Place]:
    """Where each note or chord stands, by its identity in memory."""
    return {
        id(note): Place(
            Fraction(measure.offset) + Fraction(note.getOffsetInHierarchy(measure)),
            Fraction(note.duration.quarterLength), staff, voice_of(note),
        )
        for staff, own in enumerate(measures)
        for measure in own
        for note in measure.recurse().notes
    }  # fmt: skip


def ends_of(mark: Any, places: dict[int, Place]) -> list[Place]:
    """Where a mark over several notes begins and ends, or nothing."""
    ends = [places.get(id(element)) for element in (mark.getFirst(), mark.getLast())]
    return [end for end in ends if end] if None not in ends else []


def slurs_of(piece: Any, places: dict[int, Place]) -> dict[int, int]:
    """Number of the slur that each note or chord is under, by its identity in memory."""
    out: dict[int, int] = {}
    by_staff: dict[int, list[tuple[Fraction, int, int]]] = {}
    for element, place in places.items():
        by_staff.setdefault(place.staff, []).append((place.beat, place.voice, element))
    for elements in by_staff.values():
        elements.sort()
    for number, slur in enumerate(piece.recurse().getElementsByClass("Slur")):
        ends = ends_of(slur, places)
        if not ends or ends[0].staff != ends[1].staff:
            continue
        elements = by_staff[ends[0].staff]
        begin = bisect_left(elements, ends[0].beat, key=lambda e: e[0])
        end = bisect_right(elements, ends[1].beat, key=lambda e: e[0])
        for _, voice, element in elements[begin:end]:
            if voice == ends[0].voice or ends[0].voice != ends[1].voice:
                out.setdefault(element, number)
    return out


def arpeggios_of(piece: Any) -> set[int]:
    """Notes and chords that an arpeggio of several staves spreads, by their identity in memory."""
    marks = piece.recurse().getElementsByClass("ArpeggioMarkSpanner")
    return {id(element) for mark in marks for element in mark.getSpannedElements()}


def voice_of(element: Any) -> int:
    """Number of the voice of a note or chord among those of its bar, from 1."""
    from music21 import stream

    site = element.activeSite
    if not isinstance(site, stream.Voice):
        return 1
    # of those in this bar: the numbers of a left hand may begin at 5
    return 1 + [id(voice) for voice in site.activeSite.voices].index(id(site))
