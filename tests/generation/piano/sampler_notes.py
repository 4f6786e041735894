"""Performances for the tests of the sampler."""

from collections.abc import Sequence

import numpy as np

from sousa.generation.piano.played import NOTE, Performance, sounding_ends


def performance(
    notes: Sequence[tuple[float, float, int, int]],
    seconds: float,
    rate: int = 16000,
    pedal: Sequence[tuple[float, int]] = (),
) -> Performance:
    """A performance; ``notes``: ``(onset_sec, key_up_sec, pitch, velocity)``; ``pedal``: ``(sec, value)``."""
    table = np.zeros(len(notes), dtype=NOTE)
    if len(notes):
        onset, up, pitch, velocity = (np.array(column) for column in zip(*sorted(notes), strict=True))
        table["onset_sample"] = np.rint(onset * rate)
        table["key_up_sample"] = np.rint(up * rate)
        table["pitch"], table["velocity"] = pitch, velocity
    messages = np.array([(round(at * rate), value) for at, value in pedal], dtype=np.int64).reshape(-1, 2)
    size = round(seconds * rate)
    table["end_sample"] = sounding_ends(
        table["onset_sample"], table["key_up_sample"], table["pitch"], messages, size
    )
    none = np.zeros(0)
    return Performance(table, none, messages, none, none, size, rate)


def mono(pcm: np.ndarray) -> np.ndarray:
    """The first channel, float64, full scale 1."""
    return pcm[:, 0] / 32768.0


def level_db(sound: np.ndarray) -> float:
    return 10.0 * float(np.log10((sound**2).mean() + 1e-20))
