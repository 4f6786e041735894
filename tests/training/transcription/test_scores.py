"""Notes become scores: exactly, when they are as they are written; and other readers read what is written."""

import csv
import io
import json
from fractions import Fraction

import numpy as np
import pytest

from sousa.training.transcription import TICKS, files, musicxml, notes_of, sheet
from sousa.training.transcription.metres import Beats

# places and lengths in quarter notes, pitches; hands by the staff they are written on
PIECE = {
    "4/4": (
        # syncopation, sixteenths, a triplet, a tie over the bar, chords of one and of two lengths
        [
            (0, "1/2", 72), ("1/2", 1, 74), ("3/2", "1/2", 76), (2, "1/4", 77), ("9/4", "1/4", 79),
            ("5/2", "1/2", 81), (3, 2, 79), (5, "1/3", 77), ("16/3", "1/3", 76), ("17/3", "1/3", 74),
            (6, 2, 72), (6, 2, 76), (8, 4, 72),
        ],
        [
            (0, 2, 48), (0, 2, 55), (2, 2, 52), (4, 4, 48), (4, 1, 55), (5, 1, 57), (6, 2, 55), (8, 4, 36),
            (8, 4, 43),
        ],
    ),
    "3/4": (
        [
            (0, "3/2", 67), ("3/2", "1/2", 69), (2, 1, 71), (3, 3, 74), (6, 1, 72), (7, 1, 71), (8, 1, 69),
            (9, 3, 67),
        ],
        [(k * 3, 1, 43) for k in range(4)]
        + [(k * 3 + j, 1, p) for k in range(4) for j in (1, 2) for p in (55, 59)],
    ),
    "6/8": (
        [
            (0, 1, 69), (1, "1/2", 71), ("3/2", 1, 73), ("5/2", "1/2", 74), (3, "3/2", 76),
            ("9/2", "3/2", 73), (6, 3, 69),
        ],
        [(k * Fraction(3, 2), "3/2", p) for k, p in enumerate((45, 52, 49, 52, 45, 45))],
    ),
}  # fmt: skip
BEAT = {"4/4": Fraction(1), "3/4": Fraction(1), "6/8": Fraction(3, 2)}


def deadpan(metre, bpm=93.0, upbeat=0):
    """``(notes, their places, lengths, staves)`` of a piece in strict time; places in quarter notes."""
    rows = [
        (Fraction(o), Fraction(d), p, staff) for staff, part in enumerate(PIECE[metre]) for o, d, p in part
    ]
    rows = sorted((o + upbeat, d, p, s) for o, d, p, s in rows)
    rows.sort(key=lambda row: (row[0], row[2]))
    place, length, pitch, staff = (np.array([float(row[i]) for row in rows]) for i in range(4))
    quarter = 60 / bpm
    notes = notes_of(1.0 + place * quarter, 1.0 + (place + length) * quarter, pitch, np.full(len(rows), 70))
    return notes, rows, staff.astype(np.int8)


def known_beats(metre, bpm=93.0, first_bar=0):
    step = float(BEAT[metre]) * 60 / bpm
    return Beats(1.0 + np.arange(16) * step, metre, first_bar)


@pytest.mark.parametrize("metre", PIECE)
@pytest.mark.parametrize("bpm", [61.0, 93.0, 144.0])
def test_notes_in_strict_time_are_written_exactly(metre, bpm):
    notes, rows, staff = deadpan(metre, bpm)
    page = sheet.write_down(notes, beats=known_beats(metre, bpm), staff=staff)
    written = [
        (n["onset"], n["length"], n["pitch"], n["staff"])
        for n in page.notes[np.argsort(page.notes["source"])]
    ]
    assert written == [(o * TICKS, d * TICKS, p, s) for o, d, p, s in rows]


def read_back(page):
    """A score through music21: ``(notes with ties joined, bars)``, in quarter notes."""
    music21 = pytest.importorskip("music21")
    piece = music21.converter.parseData(musicxml.encode(page).decode(), format="musicxml")
    notes = []
    for staff, part in enumerate(piece.parts):
        for element in part.stripTies().flatten().notes:
            for pitch in element.pitches:
                notes.append((Fraction(element.offset), Fraction(element.quarterLength), pitch.midi, staff))
    bars = [
        (Fraction(m.offset), m.timeSignature and m.timeSignature.ratioString)
        for m in piece.parts[0]["Measure"]
    ]
    return piece, sorted(notes), bars


