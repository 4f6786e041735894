"""The report holds what its parts say, in every file, and refuses tables that can't be reported."""

import csv
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sousa.generation.errors import UsageError
from sousa.training import report
from sousa.training.metrics.class_metrics import class_metrics
from sousa.training.metrics.score_metrics import score_metrics
from sousa.training.report import measure, words
from tests.support.axe import faults
from tests.support.browser import needs_chromium

RUDIMENTS, TIERS = ["flam", "drag", "<roll>"], ["beginner", "professional"]
FLAG = pa.bool_()
STROKE = [("onset_sec", pa.float64()), ("hand", pa.int8()), ("is_accent", FLAG), ("is_grace_note", FLAG)]
STROKES = pa.list_(pa.struct(STROKE))
TARGETS = [
    {"name": "rudiment_slug", "kind": "class", "labels": RUDIMENTS},
    {"name": "overall_score", "kind": "score", "low": 0, "high": 100},
    {
        "name": "strokes",
        "kind": "events",
        "flags": [["hand", "L", "hand"], ["is_accent", True, "accent"], ["is_grace_note", True, "grace"]],
    },
]


def _table(targets=TARGETS, rows=60, drop=()):
    rng = np.random.default_rng(0)
    truth = rng.choice(RUDIMENTS, rows)
    score = [None if i == 3 else float(v) for i, v in enumerate(rng.uniform(20, 90, rows))]
    flags = [{"hand": i % 2, "is_accent": not i, "is_grace_note": False} for i in range(8)]
    strokes = [[{"onset_sec": 0.2 * i + 0.1, **one} for i, one in enumerate(flags)] for _ in range(rows)]
    heard = [[s | {"onset_sec": s["onset_sec"] + rng.normal(0, 0.01)} for s in row[1:]] for row in strokes]
    columns = {
        "sample_id": [f"s{i}" for i in range(rows)],
        "profile_id": [f"p{i % 5}" for i in range(rows)],
        "rudiment_slug": truth.tolist(),
        "skill_tier": [TIERS[i % 5 < 2] for i in range(rows)],
        "augmentation_preset": [None if i % 4 == 0 else "gym" for i in range(rows)],
        "tempo_bpm": rng.integers(40, 120, rows).tolist(),
        "true_rudiment_slug": truth.tolist(),
        "pred_rudiment_slug": np.where(rng.random(rows) < 0.7, truth, "drag").tolist(),
        "true_overall_score": score,
        "pred_overall_score": [50.0 if v is None else v + rng.normal(0, 5) for v in score],
        "true_strokes": pa.array([None, *strokes[1:]], STROKES),
        "pred_strokes": pa.array(heard, STROKES),
    }
    about = {"targets": targets, "checkpoint": "runs/one", "data": "org/sousa", "split": "test"}
    table = pa.table({name: column for name, column in columns.items() if name not in drop})
    return table.replace_schema_metadata({"sousa": json.dumps(about)})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    pytest.importorskip("mir_eval")
    directory = tmp_path_factory.mktemp("report")
    table = _table()
    pq.write_table(table, directory / "predictions.parquet")
    baselines = [
        {"name": "majority", "target": "rudiment_slug", "pred": ["drag"] * len(table)},
        {"name": "mean", "target": "overall_score", "pred": [55.0] * len(table)},
    ]
    checks = [{"name": "players apart", "passed": False, "detail": "p1 is in <two> splits"}]
    out = directory / "new" / "report"
    metrics = report.write(directory / "predictions.parquet", out, baselines, checks, resamples=100)
    return table, out, metrics


def test_files_are_there_and_agree(written):
    _, out, metrics = written
    assert sorted(path.name for path in out.iterdir()) == [
        "confusion_rudiment_slug.png", "dashboard.png", "metrics.csv", "metrics.json", "report.html",
    ]  # fmt: skip
    assert json.loads((out / "metrics.json").read_text()) == metrics
    rows = list(csv.DictReader((out / "metrics.csv").read_text().splitlines()))
    assert tuple(rows[0]) == report.COLUMNS
    found = {(r["target"], r["metric"], r["breakdown"], r["group"]): r for r in rows}
    assert len(found) == len(rows)
    one = metrics["targets"]["rudiment_slug"]["metrics"]["accuracy"]
    assert float(found["rudiment_slug", "accuracy", "all", ""]["low"]) == one["low"]
    gym = metrics["targets"]["strokes"]["by"]["augmentation_preset"]["gym"]
    row = found["strokes", "onset_f1_20ms", "augmentation_preset", "gym"]
    assert float(row["value"]) == gym["metrics"]["onset_f1_20ms"]["value"]
    assert int(row["rows"]) == gym["num_rows"] and int(row["groups"]) == gym["num_groups"]
    for name in ("dashboard.png", "confusion_rudiment_slug.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")


