"""Voices: a drum as a mix hears it, dry or in a room, with its round-robin variants.

Conventions
-----------
A voice gives a float32 sound (channels, samples) for each velocity layer and *variant*. Variants are the
same stroke struck a little elsewhere on the head: slightly brighter or darker, with another ripple in the
spectrum, as loud as the recording. A repeated stroke is therefore no exact copy. A voice may have several
*touches*, and then has those variants of each: :mod:`sousa.generation.audio.drums` has two hands.

A wet voice is a dry one convolved once with everything linear on the way to the recorder (room,
microphone, EQ); mixing it costs no more than mixing dry notes. Like every bank, it obeys the one
rule of onsets: sample 0 is the first sample within 20 dB of the peak of the direct sound, and
nothing comes before it.

Sounds are made when first asked for and kept in the process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

from sousa.generation.audio import banks
from sousa.generation.audio.banks import BANK_RATE
from sousa.generation.audio.microphones import multiply

Taps = tuple[tuple[int, float], ...]
# of each variant: (delay in samples at 44.1 kHz, weight); the first is the recording itself
VARIANT_TAPS = (
    ((0, 1.0),),
    ((0, 1.0), (1, -0.22), (53, 0.14)),
    ((0, 1.0), (1, 0.34), (31, -0.15)),
    ((0, 1.0), (2, -0.16), (79, 0.18)),
)
VARIANTS = len(VARIANT_TAPS)
_LOUDNESS_SEC = 0.05
_DIRECT_SEC, _ONSET, _TAIL_DB, _FADE = 0.005, 0.1, -60.0, 256
_REFERENCE_VELOCITY = 100


@dataclass(frozen=True)
class Touch:
    """A way to strike a drum: taps as of variants, and a linear gain for each channel."""

    taps: Taps
    gain: tuple[float, ...]


class Voice:
    """One drum, ready to be mixed.

    Attributes:
        layer_of, gain: (128,) layer and float32 gain of each velocity.
        longest: samples of the longest sound.
        touches: ways to strike it that variants are made of, one after the other; none for the bank's alone.
    """

    touches: Sequence[Touch] = ()

    def __init__(self, layers: list[np.ndarray], layer_of: np.ndarray, gain: np.ndarray, rate: int):
        self.layer_of, self.gain, self.rate = layer_of, gain, rate
        self.channels = layers[0].shape[0]
        self.longest = max(layer.shape[1] for layer in layers)
        self._layers = layers
        self._sounds: dict[int, np.ndarray] = {}

    def sound(self, layer: int, variant: int) -> np.ndarray:
        """Float32 (channels, samples)."""
        key = layer * VARIANTS * max(len(self.touches), 1) + variant
        if key not in self._sounds:
            touch, which = divmod(variant, VARIANTS)
            sound = self._touched(layer, touch) if self.touches else self.layer(layer)
            self._sounds[key] = _struck_elsewhere(sound, VARIANT_TAPS[which], self.rate)
        return self._sounds[key]

    def _touched(self, layer: int, touch: int) -> np.ndarray:
        key = -1 - (layer * len(self.touches) + touch)
        if key not in self._sounds:
            how = self.touches[touch]
            sound = _struck_elsewhere(self.layer(layer), how.taps, self.rate)
            self._sounds[key] = sound * np.asarray(how.gain, np.float32)[:, None]
        return self._sounds[key]

    def layer(self, number: int) -> np.ndarray:
        return self._layers[number]


class WetVoice(Voice):
    """A dry voice heard through a linear response.

    Args:
        response: float array (taps,) at the voice's rate, its direct sound at sample 0.
        touches: see :class:`Voice`.
    """

    def __init__(self, dry: Voice, response: np.ndarray, touches: Sequence[Touch] = ()):
        super().__init__(dry._layers, dry.layer_of, dry.gain, dry.rate)
        self._dry, self.touches = dry, touches
        self.longest = dry.longest + len(response) - 1
        # one size for all layers, so that the response is transformed once
        self._size = fft.next_fast_len(self.longest, real=True)
        self._spectrum = fft.rfft(np.ascontiguousarray(response, dtype=np.float32), self._size)
        loud = int(dry.layer_of[_REFERENCE_VELOCITY])
        reference = self._convolved(loud)
        # the recordist sets the level: a stroke is as loud as it was beside the drum
        level = _loudness(dry.layer(loud), dry.rate) / _loudness(reference, dry.rate)
        self._level = np.float32(round(level, 6))
        self._wet = {loud: reference * self._level}

    def layer(self, number: int) -> np.ndarray:
        if number not in self._wet:
            self._wet[number] = self._convolved(number) * self._level
        return self._wet[number]

    def _convolved(self, number: int) -> np.ndarray:
        layer = self._dry.layer(number)
        product = multiply(fft.rfft(layer, self._size, axis=1), self._spectrum)
        return _cut(fft.irfft(product, self._size, axis=1)[:, : self.longest], self.rate)


def _cut(sound: np.ndarray, rate: int) -> np.ndarray:
    """Start a sound at its onset, and end it where its tail has died away."""
    onset = _onset(sound, rate)
    # energy that is left at every _FADE-th sample from the onset on
    steps = np.arange(onset, sound.shape[1], _FADE)
    energy = np.add.reduceat(np.square(sound[:, onset:]), steps - onset, axis=1).sum(axis=0, dtype=np.float64)
    left = np.cumsum(energy[::-1])[::-1]
    gone = left < left[0] * 10 ** (_TAIL_DB / 10)
    end = int(steps[np.argmax(gone)]) if gone.any() else sound.shape[1]
    sound = np.ascontiguousarray(sound[:, onset:end], dtype=np.float32)
    fade = min(_FADE, sound.shape[1])
    sound[:, -fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return sound


def _onset(sound: np.ndarray, rate: int) -> int:
    """First sample within 20 dB of the peak of the direct sound."""
    direct = np.abs(sound[:, : int(_DIRECT_SEC * rate)].mean(axis=0))
    return int(np.argmax(direct >= _ONSET * direct.max()))


def _loudness(sound: np.ndarray, rate: int) -> float:
    part = sound[:, : int(_LOUDNESS_SEC * rate)].astype(np.float64)
    return float(np.sqrt((part**2).sum()))


def _struck_elsewhere(sound: np.ndarray, taps: Taps, rate: int) -> np.ndarray:
    """The sound of a layer filtered by taps, the first without delay, and as loud over its first 50 ms."""
    if len(taps) == 1:
        return sound
    (_, direct), *others = taps
    out = sound * np.float32(direct)
    for delay, weight in others:
        at = round(delay * rate / BANK_RATE)
        if at < sound.shape[1]:
            out[:, at:] += sound[:, : sound.shape[1] - at] * np.float32(weight)
    out *= np.float32(round(_loudness(sound, rate) / _loudness(out, rate), 6))
    # a brighter or darker attack can move the first sample within 20 dB of the peak by one
    return np.ascontiguousarray(out[:, _onset(out, rate) :])


@lru_cache(maxsize=64)
def dry(bank: banks.Bank, rate: int, cents: int, channels: int, articulation: str = "centre") -> Voice:
    """The voice of a drum close up, at a tuning, rate and channel count."""
    part = banks.voiced(bank, rate, cents, channels, articulation)
    return Voice(part.layers, part.layer_of, part.gain, rate)
