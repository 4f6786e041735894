"""Metrics of notes against mir_eval itself, and what they refuse."""

import evaluate
import mir_eval
import numpy as np
import pytest

from sousa.generation.errors import UsageError
from sousa.training.metrics.note_metrics import SWEEP_MS, match, note_metrics, notes_of
from sousa.training.report.note_figures import confused
from tests.conftest import ROOT


def clip(rng, count=60):
    """A reference, and an estimate with errors of every kind."""
    onset = np.sort(rng.uniform(0, 20, count))
    truth = [
        {"onset_sec": a, "offset_sec": a + d + e, "key_up_sec": a + d, "pitch": p, "velocity": v}
        for a, d, e, p, v in zip(
            onset.tolist(), rng.uniform(0.05, 1, count).tolist(), rng.choice([0, 0.5], count).tolist(),
            rng.integers(40, 60, count).tolist(), rng.integers(1, 128, count).tolist(), strict=True,
        )
    ]  # fmt: skip
    guess = []
    for note in truth:
        if rng.random() < 0.1:
            continue
        late, longer = rng.normal(0, 0.03), rng.normal(0, 0.06)
        begin = max(note["onset_sec"] + late, 0.0)
        wrong = 12 * int(rng.random() < 0.1)
        loud = int(np.clip(0.8 * note["velocity"] + rng.normal(0, 9), 1, 127))
        end = max(note["offset_sec"] + longer, begin + 0.01)
        told = {"pitch": note["pitch"] + wrong, "velocity": loud}
        guess.append({"onset_sec": begin, "offset_sec": end, **told})
    return truth, guess


def arrays(notes, end="offset_sec"):
    times = np.array([(note["onset_sec"], note[end]) for note in notes])
    pitch = np.array([note["pitch"] for note in notes])
    return times, 440.0 * 2 ** ((pitch - 69) / 12), np.array([note["velocity"] for note in notes])


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return [clip(rng) for _ in range(6)]


def test_every_figure_is_mir_evals_averaged_over_rows(rows):
    truths, guesses = zip(*rows, strict=True)
    ours = {name: v["value"] for name, v in note_metrics(guesses, truths, resamples=0)["metrics"].items()}
    theirs = {}
    for truth, guess in rows:
        est = arrays(guess)
        for convention, end in (("sound", "offset_sec"), ("key", "key_up_sec")):
            ref = arrays(truth, end)
            plain, loud = (*ref[:2], *est[:2]), (*ref, *est)
            figures = {
                "onset": mir_eval.transcription.precision_recall_f1_overlap(*plain, offset_ratio=None),
                f"onset_offset_{convention}": mir_eval.transcription.precision_recall_f1_overlap(*plain),
                "onset_velocity": mir_eval.transcription_velocity.precision_recall_f1_overlap(
                    *loud, offset_ratio=None
                ),
                f"onset_offset_velocity_{convention}":
                    mir_eval.transcription_velocity.precision_recall_f1_overlap(*loud),
            }  # fmt: skip
            for name, (precision, recall, f1, _) in figures.items():
                for part, value in (("precision", precision), ("recall", recall), ("f1", f1)):
                    theirs.setdefault(f"{name}_{part}", []).append(value)
            for ms in SWEEP_MS:
                options = {"onset_tolerance": ms / 1000, "offset_ratio": None}
                f1 = mir_eval.transcription.precision_recall_f1_overlap(*plain, **options)[2]
                theirs.setdefault(f"onset_f1_{ms}ms", []).append(f1)
    for name, values in theirs.items():
        assert ours[name] == pytest.approx(np.mean(values), abs=1e-12), name
    names = ("onset_offset_velocity_sound_f1", "onset_offset_sound_f1", "onset_f1")
    assert 0.3 < ours[names[0]] < ours[names[1]] < ours[names[2]] < 0.9
    assert ours["onset_offset_key_f1"] < ours["onset_offset_sound_f1"]  # half of the notes are sustained


