"""A predictions table measured: everything that the report says, as plain data.

Conventions: the table is that of :mod:`sousa.training.report`. Metrics of a target are a dict of name to
``{"value", "low", "high"}``; onset metrics carry their tolerance (``onset_f1_20ms``). Shares are 0 to 1,
errors are in the unit of the score. Tempo bands are 20 BPM wide, ``80-100`` meaning 80 <= tempo < 100.
"""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.errors import UsageError, first_line, one_of, raise_all
from sousa.generation.rudiments import players
from sousa.training.metrics import bootstrap, onset_metrics
from sousa.training.metrics.class_metrics import class_differences, class_metrics
from sousa.training.metrics.score_metrics import score_differences, score_metrics
from sousa.training.report import parameters, words

KINDS = ("class", "score", "strokes", *parameters.KINDS)
BREAKDOWNS = (
    "rudiment_slug", "skill_tier", "augmentation_preset", "tempo_band_bpm", "held_out", "synth",
)  # fmt: skip
GROUPS = ("profile_id", "setting_id")  # whose rows are alike, the first that a table has
_BAND_BPM = 20
_FEW_GROUPS = 10
_ATTRIBUTES = {"hand": "hand", "accent": "is_accent", "grace": "is_grace_note"}
_CLASS_METRICS = ("accuracy", "balanced_accuracy", "macro_f1")
_SCORE_METRICS = ("mae", "rmse", "spearman")
_SHORT = ("metrics", "num_rows", "num_groups", "num_values")


def measure(table, about, baselines=(), checks=(), resamples=bootstrap.RESAMPLES, seed=0):
    """Measure every target of a table, whole and broken down, beside its baselines.

    Args:
        table, about: from :func:`opened`.
        baselines, checks, resamples, seed: as :func:`sousa.training.report.write`.

    Returns: the dict that ``metrics.json`` holds; see :func:`sousa.training.report.write`.
    Raises: UsageError.
    """
    _check_baselines(table, about, baselines)
    grouped_by = next((name for name in GROUPS if name in table.column_names), "row")
    groups = None if grouped_by == "row" else table[grouped_by].to_pylist()
    out = {
        "format_version": 2,
        **{key: about.get(key) for key in ("checkpoint", "data", "split")},
        "num_rows": len(table),
        "num_groups": None if groups is None else len(set(groups)),
        "grouped_by": grouped_by,
        "resamples": resamples,
        "seed": seed,
        "level": bootstrap.LEVEL,
        "notes": _notes(groups, grouped_by),
        "checks": [{key: check[key] for key in ("name", "passed", "detail")} for check in checks],
        "targets": {},
    }
    parts = breakdowns(table, about)
    synths = table["synth"].to_pylist() if "synth" in table.column_names else None
    for target in about["targets"]:
        target = {**target, "row_synths": synths}
        name, kind = target["name"], target["kind"]
        column = _READ[kind](table, name)
        truth, guess = column("true"), column("pred")
        score = _SCORERS[kind](truth, guess, groups, target, resamples, seed)
        one = {
            "kind": kind,
            **{key: target[key] for key in ("low", "high", "unit") if key in target},
            **score(None),
        }
        one["by"] = _broken_down(score, parts)
        one["baselines"] = {}
        for baseline in baselines:
            if baseline["target"] == name:
                score = _SCORERS[kind](truth, baseline["pred"], groups, target, resamples, seed)
                found = {"metrics": score(None)["metrics"]}
                if kind in parameters.KINDS:
                    found["by"] = _broken_down(score, parts)
                    found["difference"] = parameters.differences(
                        guess, baseline["pred"], truth, groups, target, resamples, seed
                    )
                elif kind != "strokes":
                    differ = class_differences if kind == "class" else score_differences
                    better = differ(guess, baseline["pred"], truth, groups, resamples, seed)
                    found["difference"] = better
                one["baselines"][baseline["name"]] = found
        out["targets"][name] = one
    return out


def _broken_down(score, parts):
    return {
        breakdown: {value: _short(score(rows)) for value, rows in values}
        for breakdown, values in parts.items()
    }


