"""Notes measured, whole and broken down by what they are: how many are held at once, pitch, pedal.

Conventions: rows are measured by :mod:`sousa.training.metrics.note_metrics`. How many notes are held at once
is the mean over the onsets of a row, with keys as held where that is known; bands of it, and of the share of
time with the pedal down, are of rows. Registers are of notes: a row's metrics are made anew of its notes in
each.
"""

from itertools import pairwise
from typing import Any

import numpy as np

from sousa.training.metrics import note_metrics
from sousa.training.metrics.note_metrics import Measured, Notes, matched_pairs, notes_of, shares

# of a target whose ends follow the convention ``offset``
HEADLINE = ("onset_f1", "onset_offset_{offset}_f1", "onset_offset_velocity_{offset}_f1")
POLYPHONY, REGISTER, PEDAL = "polyphony", "register", "pedalling"
_TITLES = {POLYPHONY: "notes held at once", REGISTER: "pitch", PEDAL: "share of time with the pedal down"}
_HELD = (1.5, 2.0, 3.0, 4.0, 6.0)  # edges of bands
_DOWN = (0.01, 0.25, 0.5, 0.75)
_PITCHES = {"below C3": (0, 48), "C3 to B3": (48, 60), "C4 to B4": (60, 72), "C5 to B5": (72, 84),
            "C6 and above": (84, 128)}  # fmt: skip
_ENDS = {"sound": "damped", "key": "key up"}


def breakdowns() -> dict[str, Any]:
    """As :func:`sousa.training.report.words.breakdown` says it of columns."""
    plain = {"banded": False, "classes": False, "main": False}
    return {name: {"title": title, **plain} for name, title in _TITLES.items()}


def in_words(name: str) -> str:
    """Name of a metric with its convention at the end: ``onset + offset_f1 (damped)``."""
    for convention, end in _ENDS.items():
        if f"_{convention}_" in name:
            name = f"{name.replace(f'_{convention}_', '_')}_({end})"
    return name.replace("onset_offset", "onset_+_offset").replace("_velocity_", "_+_velocity_")


def pedals(table: Any, target: dict[str, Any]) -> list[Any] | None:
    """Where the pedal is down in reference and estimate of each row; None where it isn't told."""
    names = [f"{side}_{target.get('pedal')}" for side in ("true", "pred")]
    if not target.get("pedal") or any(name not in table.column_names for name in names):
        return None
    sides = (table[name].to_pylist() for name in names)
    spans = ([[(s["onset_sec"], s["offset_sec"]) for s in row or ()] for row in side] for side in sides)
    return list(zip(*spans, strict=True))


class Scorer:
    """The metrics of a target; arguments as of the other scorers of :mod:`sousa.training.report.measure`."""

    def __init__(
        self, truth: Any, guess: Any, target: dict[str, Any], table: Any, *sampling: Any
    ):  # fmt: skip
        self.truth, self.guess = (c.to_pylist() if hasattr(c, "to_pylist") else c for c in (truth, guess))
        self.convention, (self.groups, *self.options) = target["offset"], sampling
        brief = target.get("brief", False)
        down = None if brief else pedals(table, target)
        self.measured = note_metrics.match(self.guess, self.truth, down, brief)

    def __call__(self, rows: Any = None) -> dict[str, Any]:
        chosen = None if rows is None else np.isin(np.arange(len(self.truth)), rows)
        return self.measured.score(self.groups, chosen, *self.options)

    def registers(self) -> dict[str, Any]:
        """Metrics of the notes of each register, over the rows that have any there."""
        values: dict[str, list[Any]] = {name: [] for name in _PITCHES}
        counts: dict[str, list[Any]] = {name: [] for name in _PITCHES}
        for number, (truth, guess) in enumerate(zip(self.truth, self.guess, strict=True)):
            reference, estimate = notes_of(truth or [], number), notes_of(guess, number, "predicted")
            pairs = {name: _pairs(reference, estimate, *how) for name, how in _kinds(self.convention).items()}
            for name, (low, high) in _PITCHES.items():
                heard, predicted = (_inside(side.pitch, low, high) for side in (reference, estimate))
                count = int(heard.sum()), int(predicted.sum())
                row = {}
                for metric, matched in pairs.items():
                    figures = shares(heard[matched[:, 0]].sum(), *count)
                    parts = zip(note_metrics.PARTS, figures, strict=True)
                    row.update((f"{metric}_{part}", value) for part, value in parts)
                values[name].append(row if any(count) and truth is not None else None)
                counts[name].append(count)
        scores = {name: _score(values[name], counts[name], self) for name in _PITCHES if any(values[name])}
        keys = ("metrics", "num_rows", "num_groups")
        return {name: {key: score[key] for key in keys} for name, score in scores.items()}


def _score(values: list[Any], counts: list[Any], scorer: Scorer) -> dict[str, Any]:
    table: Measured = note_metrics.measured(values, counts)
    return table.score(scorer.groups, None, *scorer.options)


def _kinds(convention: str) -> dict[str, tuple[str | None, bool]]:
    """Metrics that registers have, with the convention and velocities that count in them."""
    names = (name.format(offset=convention).removesuffix("_f1") for name in HEADLINE)
    return dict(zip(names, ((None, False), (convention, False), (convention, True)), strict=True))


def _pairs(reference: Notes, estimate: Notes, convention: str | None, velocity: bool) -> np.ndarray:
    return matched_pairs(reference, estimate, convention=convention, velocity=velocity)


def _inside(pitch: np.ndarray, low: int, high: int) -> np.ndarray:
    return (pitch >= low) & (pitch < high)


def parts(table: Any, target: dict[str, Any]) -> dict[str, Any]:
    """Rows by how many notes are held at once, and by how long the pedal is down: numbers of rows by band."""
    rows, down = table[f"true_{target['name']}"].to_pylist(), pedals(table, target)
    held = [None if not row else _held(notes_of(row)) for row in rows]
    out = {POLYPHONY: _banded(held, _HELD, "{:g}")}
    if down is not None:
        ends = [max((note["offset_sec"] for note in row or ()), default=0.0) for row in rows]
        spans = zip(down, ends, strict=True)
        share = [sum(b - a for a, b in true) / end if end else None for (true, _), end in spans]
        out[PEDAL] = _banded(share, _DOWN, "{:.0%}")
    return {name: bands for name, bands in out.items() if bands}


def _held(notes: Notes) -> float:
    """Mean number of notes held at the onsets of a row, each with itself."""
    end = notes.ends.get("key", notes.ends["sound"])
    begun = np.searchsorted(np.sort(notes.onset), notes.onset, side="right")
    ended = np.searchsorted(np.sort(end), notes.onset, side="right")
    return float((begun - ended).mean())


def _banded(values: list[Any], edges: tuple[float, ...], form: str) -> list[tuple[str, np.ndarray]]:
    """Names of bands with the rows in them; rows without a value are in none."""
    said = [form.format(edge) for edge in edges]
    names = [f"below {said[0]}", *(f"{a} to {b}" for a, b in pairwise(said)),
             f"{said[-1]} and above"]  # fmt: skip
    band = np.array([-1 if v is None else np.searchsorted(edges, v, side="right") for v in values])
    return [(name, rows) for i, name in enumerate(names) if len(rows := np.flatnonzero(band == i))]
