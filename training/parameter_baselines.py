"""Baselines of synthesizers' parameters: the mean, and ridge regression on spectral statistics.

Conventions: features are standardised; the strength of the ridge is the one of ``STRENGTHS`` with the least
squared error on the validation rows, of each parameter by itself, or by leave-one-out on the training rows
where there is no validation split. Nothing is fitted on the evaluated rows.

- ``mean``: of the training labels
- ``ridge``: statistics over time of a clip, :func:`sousa.training.spectral_statistics.in_time`; for
  parameters that move, of each frame, :func:`sousa.training.spectral_statistics.around_frames`
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from sousa.training.rows import BaseRows
from sousa.training.spectral_statistics import around_frames, bands_of, in_time

MAX_ROWS = 2000  # to learn from
_FRAMES_OF_ROW = 25  # to learn from, spread over the row
STRENGTHS = tuple(10.0 ** np.arange(-2, 5.5, 0.5))


def baselines(
    targets: Sequence[Any], train_rows: BaseRows, rows: BaseRows, validation_rows: BaseRows | None = None,
    frames: tuple[Any, Any] = (None, None), seed: int = 0, quiet: bool = True,
) -> list[dict[str, Any]]:  # fmt: skip
    """Predictions of the baselines, normalised.

    Args:
        targets: parameters and curves.
        train_rows, rows: what is learnt from and what is predicted.
        validation_rows: what the strength is chosen on, or None.
        frames: number of frames of a clip of the model and their seconds; for curves.

    Returns: list of dicts ``name``, ``target``, ``pred`` (a number, or a list of them, for each of ``rows``).
    """
    chosen = np.sort(np.random.default_rng(seed).permutation(len(train_rows))[:MAX_ROWS])
    parts = [(train_rows, chosen), (rows, range(len(rows)))]
    if validation_rows is not None:
        parts.append((validation_rows, range(min(len(validation_rows), MAX_ROWS))))
    out = []
    for level in ("clip", "frame"):
        if same := [target for target in targets if target.level == level]:
            tables = [_table(same, *part, level, frames, quiet, thin=i != 1) for i, part in enumerate(parts)]
            _, test, sizes = tables[1]
        for target in same:
            fits, *choice = (_labelled(table, target.name) for i, table in enumerate(tables) if i != 1)
            if len(fits[1]) < 2:
                continue
            ridge = ridge_regression(*fits, *(choice[0] if choice else ()))
            for name, values in (("mean", np.full(len(test), fits[1].mean())), ("ridge", ridge(test))):
                values = np.clip(values, 0.0, 1.0)
                pred = values if level == "clip" else np.split(values, np.cumsum(sizes)[:-1])
                out.append({"name": name, "target": target.name, "pred": [part.tolist() for part in pred]})
    return out


def _table(
    targets: Sequence[Any], rows: BaseRows, numbers: Iterable[int], level: str, frames: tuple[Any, Any],
    quiet: bool, thin: bool,
) -> tuple[dict[str, np.ndarray], np.ndarray, list[int]]:  # fmt: skip
    """``(labels by name [values], features [values, features], values of each row)``."""
    (count, frame_sec), at = frames, np.arange(1)
    if level == "frame":
        at = np.arange(count)[:: max(1, count // _FRAMES_OF_ROW) if thin else 1]
    features, labels = [], {target.name: [] for target in targets}
    for row, bands in bands_of(rows, numbers, "spectral statistics", quiet):
        for target in targets:
            labels[target.name].append(np.atleast_1d(target.label(row, count, frame_sec))[at])
        is_clip = level == "clip"
        features.append(in_time(bands)[None] if is_clip else around_frames(bands, (at + 0.5) * frame_sec))
    arrays = {name: np.concatenate(values) for name, values in labels.items()}
    return arrays, np.concatenate(features), [len(part) for part in features]


def _labelled(table: tuple[dict[str, np.ndarray], np.ndarray, list[int]], name: str) -> tuple[Any, Any]:
    """Features and labels where there is a label."""
    labels, features, _ = table
    kept = ~np.isnan(labels[name])
    return features[kept], labels[name][kept].astype(np.float64)


def ridge_regression(
    x: np.ndarray, y: np.ndarray, other_x: np.ndarray | None = None, other_y: np.ndarray | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """A function of features, fitted on ``x`` [values, features] and ``y`` [values].

    The strength is chosen on ``other_x`` and ``other_y``, or, without these, by leave-one-out on ``x``.
    Source: A. E. Hoerl and R. W. Kennard, Ridge Regression, Technometrics 12 (1970).
    """
    from sklearn.linear_model import Ridge, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def fitted(model: Any) -> Any:
        return make_pipeline(StandardScaler(), model).fit(x, y)

    if other_y is None or not len(other_y):
        return fitted(RidgeCV(STRENGTHS)).predict
    fits = [fitted(Ridge(strength)) for strength in STRENGTHS]
    return min(fits, key=lambda fit: np.mean((fit.predict(other_x) - other_y) ** 2)).predict
