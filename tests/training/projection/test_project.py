"""Runs of ``sousa project``: what they learn and leave, and that a killed one ends as one that was not."""

import json
import signal
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from sousa import main
from sousa.generation.errors import RunError, UsageError
from sousa.training.embedding.layout import Embeddings
from sousa.training.projection import pairs, ranking, running, settings
from sousa.training.projection.command import run_of
from sousa.training.projection.model import ProjectionModel, load
from tests.training.projection.fabricated import AUDIO, TEXT, embed

KEYS = {
    "batch_size": 64, "epochs": 6, "hidden_dim": 32, "dim": 16, "lr": 5e-3, "resamples": 50, "cpu_threads": 1,
    "eval_epochs": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    return embed(root, rows=300, texts=2, failing=(3,))


def _run(data, output, resume=False, **more):
    keys = settings.checked({"data_dir": str(data), "output": str(output), **KEYS, **more})
    return running.run(keys, resume)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    return _run(data, tmp_path_factory.mktemp("runs") / "run")


def test_it_finds_far_more_than_chance_and_says_so(run, data):
    metrics = json.loads((run / "report/metrics.json").read_text())
    assert metrics["num_rows"] == 120 and metrics["group_nouns"] == ["sound", "sounds"]
    for name in ("text_to_audio", "audio_to_text"):
        target = metrics["targets"][name]
        recall = target["metrics"]["recall_at_10"]
        assert recall["low"] > 3 * target["chance"]["recall_at_10"]
        assert set(target["by"]["dataset"]) == {"first", "second"}
        ridge = target["baselines"]["ridge from text to sound"]
        assert 0 < ridge["metrics"]["recall_at_10"]["value"] <= 1 and "recall_at_10" in ridge["difference"]
    # every text is a query, of its own source; a sound is one once
    by_source = metrics["targets"]["text_to_audio"]["by"]["caption_source"]
    assert {name: part["num_rows"] for name, part in by_source.items()} == {"human": 60, "template": 60}
    assert metrics["targets"]["audio_to_text"]["num_rows"] == 60
    page = (run / "report/report.html").read_text()
    assert "recall@10" in page and "chance" in page and "human" in page


def test_the_report_is_what_its_predictions_say(run, data):
    table = pq.read_table(run / "report/predictions.parquet")
    test = pairs.read(Embeddings(data), AUDIO, TEXT, "test")
    audio, text = ranking.by_model(load(run), test)
    scores = text @ audio.T
    plain = [" ".join(t.lower().split()) for t in test.texts["text"].to_pylist()]
    for i, line in enumerate(scores):
        sounds = {int(test.sound_of[j]) for j, other in enumerate(plain) if other == plain[i]}
        order = sorted(range(len(line)), key=lambda c: (-line[c], c in sounds))
        expected = [place for place, c in enumerate(order, 1) if c in sounds]
        assert table["pred_text_to_audio"][i].as_py() == expected
    assert set(table["true_text_to_audio"].to_pylist()) == {60}
    of_sounds = [v for v in table["pred_audio_to_text"].to_pylist() if v is not None]
    assert len(of_sounds) == 60
    assert set(table["true_audio_to_text"].to_pylist()) == {len(set(plain)), None}


def test_what_is_saved_is_heads_alone_and_stock_transformers_load_it(run, data):
    model, stock = load(run), ProjectionModel.from_pretrained(run / "model")
    vectors = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)
    assert np.array_equal(model.project("audio", vectors), stock.project("audio", vectors))
    assert model.config.audio == {"name": AUDIO, **Embeddings(data).encoders[AUDIO]}
    assert (run / "model/model.safetensors").stat().st_size < 30_000
    # vectors of the training split, standardised, have mean 0 and deviation 1
    train = pairs.read(Embeddings(data), AUDIO, TEXT, "train")
    head = model.heads["audio"]
    whitened = (np.asarray(train.audio, np.float32) - head.mean.numpy()) / head.deviation.numpy()
    assert abs(whitened.mean(0)).max() < 1e-2 and abs(whitened.std(0) - 1).max() < 1e-2
    card = (run / "model/README.md").read_text()
    assert "ISC" in card and "180 by human" not in card and "179 by template" in card
    assert str(run.parent) not in card
    damaged = run.parent / "damaged"
    damaged.mkdir()
    for name in ("config.json", "model.safetensors"):
        (damaged / name).write_bytes((run / "model" / name).read_bytes()[:-40])
    with pytest.raises(RunError, match="name another checkpoint"):
        load(damaged)


