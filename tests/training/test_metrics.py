"""Metrics against scikit-learn, SciPy and mir_eval, and intervals against resampling rows one by one."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from sousa.generation.errors import UsageError
from sousa.training.metrics import bootstrap
from sousa.training.metrics.class_metrics import class_differences, class_metrics
from sousa.training.metrics.onset_metrics import onset_metrics
from sousa.training.metrics.score_metrics import score_differences, score_metrics

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = ["flam", "drag", "ruff", "roll", "tap"]


def _classes(rows=300, players=7, seed=1):
    rng = np.random.default_rng(seed)
    truth = rng.choice(NAMES[:4], rows, p=[0.5, 0.3, 0.15, 0.05])
    guess = np.where(rng.random(rows) < 0.6, truth, rng.choice(NAMES, rows))
    return guess.tolist(), truth.tolist(), [f"p{i}" for i in rng.integers(0, players, rows)]


def _by_hand(statistic, codes, seed=0, resamples=bootstrap.RESAMPLES):
    """The interval from rows that are really repeated, with the module's own draws."""
    found = []
    for counts in (row for part in bootstrap.draw_counts(codes.max() + 1, resamples, seed) for row in part):
        rows = np.concatenate([np.repeat(np.flatnonzero(codes == g), n) for g, n in enumerate(counts)])
        found.append(statistic(rows))
    return np.nanpercentile(found, [2.5, 97.5])


def test_draws_are_groups_with_replacement():
    parts = list(bootstrap.draw_counts(11, 5000, 3))
    counts = np.concatenate(parts)
    assert counts.shape == (5000, 11) and (counts.sum(1) == 11).all()
    assert abs(counts.mean(0) - 1).max() < 0.06 and abs(counts.var(0) - 10 / 11).max() < 0.1
    assert (counts == np.concatenate(list(bootstrap.draw_counts(11, 5000, 3)))).all()
    assert (counts != np.concatenate(list(bootstrap.draw_counts(11, 5000, 4)))).any()


def test_classes_as_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    guess, truth, groups = _classes()
    out = class_metrics(guess, truth, groups, labels=NAMES)
    assert out["accuracy"]["value"] == pytest.approx(metrics.accuracy_score(truth, guess))
    with pytest.warns(UserWarning):  # a class that is predicted but isn't in the references
        balanced = metrics.balanced_accuracy_score(truth, guess)
    assert out["balanced_accuracy"]["value"] == pytest.approx(balanced)
    assert out["macro_f1"]["value"] == pytest.approx(metrics.f1_score(truth, guess, average="macro"))
    assert out["confusion"] == metrics.confusion_matrix(truth, guess, labels=NAMES).tolist()
    each = metrics.precision_recall_fscore_support(truth, guess, labels=NAMES, zero_division=np.nan)
    for i, name in enumerate(NAMES):
        for which, key in enumerate(("precision", "recall", "f1")):
            value, expected = out["per_class"][name][key]["value"], each[which][i]
            assert (value is None) if np.isnan(expected) else value == pytest.approx(expected)
        assert out["per_class"][name]["support"] == each[3][i]


def test_intervals_are_those_of_repeated_rows():
    metrics = pytest.importorskip("sklearn.metrics")
    guess, truth, groups = _classes(120, 5)
    codes, guesses, truths = bootstrap.group_codes(groups, range(120)), np.array(guess), np.array(truth)
    out = class_metrics(guess, truth, groups, resamples=60)
    found = out["accuracy"]["low"], out["accuracy"]["high"]
    assert found == pytest.approx(_by_hand(lambda rows: (guesses[rows] == truths[rows]).mean(), codes, 0, 60))
    expected = _by_hand(
        lambda rows: metrics.f1_score(
            truths[rows], guesses[rows], average="macro", labels=sorted({*truths[rows], "tap"})
        ),
        codes,
        0,
        60,
    )
    assert (out["macro_f1"]["low"], out["macro_f1"]["high"]) == pytest.approx(expected)


