"""The recording chain after the microphone: preamp saturation and compression.

Conventions: sound is float32 (channels, samples), 1.0 is full scale; functions return sound of the
same shape and have no delay. Values come from a row's record (:mod:`sousa.generation.audio.acoustics`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sousa.generation.audio.mix import blocks
from sousa.generation.errors import RunError

_BIAS = np.float32(0.2)  # of the warm preamp: bends one half-wave more than the other, as a tube does
_CEILING = np.float32(0.8)  # of the aggressive one
_BLOCK = 8  # samples that share a compressor's measurement
_UNHEARD = np.float32(1e-9)


def _bend(sound: Any) -> Any:
    """The [3/2] Pade approximant of tanh: plain arithmetic, so every machine gets the same."""
    limited = np.clip(sound, np.float32(-3.0), np.float32(3.0))
    square = limited * limited
    return limited * (square + np.float32(27.0)) / (square * np.float32(9.0) + np.float32(27.0))


def saturate(sound: np.ndarray, kind: str, drive_db: float) -> np.ndarray:
    """Preamp saturation; quiet sound passes with a gain of about 1.

    Args:
        kind: ``warm`` (soft, more even harmonics) or ``aggressive`` (soft, then hard at a ceiling).
        drive_db: gain into the bend, taken off again behind it.
    """
    drive = np.float32(round(10.0 ** (drive_db / 20.0), 6))
    out = np.empty_like(sound)
    for block in blocks(sound.shape[1]):
        driven = sound[:, block] * drive
        if kind == "warm":
            bent = _bend(driven + _BIAS) - _bend(_BIAS)
        else:
            bent = np.clip(_bend(driven), -_CEILING, _CEILING)
        np.divide(bent, drive, out=out[:, block])
    return out


def makeup_db(threshold_db: float, ratio: float) -> float:
    """Gain after a compressor: half of what it takes from a full-scale signal."""
    return round(-0.5 * threshold_db * (1.0 - 1.0 / ratio), 2)


def compress(sound: np.ndarray, settings: Mapping[str, float], rate: int) -> np.ndarray:
    """A feed-forward compressor (pedalboard's), then make-up gain; channels share one gain.

    The compressor hears the peaks of blocks of 8 samples. Its gain reaches a block from the ones
    before, on straight lines, so it is causal: it answers up to 16 samples later than it would sample
    by sample. Attack and release are as pedalboard has them: an attack of 10 ms has made two thirds
    of its reduction after a little more than 1 ms.

    Args:
        settings: ``threshold_db``, ``ratio``, ``attack_ms``, ``release_ms``, ``makeup_db``.
    """
    try:
        from pedalboard import Compressor
    except ImportError as error:
        raise RunError(
            f"pedalboard, the compressor, can't be loaded ({error}); install what it lacks, on Debian with "
            "'apt-get install libatomic1' as root, or make clean rows only with --acoustics clean"
        ) from None
    size = sound.shape[1]
    blocks = -(-size // _BLOCK)
    level = np.zeros(blocks * _BLOCK, dtype=np.float32)
    np.abs(sound[0], out=level[:size])
    for channel in sound[1:]:
        np.maximum(level[:size], np.abs(channel), out=level[:size])
    peak = level[::_BLOCK].copy()
    for i in range(1, _BLOCK):
        np.maximum(peak, level[i::_BLOCK], out=peak)
    names = ("threshold_db", "ratio", "attack_ms", "release_ms")
    pressed = Compressor(**{name: settings[name] for name in names})(peak[None, :], rate / _BLOCK)[0]
    gain = np.ones(blocks + 2, dtype=np.float32)
    np.divide(pressed, peak, out=gain[2:], where=peak > _UNHEARD)
    gain *= np.float32(round(10.0 ** (settings["makeup_db"] / 20.0), 6))
    # block k goes from the gain of block k - 2 to that of block k - 1
    begin, step = gain[:-2], (gain[1:-1] - gain[:-2]) / np.float32(_BLOCK)
    curve = level
    for i in range(_BLOCK):
        np.add(begin, step * np.float32(i), out=curve[i::_BLOCK])
    return sound * curve[:size]
