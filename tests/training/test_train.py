"""Training as a user runs it: what comes out, exact resume, several processes, weights that are kept."""

import json
import os
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from sousa.generation import corpora
from sousa.generation.errors import RunError
from sousa.training import config, evaluate, train
from sousa.training.models.model import Model, load_weights, same_weights
from sousa.training.trainer import last_checkpoint
from tests.support.runs import losses, start, write


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A dataset, made by a first short run, and that run."""
    place = tmp_path_factory.mktemp("train")
    path = write(place, train={"num_train_epochs": 2})
    assert train.main([str(path)]) == 0
    return place


def run(place, data, *arguments, **changes):
    """A run in this process; returns its directory."""
    place.mkdir(parents=True, exist_ok=True)
    changes["data"] = {"path": str(data / "data"), **changes.pop("rows", {})}
    path = write(place, **changes)
    assert train.main([str(path), *arguments]) == 0
    return place / "run"


def test_some_rows_of_validation_are_enough(data, tmp_path):
    from sousa.training import trainer

    counts, whole = [], trainer.StreamTrainer.predictions

    def counted(self, rows):
        counts.append(len(rows))
        return whole(self, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.StreamTrainer, "predictions", counted)
        run(tmp_path, data, rows={"validation_rows": 2}, train={"num_train_epochs": 1}, report=False)
    assert counts and set(counts) == {2}


def test_a_run_leaves_settings_model_history_and_report(data):
    root = data / "run"
    settings = yaml.safe_load((root / "settings.yaml").read_text())
    assert settings["seed"] == 0 and settings["data"]["train"] == "train"  # defaults are written too
    steps, evaluations = losses(root)
    assert sorted(steps) == list(range(1, 11)) and len(evaluations) == 2
    found = {path.name for path in (root / "report").iterdir()}
    assert {"report.html", "metrics.json", "metrics.csv", "dashboard.png", "predictions.parquet"} <= found
    metrics = json.loads((root / "report" / "metrics.json").read_text())
    assert list(metrics["targets"]) == ["rudiment_slug"]  # auxiliary targets are no results
    assert set(metrics["targets"]["rudiment_slug"]["baselines"]) == {
        "majority",
        "tempo only",
        "mean spectrum",
    }
    assert all(check["passed"] for check in metrics["checks"] if "in two splits" in check["name"])
    card = (root / "model" / "README.md").read_text()
    assert (
        card.startswith("---\n")
        and "rudiment_slug" in card
        and yaml.safe_load(card.split("---\n")[1])["license"]
    )


def test_recordings_are_evaluated_on_without_labels_of_what_was_learnt_beside(data, tmp_path, monkeypatch):
    import soundfile
    from datasets import Audio, Dataset

    monkeypatch.chdir(tmp_path)
    (tmp_path / "recordings").mkdir()
    noise = np.random.default_rng(0).standard_normal((3, 48000))
    labels = {f"recordings/{i}.wav": name for i, name in enumerate(["flam", "flam", "five_stroke_roll"])}
    for path, sound in zip(labels, noise, strict=True):
        soundfile.write(path, 0.1 * sound, 32000)
    columns = {"sample_id": list(labels), "audio": list(labels), "rudiment_slug": list(labels.values())}
    Dataset.from_dict(columns).cast_column("audio", Audio()).to_parquet("own.parquet")
    asked = [str(data / "run"), "--data", "own.parquet", "--split", "train", "--no-baselines", "-o", "out"]
    assert evaluate.main([*asked, "--device", "cpu"]) == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert list(metrics["targets"]) == ["rudiment_slug"]
    table = pq.read_table(tmp_path / "out" / "predictions.parquet")
    assert table["true_rudiment_slug"].to_pylist() == columns["rudiment_slug"]


def test_the_saved_model_is_the_best_checkpoint_and_says_the_same_everywhere(data, tmp_path):
    root = data / "run"
    model = Model.from_pretrained(root / "model")
    state = json.loads((Path(last_checkpoint(root)) / "trainer_state.json").read_text())
    assert same_weights(model, state["best_model_checkpoint"])
    out = tmp_path / "report"
    assert (
        evaluate.main([str(root), "-o", str(out), "--batch-size", "3", "--no-baselines", "--device", "cpu"])
        == 0
    )
    one, two = (pq.read_table(place / "predictions.parquet") for place in (root / "report", out))
    assert one["sample_id"].equals(two["sample_id"]) and one["pred_rudiment_slug"].equals(
        two["pred_rudiment_slug"]
    )
    for a, b in zip(
        one["prob_rudiment_slug"].to_pylist(), two["prob_rudiment_slug"].to_pylist(), strict=True
    ):
        assert np.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_killed_run_goes_on_as_if_it_had_not_been(data, tmp_path, workers):
    """Losses, evaluations and weights of a run that was killed are those of one that was not, bit for bit."""
    more = {"train": {"eval_steps": 2, "gradient_accumulation_steps": 2, "dataloader_num_workers": workers},
            "report": False}  # fmt: skip
    whole = run(tmp_path / "whole", data, **more)
    path = tmp_path / "killed"
    path.mkdir()
    file = write(path, data={"path": str(data / "data")}, **more)
    process = start(file, OMP_NUM_THREADS="1")
    until = time.time() + 600
    while not (path / "run" / "checkpoint-4" / "stream.json").exists() and time.time() < until:
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (path / "run" / "history.json").exists()
    assert train.main([str(file), "--resume", "true"]) == 0
    assert losses(path / "run") == losses(whole)
    one, two = (load_file(place / "model" / "model.safetensors") for place in (whole, path / "run"))
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_two_processes_take_equal_steps_and_resume_exactly(data, tmp_path):
    more = {"report": False, "train": {"num_train_epochs": 2, "per_device_train_batch_size": 2}}
    results = {}
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        file = write(tmp_path / name, data={"path": str(data / "data")}, **more)
        process = start(file, processes=2, OMP_NUM_THREADS="1")
        first = tmp_path / name / "run" / "checkpoint-2" / "stream.json"
        if name == "killed":
            until = time.time() + 600
            while not first.exists() and time.time() < until:
                assert process.poll() is None, process.stdout.read()
                time.sleep(0.02)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            process = start(file, "--resume", "true", processes=2, OMP_NUM_THREADS="1")
        text, _ = process.communicate(timeout=600)
        assert process.returncode == 0, text
        results[name] = losses(tmp_path / name / "run")
        state = json.loads(first.read_text())
        # nine rows, two ranks with batches of two: two steps, the odd row in the last one
        assert state["epoch"] == 1 and state["consumed_rows"] == 0 and state["world_size"] == 2
    assert sorted(results["whole"][0]) == [1, 2, 3, 4]
    assert results["whole"] == results["killed"]


def test_a_resume_with_another_stream_or_other_settings_is_refused(data, tmp_path, capsys):
    root = run(tmp_path, data, report=False, train={"num_train_epochs": 1})
    file = str(tmp_path / "settings.yaml")
    assert train.main([file]) == 2
    assert "holds a run already; go on with --resume true" in capsys.readouterr().err
    assert train.main([file, "--resume", "true", "--learning_rate", "1e-4"]) == 2
    assert "train.learning_rate was None and is 0.0001" in capsys.readouterr().err
    stream = Path(last_checkpoint(root)) / "stream.json"
    stream.write_text(stream.read_text().replace('"num_rows": 9', '"num_rows": 8'))
    assert train.main([file, "--resume", "true", "--num_train_epochs", "2"]) == 2
    assert "another stream: num_rows 8, now 9" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "rng_state.pth", "model.safetensors"])
@pytest.mark.parametrize("how", ["missing", "empty", "garbled"])
def test_a_damaged_checkpoint_is_found_before_training_goes_on(data, tmp_path, name, how, capsys):
    root = run(tmp_path, data, report=False, train={"num_train_epochs": 1})
    file = Path(last_checkpoint(root)) / name
    content = bytearray(file.read_bytes())
    if how == "missing":
        file.unlink()
    else:
        content[len(content) // 2] ^= 255
        file.write_bytes(b"" if how == "empty" else content)
    weights = (root / "model" / "model.safetensors").read_bytes()
    assert train.main([str(tmp_path / "settings.yaml"), "--resume", "true", "--num_train_epochs", "2"]) == 1
    said = capsys.readouterr().err
    assert f"is damaged: {name} is not what was saved" in said and "Traceback" not in said
    assert (root / "model" / "model.safetensors").read_bytes() == weights


def test_a_full_disk_under_a_checkpoint_is_said_and_the_run_goes_on_afterwards(data, tmp_path, capsys):
    """torch says it as a RuntimeError."""
    weights = next((data / "run").glob("checkpoint-*/model.safetensors")).stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = write(tmp_path, data={"path": str(data / "data")}, train={"num_train_epochs": 1})
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(1.2 * weights), before[1]))  # too few for the optimizer
    try:
        assert train.main([str(path)]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    said = capsys.readouterr().err
    assert "the checkpoint of step 5 can't be written" in said and "--resume true" in said
    assert train.main([str(path), "--resume", "true"]) == 0


def test_nothing_secret_and_no_path_of_this_machine_is_in_the_card(data, tmp_path):
    root = run(tmp_path, data, report=False, train={"num_train_epochs": 1})
    card = (root / "model" / "README.md").read_text()
    assert str(tmp_path) not in card and str(data) not in card and "token" not in card


def test_missing_further_and_misshapen_weights_are_errors(data, tmp_path):
    model = Model.from_pretrained(data / "run" / "model")
    state = load_file(data / "run" / "model" / "model.safetensors")
    name = "encoder.entry.weight"
    changes = {
        "lacks": {k: v for k, v in state.items() if k != name},
        "which the model has not": {**state, "more": torch.zeros(1)},
        "with shape": {**state, name: state[name][:1].clone()},
    }
    for sentence, changed in changes.items():
        save_file(changed, tmp_path / "model.safetensors")
        with pytest.raises(RunError, match=sentence):
            load_weights(model, tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"12345678")
    with pytest.raises(RunError, match="can't be read"):
        load_weights(model, tmp_path)


@pytest.mark.parametrize("task", ["tier", "score", "multitask", "strokes"])
def test_each_task_trains_and_reports(data, tmp_path, task):
    more = {
        "num_train_epochs": 1,
        "class_weights": "balanced",
        "warmup_ratio": 0.5,
        "early_stopping_patience": 1,
    }
    auxiliary = {} if task == "strokes" else {"category": 0.1}
    model = {"attention_layers": 2, "attention_heads": 2} if task == "multitask" else {}
    root = run(tmp_path, data, task=task, auxiliary={"strokes": None, **auxiliary}, train=more, model=model)
    metrics = json.loads((root / "report" / "metrics.json").read_text())
    assert tuple(metrics["targets"]) == corpora.get("rudiments").tasks[task]
    rates = [one["learning_rate"] for one in json.loads((root / "history.json").read_text()) if "loss" in one]
    assert rates[0] < rates[1] and max(rates) in rates[2:4] and rates[-1] < max(rates)


def test_rows_made_live_train_as_stored_ones(data, tmp_path):
    stored = run(tmp_path / "a", data, report=False)
    live = run(tmp_path / "b", data, report=False, rows={"live": True})
    assert losses(stored) == losses(live)


def test_options_on_the_command_line_are_over_the_file(tmp_path):
    path = write(tmp_path)
    settings = config.read(
        path, ["--learning_rate", "1e-3", "--data.max_sec=1.5", "--weights.rudiment_slug", "2"]
    )
    assert settings.train.learning_rate == 0.001 and settings.data.max_sec == 1.5
    assert settings.weights == {"rudiment_slug": 2} and settings.model.channels == 8
