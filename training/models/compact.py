"""A small convolutional network over log-mel frames, made to learn on a CPU.

Conventions: input float32 (batch, frames, bands). It gives two sequences: ``fine`` (batch, frames / 2,
channels + wide_channels), one vector for each two frames, for what happens event by event, with the
coarse frame it lies in; and ``coarse`` (batch, frames / 8, wide_channels), which sees seconds at once, for
what the whole clip is.

Dense convolutions with ReLU, because on a CPU they cost less than depthwise ones of the same accuracy;
attention layers (a conformer's order: attention, then convolution) are an option that pays on a GPU.
"""

from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from sousa.generation.models import Model, Number, Whole
from sousa.generation.options import option

_Dilations = Annotated[tuple[Annotated[Whole, Field(ge=1)], ...], Field(strict=False, min_length=1)]


class CompactConfig(Model):
    """Sizes of the network."""

    channels: Whole = option(96, "channels of fine frames", ge=1, le=8192)
    wide_channels: Whole = option(160, "channels of coarse frames", ge=1, le=8192)
    fine_dilations: _Dilations = option((1, 2), "of the convolutions over fine frames, one each")
    dilations: _Dilations = option((1, 2, 4, 8, 16, 1), "of the convolutions over coarse frames, one each")
    attention_layers: Whole = option(0, "layers of attention among them", ge=0, le=64)
    attention_heads: Whole = option(4, "heads of each", ge=1, le=64)
    dropout: Number = option(0.1, "share of channels left out while training", ge=0, le=0.95)


class Residual(nn.Module):
    """x + a convolution over time and one over channels."""

    def __init__(self, channels, dilation, dropout, width=5):
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        around = dilation * (width // 2)
        self.over_time = nn.Conv1d(channels, channels, width, padding=around, dilation=dilation)
        self.over_channels = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout1d(dropout)  # whole channels: as good here, and an eighth of the cost

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.dropout(self.over_channels(F.relu(self.over_time(F.relu(self.norm(x))))))


class Attention(nn.Module):
    """x + self-attention over time with rotary positions."""

    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.into = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, time = x.shape
        q, k, v = self.into(self.norm(x.transpose(1, 2))).view(batch, time, 3, self.heads, -1).unbind(2)
        parts = (part.transpose(1, 2) for part in (_rotated(q), _rotated(k), v))
        out = F.scaled_dot_product_attention(*parts)
        return x + self.out(out.transpose(1, 2).reshape(batch, time, channels)).transpose(1, 2)


def _rotated(x):
    """Rotary position embedding of (batch, time, heads, size). Source: Su et al., RoFormer, 2021."""
    half = x.shape[-1] // 2
    rates = 10000.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angles = torch.arange(x.shape[1], device=x.device, dtype=torch.float32)[:, None] * rates
    cos, sin = angles.cos()[:, None].to(x.dtype), angles.sin()[:, None].to(x.dtype)
    a, b = x[..., :half], x[..., half : 2 * half]
    return torch.cat([a * cos - b * sin, a * sin + b * cos, x[..., 2 * half :]], dim=-1)


class Compact(nn.Module):
    """The network; num_features: bands of a frame."""

    fine_stride, coarse_stride = 2, 8

    def __init__(self, config: CompactConfig, num_features: int):
        super().__init__()
        c, wide = config.channels, config.wide_channels
        self.entry = nn.Conv1d(num_features, c, 6, stride=2, padding=2)
        self.fine = nn.Sequential(*[Residual(c, d, config.dropout) for d in config.fine_dilations])
        self.narrow = nn.Conv1d(c, wide, 8, stride=4, padding=2)
        layers = [Residual(wide, d, config.dropout) for d in config.dilations]
        for i in range(config.attention_layers):  # spread from the end backwards
            layers.insert(max(len(layers) - 2 * i, 0), Attention(wide, config.attention_heads))
        self.coarse = nn.Sequential(*layers)
        self.config, self.fine_size, self.coarse_size = config, c + wide, wide

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        fine = self.fine(self.entry(x.transpose(1, 2)))
        coarse = self.coarse(self.narrow(fine))
        around = coarse.repeat_interleave(self.coarse_stride // self.fine_stride, dim=2)
        around = F.pad(around, (0, max(fine.shape[2] - around.shape[2], 0)))[:, :, : fine.shape[2]]
        return torch.cat([fine, around], dim=1).transpose(1, 2), coarse.transpose(1, 2)

    def clock(self, front_end: Any) -> tuple[float, float]:
        """``(first_sec, frame_sec)``: time of fine frame 0, and from frame to frame."""
        return 0.5 * front_end.frame_sec, self.fine_stride * front_end.frame_sec

    def num_frames(self, front_end: Any, samples: int) -> int:
        """Fine frames of a clip of so many samples."""
        return front_end.num_frames(samples) // self.fine_stride

    def settings(self) -> dict[str, Any]:
        return {"kind": "compact", **self.config.model_dump()}
