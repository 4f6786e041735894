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
    """

    values: torch.Tensor
    frame_of: torch.Tensor

    def at(self, segment: torch.Tensor, frame: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        """Values at frames and keys of segments, (..., kinds); 0 outside the clips.

        Args:
            segment, frame, key: int64 of shapes that fit each other.
        """
        clips, frames, keys, kinds = self.values.shape
        line = (segment // len(self.frame_of)) * frames + frame.clamp(0, frames - 1)
        inside = (frame >= 0) & (frame < frames)
        return self.values.reshape(clips * frames * keys, kinds)[line * keys + key] * inside[..., None]

    def first_frame(self, segment: torch.Tensor) -> torch.Tensor:
        """The frame at which segments begin."""
        return self.frame_of[segment % len(self.frame_of), 0]


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
        frame = rolls.frame_of[segment % len(rolls.frame_of)].gather(1, step)
        onsets, writer = self._onsets(rolls, segment, frame, key)
        start = rolls.first_frame(segment)[:, None] - _NEAR_FRAMES
        out = onsets.new_zeros(count, len(places), self.size)
        before_time, before_pitch, before_rest = out.split(self.parts, dim=2)
        near = torch.arange(-_NEAR_FRAMES, _NEAR_FRAMES + 1, device=ids.device)
        lags = torch.tensor(self.lags, device=ids.device)
        for number, place in enumerate(places):
            note, part = divmod(place, 4)
            if part == 0:
                before_time[:, number] = (onsets * (writer >= note)).amax(dim=2)
            elif part == 1:
                at = (frame[:, note, None] - start + near).clamp(0, self.frames - 1)
                at = at[..., None].expand(-1, -1, onsets.shape[2])
                left = onsets.gather(1, at) * (writer.gather(1, at) >= note)
                before_pitch[:, number] = left.amax(dim=1)
            else:
                where = frame[:, note, None] + lags
                before_rest[:, number] = rolls.at(segment[:, None], where, key[:, note, None]).flatten(1)
        return out

    def _onsets(
        self, rolls: Rolls, segment: torch.Tensor, frame: torch.Tensor, key: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Onsets of each segment, and the number of the first note that is written there, both (segments,
        frames, keys); a large number where there is none.
        """
        count, notes = key.shape
        keys = torch.arange(rolls.values.shape[2], device=key.device)
        start = rolls.first_frame(segment)[:, None] - _NEAR_FRAMES
        frames = start + torch.arange(self.frames, device=key.device)
        onsets = rolls.at(segment[:, None, None], frames[..., None], keys)[..., 0]
        near = torch.arange(-_NEAR_FRAMES, _NEAR_FRAMES + 1, device=key.device)
        around = (frame[:, :notes] - start)[..., None] + near
        cells = around.clamp(0, self.frames - 1) * len(keys) + key[..., None]
        number = torch.arange(notes, device=key.device)[:, None].expand(count, -1, len(near))
        writer = torch.full((count, self.frames * len(keys)), torch.iinfo(torch.int64).max, device=key.device)
        writer.scatter_reduce_(1, cells.flatten(1), number.flatten(1), "amin")
        return onsets, writer.view_as(onsets)


def _lags(longest: float) -> list[int]:
    """Frames that are read around an onset: all near it, fewer with the distance."""
    lags = list(range(-_BEFORE_FRAMES, _DENSE_FRAMES + 1))
    while lags[-1] < longest:
        lags.append(max(lags[-1] + 1, round(lags[-1] * _LAG_RATIO)))
    return lags
