"""Changes of sounds while training: waveforms before the front end, masks on spectrograms after it.

Conventions: waveform transforms are ``transform(audio, sampling_rate, rng)``, float32 (samples,) to the same
shape, with a NumPy generator of (seed, epoch, row), so a run that is resumed hears the same. None moves an
onset: rooms and filters are causal, and the first sample of a room is its direct sound. Detuning is done
where a clip is resampled, and the times of its labels with it: see :class:`sousa.training.rows.BaseRows`.
Masks are drawn from torch's generator, whose state is in the Trainer's checkpoints.
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


_BANDS, _LOWEST_HZ, _HIGHEST_SHARE = 3, 60.0, 0.4  # of an equaliser; of the sample rate
_STEP_FRAMES, _STEP_DB = 3, 4.0  # of a rattle
_DYNAMICS_MS = 60.0  # in which a level is forgotten that softer ones are measured by
_COLOUR_DB = 12.0  # of noise on spectrograms, treble against bass, either way
_LEAST_DIRECT, _MOST_DIRECT = 0.0, 12.0  # dB of the direct sound over the reverberation


def _equalised(audio: np.ndarray, rate: int, bands: np.ndarray, most_db: float) -> np.ndarray:
    """Through peaking filters of random frequency, width and gain; bands: [bands, 3], 0 to 1.

    Source: R. Bristow-Johnson, Cookbook formulae for audio EQ biquad filter coefficients.
    """
    from scipy.signal import sosfilt

    hz = _LOWEST_HZ * (_HIGHEST_SHARE * rate / _LOWEST_HZ) ** bands[:, 0]
    gain, width = 10 ** (most_db * (2 * bands[:, 1] - 1) / 40), 0.5 + 1.5 * bands[:, 2]
    angle = 2 * np.pi * hz / rate
    alpha, cosine = np.sin(angle) / (2 * width), -2 * np.cos(angle)
    filters = np.stack(
        [1 + alpha * gain, cosine, 1 - alpha * gain, 1 + alpha / gain, cosine, 1 - alpha / gain], axis=1
    )
    return sosfilt(filters / filters[:, 3:4], audio).astype(np.float32)


def _in_room(
    audio: np.ndarray, rate: int, seconds: tuple[float, float], how_long: float, how_far: float,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """In a room of decaying noise, its direct sound first."""
    from scipy.signal import oaconvolve

    length = seconds[0] + how_long * (seconds[1] - seconds[0])
    times = np.arange(max(round(length * rate), 2), dtype=np.float32) / rate
    response = rng.standard_normal(len(times), np.float32) * 10 ** (-3 * times / np.float32(length))
    direct_db = _LEAST_DIRECT + how_far * (_MOST_DIRECT - _LEAST_DIRECT)
    response *= 10 ** (-direct_db / 20) / np.sqrt(np.square(response).sum())
    response[0] = 1.0
    return oaconvolve(audio, response)[: len(audio)].astype(np.float32) if len(audio) else audio


class Colours(Model):
    """Random level and colour, of sounds or of what is made of them."""

    gain_db: Number = option(0.0, "level is changed by up to so many dB either way", ge=0, le=60)
    tilt_db: Number = option(
        0.0, "treble against bass, up to so many dB at the ends of the spectrum", ge=0, le=20
    )
    eq_db: Number = option(0.0, "three bands are raised or lowered by up to so many dB", ge=0, le=24)
    noise_prob: Number = option(0.5, "share of clips with noise", ge=0, le=1)


class Waveform(Colours):
    """Random level, colour, room and noise."""

    model_config = ConfigDict(frozen=True)

    noise_db: Annotated[tuple[float, float] | None, BeforeValidator(_pair)] = option(
        None, "[lowest, highest] level of white noise relative to the signal's RMS, dB"
    )
    polarity_prob: Number = option(0.0, "share of clips turned upside down", ge=0, le=1)
    room_prob: Number = option(0.0, "share of clips in a room", ge=0, le=1)
    room_sec: Annotated[tuple[float, float], BeforeValidator(_pair)] = option(
        (0.2, 0.8), "[shortest, longest] reverberation time of these rooms, s"
    )
    detune_cents: Number = option(
        0.0, "clips are tuned by up to so much either way, and as much faster or slower, cents", ge=0, le=50
    )

    @property
    def does_something(self) -> bool:
        shares = (self.gain_db, self.tilt_db, self.polarity_prob, self.eq_db, self.room_prob)
        return bool(any(shares) or self.noise_db is not None)

    def __call__(self, audio: np.ndarray, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
        # every number is drawn, used or not: one option must not change what another draws
        gain, tilt = rng.uniform(-1, 1, 2) * (self.gain_db, self.tilt_db)
        noisy, turned, where = rng.random(3)
        # numbers far on in the stream: noise is drawn from where it is
        far = np.random.Generator(rng.bit_generator.jumped())
        inside, *room = far.random(3)
        bands = far.random((_BANDS, 3))
        if self.eq_db:
            audio = _equalised(audio, sampling_rate, bands, self.eq_db)
        if inside < self.room_prob:
            audio = _in_room(audio, sampling_rate, self.room_sec, *room, far)
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


class Masks(Colours):
    """How many masks, and how wide; and changes of sound that are made on spectrograms."""

    time_masks: Whole = option(0, "masks over frames, while training", ge=0, le=100)
    time_width: Whole = option(0, "frames of the widest", ge=0)
    band_masks: Whole = option(0, "masks over bands, while training", ge=0, le=100)
    band_width: Whole = option(0, "bands of the widest", ge=0)
    noise_db: Annotated[tuple[float, float] | None, BeforeValidator(_pair)] = option(
        None, "[lowest, highest] level of noise, of a colour of its own, relative to the loudest frame, dB"
    )
    dynamics: Annotated[tuple[float, float] | None, BeforeValidator(_pair)] = option(
        None, "[least, most] dB that sounds are softer than the loudest for each dB that they were"
    )
    rattle_prob: Number = option(0.0, "share of clips in which a rattle follows each sound", ge=0, le=1)
    rattle_db: Annotated[tuple[float, float], BeforeValidator(_pair)] = option(
        (-30.0, -8.0), "[lowest, highest] level of a rattle relative to the sound before it, dB"
    )
    rattle_ms: Annotated[tuple[float, float], BeforeValidator(_pair)] = option(
        (40.0, 220.0), "[shortest, longest] time in which a rattle falls by 20 dB, ms"
    )

    @property
    def colours(self) -> bool:
        """Whether sound is changed, beside masks."""
        levels = self.gain_db or self.eq_db or self.tilt_db or self.rattle_prob
        return bool(levels or self.noise_db is not None or self.dynamics is not None)


class SpecAugment(nn.Module):
    """Random colours, noise and masks for (batch, frames, bands) of a log-mel spectrogram, while training.

    Colours and noise act on magnitudes: they are what filters and noises make of smooth bands, at a tenth of
    the cost. Masked is set to 0, the mean.

    Args:
        front_end: whose spectrograms they are; a LogMel where sound is changed.
        options: as :class:`Masks`.

    Source: Park et al., SpecAugment, 2019, without time warping, for masks.
    """

    def __init__(self, front_end: Any = None, **options: Any):
        super().__init__()
        self.masks, self.front_end = Masks(**options), front_end

    @property
    def does_something(self) -> bool:
        masks = self.masks
        masked = (masks.time_masks and masks.time_width) or (masks.band_masks and masks.band_width)
        return bool(masked) or masks.colours

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        masks = self.masks
        if masks.colours:
            x = self._coloured(x)
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

    def _coloured(self, x: torch.Tensor) -> torch.Tensor:
        masks, front_end, count, bands = self.masks, self.front_end, len(x), x.shape[2]

        def either_way(most: float, *shape: int) -> torch.Tensor:
            return most * (2.0 * torch.rand(count, *shape, 1) - 1.0)

        place = torch.linspace(0.0, 1.0, bands)
        gain_db = either_way(masks.gain_db) + either_way(masks.tilt_db) * (2.0 * place - 1.0)
        centre, width = torch.rand(count, 3, 1), 0.05 + 0.15 * torch.rand(count, 3, 1)
        bumps = either_way(masks.eq_db, 3) * torch.exp(-0.5 * ((place - centre) / width) ** 2)
        gain_db = gain_db + bumps.sum(1)
        gain = (10.0 ** (gain_db / 20.0))[:, None].to(x.device)
        sound = torch.exp(x * front_end.std + front_end.mean).sub_(front_end.floor).clamp_(min=0.0).mul_(gain)
        if masks.dynamics is not None:
            low, high = masks.dynamics
            ratio = low + (high - low) * torch.rand(count, 1).to(x.device)
            envelope = _envelope(sound.mean(2), torch.full((count, 1), _DYNAMICS_MS), front_end.frame_sec)
            share = envelope / envelope.amax(1, keepdim=True).clamp_(min=1e-9)
            sound.mul_(share.clamp_(min=1e-3).pow_(ratio - 1.0)[:, :, None])
        rattling = torch.rand(count) < masks.rattle_prob
        if masks.rattle_prob and rattling.any():
            sound[rattling] = self._rattling(sound[rattling])
        noisy = torch.rand(count) < masks.noise_prob
        if masks.noise_db is not None and noisy.any():
            heard = sound[noisy]
            low, high = masks.noise_db
            level_db = low + (high - low) * torch.rand(len(heard), 1, 1)
            colour_db = _COLOUR_DB * (2.0 * torch.rand(len(heard), 1, 1) - 1.0) * (2.0 * place - 1.0)
            noise = (10.0 ** ((level_db + colour_db) / 20.0)).to(x.device) * heard.mean(2).amax(1)[
                :, None, None
            ]
            # powers of noise are distributed exponentially, and add to those of sound
            drawn = -torch.rand(heard.shape).to(x.device).clamp_(min=1e-7).log_()
            sound[noisy] = (heard.square() + noise.square() * drawn).sqrt()
        return sound.add_(front_end.floor).log_().sub_(front_end.mean).div_(front_end.std)

    def _rattling(self, sound: torch.Tensor) -> torch.Tensor:
        """Magnitudes with noise that follows each sound and dies away unevenly, as wires of snares do."""
        masks, (count, frames, bands) = self.masks, sound.shape

        def between(ends: tuple[float, float], *shape: int) -> torch.Tensor:
            return ends[0] + (ends[1] - ends[0]) * torch.rand(count, *shape)

        envelope = _envelope(sound.mean(2), between(masks.rattle_ms, 1), self.front_end.frame_sec)
        late = torch.nn.functional.pad(envelope, (2, 0))[:, :frames]  # it begins after the sound
        steps = _STEP_DB * torch.randn(count, frames // _STEP_FRAMES + 1).repeat_interleave(_STEP_FRAMES, 1)
        place = torch.linspace(0.0, 1.0, bands)
        shape_db = -40.0 * (between((0.25, 0.75), 1) - place).clamp(min=0.0)  # little in the bass
        level_db = (between(masks.rattle_db, 1) + steps[:, :frames])[:, :, None] + shape_db[:, None]
        noise = late[:, :, None] * (10.0 ** (level_db / 20.0)).to(sound.device)
        drawn = -torch.rand(sound.shape).to(sound.device).clamp_(min=1e-7).log_()
        return (sound.square() + noise.square() * drawn).sqrt()


def _envelope(level: torch.Tensor, fall_ms: torch.Tensor, frame_sec: float) -> torch.Tensor:
    """Level (batch, frames) held from above, falling by 20 dB in so many ms, (batch, 1)."""
    falling = torch.arange(level.shape[1]) * (2.302585 * 1000.0 * frame_sec / fall_ms)
    falling = falling.to(level.device)
    # the largest of what is left of all levels before
    return (level.clamp(min=1e-9).log() + falling).cummax(1).values.sub_(falling).exp_()
