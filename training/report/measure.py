"""A predictions table measured: everything that the report says, as plain data.

Conventions: the table is that of :mod:`sousa.training.report`. Metrics of a target are a dict of name to
``{"value", "low", "high"}``; onset metrics carry their tolerance (``onset_f1_20ms``). Shares are 0 to 1,
errors are in the unit of the score. Bands of a number are as wide as its role says, ``80-100`` meaning
80 <= number < 100.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.columns import Column
from sousa.generation.errors import UsageError, first_line, one_of, raise_all
from sousa.generation.parquet import parquet_table
from sousa.training import roles
from sousa.training.metrics import bootstrap, onset_metrics
from sousa.training.metrics.class_metrics import NAMES, PER_CLASS, class_differences, class_metrics
from sousa.training.metrics.retrieval_metrics import retrieval_differences
from sousa.training.report import notes, numbers, pooled, ranks, words

_FEW_GROUPS = 10
_SHORT = ("metrics", "num_rows", "num_groups", "num_values")
# what training watches of each kind, the one that counts first
_WATCHED = {
    "class": ("balanced_accuracy", "accuracy", "macro_f1"), "score": ("spearman", "mae"),
    "events": ("onset_f1_20ms",), "notes": notes.HEADLINE, "ranks": ("recall_at_10", "recall_at_1"),
    **dict.fromkeys(numbers.PARAMETERS, ("r2", "mae_norm")),
}  # fmt: skip
Score = Callable[[Any], dict[str, Any]]  # metrics of some rows: their numbers, or None for all
Sampling = tuple[list[Any] | None, int, int]  # groups of the rows, resamples and seed of intervals
Parts = dict[str, list[tuple[str, np.ndarray]]]  # rows of each value of each breakdown


def measure(
    table: pa.Table, about: dict[str, Any], baselines: Sequence[dict[str, Any]] = (),
    checks: Sequence[dict[str, Any]] = (), resamples: int = bootstrap.RESAMPLES, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Measure every target of a table, whole and broken down, beside its baselines.

    Args, result and errors as :func:`sousa.training.report.write`; table, about: from :func:`opened`.
    """
    _check_baselines(table, about, baselines)
    known = roles.of_schema(table.schema)
    group = known.group if known.group and known.group.name in table.column_names else None
    groups = table[group.name].to_pylist() if group else None
    nouns = (group.role.singular, group.role.plural) if group else ("row", "rows")
    breakdowns = [column for column in known.breakdowns if column.name in table.column_names]
    parts = {c.name: rows for c in breakdowns if (rows := _parts(table[c.name].to_pylist(), c))}
    sampling, targets = (groups, resamples, seed), {}
    for target in about["targets"]:
        score = _scorer(table, target, sampling)
        is_notes = target["kind"] == "notes"
        further = notes.parts(table, target) if is_notes else {}
        registers = {notes.REGISTER: score.registers()} if is_notes else {}
        targets[target["name"]] = {
            "kind": target["kind"],
            **{key: target[key] for key in ("low", "high", "unit", "flags", "offset") if key in target},
            **score(None),
            "by": _broken_down(score, parts | further) | registers,
            "baselines": {
                baseline["name"]: _beside(table, target, sampling, baseline["pred"], parts)
                for baseline in baselines
                if baseline["target"] == target["name"]
            },
        }
        if groups and target["kind"] == "class" and getattr(_role(known, target["name"]), "of_group", False):
            together = pooled.of_groups(table, target, groups, resamples, seed)
            targets[target["name"]] |= {"of_groups": together} if together else {}
    return {
        "format_version": 3,
        **{key: about.get(key) for key in ("checkpoint", "data", "split")},
        "num_rows": len(table),
        "num_groups": None if groups is None else len(set(groups)),
        "grouped_by": group.name if group else "row",
        "group_nouns": list(nouns),
        "breakdowns": {c.name: words.breakdown(c) for c in breakdowns if c.name in parts}
        | (notes.breakdowns() if any(t["kind"] == "notes" for t in targets.values()) else {}),
        "resamples": resamples,
        "seed": seed,
        "level": bootstrap.LEVEL,
        "notes": _notes(groups, known.group, nouns),
        "checks": [{key: check[key] for key in ("name", "passed", "detail")} for check in checks],
        "targets": targets,
    }


def _role(known: roles.Known, name: str) -> Any:
    """The role of a column, None for one that is not declared."""
    return next((column.role for column in known.columns if column.name == name), None)


def _beside(
    table: pa.Table, target: dict[str, Any], sampling: Sampling, pred: Any, parts: Parts
) -> dict[str, Any]:
    """A baseline's metrics, and how much better the model is."""
    name, kind = target["name"], target["kind"]
    score = _scorer(table, target, sampling, pred)
    out = {"metrics": score(None)["metrics"]}
    if kind in (*numbers.PARAMETERS, "ranks"):
        out["by"] = _broken_down(score, parts)
    if kind not in ("events", "notes"):
        columns = (table[f"pred_{name}"].to_pylist(), pred, table[f"true_{name}"].to_pylist())
        own = {"class": class_differences, "ranks": retrieval_differences}
        compare = own.get(kind) or partial(numbers.differences, kind)
        out["difference"] = compare(*columns, *sampling)
    return out