def test_one_group_has_no_interval_and_groups_are_wider_than_rows():
    guess, truth, _ = _classes()
    one = class_metrics(guess, truth, ["p"] * len(truth))
    assert one["accuracy"]["low"] is None and one["accuracy"]["value"] is not None
    right = [truth[i] if i // 50 % 2 else "tap" for i in range(len(truth))]  # players all right or all wrong
    players = class_metrics(right, truth, [f"p{i // 50}" for i in range(len(truth))])["accuracy"]
    rows = class_metrics(right, truth)["accuracy"]
    assert players["value"] == rows["value"]
    assert players["high"] - players["low"] > 3 * (rows["high"] - rows["low"])


def test_rows_without_reference_are_left_out():
    guess, truth, groups = _classes()
    out = class_metrics([*guess, "tap"], [*truth, None], [*groups, "other"])
    plain = class_metrics(guess, truth, groups)
    assert out["num_left_out"] == 1 and out["num_groups"] == plain["num_groups"]
    assert out["accuracy"] == plain["accuracy"] and out["macro_f1"] == plain["macro_f1"]
    nothing = class_metrics(["a"], [None])
    assert nothing["accuracy"] == {"value": None, "low": None, "high": None} and nothing["num_rows"] == 0
    scores = score_metrics([1.0, 2.0, 3.0], [1.0, None, float("nan")], ["a", "b", "c"])
    assert scores["num_left_out"] == 2 and scores["mae"]["value"] == 0 and scores["num_groups"] == 1
    assert onset_metrics([[1.0], []], [None, [1.0]])["num_left_out"] == 1


def test_names_may_be_ints_and_unknown_classes_follow():
    out = class_metrics([1, 2, 2], [1, 2, 7], labels=[2, 1])
    assert out["labels"] == ["2", "1", "7"] and out["accuracy"]["value"] == pytest.approx(2 / 3)
    assert out["per_class"]["7"]["recall"]["value"] == 0
    assert out["per_class"]["7"]["precision"]["value"] is None


def test_differences_are_paired():
    guess, truth, groups = _classes()
    same = class_differences(guess, guess, truth, groups)["accuracy"]
    assert same == {"value": 0.0, "low": 0.0, "high": 0.0}
    other = class_differences(guess, ["flam"] * len(truth), truth, groups)["accuracy"]
    expected = np.mean(np.array(guess) == truth) - np.mean(np.array(truth) == "flam")
    assert other["value"] == pytest.approx(expected) and other["low"] < expected < other["high"]
    scores = score_differences([1.0, 2.0, 4.0], [0.0, 0.0, 0.0], [1.0, 2.0, 3.0], ["a", "b", "c"])
    assert scores["mae"]["value"] == pytest.approx(1 / 3 - 2)


def test_scores_as_scipy_on_repeated_rows():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 20, 150).astype(float)  # many ties
    guess, groups = truth + rng.normal(0, 8, 150).round(), [f"p{i}" for i in rng.integers(0, 6, 150)]
    out = score_metrics(guess, truth, groups, resamples=50)
    assert out["spearman"]["value"] == pytest.approx(stats.spearmanr(truth, guess).statistic)
    assert out["mae"]["value"] == pytest.approx(abs(guess - truth).mean())
    assert out["rmse"]["value"] == pytest.approx(np.sqrt(((guess - truth) ** 2).mean()))
    codes = bootstrap.group_codes(groups, range(150))
    for name, one in (
        ("mae", lambda rows: abs(guess - truth)[rows].mean()),
        ("rmse", lambda rows: np.sqrt(((guess - truth) ** 2)[rows].mean())),
        ("spearman", lambda rows: stats.spearmanr(truth[rows], guess[rows]).statistic),
    ):
        assert (out[name]["low"], out[name]["high"]) == pytest.approx(_by_hand(one, codes, 0, 50))


def test_constant_scores_have_no_rank_correlation():
    out = score_metrics([5.0] * 4, [1.0, 2.0, 3.0, 4.0], list("aabb"))
    assert out["spearman"] == {"value": None, "low": None, "high": None}
    assert out["mae"]["value"] == 2.5 and out["mae"]["low"] is not None


def _takes(rows=25, seed=5):
    rng = np.random.default_rng(seed)
    truth, guess = [], []
    for row in range(rows):
        times = np.cumsum(rng.uniform(0.03, 0.3, 30 if row else 0))
        played = times + rng.normal(0, 0.012, len(times))
        kept = rng.random(len(times)) < 0.9
        guess.append([*played[kept], *rng.uniform(-0.1, 5, 3)] if row != 1 else [])  # unsorted
        truth.append(times.tolist())
    return guess, truth, [f"p{row % 4}" for row in range(rows)]


def test_onsets_as_mir_eval():
    mir_eval = pytest.importorskip("mir_eval")
    guess, truth, groups = _takes()
    out = onset_metrics(guess, truth, groups, tolerances=(0.005, 0.02, 0.05), resamples=50)
    codes = bootstrap.group_codes(groups, range(len(groups)))
    assert out["num_empty_references"] == 1
    for tolerance in (0.005, 0.02, 0.05):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            each = np.array([
                mir_eval.onset.f_measure(np.array(t), np.sort(g), tolerance)
                for t, g in zip(truth, guess, strict=True)
            ])  # fmt: skip
        found = out["tolerances"][f"{tolerance:g}"]
        assert [found[k]["value"] for k in ("f1", "precision", "recall")] == pytest.approx(each.mean(0))
        expected = _by_hand(lambda rows, each=each: each[rows, 0].mean(), codes, 0, 50)
        assert (found["f1"]["low"], found["f1"]["high"]) == pytest.approx(expected)
        hits = sum(round(r * len(t)) for (_, _, r), t in zip(each, truth, strict=True))
        total = [sum(map(len, lists)) for lists in (truth, guess)]
        assert found["pooled_f1"]["value"] == pytest.approx(2 * hits / sum(total))
        assert found["pooled_recall"]["value"] == pytest.approx(hits / total[0])


