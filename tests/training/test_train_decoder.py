"""Training with a decoder as a user runs it: joint, and on the encoder of a run that is kept as it is."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from safetensors.torch import load_file

from sousa.training import config, evaluate, train, windows
from sousa.training.models.model import Model
from tests.support import tone_notes

ROLLS = {
    "task": "tones",
    "data": {"max_sec": 2.0, "crop": "random"},
    "model": {"kind": "cnn", "stem_channels": [4], "frame_channels": 16, "frame_dilations": [1]},
    "front_end": {"sampling_rate": 16000, "n_fft": 512, "hop_length": 320, "n_mels": 32, "f_max_hz": 8000.0},
    "train": {"num_train_epochs": 1, "per_device_train_batch_size": 3, "logging_steps": 1},
    "report": False,
}
DECODER = {
    "tokenizer": "quadruples", "layers": 1, "width": 16, "heads": 2, "segment_sec": 1.0, "max_tokens": 82,
    "context_sec": 0.1,
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A dataset, and a run without a decoder."""
    place = tmp_path_factory.mktemp("decoder")
    tone_notes.write(place / "data", counts=(6, 2, 2), seconds=5.0)
    assert run(place, "rolls") == 0
    return place


def run(place, name, *arguments, leave_out=(), **changes):
    """A run in this process. Returns: its status."""
    settings = {key: value for key, value in ROLLS.items() if key not in leave_out} | changes
    settings["data"] = {**ROLLS["data"], "path": str(place / "data")}
    settings["output"] = str(place / name)
    path = place / f"{name}.yaml"
    path.write_text(yaml.safe_dump(settings))
    return train.main([str(path), *arguments])


def staged(place, name, *arguments, **changes):
    """A run of a decoder on the encoder of the run without one."""
    decoder = {**DECODER, "encoder": str(place / "rolls"), "freeze_encoder": True, **changes}
    return run(place, name, *arguments, decoder=decoder, leave_out=("model", "front_end"))


def assert_resumed_alike(place, train_it):
    """A run of two epochs ends with the same weights when it was stopped in the middle; as ``staged``."""
    for name in ("whole", "halved"):
        assert train_it(place, name, "--num_train_epochs", "2") == 0
    for part in ("checkpoint-4", "model"):  # the schedule was as long
        shutil.rmtree(place / "halved" / part)
    assert train_it(place, "halved", "--num_train_epochs", "2", "--resume", "true") == 0
    one, two = (weights(place, name, "checkpoint-4") for name in ("whole", "halved"))
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def weights(place, name, part="model"):
    return load_file(place / name / part / "model.safetensors")


def test_a_kept_encoder_stays_bit_for_bit_and_only_the_decoder_learns(place):
    assert staged(place, "staged", "--num_train_epochs", "2") == 0
    before, after = weights(place, "rolls"), weights(place, "staged")
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    new = after.keys() - before.keys()
    assert new and all(name.startswith("heads.tones_tokens.") for name in new)
    first, last = (weights(place, "staged", f"checkpoint-{step}") for step in (2, 4))
    assert any(not torch.equal(first[name], last[name]) for name in new)
    assert str(place) not in (place / "staged" / "model" / "README.md").read_text()
    history = json.loads((place / "staged" / "history.json").read_text())
    assert {"eval_tones_onset_f1", "eval_tones_tokens_onset_f1"} <= set().union(*history)
    state = torch.load(place / "staged" / "checkpoint-4" / "optimizer.pt", weights_only=True)
    assert sum(len(group["params"]) for group in state["param_groups"]) == len(new)


def test_a_resumed_run_of_a_decoder_ends_with_the_same_weights(place):
    assert_resumed_alike(place, staged)


@pytest.mark.parametrize("kind", ["quadruples", "mt3"])
def test_joint_training_teaches_the_encoder_too_and_whole_clips_are_evaluated(place, kind, tmp_path):
    name = f"joint_{kind}"
    assert run(place, name, decoder={**DECODER, "tokenizer": kind, "num_beams": 2, "weight": 0.5}) == 0
    assert evaluate.main([str(place / name), "-o", str(tmp_path / "report"), "--no-baselines",
                          "--device", "cpu", "--batch-size", "8"]) == 0  # fmt: skip
    table = pq.read_table(tmp_path / "report" / "predictions.parquet")
    assert table["true_tones_tokens"].combine_chunks().equals(table["true_tones"].combine_chunks())
    ends = [note["onset_sec"] for notes in table["true_tones_tokens"].to_pylist() for note in notes]
    assert max(ends) > 2.5  # beyond a clip of training
    metrics = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert set(metrics["targets"]) == {"tones", "tones_tokens"}


def test_a_saved_model_writes_what_it_wrote_before_without_any_network(place, monkeypatch):
    model = train.make_model(config.read(place / "rolls.yaml", ["--decoder.tokenizer", "mt3", "--width", "16",
                                                                "--decoder.heads", "2"]))  # fmt: skip
    model.eval().save_pretrained(place / "saved")
    monkeypatch.setattr("socket.socket.connect", None)
    again = Model.from_pretrained(place / "saved")
    audio = np.random.default_rng(0).normal(0, 0.1, 5 * 16000).astype(np.float32)
    one, two = (windows.outputs(each, audio)["tones_tokens"] for each in (model, again))
    assert one.shape[0] == 2 and (one == two).all()  # two segments of 4 s
    assert again.written[0].tokenizer.settings() == model.written[0].tokenizer.settings()


def test_what_does_not_fit_a_decoder_is_said(place, capsys):
    assert run(place, "wrong", decoder={"width": 30}) == 2
    said = capsys.readouterr().err
    assert "decoder.width: there is no decoder; give decoder.tokenizer: quadruples or mt3" in said
    assert run(place, "wrong", decoder={**DECODER, "heads": 3, "freeze_encoder": True}) == 2
    said = capsys.readouterr().err
    assert "decoder.width is 16; with 3 heads give a multiple" in said
    assert "decoder.freeze_encoder keeps an encoder that has learnt nothing" in said
    assert run(place, "wrong", decoder={**DECODER, "encoder": str(place / "rolls")}) == 2
    assert "model is that of decoder.encoder" in capsys.readouterr().err
    assert run(place, "wrong", decoder={**DECODER, "segment_sec": 1.005}) == 2
    assert "segment_sec 1.005 is no multiple of step_sec 0.01" in capsys.readouterr().err
    assert run(place, "wrong", decoder={**DECODER, "max_tokens": 8}) != 0
    assert "room for 8; raise decoder.max_tokens" in capsys.readouterr().err
