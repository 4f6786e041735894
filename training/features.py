"""Features of audio: log-mel spectrogram, level, onset strength, onsets.

Conventions: audio is float32, one channel, full scale 1.0, ``(samples,)`` or ``(batch, samples)``, NumPy or
torch; what comes out is float32 of the same kind (torch: on the same device, differentiable). Rows of these
rates: ``Rows(..., sample_rate=16000)``; nothing is resampled here.

Frame ``i`` is centred at sample ``i * hop``; before and after the clip there is silence. A clip has
``1 + samples // hop`` frames, whatever else is in its batch, and padding with zeros changes no frame
that lies before it.

Levels are dB re full scale squared: ``10 log10(max(power, 1e-10))``, -100 dB where there is nothing. There is
no floor relative to the loudest frame, because then a frame would depend on the rest of its clip.

Mel filters are Slaney's, because with 128 bands HTK's are narrower than an FFT bin at the low end and some
would be empty.
"""

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sousa.generation import extras

try:
    import torch
except ModuleNotFoundError as error:
    raise extras.missing("sousa.training.features", error) from None

from sousa.generation.errors import UsageError, raise_all
from sousa.training.feature_cache import FeatureCache, data_identity  # noqa: F401
from sousa.training.front_ends import mel_filters, mel_spectrogram
from sousa.training.frozen import FrozenFeatures  # noqa: F401

_LEAST = 1e-10  # power
# seconds, as in librosa's onset_detect; and the share of the curve's range, which is 0.07 there
_BEFORE_MAX, _BEFORE_MEAN, _AFTER_MEAN, _WAIT, _DELTA = 0.03, 0.10, 0.10, 0.03, 0.04


@dataclass(frozen=True)
class Mel:
    """Settings of the mel front end; UsageError where they don't fit, or leave a band without an FFT bin.

    Attributes:
        sample_rate: Hz of the audio.
        num_mels: bands.
        n_fft: window (Hann) and FFT, samples.
        hop: samples.
        f_min_hz, f_max_hz: range of the bands.
    """

    sample_rate: int = 16000
    num_mels: int = 128
    n_fft: int = 1024
    hop: int = 256
    f_min_hz: float = 20.0
    f_max_hz: float = 8000.0

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in ("sample_rate", "num_mels", "n_fft", "hop")}
        problems = [f"{name} is {size}; give 1 or more" for name, size in sizes.items() if size < 1]
        if not 0 <= self.f_min_hz < self.f_max_hz <= self.sample_rate / 2:
            problems.append(
                f"bands from {self.f_min_hz} to {self.f_max_hz} Hz; give a range within 0 to "
                f"{self.sample_rate / 2:g} Hz, half the sample rate"
            )
        raise_all(problems)
        if empty := int((_filters(self).sum(0) == 0).sum()):
            raise UsageError(
                f"{empty} of {self.num_mels} mel bands have no FFT bin; give fewer bands, or an n_fft above "
                f"{self.n_fft}"
            )

    def settings(self) -> dict[str, Any]:
        """All settings as plain data, for :class:`sousa.training.feature_cache.FeatureCache`."""
        return {"kind": "log_mel", **asdict(self)}

    @property
    def hop_sec(self) -> float:
        """Time between frames, s."""
        return self.hop / self.sample_rate


def _filters(mel: Mel) -> torch.Tensor:
    return mel_filters(mel.n_fft, mel.num_mels, mel.f_min_hz, mel.f_max_hz, mel.sample_rate, "slaney")


def _levels(audio: torch.Tensor, mel: Mel) -> torch.Tensor:
    """Levels in dB: [batch, bands, frames]."""
    window, filters = torch.hann_window(mel.n_fft, device=audio.device), _filters(mel).to(audio.device)
    power = mel_spectrogram(audio, window, mel.hop, filters, power=2)
    return 10 * torch.log10(torch.clamp(power, min=_LEAST)).transpose(1, 2)


def _taking_either(function: Callable) -> Callable:
    """Let a function of a torch tensor (batch, samples) take what the module's conventions allow."""

    @functools.wraps(function)
    def wrapped(audio: Any, *args: Any, **kwargs: Any) -> Any:
        is_torch = isinstance(audio, torch.Tensor)
        clips = audio if is_torch else torch.from_numpy(np.asarray(audio, np.float32))
        if clips.ndim not in (1, 2) or not clips.shape[-1]:
            shape = tuple(clips.shape)
            raise UsageError(f"audio of shape {shape}; give (samples,) or (batch, samples), not empty")
        out = function(torch.atleast_2d(clips.float()), *args, **kwargs)
        out = out[0] if clips.ndim == 1 else out
        return out if is_torch else out.numpy()

    return wrapped


@_taking_either
def log_mel(audio: Any, mel: Mel = Mel(), normalise: Any = None) -> Any:
    """Log-mel spectrogram.

    Args:
        audio: (samples,) or (batch, samples) at ``mel.sample_rate``.
        normalise: None; ``"clip"`` to bring each band of each clip to mean 0 and standard deviation 1; or
            (mean, std), arrays [bands] in dB, of a training set for example.

    Returns: float32 [(batch,) bands, frames], dB; without unit when normalised.
    """
    out = _levels(audio, mel)
    if normalise is None:
        return out
    if isinstance(normalise, str) and normalise != "clip":
        raise UsageError(f"normalise is {normalise!r}; give None, 'clip' or arrays (mean, std)")
    if isinstance(normalise, str):
        mean, std = out.mean(-1, keepdim=True), out.std(-1, keepdim=True, correction=0)
    else:
        mean, std = (torch.as_tensor(x, dtype=out.dtype, device=out.device)[:, None] for x in normalise)
    return (out - mean) / torch.clamp(std, min=1e-5)


