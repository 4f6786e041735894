"""Sample-exact mixing: every note of a performance added at its sample.

Conventions
-----------
Nothing here has a delay: a note whose onset is sample *n* is heard at sample *n*, and no sample
before it is touched. Sums are float32 in order of onset and quantised once to 16 bits, so every
machine gets the same samples.
"""

import math
from collections.abc import Iterator

import numpy as np

from sousa.generation.audio.voices import Voice

PEAK_LIMIT = 0.98
_FADE_SEC = 0.01
_BLOCK = 16384  # samples
_SCRATCH: dict[str, np.ndarray] = {}


def scratch(name: str, channels: int, length: int) -> np.ndarray:
    """A float32 array to work in, kept between calls: fresh large arrays cost more than the sums."""
    if _SCRATCH.get(name) is None or _SCRATCH[name].size < channels * length:
        _SCRATCH[name] = np.empty(channels * length, dtype=np.float32)
    return _SCRATCH[name][: channels * length].reshape(channels, length)


def blocks(size: int) -> Iterator[slice]:
    """Blocks of a sound that stay in the cache of a processor while several steps are applied to them."""
    return (slice(begin, begin + _BLOCK) for begin in range(0, size, _BLOCK))


def linear_gain(gain_db: float) -> float:
    """Linear factor of a gain in dB, rounded so that every machine gets the same."""
    return round(10.0 ** (gain_db / 20.0), 7)


def add_up(
    voice: Voice,
    onset_sample: np.ndarray,
    velocity: np.ndarray,
    variant: np.ndarray,
    num_samples: int,
    fade_sec: float = _FADE_SEC,
) -> np.ndarray:
    """Add the strokes of one performance.

    Args:
        onset_sample: int array, ascending.
        velocity: int array, 1-127.
        variant: int array, round-robin variant of each stroke.
        num_samples: length of the result; what goes on is faded out over its last ``fade_sec``.

    Returns: float32 (channels, samples), valid until the next call.
    """
    out = scratch("mix", voice.channels, num_samples + voice.longest)
    out[:] = 0.0
    note = scratch("note", voice.channels, voice.longest)
    gains, layers = voice.gain[velocity], voice.layer_of[velocity].tolist()
    strokes = zip(onset_sample.tolist(), layers, variant.tolist(), gains, strict=True)
    for at, layer, which, gain in strokes:
        sound = voice.sound(layer, which)[:, : max(num_samples - at, 0)]
        size = sound.shape[1]
        part = note[:, :size]
        np.multiply(sound, gain, out=part)
        out[:, at : at + size] += part
    out = out[:, :num_samples]
    fade = min(int(fade_sec * voice.rate), num_samples)
    out[:, num_samples - fade :] *= np.arange(fade, 0, -1, dtype=np.float32) / np.float32(fade + 1)
    return out


def peak_of(sound: np.ndarray) -> float:
    """Largest absolute value of samples of any type, without a copy of them."""
    return max(float(sound.max()), -float(sound.min()))


def safe_gain(sound: np.ndarray, gain_db: float) -> float:
    """The wanted gain in dB, or less where the sound would come within 0.2 dB of full scale."""
    peak = peak_of(sound)
    if peak * linear_gain(gain_db) > PEAK_LIMIT:
        return math.floor(2000.0 * math.log10(PEAK_LIMIT / peak)) / 100.0
    return gain_db


def to_pcm(sound: np.ndarray, bit_depth: int = 16) -> np.ndarray:
    """Samples rounded to a bit depth, in place: int16 (samples, channels).

    A depth under 16 leaves the lower bits zero.
    """
    step = 1 << (16 - bit_depth)
    sound *= np.float32(32767.0 / step)
    np.rint(sound, out=sound)
    if step > 1:
        sound *= np.float32(step)
        np.clip(sound, -32768, 32767 // step * step, out=sound)
    return sound.astype(np.int16).T


def quantise(sound: np.ndarray, gain_db: float) -> tuple[np.ndarray, float]:
    """Apply a gain, made safe, and round: ``(pcm, gain_db)``; ``sound`` is used up."""
    gain_db = safe_gain(sound, gain_db)
    sound *= np.float32(linear_gain(gain_db))
    return to_pcm(sound), gain_db
