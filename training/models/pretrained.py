"""``transformers`` encoders: loaded whole or not at all, behind the interface of the compact network.

Conventions: an encoder gives ``(fine, coarse)`` as :mod:`sousa.training.models.compact` does; here both are
the last hidden states. Encoders over waveforms (Wav2Vec2, HuBERT) give a frame each 20 ms, good enough for
onsets. AST gives patches, band by band, in no order of time; with ``frames`` those of one time are taken
together, and of them are made frames of 20 ms for the middle of the patches, as long as their step in time.
"""

import math
import os
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from sousa.builders.hub import remote
from sousa.generation.errors import RunError, SousaError, UsageError, first_line, one_of
from sousa.generation.models import Model, Whole
from sousa.generation.options import option

# a masking vector is used in pretraining alone, a pooler not at all; whatever else is missing would be noise
_UNUSED = ("masked_spec_embed", "pooler")
AST = "audio-spectrogram-transformer"
AST_STEP_SEC, AST_WINDOW_SEC = 0.010, 0.025  # of the filter bank in its feature extractor
_TOGETHER = 2  # steps of it in a frame
_FRAME_SIZE = 256  # of the vector of a frame


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


def rebuild(config: dict[str, Any], frames: bool = False) -> "Encoder":
    """An encoder of the same architecture with fresh weights, from the ``config`` of its settings."""
    from transformers import AutoConfig, AutoModel

    config = {name: value for name, value in config.items() if name not in ("dtype", "torch_dtype")}
    network = AutoModel.from_config(AutoConfig.for_model(config.pop("model_type"), **config))
    return Encoder(network, frames=frames)


class AstConfig(Model):
    """Sizes of an Audio Spectrogram Transformer with random weights."""

    layers: Whole = option(4, "layers of a spectrogram transformer", ge=1, le=64)
    hidden_size: Whole = option(192, "size of its vectors", ge=8, le=4096)
    heads: Whole = option(3, "heads of each layer, which divide hidden_size", ge=1, le=64)
    band_stride: Whole = option(16, "bands from patch to patch of 16 bands, of 128", ge=1, le=16)
    time_stride: Whole = option(8, "steps of 10 ms from patch to patch of 16; an even number", ge=2, le=16)

    def make(self, max_sec: float) -> tuple[Any, nn.Module]:
        """``(feature extractor, network)`` for clips of ``max_sec``, at 16 kHz."""
        from transformers import ASTConfig, ASTFeatureExtractor, ASTModel

        steps = math.ceil(round(max_sec / AST_STEP_SEC, 3)) - 16
        length = 16 + self.time_stride * max(-(-steps // self.time_stride), 0)
        sizes = {"num_hidden_layers": self.layers, "num_attention_heads": self.heads}
        strides = {"frequency_stride": self.band_stride, "time_stride": self.time_stride}
        config = ASTConfig(
            hidden_size=self.hidden_size, intermediate_size=4 * self.hidden_size, max_length=length,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **sizes, **strides,
        )  # fmt: skip
        return ASTFeatureExtractor(max_length=length), ASTModel(config)


class Encoder(nn.Module):
    """A ``transformers`` encoder such as ``ASTModel``.

    Args:
        freeze: keep its weights and its dropout off.
        frames: of AST: give frames in place of patches.
    """

    def __init__(self, model: nn.Module, freeze: bool = False, frames: bool = False):
        super().__init__()
        self.model, self.frozen, self.frames = model, freeze, None
        self.fine_size = self.coarse_size = model.config.hidden_size
        self.over_waveforms = hasattr(model.config, "conv_stride")
        self.hop = math.prod(model.config.conv_stride) if self.over_waveforms else None  # samples of a frame
        if frames and model.config.model_type == AST:
            if model.config.time_stride % _TOGETHER:
                raise UsageError(
                    f"the patches of this spectrogram transformer are {model.config.time_stride} steps of "
                    "10 ms apart, which makes no frames of 20 ms; give one whose time_stride is even"
                )
            size = _FRAME_SIZE * model.config.time_stride // _TOGETHER
            self.frames = nn.Linear(self._grid[0] * model.config.hidden_size, size)
            self.fine_size = self.coarse_size = _FRAME_SIZE
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

    @property
    def _grid(self) -> tuple[int, int]:
        """Patches of AST: how many over the bands, and how many over time."""
        c = self.model.config
        bands = (c.num_mel_bins - c.patch_size) // c.frequency_stride + 1
        return bands, (c.max_length - c.patch_size) // c.time_stride + 1

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            states = self.model(x).last_hidden_state
        if self.frames is not None:
            bands, times = self._grid
            # without the tokens of class and distillation; those of one time side by side
            patches = states[:, -bands * times :].unflatten(1, (bands, times)).transpose(1, 2).flatten(2)
            states = F.gelu(self.frames(patches).unflatten(2, (-1, _FRAME_SIZE)).flatten(1, 2))
        return states, states

    def clock(self, front_end: Any) -> tuple[float, float] | None:
        """``(first_sec, frame_sec)``: time of frame 0, and from frame to frame; None where there are none."""
        if self.frames is not None:
            c = self.model.config
            # the middle of a patch is as long as the step to the next one
            before = (c.patch_size - c.time_stride + _TOGETHER - 1) / 2
            return AST_WINDOW_SEC / 2 + before * AST_STEP_SEC, _TOGETHER * AST_STEP_SEC
        if not self.over_waveforms:
            return None
        frame_sec = self.hop / front_end.sampling_rate
        return frame_sec / 2, frame_sec

    def num_frames(self, front_end: Any, samples: int) -> int:
        """Frames of a clip of so many samples."""
        if self.frames is not None:
            return self._grid[1] * self.model.config.time_stride // _TOGETHER
        return int(self.model._get_feat_extract_output_lengths(samples))

    def settings(self) -> dict[str, Any]:
        config = self.model.config
        plain = {**config.to_diff_dict(), "model_type": config.model_type}
        return {"kind": "pretrained", "config": plain} | ({"frames": True} if self.frames is not None else {})
