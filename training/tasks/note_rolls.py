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
_CLOSE_FRAMES = 2  # from the likeliest end, in which a peak of the offset roll tells its exact moment
_LEAST_END, _LEAST_ODDS = 0.02, 1e-4  # probabilities that count: of an offset roll, and of a frame roll


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
    frame_threshold: float = 0.4, offset_weight: float = 2.0, min_gap_sec: float = 0.04,
) -> NoteList:  # fmt: skip
    """Notes out of rolls of probabilities, each (frames, KEYS).

    An onset is a frame above its threshold that is the highest of its key within ``min_gap_sec``. The note
    ends where that is likeliest, at the latest when the key is struck again or the clip ends: each frame that
    it sounds in counts by its odds over those of ``frame_threshold``, so a short dip is outweighed by what
    comes after it, and the end by the logarithm of the offset roll, ``offset_weight`` times. A peak of the
    offset roll close by then tells the exact moment.
    """
    num_frames = len(onset)
    if not num_frames:
        return NoteList(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
    key, at, place = _peaks(onset, onset_threshold, max(round(min_gap_sec / frame_sec), 1))
    # frame, and place, where the key is struck again
    same = key[1:] == key[:-1]
    again, again_place = np.full(len(key), num_frames), np.full(len(key), num_frames - 0.5)
    again[:-1][same], again_place[:-1][same] = at[1:][same], place[1:][same]
    worth = np.cumsum(_log_odds(frame) - _log_odds(np.float64(frame_threshold)), axis=0)
    ends = np.concatenate([offset[1:], np.zeros((1, KEYS))])
    worth += offset_weight * np.log(np.maximum(ends, _LEAST_END))
    spans = zip(key.tolist(), at.tolist(), again.tolist(), strict=True)
    last = np.array([start + worth[start:stop, k].argmax() for k, start, stop in spans], np.int64)
    last = np.where(last == again - 1, again_place, last + 0.5)
    last = np.minimum(_near_peak(offset, key, last, place + _EARLY_SEC / frame_sec), again_place)
    begin, end = (first_sec + frames * frame_sec for frames in (place, last))
    begin = np.maximum(begin, 0.0)
    end = np.maximum(np.minimum(end, length_sec), begin + _SHORTEST_SEC)
    loud = np.clip(np.rint(127 * velocity[at, key]), 1, 127).astype(np.int64)
    kept = np.flatnonzero(begin < length_sec)
    kept = kept[np.lexsort((key[kept], begin[kept]))]
    return NoteList(begin[kept], end[kept], key[kept] + LOWEST, loud[kept])


def _log_odds(probability: np.ndarray) -> np.ndarray:
    probability = np.clip(np.asarray(probability, np.float64), _LEAST_ODDS, 1 - _LEAST_ODDS)
    return np.log(probability / (1 - probability))


def _near_peak(offset: np.ndarray, key: np.ndarray, last: np.ndarray, early: np.ndarray) -> np.ndarray:
    """Ends of notes, in frames, moved to the peak of the offset roll that is close by, if one is.

    Args:
        key, last, early: of each note its key, its end, and the moment before which it doesn't end.
    """
    span = len(offset) + 2.0 * _CLOSE_FRAMES + 2.0  # from key to key, which follow each other in one line
    ends, _, end_place = _peaks(offset, _LEAST_END, 1)
    line = np.concatenate([[-np.inf], ends * span + end_place, [np.inf]])
    after = np.searchsorted(line, key * span + last)
    peaks = np.stack([line[after - 1], line[after]]) - key * span
    distance = np.where(peaks >= early, np.abs(peaks - last), np.inf)
    nearest = distance.argmin(axis=0), np.arange(len(last))
    return np.where(distance[nearest] <= _CLOSE_FRAMES, peaks[nearest], last)


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
