"""Notes as targets: labels on the clock of the features, and what is decoded from them."""

import mir_eval
import numpy as np
import pytest
import torch

from sousa.generation.columns import having
from sousa.training.columns import columns_of
from sousa.training.metrics.note_metrics import note_metrics, notes_of
from sousa.training.tasks import column_target, note_rolls, restored
from sousa.training.tasks.note_rolls import KEYS
from sousa.training.tasks.notes import NotesTarget
from tests.support import tone_notes

RATE = 44100
COLUMN = next(column for column in tone_notes.COLUMNS if column.name == "tones")


def target_of(**changes):
    target = column_target(COLUMN)
    vars(target).update(changes)
    return target


def row_of(notes, messages=(), start=0, rate=RATE):
    """A row with notes ``(begin, stop, release, height, force)`` in seconds, and a pedal's messages."""
    notes = np.array(notes, np.float64).reshape(-1, 5)
    names = ("begin", "stop", "release")
    times = {name: np.rint(notes[:, i] * rate).astype(np.int64) for i, name in enumerate(names)}
    numbers = {name: notes[:, i].astype(np.int64) for i, name in ((3, "height"), (4, "force"))}
    messages = np.array(messages, np.float64).reshape(-1, 2)
    samples, values = np.rint(messages[:, 0] * rate).astype(np.int64), messages[:, 1].astype(np.int64)
    foot = {"sample": samples, "value": values}
    return {"tones": {**times, **numbers}, "foot": foot, "start_sample": start, "file_rate": rate}


def music(seconds=30.0, count=300, seed=0):
    """Notes at random, none of which sounds when its key is struck again."""
    rng = np.random.default_rng(seed)
    notes, busy = [], {}
    for begin in np.sort(rng.uniform(0, seconds - 1.6, count)):
        height = int(rng.integers(21, 109))
        if begin < busy.get(height, -1) + 0.03:
            continue
        stop = begin + rng.uniform(0.04, 1.5)
        busy[height] = stop
        notes.append((begin, stop, begin + 0.03, height, int(rng.integers(1, 128))))
    return notes


def logits(label):
    label = np.clip(label, 1e-6, 1 - 1e-6)
    return np.log(label / (1 - label))


def test_a_target_is_made_of_the_role_and_restored_from_plain_data():
    target = target_of()
    assert isinstance(target, NotesTarget) and target.kind == "notes"
    assert set(target.columns) == {
        "tones.begin", "tones.stop", "tones.height", "tones.force", "tones.release", "foot.sample",
        "foot.value",
    }  # fmt: skip
    assert restored({"kind": target.kind, **vars(target)}) == target
    assert having(tone_notes.COLUMNS, type(COLUMN.role)) == [COLUMN]


@pytest.mark.parametrize("frame_sec", [0.01, 0.02, 0.032])
def test_what_a_label_holds_is_decoded_from_it(frame_sec):
    target, notes = target_of(), music()
    label = target.label(row_of(notes), round(30 / frame_sec) + 1, frame_sec)
    told = target.decode(logits(label), frame_sec)
    truth = [
        {"onset_sec": a, "offset_sec": b, "pitch": height, "velocity": force}
        for a, b, _, height, force in notes
    ]
    scores = {name: v["value"] for name, v in note_metrics([told.records()], [truth])["metrics"].items()}
    assert scores["onset_f1"] >= 0.99 and scores["onset_offset_sound_f1"] >= 0.97
    assert scores["onset_offset_velocity_sound_f1"] >= 0.97 and scores["onset_f1_10ms"] >= 0.98
    assert (told.offset_sec > told.onset_sec).all() and (told.onset_sec >= 0).all()


@pytest.mark.parametrize("second", [1.0, 10.0, 40.0])
@pytest.mark.parametrize("start_sec", [0.0, 3.217])
def test_frames_of_labels_are_moments_of_the_clip_at_any_start_and_to_its_end(second, start_sec):
    first, frame_sec = 0.0125, 0.02
    target = target_of(first_sec=first)
    row = row_of([(start_sec + second, start_sec + second + 0.5, 0, 60, 64)], start=round(start_sec * RATE))
    label = target.label(row, 2200, frame_sec)
    onset, offset, frame = (label[:, 60 - 21 + i * KEYS] for i in range(3))
    moments = first + np.arange(len(label)) * frame_sec
    assert abs(moments[onset.argmax()] - second) <= frame_sec / 2 + 1e-4
    assert abs(moments[offset.argmax()] - second - 0.5) <= frame_sec / 2 + 1e-4
    sounding = moments[frame > 0]
    assert second <= sounding[0] + 1e-4 < second + frame_sec
    assert second + 0.5 - frame_sec < sounding[-1] + 1e-4 <= second + 0.5 + 1e-3
    told = target.decode(logits(label), frame_sec)
    assert abs(told.onset_sec[0] - second) < 1e-3 and abs(told.offset_sec[0] - second - 0.5) < 1e-3


