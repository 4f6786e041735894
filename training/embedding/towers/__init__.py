"""Frozen encoders, each behind one of two interfaces: windows of sound, or texts, to vectors.

Conventions
-----------
A window is float32 (samples,), one channel, full scale 1.0, at the tower's rate. Vectors are float32
(number, dim), on the CPU, as the model gives them: those that compare by angle are not made unit here unless
the model itself does. A window's vector hangs on that window alone: windows of different lengths never
share a batch where padding would change it, and nothing is drawn at random.

``settings()`` of a tower is what decides its vectors, as plain data: the model by a digest of its weights,
not by where it lies.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch

LEAST_SEC = 0.1  # sounds shorter than this say nothing to any of them


class AudioTower(Protocol):
    """An encoder of sound.

    Attributes:
        sample_rate: Hz of the windows.
        window_sec: length of a window; a shorter sound is given whole.
        hop_sec: from the beginning of a window to that of the next one.
        dim: of a vector.
    """

    sample_rate: int
    window_sec: float
    hop_sec: float
    dim: int

    def settings(self) -> dict[str, Any]:
        """What decides its vectors, besides the length of windows; see the module's conventions."""

    def __call__(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Vectors of windows: float32 (windows, dim)."""


class TextTower(Protocol):
    """An encoder of texts.

    Attributes:
        dim: of a vector.
    """

    dim: int

    def settings(self) -> dict[str, Any]:
        """What decides its vectors; see the module's conventions."""

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of texts: float32 (texts, dim)."""


def in_batches(
    items: Sequence[Any], batch_size: int, encode: Callable[[list[Any]], torch.Tensor], alike: bool = True
) -> np.ndarray:
    """Vectors of windows or texts, a batch at a time, the shortest first: float32 (items, dim).

    Args:
        items: with a length each.
        encode: gives a tensor (batch, dim).
        alike: items of a batch have the same length.
    """
    order = sorted(range(len(items)), key=lambda i: len(items[i]))
    out: list[Any] = [None] * len(items)
    with torch.inference_mode():
        while order:
            batch = order[:batch_size]
            if alike:
                batch = [i for i in batch if len(items[i]) == len(items[batch[0]])]
            order = order[len(batch) :]
            values = encode([items[i] for i in batch]).float().cpu().numpy()
            for i, vector in zip(batch, values, strict=True):
                out[i] = vector
    return np.stack(out)


def weights_digest(model: torch.nn.Module) -> str:
    """SHA-256 of a model's weights by name, hexadecimal."""
    digest = hashlib.sha256()
    for name, values in sorted(model.state_dict().items()):
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        digest.update(values.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def frozen(model: torch.nn.Module, device: Any) -> Any:
    """A model that only computes, on a device."""
    return model.eval().requires_grad_(False).to(device)
