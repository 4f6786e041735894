"""Pretrained encoders: loaded for real, trained, kept whole through resume and best checkpoint, published."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    ASTModel,
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
)  # fmt: skip

from sousa.training import config, evaluate, train
from sousa.training.models.model import Model, same_weights
from sousa.training.trainer import last_checkpoint
from tests.conftest import ROOT
from tests.support.hub import Hub
from tests.support.runs import losses, start, write

_SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
_CONVOLUTIONS = {"conv_dim": (8, 8, 8), "conv_stride": (5, 8, 8), "conv_kernel": (10, 8, 8),
                 "num_feat_extract_layers": 3, "num_conv_pos_embeddings": 8, "mask_time_prob": 0.0,
                 "num_conv_pos_embedding_groups": 2}  # fmt: skip


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Directories of small random encoders, as published ones are laid out."""
    place = tmp_path_factory.mktemp("encoders")
    torch.manual_seed(0)
    sizes = ASTConfig(**_SIZES, max_length=128, num_mel_bins=32)
    ASTModel(sizes).save_pretrained(place / "ast")
    ASTFeatureExtractor(max_length=128, num_mel_bins=32).save_pretrained(place / "ast")
    for name, kind, model in (
        ("wav2vec2", Wav2Vec2Config, Wav2Vec2Model),
        ("hubert", HubertConfig, HubertModel),
    ):
        model(kind(**_SIZES, **_CONVOLUTIONS)).save_pretrained(place / name)
        Wav2Vec2FeatureExtractor().save_pretrained(place / name)
    return place


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    place = tmp_path_factory.mktemp("data")
    assert train.main([str(write(place, train={"num_train_epochs": 1}, report=False))]) == 0
    return place / "data"


def settings(place, data, encoder, **changes):
    place.mkdir(parents=True, exist_ok=True)
    own = {"channels": None, "wide_channels": None, "dilations": None, "fine_dilations": None}
    changes = {"auxiliary": {"strokes": None}, "report": False, **changes}
    more = {"kind": "pretrained", "path": str(encoder), **own}
    return write(
        place,
        data={"path": str(data), "max_sec": 1.2},
        model=more,
        front_end=None,
        spec_augment=None,
        **changes,
    )


@pytest.mark.parametrize("name", ["ast", "wav2vec2", "hubert"])
def test_best_and_resumed_weights_are_those_of_the_checkpoint(encoders, data, tmp_path, name):
    """The stock Trainer drops AST encoders here, with no more than a warning (transformers #48805)."""
    path = settings(tmp_path, data, encoders / name, train={"num_train_epochs": 2})
    assert train.main([str(path)]) == 0
    root = tmp_path / "run"
    newest = last_checkpoint(root)
    best = json.loads((root / newest / "trainer_state.json").read_text())["best_model_checkpoint"]
    model = Model.from_pretrained(root / "model")
    assert same_weights(model, best) and same_weights(Model.from_pretrained(newest), newest)
    # training moved the encoder away from where it began
    fresh = train.make_model(config.read(path)).state_dict()
    state = load_file(root / "model" / "model.safetensors")
    moved = [key for key, value in state.items() if not torch.equal(value, fresh[key])]
    assert any(key.startswith("encoder.model.") and "attention" in key for key in moved)
    # a run that goes on gives what a run in one go gives
    shutil.rmtree(root / "checkpoint-10")
    (root / "history.json").unlink()
    whole = load_file(root / "model" / "model.safetensors")
    assert train.main([str(path), "--resume", "true"]) == 0
    again = load_file(root / "model" / "model.safetensors")
    assert whole.keys() == again.keys() and all(torch.equal(whole[k], again[k]) for k in whole)
    assert len(losses(root)[0]) == 10


def test_a_frozen_encoder_stays_as_it_was(encoders, data, tmp_path):
    path = settings(tmp_path, data, encoders / "ast", train={"num_train_epochs": 1})
    assert train.main([str(path), "--model.freeze", "true"]) == 0
    model = Model.from_pretrained(tmp_path / "run" / "model")
    for name, value in ASTModel.from_pretrained(encoders / "ast").state_dict().items():
        assert torch.equal(model.state_dict()[f"encoder.model.{name}"], value)


