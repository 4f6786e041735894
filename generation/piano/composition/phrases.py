"""Harmonies of phrases in time.

Conventions: time is in ticks, 48 a quarter note; no harmony goes beyond a bar.
"""

from functools import cache
from typing import NamedTuple

from sousa.generation.piano.composition import progressions
from sousa.generation.piano.composition.form import PhrasePlan, Plan, chord_ticks
from sousa.generation.piano.composition.tables import Choice, Draw, table, weighted

_TURN = "V65 V7 ii6 I IV V i iv iio6"  # chords that a new key is entered with, where a level knows them


class Place(NamedTuple):
    """A harmony that has no bass pitch yet."""

    start: int
    end: int
    numeral: str
    key: str


@cache
def _rhythm(level: str, style: str) -> Choice:
    weights = table("form")["harmonic_rhythm"]
    factors = weighted(weights[style]) if style in weights else {}
    return Choice({int(n): w * factors.get(n, 1) for n, w in weighted(weights[level]).items()})


@cache
def _entries(level: str, mode: str) -> tuple[str, ...]:
    rows = table("harmony")["classical"][mode]
    return tuple(name for name in _TURN.split() if name in rows and name in progressions.known(level))


def _tonic(mode: str) -> str:
    return "I" if mode == "major" else "i"


def _names(draw: Draw, plan: Plan, key: str, count: int, first: str, cadence: str) -> list[str]:
    mode = key.split()[1]
    if plan.style == "popular":
        return progressions.loop(draw, plan.level, mode, count)
    return progressions.walk(draw, plan.level, mode, count, first, cadence)


def _first(draw: Draw, plan: Plan, phrase: PhrasePlan) -> str:
    """What a phrase begins with: mostly the tonic."""
    mode = phrase.key.split()[1]
    opening = 0.92 if phrase.letter == "A" else 0.6
    return _tonic(mode) if draw() < opening else progressions.row(plan.level, mode, _tonic(mode)).draw(draw)


def harmonise(draw: Draw, plan: Plan) -> list[list[Place]]:
    """Harmonies of each phrase of a plan, in order."""
    out = []
    kept: dict[tuple[str, str], list[list[str]]] = {}
    most = min(len(chord_ticks(plan.metre, 4)), 2 if plan.level == "simple" else 4)
    for phrase in plan.phrases:
        body = max(phrase.bars - 2, 0)
        leaves = phrase.bars // 2 if phrase.key != phrase.last_key else phrase.bars
        names = _body(draw, plan, phrase, kept, body, min(leaves, body))
        mode, last_mode = phrase.key.split()[1], phrase.last_key.split()[1]
        if leaves == phrase.bars:
            kept.setdefault((phrase.letter, mode), names)
        before = names[-1][-1] if names else _tonic(last_mode)
        formula = progressions.cadences(plan.level, last_mode, phrase.cadence, before, most).draw(draw)
        if phrase.bars > 1:
            names = [*names, list(formula[:-1])]
        names = [*names, [formula[-1]]]
        at = phrase.first_bar * plan.bar_ticks
        slots: list[Place] = []
        for number, chords in enumerate(names):
            key = phrase.last_key if number >= min(leaves, body) else phrase.key
            if leaves == phrase.bars:
                key = phrase.key
            start = at
            for name, length in zip(chords, chord_ticks(plan.metre, len(chords)), strict=True):
                if slots and slots[-1].numeral == name and start > at and slots[-1].key == key:
                    slots[-1] = slots[-1]._replace(end=start + length)
                else:
                    slots.append(Place(start, start + length, name, key))
                start += length
            at += plan.bar_ticks
        out.append(slots)
    return out


def _body(
    draw: Draw,
    plan: Plan,
    phrase: PhrasePlan,
    kept: dict[tuple[str, str], list[list[str]]],
    bars: int,
    leaves: int,
) -> list[list[str]]:
    """Names of the chords of each bar before a cadence; from the bar ``leaves`` on in another key."""
    if not bars:
        return []
    mode, last_mode = phrase.key.split()[1], phrase.last_key.split()[1]
    rhythm = _rhythm(plan.level, plan.style)
    counts = [len(chord_ticks(plan.metre, rhythm.draw(draw))) for _ in range(bars)]
    old = kept.get((phrase.letter, mode), [])[: (bars + 1) // 2]
    if leaves < bars:
        old = []
    counts[: len(old)] = [len(chords) for chords in old]
    flat = [name for chords in old for name in chords]
    here = sum(counts[:leaves])
    if here > len(flat):
        first = flat[-1] if flat else _first(draw, plan, phrase)
        more = _names(draw, plan, phrase.key, here - len(flat) + bool(flat), first, phrase.cadence)
        flat += more[1:] if flat and plan.style != "popular" else more[: here - len(flat)]
    if leaves < bars:
        entries = _entries(plan.level, last_mode)
        first = entries[int(draw() * len(entries))]
        flat += _names(draw, plan, phrase.last_key, sum(counts[leaves:]), first, phrase.cadence)
    out, at = [], 0
    for count in counts:
        out.append(flat[at : at + count])
        at += count
    return out
