"""A convolutional network over time and frequency, made to tell notes on a CPU.

Conventions: input float32 (batch, frames, bands). Convolutions over both axes, each halving the bands, are
followed by some over time alone. ``fine`` and ``coarse`` are both (batch, frames, channels): a vector for
each frame of the front end, which sees about two seconds around it.
"""

from itertools import pairwise
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from sousa.generation.models import Model, Number, Whole
from sousa.generation.options import option
from sousa.training.models.compact import Attention

_Sizes = Annotated[tuple[Annotated[Whole, Field(ge=1, le=4096)], ...], Field(strict=False, min_length=1)]


class CnnConfig(Model):
    """Sizes of the network."""

    stem_channels: _Sizes = option((16, 32, 48), "of the convolutions over time and bands, one each")
    frame_channels: Whole = option(256, "channels of a frame", ge=1, le=8192)
    frame_dilations: _Sizes = option((1, 2, 4, 8, 16), "of the convolutions over time, one each")
    recurrent_size: Whole = option(0, "of a recurrent layer, each way, after them; 0 for none", ge=0, le=4096)
    attention_layers: Whole = option(0, "layers of attention after them", ge=0, le=64)
    attention_heads: Whole = option(4, "heads of each", ge=1, le=64)
    dropout: Number = option(0.1, "share of channels left out while training", ge=0, le=0.95)


class OverTime(nn.Module):
    """x + a convolution over time of half as many channels; (batch, channels, 1, frames), channels last.

    Layers are normalised frame by frame: on a CPU, statistics of batches cost as much as the convolutions.
    """

    def __init__(self, channels: int, dilation: int, dropout: float):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        around = {"padding": (0, dilation), "dilation": (1, dilation)}
        self.over_time = nn.Conv2d(channels, channels // 2, (1, 3), **around)
        self.over_channels = nn.Conv2d(channels // 2, channels, 1)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
        return x + self.dropout(self.over_channels(F.relu(self.over_time(y))))


class Cnn(nn.Module):
    """The network; num_features: bands of a frame."""

    def __init__(self, config: CnnConfig, num_features: int):
        super().__init__()
        sizes, bands = (1, *config.stem_channels), num_features
        self.stem = nn.Sequential()
        for number, (before, channels) in enumerate(pairwise(sizes)):
            width = 3 if number else 7  # of one channel more bands cost little
            layer = nn.Conv2d(before, channels, (3, width), stride=(1, 2), padding=(1, width // 2))
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
            self.stem.extend([layer, nn.ReLU(inplace=True)])
            bands = (bands - 1) // 2 + 1
        size = config.frame_channels
        self.frame = nn.Linear(bands * sizes[-1], size)
        self.over_time = nn.Sequential(*[OverTime(size, d, config.dropout) for d in config.frame_dilations])
        heads = config.attention_heads
        self.attention = nn.Sequential(*[Attention(size, heads) for _ in range(config.attention_layers)])
        self.norm = nn.LayerNorm(size)
        cells, self.recurrent = config.recurrent_size, None
        if cells:
            self.recurrent = nn.GRU(size, cells, batch_first=True, bidirectional=True)
        self.config, self.fine_size = config, size + 2 * cells
        self.coarse_size = self.fine_size

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = x.unsqueeze(1).to(memory_format=torch.channels_last)
        x = self.frame(self.stem(x).permute(0, 2, 3, 1).flatten(2))  # (batch, frames, channels)
        x = self.over_time(x.unsqueeze(1).permute(0, 3, 1, 2)).squeeze(2)
        x = F.relu(self.norm(self.attention(x).transpose(1, 2)))
        if self.recurrent is not None:
            x = torch.cat([x, self.recurrent(x)[0]], dim=2)
        return x, x

    def clock(self, front_end: Any) -> tuple[float, float]:
        """``(first_sec, frame_sec)``: time of frame 0, and from frame to frame."""
        return 0.0, front_end.frame_sec

    def num_frames(self, front_end: Any, samples: int) -> int:
        """Frames of a clip of so many samples."""
        return front_end.num_frames(samples)

    def settings(self) -> dict[str, Any]:
        return {"kind": "cnn", **self.config.model_dump()}
