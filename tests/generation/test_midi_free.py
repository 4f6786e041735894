"""MIDI files of performances whose tempo bends, read back with mido and pretty_midi."""

import io
from dataclasses import replace

import mido
import numpy as np
import pretty_midi
import pytest

from sousa.generation import midi

RATES = (16000, 44100)


def performance(rate, quarters=64, bpm=110.0, seed=1):
    """``(parts, controls, grid, num_samples)``: two hands over a bending tempo, with much pedal."""
    rng = np.random.default_rng(seed)
    length = 60.0 / bpm * np.exp(0.15 * rng.standard_normal(quarters)).cumsum()
    beats, samples = np.arange(quarters + 1.0), np.rint((0.7 + np.append(0, length)) * rate).astype(int)
    end = int(samples[-1] + 1.5 * rate)
    parts = []
    for title, low in (("Right hand", 60), ("Left hand", 36)):
        onset = np.sort(rng.integers(samples[0], end - rate, 150))
        # a scale up and down the keys: each is let go before it is struck again
        pitch = low + np.arange(len(onset)) % 24
        release = onset + rng.integers(1, rate // 2, len(onset))
        for key in range(low, low + 24):
            which = np.flatnonzero(pitch == key)
            release[which[:-1]] = np.minimum(release[which[:-1]], onset[which[1:]] - 1)
        kept = release > onset
        velocity = rng.integers(1, 128, len(onset))
        parts.append(midi.Part(title, *(a[kept] for a in (onset, release, pitch, velocity))))
    moves = np.unique(np.append(0, rng.integers(1, end, 200)))
    controls = np.column_stack([moves, np.full(len(moves), 64), rng.integers(0, 128, len(moves))])
    bars = [(float(at), 4.0, "4/4") for at in range(0, quarters, 4)]
    return parts, controls, midi.Grid(beats, samples, bars, bpm, sharps=-3, minor=True), end


def notes_by_mido(data, rate):
    """``(notes, pedal)``: sorted ``(onset, release, pitch, velocity)`` and ``(at, value)`` in samples."""
    notes, pedal, sounding, at = [], [], {}, 0.0
    for message in mido.MidiFile(file=io.BytesIO(data)):
        at += message.time
        sample = int(np.rint(at * rate))
        if message.type == "note_on":
            assert message.note not in sounding, "a key is struck while it is down"
            sounding[message.note] = (sample, message.velocity)
        elif message.type == "note_off":
            onset, velocity = sounding.pop(message.note)
            notes.append((onset, sample, message.note, velocity))
        elif message.type == "control_change":
            pedal.append((sample, message.value))
    assert not sounding
    return sorted(notes), pedal


def notes_by_pretty_midi(data, rate):
    song = pretty_midi.PrettyMIDI(io.BytesIO(data))
    notes = [n for i in song.instruments for n in i.notes]
    pedal = [(c.time, c.value) for c in song.instruments[0].control_changes]
    assert [i.name for i in song.instruments] == ["Right hand", "Left hand"]
    return _in_samples(notes, rate), [(int(np.rint(at * rate)), value) for at, value in pedal]


def _in_samples(notes, rate):
    times = np.rint(np.array([(n.start, n.end) for n in notes]) * rate).astype(int)
    return sorted((*map(int, pair), n.pitch, n.velocity) for pair, n in zip(times, notes, strict=True))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("reader", [notes_by_mido, notes_by_pretty_midi])
def test_notes_and_pedal_give_back_the_labelled_samples(rate, reader):
    parts, controls, grid, end = performance(rate)
    data = midi.encode_free("Étude", parts, controls, grid, end, rate)
    arrays = [np.concatenate([getattr(p, name) for p in parts])
              for name in ("onset_sample", "release_sample", "pitch", "velocity")]  # fmt: skip
    wanted = sorted(zip(*(a.tolist() for a in arrays), strict=True))
    notes, pedal = reader(data, rate)
    slowest = max(m.tempo for m in mido.MidiFile(file=io.BytesIO(data)).tracks[0] if m.type == "set_tempo")
    allowed = midi.max_error_samples(60e6 / slowest, rate)
    assert allowed == (rate > 16000)  # at 16 kHz no beat here is so slow that a tick is longer than a sample
    assert [n[2:] for n in notes] == [n[2:] for n in wanted]
    assert np.abs(np.array(notes)[:, :2] - np.array(wanted)[:, :2]).max() <= allowed
    moves = controls[:, [0, 2]]
    pedal = np.array(pedal)
    if reader is notes_by_mido:  # both tracks have it
        pedal = pedal[::2]
    assert (pedal[:, 1] == moves[:, 1]).all() and np.abs(pedal[:, 0] - moves[:, 0]).max() <= allowed


@pytest.mark.parametrize("rate", RATES)
def test_the_grid_of_a_sequencer_lies_where_beats_are_heard(rate):
    parts, controls, grid, end = performance(rate)
    song = pretty_midi.PrettyMIDI(io.BytesIO(midi.encode_free("x", parts, controls, grid, end, rate)))
    assert song.resolution == midi.TICKS_PER_BEAT
    lead_in = round(grid.samples[0] / rate * grid.tempo_bpm / 60)
    heard = [song.tick_to_time(int((lead_in + beat) * song.resolution)) for beat in grid.beats]
    assert np.abs(np.array(heard) - grid.samples / rate).max() < 1e-6
    bars = song.get_downbeats()
    assert np.abs(bars[1 : len(grid.bars) + 1] - grid.samples[:-1:4] / rate).max() < 1e-6
    assert song.key_signature_changes[0].key_number == 12  # C minor
    assert song.get_end_time() <= end / rate + 1e-6


def test_metres_change_and_an_upbeat_is_a_short_bar():
    parts, controls, grid, end = performance(16000, quarters=13)
    bars = [(0.0, 1.0, "4/4"), (1.0, 4.0, "4/4"), (5.0, 4.0, "4/4"), (9.0, 3.0, "6/8"), (12.0, 1.0, "6/8")]
    data = midi.encode_free("x", parts, controls, replace(grid, bars=bars), end, 16000)
    at, signs = 0, []
    for message in mido.MidiFile(file=io.BytesIO(data)).tracks[0]:
        at += message.time
        if message.type == "time_signature":
            signs.append((at / midi.TICKS_PER_BEAT, f"{message.numerator}/{message.denominator}"))
    lead_in = signs[1][0]
    assert signs[0] == (0, "4/4") and lead_in == round(0.7 * 110 / 60)
    assert [(place - lead_in, metre) for place, metre in signs[1:]] == [(0, "4/4"), (1, "4/4"), (9, "6/8")]


def test_ends_come_before_beginnings_at_one_tick():
    onset, release = np.array([1000, 2000]), np.array([2000, 2001])
    part = midi.Part("r", onset, release, np.array([60, 60]), np.array([80, 90]))
    controls = np.array([[0, 64, 0], [2000, 64, 127]])
    grid = midi.Grid(np.array([0.0, 4.0]), np.array([0, 32000]), [(0.0, 4.0, "4/4")], 120.0)
    data = midi.encode_free("x", [part], controls, grid, 32000, 16000)
    track = mido.MidiFile(file=io.BytesIO(data)).tracks[1]
    kinds = [m.type for m in track if m.type in ("note_on", "note_off", "control_change")]
    assert kinds == ["control_change", "note_on", "control_change", "note_off", "note_on", "note_off"]
    assert notes_by_mido(data, 16000)[0] == [(1000, 2000, 60, 80), (2000, 2001, 60, 90)]


def test_a_piece_of_an_hour_can_be_read():
    parts, controls, grid, end = performance(16000, quarters=6000)
    data = midi.encode_free("x", parts, controls, grid, end, 16000)
    song = pretty_midi.PrettyMIDI(io.BytesIO(data))
    assert song.resolution < midi.TICKS_PER_BEAT and song.get_end_time() > 3000
    notes, _ = notes_by_mido(data, 16000)
    allowed = midi.max_error_samples(min(grid.tempo_bpm, 50), 16000, song.resolution)
    wanted = sorted(np.concatenate([p.onset_sample for p in parts]).tolist())
    assert np.abs(np.array([n[0] for n in notes]) - wanted).max() <= allowed


@pytest.mark.parametrize("quarters", [100, 400, 1000, 1300, 3000, 9000, 15000, 30000])
def test_longer_pieces_have_divisions_that_parts_of_a_beat_divide(quarters):
    part = midi.Part("r", np.array([0]), np.array([100]), np.array([60]), np.array([80]))
    grid = midi.Grid(np.array([0.0, quarters]), np.array([0, quarters * 4000]), [(0.0, 4.0, "4/4")], 240.0)
    data = midi.encode_free("x", [part], np.zeros((0, 3), int), grid, quarters * 4000, 16000)
    division = mido.MidiFile(file=io.BytesIO(data)).ticks_per_beat
    assert division % 8 == 0 or division in (16380, 8190)
    assert 5_000_000 < division * quarters < 10_000_000 or quarters == 100


def test_a_very_long_beat_is_read_back_all_the_same():
    """Longer than a tempo can say: notes stay where they are, and later beats catch up."""
    part = midi.Part("r", np.array([400_000]), np.array([410_000]), np.array([60]), np.array([80]))
    grid = midi.Grid(np.array([0.0, 1, 2]), np.array([0, 320_000, 420_000]), [(0.0, 2.0, "2/4")], 60.0)
    data = midi.encode_free("x", [part], np.zeros((0, 3), int), grid, 500_000, 16000)
    ((onset, release, *_),) = notes_by_mido(data, 16000)[0]
    assert abs(onset - 400_000) <= 3 and abs(release - 410_000) <= 3
