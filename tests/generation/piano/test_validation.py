"""Each check of piano fails when what it claims is damaged, and no other row is blamed."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from sousa.generation import midi
from sousa.generation.piano import Piano, corpus
from sousa.generation.piano.settings import make_config
from sousa.generation.piano.validation import checks, examine, sound
from sousa.generation.piano.validation.examine import PianoExaminer, records_of
from sousa.generation.validation import Task
from sousa.generation.validation.findings import Problems, absence


@pytest.fixture(scope="module")
def made():
    """A configuration, and three of its rows with sound: one of them augmented."""
    config = make_config(samples=3, augmentations=2, max_duration_sec=6)
    addresses = [pa.array(values, pa.int32()) for values in ((0, 1, 1), (0, 0, 0), (0, 0, 1))]
    return config, corpus.remake(config, pa.table(addresses, names=list(Piano.address)))


def examined(made, rows, hear=()):
    """What an examiner finds in rows: ``(problems, media)``."""
    config, table = made
    shard = corpus.plan(config)[0]
    examiner = PianoExaminer(Task(Piano(), config, table.schema, None, {}, shard, 1, 0, False))
    problems = Problems()
    group = pa.Table.from_pylist(rows, table.schema)
    examiner.labels(group, 0, problems)
    for i in hear:
        from sousa.generation.audio import encode

        pcm, _ = encode.decode(rows[i]["audio"]["bytes"])
        examiner.hear(group, i, i, pcm, problems)
    return problems, examiner.media


def test_a_row_without_notes_has_no_problem():
    """Of a piece of one note that is missed."""
    nothing, pedal = np.zeros(0, dtype=np.int64), np.array([[0, 64, 0]])
    grid = midi.Grid(np.array([0.0, 1.0]), np.array([100, 8100]), [(0.0, 1.0, "1/4")], 120.0)
    data = midi.encode_free("x", [midi.Part("r", *[nothing] * 4)], pedal, grid, 16000, 16000)
    names = ("pitch", "onset_sample", "key_up_sample", "velocity")
    row = {"sample_id": "x", "sample_rate": 16000, "notes": dict.fromkeys(names, nothing),
           "pedal": {"sample": pedal[:, 0], "value": pedal[:, 2]}}  # fmt: skip
    problems = Problems()
    assert examine._midi(row, data, problems)["midi_error"] == 0 and not problems


def test_rows_as_they_are_made_have_no_problem(made):
    problems, media = examined(made, made[1].to_pylist(), hear=range(3))
    assert problems == {}
    errors = [error for found in media for error in found["onset_errors"] + found["soft_errors"]]
    assert len(errors) == 6 and np.abs(errors).max() == 0
    assert all(found["midi_error"] <= found["midi_allowed"] for found in media)


def damage_of(name):
    def note(change):
        return lambda row: change(row["notes"])

    def moved(notes, field, value):
        notes[0][field] = value

    def struck_again(notes):
        notes[1] |= {name: notes[0][name] for name in ("pitch",)}
        notes[0]["key_up_sample"] = notes[1]["onset_sample"] + 5

    return {
        "note_count_differs": lambda row: row.update(num_notes=row["num_notes"] + 1),
        "note_without_length": note(lambda n: moved(n, "key_up_sample", n[0]["onset_sample"])),
        "note_after_end": note(lambda n: moved(n, "end_sample", 10**9)),
        "pitch_not_on_a_piano": note(lambda n: moved(n, "pitch", 109)),
        "velocity_out_of_range": note(lambda n: moved(n, "velocity", 0)),
        "struck_while_down": note(struck_again),
        "end_differs_from_pedal": note(lambda n: moved(n, "end_sample", n[0]["end_sample"] + 1)),
        "pedal_out_of_order": lambda row: row["pedal"][0].update(sample=5),
        "pedal_out_of_range": lambda row: row["pedal"][-1].update(value=128),
        "pedal_share_differs": lambda row: row.update(pedal_share=row["pedal_share"] + 0.01),
        "polyphony_differs": lambda row: row.update(max_polyphony=99),
        "beats_do_not_rise": lambda row: row["beats"][1].update(onset_sample=row["beats"][0]["onset_sample"]),
        "beats_are_not_counted": lambda row: row["beats"][2].update(position=7),
        "bar_count_differs": lambda row: row.update(num_bars=row["num_bars"] + 1),
        "beat_after_end": lambda row: row["beats"][-1].update(onset_sample=row["num_samples"]),
        "chords_out_of_order": lambda row: row["chords"].reverse(),
        "extra_note_is_written": note(lambda n: moved(n, "kind", "extra")),
        "missed_note_is_played": lambda row: row["missed_notes"].append(
            {"note_index": row["notes"][0]["note_index"], "onset_beat": 0.0, "pitch": 60}
        ),
        "written_note_neither_played_nor_missed": lambda row: row["notes"].pop(0),
        "written_outside_score": note(lambda n: moved(n, "onset_beat", 10_000.0)),
    }[name]  # fmt: skip


CLAIMED = [problem for _, problems, _ in checks._ROW_CHECKS for problem in problems]
NOT_TRIED = {"ends_before_key_up", "written_note_played_twice"}  # see below


@pytest.mark.parametrize("problem", [name for name in CLAIMED if name not in NOT_TRIED])
def test_damage_is_found(made, problem):
    rows = made[1].to_pylist()
    damage_of(problem)(rows[1])
    problems, _ = examined(made, rows)
    assert problem in problems
    assert all(example.startswith(rows[1]["sample_id"]) for _, examples in problems.values()
               for example in examples)  # fmt: skip
    failed = [check for check in (absence(problems, *c) for c in checks._ROW_CHECKS) if not check.passed]
    assert problem.replace("_", " ") in " ".join(check.detail for check in failed)


def test_notes_that_end_too_soon_or_come_twice(made):
    rows = made[1].to_pylist()
    rows[0]["notes"][0]["end_sample"] = rows[0]["notes"][0]["key_up_sample"] - 1
    written = [note for note in rows[1]["notes"] if note["kind"] == "written"]
    written[0]["note_index"] = written[1]["note_index"]
    problems, _ = examined(made, rows)
    assert {"ends_before_key_up", "written_note_played_twice"} <= problems.keys()


def test_midi_and_sound_that_differ_are_found(made):
    rows = made[1].to_pylist()
    rows[0]["midi"] = rows[1]["midi"]
    rows[1]["midi"] = b"no MIDI"
    rows[2]["brightness_db"] += 3.0
    problems, _ = examined(made, rows, hear=range(3))
    assert {"midi_notes_differ", "midi_unreadable", "sound_differs_from_record"} <= problems.keys()


def test_a_shifted_label_is_measured(made):
    """A note labelled some samples late is heard so many before its label."""
    rows = made[1].to_pylist()
    for note in rows[1]["notes"]:
        note["onset_sample"] += 3
    _, media = examined(made, rows, hear=[1])
    assert set(media[0]["onset_errors"] + media[0]["soft_errors"]) == {-3.0}


def test_samples_that_are_clipped_with_and_without_a_note_are_not_counted():
    @dataclass(frozen=True)
    class Played:
        notes: np.ndarray

    onset = np.array([100, 1000])
    played = Played(np.array([(100,), (1000,)], dtype=[("onset_sample", np.int64)]))
    loud = np.zeros((2000, 1), dtype=np.int16)
    loud[990:1003] = 9000  # clipped as the second note begins, and for two samples more
    heard = loud.copy()
    heard[1003:] = -500

    def error(peak, stored=heard):
        return sound._error(lambda performance: loud, played, onset, 1, stored, 16000, peak)

    assert (error(None), error(9000)) == (3.0, 0.0)
    heard[1000:1010] = loud[1000:1010]
    assert error(9000) == 7.0  # a late label is still late
    assert np.isnan(error(9000, loud))


def test_records_are_those_of_each_row(made):
    rows = made[1].to_pylist()
    for row, records in zip(rows, records_of(made[1], "beats"), strict=True):
        assert records["bar"].tolist() == [beat["bar"] for beat in row["beats"]]