def test_ends_follow_the_convention_and_the_pedal_its_messages():
    row = row_of([(1.0, 3.0, 1.5, 60, 100)], [(1.2, 127), (3.0, 63), (4.0, 64)])
    for convention, end in (("sound", 3.0), ("key", 1.5)):
        target = target_of(offset=convention)
        told = target.decode(logits(target.label(row, 251, 0.02)), 0.02)
        assert told.offset_sec.tolist() == pytest.approx([end], abs=2e-3)
    pedal = target.decode_pedal(logits(target.label(row, 251, 0.02)), 0.02, 5.0)
    assert pedal == pytest.approx(np.array([[1.2, 3.0], [4.0, 5.0]]), abs=0.011)
    assert target.true_pedal(row, 5.0) == [
        {"onset_sec": pytest.approx(1.2, abs=1e-4), "offset_sec": pytest.approx(3.0, abs=1e-4)},
        {"onset_sec": pytest.approx(4.0, abs=1e-4), "offset_sec": 5.0},
    ]
    (note,) = target.truth(row, 5.0)
    assert note["offset_sec"] == 3.0 and note["key_up_sec"] == 1.5 and note["velocity"] == 100


def test_a_key_struck_again_ends_its_note_and_edges_make_no_impossible_ones():
    rolls = [np.zeros((50, KEYS), np.float32) for _ in range(4)]
    onset, _, frame, velocity = rolls
    onset[[0, 10, 20, 49], 5] = 0.9
    frame[:, 5] = velocity[:, 5] = 0.7
    told = note_rolls.decode(*rolls, frame_sec=0.02, length_sec=0.99)
    assert told.onset_sec.tolist() == pytest.approx([0.0, 0.2, 0.4, 0.98])
    assert told.offset_sec.tolist()[:2] == pytest.approx([0.2, 0.4])
    assert (told.offset_sec > told.onset_sec).all() and (told.velocity == 89).all()
    frame[:] = 0  # an onset that never sounds is a short note
    short = note_rolls.decode(*rolls, frame_sec=0.02)
    lengths = short.offset_sec - short.onset_sec
    assert (lengths > 0).all() and (lengths < 0.06).all()
    assert len(note_rolls.decode(*(roll[:0] for roll in rolls), frame_sec=0.02)) == 0
    for side in (told, short):  # mir_eval takes them
        assert len(notes_of(side.records())) == len(side)
        mir_eval.util.validate_intervals(np.stack([side.onset_sec, side.offset_sec], 1))


def test_noise_decodes_to_notes_that_are_possible():
    target, rng = target_of(), np.random.default_rng(0)
    told = target.decode(rng.normal(0, 3, (400, target.num_outputs)), 0.02, 7.3)
    assert len(told) > 100 and len(notes_of(told.records())) == len(told)
    assert (told.onset_sec < 7.3).all() and set(told.velocity) <= set(range(1, 128))
    again = np.lexsort((told.pitch, told.onset_sec))
    assert (again == np.arange(len(told))).all()


def test_losses_fall_towards_the_label_and_ignore_velocities_without_onset():
    target = target_of()
    label = torch.from_numpy(target.label(row_of(music(count=40)), 500, 0.02))[None]
    perfect = torch.from_numpy(logits(label.numpy())).float()
    start = torch.tensor(target.first_bias).expand_as(perfect)
    assert target.loss(perfect, label) < 0.2 * target.loss(start, label)
    moved = perfect.clone()
    moved[..., 3 * KEYS : 4 * KEYS][label[..., :KEYS] == 0] += 5.0
    assert target.loss(moved, label) == target.loss(perfect, label)
    moved[..., 3 * KEYS : 4 * KEYS][label[..., :KEYS] > 0] += 1.0
    assert target.loss(moved, label) > target.loss(perfect, label)
    silent = torch.zeros_like(label)
    assert torch.isfinite(target.loss(start, silent))


def test_rows_read_from_parquet_make_the_labels_of_their_notes(tmp_path):
    from sousa.training.stream import open_rows

    place, target = tone_notes.write(tmp_path, (2, 1, 1), seconds=3.0), target_of()
    rows = open_rows(place, "train", columns=target.columns, sample_rate=16000, crop_sec=1.0, crop="random")
    row = rows[(3, 1)]
    assert row["start_sample"] > 0
    label = target.label(row, 51, 0.02)
    notes = columns_of(rows.table)["tones"][1]
    inside = (notes["begin"] >= row["start_sample"]) & (notes["begin"] < row["start_sample"] + 16000)
    assert (label[:, :KEYS] > 0.6).any(0).sum() == len(set(notes["height"][inside]))
    assert len(target.truth(row, 1.0)) == inside.sum()


def test_thresholds_are_chosen_by_what_a_timid_model_says():
    """Onsets and ends of probability 0.22 beside false ones of 0.12, which thresholds have to part."""
    from sousa.training import thresholds

    target, notes = target_of(onset_threshold=0.5), music(count=80)
    row = row_of(notes)
    label = target.label(row, 1501, 0.02)
    onset = label[:, :KEYS]
    onset *= 0.22
    onset[::50, 3] = np.maximum(onset[::50, 3], 0.12)
    clips = [(logits(label), 30.0, target.truth(row, 30.0))]
    assert len(target.decode(*clips[0][:1], 0.02)) == 0
    chosen = thresholds.best(target, clips, 0.02)
    assert 0.12 < chosen["onset_threshold"] <= 0.2 and set(chosen) == set(thresholds.CHOSEN)
    vars(target).update(chosen)
    assert len(target.decode(*clips[0][:1], 0.02)) == len(notes)