@_taking_either
def rms(audio: Any, frame: int = 2048, hop: int = 512) -> Any:
    """Root mean square level: float32 [(batch,) frames], linear, 1.0 for a square wave of full scale.

    Args:
        audio: (samples,) or (batch, samples).
        frame, hop: samples.
    """
    more = max(frame - audio.shape[-1] - 2 * (frame // 2), 0)
    padded = torch.nn.functional.pad(audio, (frame // 2, frame // 2 + more))
    power = padded.unfold(-1, frame, hop).square().mean(-1)
    heard = power > 0  # in silence a root has no gradient
    return torch.where(heard, torch.where(heard, power, 1.0).sqrt(), 0.0)


ONSET_MEL = Mel(num_mels=64, n_fft=512, hop=128)  # short windows: onsets may follow each other in 30 ms


@_taking_either
def onset_strength(audio: Any, mel: Mel = ONSET_MEL) -> Any:
    """Half-wave rectified spectral flux: how much louder the mel bands are than a frame before, on average.

    Returns: float32 [(batch,) frames], dB, 0 or more. The flux grows when the window first touches a sound,
        half a window before it is centred there, so values are given ``n_fft // 2`` samples later; peaks
        then lie at onsets or up to two frames after them (see :func:`onsets`).
    Source: S. Böck and G. Widmer, Maximum filter vibrato suppression for onset detection, DAFx 2013, with
        lag 1 and without the filter; as librosa's ``onset_strength``.
    """
    level = _levels(audio, mel)
    flux = torch.relu(level.diff(dim=-1)).mean(1)
    later = 1 + mel.n_fft // (2 * mel.hop)
    return torch.nn.functional.pad(flux, (later, 0))[:, : level.shape[-1]]


def pick_peaks(strength: np.ndarray, hop_sec: float, delta: float = _DELTA) -> np.ndarray:
    """Frames of the peaks of an onset strength.

    A peak is the largest of the 30 ms before it, exceeds the mean of the 100 ms before and after it by
    ``delta`` of the curve's range, and comes 30 ms or more after the peak before.

    Args:
        strength: NumPy [frames], 0 or more.
        hop_sec: time between frames, s.

    Returns: int64 [peaks].
    Source: Böck, Krebs and Schedl, Evaluating the online capabilities of onset detection methods, ISMIR 2012;
        times as in librosa's ``onset_detect``.
    """
    from scipy.ndimage import maximum_filter1d

    curve = np.asarray(strength, np.float64)
    curve = curve - curve.min()
    if not curve.any():
        return np.empty(0, np.int64)
    curve /= curve.max()
    times = (_BEFORE_MAX, _BEFORE_MEAN, _AFTER_MEAN, _WAIT)
    before, mean_before, mean_after, wait = (int(time / hop_sec + 1e-9) for time in times)
    # a window of the frame itself and those before it
    largest = maximum_filter1d(curve, before + 1, mode="constant", cval=-1, origin=before - (before + 1) // 2)
    total, frames = np.concatenate([[0.0], np.cumsum(curve)]), np.arange(len(curve))
    first, last = np.maximum(frames - mean_before, 0), np.minimum(frames + mean_after + 1, len(curve))
    mean = (total[last] - total[first]) / (last - first)
    out: list[int] = []
    for peak in np.flatnonzero((curve == largest) & (curve >= mean + delta) & (curve > 0)):
        if not out or peak > out[-1] + wait:
            out.append(int(peak))
    return np.array(out, np.int64)


def onsets(audio: Any, mel: Mel = ONSET_MEL, delta: float = _DELTA) -> Any:
    """Times of onsets.

    Args:
        audio: (samples,) or (batch, samples) at ``mel.sample_rate``.
        delta: as in :func:`pick_peaks`.

    Returns: float64 [onsets], s; a list of such arrays for (batch, samples). A peak stands for an onset half
        a hop and an eighth of a window before it; so found, those of a drum are 2 ms late in the median.
    """
    strength = torch.as_tensor(onset_strength(audio, mel)).detach().cpu().numpy()
    late = (mel.hop / 2 + mel.n_fft / 8) / mel.sample_rate
    times = [pick_peaks(curve, mel.hop_sec, delta) * mel.hop_sec - late for curve in np.atleast_2d(strength)]
    out = [np.maximum(clip, 0.0) for clip in times]
    return out[0] if strength.ndim == 1 else out


def interval_statistics(times: np.ndarray) -> dict[str, float]:
    """Statistics of the intervals between onsets, ``times`` in s, rising, array [onsets].

    Returns: dict: ``count`` of intervals; ``mean_sec``, ``median_sec``, ``std_sec`` (n - 1), ``min_sec``,
        ``max_sec``; ``cv``, standard deviation over mean; ``rate_hz``, 1 / mean. NaN where there are too few.
    """
    intervals, nan = np.diff(np.asarray(times, np.float64)), float("nan")
    count = len(intervals)
    intervals = intervals if count else np.array([nan])
    mean = float(intervals.mean())
    std = float(intervals.std(ddof=1)) if count > 1 and mean else nan
    return {
        "count": count, "mean_sec": mean, "median_sec": float(np.median(intervals)), "std_sec": std,
        "min_sec": float(intervals.min()), "max_sec": float(intervals.max()),
        "cv": std / mean if mean else nan, "rate_hz": 1 / mean if mean else nan,
    }  # fmt: skip
