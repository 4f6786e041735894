"""What else is heard while somebody practises: a metronome, or a faint backing track.

Conventions
-----------
A *stage* is a part of an acoustic record (:mod:`sousa.generation.audio.acoustics`): plain data, enough to
make the same sound again. Beats are given as samples, with the first of each bar marked. Sounds begin at
their beat, to the sample; they are float32 (samples,) with an RMS of about 1 while they sound, and are set
to their level by whoever mixes them: relative to the RMS of the row's signal from its first stroke on, as
noise is.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from sousa.generation.audio import noise
from sousa.generation.seeds import within

Draw = Callable[[str], float]
Stage = dict[str, Any]

# part of the identity of rows: to be raised when figures or code below change what they make
VERSION = 1
CLICK_SHARE, BACKING_SHARE = 0.20, 0.10  # of augmented rows
CLICK_DB, BACKING_DB = (-32.0, -9.0), (-34.0, -16.0)
CLICKS = ("beep", "tick", "wood")
_CLICK_HZ, _FIRST_UP = (700.0, 2400.0), (1.0, 2.0)  # pitch, and that of the first of a bar over it
_CLICK_SEC = {"beep": 0.045, "tick": 0.006, "wood": 0.03}
_ROOT_HZ = (41.2, 82.4)  # E1 to E2
_STEPS = (0, 0, 5, 7, 3, -2, 8, 10)  # semitones that a bass goes through, bar by bar
_NOTE_SEC, _HAT_SEC = 0.35, 0.05


def drawn(draw: Draw) -> dict[str, Stage | None]:
    """The stages ``click`` and ``backing`` of a row, None for those that it does not have."""
    out: dict[str, Stage | None] = {"click": None, "backing": None}
    chance = draw("accompaniment")
    if chance < CLICK_SHARE:
        out["click"] = {
            "timbre": CLICKS[int(draw("click sound") * len(CLICKS))],
            "level_db": within(draw, "click level", CLICK_DB, 2),
            "frequency_hz": within(draw, "click pitch", _CLICK_HZ, 0),
            "first_ratio": within(draw, "click first", _FIRST_UP, 2),
        }
    elif chance < CLICK_SHARE + BACKING_SHARE:
        low, high = _ROOT_HZ
        out["backing"] = {
            "level_db": within(draw, "backing level", BACKING_DB, 2),
            "root_hz": round(low * (high / low) ** draw("backing root"), 2),
            "start": int(draw("backing start") * len(_STEPS)),
            "pattern": int(draw("backing pattern") * 2**20),
        }
    return out


def heard(record: dict[str, Any] | None) -> bool:
    """Whether a record has any accompaniment."""
    return bool(record and (record.get("click") or record.get("backing")))


def click(stage: Stage, beats: np.ndarray, first: np.ndarray, size: int, rate: int) -> np.ndarray:
    """A metronome: one sound on each beat.

    Args:
        beats: int array, samples of the beats.
        first: bool array, which of them begin a bar.
        size: length in samples.
    """
    out = np.zeros(size, np.float32)
    for pitch, which in ((1.0, ~first), (stage["first_ratio"], first)):
        sound = _click(stage["timbre"], stage["frequency_hz"] * pitch, rate)
        for at in beats[which].tolist():
            _add(out, sound, at)
    return out


def _click(kind: str, frequency_hz: float, rate: int) -> np.ndarray:
    t = np.arange(int(_CLICK_SEC[kind] * rate)) / rate
    length = _CLICK_SEC[kind]
    wave = np.sin(2.0 * np.pi * frequency_hz * t)
    if kind == "wood":
        wave = (wave + 0.6 * np.sin(2.0 * np.pi * 2.71 * frequency_hz * t)) * np.exp(-t / 0.007)
    elif kind == "tick":
        wave = wave * np.exp(-t / 0.0012) + np.where(t < 0.0005, 1.0, 0.0)
    # a beep begins and ends without a step; one below 1 ms is heard as its own beginning
    edge = np.minimum(np.minimum(t / 0.0008 + 0.05, (length - t) / 0.002), 1.0)
    sound = wave * np.maximum(edge, 0.0)
    return _normal(sound)


def backing(stage: Stage, beats: np.ndarray, first: np.ndarray, size: int, rate: int) -> np.ndarray:
    """A bass note on each beat and a hi-hat between them; arguments as of :func:`click`."""
    out = np.zeros(size, np.float32)
    bars = np.cumsum(first)
    hat = noise.table("tape_hiss", rate)[stage["pattern"] % 1000 :][: int(_HAT_SEC * rate)]
    hat = _normal(hat * np.exp(-np.arange(len(hat)) / rate / 0.012)) * np.float32(0.5)
    steps = np.diff(beats, append=beats[-1:] + (beats[-1:] - beats[-2:-1] if len(beats) > 1 else rate))
    for at, bar, step in zip(beats.tolist(), bars.tolist(), steps.tolist(), strict=True):
        semitones = _STEPS[(stage["start"] + bar) % len(_STEPS)]
        _add(out, _bass(stage["root_hz"] * 2.0 ** (semitones / 12.0), rate), at)
        _add(out, hat, at)
        _add(out, hat, at + step // 2)
    return out


@lru_cache(maxsize=64)
def _bass(frequency_hz: float, rate: int) -> np.ndarray:
    t = np.arange(int(_NOTE_SEC * rate)) / rate
    wave = sum(np.sin(2.0 * np.pi * n * frequency_hz * t) / n for n in (1, 2, 3, 4))
    return _normal(wave * np.exp(-t / 0.18) * np.minimum(t / 0.004, 1.0))


def _normal(sound: np.ndarray) -> np.ndarray:
    """RMS 1; rounded, so that the last bit of a machine's sine can't reach the samples."""
    return np.round(sound / np.sqrt((sound * sound).mean()), 5).astype(np.float32)


def _add(out: np.ndarray, sound: np.ndarray, at: int) -> None:
    part = sound[: max(len(out) - at, 0)]
    if at >= 0:
        out[at : at + len(part)] += part
