"""What a decoder of quadruples reads of the rolls at the places its own tokens name.

Conventions: rolls, segments and frames are those of :mod:`sousa.training.models.decoder`; the first kind of
roll tells onsets. A note is written by four tokens, so the place of a token tells what comes next, and each
reading has a part for each of these:

- before a time: the onsets that are left, the likeliest of all keys, frame by frame of the segment
- before a pitch: the onsets that are left near that time, key by key
- before a velocity or a duration: all rolls of the key, at lags from the onset

An onset is left where no note written so far in this segment, of that key, is near.
"""

import math
from dataclasses import dataclass

import torch

from sousa.training.tokens import QuadrupleTokenizer
from sousa.training.tokens.quadruples import PITCH, TIME

_NEAR_FRAMES = 3  # of an onset, which belong to it
_BEFORE_FRAMES = 2  # frames before an onset that are read of its key
_DENSE_FRAMES, _LAG_RATIO = 16, 1.06  # frames after it that are all read; then their distance grows


@dataclass(frozen=True, eq=False)
class Rolls:
    """Rolls of a batch.

    Attributes:
        values: (clips, frames, keys, kinds), the keys being those of the tokens.
        frame_of: int64 (segments of a clip, steps), the frame nearest to each step of each segment.
        onsets: (segments of all clips, frames of a segment, keys), from a margin before each segment on.
    """

    values: torch.Tensor
    frame_of: torch.Tensor
    onsets: torch.Tensor

    @classmethod
    def of(cls, values: torch.Tensor, frame_of: torch.Tensor, frames: int) -> "Rolls":
        """Rolls with their onsets; frames: of a segment with its margins."""
        first = frame_of[:, 0].repeat(len(values))
        clip = torch.arange(len(first), device=values.device) // len(frame_of)
        frame = first[:, None] - _NEAR_FRAMES + torch.arange(frames, device=values.device)
        key = torch.arange(values.shape[2], device=values.device)
        onsets = _at(values, clip[:, None, None], frame[..., None], key)[..., 0]
        return cls(values, frame_of, onsets)


def _at(values: torch.Tensor, clip: torch.Tensor, frame: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Values at frames and keys of clips, (..., kinds); 0 outside the clips."""
    clips, frames, keys, kinds = values.shape
    line = clip * frames + frame.clamp(0, frames - 1)
    inside = (frame >= 0) & (frame < frames)
    return values.reshape(clips * frames * keys, kinds)[line * keys + key] * inside[..., None]


class Reader:
    """Readings of the rolls.

    Args:
        kinds: of rolls.
        frame_sec: from frame to frame.

    Attributes:
        size: of a reading.
    """

    def __init__(self, tokenizer: QuadrupleTokenizer, kinds: int, frame_sec: float):
        self.tokenizer, sizes = tokenizer, tokenizer.sizes
        self.frames = math.ceil(sizes.segment_sec / frame_sec) + 2 * _NEAR_FRAMES
        self.lags = _lags(sizes.longest_sec / frame_sec)
        self.parts = (self.frames, sizes.num_pitches, len(self.lags) * kinds)
        self.size = sum(self.parts)

    def __call__(
        self, ids: torch.Tensor, rolls: Rolls, segment: torch.Tensor, last: int | None = None
    ) -> torch.Tensor:
        """Readings at tokens: (segments, tokens, size).

        Args:
            ids: int64 (segments, tokens), from BOS on.
            segment: int64 (segments,), number of each in the batch.
            last: only of so many tokens, the last ones.
        """
        count, length = ids.shape
        places = range(length - (last or length), length)
        step = (ids[:, 1::4] - self.tokenizer.first[TIME]).clamp(0, self.tokenizer.parts[TIME] - 1)
        key = (ids[:, 2::4] - self.tokenizer.first[PITCH]).clamp(0, self.tokenizer.parts[PITCH] - 1)
        frames_of = rolls.frame_of[segment % len(rolls.frame_of)]
        clip, frame = segment // len(rolls.frame_of), frames_of.gather(1, step)
        place_of = frame - frames_of[:, :1] + _NEAR_FRAMES
        onsets, writer = rolls.onsets[segment], self._writer(place_of[:, : key.shape[1]], key)
        out = onsets.new_zeros(count, len(places), self.size)
        before_time, before_pitch, before_rest = out.split(self.parts, dim=2)
        near = torch.arange(-_NEAR_FRAMES, _NEAR_FRAMES + 1, device=ids.device)
        lags = torch.tensor(self.lags, device=ids.device)
        for number, place in enumerate(places):
            note, part = divmod(place, 4)
            if part == 0:
                before_time[:, number] = (onsets * (writer >= note)).amax(dim=2)
            elif part == 1:
                at = (place_of[:, note, None] + near).clamp(0, self.frames - 1)
                at = at[..., None].expand(-1, -1, onsets.shape[2])
                left = onsets.gather(1, at) * (writer.gather(1, at) >= note)
                before_pitch[:, number] = left.amax(dim=1)
            else:
                where = frame[:, note, None] + lags
                values = _at(rolls.values, clip[:, None], where, key[:, note, None])
                before_rest[:, number] = values.flatten(1)
        return out

    def _writer(self, place: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        """The number of the first note that is written at each place: int32 (segments, frames, keys), a large
        one where there is none; place, key: of notes, (segments, notes).
        """
        count, notes = key.shape
        near = torch.arange(-_NEAR_FRAMES, _NEAR_FRAMES + 1, device=key.device)
        keys = self.tokenizer.parts[PITCH]
        cells = (place[..., None] + near).clamp(0, self.frames - 1) * keys + key[..., None]
        number = torch.arange(notes, dtype=torch.int32, device=key.device)[:, None]
        number = number.expand(count, -1, len(near)).flatten(1)
        none = torch.iinfo(torch.int32).max
        writer = torch.full((count, self.frames * keys), none, dtype=torch.int32, device=key.device)
        return writer.scatter_reduce_(1, cells.flatten(1), number, "amin").unflatten(1, (self.frames, keys))


def _lags(longest: float) -> list[int]:
    """Frames that are read around an onset: all near it, fewer with the distance."""
    lags = list(range(-_BEFORE_FRAMES, _DENSE_FRAMES + 1))
    while lags[-1] < longest:
        lags.append(max(lags[-1] + 1, round(lags[-1] * _LAG_RATIO)))
    return lags
