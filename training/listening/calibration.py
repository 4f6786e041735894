"""From what is heard to probabilities: how much the fit counts, and the tier by everything that is known.

The numbers belong to a model and lie beside it, in ``calibration.json``; ``benchmarks/rudiments/listener.py
--calibrate`` measures them on players that the model did not learn from. A model without them has the
defaults: the tier is then what the model alone says.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from sousa.generation.errors import RunError
from sousa.generation.outside import read_json
from sousa.generation.rudiments.listening.judging import Judged
from sousa.generation.rudiments.players import tiers
from sousa.generation.rudiments.scores import SKILL_SCORES

FILE = "calibration.json"
# what the tier is told by, beside the model's own probabilities
FEATURES = (*(name for name in SKILL_SCORES if name != "tempo_stability"), "wrong", "tempo", "heard_score")


@dataclass(frozen=True)
class Calibration:
    """Numbers of a model.

    Attributes:
        fit_weight: of the cost of a fit, beside the model's probabilities of rudiments.
        temperature: that both are divided by.
        mean, scale: of each of FEATURES.
        weights: of each tier for each feature, for the logarithm of the model's probability of each tier, and
            a constant; empty where the model alone tells the tier.
    """

    fit_weight: float = 0.5
    temperature: float = 1.5
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    weights: tuple[tuple[float, ...], ...] = ()

    def tier(self, by_model: np.ndarray, features: np.ndarray | None) -> dict[str, float]:
        """Probability of each tier.

        Args:
            by_model: probabilities by the model alone, in order of the tiers.
            features: of a judged recording, see :func:`features_of`; None where nothing was judged.
        """
        logs = np.log(np.maximum(by_model, 1e-6))
        if self.weights and features is not None:
            logs = np.array(self.weights) @ self.inputs(by_model, features)
        return dict(zip(tiers(), softmax(logs).tolist(), strict=True))

    def inputs(self, by_model: np.ndarray, features: np.ndarray) -> np.ndarray:
        """What the weights are for; features that are unknown count as usual ones."""
        usual = np.nan_to_num((features - np.array(self.mean)) / np.array(self.scale))
        return np.concatenate([np.clip(usual, -4.0, 4.0), np.log(np.maximum(by_model, 1e-6)), [1.0]])

    def save(self, path: str | Path) -> None:
        """Write them beside a model."""
        Path(path).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def beside(root: Path) -> Calibration:
    """The numbers that lie beside a model; the defaults where there are none.

    Raises: RunError when they are damaged.
    """
    path = root / FILE
    if not path.is_file():
        return Calibration()
    try:
        return _checked(read_json(path))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path} can't be used ({error}); remove it, or take the model once more") from None


def _checked(data: Mapping[str, Any]) -> Calibration:
    weights = tuple(tuple(map(float, row)) for row in data["weights"])
    mean, scale = (tuple(map(float, data[name])) for name in ("mean", "scale"))
    out = Calibration(float(data["fit_weight"]), float(data["temperature"]), mean, scale, weights)
    width = len(FEATURES) + len(tiers()) + 1
    sizes = [len(row) == width for row in weights]
    sizes += [len(mean) == len(scale) == len(FEATURES)] * bool(weights)
    numbers = [*mean, *scale, *(value for row in weights for value in row), out.fit_weight, out.temperature]
    if not all(sizes) or len(weights) not in (0, len(tiers())) or not np.isfinite(numbers).all():
        raise ValueError("its numbers are of another model")
    if out.temperature <= 0 or 0.0 in scale:
        raise ValueError("it divides by nothing")
    return out


def features_of(judged: Judged, heard_score: float) -> np.ndarray:
    """What a judged recording tells of the tier, in order of FEATURES; NaN where unknown.

    Args:
        heard_score: overall_score by the model alone.
    """
    tempo = judged.fit.form.tempo
    place = np.log(judged.fit.tempo_bpm / tempo.min) / np.log(tempo.max / tempo.min)
    known = judged.scores | {
        "wrong": float(np.log1p(100.0 * judged.num_mistakes / max(len(judged.wanted["beat"]), 1))),
        "tempo": float(place), "heard_score": heard_score,
    }  # fmt: skip
    return np.array([known.get(name, np.nan) for name in FEATURES], float)