def test_classes_of_players_are_judged_by_all_their_rows():
    """Rows that are right a little more often than not make players that are told for certain."""
    rng = np.random.default_rng(1)
    table = _table(rows=200)
    tiers = table["skill_tier"].to_pylist()
    right = rng.random(200) < 0.65
    sure = np.where(right, 0.6, 0.4)
    prob = [[p, 1 - p] if tier == TIERS[0] else [1 - p, p] for tier, p in zip(tiers, sure, strict=True)]
    pred = [TIERS[int(np.argmax(p))] for p in prob]
    target = {"name": "skill_tier", "kind": "class", "labels": TIERS}
    told = {"true_skill_tier": tiers, "pred_skill_tier": pred, "prob_skill_tier": prob}
    for name, values in told.items():
        table = table.append_column(name, [values])
    about = {"targets": [target], "checkpoint": "a", "data": "b", "split": "test"}
    table = table.replace_schema_metadata({"sousa": json.dumps(about)})
    metrics = measure.measure(*measure.opened(table), resamples=50)
    result = metrics["targets"]["skill_tier"]
    assert result["metrics"]["accuracy"]["value"] == pytest.approx(right.mean())
    assert result["of_groups"]["metrics"]["balanced_accuracy"]["value"] == 1.0
    assert (result["of_groups"]["num_groups"], result["of_groups"]["rows_each"]) == (5, 40.0)
    assert "by player, all rows judged together: balanced accuracy 1.000" in report.summary(metrics)
    lines = [line for line in measure.long_form(metrics) if line[2] == "groups"]
    assert {line[1] for line in lines} == {"accuracy", "balanced_accuracy", "macro_f1"}
    # where the class is not the player's, nothing is said of players
    tiers[0] = TIERS[tiers[0] == TIERS[0]]
    mixed = table.set_column(table.column_names.index("true_skill_tier"), "true_skill_tier", [tiers])
    assert "of_groups" not in measure.measure(*measure.opened(mixed), resamples=0)["targets"]["skill_tier"]


def test_metrics_are_those_of_the_functions(written):
    table, _, metrics = written
    columns = {name: table[name].to_pylist() for name in table.column_names if "strokes" not in name}
    truth, guess, players = (columns[n] for n in ("true_rudiment_slug", "pred_rudiment_slug", "profile_id"))
    whole = class_metrics(guess, truth, players, RUDIMENTS, 100)
    target = metrics["targets"]["rudiment_slug"]
    assert target["confusion"] == whole["confusion"] and target["metrics"]["macro_f1"] == whole["macro_f1"]
    for name in RUDIMENTS:
        value = target["by"]["rudiment_slug"][name]["metrics"]["accuracy"]["value"]
        assert value == pytest.approx(whole["per_class"][name]["recall"]["value"])
    slow = [row for row, tempo in enumerate(columns["tempo_bpm"]) if 60 <= tempo < 80]
    part = score_metrics(
        *(
            [columns[n][row] for row in slow]
            for n in ("pred_overall_score", "true_overall_score", "profile_id")
        ),
        resamples=100,
    )
    assert metrics["targets"]["overall_score"]["by"]["tempo_bpm"]["60-80"]["metrics"]["mae"] == part["mae"]
    score = metrics["targets"]["overall_score"]
    assert score["num_left_out"] == 1 and metrics["targets"]["strokes"]["num_left_out"] == 1
    assert score["baselines"]["mean"]["difference"]["mae"]["value"] == pytest.approx(
        score["metrics"]["mae"]["value"] - score["baselines"]["mean"]["metrics"]["mae"]["value"]
    )


