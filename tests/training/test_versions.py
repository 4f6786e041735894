"""Data and models of earlier versions are trained on and evaluated."""

import json

import pyarrow.parquet as pq
import pytest
import yaml

from sousa.generation import corpora
from sousa.training import evaluate, roles, train
from sousa.training.models.model import Model
from sousa.training.stream import Rows
from sousa.training.tasks import upgraded
from tests.support.older import unpacked
from tests.support.runs import SMALL, losses, merged


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """A dataset of rudiments of data version 2.0.0: twenty rows of a second at 8 kHz."""
    return unpacked("rudiments", tmp_path_factory.mktemp("older"))


@pytest.fixture(scope="module")
def run(older, tmp_path_factory):
    """A step of training on it, and its report."""
    place = tmp_path_factory.mktemp("run")
    changes = {
        "targets": ["rudiment_slug", "overall_score", "strokes"], "auxiliary": {"strokes": None},
        "data": {"path": str(older)}, "train": {"max_steps": 1}, "output": str(place / "run"),
    }  # fmt: skip
    settings = merged(SMALL, changes)
    settings["data"]["generate"] = None
    (place / "settings.yaml").write_text(yaml.safe_dump(settings))
    assert train.main([str(place / "settings.yaml")]) == 0
    return place / "run"


def test_rows_of_data_version_2_are_learnt_from(older, run):
    rows = Rows(older, columns=["data_version"], audio=None, where={"rudiments": ["flam"]})
    assert set(rows.table["data_version"].to_pylist()) == {"2.0.0"} and rows.known.group.name == "profile_id"
    assert list(losses(run)[0]) == [1]
    metrics = json.loads((run / "report" / "metrics.json").read_text())
    assert metrics["grouped_by"] == "profile_id"
    assert {n: one["kind"] for n, one in metrics["targets"].items()} == {
        "rudiment_slug": "class", "overall_score": "score", "strokes": "events"
    }  # fmt: skip
    assert set(metrics["targets"]["overall_score"]["by"]) == {
        "rudiment_slug", "skill_tier", "tempo_bpm", "augmentation_preset", "soundfont"
    }  # fmt: skip


def test_a_lone_file_of_it_is_known_by_its_columns(older):
    file = next(older.glob("data/train/*.parquet"))
    known = Rows(file, columns=["skill_tier"]).known
    assert known.corpus is corpora.get("rudiments") and "tier" in known.tasks
    assert Rows(file, where={"players": ["beg000", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}).num_rows


def test_a_model_saved_by_an_earlier_version_says_the_same(older, run, tmp_path):
    settings = json.loads((run / "model" / "config.json").read_text())
    new, settings["format"] = settings["targets"], 1
    # as version 2 wrote them: names of classes, ranges and flags were those of the corpus
    old = [
        {k: v for k, v in one.items() if k not in ("classes", "low", "high", "onset", "flags")} for one in new
    ]
    old[2] = {k: v for k, v in old[2].items() if k != "name"} | {"kind": "strokes"}
    settings["targets"] = old
    (tmp_path / "config.json").write_text(json.dumps(settings))
    (tmp_path / "model.safetensors").write_bytes((run / "model" / "model.safetensors").read_bytes())
    assert [vars(one) for one in Model.from_pretrained(tmp_path).targets] == [
        vars(one) for one in Model.from_pretrained(run / "model").targets
    ]
    out = tmp_path / "out"
    assert evaluate.main([str(tmp_path), "--data", str(older), "-o", str(out), "--no-baselines"]) == 0
    one, two = (pq.read_table(place / "predictions.parquet") for place in (run / "report", out))
    assert one["pred_rudiment_slug"].equals(two["pred_rudiment_slug"])


def test_parameters_of_an_earlier_version_find_their_columns():
    old = {
        "kind": "curve", "name": "index", "weight": 1.0, "centre": 0.1, "spread": 0.2,
        "synths": {"fm": {"low": 0.0, "high": 20.0, "scale": "linear", "unit": ""}},
    }  # fmt: skip
    column = roles.Known(corpora.get("textures").columns()).parameters
    assert upgraded(old) == {
        "kind": "curve", "name": "index", "weight": 1.0, "centre": 0.1, "spread": 0.2,
        "column": column.name, "maker": column.role.maker, "curves": column.role.curves,
        "rate_hz": column.role.rate_hz, "makers": old["synths"],
    }  # fmt: skip
