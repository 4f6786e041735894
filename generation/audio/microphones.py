"""Microphone and EQ responses as short causal filters.

Conventions: responses are linear in amplitude over :func:`frequencies_hz`; filters are float64
(taps,) at the rate they are designed for, minimum phase, so their energy comes as early as their
response allows and nothing comes before sample 0.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from sousa.generation.audio.banks import BANK_RATE

SPEED_OF_SOUND = 343.4  # m/s at 20 degrees Celsius
TAPS = 2048
_SIZE = 16384
_FADE = 512
# a drum head is no point: nearer than its radius the field grows no more
_NEAREST_M = 0.12


@dataclass(frozen=True)
class Microphone:
    """A kind of microphone."""

    pattern: float  # share of the pressure gradient, 0-1
    response_db: list  # (Hz, dB) points


@cache
def load() -> dict[str, Microphone]:
    """The microphones, by type."""
    table = tomllib.loads(Path(__file__).with_name("microphones.toml").read_text(encoding="utf-8"))
    return {name: Microphone(float(m["pattern"]), m["response_db"]) for name, m in table.items()}


@cache
def frequencies_hz(rate: int = BANK_RATE) -> np.ndarray:
    """Where responses are sampled: float64 array from 0 to half the rate."""
    return np.arange(_SIZE // 2 + 1) * (rate / _SIZE)


def tilt(f: np.ndarray) -> np.ndarray:
    """Shape of a tilted spectrum at frequencies in Hz: 1 at 10 kHz, -1 at 100 Hz."""
    return np.clip(np.log10(f / 1000.0), -1.5, 1.3)


def response(
    microphone: Microphone, distance_m: float, tilt_db: float = 0.0, rate: int = BANK_RATE
) -> np.ndarray:
    """Amplitude of a microphone on axis.

    Args:
        distance_m: to the source; a pressure gradient grows by sqrt(1 + (c / (2 pi f r))^2) near a
            point source (proximity effect; any acoustics text on gradient microphones).
        tilt_db: how far this one is from its kind: so much more at 10 kHz, so much less at 100 Hz.
    """
    points = np.array(microphone.response_db)
    f = np.maximum(frequencies_hz(rate), 10.0)
    level_db = np.interp(np.log(f), np.log(points[:, 0]), points[:, 1])
    level_db += tilt_db * tilt(f)
    # below 30 Hz a real gradient microphone has let go
    near = SPEED_OF_SOUND / (2 * np.pi * np.maximum(f, 30.0) * max(distance_m, _NEAREST_M))
    gradient = np.abs(1.0 - microphone.pattern + microphone.pattern * (1.0 + near / 1j))
    return 10.0 ** (level_db / 20.0) * gradient


def band(highpass_hz: float, lowpass_hz: float, rate: int = BANK_RATE) -> np.ndarray:
    """Amplitude of second-order Butterworth high-pass and low-pass filters in a row."""
    f = np.maximum(frequencies_hz(rate), 1e-3)
    return 1.0 / np.sqrt((1.0 + (highpass_hz / f) ** 4) * (1.0 + (f / lowpass_hz) ** 4))


def minimum_phase(amplitude: np.ndarray) -> np.ndarray:
    """The minimum-phase filter with this amplitude over :func:`frequencies_hz`.

    By the folded cepstrum (Oppenheim and Schafer, Discrete-Time Signal Processing). Returns: float64
    (TAPS,), faded at its end and rounded, so that the last bit of a machine's logarithm is not in it.
    """
    from scipy import fft

    log = np.log(np.maximum(amplitude, 1e-5))
    cepstrum = fft.irfft(log, _SIZE)
    cepstrum[1 : _SIZE // 2] *= 2.0
    cepstrum[_SIZE // 2 + 1 :] = 0.0
    spectrum = fft.rfft(cepstrum, _SIZE)
    scale = np.exp(spectrum.real)
    taps = fft.irfft(scale * np.cos(spectrum.imag) + 1j * scale * np.sin(spectrum.imag), _SIZE)[:TAPS]
    taps[-_FADE:] *= np.linspace(1.0, 0.0, _FADE)
    return np.round(taps, 8)


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Product of spectra, into ``a``; the same on every machine.

    Written out, because NumPy's complex product rounds differently from one processor to the next.
    """
    real = a.real * b.real - a.imag * b.imag
    a.imag = a.real * b.imag + a.imag * b.real
    a.real = real
    return a


def convolve(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Two filters in a row as one: float32 (len(a) + len(b) - 1,)."""
    from scipy import fft

    size = fft.next_fast_len(len(a) + len(b) - 1, real=True)
    x, y = fft.rfft(np.asarray(a, np.float32), size), fft.rfft(np.asarray(b, np.float32), size)
    return fft.irfft(multiply(x, y), size)[: len(a) + len(b) - 1]
