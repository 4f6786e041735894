"""Rhythms of bars: cells drawn for the parts of a bar.

Conventions: time is in ticks, 48 a quarter note. A bar's rhythm is a tuple of ``(offset, duration, place in
its cell, notes of its cell)``; rests are left out.
"""

from functools import cache

from sousa.generation.piano.composition.tables import Choice, Draw, table
from sousa.generation.piano.score import COMPLEXITIES

TICKS = 48
_VALUES = {"w": 192, "h": 96, "q": 48, "e": 24, "s": 12, "z": 6, "T": 32, "t": 16, "u": 8}

Rhythm = tuple[tuple[int, int, int, int], ...]


def in_ticks(quarters: str) -> tuple[int, ...]:
    """Ticks of lengths such as ``2 1.5``."""
    return tuple(round(float(part) * TICKS) for part in quarters.split())


@cache
def _cell(text: str) -> tuple[tuple[int, int], ...]:
    """``(offset, duration)`` of the notes of a cell."""
    at, out = 0, []
    for word in text.split():
        value = _VALUES[word.strip("r.")]
        value += value // 2 if word.endswith(".") else 0
        if not word.startswith("r"):
            out.append((at, value))
        at += value
    return tuple(out)


@cache
def _cells(level: str, style: str, name: str, shortest: int) -> Choice:
    column = COMPLEXITIES.index(level)
    favour = table("rhythm")["favour"][style]
    weights = {
        text: row[column] * favour.get(text, 1)
        for text, row in table("rhythm")["cells"][name].items()
        if min(duration for _, duration in _cell(text)) >= shortest
    }
    if not any(weights.values()):  # at this tempo only the longest notes are slow enough
        weights = {next(iter(weights or table("rhythm")["cells"][name])): 1}
    return Choice({_cell(text): weight for text, weight in weights.items()})


@cache
def _partitions(metre: str) -> Choice:
    weights = table("form")["bars"][metre]["melody"]
    compound = metre in ("6/8", "9/8", "12/8")
    parts = {}
    for text, weight in weights.items():
        names = tuple("3c" if word == "3" and compound else word for word in text.split())
        parts[tuple(zip(in_ticks(text), names, strict=True))] = weight
    return Choice(parts)


def shortest(level: str, tempo_bpm: float) -> int:
    """Ticks of the shortest note a level plays at a tempo."""
    return -(-round(table("rhythm")["limits"][level] * tempo_bpm * TICKS) // 60_000)


def bar(draw: Draw, level: str, style: str, metre: str, least: int) -> Rhythm:
    """The rhythm of a bar: notes of at least so many ticks."""
    out: list[tuple[int, int, int, int]] = []
    at = 0
    even = draw() < 0.5  # equal parts are alike
    before: tuple[str, tuple[tuple[int, int], ...]] = ("", ())
    for length, name in _partitions(metre).draw(draw):
        if not (even and before[0] == name):
            before = (name, _cells(level, style, name, least).draw(draw))
        notes = before[1]
        out += [(at + offset, value, i, len(notes)) for i, (offset, value) in enumerate(notes)]
        at += length
    return tuple(out)
