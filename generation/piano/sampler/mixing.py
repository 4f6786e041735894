"""Playing a performance on a piano: every note added at its sample, and stopped where its damper falls.

Conventions
-----------
A note begins at its ``onset_sample``, and nothing is heard before the first one. It sounds by its own decay
until ``end_sample``; from there the damper makes it fall by the key's ``release_db_sec``, in a straight line
in dB, until RELEASED_DB. Keys above ``played.HIGHEST_DAMPED`` have no damper.

*Half pedal.* A damper falls as fast as it presses: fully where the pedal is at or under HALF_PEDAL, not at
all from ``played.PEDAL_DOWN`` on, proportionally in between. A pedal that goes down again catches what is
left of a string, unless that has fallen by CAUGHT_DB: then it goes on falling.

A key that is struck again takes the earlier sound of its string away within STRUCK_AGAIN_SEC.

Strings that are not struck do not resonate here: a recording of one key has none of that either, and with
the pedal down a real piano is fuller than this one.

In stereo, keys lie from left to right as a player hears them, at constant power.
"""

from functools import lru_cache

import numpy as np

from sousa.generation.audio import mix
from sousa.generation.piano.played import HIGHEST_DAMPED, PEDAL_DOWN, Performance
from sousa.generation.piano.sampler.pianos import KEYS, LOWEST
from sousa.generation.piano.sampler.voicing import Voicing

HALF_PEDAL = 16
RELEASED_DB, CAUGHT_DB = 54.0, 24.0
STRUCK_AGAIN_SEC = 0.012
WIDTH = 0.35  # of the stereo image: 1 would have the outer keys on one side only
_PRESSURES = 4  # steps of a damper's pressure
_NEVER = 1 << 40


@lru_cache(maxsize=256)
def _release(rate: int, db_sec: float) -> tuple[np.ndarray, np.ndarray]:
    """``(steps, samples)``: the fall of a damped string to silence.

    Returns: float32 (n * _PRESSURES,), after each step of damping; and (_PRESSURES, n), the same in columns:
        under full pressure a row is read from left to right.
    """
    size = max(int(RELEASED_DB / db_sec * rate), 1)
    steps = np.arange(size * _PRESSURES)
    steps = np.round(10.0 ** (-db_sec / 20.0 / rate / _PRESSURES * steps), 7).astype(np.float32)
    steps[-_PRESSURES:] = 0.0
    return steps, np.ascontiguousarray(steps.reshape(size, _PRESSURES).T)


@lru_cache(maxsize=8)
def _struck_again(rate: int) -> np.ndarray:
    """The fall of a string that is struck again: half a cosine, float32 (samples,)."""
    size = int(STRUCK_AGAIN_SEC * rate)
    return np.round(0.5 + 0.5 * np.cos(np.pi * (np.arange(size) + 1) / (size + 1)), 7).astype(np.float32)


@lru_cache(maxsize=1)
def _pan() -> np.ndarray:
    """Gains of left and right of each key, float32 (2, KEYS)."""
    place = np.pi / 4 * (1.0 + WIDTH * np.linspace(-1.0, 1.0, KEYS))
    return np.round(np.sqrt(2.0) * np.array([np.cos(place), np.sin(place)]), 7).astype(np.float32)