def test_a_spectrogram_encoder_hears_short_clips_whole(encoders, data, tmp_path):
    """Its tokens go band by band, so the last of them are no later than the first."""
    path = settings(tmp_path, data, encoders / "ast", train={"num_train_epochs": 1})
    net = train.make_model(config.read(path)).eval()
    values = torch.randn(1, 128, 32)
    with torch.inference_mode():
        whole, short = (net(values, torch.tensor([valid]))["rudiment_slug"] for valid in (1.0, 0.3))
        high = values.clone()
        high[:, :, 24:] += 1.0
        assert not torch.allclose(net(high, torch.tensor([0.3]))["rudiment_slug"], short)
    assert torch.equal(whole, short)


def test_a_clip_longer_than_the_encoder_hears_is_refused(encoders, data, tmp_path, capsys):
    path = settings(tmp_path, data, encoders / "ast")
    assert train.main([str(path), "--data.max_sec", "1.5"]) == 2
    assert "longer than the 1.28 s this encoder hears" in capsys.readouterr().err


def test_half_precision_checkpoints_are_trained_in_full(encoders, data, tmp_path):
    Wav2Vec2Model.from_pretrained(encoders / "wav2vec2").half().save_pretrained(tmp_path / "half")
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path / "half")
    path = settings(tmp_path / "a", data, tmp_path / "half", train={"num_train_epochs": 1})
    assert train.main([str(path)]) == 0
    state = load_file(tmp_path / "a" / "run" / "model" / "model.safetensors")
    assert {value.dtype for name, value in state.items() if "encoder.model" in name} == {torch.float32}


def test_strokes_need_frames(encoders, data, tmp_path, capsys):
    path = settings(
        tmp_path / "a", data, encoders / "wav2vec2", task="strokes", train={"num_train_epochs": 1}
    )
    assert train.main([str(path)]) == 0
    model = Model.from_pretrained(tmp_path / "a" / "run" / "model")
    assert model.frame_sec == pytest.approx(0.02)
    out = model(torch.zeros(1, model.num_samples))["strokes"]
    assert out.shape == (1, model.num_frames, 8)
    path = settings(tmp_path / "b", data, encoders / "ast", task="strokes")
    assert train.main([str(path)]) == 2
    assert "strokes need frames of at most 20 ms" in capsys.readouterr().err


def test_missing_weights_of_a_pretrained_model_are_an_error(encoders, data, tmp_path, capsys):
    copy = shutil.copytree(encoders / "ast", tmp_path / "ast")
    state = load_file(copy / "model.safetensors")
    save_file(dict(list(state.items())[:-1]), copy / "model.safetensors", metadata={"format": "pt"})
    assert train.main([str(settings(tmp_path / "a", data, copy))]) == 1
    assert "the weights lack" in capsys.readouterr().err


BACK = """
import sys
from sousa.training.models.model import Model
Model.from_pretrained("org/drums").save_pretrained(sys.argv[1])
"""


def test_a_model_goes_to_the_hub_in_one_commit_and_comes_back(data, tmp_path):
    with Hub(tmp_path / "hub") as hub:
        environment = hub.environment(tmp_path / "cache", "hf_writer")
        changes = {"train": {"num_train_epochs": 1, "push_to_hub": True, "hub_model_id": "org/drums"}}
        path = write(tmp_path, data={"path": str(data)}, report=False, **changes)
        process = start(path, **environment)
        text, _ = process.communicate(timeout=600)
        assert process.returncode == 0 and "published: org/drums" in text, text
        assert "hf_writer" not in text + (tmp_path / "run" / "settings.yaml").read_text()
        command = [sys.executable, "-c", BACK, str(tmp_path / "back")]
        environment["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        own = Model.from_pretrained(tmp_path / "run" / "model")
        assert same_weights(own, tmp_path / "back")


def test_evaluation_of_a_pretrained_model_needs_nothing_but_its_directory(encoders, data, tmp_path):
    own = shutil.copytree(encoders / "wav2vec2", tmp_path / "w")
    path = settings(tmp_path, data, own, train={"num_train_epochs": 1}, report=True)
    assert train.main([str(path)]) == 0
    shutil.rmtree(own)
    out = tmp_path / "out"
    assert evaluate.main([str(tmp_path / "run"), "-o", str(out), "--no-baselines", "--resamples", "10"]) == 0
    found = json.loads((out / "metrics.json").read_text())["targets"]["rudiment_slug"]["metrics"]
    assert np.isfinite(found["accuracy"]["value"])
