"""Statistics of spectra that simple baselines learn from.

Conventions: log-mel bands of magnitudes, 64 from 30 Hz to half the sample rate (16 kHz at most), 100 frames a
second, windows of 1024 samples. *Level* is the mean over bands; *flux* the mean over bands of what they rise
from frame to frame, 0 where they fall.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np
from tqdm import tqdm

from sousa.training.features import pick_peaks
from sousa.training.front_ends import LogMel
from sousa.training.rows import BaseRows

FRAME_RATE = 100
_MODULATION_HZ = (0.5, 1, 2, 4, 8, 16, 32, 50)  # edges of bands of the level's modulation
_AROUND = 12  # frames before and after a frame, for its local statistics: an eighth of a second


def bands_of(
    rows: BaseRows, numbers: Iterable[int], title: str, quiet: bool = True
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield ``(row, bands)`` of the rows with these numbers, log-mel bands float32 [frames, bands]."""
    for number in tqdm(numbers, desc=title, unit="row", disable=quiet, leave=False):
        row = rows[int(number)]
        yield row, _front_end(row["sampling_rate"])(row["audio"]).numpy()


@cache
def _front_end(rate: int) -> LogMel:
    sizes = {"n_fft": 1024, "hop_length": rate // FRAME_RATE, "n_mels": 64}
    return LogMel(sampling_rate=rate, f_max_hz=min(16000.0, rate / 2), **sizes)


def mean_and_spread(bands: np.ndarray) -> np.ndarray:
    """Mean and standard deviation over time of each band: float32 [2 * bands]."""
    return np.concatenate([bands.mean(0), bands.std(0)])


def in_time(bands: np.ndarray) -> np.ndarray:
    """The same, and how the sound goes on in time: float64 [3 * bands + 12].

    Besides mean and spread: skewness of each band; mean, spread and skewness of the flux, onsets a second
    (peaks of the flux), mean of the level; and the modulation of the level in seven bands from 0.5 to 50 Hz,
    as logarithm of its share of the variance.
    """
    level, flux = bands.mean(1), np.maximum(np.diff(bands, axis=0), 0).mean(1)
    if len(flux) < 2:
        flux = np.zeros(2)
    peaks = len(pick_peaks(flux, 1 / FRAME_RATE)) * FRAME_RATE / len(flux)
    power = np.abs(np.fft.rfft((level - level.mean()) * np.hanning(len(level)))) ** 2
    parts = np.histogram(np.fft.rfftfreq(len(level), 1 / FRAME_RATE), _MODULATION_HZ, weights=power)[0]
    modulation = np.log(parts / max(power.sum(), 1e-12) + 1e-4)
    shape = [flux.mean(), flux.std(), _skewness(flux), peaks, level.mean()]
    return np.concatenate([mean_and_spread(bands), _skewness(bands), shape, modulation]).astype(np.float64)


def _skewness(values: np.ndarray) -> Any:
    return ((values - values.mean(0)) ** 3).mean(0) / np.maximum(values.std(0), 1e-6) ** 3


def around_frames(bands: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """Bands at moments, s, and their mean and spread around them: float64 [moments, 3 * bands]."""
    at = np.clip(np.round(np.asarray(middles) * FRAME_RATE).astype(int), 0, len(bands) - 1)
    first, last = np.maximum(at - _AROUND, 0), np.minimum(at + _AROUND + 1, len(bands))
    count = (last - first)[:, None]
    sums = [np.concatenate([np.zeros((1, bands.shape[1])), np.cumsum(b, 0)]) for b in (bands, bands**2)]
    mean, square = ((total[last] - total[first]) / count for total in sums)
    return np.concatenate([bands[at], mean, np.sqrt(np.maximum(square - mean**2, 0))], axis=1)
