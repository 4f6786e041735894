"""Changes of sounds while training: waveforms before the front end, masks on spectrograms after it.

Conventions: waveform transforms are ``transform(audio, sampling_rate, rng)``, float32 (samples,) to the same
shape, with a NumPy generator of (seed, epoch, row), so a run that is resumed hears the same. None moves an
onset. Masks are drawn from torch's generator, whose state is in the Trainer's checkpoints.
"""

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import BeforeValidator, ConfigDict
from torch import nn

from sousa.generation.models import Model, Number, Whole
from sousa.generation.options import option


def _pair(value: Any) -> Any:
    numbers = isinstance(value, (list, tuple)) and all(isinstance(end, (int, float)) for end in value)
    if value is None or (numbers and len(value) == 2 and value[0] <= value[1]):
        return value and tuple(map(float, value))
    raise ValueError("give [lowest, highest]")


class Waveform(Model):
    """Random level, tilt and noise."""

    model_config = ConfigDict(frozen=True)

    gain_db: Number = option(0.0, "level is changed by up to so many dB either way", ge=0, le=60)
    tilt_db: Number = option(
        0.0, "treble against bass, up to so many dB at the ends of the spectrum", ge=0, le=20
    )
    noise_db: Annotated[tuple[float, float] | None, BeforeValidator(_pair)] = option(
        None, "[lowest, highest] level of white noise relative to the signal's RMS, dB"
    )
    noise_prob: Number = option(0.5, "share of clips with noise", ge=0, le=1)
    polarity_prob: Number = option(0.0, "share of clips turned upside down", ge=0, le=1)

    @property
    def does_something(self) -> bool:
        return bool(self.gain_db or self.tilt_db or self.noise_db is not None or self.polarity_prob)

    def __call__(self, audio: np.ndarray, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
        # every number is drawn, used or not: one option must not change what another draws
        gain, tilt = rng.uniform(-1, 1, 2) * (self.gain_db, self.tilt_db)
        noisy, turned, where = rng.random(3)
        if tilt:
            # a first difference rises 6 dB an octave: a share of it tilts, causally, with sample 0 in place
            share = np.float32(np.clip(abs(tilt) / 20.0, 0.0, 0.9))
            before = np.concatenate([np.zeros(1, np.float32), audio[:-1]])
            audio = (audio - share * before) if tilt > 0 else (audio + share * before) / (1 + share)
        if self.noise_db is not None and noisy < self.noise_prob:
            level = self.noise_db[0] + where * (self.noise_db[1] - self.noise_db[0])
            rms = float(np.sqrt(np.mean(np.square(audio)))) if len(audio) else 0.0
            audio = audio + np.float32(rms * 10 ** (level / 20)) * rng.standard_normal(len(audio), np.float32)
        sign = -1.0 if turned < self.polarity_prob else 1.0
        return (audio * np.float32(sign * 10 ** (gain / 20))).astype(np.float32, copy=False)


class Masks(Model):
    """How many masks, and how wide."""

    time_masks: Whole = option(0, "masks over frames, while training", ge=0, le=100)
    time_width: Whole = option(0, "frames of the widest", ge=0)
    band_masks: Whole = option(0, "masks over bands, while training", ge=0, le=100)
    band_width: Whole = option(0, "bands of the widest", ge=0)


class SpecAugment(nn.Module):
    """Masks over frames and bands of (batch, frames, bands), set to 0, the mean; arguments: :class:`Masks`.

    Source: Park et al., SpecAugment, 2019, without time warping.
    """

    def __init__(self, **masks: int):
        super().__init__()
        self.masks = Masks(**masks)

    @property
    def does_something(self) -> bool:
        masks = self.masks
        return bool((masks.time_masks and masks.time_width) or (masks.band_masks and masks.band_width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        masks = self.masks
        time, bands = (masks.time_masks, masks.time_width), (masks.band_masks, masks.band_width)
        for axis, (count, width) in ((1, time), (2, bands)):
            size = x.shape[axis]
            for _ in range(count if width else 0):
                widths = torch.rand(len(x), 1) * min(width, size)
                starts = torch.rand(len(x), 1) * (size - widths)
                at = torch.arange(size)
                mask = ((at >= starts) & (at < starts + widths)).to(x.device)
                x = x.masked_fill(mask.unsqueeze(3 - axis), 0.0)
        return x
