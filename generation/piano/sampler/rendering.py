"""From a performance to PCM: a piano, its brightness, the way to the recorder, and the recorder.

Conventions
-----------
The path: notes mixed dry (``mixing``) > brightness > room, microphone and EQ of the record, as one filter >
the other stages of the record (``acoustics.recorded``) > 16 bits. No step has a delay but those of the
record that move sound, and labels with it (``acoustics.moved``).

*Brightness* is (1 + c) x[n] - c x[n - d], with *d* the samples of half a period of BRIGHTEST_HZ: so many dB
there, none at the lowest frequencies. Two products and a sum cost less than any other filter. The filter of
a record begins at its direct sound: at the first sample within 20 dB of it.
"""

import json
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import fft

from sousa.generation.audio import acoustics, mix
from sousa.generation.audio.microphones import multiply
from sousa.generation.errors import UsageError
from sousa.generation.piano.played import Performance
from sousa.generation.piano.sampler import mixing
from sousa.generation.piano.sampler.pianos import KEYS, LOWEST, Piano
from sousa.generation.piano.sampler.voicing import Voicing, voicing

BRIGHTEST_HZ = 8000.0
FADE_SEC = 0.01  # at the end of a recording
_DIRECT_SEC, _ONSET, _TAIL_DB, _TAIL_FADE = 0.005, 0.1, -60.0, 256
_REFERENCE_KEYS, _REFERENCE_VELOCITY, _REFERENCE_SEC = (48, 60, 72), 64, 0.5
_BLOCKS = (1 << 13, 1 << 17)  # least and most samples of a transform


def render(
    piano: Piano,
    performance: Performance,
    *,
    cents: int = 0,
    brightness_db: float = 0.0,
    record: dict[str, Any] | None = None,
    channels: int = 1,
    gain_db: float = 0.0,
) -> tuple[np.ndarray, float]:
    """Play a performance.

    Args:
        cents: tuning; a voicing is made for each, so let there be few.
        brightness_db: see the module's conventions.
        record: of acoustics, or None for the dry piano. Levels that it lacks are measured and added.
        channels: 1 or 2.
        gain_db: wanted gain over the piano's own level.

    Returns: ``(pcm, gain_db)``: int16 (samples, channels), and the gain really used.
    Raises: UsageError for another number of channels, or keys that a piano does not have.
    """
    notes, rate = performance.notes, performance.sample_rate
    if channels not in (1, 2):
        raise UsageError(f"channels is {channels}; allowed are 1 and 2")
    if not ((notes["pitch"] >= LOWEST) & (notes["pitch"] < LOWEST + KEYS)).all():
        raise UsageError(f"pitches are from {notes['pitch'].min()} to {notes['pitch'].max()}; a piano has "
                         f"{LOWEST} to {LOWEST + KEYS - 1}")  # fmt: skip
    voice = voicing(piano, rate, cents)
    sound = mixing.add_up(voice, performance, channels, acoustics.FADE_SEC if record else FADE_SEC)
    first = int(notes["onset_sample"][0]) if len(notes) else performance.num_samples
    if brightness_db and len(notes):
        _brighten(sound[:, first:], brightness_db, rate)
    if record is None:
        return mix.quantise(sound, gain_db)
    linear = {name: record[name] for name in ("room", "microphone", "eq")}
    if len(notes):
        _convolve(sound[:, first:], *_response(voice, json.dumps(linear, sort_keys=True)))
    return acoustics.recorded(record, sound, first, rate, gain_db)


def _brighten(sound: np.ndarray, brightness_db: float, rate: int) -> None:
    """Make a sound, float32 (channels, samples), brighter or darker, in place."""
    delay = max(round(rate / BRIGHTEST_HZ / 2.0), 1)
    c = round((10.0 ** (brightness_db / 20.0) - 1.0) / 2.0, 6)
    late = mix.scratch("late", *sound.shape)[:, delay:]
    np.multiply(sound[:, : sound.shape[1] - delay], np.float32(c), out=late)
    sound *= np.float32(1.0 + c)
    sound[:, delay:] -= late


@lru_cache(maxsize=16)
def _response(voice: Voicing, linear: str) -> tuple[np.ndarray, int]:
    """``(spectrum, taps)`` of the linear part of a record, for blocks of some four times its taps.

    It begins at the direct sound, ends where 60 dB of its energy are left, and is as loud over the first half
    second of a chord as the dry piano: the recordist sets the level.
    """
    taps = acoustics.response(json.loads(linear), voice.rate)
    start = np.abs(taps[: int(_DIRECT_SEC * voice.rate)])
    taps = taps[int(np.argmax(start >= _ONSET * start.max())) :]
    left = np.cumsum(taps[::-1].astype(np.float64) ** 2)[::-1]
    gone = left < left[0] * 10.0 ** (_TAIL_DB / 10.0)
    taps = taps[: min(int(np.argmax(gone)) or len(taps), _BLOCKS[1] // 2)].copy()
    fade = min(_TAIL_FADE, len(taps))
    taps[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    size = int(_REFERENCE_SEC * voice.rate)
    chord = np.zeros(size)
    for pitch in _REFERENCE_KEYS:
        part, factor = voice.sound(pitch - LOWEST, voice.sound_of[pitch - LOWEST, _REFERENCE_VELOCITY])
        chord = chord + factor * np.pad(part[:size], (0, max(size - len(part), 0)))
    wet = fft.irfft(fft.rfft(chord, 2 * size) * fft.rfft(taps[:size], 2 * size), 2 * size)[:size]
    level = np.sqrt((chord**2).sum() / (wet**2).sum())
    taps *= np.float32(round(float(level), 5))
    block = min(max(1 << (4 * len(taps) - 1).bit_length(), _BLOCKS[0]), _BLOCKS[1])
    return fft.rfft(taps.astype(np.float32), block), len(taps)


def _convolve(sound: np.ndarray, spectrum: np.ndarray, taps: int) -> None:
    """Convolve a sound, float32 (channels, samples), in place, in blocks; its end is the end."""
    whole = 2 * (len(spectrum) - 1)
    step = whole - taps + 1
    channels, size = sound.shape
    tail = np.zeros((channels, taps - 1), dtype=np.float32)
    for at in range(0, size, step):
        block = sound[:, at : at + step]
        wet = fft.irfft(multiply(fft.rfft(block, whole, axis=1), spectrum), whole, axis=1)
        wet[:, : taps - 1] += tail
        length = block.shape[1]
        tail = wet[:, length : length + taps - 1].copy()
        block[:] = wet[:, :length]