def test_timing_accuracy_frames_and_pedal_are_what_they_say():
    truth = [{"onset_sec": t, "offset_sec": t + 0.5, "pitch": 60, "velocity": 64} for t in (0.0, 1.0, 2.0)]
    guess = [{**note, "onset_sec": note["onset_sec"] + 0.02} for note in truth[:2]]
    guess.append({"onset_sec": 3.0, "offset_sec": 3.5, "pitch": 61, "velocity": 64})
    pedals = [([(0.0, 1.0)], [(0.5, 1.5)])]
    figures = {k: v["value"] for k, v in note_metrics([guess], [truth], pedals=pedals)["metrics"].items()}
    assert figures["timing_ms"] == pytest.approx(20) and figures["timing_bias_ms"] == pytest.approx(20)
    assert figures["note_accuracy"] == pytest.approx(2 / 4)
    assert figures["onset_f1_10ms"] == 0 and figures["onset_f1_30ms"] == pytest.approx(2 / 3)
    assert figures["frame_sound_precision"] == pytest.approx(2 / 3, abs=0.03)
    assert figures["pedal_f1"] == pytest.approx(0.5, abs=0.03)
    silent = note_metrics([guess], [truth], pedals=[([], [])])["metrics"]
    assert silent["pedal_f1"]["value"] is None
    assert "onset_offset_key_f1" not in figures  # it is not known here when keys are let go


def test_empty_rows_count_as_in_mir_eval_and_impossible_notes_are_refused():
    note = {"onset_sec": 0.5, "offset_sec": 1.0, "pitch": 60, "velocity": 64}
    scores = note_metrics([[note], [], []], [[], [note], None])
    assert scores["metrics"]["onset_f1"]["value"] == 0 and scores["num_left_out"] == 1
    assert scores["num_empty_references"] == 1 and scores["num_notes"] == 1
    one = note_metrics([[note]], [[note]])["metrics"]
    assert one["onset_offset_velocity_sound_f1"]["value"] == 1
    for wrong in ({"onset_sec": -0.1}, {"offset_sec": 0.5}, {"pitch": 128}, {"onset_sec": float("nan")}):
        with pytest.raises(UsageError, match="row 0: a predicted note is"):
            note_metrics([[{**note, **wrong}]], [[note]])
    with pytest.raises(UsageError, match="row 1: no predicted notes"):
        note_metrics([[], None], [[], []])
    with pytest.raises(UsageError, match="rows differ in number"):
        note_metrics([[]], [[], []])


def test_intervals_are_by_group_and_parts_are_scored_without_matching_again(rows):
    truths, guesses = zip(*rows, strict=True)
    table = match(guesses, truths)
    whole = table.score(groups=["a", "a", "b", "b", "c", "c"], resamples=200)
    assert whole["num_groups"] == 3 and whole["metrics"]["onset_f1"]["low"] is not None
    part = table.score(rows=[True, False, False, False, False, False], resamples=0)
    alone = note_metrics(guesses[:1], truths[:1], resamples=0)
    assert part["metrics"] == alone["metrics"]


def test_it_is_an_evaluate_module(rows):
    module = evaluate.load(str(ROOT / "training" / "metrics" / "notes"))
    truths, guesses = zip(*rows, strict=True)
    scores = module.compute(predictions=guesses, references=truths, groups=[0, 0, 1, 1, 2, 2])
    assert scores["metrics"]["onset_f1"]["value"] == pytest.approx(
        note_metrics(guesses, truths)["metrics"]["onset_f1"]["value"]
    )
    plain = [[{k: v for k, v in note.items() if k != "key_up_sec"} for note in truth] for truth in truths]
    module = evaluate.load(str(ROOT / "training" / "metrics" / "notes"))
    scores = module.compute(predictions=guesses, references=plain, groups=[None] * 6)
    assert "onset_offset_sound_f1" in scores["metrics"] and "onset_offset_key_f1" not in scores["metrics"]


def test_pitches_are_confused_only_where_no_note_matches():
    def note(onset, pitch):
        return {"onset_sec": onset, "offset_sec": onset + 0.3, "pitch": pitch, "velocity": 64}

    truth = notes_of([note(1.0, 60), note(1.0, 64), note(2.0, 67)])
    guess = notes_of([note(1.01, 60), note(1.02, 76), note(3.0, 67)])
    assert confused(truth, guess).tolist() == [[64, 76]]
