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

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from sousa.generation.columns import Breakdown, Classes
from sousa.training import parameter_baselines
from sousa.training.audio import resample
from sousa.training.features import ONSET_MEL, onsets
from sousa.training.metrics.class_metrics import class_metrics
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
        targets: of the model.
        train_rows, rows: what they learn from and what they predict.
        validation_rows, frames: as :func:`sousa.training.parameter_baselines.baselines` takes them.

    Returns: list of dicts ``name``, ``target``, ``pred`` (a value for each of ``rows``).
    """
    out, clips = [], [target for target in targets if target.kind in ("class", "score")]
    if clips:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(train_rows))[:MAX_ROWS])
        spectra = mean_spectra(train_rows, chosen, quiet), mean_spectra(rows, range(len(rows)), quiet)
        bands = _bands(train_rows, rows)
    for target in clips:
        labels, is_class = train_rows.values(target.name), target.kind == "class"
        usable = np.array([label is not None for label in labels])
        if not usable.any():
            continue
        truth = np.array([label for label in labels if label is not None])
        nearest, linear = _models(is_class, int(usable.sum()))
        guess = Counter(truth.tolist()).most_common(1)[0][0] if is_class else float(truth.mean())
        predictions = {"majority" if is_class else "mean": [guess] * len(rows)}
        for name, (x, test) in bands.items():
            predictions[f"{name} only"] = _fitted(nearest, x[usable], truth, test)
        inside = usable[chosen]
        truth = np.array([labels[i] for i in chosen[inside]])
        if len(truth) > 1 and not (is_class and len(set(truth.tolist())) == 1):
            predictions["mean spectrum"] = _fitted(linear, spectra[0][inside], truth, spectra[1])
        out += [{"name": name, "target": target.name, "pred": pred} for name, pred in predictions.items()]
    for target in targets:
        if target.kind == "events":
            out.append({"name": "spectral flux", "target": target.name, "pred": _flux(target, rows, quiet)})
    if parameters := [target for target in targets if target.kind in PARAMETERS]:
        learn_from = (train_rows, rows, validation_rows)
        out += parameter_baselines.baselines(parameters, *learn_from, frames, seed, quiet)
    return out


def _bands(*parts: BaseRows) -> dict[str, list[np.ndarray]]:
    """Columns that break rows down by bands: dict of name in words to values [rows, 1] of each part."""
    out = {}
    for column in parts[0].known.having(Breakdown):
        values = [part.values(column.name) for part in parts] if column.role.band else [None]
        if all(values) and not any(value is None for part in values for value in part):
            stem = words.split_unit(column.name)[0]
            out[stem] = [np.array(part, np.float64)[:, None] for part in values]
    return out


def _models(is_class: bool, rows: int) -> tuple[Any, Any]:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    nearest = (KNeighborsClassifier if is_class else KNeighborsRegressor)(min(_NEIGHBOURS, rows))
    linear = LogisticRegression(max_iter=300) if is_class else Ridge(1.0)
    return nearest, make_pipeline(StandardScaler(), linear)


def _fitted(model: Any, x: np.ndarray, truth: np.ndarray, test: np.ndarray) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about iterations: a baseline that stops early is still one
        return model.fit(x, truth).predict(test).tolist()


def _flux(target: Any, rows: BaseRows, quiet: bool) -> list[list[dict[str, Any]]]:
    out, flags = [], {name: False if isinstance(yes, bool) else 0 for name, yes, _ in target.flags}
    for number in tqdm(range(len(rows)), desc="spectral flux", unit="row", disable=quiet, leave=False):
        row = rows[number]
        times = onsets(resample(row["audio"], row["sampling_rate"], ONSET_MEL.sample_rate))
        out.append([{"onset_sec": float(time), **flags} for time in times])
    return out


def checks(
    train_rows: BaseRows, rows: BaseRows, names: tuple[str, str] = ("train", "test")
) -> list[dict[str, Any]]:
    """Whether split or recording give the answer away: list of dicts ``name``, ``passed``, ``detail``."""
    out, known, parts = [], rows.known, (train_rows, rows)
    group = [(known.group.name, known.group.role.singular)] if known.group else []
    for column, noun in (*group, ("sample_id", "row")):
        values = [set(part.values(column)) for part in parts]
        if all(values):
            both = values[0] & values[1]
            counts = [f"{len(part)} in {name}" for part, name in zip(values, names, strict=True)]
            detail = f"{', '.join(counts)}, {len(both)} in both" + (f", such as {min(both)}" if both else "")
            out.append({"name": f"no {noun} in two splits", "passed": not both, "detail": detail})
    groups = rows.values(known.group.name) if known.group else None
    for label in known.having(Classes):
        truth = [part.values(label.name) for part in parts]
        for column in known.having(Breakdown) if label.role.of_group and all(truth) else ():
            values = [part.values(column.name) for part in parts]
            if column.role.condition and all(values) and any(values[1]):
                out.append(_leak(column.role.condition, values, words.column(label.name), truth, groups))
    return out


def _leak(
    condition: str, values: list[list[Any]], label: str, truth: list[list[Any]], groups: list[Any] | None
) -> dict[str, Any]:
    """Whether what a recording was made under predicts the class of its group better than chance."""
    name, kinds = f"the {condition} does not tell the {label}", len(set(truth[1]))
    if kinds < 2:
        detail = f"the evaluated rows are of one {label}, so it can't be judged"
        return {"name": name, "passed": None, "detail": detail}
    counts, usual = defaultdict(Counter), Counter(truth[0])
    for value, kind in zip(values[0], truth[0], strict=True):
        counts[value][kind] += 1
    guess = [counts.get(value, usual).most_common(1)[0][0] for value in values[1]]
    accuracy, chance = class_metrics(guess, truth[1], groups)["balanced_accuracy"], 1.0 / kinds
    low, interval = accuracy["value"], ""
    if accuracy["low"] is not None:
        low, interval = accuracy["low"], f" (95 %: {accuracy['low']:.3f} to {accuracy['high']:.3f})"
    detail = f"balanced accuracy of the {label} by {condition} alone {accuracy['value']:.3f}{interval}"
    return {"name": name, "passed": bool(low <= chance + 1e-9), "detail": f"{detail}, chance {chance:.3f}"}
