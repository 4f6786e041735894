"""Metrics of onsets: F-measure, precision and recall at several tolerances, and what is known of each onset.

Conventions: onset times and tolerances are in seconds. An estimate within the tolerance of a reference may
match it, each is matched at most once, and as many as can be are (mir_eval's maximum matching). Times are
sorted here, attributes with them. An estimate may be negative: it matches what is near it, or nothing.

``f1``, ``precision``, ``recall`` are the means over rows of what ``mir_eval.onset.f_measure`` gives, so a row
with no onset in the reference, in the estimate or in both counts 0 as it does there;
``num_empty_references`` says how many rows can't get more. The ``pooled_`` three are counted over all onsets
instead.

Attributes (what is told of an onset) are ints, one an onset, 1 being the positive class of a binary one.
``accuracy`` and ``f1`` are taken over the onsets matched at one tolerance, so they say nothing of missed
onsets; ``joint_f1`` is the F-measure, mean over rows, where only onsets with equal attributes may match.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sousa.generation.errors import UsageError
from sousa.training.metrics import bootstrap

TOLERANCES = (0.01, 0.02, 0.05)
ATTRIBUTE_TOLERANCE = 0.02
_TALLY = 3  # columns of a row before those of tolerances: rows, reference onsets, estimated onsets
_BY_TOLERANCE = 4  # hits, F, precision, recall
_BY_ATTRIBUTE = 6  # rows, matched onsets, equal, 1 in both, 1 in reference + 1 in estimate, joint F
_MEANS = ("f1", "precision", "recall", "pooled_f1", "pooled_precision", "pooled_recall")


@dataclass(frozen=True)
class Matched:
    """What matching gave, row by row, so that subsets of rows can be scored without matching again.

    Attributes:
        columns: float64 [rows, columns], to be summed.
        known: bool [rows], whether there is a reference.
        tolerances: seconds.
        attributes: names.
        binary: bool for each attribute.
    """

    columns: np.ndarray
    known: np.ndarray
    tolerances: tuple[float, ...]
    attributes: tuple[str, ...]
    binary: tuple[bool, ...]

    def split(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Columns [..., columns] as [3, ...], [tolerances, 4, ...] and [attributes, 6, ...]."""
        columns, shape = np.moveaxis(columns, -1, 0), columns.shape[:-1]
        end = _TALLY + _BY_TOLERANCE * len(self.tolerances)
        by_tolerance = columns[_TALLY:end].reshape(-1, _BY_TOLERANCE, *shape)
        return columns[:_TALLY], by_tolerance, columns[end:].reshape(-1, _BY_ATTRIBUTE, *shape)

    def statistic(self, sums: np.ndarray) -> np.ndarray:
        """The metrics of each tolerance, then of each attribute, from summed columns [..., columns]."""
        (rows, references, estimates), by_tolerance, by_attribute = self.split(sums)
        out = []
        for hits, f1, precision, recall in by_tolerance:
            out += [f1 / rows, precision / rows, recall / rows]
            out += [2 * hits / (references + estimates), hits / estimates, hits / references]
        for labelled, count, equal, both, either, joint in by_attribute:
            out += [equal / count, 2 * both / either, joint / labelled]
        return np.stack(out, axis=-1)


