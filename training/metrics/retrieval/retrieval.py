"""Recall, hits, mAP, nDCG, MRR and the median rank of retrieval, as an `evaluate` module."""

from collections.abc import Sequence
from typing import Any

import datasets

from sousa.training.metrics import modules
from sousa.training.metrics.retrieval_metrics import ranks_of_scores, retrieval_metrics


def retrieval(
    predictions: Sequence[Sequence[float]], references: Sequence[Sequence[int]],
    groups: Sequence[Any] | None = None, resamples: int = 1000, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Score how high the candidates stand that belong to each query.

    Args:
        predictions: scores of all candidates, a list a query; higher is better.
        references: numbers, from 0, of the candidates that belong to it.
        groups: names, one a query, such as the sound's; None: the query is a group of its own.
        resamples, seed: of the intervals (default: 1000, 0).

    Returns: see sousa.training.metrics.retrieval_metrics.retrieval_metrics.
    """
    ranks = ranks_of_scores(predictions, references)
    return retrieval_metrics(ranks, [len(line) for line in predictions], groups, resamples, seed)


class Retrieval(modules.Metric):
    """Recall and hits at 1, 5 and 10, mAP@10, nDCG@10, MRR and the median rank, with intervals by group."""

    function = staticmethod(retrieval)
    features = datasets.Features(
        {
            "predictions": datasets.List(datasets.Value("float64")),
            "references": datasets.List(datasets.Value("int64")),
            "groups": datasets.Value("string"),
        }
    )
