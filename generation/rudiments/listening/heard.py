"""Strokes as a listener hears them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from sousa.generation.rudiments.assembly import BOUNCE, GRACE, Performances


@dataclass(frozen=True)
class Heard:
    """Strokes of a recording, N of them, in order of time.

    Attributes:
        time_ms: float64 (N,), from the beginning of the recording.
        velocity: float64 (N,), 1 to 127.
        left, accent, grace, bounce: float64 (N,), probability that the stroke is one.
        colour: float (N, bands), levels of bands of its sound, by which hands may be told apart; None where
            nothing is known of it.
    """

    time_ms: np.ndarray
    velocity: np.ndarray
    left: np.ndarray
    accent: np.ndarray
    grace: np.ndarray
    bounce: np.ndarray
    colour: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.time_ms)

    def select(self, which: np.ndarray) -> "Heard":
        """The strokes that a mask or numbers choose."""
        values = (getattr(self, field.name) for field in fields(self))
        return Heard(*(None if value is None else value[which] for value in values))

    @property
    def is_bounce(self) -> np.ndarray:
        """bool (N,), bounces of presses."""
        return self.bounce > 0.5

    @property
    def is_primary(self) -> np.ndarray:
        """bool (N,), strokes that are no graces and no bounces."""
        return (self.grace <= 0.5) & ~self.is_bounce

    @classmethod
    def of_performance(cls, played: Performances, number: int, sample_rate: int) -> "Heard":
        """Strokes of a take of a batch, as they were played."""
        part = slice(*played.start[number : number + 2].tolist())
        kind = played.kind[part]
        return cls(
            time_ms=played.onset_sample[part] * (1000.0 / sample_rate),
            velocity=played.velocity[part].astype(float),
            left=played.hand[part].astype(float),
            accent=played.accent_played[part].astype(float),
            grace=(kind == GRACE).astype(float),
            bounce=(kind == BOUNCE).astype(float),
        )

    @classmethod
    def of_strokes(cls, strokes: Sequence[dict[str, Any]], sample_rate: int) -> "Heard":
        """Strokes of a row, as labelled: what a listener without a fault would hear."""

        def column(value: Any) -> np.ndarray:
            return np.array([float(value(stroke)) for stroke in strokes])

        return cls(
            time_ms=column(lambda s: s["onset_sample"] * 1000.0 / sample_rate),
            velocity=column(lambda s: s["actual_velocity"]),
            left=column(lambda s: s["hand"] == "L"),
            accent=column(lambda s: s["is_accent_played"]),
            grace=column(lambda s: s["is_grace_note"]),
            bounce=column(lambda s: s["stroke_type"] == "bounce"),
        )
