"""What is reached without a model, and whether the data gives answers away.

Conventions: baselines learn from rows of the training split and predict the evaluated rows; the same metrics
are made of them as of the model. A check has a name, whether it passed, and a sentence.

- ``majority``: the most frequent class, or the mean score
- ``tempo only``: the 25 nearest tempi of the training rows
- ``mean spectrum``: logistic regression (ridge regression for scores) on mean and spread over time of each
  log-mel band, from up to ``MAX_ROWS`` training rows
- ``spectral flux`` (strokes): peaks of onset strength, see :mod:`sousa.training.features`
- ``mean`` and ``ridge`` (parameters): see :mod:`sousa.training.parameter_baselines`
"""

from collections import Counter

import numpy as np
from tqdm import tqdm

from sousa.training import parameter_baselines
from sousa.training.spectral_statistics import bands_of, mean_and_spread
from sousa.training.stream import values_of

MAX_ROWS = 2000
_NEIGHBOURS = 25


def mean_spectra(rows, numbers, quiet=True):
    """Mean and standard deviation over time of each log-mel band: float32 [rows, 2 * bands]."""
    return np.stack([mean_and_spread(bands) for _, bands in bands_of(rows, numbers, "mean spectra", quiet)])


def baselines(targets, train_rows, rows, seed=0, quiet=True, validation_rows=None, frames=(None, None)):
    """Predictions of the baselines.

    Args:
        targets: of the model; train_rows, rows: what they learn from and what they predict.
        validation_rows, frames: as :func:`sousa.training.parameter_baselines.baselines` takes them.

    Returns: list of dicts ``name``, ``target``, ``pred`` (a value for each of ``rows``).
    """
    out = []
    clips = [target for target in targets if target.kind in ("class", "score")]
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(train_rows))[:MAX_ROWS])
    spectra = None
    if clips:
        spectra = mean_spectra(train_rows, chosen, quiet), mean_spectra(rows, range(len(rows)), quiet)
    for target in clips:
        known = values_of(train_rows, target.name)
        usable = np.array([value is not None for value in known])
        if not usable.any():
            continue
        truth = np.array([value for value in known if value is not None])
        guess = (
            Counter(truth.tolist()).most_common(1)[0][0] if target.kind == "class" else float(truth.mean())
        )
        out.append({"name": "majority" if target.kind == "class" else "mean", "target": target.name,
                    "pred": [guess] * len(rows)})  # fmt: skip
        tempi = [values_of(part, "tempo_bpm") for part in (train_rows, rows)]
        if all(tempi):
            x, test = (np.array(values, np.float64)[:, None] for values in tempi)
            out.append({"name": "tempo only", "target": target.name,
                        "pred": _fitted(_nearest(target, usable.sum()), x[usable], truth, test)})  # fmt: skip
        inside = usable[chosen]
        if inside.sum() > 1:
            own = np.array([known[i] for i in chosen[inside]])
            if target.kind == "score" or len(set(own.tolist())) > 1:
                pred = _fitted(_linear(target), spectra[0][inside], own, spectra[1])
                out.append({"name": "mean spectrum", "target": target.name, "pred": pred})
    if any(target.kind == "strokes" for target in targets):
        out.append({"name": "spectral flux", "target": "strokes", "pred": _flux(rows, quiet)})
    if parameters := [target for target in targets if target.kind in ("parameter", "curve")]:
        out += parameter_baselines.baselines(
            parameters, train_rows, rows, validation_rows, frames, seed, quiet
        )
    return out


def _nearest(target, rows):
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    return (KNeighborsClassifier if target.kind == "class" else KNeighborsRegressor)(
        min(_NEIGHBOURS, int(rows))
    )


def _linear(target):
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=300) if target.kind == "class" else Ridge(1.0)
    )


def _fitted(model, x, truth, test):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about iterations: a baseline that stops early is still one
        return model.fit(x, truth).predict(test).tolist()


def _flux(rows, quiet):
    from sousa.training.audio import resample
    from sousa.training.features import ONSET_MEL, onsets

    out = []
    for number in tqdm(range(len(rows)), desc="spectral flux", unit="row", disable=quiet, leave=False):
        row = rows[number]
        times = onsets(resample(row["audio"], row["sampling_rate"], ONSET_MEL.sample_rate))
        out.append([
            {"onset_sec": float(t), "hand": 0, "is_accent": False, "is_grace_note": False} for t in times
        ])  # fmt: skip
    return out


def checks(train_rows, rows, names=("train", "test")):
    """Whether the split or the recording gives the answer away.

    Returns: list of dicts ``name``, ``passed``, ``detail``.
    """
    out = []
    for column, what in (("profile_id", "player"), ("setting_id", "setting"), ("sample_id", "row")):
        values = [values_of(part, column) for part in (train_rows, rows)]
        if all(values):
            both = set(values[0]) & set(values[1])
            counts = [f"{len(set(part))} in {name}" for part, name in zip(values, names, strict=True)]
            detail = f"{', '.join(counts)}, {len(both)} in both"
            if both:
                detail += f", such as {min(both)}"
            out.append({"name": f"no {what} in two splits", "passed": not both, "detail": detail})
    tiers = [values_of(part, "skill_tier") for part in (train_rows, rows)]
    for column, what in (("augmentation_preset", "preset"), ("bank", "drum")):
        values = [values_of(part, column) for part in (train_rows, rows)]
        if all(tiers) and all(values) and any(values[1]):
            out.append(_tells(what, values, tiers, values_of(rows, "profile_id")))
    return out


def _tells(what, values, tiers, players):
    """Whether a column of the recording predicts the tier better than chance, on other players."""
    from sousa.training.metrics.class_metrics import class_metrics

    if len(set(tiers[1])) < 2:
        detail = "the evaluated rows are of one tier, so it can't be judged"
        return {"name": f"the {what} does not tell the tier", "passed": None, "detail": detail}
    often = {}
    for value, tier in zip(values[0], tiers[0], strict=True):
        often.setdefault(value, Counter())[tier] += 1
    usual = Counter(tiers[0]).most_common(1)[0][0]
    guess = [often[value].most_common(1)[0][0] if value in often else usual for value in values[1]]
    found = class_metrics(guess, tiers[1], players)["balanced_accuracy"]
    chance = 1.0 / len(set(tiers[1]))
    low = found["low"] if found["low"] is not None else found["value"]
    interval = f" (95 %: {found['low']:.3f} to {found['high']:.3f})" if found["low"] is not None else ""
    return {
        "name": f"the {what} does not tell the tier", "passed": bool(low <= chance + 1e-9),
        "detail": f"balanced accuracy of the tier by {what} alone {found['value']:.3f}{interval}, "
        f"chance {chance:.3f}",
    }  # fmt: skip
