"""What is reached without a model, and whether the data gives answers away.

Conventions: baselines learn from rows of the training split and predict the evaluated rows; the same metrics
are made of them as of the model. A check has a name, whether it passed, and a sentence.

- ``majority``: the most frequent class, or the mean score
- ``X only``, for each column that breaks rows down by bands of a number: the 25 nearest of the training rows
- ``mean spectrum``: logistic regression (ridge regression for scores) on mean and spread over time of each
  log-mel band, from up to ``MAX_ROWS`` training rows
- ``spectral flux`` (events): peaks of onset strength, see :mod:`sousa.training.features`
- ``mean`` and ``ridge`` (parameters): see :mod:`sousa.training.parameter_baselines`
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from sousa.generation.columns import Breakdown, Classes
from sousa.training import parameter_baselines
from sousa.training.report import words
from sousa.training.report.numbers import PARAMETERS
from sousa.training.rows import BaseRows
from sousa.training.spectral_statistics import bands_of, mean_and_spread
from sousa.training.tasks.targets import Target

MAX_ROWS = 2000
_NEIGHBOURS = 25


def mean_spectra(rows: BaseRows, numbers: Iterable[int], quiet: bool = True) -> np.ndarray:
    """Mean and standard deviation over time of each log-mel band: float32 [rows, 2 * bands]."""
    return np.stack([mean_and_spread(bands) for _, bands in bands_of(rows, numbers, "mean spectra", quiet)])


def baselines(
    targets: Sequence[Target], train_rows: BaseRows, rows: BaseRows, seed: int = 0, quiet: bool = True,
    validation_rows: BaseRows | None = None, frames: tuple[Any, Any] = (None, None),
) -> list[dict[str, Any]]:  # fmt: skip
    """Predictions of the baselines.

    Args:
        targets: of the model; train_rows, rows: what they learn from and what they predict.
        validation_rows, frames: as :func:`sousa.training.parameter_baselines.baselines` takes them.

    Returns: list of dicts ``name``, ``target``, ``pred`` (a value for each of ``rows``).
    """
    out = []
    clips = [target for target in targets if target.kind in ("class", "score")]
    chosen = np.sort(np.random.default_rng(seed).permutation(len(train_rows))[:MAX_ROWS])
    bands = _numbers(train_rows, rows) if clips else {}
    if clips:
        spectra = mean_spectra(train_rows, chosen, quiet), mean_spectra(rows, range(len(rows)), quiet)
    for target in clips:
        known = train_rows.values(target.name)
        usable = np.array([value is not None for value in known])
        if not usable.any():
            continue
        truth = np.array([value for value in known if value is not None])
        if target.kind == "class":
            name, guess = "majority", Counter(truth.tolist()).most_common(1)[0][0]
        else:
            name, guess = "mean", float(truth.mean())
        predictions = {name: [guess] * len(rows)}
        for name, (x, test) in bands.items():
            predictions[f"{name} only"] = _fitted(_nearest(target, usable.sum()), x[usable], truth, test)
        inside = usable[chosen]
        if inside.sum() > 1:
            own = np.array([known[i] for i in chosen[inside]])
            if target.kind == "score" or len(set(own.tolist())) > 1:
                pred = _fitted(_linear(target), spectra[0][inside], own, spectra[1])
                predictions["mean spectrum"] = pred
        out += [{"name": name, "target": target.name, "pred": pred} for name, pred in predictions.items()]
    for target in targets:
        if target.kind == "events":
            out.append({"name": "spectral flux", "target": target.name, "pred": _flux(target, rows, quiet)})
    if told := [target for target in targets if target.kind in PARAMETERS]:
        out += parameter_baselines.baselines(told, train_rows, rows, validation_rows, frames, seed, quiet)
    return out


def _numbers(*parts: BaseRows) -> dict[str, list[np.ndarray]]:
    """Columns that break rows down by bands: dict of name in words to values [rows, 1] of each part."""
    out = {}
    for column in parts[0].known.having(Breakdown):
        values = [part.values(column.name) for part in parts] if column.role.band else [None]
        if all(values) and not any(value is None for part in values for value in part):
            stem = words.split_unit(column.name)[0]
            out[stem] = [np.array(part, np.float64)[:, None] for part in values]
    return out


def _nearest(target: Target, rows: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    return (KNeighborsClassifier if target.kind == "class" else KNeighborsRegressor)(
        min(_NEIGHBOURS, int(rows))
    )


def _linear(target: Target) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=300) if target.kind == "class" else Ridge(1.0)
    )


def _fitted(model: Any, x: np.ndarray, truth: np.ndarray, test: np.ndarray) -> list[Any]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about iterations: a baseline that stops early is still one
        return model.fit(x, truth).predict(test).tolist()


def _flux(target: Any, rows: BaseRows, quiet: bool) -> list[list[dict[str, Any]]]:
    from sousa.training.audio import resample
    from sousa.training.features import ONSET_MEL, onsets

    out, flags = [], {name: False if isinstance(yes, bool) else 0 for name, yes, _ in target.flags}
    for number in tqdm(range(len(rows)), desc="spectral flux", unit="row", disable=quiet, leave=False):
        row = rows[number]
        times = onsets(resample(row["audio"], row["sampling_rate"], ONSET_MEL.sample_rate))
        out.append([{"onset_sec": float(time), **flags} for time in times])
    return out


def checks(
    train_rows: BaseRows, rows: BaseRows, names: tuple[str, str] = ("train", "test")
) -> list[dict[str, Any]]:
    """Whether the split or the recording gives the answer away.

    Returns: list of dicts ``name``, ``passed``, ``detail``.
    """
    out, known = [], rows.known
    apart = [(known.group.name, known.group.role.one)] if known.group else []
    for column, what in (*apart, ("sample_id", "row")):
        values = [part.values(column) for part in (train_rows, rows)]
        if all(values):
            both = set(values[0]) & set(values[1])
            counts = [f"{len(set(part))} in {name}" for part, name in zip(values, names, strict=True)]
            detail = f"{', '.join(counts)}, {len(both)} in both"
            if both:
                detail += f", such as {min(both)}"
            out.append({"name": f"no {what} in two splits", "passed": not both, "detail": detail})
    groups = rows.values(known.group.name) if known.group else None
    for label in known.having(Classes):
        truth = [part.values(label.name) for part in (train_rows, rows)] if label.role.of_group else [None]
        for column in known.having(Breakdown) if all(truth) else ():
            values = [part.values(column.name) for part in (train_rows, rows)]
            if column.role.condition and all(values) and any(values[1]):
                out.append(_tells(column.role.condition, values, words.column(label.name), truth, groups))
    return out


def _tells(
    condition: str, values: list[list[Any]], label: str, truth: list[list[Any]], groups: list[Any] | None
) -> dict[str, Any]:
    """Whether what a recording was made under predicts the class of its group better than chance."""
    from sousa.training.metrics.class_metrics import class_metrics

    name = f"the {condition} does not tell the {label}"
    if len(set(truth[1])) < 2:
        detail = f"the evaluated rows are of one {label}, so it can't be judged"
        return {"name": name, "passed": None, "detail": detail}
    often: dict[Any, Counter] = {}
    for value, one in zip(values[0], truth[0], strict=True):
        often.setdefault(value, Counter())[one] += 1
    usual = Counter(truth[0]).most_common(1)[0][0]
    guess = [often[value].most_common(1)[0][0] if value in often else usual for value in values[1]]
    found = class_metrics(guess, truth[1], groups)["balanced_accuracy"]
    chance = 1.0 / len(set(truth[1]))
    low = found["low"] if found["low"] is not None else found["value"]
    interval = f" (95 %: {found['low']:.3f} to {found['high']:.3f})" if found["low"] is not None else ""
    detail = f"balanced accuracy of the {label} by {condition} alone {found['value']:.3f}{interval}"
    return {"name": name, "passed": bool(low <= chance + 1e-9), "detail": f"{detail}, chance {chance:.3f}"}
