"""A whole pipeline, small: made, trained, reported, gone on with, and evaluated again."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml

import sousa
from sousa.generation.errors import RunError
from sousa.training import evaluate
from sousa.training.pipeline import running

SMALL = [
    "--samples",
    "10",
    "--complexity",
    "simple",
    "--max-duration",
    "6",
    "--seed",
    "3",
    "--recipe",
    "none",
    "--encoder",
    "cnn",
    "--batch-size",
    "4",
    "--n-mels",
    "32",
    "--device",
    "cpu",
    "--train.cpu_threads",
    "1",
    "--task",
    "transcription",
    "--data.max_sec",
    "2.0",
    "--model.stem_channels",
    "[4,4]",
    "--model.frame_channels",
    "16",
    "--model.frame_dilations",
    "[1]",
    "--front_end.n_fft",
    "1024",
    "--front_end.hop_length",
    "320",
    "--front_end.f_max_hz",
    "8000",
]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The directory of a run of one epoch."""
    place = tmp_path_factory.mktemp("runs")
    words = ["pipeline", "piano", *SMALL, "--epochs", "1", "--name", "first", "--output-dir", str(place)]
    assert sousa.main([*words, "--no-viz"]) == 0
    return place / "first"


def figures(report):
    return json.loads((report / "metrics.json").read_text())["targets"]["notes"]["metrics"]


def test_a_run_keeps_data_config_model_log_and_report(first):
    assert (first / "data" / "manifest.json").is_file() and (
        first / "run" / "model" / "config.json"
    ).is_file()
    stated = yaml.safe_load((first / "config.yaml").read_text())
    assert (stated["dataset"]["samples"], stated["training"]["num_train_epochs"]) == (10, 1)
    assert "report" in (first / "logs" / "training.log").read_text()
    # --no-viz
    assert sorted(p.name for p in (first / "run" / "report").iterdir()) == [
        "metrics.csv", "metrics.json", "predictions.parquet",
    ]  # fmt: skip


def test_a_run_is_not_begun_again_by_mistake_but_gone_on_with(first, capsys):
    again = ["pipeline", "piano", "--config", str(first / "config.yaml")]
    assert sousa.main(again) == 2
    assert "go on with --resume" in capsys.readouterr().err
    checkpoints = sorted((first / "run").glob("checkpoint-*"))
    assert len(checkpoints) == 1
    assert sousa.main(["pipeline", "piano", "--resume", str(checkpoints[0]), "--epochs", "2"]) == 0
    history = json.loads((first / "run" / "history.json").read_text())
    assert max(entry["epoch"] for entry in history) == 2
    assert sousa.main(["pipeline", "piano", "--resume", str(checkpoints[0]), "--epochs", "3"]) == 2
    assert "is not the newest whole checkpoint" in capsys.readouterr().err


def test_evaluation_alone_gives_the_same_figures(first, tmp_path):
    words = ["pipeline", "piano", "--eval-only", "--model-path", str(first / "run")]
    assert sousa.main([*words, "--name", "later", "--output-dir", str(tmp_path), "--device", "cpu"]) == 0
    report = tmp_path / "later" / "report"
    assert figures(report) == figures(first / "run" / "report")
    assert (report / "dashboard.png").is_file() and not (tmp_path / "later" / "data").exists()


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '[{"loss": 1}]', '[{"step": 1, "eval_main": "x"}]', "[[]]"]
)
def test_a_damaged_history_is_one_sentence(first, tmp_path, content, capsys):
    model = shutil.copytree(first / "run", tmp_path / "run")
    (model / "history.json").write_text(content)
    assert evaluate.main([str(model), "--device", "cpu", "--output", str(tmp_path / "report")]) == 1
    said = capsys.readouterr().err.strip()
    assert "history.json is damaged (" in said and "\n" not in said and "Traceback" not in said
    assert not (tmp_path / "report").exists()


def test_what_is_printed_is_added_to_the_log_and_nothing_else_is_written_to(tmp_path, capsys):
    log = tmp_path / "logs" / "training.log"
    for text in ("first ♯", "second"):
        with running.logged(log):
            sys.stdout.write(f"{text}\n")
    assert log.read_text(encoding="utf-8") == "first ♯\nsecond\n"
    (tmp_path / "letter.txt").write_text("dear")
    for name, make in (("link", lambda p: p.symlink_to(tmp_path / "letter.txt")), ("pipe", os.mkfifo),
                       ("folder", Path.mkdir)):  # fmt: skip
        make(tmp_path / name)
        with pytest.raises(RunError, match="can't write"), running.logged(tmp_path / name):
            pass
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_files_of_others_stay(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.yaml").write_text("dataset: {}\n")
    words = ["pipeline", "piano", *SMALL, "--name", "mine", "--output-dir", str(tmp_path)]
    assert sousa.main(words) == 2
    assert "was not made by this command" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["config.yaml"]
    for name in ("holiday.png", "dashboard.png", "pitches_notes.png", "report.html"):
        (tmp_path / name).write_text("")
    running.keep_pictures(tmp_path, ("dashboard",))
    assert {path.name for path in tmp_path.glob("*.*")} == {"holiday.png", "dashboard.png", "report.html"}
    running.keep_pictures(tmp_path, ())
    assert {path.name for path in tmp_path.glob("*.*")} == {"holiday.png"}


def test_what_is_not_there_is_said(tmp_path, capsys):
    nowhere = str(tmp_path / "nowhere")
    for words, said in (
        (["--resume", "--output-dir", nowhere], "there is no run"),
        (["--resume", nowhere], "is no run, nor a checkpoint"),
        (["--eval-only", "--output-dir", nowhere], "there is no run"),
        (["--config", nowhere], "can't be read"),
        (["--device", "quantum", "--output-dir", nowhere], "quantum"),
        (["--no-such-flag", "1", "--output-dir", nowhere], "no-such-flag"),
    ):
        assert sousa.main(["pipeline", "piano", *words]) == 2
        assert said in capsys.readouterr().err, words
    assert not Path(nowhere).exists()
