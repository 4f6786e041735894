"""Scores and parameters of synthesizers measured: errors, R2, rank correlation.

Conventions: of the kinds ``score`` and ``parameter`` there is a number a row, of ``curve`` a list of them,
one a frame. Every frame of a curve counts as one value, and frames are resampled with their row's group; a
frame without label is left out. Parameters are normalised; ``mae_natural`` is there where all synthesizers
have the parameter in one known unit.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sousa.training import labels
from sousa.training.metrics.score_metrics import score_differences, score_metrics

PARAMETERS = ("parameter", "curve")
NOTE = (
    "R2 is 1 less the squared errors over the squared deviations of the references from their own mean, that "
    "of the rows in each line (as sklearn.metrics.r2_score). Over a part with few or close values, such as a "
    "held-out region, it is low or negative however small the errors: read the errors beside it."
)
_NORMALISED = {"r2": "r2", "mae": "mae_norm", "rmse": "rmse_norm", "spearman": "spearman"}
_NAMES = {"score": {n: n for n in ("mae", "rmse", "spearman")}, **dict.fromkeys(PARAMETERS, _NORMALISED)}


def scorer(
    truth: Sequence[Any], guess: Sequence[Any], target: dict[str, Any], makers: Sequence[str] | None,
    *sampling: Any,
) -> Callable[[Any], dict[str, Any]]:  # fmt: skip
    """A function of rows (None for all) that gives their metrics.

    Args:
        truth, guess: a number or list of numbers a row; truth None for no label.
        target: of the table's metadata.
        makers: names of synthesizers, one a row, or None.
        sampling: groups, one a row, or None; resamples and seed.
    """
    kind = target["kind"]
    true, pred, rows = _flat(truth, guess, kind)
    groups, *options = sampling
    owners = rows.tolist() if groups is None else [groups[row] for row in rows]
    natural = kind in PARAMETERS and target.get("unit") is not None and makers is not None
    if natural:
        of = np.array(makers, object)[rows]
        in_unit = [_natural(values, of, target["makers"]) for values in (pred, true)]

    def score(chosen: Any) -> dict[str, Any]:
        kept = np.arange(len(rows)) if chosen is None else np.flatnonzero(np.isin(rows, chosen))
        own = [owners[i] for i in kept]
        scores = score_metrics(pred[kept], true[kept], own, *options, rank=kind != "curve")
        metrics = {new: scores[old] for old, new in _NAMES[kind].items() if old in scores}
        if natural:
            errors = score_metrics(*(values[kept] for values in in_unit), own, *options, rank=False)
            metrics["mae_natural"] = errors["mae"]
        num_rows, all_rows = len(np.unique(rows[kept])), len(truth if chosen is None else chosen)
        counts = {"num_groups": scores["num_groups"], "num_left_out": all_rows - num_rows}
        out = {"metrics": metrics, "num_rows": num_rows, **counts}
        if kind in PARAMETERS:
            out["num_values"] = len(np.unique(np.round(true[kept], 6)))
        if kind == "curve":
            out["num_frames"] = len(kept)
        return out

    return score


def differences(kind: str, guess: Any, other: Any, truth: Any, groups: Any, *options: int) -> dict[str, Any]:
    """What :func:`sousa.training.metrics.score_metrics.score_differences` gives, by our names."""
    true, pred, rows = _flat(truth, guess, kind)
    beside = _flat(truth, other, kind)[1]
    owners = rows.tolist() if groups is None else [groups[row] for row in rows]
    changes = score_differences(pred, beside, true, owners, *options)
    return {_NAMES[kind].get(name, name): change for name, change in changes.items()}


def pairs(truth: Sequence[Any], guess: Sequence[Any], kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Labelled values and what was said of them: two float64 arrays, as long as there are labels."""
    return _flat(truth, guess, kind)[:2]


def _flat(truth: Sequence[Any], guess: Sequence[Any], kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labelled values, predictions of them, and the number of each one's row."""
    if kind != "curve":
        truth, guess = [[value] for value in truth], [[value] for value in guess]
    true, pred = [np.empty(0)], [np.empty(0)]
    for values, guesses in zip(truth, guess, strict=True):
        labelled = np.array([] if values is None else values, np.float64)  # None inside becomes NaN
        guessed = np.array([] if guesses is None else guesses[: len(labelled)], np.float64)
        # a frame nothing was said of has no prediction, and score_metrics says so
        guessed = guessed if len(guessed) == len(labelled) else np.full(len(labelled), np.nan)
        known = ~np.isnan(labelled)
        true.append(labelled[known])
        pred.append(guessed[known])
    rows = np.repeat(np.arange(len(truth)), [len(labelled) for labelled in true[1:]])
    return np.concatenate(true), np.concatenate(pred), rows


def _natural(values: np.ndarray, makers: np.ndarray, ranges: dict[str, Any]) -> np.ndarray:
    out = np.full(len(values), np.nan)
    for name, bounds in ranges.items():
        at = makers == name
        if at.any():
            out[at] = labels.natural(values[at], bounds["low"], bounds["high"], bounds["scale"])
    return out