def watched(table: pa.Table) -> dict[str, float]:
    """What training watches: dict of ``<target>_<metric>``, and ``main``, the mean of each target's first."""
    out, mains = {}, []
    for target in opened(table)[1]["targets"]:
        brief = {"flags": [], "tolerances": (0.02,), "brief": True}
        metrics = _scorer(table, target | brief, (None, 0, 0))(None)["metrics"]
        wanted = [name.format(**target) for name in _WATCHED[target["kind"]]]
        values = {name.removesuffix("_norm"): metrics[name]["value"] for name in wanted}
        mains.append(next(iter(values.values())) or 0.0)
        out |= {f"{target['name']}_{name}": value for name, value in values.items() if value is not None}
    return {**out, "main": float(np.mean(mains))}


def _broken_down(score: Score, parts: Parts) -> dict[str, Any]:
    def brief(rows):
        return {key: interval for key, interval in score(rows).items() if key in _SHORT}

    return {name: {value: brief(rows) for value, rows in values} for name, values in parts.items()}


def opened(predictions: Any) -> tuple[pa.Table, dict[str, Any]]:
    """A predictions table, or path of one, and the JSON under the key ``sousa`` of its schema's metadata.

    Raises: UsageError when it can't be read or is not a predictions table; every problem is named.
    """
    if not isinstance(predictions, pa.Table):
        try:
            predictions = parquet_table(Path(predictions))
        except (OSError, pa.ArrowException) as error:
            raise UsageError(f"predictions {predictions} can't be read: {first_line(error)}") from None
    try:
        about = json.loads((predictions.schema.metadata or {})[b"sousa"])
        targets = about["targets"]
    except (KeyError, TypeError, ValueError):
        raise UsageError(
            "the predictions table doesn't say what it predicts: its schema metadata has no key 'sousa' with "
            "JSON that has 'targets'; write it with the evaluation command, or see training/report"
        ) from None
    problems = [] if targets else ["the predictions table has no targets; name at least one in its metadata"]
    for target in targets:
        name, kind = target.get("name"), target.get("kind")
        if not re.fullmatch(r"[\w.-]+", str(name)):
            problems.append(f"target {name!r}: a name has letters, digits, '_', '.' and '-' only")
        if kind not in _WATCHED:
            problems.append(f"target {name!r}: kind {one_of(kind, _WATCHED)}")
        lost = [c for c in (f"true_{name}", f"pred_{name}") if c not in predictions.column_names]
        problems += [f"the predictions table has no column {c!r}, which its metadata promises" for c in lost]
    raise_all(problems)
    return predictions, about


