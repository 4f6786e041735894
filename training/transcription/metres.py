"""The metre of notes whose beats are known: how they divide, and how many make a bar.

Told apart are 2/4, 3/4, 4/4, 5/4, 6/8, 9/8 and 12/8.
"""

from dataclasses import dataclass

import numpy as np

from sousa.training.transcription import TICKS
from sousa.training.transcription.beats import Onsets

_USUAL = {4: 0.12, 3: 0.0, 2: 0.0, 5: -0.3}  # what bars of so many beats are given in advance
_NOTHING = -1.5  # logit of a beat at which nothing begins


@dataclass(frozen=True)
class Beats:
    """Beats with their metre.

    Attributes:
        sec: float64 (n,), rising; notes before the first and after the last are in beats of the same length.
        metre: such as ``6/8``.
        first_bar: number of the first beat at which a bar begins.
    """

    sec: np.ndarray
    metre: str
    first_bar: int = 0

    @property
    def per_bar(self) -> int:
        """Beats a bar."""
        count = int(self.metre.split("/")[0])
        return count // 3 if is_compound(self.metre) else count

    @property
    def beat_ticks(self) -> int:
        """Length of a beat."""
        return self.bar_ticks // self.per_bar

    @property
    def bar_ticks(self) -> int:
        """Length of a whole bar."""
        count, unit = (int(part) for part in self.metre.split("/"))
        return 4 * TICKS * count // unit

    def places(self, sec: np.ndarray) -> np.ndarray:
        """Beats, with their fraction, at which times are: float64."""
        return _extended(sec, self.sec, np.arange(len(self.sec), dtype=np.float64))

    def times(self, beats: np.ndarray) -> np.ndarray:
        """Seconds of places in beats."""
        return _extended(beats, np.arange(len(self.sec), dtype=np.float64), self.sec)


def is_compound(metre: str) -> bool:
    """Whether beats divide into three: 6/8, 9/8 and 12/8."""
    count, unit = (int(part) for part in metre.split("/"))
    return unit >= 8 and count % 3 == 0 and count > 3


def _extended(values: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Linear interpolation that goes on beyond both ends."""
    values = np.asarray(values, dtype=np.float64)
    out = np.interp(values, x, y)
    first, last = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
    out = np.where(values < x[0], y[0] + (values - x[0]) * first, out)
    return np.where(values > x[-1], y[-1] + (values - x[-1]) * last, out)


def beats_of(notes: np.ndarray, onsets: Onsets, sec: np.ndarray, thirds: bool, metre: str = "") -> Beats:
    """Beats with the metre that suits notes best, or a given one, beginning where its bars fit.

    Args:
        sec: of each beat.
        thirds: whether beats divide in three.
    """
    free = Beats(sec, "1/4")
    strength = _strength(notes, onsets, free)
    if metre:
        beats = Beats(sec, metre)
        return Beats(sec, metre, _phase(strength, beats.per_bar)[1])
    ways = {count: _phase(strength, count) for count in _USUAL if not (thirds and count == 5)}
    count = max(ways, key=lambda c: ways[c][0] + _USUAL[c])
    return Beats(sec, f"{3 * count}/8" if thirds else f"{count}/4", ways[count][1])


def _strength(notes: np.ndarray, onsets: Onsets, beats: Beats) -> np.ndarray:
    """How much each beat sounds like the beginning of a bar."""
    count = len(beats.sec)
    place = beats.places(onsets.sec)
    near = np.rint(place).astype(int)
    at = (np.abs(place - near) < 0.15) & (near >= 0) & (near < count)
    odds = np.full(count, _NOTHING)
    np.maximum.at(odds, near[at], onsets.odds[at])
    begin, end = beats.places(notes["onset_sec"]), beats.places(notes["offset_sec"])
    chroma = np.zeros((count + 1, 12))
    for beat in range(count + 1):
        inside = np.clip(np.minimum(end, beat + 1) - np.maximum(begin, beat), 0, 1)
        np.add.at(chroma[beat], notes["pitch"] % 12, inside)
    norm = np.sqrt((chroma**2).sum(1)) + 1e-9
    change = np.append(
        1.0, 1 - (chroma[1:count] * chroma[: count - 1]).sum(1) / (norm[1:count] * norm[: count - 1])
    )
    bass = np.zeros(count)
    note_near = np.rint(begin).astype(int)
    low = (np.abs(begin - note_near) < 0.15) & (note_near >= 0) & (note_near < count)
    np.maximum.at(bass, note_near[low], np.clip((60 - notes["pitch"][low]) / 24, 0, 1))
    length = np.zeros(count)
    np.maximum.at(length, note_near[low], np.minimum((end - begin)[low], 4.0) / 4)
    return 0.5 * np.clip(odds, -3, 3) / 3 + 1.2 * change + 0.8 * bass + 0.6 * length


def _phase(strength: np.ndarray, count: int) -> tuple[float, int]:
    """``(how well bars of so many beats fit, the first beat that begins one)``."""
    if count < 2 or len(strength) <= count:
        return 0.0, 0
    fits = []
    for first in range(count):
        downbeat = np.arange(len(strength)) % count == first
        spread = strength.std() + 1e-9
        fits.append(float(strength[downbeat].mean() - strength[~downbeat].mean()) / spread)
    best = int(np.argmax(fits))
    return fits[best], best