def test_a_model_that_can_not_be_is_refused_before_room_is_made_for_it(run, tmp_path):
    config, weights = ((run / "model" / name) for name in ("config.json", "model.safetensors"))
    state = load_file(weights)
    (tmp_path / "config.json").write_text(json.dumps(json.loads(config.read_text()) | {"dim": 2_000_000_000}))
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(RunError, match="does not fit the model"):
        load(tmp_path)
    (tmp_path / "config.json").write_bytes(config.read_bytes())
    name = next(name for name in state if name.endswith("weight"))
    save_file(state | {name: torch.full_like(state[name], torch.nan)}, tmp_path / "model.safetensors")
    with pytest.raises(RunError, match="weights that are no numbers"):
        load(tmp_path)


CHILD = """
import os, signal, sys
from sousa.training.projection import running, settings
from sousa.training.projection.model import ProjectionModel
from sousa.training.projection.trainer import Watch
keys, moment = settings.checked(eval(sys.argv[1])), sys.argv[2]
def die(*ignored, **more): os.kill(os.getpid(), signal.SIGKILL)
if moment == "step":
    def step(self, args, state, control, **more):
        if state.global_step == 8: die()
        return control
    Watch.on_step_end = step
else:  # in the middle of writing a checkpoint
    save = ProjectionModel.save_pretrained
    def half(self, directory, *arguments, **more):
        save(self, directory, *arguments, **more)
        if str(directory).endswith("checkpoint-9"): die()
    ProjectionModel.save_pretrained = half
running.run(keys)
"""