def match(
    predictions: Sequence[Any], references: Sequence[Any], tolerances: Sequence[float] = TOLERANCES,
    attributes: dict[str, Any] | None = None, attribute_tolerance: float = ATTRIBUTE_TOLERANCE,
) -> Matched:  # fmt: skip
    """Match estimated to reference onsets in every row; arguments and errors as :func:`onset_metrics`."""
    attributes = attributes or {}
    bootstrap.check_rows(predictions=predictions, references=references)
    for name, pair in attributes.items():
        bootstrap.check_rows(references=references, **{f"{name} ({kind})": pair[kind] for kind in pair})
    if wrong := [t for t in (*tolerances, attribute_tolerance) if not t > 0]:
        raise UsageError(f"onset tolerance {wrong[0]} s is not above 0; give seconds, such as 0.02")
    width = _TALLY + _BY_TOLERANCE * len(tolerances) + _BY_ATTRIBUTE * len(attributes)
    columns, known = np.zeros((len(references), width)), np.zeros(len(references), bool)
    values: dict[str, set[int]] = {name: set() for name in attributes}
    for row, (guess, truth) in enumerate(zip(predictions, references, strict=True)):
        guess, guess_order = _times(guess, row, "predicted")
        if truth is None:
            continue
        truth, truth_order = _times(truth, row, "reference")
        known[row] = True
        tallies: list[float] = [1, len(truth), len(guess)]
        for tolerance in tolerances:
            hits = len(_pairs(truth, guess, tolerance))
            precision, recall = (hits / len(times) if len(times) else 0 for times in (guess, truth))
            tallies += [hits, _f_measure(hits, truth, guess), precision, recall]
        pairs = _pairs(truth, guess, attribute_tolerance) if attributes else np.empty((0, 2), np.int64)
        for name, pair in attributes.items():
            a = _attribute(pair["references"][row], truth_order, row, name, "references")
            b = _attribute(pair["predictions"][row], guess_order, row, name, "predictions")
            if a is None or b is None:
                tallies += [0] * _BY_ATTRIBUTE
                continue
            values[name].update(a.tolist(), b.tolist())
            tallies += _at_attribute(truth, guess, a, b, pairs, attribute_tolerance)
        columns[row] = tallies
    binary = tuple(names <= {0, 1} for names in values.values())
    return Matched(columns, known, tuple(tolerances), tuple(attributes), binary)


