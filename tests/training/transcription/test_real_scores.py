"""Real pieces, played exactly as written, become scores that music21 reads with the same notes and bars."""

from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sousa.generation.piano.performance import deadpan
from sousa.generation.piano.scores import read_score
from sousa.training.transcription import musicxml, notes_of, sheet
from sousa.training.transcription.metres import Beats

music21 = pytest.importorskip("music21")
CORPUS = Path(music21.__file__).parent / "corpus"
RATE = 44100


def chords_of(events):
    """Pitches by onset."""
    out = defaultdict(set)
    for onset, pitch in events:
        out[onset].add(pitch)
    return dict(out)


@pytest.mark.parametrize(
    "file", ["joplin/maple_leaf_rag.mxl", "bach/bwv66.6.mxl", "mozart/k545/movement1_exposition.mxl"]
)
def test_a_real_piece_goes_through_notes_and_back(file):
    score = read_score(CORPUS / file)
    played = deadpan(score, RATE)
    upbeat = score.bars[0].length_beat % score.bars[1].length_beat
    first_bar = int(np.searchsorted(played.beats, upbeat - 1e-6)) if upbeat else 0
    beats = Beats(played.beat_samples / RATE, score.bars[1].metre, first_bar)
    notes = notes_of(
        played.notes["onset_sample"] / RATE, played.notes["key_up_sample"] / RATE, played.notes["pitch"],
        played.notes["velocity"],
    )  # fmt: skip
    page = sheet.write_down(notes, beats=beats)
    piece = music21.converter.parseData(musicxml.encode(page).decode(), format="musicxml")
    heard = [
        (Fraction(element.offset), part.pitch.midi)
        for staff in piece.parts
        for element in staff.flatten().notes
        for part in (element.notes if element.isChord else [element])
        if part.tie is None or part.tie.type == "start"  # the others go on
    ]
    written = [(Fraction(float(n["onset_beat"])).limit_denominator(48), int(n["pitch"])) for n in score.notes]
    # an upbeat is written from the beat in which it begins
    shift = Fraction(page.bars[0][1], page.beats.bar_ticks) * page.beats.bar_ticks / 1680 if upbeat else 0
    shift -= Fraction(upbeat) if upbeat else 0
    assert chords_of(heard) == chords_of((onset + shift, pitch) for onset, pitch in written)
    assert len(heard) == len(written)
    starts = [Fraction(measure.offset) for measure in piece.parts[0]["Measure"]]
    wanted = [Fraction(bar.onset_beat) + (shift if i else 0) for i, bar in enumerate(score.bars)]
    assert starts == wanted
