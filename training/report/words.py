"""How metrics and columns are named and written for people."""

from typing import Any

from sousa.generation.columns import Breakdown, Classes, Column
from sousa.training.metrics.retrieval_metrics import KS
from sousa.training.report import notes

NAMES = {
    "mae": "mean absolute error", "mae_norm": "mean absolute error (0-1)", "r2": "R2",
    "rmse": "root mean squared error", "rmse_norm": "root mean squared error (0-1)",
    "mae_natural": "mean absolute error", "spearman": "rank correlation",
    **{f"recall_at_{k}": f"recall@{k}" for k in KS}, **{f"hit_at_{k}": f"hit@{k}" for k in KS},
    **{f"recall_at_{k}_macro": f"recall@{k}, mean over groups" for k in KS},
    "map_at_10": "mAP@10", "ndcg_at_10": "nDCG@10", "mrr": "MRR", "median_rank": "median rank",
    "timing_ms": "mean distance of onsets (ms)", "timing_bias_ms": "mean lateness of onsets (ms)",
}  # fmt: skip
_UNITS = {"bpm": "BPM", "hz": "Hz", "sec": "s", "ms": "ms", "db": "dB"}  # that names of columns end in
_HEADLINE = {  # of each kind; breakdowns show the first
    "class": ("accuracy", "balanced_accuracy", "macro_f1"),
    "score": ("mae", "spearman"),
    "events": ("onset_f1_20ms", "onset_f1_50ms"),
    "notes": notes.HEADLINE,
    "ranks": ("recall_at_10", "hit_at_1", "mrr"),
    "parameter": ("r2", "mae_norm", "spearman"),
    "curve": ("r2", "mae_norm"),
}


def main(target: dict[str, Any]) -> str:
    """The metric of a target that breakdowns show."""
    return _HEADLINE[target["kind"]][0].format(**target)


def headline(target: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """``(name, interval)`` of the metrics of a target that come first."""
    names = (name.format(**target) for name in _HEADLINE[target["kind"]])
    return [(name, target["metrics"][name]) for name in names]


def metric(name: str, unit: str | None = None) -> str:
    """A metric in words: ``onset_f1_20ms`` is ``onset F1, 20 ms``; unit: of natural values."""
    if name in NAMES:
        return f"{NAMES[name]} ({unit})" if unit and name.endswith("_natural") else NAMES[name]
    parts = notes.in_words(name).split("_")
    end = f", {parts.pop()[:-2]} ms" if parts[-1].endswith("ms") and parts[-1][:-2].isdigit() else ""
    return " ".join("F1" if part == "f1" else part for part in parts) + end


def split_unit(name: str) -> tuple[str, str]:
    """The name of a column in words, and the unit it ends in or an empty text."""
    *parts, last = name.split("_")
    return (" ".join(parts), _UNITS[last]) if parts and last in _UNITS else (" ".join([*parts, last]), "")


def column(name: str) -> str:
    """The name of a column in words."""
    stem, unit = split_unit(name)
    return f"{stem} ({unit})" if unit else stem


def breakdown(by: Column) -> dict[str, Any]:
    """What a breakdown is by, and how it is shown."""
    classes, condition = isinstance(by.role, Classes), isinstance(by.role, Breakdown) and by.role.condition
    banded = bool(getattr(by.role, "band", 0))
    title = condition or column(by.name)
    return {"title": title, "banded": banded, "classes": classes, "main": classes and by.role.main}


def target(name: str, result: dict[str, Any]) -> str:
    """A target in words; a parameter's name is as its synthesizer has it."""
    return name if result["kind"] in ("parameter", "curve") else column(name)


def is_error(name: str) -> bool:
    """Whether a metric is in the unit of what it is of, and better when smaller."""
    return name.startswith(("mae", "rmse", "median_rank"))


def number(value: float | None, name: str) -> str:
    """A value with the digits its metric deserves; a dash where undefined."""
    if value is None:
        return "–"
    if name.endswith("_norm"):
        return f"{value:.4f}"
    if name.endswith("_natural"):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:.2f}" if is_error(name) else f"{value:.3f}"


def groups(metrics: dict[str, Any]) -> str:
    """``of 24 settings``, or nothing where rows are not grouped."""
    count = metrics["num_groups"]
    return f" of {count:,} {metrics['group_nouns'][count != 1]}" if count else ""


def together(result: dict[str, Any], nouns: tuple[str, str]) -> str:
    """Balanced accuracy of groups in a line; result: of :func:`sousa.training.report.pooled.of_groups`."""
    name = "balanced_accuracy"
    value = interval(result["metrics"][name], name)
    count = f"{result['num_groups']:,} {nouns[result['num_groups'] != 1]}, {result['rows_each']:g} rows each"
    return f"by {nouns[0]}, all rows judged together: {metric(name)} {value} ({count})"


def interval(bounds: dict[str, Any], name: str) -> str:
    """``0.842 (0.801 to 0.872)``."""
    value, low, high = (number(bounds[key], name) for key in ("value", "low", "high"))
    return value if bounds["low"] is None else f"{value} ({low} to {high})"
