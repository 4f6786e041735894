"""Metrics of retrieval against sorting by hand, scikit-learn, and resampling queries one by one."""

import numpy as np
import pytest

from sousa.generation.errors import UsageError
from sousa.training.metrics import bootstrap
from sousa.training.metrics.retrieval_metrics import (
    NAMES,
    rank_values,
    ranks_of_scores,
    ranks_of_vectors,
    retrieval_differences,
    retrieval_metrics,
)


def _case(queries=40, candidates=25, most=6, seed=0, ties=False):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(queries, candidates))
    if ties:
        scores = np.round(scores)
    counts = rng.integers(1, most + 1, queries)
    return scores, [np.sort(rng.permutation(candidates)[:n]) for n in counts]


def _sorted_ranks(line, own):
    """Ranks after a plain sort: by falling score, and of equal ones what does not belong first."""
    order = sorted(range(len(line)), key=lambda c: (-line[c], c in own))
    return [place for place, c in enumerate(order, 1) if c in own]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("most", [1, 6, 20])
def test_ranks_are_those_of_a_sort(ties, most):
    scores, own = _case(most=most, ties=ties)
    for line, belonging, ranks in zip(scores, own, ranks_of_scores(scores, own), strict=True):
        assert ranks.tolist() == _sorted_ranks(line, set(belonging.tolist()))


def test_values_by_their_definitions():
    scores, own = _case()
    ranks = ranks_of_scores(scores, own)
    values = dict(zip((*NAMES, "first"), rank_values(ranks).T, strict=True))
    for i, places in enumerate(ranks):
        for k in (1, 5, 10):
            top = set(np.argsort(-scores[i])[:k].tolist())
            assert values[f"recall_at_{k}"][i] == len(top & set(own[i].tolist())) / len(own[i])
            assert values[f"hit_at_{k}"][i] == bool(top & set(own[i].tolist()))
        precisions = [sum(p <= place for p in places) / place for place in places if place <= 10]
        assert values["map_at_10"][i] == pytest.approx(sum(precisions) / min(len(own[i]), 10))
        assert values["mrr"][i] == 1 / min(places)


def test_as_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    scores, own = _case(candidates=10, most=4)  # all candidates are among the first ten
    relevant = np.zeros(scores.shape, int)
    for i, belonging in enumerate(own):
        relevant[i, belonging] = 1
    out = retrieval_metrics(ranks_of_scores(scores, own), [10] * len(own), resamples=0)
    assert out["map_at_10"]["value"] == pytest.approx(
        metrics.label_ranking_average_precision_score(relevant, scores)
    )
    scores, own = _case()
    relevant = np.zeros(scores.shape, int)
    for i, belonging in enumerate(own):
        relevant[i, belonging] = 1
    out = retrieval_metrics(ranks_of_scores(scores, own), resamples=0)
    assert out["ndcg_at_10"]["value"] == pytest.approx(metrics.ndcg_score(relevant, scores, k=10))
    scores, own = _case(most=1)
    truth = [int(belonging[0]) for belonging in own]
    out = retrieval_metrics(ranks_of_scores(scores, own), resamples=0)
    for k in (1, 5, 10):
        right = metrics.top_k_accuracy_score(truth, scores, k=k, labels=range(scores.shape[1]))
        assert out[f"recall_at_{k}"]["value"] == out[f"hit_at_{k}"]["value"] == pytest.approx(right)


def test_what_says_the_same_of_everything_finds_nothing():
    vectors = np.ones((30, 8)) * np.linspace(0.1, 3, 30)[:, None]  # one direction, rounded in 30 ways
    ranks = ranks_of_vectors(vectors, vectors, [[i] for i in range(30)])
    assert all(places.tolist() == [30] for places in ranks)
    out = retrieval_metrics(ranks, [30] * 30, resamples=0)
    assert out["recall_at_10"]["value"] == 0 and out["median_rank"]["value"] == 30


def test_vectors_are_compared_by_angle_and_block_by_block(monkeypatch):
    rng = np.random.default_rng(1)
    queries, candidates = rng.normal(size=(50, 6)), rng.normal(size=(33, 6))
    own = [rng.permutation(33)[: rng.integers(1, 12)] for _ in range(50)]
    lengths = (np.linalg.norm(side, axis=1, keepdims=True) for side in (queries, candidates))
    a, b = (side / length for side, length in zip((queries, candidates), lengths, strict=True))
    expected = ranks_of_scores(a @ b.T, own)
    monkeypatch.setattr("sousa.training.metrics.retrieval_metrics._BLOCK", 100)
    for places, by_hand in zip(ranks_of_vectors(queries * 7, candidates, own), expected, strict=True):
        assert places.tolist() == by_hand.tolist()


