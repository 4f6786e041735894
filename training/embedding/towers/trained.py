"""An encoder that was trained here: a model of ``training/train.py``, heard without its heads."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from sousa.training.embedding.towers import frozen, in_batches, weights_digest
from sousa.training.models.model import Model


class Trained:
    """Sounds by a model of this project: the mean of the frames that its encoder gives.

    Args:
        where: directory of a run or a model, or a name on the Hub.
        revision: of the Hub.

    Raises: UsageError or RunError as :meth:`sousa.training.models.model.Model.from_pretrained`.
    """

    def __init__(self, where: str, revision: str | None, device: Any, batch_size: int):
        model = Model.from_pretrained(where, revision)
        self.front_end, self.encoder = model.front_end, frozen(model.encoder, device)
        self.device, self.batch_size = device, batch_size
        self.sample_rate, self.dim = int(self.front_end.sampling_rate), int(self.encoder.coarse_size)
        self.window_sec = self.hop_sec = float(model.max_sec)

    def settings(self) -> dict[str, Any]:
        return {"digest": weights_digest(self.encoder), "pooling": "mean of frames"}

    def __call__(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        return in_batches(windows, self.batch_size, self._encode)

    def _encode(self, windows: list[np.ndarray]) -> torch.Tensor:
        values = torch.stack([self.front_end(window) for window in windows]).to(self.device)
        _, states = self.encoder(values)
        return states.mean(dim=1)
