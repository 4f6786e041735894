"""MIDI files, read back with mido and pretty_midi."""

import io

import mido
import numpy as np
import pretty_midi
import pytest

from sousa.generation import midi
from sousa.generation.rudiments import corpus, definitions, players
from sousa.generation.rudiments.assembly import play
from sousa.generation.rudiments.score import plan_take
from sousa.generation.rudiments.settings import make_config

RATE = 44100


@pytest.fixture(scope="module")
def batch():
    takes = [
        plan_take(42, players.player(42, profile), form, 0, 6.0)
        for profile in (1, 3)
        for form in definitions.load().values()
    ]
    p = play(takes, RATE)
    files = midi.encode(
        [f"row{i}" for i in range(len(takes))], [t.tempo_bpm for t in takes], [t.form.metre for t in takes],
        p.lead_in_beats, p.num_samples, p.start, p.onset_sample, corpus.SNARE_NOTE, p.velocity,
        np.where(p.hand == 1, ord("L"), ord("R")), RATE, corpus.DRUM_CHANNEL,
    )  # fmt: skip
    return p, files


def test_notes_give_back_the_labelled_samples(batch):
    p, files = batch
    for t, data in enumerate(files):
        rows = slice(p.start[t], p.start[t + 1])
        notes = pretty_midi.PrettyMIDI(io.BytesIO(data)).instruments[0].notes
        found = np.rint(np.array([n.start for n in notes]) * RATE).astype(int)
        error = np.abs(found - p.onset_sample[rows]).max()
        assert error == 0 if p.takes[t].tempo_bpm >= 81 else error <= 1
        assert [n.velocity for n in notes] == p.velocity[rows].tolist()
        assert all(n.end > n.start for n in notes)


def test_tempo_metre_and_hands(batch):
    p, files = batch
    for t, data in enumerate(files):
        take, file = p.takes[t], mido.MidiFile(file=io.BytesIO(data))
        assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, midi.TICKS_PER_BEAT, 2)
        assert next(m.tempo for m in file.tracks[0] if m.type == "set_tempo") == round(60e6 / take.tempo_bpm)
        signs = [m for m in file.tracks[0] if m.type == "time_signature"]
        assert [m.time for m in signs] == [0, p.lead_in_beats[t] * midi.TICKS_PER_BEAT]
        assert {f"{m.numerator}/{m.denominator}" for m in signs} == {take.form.metre}
        rows = slice(p.start[t], p.start[t + 1])
        sticking = [m.text for m in file.tracks[1] if m.type == "lyrics"]
        assert sticking == ["RL"[hand] for hand in p.hand[rows]]
        notes = [m for m in file.tracks[1] if m.type in ("note_on", "note_off")]
        assert {m.channel for m in notes} == {9} and {m.note for m in notes} == {corpus.SNARE_NOTE}
        assert file.length == pytest.approx(p.num_samples[t] / RATE, abs=1e-3)


def test_bars_begin_after_the_lead_in(batch):
    p, files = batch
    for t, data in enumerate(files):
        file, metre = pretty_midi.PrettyMIDI(io.BytesIO(data)), p.takes[t].form.metre
        signs = file.time_signature_changes
        assert f"{signs[0].numerator}/{signs[0].denominator}" == metre  # what loaders take
        beats, unit = map(int, metre.split("/"))
        bar = round(60e6 / p.takes[t].tempo_bpm) / 1e6 * 4 / unit * beats
        found = np.array(file.get_downbeats())
        assert p.lead_in_beats[t] > 0 and found[0] == 0
        wanted = p.lead_in_samples[t] / RATE + bar * np.arange(len(found) - 1)
        assert np.abs(found[1:] - wanted).max() < 1e-4


def test_any_notes_of_any_channel():
    pitch, letters = np.array([60, 72, 61]), np.array([ord(letter) for letter in "abc"])
    start, onsets = np.array([0, 2, 3]), np.array([0, 22050, 100])
    files = midi.encode(
        ["one", "two"], [120, 90], ["4/4", "3/4"], [0, 0], [44100, 44100], start, onsets, pitch,
        np.array([1, 64, 127]), letters, RATE, 2,
    )  # fmt: skip
    for data, rows in zip(files, (slice(0, 2), slice(2, 3)), strict=True):
        track = mido.MidiFile(file=io.BytesIO(data)).tracks[1]
        notes = [m for m in track if m.type in ("note_on", "note_off")]
        assert {m.channel for m in notes} == {2}
        assert [m.note for m in notes] == np.repeat(pitch[rows], 2).tolist()
        assert [m.text for m in track if m.type == "lyrics"] == [chr(c) for c in letters[rows]]


def test_downbeats_fall_on_the_grid_of_a_sequencer(batch):
    """Written strokes lie on whole 1/24 beats after the lead-in."""
    p, _ = batch
    main = p.parent < 0
    bpm = np.array([t.tempo_bpm for t in p.takes])[p.take]
    ticks = midi.samples_to_ticks(p.intended_sample, bpm, RATE)[main] / (midi.TICKS_PER_BEAT / 24)
    one_sample = midi.TICKS_PER_BEAT / 24 * 0 + 24 * bpm[main] / 60 / RATE
    assert (np.abs(ticks - np.rint(ticks)) <= one_sample + 1e-3).all()


def test_variable_length_quantities_as_mido_writes_them():
    for value in (0, 1, 127, 128, 255, 16383, 16384, 2097151, 2097152, 268435455):
        expected = bytes(mido.midifiles.meta.encode_variable_int(value))
        assert midi._quantity(value) == expected
        size = midi._lengths(np.array([value]))
        out = np.zeros(size[0], dtype=np.uint8)
        midi._put_quantities(out, np.array([0]), np.array([value]), size)
        assert out.tobytes() == expected


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000])
def test_exact_where_a_tick_is_no_longer_than_a_sample(rate):
    samples = np.arange(0, rate * 8, 7)
    for bpm in range(28, 301):
        ticks = midi.samples_to_ticks(samples, bpm, rate)
        seconds = ticks * (midi.tempo_us(bpm) / 1e6 / midi.TICKS_PER_BEAT)
        error = np.abs(np.rint(seconds * rate) - samples).max()
        assert error <= midi.max_error_samples(bpm, rate)
        if rate <= 44100:
            assert midi.max_error_samples(bpm, rate) == 0 if bpm >= 81 else error <= 1


def test_long_takes_can_be_read_by_pretty_midi():
    config = make_config("small", duration_sec=60.0, rudiments=["single_stroke_four:*"], with_audio=False)
    rows = corpus.make_rows(config, [(3, f, 0) for f in definitions.select(["single_stroke_four:*"])], 0)
    for data in rows["midi"].to_pylist():
        assert pretty_midi.PrettyMIDI(io.BytesIO(data)).get_end_time() > 55
