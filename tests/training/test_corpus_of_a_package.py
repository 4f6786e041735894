"""A corpus of another package is learnt from, live and stored; what is stored needs that package no more."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from sousa.generation import corpora
from sousa.generation.columns import Column
from sousa.generation.errors import UsageError
from sousa.training import dataset, evaluate, train
from sousa.training.dataset import SOUSADataset, StratifiedBatchSampler
from sousa.training.live import LiveRows
from sousa.training.models.model import Model
from sousa.training.stream import Rows, open_rows
from tests.support.runs import SMALL, losses, merged

SETTINGS = {
    "auxiliary": {"strokes": None},
    "data": {"generate": {"corpus": "tones"}, "max_sec": 1.0, "crop": "start"},
    "front_end": {"sampling_rate": 16000, "n_mels": 16, "hop_length": 160, "f_max_hz": 8000.0},
    "train": {"per_device_train_batch_size": 8, "num_train_epochs": 2},
}  # fmt: skip


def run(place, **changes):
    """A run; its dataset lies beside the directory of the run."""
    place.mkdir(parents=True, exist_ok=True)
    settings = merged(SMALL, {"data": {"generate": None}})
    settings = merged(merged(settings, SETTINGS), changes)
    settings["data"]["path"], settings["output"] = str(place.parent / "data"), str(place / "run")
    path = place / "settings.yaml"
    path.write_text(yaml.safe_dump(settings))
    assert train.main([str(path)]) == 0
    return place / "run"


def test_its_tasks_are_learnt_and_reported(tones, tmp_path):
    root = run(tmp_path / "a", task="tone")
    metrics = json.loads((root / "report" / "metrics.json").read_text())
    assert {name: one["kind"] for name, one in metrics["targets"].items()} == {
        "wave": "class", "evenness": "score"
    }  # fmt: skip
    assert metrics["grouped_by"] == "series" and metrics["num_groups"] == 1
    assert set(metrics["targets"]["evenness"]["by"]["wave"]) == {"sine", "square", "saw"}
    assert {check["name"]: check["passed"] for check in metrics["checks"]} == {
        "no series in two splits": True, "no row in two splits": True
    }  # fmt: skip
    table = pq.read_table(root / "report" / "predictions.parquet")
    stored = Rows(tmp_path / "data", "test", columns=["wave", "evenness"])
    assert table["true_wave"].to_pylist() == stored.table["wave"].to_pylist()
    assert np.allclose(table["true_evenness"], stored.table["evenness"], atol=1e-3)
    card = (root / "model" / "README.md").read_text()
    assert "tones" in card and "by series" in card and "data version 1.0.0" in card
    # live rows are the stored ones, and train the same model
    live = run(tmp_path / "b", task="tone", report=False, data={"live": True})
    assert losses(live) == losses(root)


def test_stored_rows_of_an_earlier_version_are_learnt_from_and_evaluated(tones, tmp_path, monkeypatch):
    import sousa_tones

    root = run(tmp_path / "a", task="tone", report=False)
    colour = Column("colour", "string", "", "of the light; null in the dark")
    monkeypatch.setattr(sousa_tones, "COLUMNS", (*sousa_tones.COLUMNS, colour))
    monkeypatch.setattr(sousa_tones.Tones, "data_version", "1.1.0")
    assert evaluate.main([str(root), "-o", str(tmp_path / "report"), "--no-baselines"]) == 0
    again = run(tmp_path / "b", task="tone", report=False)
    assert losses(again) == losses(root)
    assert "data version 1.0.0" in (again / "model" / "README.md").read_text()
    other = tmp_path / "c" / "settings.yaml"
    settings = yaml.safe_load((tmp_path / "b" / "settings.yaml").read_text())
    settings["data"]["generate"]["seed"], settings["output"] = 7, str(tmp_path / "c" / "run")
    other.parent.mkdir()
    other.write_text(yaml.safe_dump(settings))
    assert train.main([str(other)]) == 2 and not (tmp_path / "c" / "run").exists()


def test_a_column_of_events_without_flags_is_a_task(tones, tmp_path):
    root = run(tmp_path / "a", task="pulses", train={"num_train_epochs": 1})
    found = json.loads((root / "report" / "metrics.json").read_text())["targets"]["pulses"]
    assert found["kind"] == "events" and "onset_f1_20ms" in found["metrics"]
    assert "spectral flux" in found["baselines"] and set(found["by"]) == {"wave"}
    assert Model.from_pretrained(root / "model").heads["pulses"].out_features == 2


def test_without_the_package_what_is_stored_is_read_trained_on_and_evaluated(tones, tmp_path, monkeypatch):
    root = run(tmp_path / "a", task="tone", report=False)
    with monkeypatch.context() as patch:
        patch.setattr(corpora, "places", lambda: dict(corpora.BUILT_IN))
        corpora.get.cache_clear()
        corpora._made.cache_clear()
        with pytest.raises(UsageError, match="unknown corpus 'tones'"):
            corpora.get("tones")
        arguments = [str(root), "--data", str(tmp_path / "data"), "-o", str(tmp_path / "out")]
        assert evaluate.main([*arguments, "--resamples", "5"]) == 0
        found = json.loads((tmp_path / "out" / "metrics.json").read_text())
        assert found["grouped_by"] == "series" and set(found["targets"]) == {"wave", "evenness"}
        part = {"generate": None, "where": {"wave": ["sine", "saw"]}}
        without = run(tmp_path / "b", task="wave", data=part)
    metrics = json.loads((without / "report" / "metrics.json").read_text())
    assert list(metrics["targets"]) == ["wave"] and set(metrics["targets"]["wave"]["by"]["wave"]) == {
        "sine",
        "saw",
    }


def test_datasets_and_rows_of_it(tones, tmp_path):
    run(tmp_path / "a", task="wave", report=False, train={"num_train_epochs": 1})
    config = corpora.get("tones").config(corpora.get("tones").Options.read({}), print)
    assert SOUSADataset(config, "test").targets == ["evenness"]  # the first score
    stored, live = (SOUSADataset(source, "train", "wave") for source in (tmp_path / "data", config))
    assert isinstance(live.rows, LiveRows) and stored.targets == ["wave"] and stored.num_classes == 3
    assert set(stored[0]) >= {"wave", "sample_id"} and "label" in stored[0]
    for a, b in zip(stored, live, strict=True):
        assert np.array_equal(a["waveform"], b["waveform"]) and a["label"] == b["label"]
    batch = next(iter(StratifiedBatchSampler(SOUSADataset(tmp_path / "data"), 6)))
    waves = [open_rows(tmp_path / "data", columns=["wave"], audio=None)[row]["wave"] for _, row in batch]
    assert sorted(waves) == ["saw", "saw", "sine", "sine", "square", "square"]
    assert dataset.WAVE_TO_ID == {"sine": 0, "square": 1, "saw": 2} and dataset.ID_TO_WAVE[2] == "saw"
    assert not hasattr(dataset, "WAVES")
    with pytest.raises(UsageError, match="column 'pcm_digest' is known when the sound is rendered"):
        open_rows(config, columns=["pcm_digest"])
