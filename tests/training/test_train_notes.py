"""Notes learnt as a user learns them: from a configuration to a report, with every kind of encoder."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import ASTConfig, ASTFeatureExtractor, ASTModel

from sousa.generation.errors import UsageError
from sousa.training import config, evaluate, train
from sousa.training.augment import Waveform
from sousa.training.models import places
from sousa.training.models.model import Model, same_weights
from sousa.training.stream import open_rows
from sousa.training.trainer import last_checkpoint
from tests.conftest import ROOT
from tests.support import tone_notes

MEL = {"sampling_rate": 16000, "n_fft": 1024, "hop_length": 320, "n_mels": 96, "f_max_hz": 8000.0}
CNN = {"kind": "cnn", "stem_channels": [8, 16], "frame_channels": 96, "frame_dilations": [1, 2],
       "dropout": 0.0}  # fmt: skip
AST = {"kind": "ast", "layers": 1, "hidden_size": 32, "heads": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tone_notes.write(tmp_path_factory.mktemp("notes"), (3, 2, 2), seconds=4.0, density=3.0)


def run(place, where, *arguments, model=CNN, code=0, **changes):
    """A run in this process; returns its directory."""
    settings = {
        "task": "tones", "data": {"path": str(where), "max_sec": 2.0, "crop": "random"}, "model": model,
        "front_end": MEL if model["kind"] == "cnn" else {}, "report": False, "output": str(place / "run"),
        "train": {"use_cpu": True, "per_device_train_batch_size": 3, "max_steps": 4, "eval_steps": 2,
                  "logging_steps": 1, "disable_tqdm": True, "cpu_threads": 1},
    }  # fmt: skip
    for section, values in changes.items():
        both = isinstance(values, dict) and isinstance(settings.get(section), dict)
        settings[section] = {**settings[section], **values} if both else values
    place.mkdir(parents=True, exist_ok=True)
    path = place / "settings.yaml"
    path.write_text(yaml.safe_dump(settings))
    assert train.main([str(path), *arguments]) == code
    return place / "run"


def test_three_clips_are_learnt_by_heart(data, tmp_path):
    """Onsets, ends and velocities: what the loss asks for can be told again."""
    more = {"max_steps": 260, "eval_steps": 260, "learning_rate": 4e-3, "warmup_ratio": 0.1, "bf16": True}
    root = run(tmp_path, data, data={"max_sec": 4.0, "crop": "start", "validation": "train"}, train=more)
    (entry,) = (e for e in json.loads((root / "history.json").read_text()) if "eval_main" in e)
    assert entry["eval_tones_onset_f1"] > 0.95 and entry["eval_main"] == entry["eval_tones_onset_f1"]
    assert entry["eval_tones_onset_offset_sound_f1"] > 0.9
    assert entry["eval_tones_onset_offset_velocity_sound_f1"] > 0.85


def test_a_run_ends_in_a_report_with_pictures_and_evaluation_gives_it_again(data, tmp_path):
    augment = {"gain_db": 6.0, "eq_db": 6.0, "room_prob": 0.5, "noise_db": [-40, -20], "detune_cents": 30.0}
    root = run(tmp_path, data, report=True, augment=augment)
    place = root / "report"
    pictures = {path.name for path in place.glob("*.png")}
    assert pictures == {"dashboard.png", "pitches_tones.png", "velocities_tones.png", "training.png"}
    assert all((place / name).read_bytes().startswith(b"\x89PNG") for name in pictures)
    metrics = json.loads((place / "metrics.json").read_text())
    target = metrics["targets"]["tones"]
    assert target["offset"] == "sound" and metrics["grouped_by"] == "song"
    assert {"level", "polyphony", "register", "pedalling"} <= set(target["by"])
    assert "onset_offset_key_f1" in target["metrics"] and "pedal_f1" in target["metrics"]
    lines = (place / "metrics.csv").read_text()
    assert "tones,onset_f1_10ms,all" in lines and "tones,onset_f1,register" in lines
    table = pq.read_table(place / "predictions.parquet")
    stored = open_rows(data, "test", columns=["tones.begin"])
    for number, truth in enumerate(table["true_tones"].to_pylist()):  # whole clips, not their first seconds
        onsets = [note["onset_sec"] for note in truth]
        assert onsets == pytest.approx(stored[number]["tones"]["begin"] / 16000)
    assert evaluate.main([str(root), "-o", str(tmp_path / "again"), "--no-baselines", "--device", "cpu"]) == 0
    again = json.loads((tmp_path / "again" / "metrics.json").read_text())
    assert again["targets"]["tones"]["metrics"] == target["metrics"]


@pytest.mark.parametrize("kind", ["cnn", "ast", "pretrained"])
def test_resumed_and_best_weights_are_those_of_the_checkpoint(data, tmp_path, kind):
    """The stock Trainer drops the layers of a spectrogram transformer here (transformers #48805)."""
    model = {"cnn": CNN, "ast": AST}.get(kind)
    if model is None:
        sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
        ASTModel(ASTConfig(**sizes, max_length=256)).save_pretrained(tmp_path / "encoder")
        ASTFeatureExtractor(max_length=256).save_pretrained(tmp_path / "encoder")
        model = {"kind": "pretrained", "path": str(tmp_path / "encoder")}
    root = run(tmp_path, data, model=model)
    newest = last_checkpoint(root)
    best = json.loads((root / newest / "trainer_state.json").read_text())["best_model_checkpoint"]
    assert same_weights(Model.from_pretrained(root / "model"), best)
    whole = load_file(root / newest / "model.safetensors")
    (root / newest).rename(tmp_path / "put-away")
    assert last_checkpoint(root) != newest
    run(tmp_path, data, "--resume", "true", model=model)
    again = load_file(root / newest / "model.safetensors")
    assert whole.keys() == again.keys() and all(torch.equal(whole[name], again[name]) for name in whole)
    model = Model.from_pretrained(root / "model")
    assert model.frame_sec == pytest.approx(0.02) and model.in_windows


def test_mixed_precision_on_a_cpu_computes_in_half(data, tmp_path, monkeypatch):
    kinds = set()
    forward = torch.nn.Linear.forward

    def watched(layer, x):
        out = forward(layer, x)
        kinds.add(out.dtype)
        return out

    monkeypatch.setattr(torch.nn.Linear, "forward", watched)
    run(tmp_path / "whole", data, train={"max_steps": 1, "eval_steps": 1})
    assert kinds == {torch.float32}
    kinds.clear()
    # half precision falls back where a processor has no instructions for it
    monkeypatch.setattr(places, "computes_bf16", lambda: False)
    run(tmp_path / "slow", data, "--bf16", "true", train={"max_steps": 1, "eval_steps": 1})
    assert kinds == {torch.float32}
    kinds.clear()
    monkeypatch.setattr(places, "computes_bf16", lambda: True)
    root = run(tmp_path / "half", data, "--bf16", "true", train={"max_steps": 1, "eval_steps": 1})
    assert kinds == {torch.bfloat16}
    weights = load_file(root / "model" / "model.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.float32}


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (["--transcription.offset", "pedal"], "transcription.offset is 'pedal'"),
        (["--model.hidden_size", "64"], "model.hidden_size is for kind: ast; a cnn model has stem_channels"),
        (["--model.kind", "ast"], "front_end is for models of kinds compact and cnn"),
        (["--model.attention_layers", "1", "--model.attention_heads", "5"], "give a multiple of 10"),
        (["--transcription.onset_threshold", "1.5"], "transcription.onset_threshold is 1.5"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_in_a_sentence(data, tmp_path, capsys, keys, sentence):
    run(tmp_path, data, *keys, code=2)
    assert sentence in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_choices_of_transcription_reach_the_target_and_other_targets_refuse_them(data, tmp_path, capsys):
    keys = ("--transcription.offset", "key", "--transcription.onset_threshold", "0.4")
    root = run(tmp_path, data, *keys, train={"max_steps": 1, "eval_steps": 1})
    (target,) = Model.from_pretrained(root / "model").targets
    assert target.offset == "key" and target.onset_threshold == 0.4
    history = json.loads((root / "history.json").read_text())
    assert any("eval_tones_onset_offset_key_f1" in entry for entry in history)
    path = ROOT / "training" / "configs" / "rudiment_small.yaml"
    with pytest.raises(UsageError, match="transcription is for targets that are notes"):
        train.make_model(config.read(path, keys))
    with pytest.raises(UsageError, match=r"augment.detune_cents changes pitch"):
        train.run(config.read(path, ["--augment.detune_cents", "10", "--output", str(tmp_path / "other"),
                                     "--data.live", "true"]))  # fmt: skip


def test_detuned_clips_keep_their_labels_and_rooms_and_filters_their_onsets(data):
    options = {"columns": ["tones.begin"], "sample_rate": 16000, "crop_sec": 2.0, "crop": "random"}
    plain, tuned = open_rows(data, "train", **options), open_rows(data, "train", detune_cents=50.0, **options)
    for epoch in range(3):
        row, other = plain[(epoch, 0)], tuned[(epoch, 0)]
        speed = other["file_rate"] / row["file_rate"]
        assert 2 ** (-50 / 1200) <= speed <= 2 ** (50 / 1200) and speed != 1
        # the loudest moment of the detuned sound is where that of the file went
        peak = np.argmax(np.abs(other["audio"])) / 16000 * other["file_rate"] + other["start_sample"]
        near = plain.select([0])
        near.crop_sec = None
        whole = np.abs(near[0]["audio"])
        assert whole[round(peak) - 40 : round(peak) + 40].max() > 0.8 * np.abs(other["audio"]).max()
    sound = np.zeros(16000, np.float32)
    sound[4000:4400] = np.random.default_rng(0).uniform(-1, 1, 400)
    both = Waveform(eq_db=6.0, room_prob=1.0, gain_db=6.0)
    for change in (Waveform(eq_db=12.0), Waveform(room_prob=1.0), both):
        out = change(sound, 16000, np.random.default_rng(1))
        assert out.shape == sound.shape and out.dtype == np.float32 and not np.allclose(out, sound)
        assert np.abs(out[:4000]).max() < 1e-6 and np.abs(out[4000:4100]).max() > 0.05
    tail = Waveform(room_prob=1.0)(sound, 16000, np.random.default_rng(1))[5000:]
    assert np.abs(tail).max() > 1e-3
