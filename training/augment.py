"""Changes of sounds while training: waveforms before the front end, masks on spectrograms after it.

Conventions: waveform transforms are ``transform(audio, sampling_rate, rng)``, float32 (samples,) to the same
shape, with a NumPy generator of (seed, epoch, row), so a run that is resumed hears the same. None moves an
onset. Masks are drawn from torch's generator, whose state is in the Trainer's checkpoints.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import nn

from sousa.generation.errors import UsageError, one_of


@dataclass(frozen=True)
class Waveform:
    """Random level, tilt and noise.

    Args:
        gain_db: level is changed by up to so many decibels either way.
        tilt_db: treble against bass, up to so many decibels at the ends of the spectrum either way.
        noise_db: (lowest, highest) level of white noise relative to the signal's RMS; None for none.
        noise_prob: share of clips with noise.
        polarity_prob: share of clips turned upside down.
    """

    gain_db: float = 0.0
    tilt_db: float = 0.0
    noise_db: tuple | None = None
    noise_prob: float = 0.5
    polarity_prob: float = 0.0

    def __post_init__(self):
        wrong = [n for n in ("gain_db", "tilt_db") if getattr(self, n) < 0]
        wrong += [n for n in ("noise_prob", "polarity_prob") if not 0 <= getattr(self, n) <= 1]
        if wrong:
            raise UsageError(f"augment: {', '.join(wrong)} out of range; levels are 0 or more, shares 0 to 1")
        if self.noise_db is not None and (len(self.noise_db) != 2 or self.noise_db[0] > self.noise_db[1]):
            raise UsageError(f"augment: noise_db is {list(self.noise_db)}; give [lowest, highest]")

    @property
    def does_something(self):
        return bool(self.gain_db or self.tilt_db or self.noise_db is not None or self.polarity_prob)

    def __call__(self, audio, sampling_rate, rng):
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


class SpecAugment(nn.Module):
    """Masks over frames and bands of (batch, frames, bands), set to 0, the mean.

    Args:
        time_masks, time_width: how many, and frames of the widest; band_masks, band_width: bands.

    Source: Park et al., SpecAugment, 2019, without time warping.
    """

    def __init__(self, time_masks=0, time_width=0, band_masks=0, band_width=0):
        super().__init__()
        self.time_masks, self.time_width = time_masks, time_width
        self.band_masks, self.band_width = band_masks, band_width
        if min(time_masks, time_width, band_masks, band_width) < 0:
            raise UsageError("spec_augment: numbers and widths of masks are 0 or more")

    def settings(self):
        """As plain data."""
        return {
            name: getattr(self, name) for name in ("time_masks", "time_width", "band_masks", "band_width")
        }

    @property
    def does_something(self):
        return bool((self.time_masks and self.time_width) or (self.band_masks and self.band_width))

    def forward(self, x):
        for axis, masks, width in (
            (1, self.time_masks, self.time_width),
            (2, self.band_masks, self.band_width),
        ):
            size = x.shape[axis]
            for _ in range(masks if width else 0):
                widths = torch.rand(len(x), 1) * min(width, size)
                starts = torch.rand(len(x), 1) * (size - widths)
                at = torch.arange(size)
                mask = ((at >= starts) & (at < starts + widths)).to(x.device)
                x = x.masked_fill(mask.unsqueeze(3 - axis), 0.0)
        return x


def build(kind, settings):
    """A Waveform or SpecAugment from plain data.

    Raises: UsageError naming what it does not know.
    """
    known = [f.name for f in fields(Waveform)] if kind is Waveform else list(SpecAugment().settings())
    wrong = [f"unknown key of augment {one_of(name, known)}" for name in settings if name not in known]
    if wrong:
        raise UsageError("; ".join(wrong))
    return kind(**settings)