class Damping:
    """How long dampers have lain on the strings at each sample, a light touch counting less.

    Counted in whole steps, _PRESSURES of them in a sample of full pressure: there is nothing to round.
    """

    def __init__(self, pedal: np.ndarray):
        pedal = pedal if len(pedal) else np.zeros((1, 2), dtype=np.int64)
        lifted = np.clip((pedal[:, 1] - HALF_PEDAL) / (PEDAL_DOWN - HALF_PEDAL), 0.0, 1.0)
        pressure = np.ceil((1.0 - lifted) * _PRESSURES).astype(np.int64)
        changes = np.append(True, np.diff(pressure) != 0)
        self._at, self._pressure = pedal[changes, 0].astype(np.int64), pressure[changes]
        self._parts = list(zip([*self._at.tolist()[1:], _NEVER], self._pressure.tolist(), strict=True))
        self._until = np.append(0, np.cumsum(np.diff(self._at) * self._pressure[:-1]))

    def until(self, sample: np.ndarray) -> np.ndarray:
        """The count at samples, int64."""
        part = np.maximum(np.searchsorted(self._at, sample, side="right") - 1, 0)
        return self._until[part] + (sample - self._at[part]) * self._pressure[part]

    def reaches(self, count: np.ndarray) -> np.ndarray:
        """The first samples at which the count is reached, int64; far away where it never is."""
        part = np.maximum(np.searchsorted(self._until, count, side="left") - 1, 0)
        pressure, left = self._pressure[part], count - self._until[part]
        return np.where(pressure > 0, self._at[part] - (-left // np.maximum(pressure, 1)), _NEVER)

    def fall(self, curve: tuple[np.ndarray, np.ndarray], begin: int, size: int) -> np.ndarray:
        """How a string falls that is let go at a sample: float32 (size,); ``curve`` as of _release."""
        steps, rows = curve
        out, at, count, caught = np.empty(size, dtype=np.float32), 0, 0, _caught(rows.shape[1])
        part = max(int(self._at.searchsorted(begin, side="right")) - 1, 0)
        while at < size and count < caught:
            until, pressure = self._parts[part]
            part += 1
            to = min(until - begin, size)
            if pressure:
                to = min(to, at - (count - caught) // pressure)
                out[at:to] = steps[count : count + pressure * (to - at) : pressure]
            else:
                out[at:to] = steps[count]
            at, count = to, count + pressure * (to - at)
        now = count // _PRESSURES
        out[at:] = rows[count % _PRESSURES, now : now + size - at]
        return out


def _caught(samples: int | np.ndarray) -> int | np.ndarray:
    """Steps of damping after which a pedal catches a string no more; ``samples``: until it is silent."""
    return samples * round(1000 * CAUGHT_DB / RELEASED_DB) // 1000 * _PRESSURES


def add_up(voicing: Voicing, performance: Performance, channels: int, fade_sec: float) -> np.ndarray:
    """Add the notes of a performance.

    Args:
        channels: 1 or 2.
        fade_sec: what goes on at the end of the recording is faded out over so much of it.

    Returns: float32 (channels, samples), valid until the next call.
    """
    notes, rate, num_samples = performance.notes, performance.sample_rate, performance.num_samples
    key, onset = notes["pitch"].astype(np.int64) - LOWEST, notes["onset_sample"]
    velocity = notes["velocity"].astype(np.int64)
    sounds = list(map(voicing.sound, key.tolist(), voicing.sound_of[key, velocity].tolist()))
    factors = np.array([factor for _, factor in sounds])
    size = np.array([len(sound) for sound, _ in sounds], dtype=np.int64)
    held = np.where(notes["pitch"] > HIGHEST_DAMPED, _NEVER, notes["end_sample"] - onset)
    again, struck = _next_of_key(key, onset) - onset, _struck_again(rate)
    size = np.minimum(np.minimum(size, again + len(struck)), num_samples - onset)
    falls, size = _falls(voicing, performance, key, held, size)

    out = mix.scratch("mix", channels, num_samples)
    out[:] = 0.0
    note, side = (mix.scratch(name, 1, int(size.max(initial=0)))[0] for name in ("note", "side"))
    numbers = (column.tolist() for column in (onset, key, size, held, again))
    gains = np.round(voicing.gain[key, velocity] * factors, 12).astype(np.float32)
    for at, k, n, let_go, cut, gain, (sound, _), fall in zip(*numbers, gains, sounds, falls, strict=True):
        part = note[:n]
        part[:] = sound[:n]
        part *= gain
        if let_go < n:
            part[let_go:] *= fall[: n - let_go]
        if cut < n:
            part[cut:] *= struck[: n - cut]
        if channels == 1:
            mixed = out[0, at : at + n]
            mixed += part
        else:
            for channel, pan in zip(out, _pan()[:, k], strict=True):
                channel[at : at + n] += np.multiply(part, pan, out=side[:n])
    fade = min(int(fade_sec * rate), num_samples)
    out[:, num_samples - fade :] *= np.arange(fade, 0, -1, dtype=np.float32) / np.float32(fade + 1)
    return out


def _falls(
    voicing: Voicing, performance: Performance, key: np.ndarray, held: np.ndarray, size: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """``(falls, size)``: how each note falls once it is let go, float32 arrays, and how long it sounds.

    Args:
        held, size: samples from the onset of each note to where it is let go, and to where it would end.
    """
    rate, damping = performance.sample_rate, Damping(performance.pedal)
    speeds, which = np.unique(np.round(voicing.release_db_sec, 4), return_inverse=True)
    curves = [_release(rate, float(speed)) for speed in speeds]
    which = which[key]
    length = np.array([rows.shape[1] for _, rows in curves])[which]
    onset = performance.notes["onset_sample"]
    end = onset + np.minimum(held, size)
    begun, caught, left = damping.until(end), _caught(length), size - np.minimum(held, size)
    safe = damping.reaches(begun + caught)  # from there on no pedal matters
    passed = damping.until(np.where(safe < _NEVER, safe, end)) - begun
    ringing = np.minimum(safe - end - (passed - length * _PRESSURES) // _PRESSURES, left)
    looked = np.minimum(caught // _PRESSURES, left)
    even = damping.until(end + looked) - begun == looked * _PRESSURES
    # notes that a pedal lets go together fall together
    falls = [curves[number][1][0] for number in which.tolist()]
    longest: dict[tuple[int, int], int] = {}
    uneven = np.flatnonzero(~even & (ringing > 0))
    groups = list(zip(which[uneven].tolist(), end[uneven].tolist(), strict=True))
    for group, samples in zip(groups, ringing[uneven].tolist(), strict=True):
        longest[group] = max(samples, longest.get(group, 0))
    shared = {group: damping.fall(curves[group[0]], group[1], size) for group, size in longest.items()}
    for note, group in zip(uneven.tolist(), groups, strict=True):
        falls[note] = shared[group]
    return falls, np.minimum(held, size) + ringing


def _next_of_key(key: np.ndarray, onset: np.ndarray) -> np.ndarray:
    """When the key of each note is struck again, int64; far away where it is not."""
    again = np.full(len(key), _NEVER)
    order = np.lexsort((onset, key))
    same = key[order][1:] == key[order][:-1]
    again[order[:-1][same]] = onset[order[1:][same]]
    return again
