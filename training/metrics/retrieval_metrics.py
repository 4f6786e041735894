"""Metrics of retrieval: how high, among all candidates, those stand that belong to a query.

Conventions: a query is scored with every candidate, by the cosine of their vectors or by scores that are
passed in; at least one candidate belongs to it. Ranks count from 1, best first. Of equal scores (cosines that
differ by less than TIE, which rounding may do) those that do not belong come first: a system that says the
same of everything gains nothing by it.

Of a query with ranks r_1 < r_2 < … r_m of the m candidates that belong to it:

- ``hit_at_k``: 1 if r_1 <= k, else 0
- ``recall_at_k``: how many r_j <= k, over m; with one candidate that belongs the same as the hit
- ``map_at_10``: sum of j / r_j over r_j <= 10, over min(m, 10)
- ``ndcg_at_10``: sum of 1 / log2(r_j + 1) over r_j <= 10, over the largest that this sum can be
- ``mrr``: 1 / r_1
- ``median_rank``: the median of r_1

Values are means over queries, but for the median; ``recall_at_k_macro`` are means over groups of the means in
each, so that a sound with five captions counts as much as one with a single one. Intervals are by group.

Source: C. D. Manning, P. Raghavan and H. Schütze, Introduction to Information Retrieval, 2008, chapter 8;
K. Järvelin and J. Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002 (nDCG).
"""

from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np

from sousa.generation.errors import UsageError
from sousa.training.metrics import bootstrap

KS = (1, 5, 10)
_CUT = 10
TIE = 1e-6
NAMES = (
    *(f"recall_at_{k}" for k in KS), *(f"hit_at_{k}" for k in KS), f"map_at_{_CUT}", f"ndcg_at_{_CUT}", "mrr",
)  # fmt: skip
_MACRO = NAMES[: len(KS)]
_BLOCK = 1 << 24  # scores held at a time
_FEW = 8  # ranks that are counted one by one; for more of them sorting the scores is faster
Ranks = Sequence[Sequence[int] | np.ndarray | None]


def ranks_of_vectors(
    queries: np.ndarray, candidates: np.ndarray, belonging: Sequence[Sequence[int] | np.ndarray]
) -> list[np.ndarray]:
    """Ranks by cosine, a block of queries at a time.

    Args:
        queries: floats [queries, size].
        candidates: floats [candidates, size].
        belonging: numbers of the candidates that belong to each query.

    Returns: int64 array of each query: ranks of those that belong to it, from the best.
    Raises: UsageError for vectors that are not finite, or a query to which nothing belongs.
    """
    queries, candidates = _unit(queries, "query"), _unit(candidates, "candidate")
    bootstrap.check_rows(queries=queries, belonging=belonging)
    step, out = max(1, _BLOCK // max(len(candidates), 1)), []
    for first in range(0, len(queries), step):
        scores = queries[first : first + step] @ candidates.T
        out += ranks_of_scores(scores, belonging[first : first + step], TIE)
    return out


def _unit(vectors: np.ndarray, noun: str) -> np.ndarray:
    vectors = np.asarray(vectors, np.float32)
    if not np.isfinite(vectors).all():
        raise UsageError(f"a {noun}'s vector has values that are not finite; leave that {noun} out")
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)


def ranks_of_scores(
    scores: Sequence[Sequence[float]] | np.ndarray, belonging: Sequence[Sequence[int] | np.ndarray],
    tie: float = 0.0,
) -> list[np.ndarray]:  # fmt: skip
    """Ranks by scores.

    Args:
        scores: floats [queries, candidates], higher is better; queries may differ in candidates.
        belonging: numbers of the candidates that belong to each query.
        tie: how far equal scores may differ.

    Returns: as :func:`ranks_of_vectors`.
    Raises: UsageError for scores that are not numbers, or a query to which nothing, or what is no candidate,
        belongs.
    """
    bootstrap.check_rows(scores=scores, belonging=belonging)
    return [_ranks(np.asarray(line), own, tie) for line, own in zip(scores, belonging, strict=True)]


def _ranks(scores: np.ndarray, belonging: Sequence[int] | np.ndarray, tie: float) -> np.ndarray:
    own = np.unique(np.asarray(belonging, np.int64))
    if not len(own):
        raise UsageError("to a query no candidate belongs; leave it out")
    if own[0] < 0 or own[-1] >= len(scores):
        raise UsageError(f"a query has candidates 0 to {len(scores) - 1:,}, and not {own.tolist()}")
    if np.isnan(scores).any():
        raise UsageError("a score is not a number; score every query with every candidate")
    best = -np.sort(-scores[own])
    least = best - scores.dtype.type(tie) if tie else best
    if len(own) > _FEW:
        above = len(scores) - np.searchsorted(np.sort(scores), least)
    else:
        above = np.array([np.count_nonzero(scores >= value) for value in least])
    own_above = len(own) - np.searchsorted(best[::-1], least)
    return above - own_above + np.arange(1, len(own) + 1)


def rank_values(ranks: Ranks) -> np.ndarray:
    """Each query's own values: float64 [queries, metrics], in the order of NAMES, then its first rank.

    A query of None has NaN.
    """
    out = np.full((len(ranks), len(NAMES) + 1), np.nan)
    gains = 1 / np.log2(np.arange(2, _CUT + 2))
    for number, of_query in enumerate(ranks):
        if of_query is None:
            continue
        places = np.asarray(of_query, np.float64)
        if not len(places):
            raise UsageError("a query has no ranks; give those of all that belongs to it, or leave it out")
        count, order = len(places), np.arange(1, len(places) + 1)
        recalls = [(places <= k).sum() / count for k in KS]
        hits = [float(places[0] <= k) for k in KS]
        near = places <= _CUT
        precision = (order[near] / places[near]).sum() / min(count, _CUT)
        gain = (1 / np.log2(places[near] + 1)).sum() / gains[:count].sum()
        out[number] = [*recalls, *hits, precision, gain, 1 / places[0], places[0]]
    return out


