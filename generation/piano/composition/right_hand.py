"""Right hands: the melody of each phrase, and what goes with it.

Conventions: notes in the making, see :mod:`.notes`; time is in ticks.
"""

from functools import cache

from sousa.generation.piano.composition.chords import letter, tonic_fifths, window
from sousa.generation.piano.composition.form import PhrasePlan, Plan
from sousa.generation.piano.composition.melody import Laid, Motifs, Slot, Tone, lay
from sousa.generation.piano.composition.notes import Note, note
from sousa.generation.piano.composition.rhythm import TICKS
from sousa.generation.piano.composition.tables import Choice, Draw, table
from sousa.generation.piano.score import COMPLEXITIES, RIGHT, beat_length

_FLOOR = 59  # what goes with the melody is no lower


@cache
def textures(level: str, style: str) -> Choice:
    """What goes with a melody."""
    data, column = table("right_hand"), COMPLEXITIES.index(level)
    favour = data["favour"][style]
    return Choice({name: row[column] * favour.get(name, 1) for name, row in data["textures"].items()})


def _goals(phrase: PhrasePlan, slot: Slot) -> tuple[int, ...]:
    """Letters a phrase may end on."""
    tonic = letter(tonic_fifths(phrase.last_key))
    tones = tuple(name for name in range(7) if slot.chord.is_tone[name])
    if phrase.cadence == "PAC" or (phrase.cadence == "DC" and tonic in tones):
        return (tonic,)
    if phrase.cadence == "IAC" and slot.chord.bass == slot.chord.tones[0]:
        return tuple(name for name in tones if name != tonic)
    return tones


def melody(
    draw: Draw, plan: Plan, phrase: PhrasePlan, slots: list[Slot], motifs: Motifs, place: int, last: bool
) -> list[Laid]:
    """The melody of a phrase.

    Args:
        place: where it comes from.
        last: whether it ends the piece.
    """
    beat = round(beat_length(plan.metre) * TICKS)
    bar, at = plan.bar_ticks, phrase.first_bar * plan.bar_ticks
    tones: list[Tone] = []
    number = 0
    if at == 0 and plan.upbeat:
        tones += [Tone(offset - plan.upbeat, duration, move, 0, offset == 0, ())
                  for offset, duration, move in motifs.lead(plan.upbeat)]  # fmt: skip
    for rhythm, moves in motifs.phrase(phrase.letter, phrase.bars - 1):
        for (offset, duration, number_in_cell, _), move in zip(rhythm, moves, strict=True):
            start = at + offset
            while slots[number].end <= start:
                number += 1
            strong = start == slots[number].start or (
                offset % beat == 0 and (number_in_cell == 0 or motifs.share("strong"))
            )
            tones.append(Tone(start, duration, move, number, strong, ()))
        at += bar
    number = len(slots) - 1
    if phrase.cadence in ("PAC", "DC") and tones:
        before = tones[-1]
        chord = slots[before.slot].chord
        tonic = letter(tonic_fifths(phrase.last_key))
        lead = tuple(name for name in ((tonic + 1) % 7, (tonic - 1) % 7) if chord.is_tone[name])
        tones[-1] = before._replace(goals=lead)
    held = bar
    if not last and bar > beat:
        held = beat * (1 + int(draw() * (bar // beat)))
        rest = draw()
    tones.append(Tone(at, held, tones[-1].move if tones else 0, number, True, _goals(phrase, slots[number])))
    if held < bar and motifs.share("pickup"):
        # what leads on to the next phrase
        for offset, duration, move in motifs.lead(bar - held):
            tones.append(Tone(at + held + offset, duration, move, number, offset == 0, ()))
    elif held < bar and rest < 0.5:
        tones[-1] = tones[-1]._replace(duration=bar - beat)
    elif held < bar:
        tones[-1] = tones[-1]._replace(duration=bar)
    span = table("melody")["ranges"][plan.level]
    return lay(tones, slots, place, tuple(span), draw, motifs.shares)


def thicken(draw: Draw, level: str, texture: str, line: list[Laid], slots: list[Slot]) -> list[Note]:
    """Notes of the right hand besides its melody."""
    out: list[Note] = []
    if texture == "single":
        return out
    if texture == "voices":
        return _second_voice(line, slots)
    for start, duration, pitch, spelling, place, number in line:
        slot = slots[number]
        chord = slot.chord
        strong = start == slot.start or duration >= TICKS
        if texture == "octaves":
            if duration >= 12:
                out.append(note(start, duration, pitch - 12, spelling))
            if strong and duration >= 36 and draw() < 0.6:
                inner = [tone for tone in window(chord, pitch - 12) if 2 < pitch - tone[0] < 10]
                out += [note(start, duration, *tone) for tone in inner[: 1 + (draw() < 0.4)]]
        elif texture in ("thirds", "sixths"):
            under = place - (2 if texture == "thirds" else 5)
            if strong and not chord.is_tone[under % 7]:
                under -= 1 if chord.is_tone[(under - 1) % 7] else -1
            low = 12 * (under // 7) + chord.pitches[under % 7]
            if duration >= 24 and low >= _FLOOR and 2 < pitch - low <= 12:
                out.append(note(start, duration, low, chord.spellings[under % 7]))
        elif strong and duration >= 24 and (texture == "chords" or draw() < 0.45):
            below = [
                (low, fifths)
                for low, fifths in window(chord, pitch - 12)
                if low >= _FLOOR and 2 < pitch - low <= 12
            ]
            most = 1 if texture == "sparse" else (2 if level == "medium" or draw() < 0.6 else 3)
            for low, fifths in below[-most:] if draw() < 0.7 else below[:most]:
                out.append(note(start, duration, low, fifths))
    return out


def _second_voice(line: list[Laid], slots: list[Slot]) -> list[Note]:
    """A tone of each harmony under the whole of the melody there."""
    out: list[Note] = []
    lowest, highest = [200] * len(slots), [0] * len(slots)
    for laid in line:
        lowest[laid.slot] = min(lowest[laid.slot], laid.pitch)
        highest[laid.slot] = max(highest[laid.slot], laid.pitch)
    before = 64
    for slot, low, high in zip(slots, lowest, highest, strict=True):
        near = window(slot.chord, max(_FLOOR, high - 14))
        fits = [tone for tone in near if tone[0] < low - 2]
        if fits:
            pitch, fifths = min(fits, key=lambda tone: abs(tone[0] - before))
            before = pitch
            out.append(note(slot.start, slot.end - slot.start, pitch, fifths, RIGHT, 2))
    return out
