"""Small scores of the piano corpus, written by hand."""

import numpy as np

from sousa.generation.piano.score import (
    ARTICULATIONS,
    LEFT,
    NOTE,
    ORNAMENTS,
    RIGHT,
    Bar,
    Dynamic,
    Phrase,
    Score,
)

RUN = (0, 2, 4, 5, 7, 5, 4, 2)


def note(onset, duration, pitch, hand=RIGHT, voice=1, mark="none", ornament="none", slur=-1, melody=False):
    """A written note as a tuple of NOTE."""
    marks = ARTICULATIONS.index(mark), ORNAMENTS.index(ornament)
    return (onset, duration, pitch, 0, hand, voice, *marks, slur, melody)


def score(notes, bars=4, metre="4/4", style="classical", bpm=100.0, upbeat=0.0, **more):
    """A score in C major of these notes, put in order."""
    notes = np.array(notes, dtype=NOTE)
    order = np.lexsort((-notes["pitch"].astype(int), notes["hand"], notes["onset_beat"]))
    count, unit = (int(part) for part in metre.split("/"))
    length = count * 4.0 / unit
    onsets = (
        [0.0, *(upbeat + length * i for i in range(bars))] if upbeat else [length * i for i in range(bars)]
    )
    lengths = [upbeat, *[length] * bars] if upbeat else [length] * bars
    return Score(
        "written by hand", style, "medium", bpm, notes[order],
        tuple(Bar(onset, size, metre) for onset, size in zip(onsets, lengths, strict=True)),
        ((0.0, "C major"),), **more,
    )  # fmt: skip


def piece(style="classical", bars=16, bpm=100.0):
    """Quavers over broken chords, with slurs, staccato, every ornament, dynamics and phrases."""
    notes = []
    for bar in range(bars):
        start = bar * 4.0
        for k, step in enumerate(RUN):
            ornament = {1: "trill", 2: "mordent", 3: "turn"}.get(k, "none") if bar == 4 else "none"
            slur = bar if bar % 2 and k < 6 else -1
            mark = "accent" if bar == 6 and not k else "none"
            notes.append(
                note(start + k / 2, 0.5, 72 + step + bar % 3, RIGHT, 1, mark, ornament, slur, melody=True)
            )
        if bar % 2 == 0:
            broken = "arpeggio" if bar == 8 else "none"
            notes += [note(start + 2 * k, 1.0, p, RIGHT, 2, "none", broken) for k in (0, 1) for p in (64, 67)]
        if bar == 5:
            notes += [note(start + 1, 0.0, pitch, ornament="grace", melody=True) for pitch in (71, 69)]
        if bar in (7, 9, 11):
            notes.append(note(start + 3, 0.0, 70, ornament="grace", melody=True))
        for k, chord in enumerate(((48,), (52, 55), (43, 59), (52, 55))):
            notes += [note(start + k, 1.0, p, LEFT, 1, "staccato" if k == 3 else "none") for p in chord]
    return score(
        notes, bars, style=style, bpm=bpm,
        phrases=tuple(Phrase(at, at + 16.0, "PAC") for at in np.arange(0.0, bars * 4.0, 16.0)),
        dynamics=(Dynamic(0.0, 60.0), Dynamic(20.0, 50.0, True), Dynamic(32.0, 70.0)),
    )  # fmt: skip
