"""Notes as rolls, arrays over frames and keys, and back.

Conventions: frame k stands for the moment ``first_sec + k * frame_sec`` of the clip. Key 0 is MIDI note
``LOWEST``; there are ``KEYS`` of them. Times are seconds from the start of the clip. Rolls are float32
(frames, KEYS):

- onset and offset: 1 at the moment of the event, falling in a straight line to 0 at ``spread_sec`` before and
  after it, so that the values of neighbouring frames tell where between them it lies
- frame: 1 where the note sounds at the moment of the frame
- velocity: MIDI velocity / 127 in the frames in which the onset is above 0

Source: Q. Kong et al., High-resolution Piano Transcription with Pedals by Regressing Onset and Offset Times,
2021.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter1d

LOWEST, KEYS = 21, 88
_SHORTEST_SEC = 0.01  # of a decoded note
_EARLY_SEC = 0.02  # after an onset, before which a note doesn't end
_LATE_FRAMES = 2  # after the end of sounding, in which a peak of the offset roll still tells its place


@dataclass(frozen=True)
class NoteList:
    """Notes in order of onset, then pitch.

    Attributes:
        onset_sec, offset_sec: float64 [notes]; each offset is later than its onset, no onset is negative.
        pitch: int64 [notes], MIDI note numbers.
        velocity: int64 [notes], 1 to 127.
    """

    onset_sec: np.ndarray
    offset_sec: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray

    def __len__(self) -> int:
        return len(self.onset_sec)

    def records(self) -> list[dict[str, Any]]:
        """A dict of these fields for each note."""
        names = ("onset_sec", "offset_sec", "pitch", "velocity")
        columns = (getattr(self, name).tolist() for name in names)
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def peaks_roll(place: np.ndarray, key: np.ndarray, num_frames: int, spread: float) -> np.ndarray:
    """Triangles around places, float32 (frames, KEYS); place and spread in frames."""
    out = np.zeros((num_frames, KEYS), np.float32)
    reach = int(np.ceil(spread))
    frames = np.floor(place).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
    values = 1.0 - np.abs(frames - place[:, None]) / spread
    keys = np.broadcast_to(key[:, None], frames.shape)
    chosen = (values > 0) & (frames >= 0) & (frames < num_frames)
    np.maximum.at(out, (frames[chosen], keys[chosen]), values[chosen].astype(np.float32))
    return out


def sounding_roll(begin: np.ndarray, end: np.ndarray, key: np.ndarray, num_frames: int) -> np.ndarray:
    """1 in the frames from begin to before end, float32 (frames, KEYS); places in frames."""
    change = np.zeros((num_frames + 1, KEYS), np.int32)
    first, last = (np.clip(np.ceil(place), 0, num_frames).astype(np.int64) for place in (begin, end))
    np.add.at(change, (first, key), 1)
    np.add.at(change, (np.maximum(last, first), key), -1)
    return (np.cumsum(change[:-1], axis=0) > 0).astype(np.float32)


def velocity_roll(
    place: np.ndarray, key: np.ndarray, velocity: np.ndarray, onset: np.ndarray, spread: float
) -> np.ndarray:
    """Velocity / 127 in the frames of the onset roll that are above 0, float32 (frames, KEYS)."""
    out = np.zeros_like(onset)
    reach = int(np.ceil(spread))
    order = np.argsort(place, kind="stable")  # of two onsets in one frame the nearer one's counts
    near = np.rint(place[order]).astype(np.int64)
    for distance in sorted(range(-reach, reach + 1), key=abs, reverse=True):
        frame = near + distance
        inside = (frame >= 0) & (frame < len(onset))
        out[frame[inside], key[order][inside]] = velocity[order][inside] / 127.0
    return np.where(onset > 0, out, 0).astype(np.float32)


def decode(
    onset: np.ndarray, offset: np.ndarray, frame: np.ndarray, velocity: np.ndarray, *,
    frame_sec: float, first_sec: float = 0.0, length_sec: float = np.inf, onset_threshold: float = 0.3,
    offset_threshold: float = 0.3, frame_threshold: float = 0.3, min_gap_sec: float = 0.04,
) -> NoteList:  # fmt: skip
    """Notes out of rolls of probabilities, each (frames, KEYS).

    An onset is a frame above its threshold that is the highest of its key within ``min_gap_sec``. The note
    ends where the frame roll is below its threshold, or at a peak of the offset roll before that or soon
    after, and at the latest when the key is struck again or the clip ends.
    """
    num_frames = len(onset)
    if not num_frames:
        return NoteList(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
    span = num_frames + 2.0  # frames from key to key, where keys follow each other in one line of time
    reach = max(round(min_gap_sec / frame_sec), 1)
    key, at, place = _peaks(onset, onset_threshold, reach)
    early = key * span + place + _EARLY_SEC / frame_sec
    ends, _, end_place = _peaks(offset, offset_threshold, 1)
    end_place = _next(ends * span + end_place, early) - key * span
    silent, silent_at = np.nonzero((frame < frame_threshold).T)
    fall_place = _next(silent * span + silent_at - 0.5, early) - key * span
    again = _next(key * span + place, early) - key * span
    last = np.where(end_place <= fall_place + _LATE_FRAMES, end_place, fall_place)
    # what lies in the line of another key is no event of this one
    last = np.minimum(np.minimum(last, again), num_frames - 0.5)
    begin, end = (first_sec + frames * frame_sec for frames in (place, last))
    begin = np.maximum(begin, 0.0)
    end = np.maximum(np.minimum(end, length_sec), begin + _SHORTEST_SEC)
    loud = np.clip(np.rint(127 * velocity[at, key]), 1, 127).astype(np.int64)
    kept = np.flatnonzero(begin < length_sec)
    kept = kept[np.lexsort((key[kept], begin[kept]))]
    return NoteList(begin[kept], end[kept], key[kept] + LOWEST, loud[kept])


def _next(events: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The first of rising events that is not before each of ``after``; infinity for none."""
    return np.append(events, np.inf)[np.searchsorted(events, after)]