@pytest.mark.parametrize("metre", PIECE)
def test_music21_reads_the_same_score(metre):
    notes, rows, staff = deadpan(metre)
    page = sheet.write_down(notes, beats=known_beats(metre), staff=staff, title="A & B <é>")
    piece, heard, bars = read_back(page)
    assert heard == sorted((o, d, p, s) for o, d, p, s in rows)
    whole = Fraction(page.beats.bar_ticks, TICKS)
    assert bars == [(k * whole, metre if k == 0 else None) for k in range(len(page.bars))]
    # every bar is full in every staff
    for part in piece.parts:
        assert {measure.duration.quarterLength for measure in part["Measure"]} == {whole}
    assert piece.metadata.title == "A & B <é>"
    key = piece.parts[0].recurse().getElementsByClass("Key")[0]
    assert (key.sharps, key.mode) == (page.sharps, page.mode)
    clefs = [part.recurse().getElementsByClass("Clef")[0].sign for part in piece.parts]
    assert clefs == ["G", "F"]
    assert piece.recurse().getElementsByClass("MetronomeMark")[0].getQuarterBPM() == pytest.approx(
        93, abs=0.6
    )


def test_chords_stay_chords():
    notes, _, staff = deadpan("3/4")
    piece, _, _ = read_back(sheet.write_down(notes, beats=known_beats("3/4"), staff=staff))
    chords = [sorted(p.midi for p in c.pitches) for c in piece.parts[1].recurse().getElementsByClass("Chord")]
    assert chords == [[55, 59]] * 8


def test_an_upbeat_is_a_bar_of_its_own():
    notes, rows, staff = deadpan("3/4", upbeat=1)
    lead = notes_of([1.0], [1.0 + 60 / 93], [62], [70])
    notes = np.concatenate([lead, notes])
    page = sheet.write_down(notes, beats=known_beats("3/4", first_bar=1), staff=np.append(np.int8(0), staff))
    assert page.bars[0] == (0, TICKS) and {length for _, length in page.bars[1:]} == {3 * TICKS}
    _, heard, bars = read_back(page)
    assert heard == sorted([(0, 1, 62, 0), *rows]) and bars[1] == (1, None)


@pytest.mark.parametrize("metre", PIECE)
def test_beats_are_found_in_strict_time(metre):
    """Twice the piece: of so little music a metre can't be told."""
    notes, _, _ = deadpan(metre)
    again = notes.copy()
    shift = 12 * 60 / 93 if metre != "6/8" else 9 * 60 / 93
    for name in ("onset_sec", "offset_sec"):
        again[name] += shift
    page = sheet.write_down(np.concatenate([notes, again]), metre=metre)
    step = float(BEAT[metre]) * 60 / 93
    place = (page.beats.sec - 1.0) / step
    assert np.abs(place - np.rint(place)).max() < 0.02 and np.diff(page.beats.sec).mean() == pytest.approx(
        step, rel=0.01
    )


def test_played_chords_and_times_are_put_in_order():
    """Spread chords, uneven beats, and keys let go early."""
    rng = np.random.default_rng(3)
    beat = np.cumsum(np.append(1.0, 0.6 * np.exp(0.03 * rng.standard_normal(20))))
    rows = [(k, p, s) for k in range(16) for p, s in ((48 - k % 4, 1), (64 + k % 5, 0), (69 + k % 5, 0))]
    onset = np.array([beat[k] for k, _, _ in rows]) + rng.uniform(0, 0.02, len(rows))
    length = 0.6 * rng.uniform(0.7, 1.1, len(rows))
    order = np.lexsort(([p for _, p, _ in rows], onset))
    notes = notes_of(onset, onset + length, [p for _, p, _ in rows], np.full(len(rows), 60))
    staff = np.array([s for _, _, s in rows], dtype=np.int8)[order]
    page = sheet.write_down(notes, beats=Beats(beat, "4/4"), staff=staff)
    wanted = sorted((k * TICKS, p) for k, p, _ in rows)
    assert sorted(zip(page.notes["onset"].tolist(), page.notes["pitch"].tolist(), strict=True)) == wanted
    assert (page.notes["length"][page.notes["onset"] < 15 * TICKS] == TICKS).all()
    assert set(page.notes["voice"].tolist()) == {1}
    assert io.BytesIO(musicxml.encode(page)).read().count(b"<tie ") == 0


