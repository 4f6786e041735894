"""Ranks of retrieval measured: recall and hits, mAP, MRR, medians, beside what chance would find.

Conventions: of a target of ranks, ``true_T`` is how many candidates a query had, null for a row that is no
query; ``pred_T`` the ranks of all candidates that belong to it, from the best.
"""

from typing import Any

from sousa.training.metrics.retrieval_metrics import Ranks, rank_values, retrieval_metrics

_COUNTS = ("num_rows", "num_groups", "num_left_out", "chance")


class Scorer:
    """The metrics of a target; arguments as of the other scorers of :mod:`sousa.training.report.measure`."""

    def __init__(self, truth: list[int | None], guess: Ranks, *sampling: Any):
        self.truth, self.guess, (self.groups, *self.options) = truth, guess, sampling
        self.values = rank_values(guess)

    def __call__(self, rows: Any = None) -> dict[str, Any]:
        chosen = range(len(self.truth)) if rows is None else rows
        columns = ([column[row] for row in chosen] for column in (self.guess, self.truth))
        groups = self.groups and [self.groups[row] for row in chosen]
        scores = retrieval_metrics(*columns, groups, *self.options, values=self.values[list(chosen)])
        counts = {name: scores.pop(name) for name in _COUNTS}
        return {"metrics": scores, **counts}
