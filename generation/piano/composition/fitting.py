"""Notes brought to the number that is asked for.

Conventions: notes in the making, see :mod:`.notes`, in order of a score.
"""

from sousa.generation.piano.composition.notes import (
    DURATION,
    HAND,
    MELODY,
    PITCH,
    START,
    VOICE,
    Note,
    in_score,
)
from sousa.generation.piano.score import LEFT

_GOLDEN = 0.6180339887498949


def thin(notes: list[Note], most: int) -> list[Note]:
    """At most so many notes: what a piece can best do without goes first, evenly over its time."""
    if len(notes) <= most:
        return notes
    basses: dict[int, int] = {}
    for n in notes:
        if n[HAND] == LEFT:
            basses[n[START]] = min(basses.get(n[START], 200), n[PITCH])

    def rank(i: int) -> tuple[float, float]:
        n = notes[i]
        if i in (first, last):
            group = 0.0
        elif not n[DURATION]:
            group = 5.0
        elif n[MELODY]:
            group = 1.0 if n[DURATION] >= 36 else 2.5
        elif n[HAND] == LEFT and basses[n[START]] == n[PITCH]:
            group = 2.0 if n[DURATION] >= 36 else 3.0
        else:
            group = 4.0
        return group, i * _GOLDEN % 1

    melody = [i for i, n in enumerate(notes) if n[MELODY]]
    first, last = melody[0], melody[-1]
    kept = sorted(sorted(range(len(notes)), key=rank)[:most])
    return [notes[i] for i in kept]


def fill(notes: list[Note], least: int) -> list[Note]:
    """At least so many notes: the longest are struck again."""
    while len(notes) < least:
        chords: dict[tuple[int, int, int], list[Note]] = {}
        for n in notes:
            if n[DURATION]:
                chords.setdefault((n[HAND], n[VOICE], n[START]), []).append(n)
        order = sorted(chords.items(), key=lambda item: (-item[1][0][DURATION], item[0][2], item[0]))
        longest = order[0][1][0][DURATION]
        for _, chord in order:
            if chord[0][DURATION] < longest or len(notes) >= least:
                break
            half = chord[0][DURATION] // 2
            again = [list(n) for n in chord[: least - len(notes)]]
            for n in again:
                n[START] += half
                n[DURATION] -= half
            for n in chord:
                n[DURATION] = half
            notes += again
    notes.sort(key=in_score)
    return notes
