"""Other drums made of a recorded snare, for fonts that have none of their kind.

Conventions: a note is float32 (samples, 2) at the bank rate, its onset at sample 0; so is the result.
"""

from dataclasses import dataclass

import numpy as np

from sousa.generation.audio import banks, microphones
from sousa.generation.audio.banks import BANK_RATE


@dataclass(frozen=True)
class Character:
    """What is done to a note."""

    ratio: float  # played faster by this, as a tighter head sounds
    hold_ms: float  # for which the note is left alone
    decay_ms: float  # after that it falls by 8.7 dB in every decay_ms on top of its own decay
    highpass_hz: float
    lowpass_hz: float


CHARACTERS = {
    # a rubber pad: a short knock, no wires and no shell
    "practice_pad": Character(1.0, 1.5, 9.0, 350.0, 4500.0),
    # a high-tension marching snare: higher, drier, with more crack
    "marching": Character(1.26, 4.0, 55.0, 220.0, 18000.0),
}


def apply(name: str, note: np.ndarray) -> np.ndarray:
    """A note with a character; call :func:`sousa.generation.audio.soundfonts.trim` on it afterwards."""
    how = CHARACTERS[name]
    sound = banks.resample([np.ascontiguousarray(note.T, dtype=np.float32)], how.ratio)[0]
    age_ms = np.arange(sound.shape[1]) * 1000.0 / BANK_RATE
    sound = sound * np.exp(-np.maximum(age_ms - how.hold_ms, 0.0) / how.decay_ms)
    taps = microphones.minimum_phase(microphones.band(how.highpass_hz, how.lowpass_hz))
    return np.stack([microphones.convolve(channel, taps) for channel in sound]).T
