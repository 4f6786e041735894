"""From a waveform to what a model reads; done where rows are read, so loader workers share the cost.

Conventions: a front end takes float32 (samples,) at its ``sampling_rate`` and gives float32
(frames, bands), or (samples,) for models that read waveforms. ``log_mel`` frames are centred: frame i is
centred on sample ``i * hop_length``.
"""

from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import torch

from sousa.generation.errors import UsageError, one_of


@dataclass(frozen=True)
class LogMel:
    """Log-mel spectrogram of magnitudes.

    Args:
        sampling_rate: Hz; n_fft: window, samples; hop_length: samples.
        n_mels, f_min_hz, f_max_hz: triangular filters on the HTK mel scale.
        floor: added before the logarithm, relative to full scale; mean, std: what the logarithms are
            shifted and scaled by, so that usual sounds lie around 0 with a spread of about 1.
    """

    sampling_rate: int = 44100
    n_fft: int = 512
    hop_length: int = 220
    n_mels: int = 40
    f_min_hz: float = 30.0
    f_max_hz: float = 16000.0
    floor: float = 1e-4
    mean: float = -5.0
    std: float = 3.0

    def __post_init__(self):
        if not 0 <= self.f_min_hz < self.f_max_hz <= self.sampling_rate / 2:
            raise UsageError(
                f"mel bands from {self.f_min_hz:g} to {self.f_max_hz:g} Hz at {self.sampling_rate} Hz; give "
                f"0 <= f_min_hz < f_max_hz <= {self.sampling_rate / 2:g}"
            )
        if min(self.n_fft, self.hop_length, self.n_mels) < 1:
            raise UsageError("n_fft, hop_length and n_mels must be 1 or more")

    kind = "log_mel"

    @property
    def frame_sec(self):
        """Seconds from frame to frame."""
        return self.hop_length / self.sampling_rate

    @property
    def num_features(self):
        return self.n_mels

    def num_frames(self, samples):
        """Frames of a clip of so many samples."""
        return samples // self.hop_length + 1

    @cached_property
    def _window(self):
        return torch.hann_window(self.n_fft)

    @cached_property
    def _bands(self):
        from torchaudio.functional import melscale_fbanks

        bins = self.n_fft // 2 + 1
        return melscale_fbanks(bins, self.f_min_hz, self.f_max_hz, self.n_mels, self.sampling_rate)

    def __call__(self, audio):
        # clip by clip: frames of a batch at once don't fit the processor's cache, and cost 2.6 times as much
        audio = torch.nn.functional.pad(
            torch.as_tensor(audio), (self.n_fft // 2, self.n_fft - self.n_fft // 2)
        )
        frames = audio.unfold(0, self.n_fft, self.hop_length)
        bands = torch.fft.rfft(frames * self._window).abs() @ self._bands
        return bands.add_(self.floor).log_().sub_(self.mean).div_(self.std)

    def __getstate__(self):
        return asdict(self)  # tables are made again in each process

    def settings(self):
        """As plain data, for :func:`build`."""
        return {"kind": self.kind, **asdict(self)}


class Pretrained:
    """The feature extractor that belongs to a pretrained model.

    Args:
        extractor: of ``transformers``, such as ``ASTFeatureExtractor`` or ``Wav2Vec2FeatureExtractor``.
    """

    kind = "pretrained"

    def __init__(self, extractor):
        self.extractor, self.sampling_rate = extractor, int(extractor.sampling_rate)

    @property
    def longest_sec(self):
        """Length after which an extractor of fixed length cuts, s; None for others."""
        frames = (
            getattr(self.extractor, "max_length", None) if hasattr(self.extractor, "num_mel_bins") else None
        )
        return frames and frames * 0.010  # Kaldi's frames, 10 ms apart

    def __call__(self, audio):
        values = self.extractor(np.asarray(audio), sampling_rate=self.sampling_rate, return_tensors="pt")
        return values[self.extractor.model_input_names[0]][0]

    def settings(self):
        return {"kind": self.kind}


def build(settings, extractor=None):
    """A front end from plain data.

    Args:
        settings: ``kind`` log_mel with its arguments, or pretrained; extractor: for the latter.

    Raises: UsageError naming what it does not know.
    """
    settings = dict(settings)
    kind = settings.pop("kind", "log_mel")
    if kind == "pretrained":
        return Pretrained(extractor)
    if kind != "log_mel":
        raise UsageError(f"unknown front end {one_of(kind, ['log_mel', 'pretrained'])}")
    known = LogMel.__dataclass_fields__
    wrong = [f"unknown key of the front end {one_of(name, known)}" for name in settings if name not in known]
    if wrong:
        raise UsageError("; ".join(wrong))
    return LogMel(**settings)
