"""What bad media do to a sound, and where they move it.

Conventions: sound is float32 (channels, samples). Steps that move sound in time say where a sample
goes: ``moved_by_tape`` and ``moved_by_hold`` map a position before the step to the first sample
after it in which that position is heard. Labels go through the same maps, so they stay exact.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from sousa.generation.audio.mix import blocks

_KNOT = 64  # the tape's position is exact at these samples and straight between them
_FADE_MS = 5.0
Settings = Mapping[str, float]


def _tape_knots(settings: Settings, size: int, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Position that is read at every _KNOT-th sample, and its rise a sample until the next."""
    at = np.arange(0, size + _KNOT, _KNOT) / rate
    read = at * rate
    for name in ("wow", "flutter"):
        speed, hz, phase = settings[f"{name}_depth"], settings[f"{name}_hz"], settings[f"{name}_phase"]
        angle = 2.0 * np.pi * (hz * at + phase)
        read += speed * rate / (2.0 * np.pi * hz) * (np.sin(angle) - np.sin(2.0 * np.pi * phase))
    read = np.round(read, 6)
    return read[:-1], np.diff(read) / _KNOT


def tape(sound: np.ndarray, settings: Settings, rate: int) -> np.ndarray:
    """Speed that wavers: wow (slow) and flutter (fast), read between samples on straight lines.

    Args:
        settings: ``wow_hz``, ``wow_depth`` (largest deviation of speed, 0-1), ``wow_phase`` (turns),
            and the same for ``flutter``.
    """
    size = sound.shape[1]
    knots, rise = _tape_knots(settings, size, rate)
    # past its end the tape is silent
    longer = np.concatenate([sound, np.zeros((sound.shape[0], 2), np.float32)], axis=1)
    out = np.empty_like(sound)
    for block in blocks(size):  # whole knots
        some = slice(block.start // _KNOT, block.stop // _KNOT)
        read = (knots[some, None] + rise[some, None] * np.arange(_KNOT)).ravel()[: size - block.start]
        whole = np.minimum(read.astype(np.int64), size)
        part = (read - whole).astype(np.float32)
        first, second = longer.take(whole, axis=1), longer.take(whole + 1, axis=1)
        np.add(first, (second - first) * part, out=out[:, block])
    return out


def moved_by_tape(positions: np.ndarray, settings: Settings, rate: int, size: int) -> np.ndarray:
    """First sample after the tape that holds each position before it: int64."""
    knots, rise = _tape_knots(settings, size, rate)
    before = np.asarray(positions, dtype=np.int64) - 1.0
    # the first sample that is read after the one before the position
    knot = np.maximum(np.searchsorted(knots, before, side="right") - 1, 0)
    inside = np.floor((before - knots[knot]) / rise[knot]).astype(np.int64)
    # division and product may round to either side: settle it with the positions that tape() reads
    for _ in range(2):
        inside += knots[knot] + rise[knot] * inside <= before
    inside -= knots[knot] + rise[knot] * (inside - 1) > before
    return np.where(before < 0, 0, knot * _KNOT + inside)


def drop_out(sound: np.ndarray, dropouts: Sequence[Settings], rate: int) -> np.ndarray:
    """Short losses of level.

    Args:
        dropouts: list of dicts of ``start`` (share of the sound), ``length_ms``, ``depth_db``.
    """
    fade = int(_FADE_MS / 1000.0 * rate)
    for dropout in dropouts:
        begin, size = int(dropout["start"] * sound.shape[1]), int(dropout["length_ms"] / 1000.0 * rate)
        low = np.float32(round(10.0 ** (-dropout["depth_db"] / 20.0), 6))
        edge = min(fade, size // 2)
        curve = np.full(size, low, dtype=np.float32)
        ramp = np.arange(1, edge + 1, dtype=np.float32) / np.float32(edge + 1)
        curve[:edge] = np.float32(1.0) + (low - np.float32(1.0)) * ramp
        curve[size - edge :] = curve[:edge][::-1]
        part = sound[:, begin : begin + size]
        part *= curve[: part.shape[1]]
    return sound


@cache
def _held(new_rate: int, rate: int) -> np.ndarray:
    """The sample that is held at each sample of a period, after which the ticks fall alike."""
    tick = np.arange(rate // math.gcd(new_rate, rate), dtype=np.int64) * new_rate // rate
    return -(-tick * rate // new_rate)


def hold(sound: np.ndarray, new_rate: int, rate: int) -> np.ndarray:
    """Sample-rate reduction: only ``new_rate`` samples a second are taken, and each is held.

    With ticks at ceil(k * rate / new_rate). Nothing is filtered, as in early samplers: what lies
    over half the new rate folds back. Causal: a sample is never heard before its tick.
    """
    held = _held(new_rate, rate)
    periods = np.arange(0, sound.shape[1], len(held))[:, None]
    return sound.take((periods + held).ravel()[: sound.shape[1]], axis=1)


def moved_by_hold(positions: np.ndarray, new_rate: int, rate: int) -> np.ndarray:
    """First sample after the reduction that holds each position before it: int64."""
    # the first tick whose sample, k * rate / new_rate rounded up, is no earlier than the position
    tick = (np.asarray(positions, dtype=np.int64) - 1) * new_rate // rate + 1
    return -(-tick * rate // new_rate)
