"""The model: a head over vectors of sound and a head over vectors of text, into one space.

Conventions: ``audio`` (batch, size) and ``text`` (batch, size) are float32 vectors as the encoders give them;
the model standardises them by what the training split was like. Outputs are unit vectors (batch, dim), whose
inner product is the score of a text for a sound. What is saved is these heads alone; ``config.json`` says
which encoders they were trained over, as the embeddings directory had them.
"""

import math
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from sousa.generation.errors import RunError, UsageError, first_line
from sousa.generation.outside import expanded, is_file, read_json
from sousa.generation.storage import atomic_file
from sousa.training.models.model import CONFIG, WEIGHTS, load_weights, refuse_misfit, shapes_in
from sousa.training.projection.loss import contrastive

SIDES = ("audio", "text")
_LARGEST_SCALE = 100.0  # of cosines, as CLIP has it
_LEAST_DEVIATION = 1e-4  # of a number of a vector, over its largest deviation
_BLOCK = 4096


class ProjectionConfig(PreTrainedConfig):
    """Sizes of the heads and what they are over.

    Attributes:
        audio, text: settings of the encoders, with ``name`` and ``dim``.
        dim: of the space.
        hidden_dim: of the layer inside a head; 0 for none, which makes heads linear.
        dropout: share of that layer that is left out while training.
        temperature: that learning starts from.
    """

    model_type = "sousa_projection"

    audio: dict[str, Any] = field(default_factory=lambda: {"dim": 1})
    text: dict[str, Any] = field(default_factory=lambda: {"dim": 1})
    dim: int = 256
    hidden_dim: int = 1024
    dropout: float = 0.1
    temperature: float = 0.07


class Head(nn.Module):
    """Vectors of an encoder to unit vectors: a linear layer, and a network of one hidden layer beside it."""

    def __init__(self, size: int, config: ProjectionConfig):
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))
        self.linear = nn.Linear(size, config.dim)
        self.inner = None
        if config.hidden_dim:
            self.inner = nn.Sequential(
                nn.Linear(size, config.hidden_dim), nn.LayerNorm(config.hidden_dim), nn.GELU(),
                nn.Dropout(config.dropout), nn.Linear(config.hidden_dim, config.dim),
            )  # fmt: skip

    def standardise(self, vectors: np.ndarray) -> None:
        """Take mean and deviation of vectors (rows, size), which are read a block at a time."""
        mean, square = (np.zeros(vectors.shape[1]) for _ in range(2))
        for block in _blocks(vectors):
            mean += block.sum(0, dtype=np.float64) / len(vectors)
        for block in _blocks(vectors):
            square += ((block - mean) ** 2).sum(0) / len(vectors)
        deviation = np.sqrt(square)
        # what is the same in all vectors would be divided by nothing
        deviation = np.maximum(deviation, _LEAST_DEVIATION * max(deviation.max(), 1e-6))
        self.mean.copy_(torch.from_numpy(mean))
        self.deviation.copy_(torch.from_numpy(deviation))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        vectors = ((vectors - self.mean) / self.deviation).to(self.linear.weight.dtype)
        out = self.linear(vectors)
        if self.inner is not None:
            out = out + self.inner(vectors)
        return F.normalize(out.float(), dim=-1)


def _blocks(vectors: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(vectors), _BLOCK):
        yield np.asarray(vectors[first : first + _BLOCK], np.float32)


class ProjectionModel(PreTrainedModel):
    """Two heads and a temperature."""

    config_class = ProjectionConfig
    base_model_prefix = "projection"
    main_input_name = "text"

    def __init__(self, config: ProjectionConfig):
        super().__init__(config)
        self.heads = nn.ModuleDict({side: Head(getattr(config, side)["dim"], config) for side in SIDES})
        self.log_scale = nn.Parameter(torch.tensor(-math.log(config.temperature)))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)

    @property
    def scale(self) -> torch.Tensor:
        """What cosines are multiplied by in the loss."""
        return self.log_scale.exp().clamp(max=_LARGEST_SCALE)

    def forward(
        self, audio: torch.Tensor | None = None, text: torch.Tensor | None = None,
        sounds: torch.Tensor | None = None, parts: torch.Tensor | None = None,
        words: torch.Tensor | None = None, **ignored: Any,
    ) -> dict[str, torch.Tensor]:  # fmt: skip
        """Unit vectors of what is given, ``audio`` or ``text`` or both; with ``sounds`` also ``loss``.

        Args:
            sounds, parts, words: of each pair, see :func:`sousa.training.projection.loss.contrastive`.
        """
        out = {
            side: self.heads[side](vectors)
            for side, vectors in zip(SIDES, (audio, text), strict=True)
            if vectors is not None
        }
        if sounds is not None:
            loss = contrastive(out["audio"], out["text"], self.scale, sounds, parts, words)
            out = {"loss": loss, **out}
        return out

    @torch.inference_mode()
    def project(self, side: str, vectors: np.ndarray) -> np.ndarray:
        """Unit vectors, float32 (rows, dim), of vectors (rows, size) of an encoder; side: audio or text."""
        was_training = self.training
        self.eval()
        head = self.heads[side]
        parts = [head(torch.from_numpy(block).to(self.device)).cpu().numpy() for block in _blocks(vectors)]
        self.train(was_training)
        return np.concatenate(parts) if parts else np.empty((0, self.config.dim), np.float32)

    def save_pretrained(  # type: ignore[override]
        self, directory: str | Path, state_dict: dict[str, torch.Tensor] | None = None, **ignored: Any
    ) -> None:
        """Write the model into a directory; what was there before stays until that is done."""
        root = Path(directory)
        state = {name: value.contiguous() for name, value in (state_dict or self.state_dict()).items()}
        self.config.architectures = [type(self).__name__]
        with atomic_file(root / CONFIG) as file:
            file.write(self.config.to_json_string(use_diff=False).encode())
        with atomic_file(root / WEIGHTS) as file:
            file.write(save(state, {"format": "pt"}))


def place_of(where: str | Path) -> Path:
    """The directory of a model: of a run its best one; UsageError when there is none."""
    root = Path(expanded(where))
    best = root / "model"
    root = best if is_file(best / CONFIG) else root
    if not is_file(root / CONFIG):
        raise UsageError(f"{where} holds no model of 'sousa project' (no {CONFIG}); name a run of it")
    return root


def load(where: str | Path) -> ProjectionModel:
    """The heads of a run, of its ``model`` or of a checkpoint.

    Raises: UsageError when there is none, RunError when it is damaged.
    """
    root = place_of(where)
    try:
        stored = read_json(root / CONFIG)
        if stored["model_type"] != ProjectionConfig.model_type:
            raise UsageError(f"{where} holds another kind of model; name a run of 'sousa project'")
        config = ProjectionConfig.from_dict(stored)
        with torch.device("meta"):  # no room is made for what does not fit
            draft = ProjectionModel(config)
        refuse_misfit(draft, shapes_in(root / WEIGHTS), root / WEIGHTS)
        model = ProjectionModel(config)
    except (OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
        reason = first_line(error)
        raise RunError(f"{root / CONFIG} can't be used ({reason}); name another checkpoint") from None
    load_weights(model, root)
    return model.eval()
