"""AST, Wav2Vec2, HuBERT and other ``transformers`` encoders behind the interface of the compact network.

Conventions: an encoder gives ``(fine, coarse)`` as :mod:`sousa.training.models.compact` does; here both are
the last hidden states. Encoders over waveforms (Wav2Vec2, HuBERT) give a frame each 20 ms, good enough for
strokes; AST gives patches without an order of frames that strokes could use.
"""

import math

import torch
from torch import nn

from sousa.generation.errors import RunError, UsageError, first_line


def load(path, freeze=False):
    """A pretrained encoder and its front end.

    Args:
        path: directory of a saved model, or a name on the Hub; freeze: its weights are not trained.

    Returns: ``(Encoder, feature extractor)``.
    Raises: UsageError when it can't be found; RunError when weights are missing in it.
    """
    from transformers import AutoFeatureExtractor, AutoModel

    try:
        extractor = AutoFeatureExtractor.from_pretrained(path)
        model, info = AutoModel.from_pretrained(path, output_loading_info=True, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the pretrained model {str(path)!r} can't be loaded ({first_line(error)}); give a "
            "directory with config, weights and feature extractor, or a name on the Hub within reach"
        ) from None
    # a masking vector is only used in pretraining; whatever else is missing would be noise
    missing = [
        name for name in info["missing_keys"] if "masked_spec_embed" not in name and "pooler" not in name
    ]
    if missing:
        raise RunError(
            f"{path} lacks {len(missing)} weights of its model, such as {sorted(missing)[0]}; fetch it again"
        )
    return Encoder(model, freeze), extractor


def rebuild(config):
    """An encoder of the same architecture with fresh weights, from what :meth:`Encoder.settings` gave."""
    from transformers import AutoConfig, AutoModel

    config = {name: value for name, value in config.items() if name not in ("dtype", "torch_dtype")}
    return Encoder(AutoModel.from_config(AutoConfig.for_model(config.pop("model_type"), **config)))


class Encoder(nn.Module):
    """A ``transformers`` encoder.

    Args:
        model: such as ``ASTModel``, ``Wav2Vec2Model``; freeze: keep its weights and its dropout off.
    """

    def __init__(self, model, freeze=False):
        super().__init__()
        self.model, self.frozen = model, freeze
        self.fine_size = self.coarse_size = model.config.hidden_size
        if freeze:
            model.requires_grad_(False)
        elif hasattr(model, "feature_extractor") and hasattr(model, "freeze_feature_encoder"):
            # the convolutions under Wav2Vec2 and HuBERT are kept in all published fine-tunings
            model.freeze_feature_encoder()

    @property
    def over_waveforms(self):
        return hasattr(self.model.config, "conv_stride")

    @property
    def hop(self):
        """Samples from frame to frame of an encoder over waveforms."""
        return math.prod(self.model.config.conv_stride)

    def train(self, mode=True):
        super().train(mode)
        if self.frozen:
            self.model.eval()
        return self

    def forward(self, x):
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            states = self.model(x).last_hidden_state
        return states, states

    def settings(self):
        return {**self.model.config.to_diff_dict(), "model_type": self.model.config.model_type}
