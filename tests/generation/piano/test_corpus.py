"""The plan of a piano corpus, and its rows: splits, sizes, sharing, and labels that move with the sound."""

import io
import json
from collections import Counter
from dataclasses import replace

import mido
import numpy as np
import pretty_midi
import pyarrow as pa
import pytest

from sousa.generation.audio import acoustics, rooms
from sousa.generation.columns import SPLITS
from sousa.generation.piano import Piano, corpus, pieces
from sousa.generation.piano.pieces import level_of, performance_of, piece_indices, split_of
from sousa.generation.piano.played import sounding_ends
from sousa.generation.piano.renderings import PIANO_PIECES, chosen, rendering
from sousa.generation.piano.settings import PianoRef, make_config
from sousa.generation.piano.validation.examine import records_of


def table_of(config, *addresses, render=False):
    columns = [pa.array(values, pa.int32()) for values in zip(*addresses, strict=True)]
    return corpus.remake(config, pa.table(columns, names=list(Piano.address)), render)


def test_splits_are_stratified_at_every_beginning():
    config = make_config("full")
    counts, everything = Counter(), Counter()
    for index in range(1200):
        level, split = level_of(index), split_of(config, index)
        counts[level, split] += 1
        everything[split] += 1
        for part, total in ((everything, index + 1), *(
            ({s: counts[name, s] for s in SPLITS}, index // 3 + 1) for name in [level]
        )):  # fmt: skip
            for split_, share in zip(SPLITS, pieces.SPLIT_SHARE, strict=True):
                assert abs(part[split_] - share * total) <= 1.6, (index, part)
    assert {split_of(config, index) for index in range(3)} == set(SPLITS)


def test_a_piece_keeps_its_number_whatever_levels_are_wanted():
    assert piece_indices(make_config(samples=4, complexity=["medium"])) == [1, 4, 7, 10]
    assert piece_indices(make_config(samples=4)) == [0, 1, 2, 3]


def test_shards_hold_every_row_once_and_renderings_of_a_performance_together():
    config = make_config(samples=230, performances=2, augmentations=7)
    rows = []
    for shard in corpus.plan(config):
        addresses = pa.concat_tables(corpus.addresses(config, shard)).to_pylist()
        keys = [tuple(row.values()) for row in addresses]
        assert keys == sorted(keys) and len(keys) == shard.rows
        assert {split_of(config, piece) for piece, *_ in keys} == {shard.split}
        rows += keys
    assert sorted(rows) == [(p, v, a) for p in range(230) for v in range(2) for a in range(7)]


def test_long_pieces_come_in_smaller_groups():
    rows = [
        max(len(group) for shard in corpus.plan(config) for group in corpus.addresses(config, shard))
        for config in (
            make_config(),
            make_config(min_duration_sec=600, max_duration_sec=900, sample_rate=44100, channels=2),
        )
    ]
    assert 20 <= rows[0] <= 64 and rows[1] == 1


def test_a_shard_of_a_small_size_is_one_of_a_larger_one():
    small, full = make_config("small"), make_config("full")
    by_name = {shard.name: shard for shard in corpus.plan(full)}
    assert all(by_name[shard.name] == shard for shard in corpus.plan(small))
    shard = min(corpus.plan(small), key=lambda shard: shard.rows)
    tables = [pa.concat_tables(corpus.addresses(config, shard)).slice(0, 2) for config in (small, full)]
    assert tables[0] == tables[1]
    made = [corpus.remake(config, tables[0]) for config in (small, full)]
    assert made[0].equals(made[1])


def test_renderings_share_the_performance(monkeypatch):
    config = make_config(samples=2, augmentations=4, max_duration_sec=4)
    calls = []
    monkeypatch.setattr(pieces, "_KEPT", 8)
    pieces.performance_of.cache_clear()
    pieces.score_of.cache_clear()
    from sousa.generation.piano import performance

    true = performance.perform
    monkeypatch.setattr(performance, "perform", lambda *a: calls.append(a) or true(*a))
    table_of(config, *[(piece, 0, augmentation) for augmentation in range(4) for piece in (0, 1)])
    assert len(calls) == 2
    pieces.performance_of.cache_clear()


@pytest.fixture(scope="module")
def moved():
    """Rows that tape or a lower sample rate move, and the same performances unmoved."""
    config = make_config(samples=6, augmentations=12, sample_rate=44100)
    found = []
    for piece in range(6):
        for augmentation in range(12):
            record = rendering(config, piece, 0, augmentation).record
            if acoustics.moves(record):
                found.append((piece, 0, augmentation, record))
    assert len({record["preset"] for *_, record in found}) > 1
    table = table_of(config, *[address[:3] for address in found])
    return config, found, table


def test_labels_move_with_the_sound(moved):
    config, found, table = moved
    for i, (piece, number, _, record) in enumerate(found):
        _, played = performance_of(config, piece, number)
        row = {name: records_of(table.slice(i, 1), name)[0] for name in ("notes", "pedal", "beats")}
        size, rate = played.num_samples, config.sample_rate
        for got, before in (
            (row["notes"]["onset_sample"], played.notes["onset_sample"]),
            (row["beats"]["onset_sample"], played.beat_samples),
            (row["pedal"]["sample"][1:], played.pedal[1:, 0]),
        ):
            wanted = np.minimum(acoustics.moved(record, before, rate, size), size - 1)
            assert (got == wanted).all() and (np.diff(got) >= 0).all()
        n = row["notes"]
        pedal = np.column_stack([row["pedal"]["sample"], row["pedal"]["value"]])
        ends = sounding_ends(n["onset_sample"], n["key_up_sample"], n["pitch"], pedal, size)
        assert (ends == n["end_sample"]).all() and (n["key_up_sample"] > n["onset_sample"]).all()
        order = np.lexsort((n["onset_sample"], n["pitch"]))
        same = np.diff(n["pitch"][order]) == 0
        assert (n["key_up_sample"][order][:-1][same] < n["onset_sample"][order][1:][same]).all()
        chords = table["chords"][i].as_py()
        assert all(0 <= chord["onset_sample"] < size for chord in chords)


def notes_of(row):
    names = ("pitch", "onset_sample", "key_up_sample", "velocity")
    return sorted(tuple(note[name] for name in names) for note in row["notes"])


@pytest.mark.parametrize("rate", [16000, 44100])
def test_midi_is_the_labels(rate):
    config = make_config(samples=9, with_audio=False, sample_rate=rate)
    for row in table_of(config, *[(piece, 0, 0) for piece in range(9)]).to_pylist():
        song = pretty_midi.PrettyMIDI(io.BytesIO(row["midi"]))
        conductor = mido.MidiFile(file=io.BytesIO(row["midi"])).tracks[0]
        slowest = max(message.tempo for message in conductor if message.type == "set_tempo")
        allowed = int(slowest * rate / 1e6 / song.resolution > 1)
        notes = [n for instrument in song.instruments for n in instrument.notes]
        found = sorted((n.pitch, round(n.start * rate), round(n.end * rate), n.velocity) for n in notes)
        assert np.abs(np.array(found) - notes_of(row)).max() <= allowed
        assert {i.name for i in song.instruments} == {"Right hand", "Left hand"}
        by_hand = {i.name.split()[0].lower(): len(i.notes) for i in song.instruments}
        assert by_hand == Counter(note["hand"] for note in row["notes"])
        pedal = [(round(c.time * rate), c.value) for c in song.instruments[0].control_changes]
        wanted = [(move["sample"], move["value"]) for move in row["pedal"]]
        assert np.abs(np.array(pedal) - wanted).max() <= allowed
        first = song.time_signature_changes[0]
        assert f"{first.numerator}/{first.denominator}" == row["metre"]
        bars = [b["onset_sample"] / rate for b in row["beats"][:-1] if b["position"] == 0]
        downbeats = song.get_downbeats()  # and those of the lead-in
        assert max(np.abs(downbeats - bar).min() for bar in bars) < 1e-5


def test_renderings_that_move_nothing_have_one_midi_file():
    config = make_config(samples=3, augmentations=12)
    still = [a for a in range(12) if not acoustics.moves(rendering(config, 1, 0, a).record)]
    table = table_of(config, *[(1, 0, augmentation) for augmentation in still])
    assert len(still) > 4 and len(set(table["midi"].to_pylist())) == 1


# --- what is held out ---


def test_the_last_of_several_is_held_out():
    draws = np.linspace(0, 1, 1000, endpoint=False)
    assert {chosen("abc", False, draw) for draw in draws} == {"a", "b"}
    tests = Counter(chosen("abc", True, draw) for draw in draws)
    assert tests == {"a": 250, "b": 250, "c": 500}
    assert {chosen("a", held_out, 0.7) for held_out in (True, False)} == {"a"}


def test_pianos_and_rooms_are_held_out_in_rows():
    config = make_config(samples=300, augmentations=2, acoustics=["clean", "concert_hall"])
    others = tuple(PianoRef(name, str(i) * 64, "") for i, name in enumerate("xyz"))
    config = replace(config, pianos=others)
    heard = {split: (Counter(), Counter()) for split in SPLITS}
    for piece in range(300):
        made = rendering(config, piece, 0, 1)
        pianos, responses = heard[split_of(config, piece)]
        pianos[made.piano.name] += 1
        responses[made.record["room"]["response"]] += 1
    last = rooms.pool("concert_hall")[-1].name
    for split in ("train", "validation"):
        pianos, responses = heard[split]
        assert "z" not in pianos and {"x", "y"} == pianos.keys() and last not in responses
    pianos, responses = heard["test"]
    assert 12 <= pianos["z"] <= 33 and responses[last] > 0 and len(responses) > 1


def test_pianos_take_turns():
    """One serves a block of pieces, all are heard in turn, and one that is named twice is heard twice."""
    config = make_config(samples=PIANO_PIECES * 8)
    config = replace(config, pianos=tuple(PianoRef(name, name * 64, "") for name in "aabcd"))
    blocks = []
    for start in range(0, config.samples, PIANO_PIECES):
        pieces_ = range(start, start + PIANO_PIECES)
        names = {
            rendering(config, piece, 0, 0).piano.name for piece in pieces_
            if split_of(config, piece) == "train"
        }  # fmt: skip
        blocks += names
    assert len(blocks) == 8
    assert Counter(blocks[:4]) == Counter(blocks[4:]) == {"a": 2, "b": 1, "c": 1}


def test_sessions_share_a_room_and_rows_do_not_share_degradations():
    config = make_config(samples=60, augmentations=12)
    records = {}
    for piece in range(60):
        for augmentation in range(12):
            made = rendering(config, piece, 0, augmentation)
            if made.acoustics == "gym" and split_of(config, piece) == "train":
                records.setdefault(piece // 25, []).append(made.record)
    assert len(records) == 3
    for session in records.values():
        assert len({json.dumps([r["room"], r["microphone"], r["eq"]]) for r in session}) == 1
        compressors = [json.dumps(r["compressor"]) for r in session if r["compressor"]]
        assert len(set(compressors)) == len(compressors)