def retrieval_metrics(
    predictions: Ranks, references: Sequence[int | None] | None = None, groups: Sequence[Any] | None = None,
    resamples: int = bootstrap.RESAMPLES, seed: int = 0, values: np.ndarray | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Score ranks.

    Args:
        predictions: of each query, ranks of all candidates that belong to it, from the best.
        references: how many candidates each query had; None leaves the query out. None in place of the list:
            not known, and no chance is given.
        groups: names, one a query; None: each is its own.
        resamples, seed: of the intervals, see :mod:`sousa.training.metrics.bootstrap`.
        values: what :func:`rank_values` gives of ``predictions``, where it is at hand.

    Returns: dict: the metrics of NAMES, ``recall_at_k_macro`` and ``median_rank``: ``{"value", "low",
        "high"}``; ``chance``: what a random order would be expected to get, dict of hits and recalls;
        ``num_rows``, ``num_groups``: that were scored; ``num_left_out``: queries without reference.
    Raises: UsageError when the columns differ in length.
    """
    bootstrap.check_rows(predictions=predictions, references=references, groups=groups, values=values)
    kept = _kept(predictions, references)
    values = (rank_values(predictions) if values is None else values)[kept]
    codes = bootstrap.group_codes(groups, kept)
    sums = _sums(values, codes)
    names = (*NAMES, *(f"{name}_macro" for name in _MACRO))
    figures = bootstrap.intervals(_means, sums, resamples, seed)
    out: dict[str, Any] = dict(zip(names, figures, strict=True))
    out["median_rank"] = bootstrap.interval(*_medians(values[:, -1], codes, resamples, seed))
    if references is not None:
        out["chance"] = _chance([(references[row], len(predictions[row])) for row in kept])
    return out | {
        "num_rows": len(kept), "num_groups": len(sums), "num_left_out": len(predictions) - len(kept),
    }  # fmt: skip


def retrieval_differences(
    predictions: Ranks, others: Ranks, references: Sequence[int | None] | None = None,
    groups: Sequence[Any] | None = None, resamples: int = bootstrap.RESAMPLES, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """How much better ``predictions`` are than ``others`` on the same queries, resampled in pairs.

    Arguments are those of :func:`retrieval_metrics`, and ``others``, ranks by the other system.

    Returns: dict of the metrics but the median: ``{"value", "low", "high"}``.
    """
    bootstrap.check_rows(predictions=predictions, others=others, references=references, groups=groups)
    kept = _kept(predictions, references)
    codes = bootstrap.group_codes(groups, kept)
    sums = [_sums(rank_values(ranks)[kept], codes) for ranks in (predictions, others)]
    names = (*NAMES, *(f"{name}_macro" for name in _MACRO))
    return dict(zip(names, bootstrap.differences(_means, sums, resamples, seed), strict=True))


def _kept(predictions: Ranks, references: Sequence[int | None] | None) -> np.ndarray:
    known = predictions if references is None else references
    return np.array([row for row, value in enumerate(known) if value is not None], np.int64)


def _sums(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Sums [groups, columns]: queries and their values, then a 1 and the group's mean recalls."""
    ones = np.ones((len(values), 1))
    sums = bootstrap.sums_by_group(codes, np.concatenate([ones, values[:, :-1]], axis=1))
    means = sums[:, 1 : 1 + len(_MACRO)] / np.maximum(sums[:, :1], 1)
    return np.concatenate([sums, np.ones((len(sums), 1)), means], axis=1)


def _means(sums: np.ndarray) -> np.ndarray:
    end = 1 + len(NAMES)
    return np.concatenate(
        [sums[..., 1:end] / sums[..., :1], sums[..., end + 1 :] / sums[..., end : end + 1]], axis=-1
    )


def _medians(first: np.ndarray, codes: np.ndarray, resamples: int, seed: int) -> tuple[float, np.ndarray]:
    """The median of first ranks, of all queries and of resamples: ``(value, array [resamples])``."""
    order = np.argsort(first, kind="stable")
    values, owners = first[order], codes[order]

    def median(weights: np.ndarray) -> float:
        ends = np.cumsum(weights)
        if not len(ends) or ends[-1] == 0:
            return np.nan
        middle = ((ends[-1] - 1) // 2, ends[-1] // 2)
        return float(values[np.searchsorted(ends, middle, side="right")].mean())

    draws = bootstrap.draw_counts(codes.max(initial=-1) + 1, resamples, seed)
    resampled = np.array([median(row[owners]) for part in draws for row in part])
    return median(np.ones(len(values), np.int64)), resampled


def _chance(pairs: list[tuple[Any, int]]) -> dict[str, float]:
    """Expected hits and recalls of a random order, of ``(candidates, how many belong)`` of each query."""
    counts: dict[tuple[int, int], int] = {}
    for candidates, belonging in pairs:
        key = int(candidates), belonging
        counts[key] = counts.get(key, 0) + 1
    total, out = max(len(pairs), 1), {}
    for k in KS:
        hits = ((1 - comb(n - m, min(k, n)) / comb(n, min(k, n))) * times for (n, m), times in counts.items())
        out[f"recall_at_{k}"] = sum(min(k / n, 1.0) * times for (n, _), times in counts.items()) / total
        out[f"hit_at_{k}"] = sum(hits) / total
    return out
