"""Notes in the making.

A note is a list, in the order of NOTE but for its time: ``[tick, ticks, pitch, fifths, hand, voice,
articulation, ornament, slur, melody]``, with 48 ticks a quarter note.
"""

from sousa.generation.piano.score import ARTICULATIONS, ORNAMENTS, RIGHT

Note = list
_SHORTEST = 8  # ticks that are left of a note in the way of another, or it is left out
START, DURATION, PITCH, FIFTHS, HAND, VOICE, ARTICULATION, ORNAMENT, SLUR, MELODY = range(10)
STACCATO, TENUTO, ACCENT = (ARTICULATIONS.index(name) for name in ("staccato", "tenuto", "accent"))
GRACE, TRILL, MORDENT, TURN, ARPEGGIO = (
    ORNAMENTS.index(name) for name in ("grace", "trill", "mordent", "turn", "arpeggio")
)


def note(
    start: int,
    duration: int,
    pitch: int,
    fifths: int,
    hand: int = RIGHT,
    voice: int = 1,
    melody: bool = False,
) -> Note:
    """A plain note."""
    return [start, duration, pitch, fifths, hand, voice, 0, 0, -1, melody]


def in_score(n: Note) -> tuple[int, int, bool, int]:
    """Key that sorts notes as a score has them; several graces of one note lead up to it."""
    return n[START], n[HAND], n[DURATION] > 0, -n[PITCH] if n[DURATION] else n[PITCH]


def separate(notes: list[Note]) -> list[Note]:
    """Notes of which no two of one pitch sound at once, in order of a score.

    The melody stays as it is, and what is struck first before what comes later; a note of a chord that is in
    the way is left out, one that stands alone ends earlier. Voices stay whole: notes struck together in a
    voice end together.
    """
    notes.sort(key=lambda n: (n[PITCH], n[START], not n[MELODY], n[DURATION] == 0, n[HAND]))
    together: dict[tuple[int, int, int], int] = {}
    for n in notes:
        if n[DURATION]:
            chord = (n[HAND], n[VOICE], n[START])
            together[chord] = together.get(chord, 0) + 1
    out: list[Note] = []
    before = None
    for n in notes:
        if before is not None and before[PITCH] == n[PITCH] and n[START] < before[START] + before[DURATION]:
            chord = (before[HAND], before[VOICE], before[START])
            if n[START] == before[START] or (before[MELODY] and not n[MELODY]) or not n[DURATION]:
                if n[DURATION]:
                    together[n[HAND], n[VOICE], n[START]] -= 1
                continue  # it is being played
            if together[chord] == 1 and n[START] - before[START] >= _SHORTEST:
                before[DURATION] = n[START] - before[START]
            else:
                together[chord] -= 1
                out.pop()
        out.append(n)
        before = n
    out.sort(key=in_score)
    return out
