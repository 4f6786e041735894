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
        targets: parameters and curves; train_rows, rows: what is learnt from and what is predicted;
            validation_rows: what the strength is chosen on, or None.
        frames: number of frames of a clip of the model and their seconds; for curves.

    Returns: list of dicts ``name``, ``target``, ``pred`` (a number, or a list of them, for each of ``rows``).
    """
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(train_rows))[:MAX_ROWS])
    parts = [(train_rows, chosen), (rows, range(len(rows)))]
    if validation_rows is not None:
        parts.append((validation_rows, range(min(len(validation_rows), MAX_ROWS))))
    out = []
    for level in ("clip", "frame"):
        own = [target for target in targets if target.level == level]
        if own:
            made = [_Table(own, *part, level, frames, quiet, thin=i != 1) for i, part in enumerate(parts)]
            for target in own:
                out += _of_target(target, *made)
    return out


class _Table:
    """Features and labels: ``x`` [values, features], ``y`` by name [values], ``counts`` of each row."""

    def __init__(
        self, targets: Sequence[Any], rows: BaseRows, numbers: Iterable[int], level: str,
        frames: tuple[Any, Any], quiet: bool, thin: bool,
    ):  # fmt: skip
        count, frame_sec = frames
        at = None
        if level == "frame":
            at = np.arange(count)
            at = at[:: max(1, count // _FRAMES_OF_ROW)] if thin else at
        features, labels = [], {target.name: [] for target in targets}
        for row, bands in bands_of(rows, numbers, "spectral statistics", quiet):
            for target in targets:
                found = np.atleast_1d(target.label(row, count, frame_sec))
                labels[target.name].append(found if at is None else found[at])
            features.append(
                in_time(bands)[None] if at is None else around_frames(bands, (at + 0.5) * frame_sec)
            )
        self.counts = [len(one) for one in features]
        self.x, self.y = np.concatenate(features), {n: np.concatenate(y) for n, y in labels.items()}

    def known(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Features and labels where there is a label."""
        kept = ~np.isnan(self.y[name])
        return self.x[kept], self.y[name][kept].astype(np.float64)

    def lists(self, values: np.ndarray, level: str) -> list[Any]:
        """Values as the report takes them: a number or a list of numbers a row."""
        values = np.clip(values, 0.0, 1.0)
        if level == "clip":
            return values.tolist()
        return [part.tolist() for part in np.split(values, np.cumsum(self.counts)[:-1])]


def _of_target(target: Any, train: "_Table", test: "_Table", validation: Any = None) -> list[dict[str, Any]]:
    x, y = train.known(target.name)
    if len(y) < 2:
        return []
    mean = np.full(len(test.x), y.mean())
    ridge = ridge_regression(x, y, *(validation.known(target.name) if validation else (None, None)))
    said = {"mean": mean, "ridge": ridge(test.x)}
    return [
        {"name": name, "target": target.name, "pred": test.lists(values, target.level)}
        for name, values in said.items()
    ]


def ridge_regression(
    x: np.ndarray, y: np.ndarray, other_x: np.ndarray | None = None, other_y: np.ndarray | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """A function of features, fitted on ``x`` [values, features] and ``y`` [values].

    Args:
        other_x, other_y: what the strength is chosen on; None, or no value: leave-one-out on ``x``.

    Source: A. E. Hoerl and R. W. Kennard, Ridge Regression, Technometrics 12 (1970).
    """
    from sklearn.linear_model import Ridge, RidgeCV

    middle, scale = x.mean(0), x.std(0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    standard = (x - middle) / scale
    if other_y is not None and len(other_y):
        other = (other_x - middle) / scale
        fits = [Ridge(strength).fit(standard, y) for strength in STRENGTHS]
        best = min(fits, key=lambda fit: np.mean((fit.predict(other) - other_y) ** 2))
    else:
        best = RidgeCV(STRENGTHS).fit(standard, y)
    return lambda features: best.predict((features - middle) / scale)
