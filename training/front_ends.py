"""From a waveform to what a model reads; done where rows are read, so loader workers share the cost.

Conventions: a front end takes float32 (samples,) at its ``sampling_rate`` and gives float32
(frames, bands), or (samples,) for models that read waveforms. ``log_mel`` frames are centred: frame i is
centred on sample ``i * hop_length``.
"""

import math
import warnings
from functools import cache, cached_property
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import ConfigDict, model_validator

from sousa.generation.errors import UsageError
from sousa.generation.models import Model, Number, Whole, chosen
from sousa.generation.options import option


@cache
def mel_filters(
    n_fft: int, n_mels: int, f_min_hz: float, f_max_hz: float, sample_rate: int, scale: str
) -> torch.Tensor:
    """Triangular filters: float32 [FFT bins, bands].

    ``scale``: htk with peaks of 1, or slaney (linear below 1 kHz) with areas of 1, as librosa's.
    Source: S. Young et al., The HTK Book; M. Slaney, Auditory Toolbox, 1998.
    """
    from torchaudio.functional import melscale_fbanks

    norm = "slaney" if scale == "slaney" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about bands without an FFT bin
        return melscale_fbanks(n_fft // 2 + 1, f_min_hz, f_max_hz, n_mels, sample_rate, norm, scale)


def mel_spectrogram(
    audio: torch.Tensor, window: torch.Tensor, hop: int, filters: torch.Tensor, power: int = 1
) -> torch.Tensor:
    """Mel bands of the magnitudes of centred frames: float32 (..., 1 + samples // hop, bands).

    Args:
        audio: float32 (..., samples).
        window: [FFT size].
        hop: samples.
        power: 2 for bands of powers.
    """
    size = len(window)
    frames = torch.nn.functional.pad(audio, (size // 2, size - size // 2)).unfold(-1, size, hop)
    spectrum = torch.fft.rfft(frames * window)
    # the modulus of complex numbers guards against overflow, and costs as much as the transform
    powers = torch.addcmul(spectrum.real.square(), spectrum.imag, spectrum.imag)
    return (powers.sqrt() if power == 1 else powers) @ filters


class LogMel(Model):
    """Log-mel spectrogram of magnitudes: triangular filters on the HTK mel scale."""

    model_config = ConfigDict(frozen=True)

    kind: Annotated[str, chosen("log_mel")] = option("log_mel", "what a compact model reads")
    sampling_rate: Whole = option(44100, "sounds are resampled to it, Hz", ge=1000, le=384_000)
    n_fft: Whole = option(512, "window and FFT, samples", ge=16, le=65536)
    hop_length: Whole = option(220, "from frame to frame, samples", ge=1, le=65536)
    n_mels: Whole = option(40, "bands", ge=1, le=1024)
    f_min_hz: Number = option(30.0, "lower end of the bands, Hz", ge=0)
    f_max_hz: Number = option(16000.0, "upper end of the bands, Hz", gt=0)
    floor: Number = option(1e-4, "added before the logarithm, of full scale", gt=0)
    mean: Number = option(-5.0, "logarithms are shifted by it, so that usual sounds lie around 0")
    std: Number = option(3.0, "and divided by it, so that their spread is about 1", gt=0)

    @model_validator(mode="after")
    def _bands_fit(self) -> "LogMel":
        if not self.f_min_hz < self.f_max_hz <= self.sampling_rate / 2:
            raise UsageError(
                f"mel bands from {self.f_min_hz:g} to {self.f_max_hz:g} Hz at {self.sampling_rate} Hz; give "
                f"0 <= f_min_hz < f_max_hz <= {self.sampling_rate / 2:g}"
            )
        return self

    @property
    def frame_sec(self) -> float:
        """Seconds from frame to frame."""
        return self.hop_length / self.sampling_rate

    @property
    def num_features(self) -> int:
        return self.n_mels

    @property
    def silence(self) -> float:
        """What frames of nothing are."""
        return (math.log(self.floor) - self.mean) / self.std

    def num_frames(self, samples: int) -> int:
        """Frames of a clip of so many samples."""
        return samples // self.hop_length + 1

    @cached_property
    def _tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        bands = (self.n_mels, self.f_min_hz, self.f_max_hz)
        return torch.hann_window(self.n_fft), mel_filters(self.n_fft, *bands, self.sampling_rate, "htk")

    def __call__(self, audio: np.ndarray) -> torch.Tensor:
        # clip by clip: frames of a batch at once don't fit the processor's cache, and cost 2.6 times as much
        window, filters = self._tables
        bands = mel_spectrogram(torch.as_tensor(audio), window, self.hop_length, filters)
        return bands.add_(self.floor).log_().sub_(self.mean).div_(self.std)

    def settings(self) -> dict[str, Any]:
        """As plain data, for :func:`build`."""
        return self.model_dump()


class Pretrained:
    """The feature extractor of ``transformers`` that belongs to a pretrained model."""

    kind = "pretrained"

    def __init__(self, extractor: Any):
        self.extractor, self.sampling_rate = extractor, int(extractor.sampling_rate)
        frames = getattr(extractor, "max_length", None)
        # length after which an extractor of fixed length cuts: Kaldi's frames, 10 ms apart
        self.longest_sec = frames * 0.010 if frames and hasattr(extractor, "num_mel_bins") else None

    def __call__(self, audio: np.ndarray) -> torch.Tensor:
        values = self.extractor(np.asarray(audio), sampling_rate=self.sampling_rate, return_tensors="pt")
        return values[self.extractor.model_input_names[0]][0]

    def settings(self) -> dict[str, Any]:
        return {"kind": self.kind}


def build(settings: dict[str, Any], extractor: Any = None) -> LogMel | Pretrained:
    """A front end from plain data: fields of a LogMel, or kind pretrained with its ``extractor``."""
    return Pretrained(extractor) if settings.get("kind") == "pretrained" else LogMel(**settings)
