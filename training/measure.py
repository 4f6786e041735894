"""The few numbers that training watches, out of a table of predictions."""

import json

import numpy as np

MAIN = {
    "class": "balanced_accuracy", "score": "spearman", "strokes": "onset_f1_20ms",
    "parameter": "r2", "curve": "r2",
}  # fmt: skip


def measure(table):
    """Metrics of each target, and ``main``, the mean of the one that counts of each target.

    Args:
        table: predictions, see :mod:`sousa.training.batches`.

    Returns: dict of ``<target>_<metric>`` to float.
    """
    from sousa.training.metrics.class_metrics import class_metrics
    from sousa.training.metrics.onset_metrics import onset_metrics
    from sousa.training.metrics.score_metrics import score_metrics
    from sousa.training.report import parameters

    out, mains = {}, []
    for target in json.loads(table.schema.metadata[b"sousa"])["targets"]:
        name, kind = target["name"], target["kind"]
        true, pred = (table[f"{part}_{name}"].to_pylist() for part in ("true", "pred"))
        if kind == "class":
            found = class_metrics(pred, true, labels=target["labels"], resamples=0)
            values = {key: found[key]["value"] for key in ("accuracy", "balanced_accuracy", "macro_f1")}
        elif kind == "score":
            found = score_metrics(pred, true, resamples=0)
            values = {key: found[key]["value"] for key in ("mae", "spearman")}
        elif kind in parameters.KINDS:
            found = score_metrics(*parameters.pairs(true, pred, kind)[::-1], resamples=0, rank=False)
            values = {key: found[key]["value"] for key in ("mae", "r2")}
        else:
            times = [[[stroke["onset_sec"] for stroke in row] for row in part] for part in (pred, true)]
            found = onset_metrics(*times, tolerances=(0.02,), resamples=0)["tolerances"]["0.02"]
            values = {"onset_f1_20ms": found["f1"]["value"]}
        out.update((f"{name}_{key}", value) for key, value in values.items() if value is not None)
        mains.append(values[MAIN[kind]] or 0.0)
    out["main"] = float(np.mean(mains))
    return out
