"""Four tokens a note: time in the segment, pitch, velocity, duration; notes in order of time, then pitch.
What is generated may have pitches of the same time in any order, each once.

Each segment stands by itself: a note that goes on beyond it is told whole by the segment in which it begins.
Durations are a step apart as long as that is more than ``duration_ratio`` asks for, then grow by that ratio;
they count from the onset as told, and are kept to half the distance of two of them.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from sousa.training.tokens.tokenizer import BOS, EOS, PAD, NoteTokenizer, TokenSizes

TIME, PITCH, VELOCITY, DURATION = "time", "pitch", "velocity", "duration"


def durations(sizes: TokenSizes) -> np.ndarray:
    """The durations that have a token, seconds, rising from one step to ``longest_sec``."""
    values = [sizes.step_sec]
    while values[-1] < sizes.longest_sec:
        values.append(max(values[-1] + sizes.step_sec, values[-1] * sizes.duration_ratio))
    values[-1] = max(sizes.longest_sec, sizes.step_sec)
    return np.array(values)


class QuadrupleTokenizer(NoteTokenizer):
    """See the module's conventions."""

    kind = "quadruples"

    def __init__(self, sizes: TokenSizes):
        self.durations = durations(sizes)
        self._between = (self.durations[1:] + self.durations[:-1]) / 2
        parts = {
            TIME: sizes.num_steps, PITCH: sizes.num_pitches, VELOCITY: sizes.velocity_bins,
            DURATION: len(self.durations),
        }  # fmt: skip
        super().__init__(sizes, parts)

    def label(self, value: str, number: int) -> str:
        sizes = self.sizes
        shown = {
            TIME: lambda: f"{number * sizes.step_sec:.3f}",
            PITCH: lambda: str(sizes.lowest_pitch + number),
            VELOCITY: lambda: f"{self.velocity_value(np.array(number)):.0f}",
            DURATION: lambda: f"{self.durations[number]:.4f}",
        }
        return f"{value} {shown[value]()}"

    def encode(self, notes: np.ndarray, num_segments: int) -> list[np.ndarray]:
        sizes, first = self.sizes, self.first
        onset, end, pitch, velocity = self.on_grid(notes).T
        onset = onset.astype(np.int64)
        ids = np.stack([
            first[TIME] + onset % sizes.num_steps,
            first[PITCH] + pitch.astype(np.int64) - sizes.lowest_pitch,
            first[VELOCITY] + self.velocity_bin(velocity),
            first[DURATION] + np.searchsorted(self._between, end - onset * sizes.step_sec),
        ], axis=1)  # fmt: skip
        bounds = np.searchsorted(onset, np.arange(num_segments + 1) * sizes.num_steps)
        parts = (ids[a:b].ravel() for a, b in pairwise(bounds))
        return self.bounded([np.concatenate([[BOS], part, [EOS]]) for part in parts])

    def decode(self, segments: Sequence[Any]) -> np.ndarray:
        sizes, first = self.sizes, self.first
        bases = np.array(list(first.values()))
        sizes_of = np.array(list(self.parts.values()))
        notes = [np.empty((0, 4))]
        for number, segment in enumerate(segments):
            ids = np.asarray(segment, np.int64)
            ids = ids[1:] if len(ids) and ids[0] == BOS else ids
            ids = ids[: np.append(np.flatnonzero(ids == EOS), len(ids))[0]]
            places = ids[: len(ids) // 4 * 4].reshape(-1, 4) - bases
            places = places[((places >= 0) & (places < sizes_of)).all(axis=1)]
            step, pitch, velocity, length = places.T
            onset = (number * sizes.num_steps + step) * sizes.step_sec
            columns = (onset, onset + self.durations[length], sizes.lowest_pitch + pitch,
                       self.velocity_value(velocity))  # fmt: skip
            notes.append(np.stack(columns, axis=1))
        return self.without_overlap(np.concatenate(notes))

    def allowed(self, ids: torch.Tensor) -> torch.Tensor:
        batch, length = ids.shape
        number = torch.arange(len(self), device=ids.device)
        place = (length - 1) % 4
        name = (TIME, PITCH, VELOCITY, DURATION)[place]
        base = self.first[name]
        out = ((number >= base) & (number < base + self.parts[name])).expand(batch, -1).clone()
        if place < 2 and length > 4:
            count = (length - 1) // 4
            times, pitches = ids[:, 1::4][:, :count], ids[:, 2::4][:, :count]
            if place == 0:
                full = (times == times[:, -1:]).sum(dim=1, keepdim=True) == self.parts[PITCH]
                out &= number >= times[:, -1:] + full.long()
            else:  # in any order: a note of a chord may be heard a step later than a higher one
                written = torch.where(times == ids[:, -1:], pitches, PAD)
                out.scatter_(1, written, False)
        if place == 0:
            out[:, EOS] = True
        ended = (ids == EOS).any(dim=1)
        out[ended] = number == PAD
        return out