def test_midi_keeps_times_metre_and_tempo():
    pretty_midi = pytest.importorskip("pretty_midi")
    notes, _, staff = deadpan("6/8", bpm=100.0)
    page = sheet.write_down(notes, beats=known_beats("6/8", 100.0), staff=staff)
    data = files.encode("mid", page, notes, np.array([[1.5, 2.25]]), 12.0)
    read = pretty_midi.PrettyMIDI(io.BytesIO(data))
    heard = sorted((n.start, n.end, n.pitch, n.velocity) for part in read.instruments for n in part.notes)
    assert np.allclose(heard, sorted(map(tuple, notes.tolist())), atol=1e-4)
    assert [(s.numerator, s.denominator) for s in read.time_signature_changes][-1] == (6, 8)
    assert read.get_tempo_changes()[1][-1] == pytest.approx(100.0, abs=0.01)
    assert read.get_downbeats()[1:4] == pytest.approx(1.0 + 1.8 * np.arange(3), abs=2e-3)
    pedal = [(c.time, c.value) for c in read.instruments[0].control_changes if c.number == 64]
    assert [value for _, value in pedal] == [127, 0]
    assert [time for time, _ in pedal] == pytest.approx([1.5, 2.25], abs=1e-4)


def test_tables_say_the_same_as_notes():
    notes, rows, staff = deadpan("4/4")
    page = sheet.write_down(notes, beats=known_beats("4/4"), staff=staff)
    told = json.loads(files.encode("json", page, notes, np.zeros((0, 2)), 8.0))
    table = list(
        csv.DictReader(io.StringIO(files.encode("csv", page, notes, np.zeros((0, 2)), 8.0).decode()))
    )
    assert [float(row["onset_sec"]) for row in table] == [note["onset_sec"] for note in told["notes"]]
    assert [note["quarter"] for note in told["notes"]] == [round(float(o), 6) for o, *_ in rows]
    assert (told["signature"], told["count"], len(told["bars"])) == ("4/4", len(rows), 3)


@pytest.mark.parametrize("held", [0.3, 0.6, 0.9])
def test_what_is_played_short_or_long_stays_readable(held):
    """Triplets, then sixteenths and quavers, over a bass; keys are let go early, and not alike."""
    rng = np.random.default_rng(5)
    places = np.array(
        [k + i + j / n for k in range(0, 24, 3) for i, n in enumerate((3, 4, 2)) for j in range(n)]
    )
    length = held * np.append(np.diff(places), 0.5) * rng.uniform(0.8, 1.2, len(places))
    bass = np.arange(0.0, 24.0)
    onset = 0.5 + 0.7 * (np.concatenate([places, bass]) + rng.uniform(0, 0.01, len(places) + len(bass)))
    ends = onset + 0.7 * np.concatenate([length, held * rng.uniform(0.8, 1.1, len(bass))])
    pitch = np.concatenate([70 + np.arange(len(places)) % 7, 45 + np.arange(len(bass)) % 5])
    notes = notes_of(onset, ends, pitch, np.full(len(pitch), 64))
    page = sheet.write_down(notes, beats=Beats(0.5 + 0.7 * np.arange(25.0), "3/4"))
    assert page.notes["voice"].max() <= 2
    text = musicxml.encode(page).decode()
    assert text.count("<rest") < 0.6 * len(notes) and "<type>32nd" not in text and "<type>64th" not in text
    for note in page.notes:  # each length is of the division of its beat
        part = {0: 3, 1: 4, 2: 4}[int(note["onset"] // TICKS % 3)] if note["staff"] == 0 else 12
        assert note["length"] * part % TICKS == 0
