"""Noise of stated colours, and hum.

Conventions: a noise is a float32 table of RMS 1 that repeats without a seam; a row plays it from a
drawn position. Tables are the same for every row and corpus; where a row starts in them is its own.

==========  =====================================================================
white       equal power at all frequencies
pink        power falling by 3 dB an octave, from 20 Hz
brown       power falling by 6 dB an octave, from 20 Hz
hvac        pink under 500 Hz, with a fan's tones at 60, 120 and 180 Hz
room_tone   pink from 100 to 4,000 Hz
tape_hiss   white over 2 kHz
==========  =====================================================================
"""

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation.audio.banks import BANK_RATE
from sousa.generation.audio.user_sounds import UserSounds, read_mono
from sousa.generation.errors import UsageError
from sousa.generation.seeds import stream

COLOURS = ("white", "pink", "brown", "hvac", "room_tone", "tape_hiss")
TABLE_SIZE = 1 << 20
USER = UserSounds("noise", "--noise-files", "noises")
_SEED = 0
_HUM_WEIGHTS = (1.0, 0.5, 0.3, 0.15)
_LOOP_SEC, _LEAST_SEC, _MOST_SEC = 0.05, 0.5, 120.0
_LEAST_RMS = 1e-5


@dataclass(frozen=True)
class NoiseFile:
    """A user's noise."""

    name: str  # of the file
    digest: str  # of its 16-bit samples


@cache
def table(colour: str, rate: int) -> np.ndarray:
    """The table of a colour: float32 (TABLE_SIZE,), RMS 1."""
    from scipy import fft

    white = stream(_SEED, "noise", colour).standard_normal(TABLE_SIZE)
    f = np.arange(TABLE_SIZE // 2 + 1) * (rate / TABLE_SIZE)
    spectrum = fft.rfft(white)
    pink, above_zero = 1.0 / np.sqrt(np.maximum(f, 20.0)), np.maximum(f, 1e-3)
    amplitude = {
        "white": np.ones_like(f),
        "pink": pink,
        "brown": pink**2,
        "hvac": pink / np.sqrt(1.0 + (f / 500.0) ** 4),
        "room_tone": pink / np.sqrt(1.0 + (f / 4000.0) ** 8) / np.sqrt(1.0 + (100.0 / above_zero) ** 8),
        "tape_hiss": 1.0 / np.sqrt(1.0 + (2000.0 / above_zero) ** 4),
    }[colour]
    amplitude[0] = 0.0
    sound = fft.irfft(spectrum * amplitude, TABLE_SIZE)
    sound /= np.sqrt((sound**2).mean())
    if colour == "hvac":
        at = np.arange(TABLE_SIZE) / TABLE_SIZE
        for partial, weight in ((60, 0.5), (120, 0.25), (180, 0.12)):
            # whole cycles in the table, so it repeats without a seam
            sound += weight * np.sin(2 * np.pi * round(partial * TABLE_SIZE / rate) * at)
        sound /= np.sqrt((sound**2).mean())
    # rounded, so that the last bit of a machine's transform can't reach the samples
    return np.round(sound, 5).astype(np.float32)


@lru_cache(maxsize=8)
def user_table(digest: str, rate: int) -> np.ndarray:
    """The table of a user's noise file: float32 (samples,), RMS 1.

    Raises: RunError when it is not on this machine, or no longer what it was.
    """
    sound = _resampled(USER.samples(digest).astype(np.float64), BANK_RATE, rate)
    return np.round(sound / np.sqrt((sound**2).mean()), 5).astype(np.float32)


def _resampled(sound: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    from scipy.signal import resample_poly

    common = math.gcd(rate, new_rate)
    return resample_poly(sound, new_rate // common, rate // common)


def piece(noise: np.ndarray, offset: int, channels: int, size: int) -> np.ndarray:
    """Noise from a position on: float32 (channels, size); channels are half a table apart."""
    out = np.empty((channels, size), dtype=np.float32)
    for channel in range(channels):
        at = (offset + channel * (len(noise) // 2)) % len(noise)
        done = 0
        while done < size:
            part = noise[at : at + size - done]
            out[channel, done : done + len(part)] = part
            done, at = done + len(part), 0
    return out


def hum(frequency_hz: int, phase: float, size: int, rate: int) -> np.ndarray:
    """Mains hum with harmonics: float32 (size,), RMS 1."""
    common = math.gcd(rate, frequency_hz)
    period = rate // common  # samples of frequency_hz / common whole cycles
    at = (np.arange(period) + int(phase * period)) / period * (frequency_hz // common)
    wave: Any = sum(w * np.sin(2 * np.pi * (k + 1) * at) for k, w in enumerate(_HUM_WEIGHTS))
    wave = np.round(wave / np.sqrt((wave**2).mean()), 5).astype(np.float32)
    return np.tile(wave, size // period + 1)[:size]


def user_files(directory: str | Path) -> tuple[NoiseFile, ...]:
    """A user's noise files, kept under their digests in the cache: tuple of NoiseFile.

    Raises: UsageError naming every file that can't be used.
    """
    return tuple(NoiseFile(path.name, digest) for path, digest in USER.keep(directory, _prepared_file))


def _prepared_file(path: Path) -> np.ndarray:
    sound, rate = read_mono(path, _MOST_SEC)
    sound = _resampled(sound, rate, BANK_RATE)
    usable = len(sound) >= _LEAST_SEC * BANK_RATE and np.isfinite(sound).all()
    if usable:
        sound -= sound.mean()
        # the end is faded into the beginning, so that the noise repeats without a seam
        up = np.sqrt(np.linspace(0.0, 1.0, int(_LOOP_SEC * BANK_RATE)))
        head = sound[: len(up)] * up + sound[-len(up) :] * up[::-1]
        sound = np.concatenate([head, sound[len(up) : -len(up)]])
        sound -= sound.mean()
    if not usable or np.sqrt((sound**2).mean()) < _LEAST_RMS:
        raise UsageError(f"{path} is silent, broken or shorter than {_LEAST_SEC:g} s; give a noise recording")
    return np.rint(sound / np.abs(sound).max() * 32000.0).astype(np.int16)