def _parts(values: list[Any], column: Column) -> list[tuple[str, np.ndarray]]:
    """Rows by the values of a breakdown, in the order to show; rows whose value is null are in none."""
    role = column.role
    if band := getattr(role, "band", 0):
        values = [None if v is None or v != v else float(v // band * band) for v in values]
    rows: dict[Any, list[int]] = defaultdict(list)
    for row, value in enumerate(values):
        if value is not None:
            rows[value].append(row)
    order = [value for value in getattr(role, "names", ()) or getattr(role, "known", ()) if value in rows]
    order += sorted(rows.keys() - set(order), key=None if band else str)
    shown = (lambda low: f"{low:g}-{low + band:g}") if band else str
    return [(shown(value), np.array(rows[value])) for value in order]


def long_form(metrics: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of ``metrics.csv``: target, metric, breakdown, group, value, low, high, rows, groups.

    A breakdown is ``all``, a column, ``class`` (figures of one), ``baseline``, ``difference`` (from one), or
    ``groups`` (all rows of a group judged together).
    """
    return [
        (name, metric, breakdown, group, interval["value"], interval["low"], interval["high"], rows, groups)
        for name, target in metrics["targets"].items()
        for breakdown, group, figures, rows, groups in _lines(target)
        for metric, interval in figures.items()
    ]


def _lines(target: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Breakdown, group, metrics, rows and groups."""
    counts = target["num_rows"], target["num_groups"]
    yield "all", "", target["metrics"], *counts
    for label, scores in target.get("per_class", {}).items():
        yield "class", label, {key: scores[key] for key in PER_CLASS}, scores["support"], None
    if together := target.get("of_groups"):
        yield "groups", "", together["metrics"], target["num_rows"], together["num_groups"]
    broken_down = {}
    for baseline, result in target["baselines"].items():
        yield "baseline", baseline, result["metrics"], *counts
        yield "difference", baseline, result.get("difference", {}), *counts
        broken_down |= {f"{name} of {baseline}": values for name, values in result.get("by", {}).items()}
    for breakdown, values in {**broken_down, **target["by"]}.items():
        for value, part in values.items():
            yield breakdown, value, part["metrics"], part["num_rows"], part["num_groups"]


def _notes(groups: list[Any] | None, group: Column | None, nouns: tuple[str, str]) -> list[str]:
    if groups is None:
        named = f"column {group.name}" if group else "column of groups"
        return [f"The table has no {named}: each row counts by itself, so intervals may be too narrow."]
    count, (single, many) = len(set(groups)), nouns
    if count == 1:
        return [f"All rows are of one {single}: there are no intervals."]
    few = f"Only {count} {many}: intervals from so few are narrower than they should be."
    return [few] if count < _FEW_GROUPS else []


def _check_baselines(table: pa.Table, about: dict[str, Any], baselines: Sequence[dict[str, Any]]) -> None:
    names = [target["name"] for target in about["targets"]]
    problems = []
    for baseline in baselines:
        if baseline["target"] not in names:
            problems.append(f"baseline {baseline['name']!r}: target {one_of(baseline['target'], names)}")
        elif len(baseline["pred"]) != len(table):
            counts = f"{len(baseline['pred']):,} predictions for {len(table):,} rows"
            problems.append(f"baseline {baseline['name']!r} has {counts}; give one a row")
    raise_all(problems)


def _scorer(table: pa.Table, target: dict[str, Any], sampling: Sampling, pred: Any = None) -> Score:
    """The metrics of a target; pred: predictions in place of the table's."""
    name, kind = target["name"], target["kind"]
    truth, guess = table[f"true_{name}"], table[f"pred_{name}"] if pred is None else pred
    if kind == "events":
        return _event_scorer(truth, guess, target, *sampling)
    if kind == "notes":
        return notes.Scorer(truth, guess, target, table, *sampling)
    truth, guess = truth.to_pylist(), guess.to_pylist() if pred is None else guess
    if kind == "class":
        return _class_scorer(truth, guess, target, *sampling)
    if kind == "ranks":
        return ranks.Scorer(truth, guess, *sampling)
    maker = target.get("maker")
    makers = table[maker].to_pylist() if maker in table.column_names else None
    return numbers.scorer(truth, guess, target, makers, *sampling)


def _counts(scores: dict[str, Any], *more: str) -> dict[str, int]:
    return {key: scores[key] for key in ("num_rows", "num_groups", "num_left_out", *more)}


def _class_scorer(truth, guess, target, groups, resamples, seed) -> Score:
    def score(rows):
        columns = (truth, guess, groups)
        if rows is not None:
            columns = (column and [column[row] for row in rows] for column in columns)
        a, b, owners = columns
        scores = class_metrics(b, a, owners, target.get("labels") if rows is None else None, resamples, seed)
        out = {"metrics": {name: scores[name] for name in NAMES}, **_counts(scores)}
        return out | {name: scores[name] for name in ("labels", "per_class", "confusion")}

    return score


def _event_scorer(truth, guess, target, groups, resamples, seed) -> Score:
    (truth, known), (guess, other) = (_events(column, target["flags"]) for column in (truth, guess))
    attributes = {n: {"references": known[n], "predictions": other[n]} for n in known if n in other}
    tolerances = target.get("tolerances", onset_metrics.TOLERANCES)
    matched = onset_metrics.match(guess, truth, tolerances, attributes)
    near = f"{1000 * onset_metrics.ATTRIBUTE_TOLERANCE:g}ms"

    def score(rows):
        chosen = None if rows is None else np.isin(np.arange(len(truth)), rows)
        scores = onset_metrics.matched_metrics(matched, groups, chosen, resamples, seed)
        metrics = {
            f"onset_{name}_{1000 * float(tolerance):g}ms": interval
            for tolerance, figures in scores["tolerances"].items()
            for name, interval in figures.items()
        }
        for attribute, figures in scores["attributes"].items():
            named = [name for name in ("accuracy", "f1", "joint_f1") if name in figures]
            metrics |= {f"{attribute}_{name}_{near}": figures[name] for name in named}
        counts = _counts(scores, "num_empty_references", "num_onsets", "num_predicted")
        return {"metrics": metrics, **counts}

    return score


def _events(column: Any, flags: Sequence[Sequence[Any]]) -> tuple[list[Any], dict[str, list[Any]]]:
    """Times of Arrow's or plain lists of events, in seconds, and their flags, ints, by name in metrics."""
    column = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([pa.array(column)])
    column = column.combine_chunks()
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    ends = np.cumsum(pc.fill_null(pc.list_value_length(column), 0).to_numpy())
    flat = pc.list_flatten(column)

    def lists(values):
        parts = np.split(values, ends[:-1]) if len(ends) else []
        return [part if known else None for part, known in zip(parts, valid, strict=True)]

    have = [field.name for field in flat.type]
    if "onset_sec" not in have:
        raise UsageError(f"events have no field 'onset_sec', but {', '.join(have)}; give onsets in seconds")
    out = {}
    for field, _, name in flags:
        if field in have:
            values = pc.struct_field(flat, field).cast(pa.int64())
            # nulls stay None: such a row is left out for this flag
            nulls = values.null_count
            out[name] = lists(np.array(values.to_pylist(), object) if nulls else values.to_numpy())
    return lists(pc.struct_field(flat, "onset_sec").to_numpy(zero_copy_only=False)), out
