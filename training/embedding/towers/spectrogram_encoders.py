"""The Audio Spectrogram Transformer, Whisper's encoder and Wav2Vec2-BERT, by ``transformers``.

Conventions: a window's vector is the mean over the frames that are sound; what a feature extractor fills up
is never among them.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from sousa.training.embedding.towers import frozen, in_batches, weights_digest
from sousa.training.frozen import FrozenFeatures
from sousa.training.models.pretrained import AST_STEP_SEC, fetch

WINDOW_SEC = 10.0


class Ast:
    """Sounds by the Audio Spectrogram Transformer.

    Args:
        where: directory that ``save_pretrained`` made, or a name on the Hub.
        revision: of the Hub.

    Raises: UsageError or RunError as :func:`sousa.training.models.pretrained.fetch`; so do the others here.
    """

    def __init__(self, where: str, revision: str | None, device: Any, batch_size: int):
        self.features = FrozenFeatures(where, device=device, batch_size=batch_size, revision=revision)
        self.sample_rate, self.dim = self.features.sample_rate, self.features.dim
        self.window_sec = self.hop_sec = self.features.extractor.max_length * AST_STEP_SEC

    def settings(self) -> dict[str, Any]:
        return {"digest": self.features.settings()["digest"], "pooling": "mean of patches of sound"}

    def __call__(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        return self.features(list(windows), self.sample_rate).cpu().numpy()


class Whisper:
    """Sounds by the encoder of Whisper, which always hears thirty seconds; arguments as of :class:`Ast`."""

    def __init__(self, where: str, revision: str | None, device: Any, batch_size: int):
        _, self.extractor, model = fetch(where, ("whisper",), revision=revision)
        self.model, self.device, self.batch_size = frozen(model.encoder, device), device, batch_size
        self.sample_rate, self.dim = int(self.extractor.sampling_rate), int(model.config.d_model)
        self.window_sec = self.hop_sec = float(self.extractor.chunk_length)
        self._frames = int(model.config.max_source_positions)

    def settings(self) -> dict[str, Any]:
        return {"digest": weights_digest(self.model), "pooling": "mean of frames of sound"}

    def __call__(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        return in_batches(windows, self.batch_size, self._encode)

    def _encode(self, windows: list[np.ndarray]) -> torch.Tensor:
        inputs = self.extractor(windows, sampling_rate=self.sample_rate, return_tensors="pt")
        states = self.model(inputs["input_features"].to(self.device)).last_hidden_state
        share = len(windows[0]) / (self.window_sec * self.sample_rate)
        return states[:, : max(math.ceil(min(share, 1.0) * self._frames), 1)].mean(dim=1)


class Wav2Vec2Bert:
    """Sounds by Wav2Vec2-BERT; arguments as of :class:`Ast`."""

    window_sec = hop_sec = WINDOW_SEC

    def __init__(self, where: str, revision: str | None, device: Any, batch_size: int):
        _, self.extractor, model = fetch(where, ("wav2vec2-bert",), revision=revision)
        self.model, self.device, self.batch_size = frozen(model, device), device, batch_size
        self.sample_rate, self.dim = int(self.extractor.sampling_rate), int(model.config.hidden_size)
        if model.config.add_adapter:  # it gives fewer frames, of another width
            self.dim = int(model.config.output_hidden_size)

    def settings(self) -> dict[str, Any]:
        return {"digest": weights_digest(self.model), "pooling": "mean of frames"}

    def __call__(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        return in_batches(windows, self.batch_size, self._encode)

    def _encode(self, windows: list[np.ndarray]) -> torch.Tensor:
        # of one length, so that there is nothing to fill up but to a whole number of strides
        inputs = self.extractor(windows, sampling_rate=self.sample_rate, return_tensors="pt").to(self.device)
        states = self.model(**inputs).last_hidden_state
        mask = inputs["attention_mask"][..., None].to(states.dtype)
        if mask.shape[1] != states.shape[1]:
            return states.mean(dim=1)
        return (states * mask).sum(1) / mask.sum(1)
