"""Encoders that learn too: adapters by peft inside tiny encoders of the classes that are adapted."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sousa.generation.errors import RunError, UsageError
from sousa.training.embedding.command import embed
from sousa.training.embedding.encoders import asked_for, load
from sousa.training.embedding.layout import Embeddings
from sousa.training.projection import lora, pairs, ranking, running, settings
from sousa.training.projection.model import load as load_heads
from tests.support import tiny_encoders
from tests.training.embedding.conftest import unified

pytest.importorskip("peft")
TEXTS = ["a calm piece of music", "low tones"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("lora")
    for name in ("ast", "bert", "clap", "mert"):
        (root / name).mkdir()
        getattr(tiny_encoders, name)(root / name)
    path, _ = unified(root / "sounds", rows=16, seconds=1.0)
    words = {"encoders": [f"ast={root / 'ast'}"], "text": [f"sentence={root / 'bert'}"]}
    embed(output=root / "vectors", dataset_file=path, **words)
    return root


def _windows(tower):
    rng = np.random.default_rng(0)
    return [rng.normal(size=int(tower.sample_rate)).astype(np.float32) * 0.1 for _ in range(2)]


@pytest.mark.parametrize(
    "kind, word",
    [("text", "sentence=bert"), ("text", "clap=clap"), ("audio", "clap=clap"), ("audio", "mert=mert"),
     ("audio", "ast=ast")],
)  # fmt: skip
def test_adapters_change_nothing_at_first_and_alone_learn(place, kind, word):
    name, _, folder = word.partition("=")
    tower, _ = load(asked_for(kind, [f"{name}={place / folder}"])[0], "cpu", 4)
    items = TEXTS if kind == "text" else _windows(tower)
    before = tower(items)
    adapted = lora.Adapted(kind, tower, rank=2)
    with torch.inference_mode():
        assert np.allclose(tower(items), before, atol=1e-6)
    weights = torch.randn(before.shape[1], generator=torch.Generator().manual_seed(0))
    (adapted(items) @ weights).sum().backward()
    names = set(adapted.adapters())
    assert names and all("lora_" in name for name in names)
    learnt = {n for n, p in adapted.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert learnt and {n.removeprefix("network.") for n in learnt} <= names
    if kind == "audio" and name == "clap":
        assert not any("text_model" in n for n in names)


def _keys(place, output, **more):
    keys = {
        "data_dir": str(place / "vectors"), "output": str(output), "epochs": 2, "batch_size": 5,
        "hidden_dim": 16, "dim": 8, "report": True, "baselines": False, "cpu_threads": 1, "resamples": 0,
        "lora_rank": 2, "lora_lr": 1e-2, "eval_epochs": 1, "text_weights": str(place / "bert"),
        "audio_weights": str(place / "ast"), **more,
    }  # fmt: skip
    return settings.checked(keys)


def test_a_text_encoder_learns_and_its_adapters_are_saved_alone(place, tmp_path):
    root = running.run(_keys(place, tmp_path / "run", lora="text"))
    adapters = load_file(root / "model/adapter_text.safetensors")
    assert adapters and all("lora_" in name for name in adapters)
    assert any(value.abs().sum() > 0 for name, value in adapters.items() if "lora_B" in name)
    assert not any("lora" in name for name in load_file(root / "model/model.safetensors"))
    assert lora.saved_ranks(root / "model") == {"text": 2}
    # what is restored says the same as what was measured
    model = lora.with_adapters(
        load_heads(root), lora.saved_ranks(root / "model"), {"text": str(place / "bert")}, None, "cpu"
    )
    model.load_saved(root / "model")
    test = pairs.read(Embeddings(place / "vectors"), "ast", "sentence", "test")
    moved = model.encoded(test)
    assert abs(np.asarray(moved.text) - np.asarray(test.text)).max() > 1e-3
    assert np.array_equal(moved.audio, test.audio)
    found = ranking.recall(test, ranking.by_model(model, test))
    stored = json.loads((root / "report/metrics.json").read_text())["targets"]
    for name in ("text_to_audio", "audio_to_text"):
        assert stored[name]["metrics"]["recall_at_1"]["value"] == pytest.approx(found[f"{name}_recall_at_1"])
    other = lora.with_adapters(load_heads(root), {"text": 3}, {"text": str(place / "bert")}, None, "cpu")
    with pytest.raises(RunError, match="does not fit bert with adapters of rank 3"):
        other.load_saved(root / "model")


def test_a_run_with_adapters_is_resumed_to_the_same_weights(place, tmp_path):
    whole = running.run(_keys(place, tmp_path / "a", lora="text", report=False))
    half = _keys(place, tmp_path / "b", lora="text", report=False)
    trained = pytest.MonkeyPatch()
    with trained.context() as patch:
        save = lora.AdaptedModel.save_pretrained

        def stop(self, directory, *arguments, **more):
            if str(directory).endswith("checkpoint-6"):
                raise KeyboardInterrupt
            save(self, directory, *arguments, **more)

        patch.setattr(lora.AdaptedModel, "save_pretrained", stop)
        with pytest.raises(KeyboardInterrupt):
            running.run(half)
    resumed = running.run(_keys(place, tmp_path / "b", lora="text", report=False), resume=True)
    for name in ("model.safetensors", "adapter_text.safetensors"):
        assert (whole / "model" / name).read_bytes() == (resumed / "model" / name).read_bytes()


def test_an_encoder_of_sound_learns_from_windows_of_the_part(place, tmp_path):
    root = running.run(_keys(place, tmp_path / "run", lora="audio", epochs=1))
    assert lora.saved_ranks(root / "model") == {"audio": 2} and (root / "report/metrics.json").exists()
    embeddings = Embeddings(place / "vectors")
    heads = load_heads(root)
    weights = {"audio": str(place / "ast")}
    fresh = lora.with_adapters(heads, {"audio": 2}, weights, embeddings.manifest["source"], "cpu")
    train = pairs.read(embeddings, "ast", "sentence", "train")
    # adapters that have learnt nothing hear what is stored
    assert np.allclose(fresh.encoded(train).audio, np.asarray(train.audio, np.float32), atol=2e-2)
    windows = fresh.sounds(train, train.first[:3], epoch=0)
    assert all(window.dtype == np.float32 and len(window) == 16000 for window in windows)
    again = fresh.sounds(train, train.first[:3], epoch=0)
    assert all(np.array_equal(a, b) for a, b in zip(windows, again, strict=True))


def test_what_cannot_be_adapted_is_said(place):
    class Other:
        model = torch.nn.Linear(2, 2)

    with pytest.raises(UsageError, match="no adapters are known"):
        lora.Adapted("audio", Other(), 2)
    with pytest.raises(UsageError, match="choose from none, text, audio, both"):
        settings.checked({"lora": "all"})
