"""Beams and brackets of tuplets over what a voice has in a bar."""

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from sousa.training.transcription import TICKS
from sousa.training.transcription.metres import Beats, is_compound
from sousa.training.transcription.values import values


class Event(NamedTuple):
    """Notes of a chord, or a rest, as one note value.

    Attributes:
        begin, length: in ticks of a full bar that ends where this one does.
        notes: array of WRITTEN, lowest first; none for a rest.
        tied: from the one before, and to the one after.
    """

    begin: int
    length: int
    notes: np.ndarray
    tied: tuple[bool, bool] = (False, False)

    @property
    def flags(self) -> int:
        """How many beams it takes; none for a rest."""
        value = values().get(self.length)
        return value.flags if value and len(self.notes) else 0


def beams(events: Sequence[Event], beats: Beats) -> list[tuple[str, ...]]:
    """The beams of each event, the outermost first: begin, continue, end or a hook, as MusicXML says.

    What follows one another in one beat, each an eighth or shorter, is under one beam; rests part it. In a
    bar of three eighths the bar is the beat. Inner beams are parted at quarters, at eighths, and so on.
    """
    unit = int(beats.metre.split("/")[1])
    beat = max(beats.beat_ticks, TICKS) if beats.metre != "3/8" else beats.bar_ticks
    wide = unit == 2 or not is_compound(beats.metre)
    out: list[tuple[str, ...]] = [() for _ in events]
    for group in _groups(events, beat):
        for level in range(1, max(events[i].flags for i in group) + 1):
            span = beat if level == 1 or (level == 2 and not wide) else TICKS >> (level - 2)
            joined = [
                min(events[i].flags, events[k].flags) >= level
                and events[i].begin // span == events[k].begin // span
                for i, k in pairwise(group)
            ]
            for place, i in enumerate(group):
                if events[i].flags < level:
                    continue
                before, after = place > 0 and joined[place - 1], place < len(joined) and joined[place]
                word = {(0, 1): "begin", (1, 1): "continue", (1, 0): "end"}.get((before, after))
                out[i] += (word or _hook(events[i], place, len(group)),)
    return out


def _groups(events: Sequence[Event], beat: int) -> list[list[int]]:
    """Numbers of the events under each outermost beam, two at least."""
    runs: list[list[int]] = []
    for i, event in enumerate(events):
        before = events[runs[-1][-1]] if runs and i and runs[-1][-1] == i - 1 else None
        follows = (
            before is not None
            and before.begin + before.length == event.begin
            and before.begin // beat == event.begin // beat
        )
        if event.flags:
            if follows:
                runs[-1].append(i)
            else:
                runs.append([i])
    return [run for run in runs if len(run) > 1]


def _hook(event: Event, place: int, count: int) -> str:
    """Where a beam of one note points: to what completes twice its length."""
    backward = place == count - 1 or (place > 0 and event.begin % (2 * event.length) != 0)
    return "backward hook" if backward else "forward hook"


def tuplets(events: Sequence[Event], beats: Beats) -> list[tuple[str, ...]]:
    """Of each event, whether the bracket of a tuplet has its start or its stop there, or both."""
    out: list[tuple[str, ...]] = [() for _ in events]

    def kind(i: int) -> tuple[int, int, int]:
        value = values().get(events[i].length)
        ratio = (value.actual, value.normal) if value else (1, 1)
        return (*ratio, events[i].begin // beats.beat_ticks if ratio[0] > 1 else 0)

    for (actual, *_), numbers in groupby(range(len(events)), kind):
        run = list(numbers)
        if actual > 1:
            out[run[0]] += ("start",)
            out[run[-1]] += ("stop",)
    return out
