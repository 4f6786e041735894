"""music2latent, by its package of that name; code and weights may not be used commercially.

The package fetches its weights when it is first used, into its own folder; a file that was fetched before can
be named in place of that. Its latents are of one channel: sounds of several are averaged before.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from sousa.generation.errors import RunError, UsageError, first_line
from sousa.training.embedding.towers import frozen, in_batches, weights_digest

WINDOW_SEC, SAMPLE_RATE, DIM = 10.0, 44100, 64
PACKAGE = "music2latent"


class Latent:
    """Sounds by music2latent: the mean of its latents over time.

    Args:
        where: PACKAGE, for the weights that its package fetches; there are no others.

    Raises: UsageError without the package; RunError when the weights can't be loaded.
    """

    window_sec = hop_sec = WINDOW_SEC
    sample_rate, dim = SAMPLE_RATE, DIM

    def __init__(self, where: str, revision: str | None, device: Any, batch_size: int):
        if where != PACKAGE:
            raise UsageError(f"latent={where}: its weights are those of the package; give latent alone")
        if find_spec(PACKAGE) is None:
            raise UsageError(f"latent needs the package {PACKAGE}; install it with: pip install {PACKAGE}")
        try:
            from music2latent import EncoderDecoder

            self.codec = EncoderDecoder(device=torch.device(device))
        except Exception as error:  # whatever its download and its unpickling raise
            raise RunError(f"the weights of {PACKAGE} can't be loaded: {first_line(error)}") from None
        self.device, self.batch_size = device, batch_size
        frozen(self.codec.gen, device)

    def settings(self) -> dict[str, Any]:
        return {"digest": weights_digest(self.codec.gen), "pooling": "mean of frames"}

    def __call__(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        return in_batches(windows, self.batch_size, self._encode)

    def _encode(self, windows: list[np.ndarray]) -> torch.Tensor:
        # it takes windows as if they were the channels of a sound
        return torch.as_tensor(self.codec.encode(np.stack(windows))).mean(dim=-1)
