"""Classes of groups: all rows of a group judged together, where the class is the same in all of them.

Conventions: what is known of a group is the sum of the log probabilities of its rows, as if rows were
independent; the class with the largest sum is its prediction. Metrics are those of
:mod:`sousa.training.metrics.class_metrics` with a group in place of a row.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.training.metrics.class_metrics import NAMES, class_metrics

LEAST_PROBABILITY = 1e-6  # one row can't veto a class


def of_groups(
    table: pa.Table, target: dict[str, Any], groups: Sequence[Any], resamples: int, seed: int
) -> dict[str, Any] | None:
    """Metrics of groups, None where rows of a group have different classes, or probabilities are not there.

    Args:
        table: of predictions.
        target: a class, with ``name`` and ``labels``.
        groups: of each row.
        resamples, seed: of intervals.

    Returns: dict of ``metrics``, ``num_groups`` and ``rows_each``, their median number of rows.
    """
    name, labels = target["name"], target.get("labels")
    if not labels or f"prob_{name}" not in table.column_names:
        return None
    truth, owners = table[f"true_{name}"].to_pylist(), list(groups)
    known = [i for i, label in enumerate(truth) if label is not None]
    names = list(dict.fromkeys(owners[i] for i in known))
    if len({(owners[i], truth[i]) for i in known}) != len(names) or len(names) == len(known):
        return None
    place = {group: number for number, group in enumerate(names)}
    probabilities = np.array([table[f"prob_{name}"][i].as_py() for i in known], np.float64)
    total, size = np.zeros((len(names), len(labels))), np.zeros(len(names), int)
    numbers = np.array([place[owners[i]] for i in known])
    np.add.at(total, numbers, np.log(np.maximum(probabilities, LEAST_PROBABILITY)))
    np.add.at(size, numbers, 1)
    label_of = {owners[i]: truth[i] for i in known}
    pred = [labels[i] for i in total.argmax(1)]
    scores = class_metrics(pred, [label_of[group] for group in names], names, labels, resamples, seed)
    return {
        "metrics": {metric: scores[metric] for metric in NAMES},
        "num_groups": len(names),
        "rows_each": float(np.median(size)),
    }