def test_attributes_of_onsets():
    pytest.importorskip("mir_eval")
    truth, guess = [[0.1, 0.2, 0.3, 0.4]], [[0.305, 0.1, 0.2, 0.9]]
    attributes = {
        "hand": {"references": [[0, 1, 0, 1]], "predictions": [[1, 0, 1, 0]]},  # sorted: 0 1 1 0
        "kind": {"references": [[3, 4, 5, 3]], "predictions": [[5, 3, 4, 3]]},
    }
    out = onset_metrics(guess, truth, attributes=attributes)["attributes"]
    assert out["hand"]["num_matched"] == 3
    assert out["hand"]["accuracy"]["value"] == pytest.approx(2 / 3)
    assert out["hand"]["f1"]["value"] == pytest.approx(2 / 3)  # one hit, one false alarm
    assert out["hand"]["joint_f1"]["value"] == pytest.approx(2 * 2 / 8)
    assert "f1" not in out["kind"] and out["kind"]["joint_f1"]["value"] == pytest.approx(2 * 3 / 8)
    attributes["kind"]["references"] = [[3, None, 5, 3]]
    assert onset_metrics(guess, truth, attributes=attributes)["attributes"]["kind"]["num_matched"] == 0


def test_equal_attributes_give_the_plain_f_measure():
    pytest.importorskip("mir_eval")
    guess, truth, groups = _takes()
    zeros = [[[0] * len(times) for times in lists] for lists in (truth, guess)]
    same = {"one": dict(zip(("references", "predictions"), zeros, strict=True))}
    out = onset_metrics(guess, truth, groups, attributes=same)
    assert out["attributes"]["one"]["joint_f1"] == out["tolerances"]["0.02"]["f1"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: class_metrics(["a"], ["a", "b"]), "predictions 1, references 2"),
        (lambda: class_metrics([None], ["a"]), "1 row without a predicted class"),
        (lambda: score_metrics([float("nan")], [1.0]), "1 predicted scores are missing"),
        (lambda: onset_metrics([[1.0]], [[1.0]], tolerances=(0,)), "tolerance 0 s"),
        (lambda: onset_metrics([None], [[1.0]]), "row 0: no predicted onsets"),
        (lambda: onset_metrics([[44100.0 * 3]], [[1.0]]), "row 0: a predicted onset at 132300 s"),
        (lambda: onset_metrics([[float("nan")]], [[1.0]]), "row 0: a predicted onset at nan s"),
    ],
)
def test_refusals_say_what_is_wrong(call, said):
    pytest.importorskip("mir_eval")
    with pytest.raises(UsageError, match=said):
        call()


_SCRIPT = """
import sys, evaluate
root = sys.argv[1]
c = evaluate.load(root + "/classification")
out = c.compute(predictions=[1, 0, 1], references=[None, 0, 0], groups=["a", "b", "c"], labels=[0, 1])
assert out["accuracy"]["value"] == 0.5 and out["num_left_out"] == 1 and out["labels"] == ["0", "1"], out
for guess, truth, player in zip("aab", "abb", ["x", "y", None]):
    c.add(prediction=guess, reference=truth, groups=player)
assert abs(c.compute()["accuracy"]["value"] - 2 / 3) < 1e-9
s = evaluate.load(root + "/scores")
assert s.compute(predictions=[1, 2.5], references=[1, 2], groups=[1, 2])["mae"]["value"] == 0.25
out = s.compute(predictions=[[1, 2], [3, 4]], references=[None, [3, None]], groups=[1, 2], names=["u", "v"])
assert out["u"]["num_rows"] == 1 and out["v"]["num_rows"] == 0, out
o = evaluate.load(root + "/onsets")
hand = {"hand": {"references": [[0], []], "predictions": [[0], []]}}
out = o.compute(predictions=[[0.1], []], references=[[0.1], None], groups=["a", "b"], attributes=hand)
assert out["tolerances"]["0.02"]["f1"]["value"] == 1 and out["attributes"]["hand"]["accuracy"]["value"] == 1
print("ok")
"""


def test_evaluate_loads_them_by_path_from_anywhere_without_network(tmp_path):
    pytest.importorskip("evaluate")
    pytest.importorskip("mir_eval")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    environment |= {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY)}
    environment |= {"HF_MODULES_CACHE": str(tmp_path / "modules"), "HF_EVALUATE_OFFLINE": "1"}
    command = [sys.executable, "-c", _SCRIPT, str(REPOSITORY / "training" / "metrics")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("ok\n"), done.stderr
