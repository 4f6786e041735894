"""Columns of rows, from performances built by hand."""

import numpy as np
import pytest

from sousa.generation.piano import labels
from sousa.generation.piano.labels import Heard
from sousa.generation.piano.played import NOTE, Performance
from sousa.generation.piano.score import NOTE as WRITTEN
from sousa.generation.piano.score import Bar, Chord, Score

RATE = 16000


def score(bars=((0.0, 4.0, "4/4"), (4.0, 4.0, "4/4")), pitches=(60, 64, 66), fifths=(0, 4, 6)):
    notes = np.zeros(len(pitches), WRITTEN)
    notes["onset_beat"], notes["duration_beat"] = np.arange(len(pitches)), 1.0
    notes["pitch"], notes["fifths"], notes["voice"], notes["slur"] = pitches, fifths, 1, -1
    chord = Chord(0.0, 4.0, "I", "C major", 0, 0, "major")
    return Score("A piece", "classical", "simple", 120.0, notes, tuple(Bar(*bar) for bar in bars),
                 ((0.0, "C major"),), (chord,))  # fmt: skip


def performance(beats, kinds=(0, 1, 3), index=(0, 1, -1), pitches=(60, 64, 61), missed=(2,)):
    notes = np.zeros(len(kinds), NOTE)
    notes["onset_sample"] = 8000 + 8000 * np.arange(len(kinds))
    notes["key_up_sample"] = notes["end_sample"] = notes["onset_sample"] + 4000
    notes["pitch"], notes["velocity"], notes["kind"], notes["note"] = pitches, 64, kinds, index
    pedal = np.array([[0, 0], [20000, 100], [30000, 20]])
    samples = 8000 + 8000 * np.arange(len(beats))
    return Performance(notes, np.array(missed, dtype=np.int64), pedal, np.array(beats), samples, 80000, RATE)


def heard(*arguments, **options):
    return Heard(score(*arguments), performance(np.arange(9.0), **options))


def test_notes():
    notes = labels.note_lists([heard(), heard()]).to_pylist()
    assert len(notes) == 2 and notes[0] == notes[1]
    first, ornament, extra = notes[0]
    assert first == {
        "onset_sample": 8000, "key_up_sample": 12000, "end_sample": 12000, "pitch": 60, "velocity": 64,
        "hand": "right", "voice": 0, "kind": "written", "note_index": 0, "onset_beat": 0.0,
        "duration_beat": 1.0, "name": "C4",
    }  # fmt: skip
    assert (ornament["kind"], ornament["name"], ornament["note_index"]) == ("ornament", "E4", 1)
    assert extra["kind"] == "extra"
    assert [extra[name] for name in ("note_index", "onset_beat", "duration_beat", "name")] == [None] * 4


def test_a_wrong_key_has_not_the_written_name():
    wrong = labels.note_lists([heard(kinds=(2,), index=(0,), pitches=(61,))]).to_pylist()[0][0]
    assert (wrong["kind"], wrong["note_index"], wrong["name"]) == ("wrong", 0, None)


@pytest.mark.parametrize(
    "pitch, fifths, name",
    [(60, 0, "C4"), (60, 12, "B#3"), (59, -7, "Cb4"), (66, 6, "F#4"), (66, -6, "Gb4"), (21, 3, "A0"),
     (108, 0, "C8"), (67, 13, "F##4"), (69, -9, "Bbb4"), (71, 17, "A##4"),
     (61, -29, "Fbbbb4"), (63, 33, "B####3")],
)  # fmt: skip
def test_names_of_notes(pitch, fifths, name):
    assert labels.note_name(np.array([pitch]), np.array([fifths])).to_pylist() == [name]


def test_missed_pedal_and_chords():
    rows = [heard()]
    assert labels.missed_lists(rows).to_pylist() == [[{"note_index": 2, "onset_beat": 2.0, "pitch": 66}]]
    assert labels.pedal_lists(rows).to_pylist()[0][1] == {"sample": 20000, "value": 100}
    chord = labels.chord_lists(rows).to_pylist()[0][0]
    assert (chord["onset_sample"], chord["numeral"], chord["local_key"]) == (8000, "I", "C major")


def test_rows_without_anything_have_empty_lists():
    bare = Heard(
        Score("x", "popular", "unrated", 60.0, np.zeros(0, WRITTEN), (Bar(0.0, 4.0, "4/4"),),
              ((0.0, "C major"),)),
        performance(np.arange(5.0), kinds=(), index=(), pitches=(), missed=()),
    )  # fmt: skip
    for made in (labels.note_lists, labels.chord_lists, labels.missed_lists):
        assert made([bare, bare]).to_pylist() == [[], []]
    assert labels.facts(bare)["num_notes"] == labels.facts(bare)["max_polyphony"] == 0


def places(bars, beats):
    rows = [Heard(score(bars), performance(np.array(beats)))]
    return [(beat["bar"], beat["position"]) for beat in labels.beat_lists(rows).to_pylist()[0]]


def test_beats_are_counted_in_bars():
    assert places(((0.0, 3.0, "3/4"), (3.0, 3.0, "3/4")), range(7)) == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0)]  # fmt: skip
    assert places(((0.0, 3.0, "6/8"), (3.0, 2.0, "2/4")), (0, 1.5, 3, 4, 5)) == [
        (0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]  # fmt: skip


def test_an_upbeat_is_counted_from_the_end_of_its_bar():
    assert places(((0.0, 1.0, "4/4"), (1.0, 4.0, "4/4")), range(6)) == [
        (0, 3), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0)]  # fmt: skip


def test_polyphony_and_pedal_share():
    onset, end = np.array([0, 10, 20, 20]), np.array([20, 40, 30, 25])
    assert labels.max_polyphony(onset, end) == 3  # the first one ends where two begin
    assert labels.max_polyphony(np.zeros(0), np.zeros(0)) == 0
    assert labels.pedal_share(np.array([[0, 0], [20, 64], [70, 63]]), 100) == 0.5


def test_facts():
    facts = labels.facts(heard())
    assert facts["tempo_bpm"] == 120 and facts["performed_tempo_bpm"] == 120 and facts["num_bars"] == 2
    assert facts["pedal_share"] == 0.125 and facts["duration_sec"] == 5.0 and facts["metre"] == "4/4"