def opened(predictions):
    """A predictions table and what its schema metadata says.

    Args:
        predictions: Arrow table, or path of a Parquet file.

    Returns: ``(table, about)``; ``about`` is the JSON under the metadata key ``sousa``.
    Raises: UsageError when it can't be read or is not a predictions table; every problem is named.
    """
    if not isinstance(predictions, pa.Table):
        import pyarrow.parquet as pq

        try:
            predictions = pq.read_table(Path(predictions))
        except (OSError, pa.ArrowInvalid) as error:
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
        if not re.fullmatch(r"[\w.-]+", str(target.get("name"))):
            problems.append(
                f"target {target.get('name')!r}: a name has letters, digits, '_', '.' and '-' only"
            )
        if target.get("kind") not in KINDS:
            problems.append(f"target {target.get('name')!r}: kind {one_of(target.get('kind'), KINDS)}")
        for column in (f"true_{target.get('name')}", f"pred_{target.get('name')}"):
            if column not in predictions.column_names:
                problems.append(
                    f"the predictions table has no column {column!r}, which its metadata promises"
                )
    raise_all(problems)
    return predictions, about


def breakdowns(table, about):
    """Rows by the values of each breakdown column that the table has.

    Returns: dict of breakdown to a list of ``(value, int array of rows)`` in the order to show; rows whose
        value is null are in none.
    """
    labels = {target["name"]: target.get("labels") or [] for target in about["targets"]}
    out = {}
    for name in BREAKDOWNS:
        source = "tempo_bpm" if name == "tempo_band_bpm" else name
        if source not in table.column_names:
            continue
        values = table[source].to_pylist()
        if source == "tempo_bpm":
            lows = [None if v is None or v != v else int(v // _BAND_BPM) * _BAND_BPM for v in values]
            order, values = sorted({low for low in lows if low is not None}), lows
        else:
            first = list(players.tiers()) if name == "skill_tier" else labels.get(name, [])
            found = {value for value in values if value is not None}
            order = [value for value in first if value in found]
            order += sorted(found - set(order), key=str)
        rows = {value: [] for value in order}
        for row, value in enumerate(values):
            if value in rows:
                rows[value].append(row)
        shown = (lambda low: f"{low}-{low + _BAND_BPM}") if source == "tempo_bpm" else str
        if rows:
            out[name] = [(shown(value), np.array(places)) for value, places in rows.items()]
    return out


def long_form(metrics):
    """The rows of ``metrics.csv``.

    Returns: list of tuples: target, metric, breakdown, group, value, low, high, rows, groups. ``breakdown``
        is ``all``, a column, ``class`` (figures of one class), ``baseline``, or ``difference`` (from one).
    """
    out = []

    def add(target, breakdown, group, found, rows, groups):
        for metric, one in found.items():
            out.append(
                (target, metric, breakdown, group, one["value"], one["low"], one["high"], rows, groups)
            )

    for name, target in metrics["targets"].items():
        counts = target["num_rows"], target["num_groups"]
        add(name, "all", "", target["metrics"], *counts)
        for label, one in target.get("per_class", {}).items():
            each = {key: one[key] for key in ("recall", "precision", "f1")}
            add(name, "class", label, each, one["support"], None)
        for baseline, one in target["baselines"].items():
            add(name, "baseline", baseline, one["metrics"], *counts)
            add(name, "difference", baseline, one.get("difference", {}), *counts)
            for breakdown, values in one.get("by", {}).items():
                for value, part in values.items():
                    what = f"{breakdown} of {baseline}"
                    add(name, what, value, part["metrics"], part["num_rows"], part["num_groups"])
        for breakdown, values in target["by"].items():
            for value, one in values.items():
                add(name, breakdown, value, one["metrics"], one["num_rows"], one["num_groups"])
    return out


def _notes(groups, grouped_by):
    if groups is None:
        named = " or ".join(GROUPS)
        return [f"The table has no {named}: each row counts by itself, so intervals may be too narrow."]
    count, (one, many) = len(set(groups)), words.GROUPS[grouped_by]
    if count == 1:
        return [f"All rows are of one {one}: there are no intervals."]
    if count < _FEW_GROUPS:
        return [f"Only {count} {many}: intervals from so few are narrower than they should be."]
    return []


def _check_baselines(table, about, baselines):
    names = [target["name"] for target in about["targets"]]
    problems = []
    for one in baselines:
        if one["target"] not in names:
            problems.append(f"baseline {one['name']!r}: target {one_of(one['target'], names)}")
        elif len(one["pred"]) != len(table):
            given = f"{len(one['pred']):,} predictions for {len(table):,} rows"
            problems.append(f"baseline {one['name']!r} has {given}; give one a row")
    raise_all(problems)


def _short(scored):
    return {key: one for key, one in scored.items() if key in _SHORT}


def _counts(found):
    return {
        "num_rows": found["num_rows"],
        "num_groups": found["num_groups"],
        "num_left_out": found["num_left_out"],
    }


def _plain(table, name):
    return lambda side: table[f"{side}_{name}"].to_pylist()


def _class_scorer(truth, guess, groups, target, resamples, seed):
    def score(rows):
        a, b, owners = (_take(column, rows) for column in (truth, guess, groups))
        found = class_metrics(b, a, owners, target.get("labels") if rows is None else None, resamples, seed)
        out = {"metrics": {name: found[name] for name in _CLASS_METRICS}, **_counts(found)}
        return out | {name: found[name] for name in ("labels", "per_class", "confusion")}

    return score


def _score_scorer(truth, guess, groups, target, resamples, seed):
    def score(rows):
        a, b, owners = (_take(column, rows) for column in (truth, guess, groups))
        found = score_metrics(b, a, owners, resamples, seed)
        return {"metrics": {name: found[name] for name in _SCORE_METRICS}, **_counts(found)}

    return score


def _stroke_scorer(truth, guess, groups, target, resamples, seed):
    (truth, known), (guess, other) = (_strokes(column) for column in (truth, guess))
    attributes = {
        name: {"references": known[name], "predictions": other[name]} for name in known if name in other
    }
    matched = onset_metrics.match(guess, truth, attributes=attributes)

    def score(rows):
        chosen = None
        if rows is not None:
            chosen = np.zeros(len(truth), bool)
            chosen[rows] = True
        found = onset_metrics.matched_metrics(matched, groups, chosen, resamples, seed)
        metrics = {}
        for tolerance, figures in found["tolerances"].items():
            for name, one in figures.items():
                metrics[f"onset_{name}_{1000 * float(tolerance):g}ms"] = one
        for attribute, figures in found["attributes"].items():
            for name in ("accuracy", "f1", "joint_f1"):
                if name in figures:
                    metrics[f"{attribute}_{name}_{1000 * onset_metrics.ATTRIBUTE_TOLERANCE:g}ms"] = figures[
                        name
                    ]
        more = {key: found[key] for key in ("num_empty_references", "num_onsets", "num_predicted")}
        return {"metrics": metrics, **_counts(found), **more}

    return score


def _take(column, rows):
    return column if rows is None or column is None else [column[row] for row in rows]


def _strokes(column):
    """Times of lists of strokes, in seconds, and a dict of their attributes: lists of ints.

    Args:
        column: Arrow lists of structs, or a list of lists of dicts.
    """
    column = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([pa.array(column)])
    column = column.combine_chunks()
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    ends = np.cumsum(pc.fill_null(pc.list_value_length(column), 0).to_numpy())
    flat = pc.list_flatten(column)

    def lists(values):
        parts = np.split(values, ends[:-1]) if len(ends) else []
        return [part if known else None for part, known in zip(parts, valid, strict=True)]

    have = [flat.type.field(i).name for i in range(flat.type.num_fields)]
    if "onset_sec" not in have:
        raise UsageError(f"strokes have no field 'onset_sec', but {', '.join(have)}; give onsets in seconds")
    out = {}
    for name, field in _ATTRIBUTES.items():
        if field in have:
            values = pc.struct_field(flat, field).cast(pa.int64())
            # nulls stay None: such a row is left out for this attribute
            array = np.array(values.to_pylist(), dtype=object) if values.null_count else values.to_numpy()
            out[name] = lists(array)
    return lists(pc.struct_field(flat, "onset_sec").to_numpy(zero_copy_only=False)), out


_READ = {
    **dict.fromkeys(("class", "score", *parameters.KINDS), _plain),
    "strokes": lambda table, name: lambda side: table[f"{side}_{name}"],
}
_SCORERS = {
    "class": _class_scorer, "score": _score_scorer, "strokes": _stroke_scorer,
    **dict.fromkeys(parameters.KINDS, parameters.scorer),
}  # fmt: skip