@pytest.mark.parametrize("moment", ["step", "checkpoint"])
def test_a_run_that_was_killed_ends_as_one_that_was_not(run, data, tmp_path, moment):
    keys = {"data_dir": str(data), "output": str(tmp_path / "run"), **KEYS}
    words = [sys.executable, "-c", CHILD, repr(keys), moment]
    child = subprocess.run(words, capture_output=True, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()[-2000:]
    assert not (tmp_path / "run/model").exists() and (tmp_path / "run/checkpoint-6").is_dir()
    with pytest.raises(UsageError, match="go on with --resume"):
        _run(data, tmp_path / "run")
    resumed = _run(data, tmp_path / "run", resume=True)
    for name in ("model/model.safetensors", "report/metrics.csv"):
        assert (resumed / name).read_bytes() == (run / name).read_bytes(), name
    histories = [
        [{k: v for k, v in entry.items() if "runtime" not in k and "per_second" not in k} for entry in lines]
        for lines in (json.loads((root / "history.json").read_text()) for root in (run, resumed))
    ]
    assert histories[0][:-1] == histories[1][:-1]


def test_a_run_is_not_resumed_as_another_one(run, data, tmp_path):
    with pytest.raises(UsageError, match=r"hidden_dim was 32 and is 33; resume it as it was"):
        _run(data, run, resume=True, hidden_dim=33)
    other = embed(tmp_path / "other", rows=300, texts=2, failing=(3,), seed=5)
    with pytest.raises(UsageError, match="another stream: data"):
        _run(other, run, resume=True)
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a.txt").write_text("")
    with pytest.raises(UsageError, match="has other files and no run"):
        _run(data, tmp_path / "files")


def test_training_stops_where_recall_no_longer_grows(data, tmp_path):
    root = _run(data, tmp_path / "run", epochs=50, patience=1, lr=2e-2, report=False)
    history = json.loads((root / "history.json").read_text())
    recalls = [entry["eval_main"] for entry in history if "eval_main" in entry]
    assert len(recalls) < 50 and recalls[-1] <= max(recalls[:-1])
    model = load(root)
    best = ranking.measure(model, pairs.read(Embeddings(data), AUDIO, TEXT, "validation"))["main"]
    assert best == pytest.approx(max(recalls))


def test_the_last_steps_are_evaluated_too(data, tmp_path):
    # 3 steps an epoch: evaluations are 7 epochs apart, and the last is after 8
    root = _run(data, tmp_path / "run", epochs=8, eval_epochs=None, patience=0, report=False)
    history = json.loads((root / "history.json").read_text())
    assert [entry["step"] for entry in history if "eval_main" in entry] == [21, 24]
    assert (root / "checkpoint-24").is_dir()


def test_one_row_batches_and_linear_heads_learn(data, tmp_path):
    # 179 sounds in batches of 89: the last one has a single sound
    keys = {"epochs": 1, "batch_size": 89, "hidden_dim": 0, "report": False}
    root = _run(data, tmp_path / "run", **keys)
    losses = [entry["loss"] for entry in json.loads((root / "history.json").read_text()) if "loss" in entry]
    assert len(losses) == 3 and losses[-1] == pytest.approx(0, abs=1e-6)


def test_the_command_trains_measures_and_resumes(data, tmp_path, capsys):
    root = tmp_path / "run"
    words = ["--data-dir", str(data), "--audio-encoder", AUDIO, "--text-encoder", TEXT, "--batch-size", "64",
             "--checkpoint-dir", str(root), "--cpu-threads", "1", "--resamples", "20"]  # fmt: skip
    words += ["--eval-epochs", "1"]
    assert main(["project", *words, "--epochs", "1", "--no-report", "--quiet"]) == 0
    assert not (root / "report").exists()
    assert main(["project", "--resume", str(root / "checkpoint-3"), "--epochs", "2", "--report"]) == 0
    stored = yaml.safe_load((root / "settings.yaml").read_text())
    assert stored["epochs"] == 2 and stored["text_encoder"] == TEXT and (root / "report/report.html").exists()
    said = capsys.readouterr().out
    assert "recall@10" in said and "sousa search" in said
    only = ["--eval-only", str(root), "--data-dir", str(data), "--split", "validation", "--no-baselines"]
    assert main(["project", *only, "--resamples", "20"]) == 0
    assert (root / f"report-{data.name}-validation/metrics.json").exists()
    assert run_of(root / "model") == run_of(root / "checkpoint-3") == root


def test_a_corpus_for_evaluation_alone_is_measured(run, tmp_path, capsys):
    only = embed(tmp_path / "only", rows=300, texts=2, splits=(0, 0, 0.1), dataset=("song_describer",))
    words = ["--eval-only", str(run), "--data-dir", str(only), "--resamples", "20"]
    assert main(["project", *words]) == 0
    metrics = json.loads((run / "report-only-test/metrics.json").read_text())
    assert metrics["num_rows"] == 60 and not metrics["targets"]["text_to_audio"]["baselines"]
    assert main(["project", *words, "--protocol", "mteb-song-describer"]) == 0
    said = capsys.readouterr().out
    assert "30 sounds, 60 texts" in said and "NOT COMPARABLE" in said
    figures = json.loads((run / "report-only-test/mteb-song-describer.json").read_text())
    assert figures["main"] == "recall_at_5" and not figures["comparable"]
    assert main(["project", *words[:2], "--split", "train", "--data-dir", str(only)]) == 2
    assert "--split is train" in capsys.readouterr().err


def test_all_that_is_wrong_is_named_at_once(data, tmp_path, capsys):
    wrong = ["--epochs", "0", "--lr", "fast", "--dropout", "2", "--config", str(tmp_path / "none.yaml")]
    assert main(["project", *wrong]) == 2
    said = capsys.readouterr().err
    for part in ("--epochs is 0", "--lr is 'fast'", "--dropout is 2", "none.yaml"):
        assert part in said
    names = ["--audio-encoder", "muq", "--text-encoder", "minilm", "--train-split", "all"]
    assert main(["project", "--data-dir", str(data), *names]) == 2
    said = capsys.readouterr().err
    assert "--audio-encoder is muq" in said and "--text-encoder is minilm" in said and "--train-split" in said
    assert main(["project", "--data-dir", str(tmp_path)]) == 2
    assert "sousa embed" in capsys.readouterr().err