def _peaks(roll: np.ndarray, threshold: float, reach: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``(keys, frames, places)`` of the peaks of a roll, by key and time.

    A place is a frame with its fraction. A peak is the first frame that none within ``reach`` frames exceeds.
    """
    roll = np.ascontiguousarray(np.asarray(roll, np.float64).T)
    high = maximum_filter1d(roll, 2 * reach + 1, axis=1, mode="constant")
    before = np.pad(roll, ((0, 0), (1, 0)))[:, :-1]
    key, at = np.nonzero((roll >= threshold) & (roll == high) & (roll > before))
    left, top, right = (roll[key, np.clip(at + step, 0, roll.shape[1] - 1)] for step in (-1, 0, 1))
    # two straight lines of the same steepness meet here; at the edges there is only one
    slope = np.maximum(top - np.minimum(left, right), 1e-6)
    inside = (at > 0) & (at < roll.shape[1] - 1)
    return key, at, at + np.where(inside, np.clip((right - left) / slope / 2, -0.5, 0.5), 0.0)


def intervals(
    roll: np.ndarray, frame_sec: float, first_sec: float = 0.0, threshold: float = 0.5
) -> np.ndarray:
    """Where a roll of one key is above a threshold: seconds, float64 [intervals, 2], from line to line."""
    above = np.concatenate([[False], np.asarray(roll) >= threshold, [False]])
    edges = np.flatnonzero(above[1:] != above[:-1])
    padded = np.concatenate([roll[:1], roll, roll[-1:]]).astype(np.float64)
    low, high = padded[edges], padded[edges + 1]
    step = np.where(high == low, 1.0, high - low)
    part = np.where(high == low, 0.5, np.clip((threshold - low) / step, 0.0, 1.0))
    times = np.maximum(first_sec + (edges - 1 + part) * frame_sec, 0.0)
    return times.reshape(-1, 2)
