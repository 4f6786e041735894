"""How a piece is to be played: slurs, articulation, ornaments, loudness.

Conventions: notes in the making, see :mod:`.notes`; time is in ticks.
"""

from collections import Counter
from functools import cache
from itertools import pairwise

from sousa.generation.piano.composition.form import PhrasePlan, Plan
from sousa.generation.piano.composition.melody import Laid, Slot
from sousa.generation.piano.composition.notes import (
    ACCENT,
    ARPEGGIO,
    ARTICULATION,
    DURATION,
    GRACE,
    HAND,
    MORDENT,
    ORNAMENT,
    PITCH,
    SLUR,
    STACCATO,
    START,
    TENUTO,
    TRILL,
    TURN,
    Note,
    note,
)
from sousa.generation.piano.composition.rhythm import TICKS
from sousa.generation.piano.composition.tables import Choice, Draw, table
from sousa.generation.piano.score import COMPLEXITIES, Dynamic

_REACH = 16  # semitones between the fingers of a hand


class Slurs:
    """Numbers of slurs."""

    def __init__(self) -> None:
        self.count = 0

    def over(self, notes: list[Note]) -> None:
        """Put a slur over notes, if there are two or more."""
        if len(notes) > 1:
            for n in notes:
                n[SLUR] = self.count
            self.count += 1


def unslur_alone(notes: list[Note]) -> None:
    """Take away slurs that are over one note only, the others being left out."""
    counts = Counter(n[SLUR] for n in notes)
    for n in notes:
        if counts[n[SLUR]] == 1:
            n[SLUR] = -1


