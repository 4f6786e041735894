"""Composing: a piece is a function of a seed, its number, and what is wanted.

A plan (style, key, metre, tempo, phrases) is filled with harmonies, the bass of a left-hand pattern, a melody
over both, the pattern, and signs; then notes in the way of each other are parted, and their number brought
inside the limits. The tables beside the modules say how often everything is chosen.
"""

from dataclasses import replace

import numpy as np

from sousa.generation.piano.composition.chords import harmony
from sousa.generation.piano.composition.fitting import fill, thin
from sousa.generation.piano.composition.form import Plan, plan, title
from sousa.generation.piano.composition.left_hand import Pattern, accompany, bass_of, line, patterns
from sousa.generation.piano.composition.melody import Laid, Motifs, Slot
from sousa.generation.piano.composition.notes import Note, note, separate
from sousa.generation.piano.composition.phrases import harmonise
from sousa.generation.piano.composition.rhythm import TICKS, shortest
from sousa.generation.piano.composition.right_hand import melody, textures, thicken
from sousa.generation.piano.composition.tables import Draw, numbers
from sousa.generation.piano.composition.touch import (
    Slurs,
    accompany_touch,
    articulate,
    break_chords,
    dynamics,
    ornament,
    unslur_alone,
)
from sousa.generation.piano.composition.wanted import Wanted, metres, problems
from sousa.generation.piano.score import LEFT, NOTE, Bar, Chord, Phrase, Score
from sousa.generation.seeds import stream

__all__ = ["Wanted", "compose", "metres", "problems"]

_ATTEMPTS = 4  # to meet limits of notes by the length of a piece
_SHARED = 0.35  # of sections, that keep the pattern of the one before


def compose(seed: int, piece_index: int, wanted: Wanted) -> Score:
    """A piece.

    Args:
        seed: corpus seed.
        piece_index: number of the piece, from 0.
        wanted: what can be met; see :func:`problems`.
    """
    draw = numbers(stream(seed, "piano", "piece", piece_index))
    least, most = wanted.min_notes or 0, wanted.max_notes or 1_000_000
    density = None
    for _ in range(_ATTEMPTS):
        piece = plan(draw, wanted, density)
        notes, slots = _write(draw, piece)
        if least <= len(notes) <= most:
            break
        density = len(notes) * TICKS / (piece.bars * piece.bar_ticks)
    notes = fill(thin(notes, most), least)
    unslur_alone(notes)
    break_chords(draw, piece, notes)
    return _score(draw, piece, notes, slots)


def _write(draw: Draw, piece: Plan) -> tuple[list[Note], list[Slot]]:
    """Notes and harmonies of a plan."""
    least = shortest(piece.level, piece.tempo_bpm)
    motifs = Motifs(draw, piece.level, piece.style, piece.metre, least)
    choice = patterns(piece.level, piece.style, piece.metre, least)
    sections: dict[str, tuple[Pattern, str, int]] = {}
    slurs = Slurs()
    notes: list[Note] = []
    everything: list[Slot] = []
    pattern = choice.draw(draw)
    place, bass = 39 + int(4 * draw()), 48
    for phrase, places in zip(piece.phrases, harmonise(draw, piece), strict=True):
        if phrase.letter not in sections:
            if sections and draw() >= _SHARED:
                pattern = choice.draw(draw)
            sections[phrase.letter] = pattern, textures(piece.level, piece.style).draw(draw), place
        pattern, texture, start = sections[phrase.letter]
        if phrase.key == piece.key:
            place = start
        slots = []
        for begin, end, numeral, key in places:
            chord = harmony(numeral, key)
            bass = bass_of(chord, bass, *pattern.bass)
            slots.append(Slot(begin, end, chord, bass))
        last = phrase is piece.phrases[-1]
        laid = melody(draw, piece, phrase, slots, motifs, place, last)
        place = laid[-1].place
        top = [note(n.start, n.duration, n.pitch, n.fifths, melody=True) for n in laid]
        notes += ornament(draw, piece, phrase, laid, top, slots)
        articulate(draw, piece, top, slurs)
        notes += top
        notes += thicken(draw, piece.level, texture, laid, slots)
        notes += _left(draw, piece, pattern, slots, laid, slurs, last)
        everything += slots
    return separate(notes), everything


def _left(
    draw: Draw, piece: Plan, pattern: Pattern, slots: list[Slot], laid: list[Laid], slurs: Slurs, last: bool
) -> list[Note]:
    """The left hand of a phrase; the last bar of a piece is held."""
    body = slots[:-1] if last else slots
    out = (line(draw, pattern, body) if pattern.line else accompany(pattern, body, laid)) if body else []
    accompany_touch(draw, piece, pattern.line, out, slurs)
    if last:
        start, end, chord, bass = slots[-1]
        pitches = (bass - 12, bass) if bass > 44 else (bass,)
        out += [note(start, end - start, pitch, chord.bass, LEFT) for pitch in pitches]
    return out


def _chords(slots: list[Slot], upbeat: int) -> tuple[Chord, ...]:
    """Harmonies, those that go on over a bar line as one."""
    out: list[Chord] = []
    for start, end, chord, _ in slots:
        length = (end - start) / TICKS
        if out and (out[-1].numeral, out[-1].key) == (chord.numeral, chord.key):
            out[-1] = replace(out[-1], duration_beat=out[-1].duration_beat + length)
        else:
            root, bass = chord.tones[0] * 7 % 12, chord.bass * 7 % 12
            at = (start + upbeat) / TICKS
            out.append(Chord(at, length, chord.numeral, chord.key, root, bass, chord.quality))
    return tuple(out)


def _score(draw: Draw, piece: Plan, notes: list[Note], slots: list[Slot]) -> Score:
    upbeat, bar = piece.upbeat, piece.bar_ticks / TICKS
    before = upbeat / TICKS
    rows = [((n[0] + upbeat) / TICKS, n[1] / TICKS, *n[2:]) for n in notes]
    keys = [(0.0, piece.key)]
    for start, _, chord, _ in slots:
        if keys[-1][1] != chord.key:
            keys.append(((start + upbeat) / TICKS, chord.key))
    bars = [Bar(before + i * bar, bar, piece.metre) for i in range(piece.bars)]
    if upbeat:
        bars.insert(0, Bar(0.0, before, piece.metre))
    starts = [before + phrase.first_bar * bar for phrase in piece.phrases]
    ends = [*starts[1:], before + piece.bars * bar]
    starts[0] = 0.0
    return Score(
        title=title(piece),
        style=piece.style,
        complexity=piece.level,
        tempo_bpm=piece.tempo_bpm,
        notes=np.array(rows, dtype=NOTE),
        bars=tuple(bars),
        keys=tuple(keys),
        chords=_chords(slots, upbeat),
        phrases=tuple(map(Phrase, starts, ends, (phrase.cadence for phrase in piece.phrases))),
        dynamics=dynamics(draw, piece),
    )