@needs_chromium
def test_axe_knows_no_fault_of_the_page(written):
    assert faults([(written[1] / "report.html").as_uri()]) == []


def test_the_page_needs_nothing_else(written):
    _, out, _ = written
    page = (out / "report.html").read_text()
    links = re.findall(r"""(?:src|href)=["']?([^"'>]*)""", page)
    assert {link[:22] for link in links} == {"data:image/png;base64,"}
    assert "url(" not in page and "@import" not in page
    assert page.count("data:image/png;base64,") == 2 and "prefers-color-scheme:dark" in page
    assert "p1 is in &lt;two&gt; splits" in page and "<roll>" not in page


def test_summary_says_headline_baseline_and_failed_checks(written):
    metrics = written[2]
    lines = report.summary(metrics).splitlines()
    assert lines[0] == "60 rows of 5 players" and "majority 0." in lines[1]
    assert any(line.startswith("FAIL  players apart") for line in lines)
    assert "Only 5 players" in lines[-1]


@pytest.mark.parametrize("kept", [[0], [1], [2], [0, 1, 2]])
def test_columns_may_be_missing(tmp_path, kept):
    pytest.importorskip("mir_eval")
    drop = ("profile_id", "rudiment_slug", "skill_tier", "augmentation_preset", "tempo_bpm", "sample_id")
    targets = [TARGETS[i] for i in kept]
    metrics = report.write(_table(targets, 20, drop), tmp_path, resamples=20)
    assert metrics["grouped_by"] == "row" and "no column of groups" in metrics["notes"][0]
    assert all(target["by"] == {} for target in metrics["targets"].values())
    assert (tmp_path / "report.html").exists()
    assert report.summary(metrics).startswith("20 rows\n")


def test_the_same_seed_gives_the_same_files(tmp_path):
    for name in ("a", "b"):
        report.write(_table(TARGETS[:2], 20), tmp_path / name, resamples=20, seed=3)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_no_row_with_a_label(tmp_path):
    table = _table(TARGETS[:2], 6)
    for name, kind in (("true_rudiment_slug", pa.string()), ("true_overall_score", pa.float64())):
        table = table.set_column(table.column_names.index(name), name, pa.nulls(6, kind))
    metrics = report.write(table, tmp_path, resamples=10)
    assert metrics["targets"]["rudiment_slug"]["metrics"]["accuracy"]["value"] is None
    assert metrics["targets"]["overall_score"]["num_left_out"] == 6


@pytest.mark.parametrize(
    ("table", "more", "said"),
    [
        (_table().replace_schema_metadata(None), {}, "no key 'sousa'"),
        (_table([{"name": "x", "kind": "clas"}]), {}, r"(?s)did you mean class.*no column 'true_x'"),
        (_table([{"name": "../x", "kind": "class"}]), {}, "a name has letters"),
        (
            _table(),
            {"baselines": [{"name": "b", "target": "rudiment", "pred": []}]},
            "did you mean rudiment_slug",
        ),
        (
            _table(),
            {"baselines": [{"name": "b", "target": "strokes", "pred": []}]},
            "0 predictions for 60 rows",
        ),
        ("nowhere.parquet", {}, "nowhere.parquet can't be read"),
    ],
)
def test_refusals_write_nothing(tmp_path, table, more, said):
    with pytest.raises(UsageError, match=said):
        report.write(table, tmp_path / "out", **more)
    assert not (tmp_path / "out").exists()


def test_columns_are_called_by_their_names_whatever_they_end_in():
    names = {"take_slug": "take slug", "take_id": "take id", "tempo_bpm": "tempo (BPM)", "hz": "hz"}
    assert {name: words.column(name) for name in names} == names


def test_a_report_replaces_reports_alone(tmp_path):
    for name in ("metrics.json", "report.html", "dashboard.png"):
        place = tmp_path / name.partition(".")[0]
        place.mkdir()
        (place / name).write_text("of the user")
        with pytest.raises(UsageError, match="was not made by this command"):
            report.write(_table(), place, resamples=0)
        assert (place / name).read_text() == "of the user" and len(list(place.iterdir())) == 1
    for _ in range(2):
        report.write(_table(), tmp_path / "new", resamples=0)
