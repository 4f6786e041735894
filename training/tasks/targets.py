"""Targets of a clip: classes and scores.

Conventions
-----------
A target says which columns it needs, how many outputs its head has, how a row's label becomes an array,
what the loss is, and how outputs become columns of predictions. Labels that are null have no loss:
classes are -100 there, scores NaN. ``level`` tells whether a head works on the clip or on each frame.

Columns of predictions: ``true_<name>``, ``pred_<name>`` and for classes ``prob_<name>``, probabilities in
the order of the classes.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F

from sousa.training import labels
from sousa.training.dataset import label_value


@dataclass
class ClassTarget:
    """One of a list of classes, by cross entropy.

    Args:
        class_weights: of the loss, a number for each class, or None.
    """

    name: str
    weight: float = 1.0
    class_weights: list | None = None
    label_smoothing: float = 0.0

    kind, level = "class", "clip"

    @property
    def classes(self):
        return labels.CLASSES[self.name]

    @property
    def num_outputs(self):
        return len(self.classes)

    @property
    def columns(self):
        return (self.name,)

    def label(self, row, num_frames, frame_sec):
        value = label_value(self.name, row[self.name])
        return np.int64(-100 if value is None else value)

    def loss(self, output, label):
        if not (label != -100).any():
            return output.sum() * 0.0
        weights = self.class_weights
        weights = weights and torch.tensor(weights, device=output.device, dtype=torch.float32)
        return F.cross_entropy(
            output.float(), label, weights, ignore_index=-100, label_smoothing=self.label_smoothing
        )

    def predictions(self, output, label, lengths, frame_sec, meta=None):
        probabilities = output.float().softmax(-1).cpu().numpy().astype(np.float32)
        names = self.classes
        return {
            f"true_{self.name}": [names[i] if i >= 0 else None for i in label.tolist()],
            f"pred_{self.name}": [names[i] for i in probabilities.argmax(-1)],
            f"prob_{self.name}": list(probabilities),
        }

    def fields(self):
        text = pa.string()
        kinds = (("true", text), ("pred", text), ("prob", pa.list_(pa.float32())))
        return [(f"{part}_{self.name}", kind) for part, kind in kinds]

    def about(self):
        return {"name": self.name, "kind": self.kind, "labels": list(self.classes)}


@dataclass
class ScoreTarget:
    """A score, by squared error of its value on 0-1; a steep loss would follow the noise of scores."""

    name: str
    weight: float = 1.0

    kind, level, num_outputs = "score", "clip", 1

    @property
    def columns(self):
        return (self.name,)

    def label(self, row, num_frames, frame_sec):
        value = label_value(self.name, row[self.name])
        return np.float32(np.nan if value is None else value)

    def loss(self, output, label):
        known = ~label.isnan()
        if not known.any():
            return output.sum() * 0.0
        # standard deviations of scores are about 0.2: this brings the loss near that of a class
        return 10.0 * F.mse_loss(output.float()[known, 0], label[known] - 0.5)

    def predictions(self, output, label, lengths, frame_sec, meta=None):
        values = labels.unscaled(self.name, np.clip(output.float()[:, 0].cpu().numpy() + 0.5, 0.0, 1.0))
        true = labels.unscaled(self.name, label.cpu().numpy().astype(np.float64))
        return {
            f"true_{self.name}": [None if np.isnan(value) else float(value) for value in true],
            f"pred_{self.name}": values.astype(np.float64).tolist(),
        }

    def fields(self):
        return [(f"true_{self.name}", pa.float64()), (f"pred_{self.name}", pa.float64())]

    def about(self):
        low, high = labels.SCORE_RANGES[self.name]
        return {"name": self.name, "kind": self.kind, "low": low, "high": high}