def matched_metrics(
    matched: Matched, groups: Sequence[Any] | None = None, rows: Any = None,
    resamples: int = bootstrap.RESAMPLES, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Score what :func:`match` gave, as :func:`onset_metrics`; rows: bool [rows] to score, None: all."""
    bootstrap.check_rows(onsets=matched.known, groups=groups)
    chosen = np.ones(len(matched.known), bool) if rows is None else np.asarray(rows, bool)
    kept = np.flatnonzero(chosen & matched.known)
    columns = matched.columns[kept]
    sums = bootstrap.sums_by_group(bootstrap.group_codes(groups, kept), columns)
    figures = iter(bootstrap.intervals(matched.statistic, sums, resamples, seed))
    by_tolerance = {f"{t:g}": {name: next(figures) for name in _MEANS} for t in matched.tolerances}
    (_, num_onsets, num_predicted), _, totals = matched.split(columns.sum(0))
    by_attribute: dict[str, dict[str, Any]] = {}
    for name, binary, total in zip(matched.attributes, matched.binary, totals, strict=True):
        scores = {key: next(figures) for key in ("accuracy", "f1", "joint_f1")}
        by_attribute[name] = {key: scores[key] for key in scores if binary or key != "f1"}
        by_attribute[name]["num_matched"] = int(total[1])
    return {
        "tolerances": by_tolerance, "attributes": by_attribute,
        "num_rows": len(kept), "num_groups": len(sums),
        "num_left_out": int((chosen & ~matched.known).sum()),
        "num_empty_references": int((columns[:, 1] == 0).sum()),
        "num_onsets": int(num_onsets), "num_predicted": int(num_predicted),
    }  # fmt: skip


def onset_metrics(
    predictions: Sequence[Any], references: Sequence[Any], groups: Sequence[Any] | None = None,
    tolerances: Sequence[float] = TOLERANCES, attributes: dict[str, Any] | None = None,
    attribute_tolerance: float = ATTRIBUTE_TOLERANCE, resamples: int = bootstrap.RESAMPLES, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Score estimated onsets.

    Args:
        predictions: lists of onset times, seconds, one a row.
        references: the same; None leaves the row out.
        groups: names, one a row; None: each row is its own.
        tolerances: seconds, each above 0.
        attributes: dict of name to ``{"references": lists of ints, "predictions": lists of ints}``, one int
            an onset in the order of the times; a row with None for the list or in it is left out there.
        attribute_tolerance: seconds, at which attributes are compared.
        resamples, seed: of the intervals, see :mod:`sousa.training.metrics.bootstrap`.

    Returns: dict:
        ``tolerances``: dict of tolerance ("0.02") to ``f1``, ``precision``, ``recall``, ``pooled_f1``,
            ``pooled_precision``, ``pooled_recall``: ``{"value", "low", "high"}``, 0 to 1.
        ``attributes``: dict of name to ``accuracy``, ``f1`` (of 1; binary ones only), ``joint_f1``: the same,
            and ``num_matched`` (onsets).
        ``num_rows``, ``num_groups``: that were scored; ``num_left_out``: rows without reference;
        ``num_empty_references``: rows whose reference has no onset; ``num_onsets``, ``num_predicted``.
    Raises: UsageError when numbers of rows or of values differ, a prediction is None, or a time is not a
        number of seconds mir_eval takes (at most 30,000).
    Source: mir_eval, ``onset.f_measure`` and ``util.match_events``.
    """
    matched = match(predictions, references, tolerances, attributes, attribute_tolerance)
    return matched_metrics(matched, groups, None, resamples, seed)


def _times(times: Any, row: int, which: str) -> tuple[np.ndarray, np.ndarray]:
    """Sorted times and their order."""
    import mir_eval

    if times is None:
        raise UsageError(f"row {row}: no predicted onsets; an empty list says that there are none")
    times = np.asarray(times, dtype=np.float64).reshape(-1)
    wrong = times[~(np.abs(times) <= mir_eval.onset.MAX_TIME)]
    if len(wrong):
        raise UsageError(
            f"row {row}: a {which} onset at {wrong[0]:g} s; give seconds, at most {mir_eval.onset.MAX_TIME:g}"
        )
    order = np.argsort(times, kind="stable")
    return times[order], order


def _attribute(values: Any, order: np.ndarray, row: int, name: str, which: str) -> np.ndarray | None:
    """Values of an attribute in the order of the sorted times; None where not known."""
    if values is None or any(value is None for value in values):
        return None
    if len(values) != len(order):
        raise UsageError(
            f"row {row}: {len(values)} values of {name} for {len(order)} onsets in the {which}; give one each"
        )
    return np.asarray(values, dtype=np.int64)[order]


def _pairs(truth: np.ndarray, guess: np.ndarray, tolerance: float) -> np.ndarray:
    """Matched places: ints [pairs, 2], reference and estimate, of sorted times."""
    import mir_eval

    first = np.searchsorted(truth, guess - tolerance, side="left")
    count = np.searchsorted(truth, guess + tolerance, side="right") - first
    near = np.flatnonzero(count)
    # where nobody has a choice there is one maximum matching, and no need to search for it
    if count.max(initial=0) <= 1 and (np.diff(first[near]) > 0).all():
        return np.stack([first[near], near], axis=-1)
    return np.array(mir_eval.util.match_events(truth, guess, tolerance), dtype=np.int64).reshape(-1, 2)


def _f_measure(hits: int, truth: np.ndarray, guess: np.ndarray) -> float:
    return 2 * hits / max(len(truth) + len(guess), 1)


def _at_attribute(
    truth: np.ndarray, guess: np.ndarray, a: np.ndarray, b: np.ndarray, pairs: np.ndarray, tolerance: float
) -> list[float]:
    hits = sum(len(_pairs(truth[a == v], guess[b == v], tolerance)) for v in np.intersect1d(a, b))
    a, b = a[pairs[:, 0]], b[pairs[:, 1]]
    both, either = ((a == 1) & (b == 1)).sum(), (a == 1).sum() + (b == 1).sum()
    return [1, len(pairs), (a == b).sum(), both, either, _f_measure(hits, truth, guess)]
