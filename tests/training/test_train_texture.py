"""Training on textures as a user does it: data, model, report and evaluation; refusals in one sentence."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from sousa.training import evaluate, train
from sousa.training.metrics.score_metrics import score_metrics
from sousa.training.parameter_baselines import STRENGTHS, ridge_regression
from tests.support.runs import losses, merged
from tests.training.test_texture_task import SPACE

SETTINGS = {
    "task": "texture",
    "data": {"max_sec": 0.4, "crop": "random"},
    "model": {"channels": 8, "wide_channels": 8, "dilations": [1], "fine_dilations": [1]},
    "front_end": {"sampling_rate": 16000, "n_mels": 16, "hop_length": 160, "f_max_hz": 8000.0},
    "augment": {"gain_db": 3.0},
    "train": {"per_device_train_batch_size": 16, "num_train_epochs": 2, "logging_steps": 1, "use_cpu": True,
              "disable_tqdm": True},
}  # fmt: skip


def write(place, space, **changes):
    """A configuration file; the dataset lies beside that of the space."""
    generate = {"corpus": "textures", "configfile": str(space)}
    own = {"data": {"path": str(space.parent / "data"), "generate": generate}, "output": str(place / "run")}
    path = place / "settings.yaml"
    path.write_text(yaml.safe_dump(merged(merged(SETTINGS, own), changes)))
    return path


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    path = tmp_path_factory.mktemp("space") / "space.yaml"
    path.write_text(yaml.safe_dump(SPACE))
    return path


@pytest.fixture(scope="module")
def run(space, tmp_path_factory):
    """A run of all parameters, with its dataset made on the way."""
    place = tmp_path_factory.mktemp("run")
    assert train.main([str(write(place, space))]) == 0
    return place / "run"


def test_a_run_reports_each_parameter_on_both_kinds_of_settings_beside_baselines(run):
    metrics = json.loads((run / "report" / "metrics.json").read_text())
    table = pq.read_table(run / "report" / "predictions.parquet")
    assert metrics["grouped_by"] == "setting_id"
    assert metrics["num_groups"] == len(set(table["setting_id"].to_pylist()))
    assert list(metrics["targets"]) == ["rate_exp", "cf", "carrier_hz", "index"]
    columns = {
        name: np.array(table[name].to_pylist(), object) for name in ("held_out", "synth", "setting_id")
    }
    cf = metrics["targets"]["cf"]
    assert set(cf["by"]["held_out"]) == {"extrapolation", "interpolation", "random"} - (
        {"interpolation", "random"} - set(columns["held_out"])
    )
    true, pred = (np.array(table[f"{side}_cf"].to_pylist(), float) for side in ("true", "pred"))
    assert np.isnan(true[columns["synth"] == "fm"]).all()
    far = (columns["held_out"] == "extrapolation") & ~np.isnan(true)
    by_hand = 1 - ((true - pred)[far] ** 2).sum() / ((true[far] - true[far].mean()) ** 2).sum()
    found = cf["by"]["held_out"]["extrapolation"]
    assert found["metrics"]["r2"]["value"] == pytest.approx(by_hand)
    assert found["num_rows"] == far.sum() and found["num_values"] == len(set(true[far]))
    natural = [np.array(table[f"{side}_natural_cf"].to_pylist(), float)[far] for side in ("true", "pred")]
    assert natural[0].min() >= 800 and cf["unit"] == "Hz"
    mae = abs(natural[0] - natural[1]).mean()
    assert found["metrics"]["mae_natural"]["value"] == pytest.approx(mae, rel=1e-4)
    for target in metrics["targets"].values():
        assert set(target["baselines"]) == {"mean", "ridge"}
        for baseline in target["baselines"].values():
            assert set(baseline["by"]["held_out"]) == set(target["by"]["held_out"])
        gap = target["metrics"]["r2"]["value"] - target["baselines"]["ridge"]["metrics"]["r2"]["value"]
        assert target["baselines"]["ridge"]["difference"]["r2"]["value"] == pytest.approx(gap)
    assert metrics["targets"]["index"]["num_frames"] > metrics["targets"]["index"]["num_rows"]
    assert {check["name"]: check["passed"] for check in metrics["checks"]} == {
        "no setting in two splits": True, "no row in two splits": True
    }  # fmt: skip


def test_frames_of_curves_are_measured_one_by_one(run):
    metrics = json.loads((run / "report" / "metrics.json").read_text())["targets"]["index"]
    table = pq.read_table(run / "report" / "predictions.parquet")
    clips = [(t, p) for t, p in zip(*(table[f"{s}_index"].to_pylist() for s in ("true", "pred"))) if t]  # noqa: B905
    true, pred = (np.concatenate([np.array(clip[i], float) for clip in clips]) for i in (0, 1))
    kept = ~np.isnan(true)
    spread = ((true[kept] - true[kept].mean()) ** 2).sum()
    by_hand = 1 - ((true - pred)[kept] ** 2).sum() / spread
    assert metrics["metrics"]["r2"]["value"] == pytest.approx(by_hand)
    assert metrics["num_frames"] == kept.sum() and metrics["num_rows"] == len(clips)


def test_words_are_those_of_the_task(run):
    card = (run / "model" / "README.md").read_text()
    assert "of a synthesized sound texture" in card and "by setting" in card
    assert "index: frame by frame, a value each 20 ms" in card
    page = (run / "report" / "report.html").read_text()
    assert "sklearn.metrics.r2_score" in page and "different values" in page and "ridge: R2" in page
    for text in (card, page, (run / "report" / "metrics.json").read_text()):
        text = text.partition("data:image")[0].lower()
        assert not any(word in text for word in ("snare", "drum", "player", "rudiment_slug", "tempo"))
    assert str(run.parent) not in card


def test_evaluation_needs_neither_configuration_nor_synthesizer(run, space, tmp_path, capsys):
    copy = shutil.copytree(space.parent / "data", tmp_path / "elsewhere")
    (copy / "manifest.json").unlink()
    more = ["--where", "{held_out: extrapolation}", "--resamples", "20", "-o", str(tmp_path / "out")]
    assert evaluate.main([str(run), "--data", str(copy), *more]) == 0
    said = capsys.readouterr().out
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    whole = json.loads((run / "report" / "metrics.json").read_text())
    value = whole["targets"]["cf"]["by"]["held_out"]["extrapolation"]["metrics"]["r2"]["value"]
    assert metrics["targets"]["cf"]["metrics"]["r2"]["value"] == pytest.approx(value, abs=1e-5)
    assert "settings" in said.splitlines()[0] and "ridge" in said
    # baselines learn from all training rows still, of which none is held out
    for name in ("mean", "ridge"):
        found, of_run = (m["targets"]["cf"]["baselines"][name] for m in (metrics, whole))
        value = of_run["by"]["held_out"]["extrapolation"]["metrics"]["r2"]["value"]
        assert found["metrics"]["r2"]["value"] == pytest.approx(value)


def test_a_run_goes_on_where_it_ended_also_from_another_directory(run, space, tmp_path, monkeypatch, capsys):
    shutil.copytree(run, tmp_path / "run")
    more = ["--resume", "true", "--num_train_epochs", "3", "--report", "false"]
    given = {"corpus": "textures", "configfile": "space.yaml"}
    monkeypatch.chdir(space.parent)  # the run was made with the whole path
    assert train.main([str(write(tmp_path, space, data={"generate": given})), *more]) == 0
    before, after = (losses(root)[0] for root in (run, tmp_path / "run"))
    assert len(after) == len(before) * 3 // 2 and {step: after[step] for step in before} == before
    given["duration"] = 0.4
    assert train.main([str(write(tmp_path, space, data={"generate": given})), *more]) == 2
    assert "data.generate.duration was None and is 0.4" in capsys.readouterr().err


def test_live_rows_and_chosen_targets_train_as_stored_ones(space, tmp_path):
    runs = []
    for name, live in (("a", False), ("b", True)):
        (tmp_path / name).mkdir()
        own = {
            "targets": ["index", "cf"], "weights": {"cf": 0.5}, "auxiliary": {"rate_exp": 0.2},
            "report": False, "data": {"live": live},
        }  # fmt: skip
        # in this part of the data the index stands still
        part = merged(own, {"data": {"where": {"sound": ["low", "still"]}}})
        assert train.main([str(write(tmp_path / name, space, **part))]) == 2
        assert train.main([str(write(tmp_path / name, space, **own))]) == 0
        runs.append(losses(tmp_path / name / "run"))
    assert runs[0] == runs[1]
    assert "eval_index_r2" in runs[0][1][0] and "eval_rate_exp_r2" not in runs[0][1][0]


CASES = {
    "unknown": ({"targets": ["cff"]}, "unknown target 'cff' (did you mean cf?)"),
    "still": ({"targets": ["Q"]}, "Q has one value in all rows to learn from"),
    "an empty filter": ({"data": {"where": {"param_cf": [5000, 6000]}}}, "no row of split"),
    "weight": ({"targets": ["cf"], "weights": {"index": 2}}, "weight of index, which is no target of"),
    "other data": (
        {"data": {"path": "{small}", "generate": None}},
        "task texture learns from textures, and the data is rudiments",
    ),
    "another corpus to make": (
        {"data": {"generate": {"corpus": "rudiments", "configfile": None}}},
        "task texture learns from textures, and the data is rudiments",
    ),
    "another task": ({"task": "tier"}, "task tier learns from rudiments, and the data is textures"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_request_is_one_sentence(run, space, small, tmp_path, case, capsys):
    changes, sentence = CASES[case]
    path = write(tmp_path, space, **changes)
    path.write_text(path.read_text().replace("'{small}'", str(small[0])))
    assert train.main([str(path)]) == 2
    said = capsys.readouterr().err
    assert sentence in said and len(said.strip().splitlines()) == 1 and "Traceback" not in said, said
    assert not (tmp_path / "run").exists()


def test_ridge_is_scikit_learns_and_its_strength_the_best():
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    x, noise = rng.normal(2, 3, (60, 20)), rng.normal(0, 2, 60)
    x[:, 5] = 1.0  # a band that is always the same
    y = x[:, :3] @ [1.0, -2.0, 0.5] + noise + 7
    standard = (x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1)
    errors = []
    for strength in STRENGTHS:
        said = [
            linear.Ridge(strength)
            .fit(np.delete(standard, i, 0), np.delete(y, i))
            .predict(standard[i : i + 1])[0]
            for i in range(60)
        ]
        errors.append(((np.array(said) - y) ** 2).mean())
    best = linear.Ridge(STRENGTHS[int(np.argmin(errors))]).fit(standard, y)
    assert ridge_regression(x, y)(x) == pytest.approx(best.predict(standard), rel=1e-6)
    other = rng.normal(2, 3, (40, 20))
    other[:, 5] = 1.0
    truth = other[:, :3] @ [1.0, -2.0, 0.5] + 7
    moved = (other - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1)
    fits = [linear.Ridge(strength).fit(standard, y) for strength in STRENGTHS]
    best = min(fits, key=lambda fit: ((fit.predict(moved) - truth) ** 2).mean())
    assert ridge_regression(x, y, other, truth)(x) == pytest.approx(best.predict(standard), rel=1e-6)


def test_r2_is_scikit_learns_on_all_rows_and_on_resamples():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    truth, groups = 1e6 + rng.normal(0, 1, 90), [f"s{i // 3}" for i in range(90)]
    guess = truth + rng.normal(0, 0.5, 90)
    out = score_metrics(guess.tolist(), truth.tolist(), groups, resamples=200)["r2"]
    assert out["value"] == pytest.approx(metrics.r2_score(truth, guess), abs=1e-6)
    drawn = np.random.default_rng(0).integers(0, 30, (200, 30))
    rows = [np.concatenate([np.arange(3 * g, 3 * g + 3) for g in one]) for one in drawn]
    by_hand = np.percentile([metrics.r2_score(truth[r], guess[r]) for r in rows], [2.5, 97.5])
    assert (out["low"], out["high"]) == pytest.approx(by_hand, abs=1e-6)
    same = score_metrics([0.1, 0.2, 0.3], [0.3] * 3)["r2"]
    assert same == {"value": None, "low": None, "high": None}