def articulate(draw: Draw, plan: Plan, melody: list[Note], slurs: Slurs) -> None:
    """Slurs and staccato of the melody of a phrase."""
    share, longest = table("touch")["slurs"][plan.style]
    short = draw() < table("touch")["staccato"][plan.style]
    bars: dict[int, list[Note]] = {}
    for n in melody:
        bars.setdefault(n[START] // plan.bar_ticks, []).append(n)
    groups = list(bars.values())
    i = 0
    while i < len(groups):
        count = 1 + int(draw() * longest)
        notes = [n for group in groups[i : i + count] for n in group]
        i += count
        if draw() < share:
            slurs.over(notes if draw() < 0.7 else notes[: max(2, len(notes) // 2)])
        if short:
            for n in notes:
                if n[SLUR] < 0 and 12 <= n[DURATION] <= TICKS:
                    n[ARTICULATION] = STACCATO
        elif plan.level != "simple" and draw() < 0.12:
            notes[0][ARTICULATION] = ACCENT
    if draw() < table("touch")["tenuto"]["share"][plan.level]:
        melody[-1][ARTICULATION] = TENUTO


def accompany_touch(draw: Draw, plan: Plan, line: bool, notes: list[Note], slurs: Slurs) -> None:
    """Slurs of single notes of the left hand of a phrase, bar by bar, or staccato of its short notes."""
    shares = table("touch")["left"]
    kind = draw()
    if plan.level == "simple":
        return
    if kind < shares["slurs"][plan.style] * (0.5 if line else 1):
        bars: dict[int, list[Note]] = {}
        for n in notes:
            bars.setdefault(n[START] // plan.bar_ticks, []).append(n)
        for bar in bars.values():
            if len({n[START] for n in bar}) == len(bar):
                slurs.over(bar)
    elif kind > 1 - shares["staccato"][plan.style]:
        for n in notes:
            if 24 <= n[DURATION] <= TICKS:
                n[ARTICULATION] = STACCATO


def ornament(
    draw: Draw, plan: Plan, phrase: PhrasePlan, laid: list[Laid], melody: list[Note], slots: list[Slot]
) -> list[Note]:
    """Give ornaments to notes of the melody of a phrase; returns its grace notes."""
    column = COMPLEXITIES.index(plan.level)
    shares = {name: row[column] for name, row in table("touch")["ornaments"].items()}
    graces: list[Note] = []
    if not shares["grace"]:
        return graces
    bar = -1
    for n, at in zip(melody, laid, strict=True):
        if n[START] < 0 or n[START] // plan.bar_ticks == bar or n[DURATION] < 24 or n[DURATION] > 4 * TICKS:
            continue
        bar = n[START] // plan.bar_ticks
        chance = draw()
        if chance >= shares["grace"]:
            if chance < shares["grace"] + shares["mordent"]:
                n[ORNAMENT] = MORDENT
            elif chance < shares["grace"] + shares["mordent"] + shares["turn"]:
                n[ORNAMENT] = TURN
            continue
        chord = slots[at.slot].chord
        steps = (1,) if draw() < 0.6 else ((-1,) if draw() < 0.6 else (-2, -1))
        for step in steps:
            place = at.place + step
            pitch = 12 * (place // 7) + chord.pitches[place % 7]
            grace = note(n[START], 0, pitch, chord.spellings[place % 7])
            grace[ORNAMENT] = GRACE
            graces.append(grace)
    last_bar = (phrase.first_bar + phrase.bars - 1) * plan.bar_ticks
    for n, following in pairwise(melody):
        if following[START] == last_bar and n[DURATION] >= TICKS and draw() < shares["trill"]:
            n[ORNAMENT] = TRILL
    return graces


def break_chords(draw: Draw, plan: Plan, notes: list[Note]) -> None:
    """Arpeggio signs, over notes in order: where chosen, and where a hand can't reach."""
    share = table("touch")["ornaments"]["arpeggio"][COMPLEXITIES.index(plan.level)]
    chord: list[Note] = []
    for n in [*notes, note(-TICKS, 0, 0, 0)]:
        if chord and n[START] == chord[0][START] and n[HAND] == chord[0][HAND]:
            chord.append(n)
            continue
        _break(draw, share, [member for member in chord if member[DURATION]])
        chord = [n]


def _break(draw: Draw, share: float, chord: list[Note]) -> None:
    if len(chord) < 2:
        return
    wide = chord[0][PITCH] - chord[-1][PITCH] > _REACH
    if wide or (len(chord) > 2 and chord[0][DURATION] >= TICKS and draw() < share):
        for n in chord:
            n[ORNAMENT] = ARPEGGIO


@cache
def _loudness(level: str) -> Choice:
    data = table("touch")["loudness"]
    return Choice(dict(zip(range(len(data[level])), data[level], strict=True)))


def dynamics(draw: Draw, plan: Plan) -> tuple[Dynamic, ...]:
    """Written loudness: that of each phrase, and hairpins to its height and back."""
    velocities = table("touch")["loudness"]["velocities"]
    out: list[Dynamic] = []
    step = _loudness(plan.level).draw(draw)
    letter = ""
    bar, before = plan.bar_ticks / TICKS, plan.upbeat / TICKS
    for phrase in plan.phrases:
        if letter and letter != phrase.letter:
            step = _loudness(plan.level).draw(draw)
        elif letter and plan.level != "simple" and draw() < 0.3:
            step = max(step - 1, 0) if draw() < 0.6 else min(step + 1, len(velocities) - 1)
        letter = phrase.letter
        start = phrase.first_bar * bar + before
        base = velocities[step]
        if plan.level == "simple" and draw() < 0.6:
            out.append(Dynamic(start if out else 0.0, float(base)))
            continue
        rise = 4 + round(10 * draw())
        height = start + bar * max(round(phrase.bars * (0.45 + 0.3 * draw())), 1)
        end = start + bar * phrase.bars
        if not out:
            start = 0.0
        if height >= end:
            out.append(Dynamic(start if out else 0.0, float(base)))
            continue
        out.append(Dynamic(start, float(base), True))
        out.append(Dynamic(height, float(base + rise), True))
        out.append(Dynamic(end - bar / 2, float(base - 2)))
    return tuple(out)
