"""Functions of ``(audio, sample_rate)`` that return the seconds of onsets, with a model and without.

Conventions: audio is float32 (samples,), one channel, of any length. A model hears it in the overlapping
windows of :mod:`sousa.training.windows`.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation import extras
from sousa.generation.errors import UsageError

try:
    import torch
except ModuleNotFoundError as error:
    raise extras.missing("sousa.training.recordings", error) from None

from sousa.training import windows
from sousa.training.audio import resample
from sousa.training.features import ONSET_MEL, onset_strength, pick_peaks
from sousa.training.models.model import Model

Detector = Callable[[np.ndarray, int], Any]
_PART_SEC = 60.0
_AROUND_FRAMES = 64  # heard around a part; far more than the window of a frame
_HOP = 128  # samples, of librosa's detector


def detector(
    model: str | Path | Model, device: str = "cpu", batch_size: int = 16, dtype: torch.dtype | None = None
) -> Detector:
    """A detector of a trained model, which hears long recordings in overlapping windows.

    Args:
        model: a run's directory, a checkpoint, ``org/name`` on the Hub, or a model.
        device: such as cpu or cuda.
        batch_size: windows at once.
        dtype: of half precision, None for single.

    Raises: UsageError for a model that tells no events.
    """
    network = (model if isinstance(model, Model) else Model.from_pretrained(model)).to(device).eval()
    targets = (*network.reported_targets, *network.targets)  # one that is learnt beside others will do
    target = next((target for target in targets if target.kind == "events"), None)
    if target is None:
        raise UsageError(
            f"the model tells {', '.join(network.reported)}, no events with an onset; name one that was "
            "trained on events, such as that of training/configs/strokes_small.yaml"
        )
    rate = network.front_end.sampling_rate
    options = {"batch_size": batch_size, "device": device, "dtype": dtype}

    def detect(audio: np.ndarray, sample_rate: int) -> np.ndarray:
        sound = resample(np.asarray(audio, np.float32), sample_rate, rate)
        outputs = windows.outputs(network, sound, **options)[target.name]
        events = target.decode(outputs, network.frame_sec, len(sound) / rate)
        return np.array([event["onset_sec"] for event in events], np.float64)

    return detect


def spectral_flux(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Peaks of the spectral flux, as :func:`sousa.training.features.onsets` finds them."""
    mel = ONSET_MEL
    sound = np.asarray(resample(np.asarray(audio, np.float32), sample_rate, mel.sample_rate))
    frames, step = 1 + len(sound) // mel.hop, round(_PART_SEC / mel.hop_sec)
    strength = []
    for start in range(0, frames, step):
        first = max(start - _AROUND_FRAMES, 0)
        part = sound[first * mel.hop : (start + step + _AROUND_FRAMES) * mel.hop]
        strength.append(np.asarray(onset_strength(part))[start - first : min(start + step, frames) - first])
    late = (mel.hop / 2 + mel.n_fft / 8) / mel.sample_rate
    return np.maximum(pick_peaks(np.concatenate(strength), mel.hop_sec) * mel.hop_sec - late, 0.0)


def librosa_onsets(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """What ``librosa.onset.onset_detect`` finds with its defaults but a hop of 128 samples."""
    try:
        import librosa
    except ModuleNotFoundError:
        raise UsageError("librosa is not installed; install it with: pip install librosa") from None
    return librosa.onset.onset_detect(y=np.array(audio), sr=sample_rate, hop_length=_HOP, units="time")


def baselines() -> dict[str, Detector]:
    """Detectors without a model, by name; librosa's where it is installed."""
    out: dict[str, Detector] = {"spectral flux": spectral_flux}
    if find_spec("librosa"):
        out["librosa"] = librosa_onsets
    return out
