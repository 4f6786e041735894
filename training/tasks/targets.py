"""Targets of a clip: classes and scores.

Conventions: a target holds all that is known of what it tells (columns, labels, loss, predictions), so a
saved model needs no corpus to be loaded. Labels that are null have no loss: classes are -100 there, scores
NaN. ``level`` tells whether a head works on the clip or on each frame.

Columns of predictions: ``true_<name>``, ``pred_<name>`` and for classes ``prob_<name>``, probabilities in
the order of the classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F

from sousa.training import labels

Row = dict[str, Any]
Columns = dict[str, list[Any]]
Fields = list[tuple[str, pa.DataType]]


class Target:
    """What all targets have.

    Attributes:
        name: of the column or parameter.
        weight: of its loss.
        reported: attributes that reports show.
        kind: class, score, events, notes, parameter or curve.
        predicted: dict of the beginnings of names of columns of predictions to their Arrow types.
        level: clip or frame.
        columns: what rows need.
        head: name of its layer.
        num_outputs: of that.
        first_bias: of a frame-level target's outputs, before anything is learnt: a number, or one for each.
        coarsest_sec: longest frame of a frame-level target.
    """

    name: str
    weight: float
    kind: ClassVar[str]
    level: ClassVar[str] = "clip"
    reported: ClassVar[tuple[str, ...]] = ()
    predicted: ClassVar[dict[str, pa.DataType]]

    @property
    def num_outputs(self) -> int:
        return 1

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def head(self) -> str:
        # a layer can't be called as a member of modules, such as train
        return f"target_{self.name}" if hasattr(torch.nn.ModuleDict, self.name) else self.name

    def label(self, row: Row, num_frames: int | None, frame_sec: float | None) -> Any:
        """Label of a row: a number, or float32 [frames] or [frames, outputs]."""
        raise NotImplementedError

    def exact(self) -> dict[str, Callable[[Row, float], Any]]:
        """What labels can't tell exactly: dict of name to a function of a row and the seconds heard of it."""
        return {self.name: self.truth} if hasattr(self, "truth") else {}

    def loss(self, output: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Loss of a batch; 0 where no row has a label."""
        raise NotImplementedError

    def predictions(
        self, output: torch.Tensor, label: torch.Tensor, lengths: list[float] | None,
        frame_sec: float | None, meta: Columns | None = None,
    ) -> Columns:  # fmt: skip
        """Columns of predictions of a batch; lengths: seconds of each clip that are sound; meta: of rows."""
        raise NotImplementedError

    def fields(self) -> Fields:
        """Names and Arrow types of :meth:`predictions`."""
        return [(f"{part}_{self.name}", kind) for part, kind in self.predicted.items()]

    def about(self) -> dict[str, Any]:
        """What reports have to know, as plain data."""
        return {"name": self.name, "kind": self.kind, **{name: getattr(self, name) for name in self.reported}}


@dataclass
class ClassTarget(Target):
    """One of a list of classes, by cross entropy; class_weights: of the loss, a number for each, or None."""

    name: str
    classes: list[str]
    weight: float = 1.0
    class_weights: list[float] | None = None
    label_smoothing: float = 0.0

    kind = "class"
    predicted = {"true": pa.string(), "pred": pa.string(), "prob": pa.list_(pa.float32())}

    @property
    def num_outputs(self) -> int:
        return len(self.classes)

    def label(self, row: Row, num_frames: int | None, frame_sec: float | None) -> Any:
        value = row[self.name]
        return np.int64(-100 if value is None else labels.class_id(self.name, self.classes, value))

    def loss(self, output: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        if not (label != -100).any():
            return output.sum() * 0.0
        output = output.float()
        weights = self.class_weights and output.new_tensor(self.class_weights)
        return F.cross_entropy(output, label, weights, label_smoothing=self.label_smoothing)

    def predictions(self, output, label, lengths, frame_sec, meta=None) -> Columns:
        probabilities = output.float().softmax(-1).cpu().numpy()
        names = self.classes
        return {
            f"true_{self.name}": [names[i] if i >= 0 else None for i in label.tolist()],
            f"pred_{self.name}": [names[i] for i in probabilities.argmax(-1)],
            f"prob_{self.name}": list(probabilities),
        }

    def about(self) -> dict[str, Any]:
        return {**super().about(), "labels": list(self.classes)}


@dataclass
class ScoreTarget(Target):
    """A score from low to high, by squared error on 0-1; a steep loss would follow the noise of scores."""

    name: str
    low: float
    high: float
    weight: float = 1.0

    kind, reported, predicted = "score", ("low", "high"), dict.fromkeys(("true", "pred"), pa.float64())

    def label(self, row: Row, num_frames: int | None, frame_sec: float | None) -> Any:
        value = row[self.name]
        return np.float32(np.nan if value is None else labels.scaled(value, self.low, self.high))

    def loss(self, output: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        known = ~label.isnan()
        if not known.any():
            return output.sum() * 0.0
        # standard deviations of scores are about 0.2: this brings the loss near that of a class
        return 10.0 * F.mse_loss(output.float()[known, 0], label[known] - 0.5)

    def predictions(self, output, label, lengths, frame_sec, meta=None) -> Columns:
        guess = np.clip(output.float()[:, 0].cpu().numpy() + 0.5, 0.0, 1.0)
        guess = labels.unscaled(guess, self.low, self.high).astype(np.float64)
        true = labels.unscaled(label.cpu().numpy().astype(np.float64), self.low, self.high)
        true = [None if np.isnan(value) else value for value in true.tolist()]
        return {f"true_{self.name}": true, f"pred_{self.name}": guess.tolist()}
