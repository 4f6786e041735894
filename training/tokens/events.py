"""Tokens of what happens in a segment, as MT3 has them: keys that go down and up, in order of time.

A segment begins with its ties, the pitches that sound on from before it, and the token ``tie`` after them.
Then come a time for each moment at which something happens; at it the velocity 0 and the pitches that end;
then the pitches that begin, a velocity before those that differ in it from the last. Pitches rise within each
of these lists. A note that sounds and is not tied by the next segment ends where that begins; one that is
tied and did not sound, or that sounded before the first segment, is no note of ours. Ends are kept to half a
step, but a note lasts a step at least, and the last segment's end ends all.

Source: Gardner et al., MT3: Multi-Task Multitrack Music Transcription, 2022.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from sousa.training.tokens.tokenizer import BOS, EOS, PAD, NoteTokenizer, TokenSizes

TIE, TIME, PITCH, VELOCITY = "tie", "time", "pitch", "velocity"
_BEFORE = -1  # step at which notes began that sounded before the first segment


class EventTokenizer(NoteTokenizer):
    """See the module's conventions."""

    kind = "mt3"

    def __init__(self, sizes: TokenSizes):
        parts = {TIE: 1, TIME: sizes.num_steps, PITCH: sizes.num_pitches, VELOCITY: sizes.velocity_bins + 1}
        super().__init__(sizes, parts)

    def label(self, value: str, number: int) -> str:
        shown = {
            TIE: lambda: "",
            TIME: lambda: f" {number * self.sizes.step_sec:.3f}",
            PITCH: lambda: f" {self.sizes.lowest_pitch + number}",
            VELOCITY: lambda: f" {self.velocity_value(np.array(number - 1)):.0f}" if number else " 0",
        }
        return f"{value}{shown[value]()}"

    def encode(self, notes: np.ndarray, num_segments: int) -> list[np.ndarray]:
        sizes = self.sizes
        onset, end, pitch, velocity = self.on_grid(notes).T
        end = np.maximum(np.rint(end / sizes.step_sec), onset + 1)
        key, velocity = pitch - sizes.lowest_pitch, 1 + self.velocity_bin(velocity)
        events = np.concatenate([  # step, velocity or 0, key; sorted as they are written
            np.stack([end, np.zeros(len(key)), key], axis=1), np.stack([onset, velocity, key], axis=1),
        ]).astype(np.int64)  # fmt: skip
        events = events[np.lexsort((events[:, 2], events[:, 1] > 0, events[:, 0]))]
        segments = []
        for number in range(num_segments):
            begin = number * sizes.num_steps
            tied = np.sort(key[(onset < begin) & (end > begin)]).astype(np.int64)
            after = begin + (events[:, 1] == 0)  # ends at the beginning itself are told by the ties
            inside = (events[:, 0] >= after) & (events[:, 0] < begin + sizes.num_steps)
            moments = events[inside] - (begin, 0, 0)
            segments.append(np.array([BOS, *self._written(tied, moments), EOS], np.int64))
        return self.bounded(segments)

    def _written(self, tied: np.ndarray, events: np.ndarray) -> Iterator[int]:
        first = self.first
        yield from first[PITCH] + tied
        yield first[TIE]
        before, loudness = -1, -1
        for step, velocity, key in events.tolist():
            if step != before:
                yield first[TIME] + step
            if velocity != loudness:
                yield first[VELOCITY] + velocity
            yield first[PITCH] + key
            before, loudness = step, velocity

    def decode(self, segments: Sequence[Any]) -> np.ndarray:
        sizes, notes = self.sizes, []
        sounding: dict[int, tuple[int, int]] = {}  # key to the step and the velocity with which it began

        def ends(key: int, step: int) -> None:
            onset, velocity = sounding.pop(key)
            if onset != _BEFORE:
                notes.append((onset, max(step, onset + 1), key, velocity))

        for number, segment in enumerate(segments):
            begin = number * sizes.num_steps
            step = velocity = None
            tied: set[int] | None = set()
            for part, value in self._parts(segment):
                if tied is not None and part == PITCH:
                    tied.add(value)
                elif tied is not None and part == TIE:
                    for key in sounding.keys() - tied:
                        ends(key, begin)
                    sounding |= dict.fromkeys(tied - sounding.keys(), (_BEFORE, 0))
                    tied = None
                elif part == TIME:
                    step = begin + value
                elif part == VELOCITY:
                    velocity = value
                elif part == PITCH and step is not None and velocity is not None:
                    if value in sounding:
                        ends(value, step)
                    if velocity:
                        sounding[value] = (step, velocity - 1)
        for key in list(sounding):
            ends(key, len(segments) * sizes.num_steps)
        onset, end, key, velocity = np.array(notes, np.float64).reshape(-1, 4).T
        columns = (onset * sizes.step_sec, end * sizes.step_sec, sizes.lowest_pitch + key,
                   self.velocity_value(velocity))  # fmt: skip
        return self.without_overlap(np.stack(columns, axis=1))

    def _parts(self, segment: Any) -> Iterator[tuple[str, int]]:
        """Kinds and numbers of the tokens of a segment, up to its end."""
        for value in np.asarray(segment, np.int64).tolist():
            if value == EOS:
                return
            for part, first in self.first.items():
                if first <= value < first + self.parts[part]:
                    yield part, value - first

    def allowed(self, ids: torch.Tensor) -> torch.Tensor:
        batch, length = ids.shape
        device, number = ids.device, torch.arange(len(self), device=ids.device)
        place = torch.arange(length, device=device).expand(batch, -1)
        is_part = {part: self._is(part, ids) for part in self.parts}

        def last(mask: torch.Tensor) -> torch.Tensor:
            """Place of the last token of a kind, -1 for none: (batch,)."""
            return torch.where(mask, place, -1).amax(dim=1)

        def value(where: torch.Tensor, part: str) -> torch.Tensor:
            """Number of the token there, -1 where there is none: (batch, 1)."""
            there = ids.gather(1, where.clamp(min=0)[:, None]) - self.first[part]
            return torch.where(where[:, None] >= 0, there, -1)

        # where the velocity of each pitch was written; ties count as sounding
        latest_velocity = torch.where(is_part[VELOCITY], place, -1).cummax(dim=1).values
        velocity = torch.where(
            latest_velocity >= 0, ids.gather(1, latest_velocity.clamp(min=0)) - self.first[VELOCITY], 1
        )
        key = torch.where(is_part[PITCH], ids - self.first[PITCH], self.parts[PITCH])
        latest = torch.full((batch, self.parts[PITCH] + 1), -1, device=device)
        latest = latest.scatter_reduce(1, key, place, "amax")[:, :-1]
        sounds = (latest >= 0) & (velocity.gather(1, latest.clamp(min=0)) > 0)

        tie, time, loudness, pitch = (last(is_part[part]) for part in (TIE, TIME, VELOCITY, PITCH))
        newest = ids[:, -1:]
        tying, timed = (tie < 0)[:, None], (time > tie)[:, None]
        # since the time token, the last pitch that began and the last that ended
        since = is_part[PITCH] & (place > time[:, None])
        begun = value(last(since & (velocity > 0)), PITCH)
        ended = value(last(since & (velocity == 0)), PITCH)
        now = value(loudness, VELOCITY)
        keys = torch.arange(self.parts[PITCH], device=device)
        may_begin = ~sounds & (keys > begun) & timed
        may_end = sounds & (keys > ended) & (begun < 0) & (value(time, TIME) > 0)
        after_velocity, after_time = (self._is(part, newest) for part in (VELOCITY, TIME))

        out = torch.zeros(batch, len(self), dtype=torch.bool, device=device)
        pitches = torch.where(now == 0, may_end, may_begin) & (now >= 0)
        tied = (keys > value(pitch, PITCH)) & tying
        self._part(out, PITCH)[:] = torch.where(tying, tied, pitches)
        self._part(out, TIE)[:] = tying
        free = ~tying & ~after_velocity
        steps = torch.arange(self.parts[TIME], device=device)
        self._part(out, TIME)[:] = free & ~after_time & (steps > value(time, TIME))
        loud = torch.arange(self.parts[VELOCITY], device=device)
        useful = torch.where(loud == 0, may_end.any(1, keepdim=True), may_begin.any(1, keepdim=True))
        self._part(out, VELOCITY)[:] = free & timed & useful & (loud != now)
        out[:, EOS] = (free & ~after_time)[:, 0]
        over = (ids == EOS).any(dim=1)
        out[over] = number == PAD
        return out

    def _is(self, part: str, ids: torch.Tensor) -> torch.Tensor:
        return (ids >= self.first[part]) & (ids < self.first[part] + self.parts[part])

    def _part(self, x: torch.Tensor, part: str) -> torch.Tensor:
        """Columns of a kind of tokens."""
        return x[:, self.first[part] : self.first[part] + self.parts[part]]