def test_chance_is_what_random_orders_find():
    rng = np.random.default_rng(0)
    belonging = [np.arange(n) for n in (1, 3, 7)] * 400
    out = retrieval_metrics(ranks_of_scores(rng.random((1200, 40)), belonging), [40] * 1200, resamples=0)
    for name, chance in out["chance"].items():
        assert out[name]["value"] == pytest.approx(chance, abs=0.04)
    assert out["chance"]["recall_at_5"] == pytest.approx(5 / 40)
    assert out["chance"]["hit_at_1"] == pytest.approx(11 / 120)


def test_intervals_are_those_of_repeated_queries():
    scores, own = _case(60, seed=3)
    ranks, groups = ranks_of_scores(scores, own), [f"g{i % 9 * (i % 2)}" for i in range(60)]
    codes = bootstrap.group_codes(groups, range(60))
    out = retrieval_metrics(ranks, None, groups, resamples=80)
    values, first = rank_values(ranks), np.array([r[0] for r in ranks])
    resampled = []
    for counts in np.concatenate(list(bootstrap.draw_counts(codes.max() + 1, 80))):
        rows = np.concatenate([np.repeat(np.flatnonzero(codes == g), n) for g, n in enumerate(counts)])
        macro = [values[codes == g, 2].mean() for g, n in enumerate(counts) for _ in range(n)]
        resampled.append(
            [values[rows, 2].mean(), values[rows, 6].mean(), np.median(first[rows]), np.mean(macro)]
        )
    names = ("recall_at_10", "map_at_10", "median_rank", "recall_at_10_macro")
    for name, column in zip(names, np.array(resampled).T, strict=True):
        assert (out[name]["low"], out[name]["high"]) == pytest.approx(np.percentile(column, [2.5, 97.5]))
    groups_mean = np.mean([values[codes == g, 2].mean() for g in range(codes.max() + 1)])
    assert out["recall_at_10_macro"]["value"] == pytest.approx(groups_mean)
    assert out["recall_at_10_macro"]["value"] != pytest.approx(out["recall_at_10"]["value"])


def test_differences_are_paired():
    scores, own = _case(50)
    ranks = ranks_of_scores(scores, own)
    same = retrieval_differences(ranks, ranks)["mrr"]
    assert same == {"value": 0.0, "low": 0.0, "high": 0.0}
    better = [np.arange(1, len(r) + 1) for r in ranks]
    out = retrieval_differences(better, ranks)["recall_at_1"]
    assert out["value"] > 0 and out["low"] > 0


def test_queries_without_candidates_are_left_out_and_mistakes_are_named():
    out = retrieval_metrics([[1], None, [3, 4]], [5, None, 5], ["a", "b", "c"])
    assert out["num_rows"] == 2 and out["num_left_out"] == 1 and out["num_groups"] == 2
    assert out["hit_at_1"]["value"] == 0.5 and out["median_rank"]["value"] == 2
    nothing = retrieval_metrics([None], [None])
    assert nothing["mrr"] == {"value": None, "low": None, "high": None}
    with pytest.raises(UsageError, match="no candidate belongs"):
        ranks_of_scores([[0.1, 0.2]], [[]])
    with pytest.raises(UsageError, match="candidates 0 to 1"):
        ranks_of_scores([[0.1, 0.2]], [[2]])
    with pytest.raises(UsageError, match="not a number"):
        ranks_of_scores([[0.1, float("nan")]], [[0]])
    with pytest.raises(UsageError, match="not finite"):
        ranks_of_vectors(np.array([[np.inf]]), np.ones((1, 1)), [[0]])
    with pytest.raises(UsageError, match="rows differ in number"):
        retrieval_metrics([[1]], [5, 5])


def test_the_module_gives_what_the_function_gives():
    evaluate = pytest.importorskip("evaluate")
    from tests.conftest import ROOT

    scores, own = _case(12)
    metric = evaluate.load(str(ROOT / "training/metrics/retrieval"))
    groups = [f"g{i % 4}" for i in range(12)]
    out = metric.compute(
        predictions=scores.tolist(), references=[b.tolist() for b in own], groups=groups, resamples=20
    )
    expected = retrieval_metrics(ranks_of_scores(scores, own), [25] * 12, groups, resamples=20)
    assert out == expected


def test_two_thousand_by_two_thousand_are_measured():
    rng = np.random.default_rng(0)
    queries, candidates = (rng.normal(size=(2000, 64)) for _ in range(2))
    own = [rng.integers(0, 2000, rng.integers(1, 4)) for _ in range(2000)]
    ranks = ranks_of_vectors(queries, candidates, own)
    metrics = retrieval_metrics(ranks, [2000] * 2000, resamples=200)
    assert metrics["recall_at_10"]["value"] < 0.02  # by chance .005
