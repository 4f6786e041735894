"""The figures of concert pianists, and whether performances of professionals are like them.

Ranges are the 10-90 % over performances of the median of each performance: (n)ASAP, Batik-plays-Mozart and
Vienna 4x22, 607 performances of 227 pieces, 42.1 hours. The median over our performances should lie inside.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sousa.generation.piano.validation import measures, measures_touch
from sousa.generation.piano.validation.measures import Played, of

__all__ = ["REFERENCES", "Reference", "measure", "of", "summary"]

FEWEST_NOTES, FEWEST_BEATS = 16, 4


@dataclass(frozen=True)
class Reference:
    """A measured figure: its median over performances, and 10 % and 90 % where they are known."""

    median: float
    low: float | None = None
    high: float | None = None

    def holds(self, value: float) -> bool | None:
        """Whether a value is in the range; None without one."""
        return None if self.low is None or self.high is None else self.low <= value <= self.high


REFERENCES: dict[str, Reference] = {
    name: Reference(*values)
    for name, values in tomllib.loads(
        (Path(__file__).parent / "figures.toml").read_text(encoding="utf-8")
    ).items()
}


def measure(played: Played) -> dict[str, float]:
    """Every figure that a performance has; a very short one has none."""
    out: dict[str, float] = {}
    if played.plain.sum() < FEWEST_NOTES:
        return out
    beat_sec = measures.beats_heard(played)
    if np.isfinite(beat_sec).sum() < FEWEST_BEATS:
        return out
    measures.chords(played, out)
    measures.tempo(played, beat_sec, out)
    measures.runs(played, out)
    measures.velocity(played, out)
    measures_touch.articulation(played, beat_sec, out)
    measures_touch.pedal(played, beat_sec, out)
    if "ornament" in played.marks:
        measures_touch.ornaments(played, out)
    measures_touch.texture(played, out)
    return {name: float(value) for name, value in out.items() if np.isfinite(value)}


def summary(figures: Iterable[dict[str, float]]) -> dict[str, tuple[float, float, float, int]]:
    """10 %, median and 90 % over performances of each figure, and how many have it."""
    lists: dict[str, list[float]] = {}
    for row in figures:
        for name, value in row.items():
            lists.setdefault(name, []).append(value)
    out = {}
    for name in (name for name in REFERENCES if name in lists):
        low, middle, high = np.percentile(lists[name], (10, 50, 90))
        out[name] = float(low), float(middle), float(high), len(lists[name])
    return out
