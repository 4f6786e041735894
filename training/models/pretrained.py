"""``transformers`` encoders: loaded whole or not at all, behind the interface of the compact network.

Conventions: an encoder gives ``(fine, coarse)`` as :mod:`sousa.training.models.compact` does; here both are
the last hidden states. Encoders over waveforms (Wav2Vec2, HuBERT) give a frame each 20 ms, good enough for
onsets; AST gives patches without an order of frames that events could use.
"""

import math
import os
from typing import Any

import torch
from torch import nn

from sousa.builders.hub import remote
from sousa.generation.errors import RunError, SousaError, UsageError, first_line, one_of

# a masking vector is used in pretraining alone, a pooler not at all; whatever else is missing would be noise
_UNUSED = ("masked_spec_embed", "pooler")


def fetch(name: str, kinds: tuple[str, ...] = (), wrong: type[SousaError] = RunError, **options: Any) -> Any:
    """A pretrained model: ``(config, feature extractor, model)``.

    Args:
        name: directory that ``save_pretrained`` made, or ``org/name`` on the Hub.
        kinds: types of models that will do, all by default.
        wrong: what is raised when it can't be loaded.
        options: of ``from_pretrained``.

    Raises: UsageError for what is no name, or another kind; RunError when weights are missing.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoFeatureExtractor, AutoModel

    here = os.path.isdir(name)
    if not here and (name.startswith((".", "/", "~")) or name.count("/") != 1):
        raise UsageError(
            f"{name!r} is neither a directory here nor a name on the Hub (org/name); give one that "
            "save_pretrained made"
        )
    remote.check_environment(network=not here)
    if not here:
        remote.client()  # whose session waits no longer than is of use; it is that of transformers too
    more = {name: options.pop(name) for name in ("use_safetensors",) if name in options}
    try:
        config = AutoConfig.from_pretrained(name, **options)
        if kinds and config.model_type not in kinds:
            raise UsageError(f"{name} is of another kind: {one_of(config.model_type, kinds)}")
        extractor = AutoFeatureExtractor.from_pretrained(name, **options)
        model, report = AutoModel.from_pretrained(
            name, config=config, output_loading_info=True, dtype=torch.float32, **more, **options
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        advice = (
            "give a directory with config.json, preprocessor_config.json and model.safetensors" if here
            else "give a directory here, or a model on the Hub or in its cache, with safetensors weights"
        )  # fmt: skip
        raise wrong(f"{name} can't be loaded: {first_line(error).rstrip('.:')}; {advice}") from None
    missing = [key for key in report["missing_keys"] if not any(part in key for part in _UNUSED)]
    lost = sorted({*missing, *map(str, report.get("mismatched_keys", ()))})
    if lost or report.get("error_msgs"):
        shown = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
        raise RunError(
            f"{name}: the weights lack {shown or report['error_msgs'][0]}, which would be random; "
            "give a model whose weights are complete"
        )
    return config, extractor, model


def rebuild(config: dict[str, Any]) -> "Encoder":
    """An encoder of the same architecture with fresh weights, from the ``config`` of its settings."""
    from transformers import AutoConfig, AutoModel

    config = {name: value for name, value in config.items() if name not in ("dtype", "torch_dtype")}
    return Encoder(AutoModel.from_config(AutoConfig.for_model(config.pop("model_type"), **config)))


class Encoder(nn.Module):
    """A ``transformers`` encoder such as ``ASTModel``; freeze: keep its weights and its dropout off."""

    def __init__(self, model: nn.Module, freeze: bool = False):
        super().__init__()
        self.model, self.frozen = model, freeze
        self.fine_size = self.coarse_size = model.config.hidden_size
        self.over_waveforms = hasattr(model.config, "conv_stride")
        self.hop = math.prod(model.config.conv_stride) if self.over_waveforms else None  # samples of a frame
        if freeze:
            model.requires_grad_(False)
        elif hasattr(model, "feature_extractor") and hasattr(model, "freeze_feature_encoder"):
            # the convolutions under Wav2Vec2 and HuBERT are kept in all published fine-tunings
            model.freeze_feature_encoder()

    def train(self, mode: bool = True) -> "Encoder":
        super().train(mode)
        if self.frozen:
            self.model.eval()
        return self

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            states = self.model(x).last_hidden_state
        return states, states

    def clock(self, front_end: Any) -> tuple[float, float] | None:
        """``(first_sec, frame_sec)``: time of frame 0, and from frame to frame; None where there are none."""
        if not self.over_waveforms:
            return None
        frame_sec = self.hop / front_end.sampling_rate
        return frame_sec / 2, frame_sec

    def num_frames(self, front_end: Any, samples: int) -> int:
        """Frames of a clip of so many samples."""
        return int(self.model._get_feat_extract_output_lengths(samples))

    def settings(self) -> dict[str, Any]:
        config = self.model.config
        return {"kind": "pretrained", "config": {**config.to_diff_dict(), "model_type": config.model_type}}
