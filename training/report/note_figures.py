"""Pictures of transcribed notes: a panel of the dashboard, confused pitches, velocities, and training.

Conventions: as in :mod:`sousa.training.report.figures`. Pitches are confused where a reference and an
estimate that match no other lie within 50 ms of each other; notes that match are told from what is left.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation.text import drawing
from sousa.training.metrics.note_metrics import SWEEP_MS, Notes, matched_pairs, notes_of
from sousa.training.report import words
from sousa.training.report.canvas import BLUE, COLOURS, GREEN, GREY, GRID, RED, legend, new_figure, png

_LOW, _HIGH = 21, 109
_NEAR_SEC = 0.05
_LEAST_STEPS = 2  # of a line


def sweep(axis: Any, name: str, target: dict[str, Any]) -> str:
    """Panel: onset F1 by tolerance."""
    figures = [target["metrics"][f"onset_f1_{ms}ms"] for ms in SWEEP_MS]
    value, low, high = (np.array([f[key] for f in figures], float) for key in ("value", "low", "high"))
    axis.plot(SWEEP_MS, value, "o-", color=BLUE, markersize=4)
    axis.fill_between(SWEEP_MS, low, high, color=BLUE, alpha=0.15, linewidth=0)
    axis.set_xscale("log")
    axis.set_xticks(SWEEP_MS, [str(ms) for ms in SWEEP_MS], fontsize=8)
    axis.minorticks_off()
    axis.set_ylim(0, 1.02)
    axis.grid(axis="y", **GRID)
    axis.set_xlabel("tolerance (ms)", fontsize=8)
    return f"Onset F1 of {words.target(name, target)} by tolerance"


def shares_of_notes(axis: Any, target: dict[str, Any]) -> str:
    """Panel: what is right of notes, by both conventions of their ends."""
    names = [key for key in target["metrics"] if key.endswith(("_f1", "_accuracy"))]
    for at, key in enumerate(names):
        interval = target["metrics"][key]
        if interval["value"] is None:
            continue
        colour = GREEN if "frame" in key or "pedal" in key else BLUE
        axis.barh(at, interval["value"], height=0.7, color=colour, alpha=0.75)
        if interval["low"] is not None:
            axis.hlines(at, interval["low"], interval["high"], "#222222", linewidth=1.2)
        said = words.number(interval["value"], key)
        axis.annotate(said, (0.01, at), va="center", fontsize=8, color="white")
    axis.set_yticks(range(len(names)), [words.metric(key) for key in names], fontsize=8)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(0, 1)
    axis.spines[["top", "right"]].set_visible(False)
    return "F1 of notes, frames and pedal"


def _rows(table: pa.Table, name: str) -> list[tuple[Notes, Notes]]:
    truth, guess = (table[f"{side}_{name}"].to_pylist() for side in ("true", "pred"))
    pairs = enumerate(zip(truth, guess, strict=True))
    return [(notes_of(t, i), notes_of(g, i, "predicted")) for i, (t, g) in pairs if t is not None]


def confused(reference: Notes, estimate: Notes) -> np.ndarray:
    """Pairs of pitches of notes with no match, nearest first: int64 [pairs, 2], reference and estimate."""
    matched = matched_pairs(reference, estimate)
    missed = np.setdiff1d(np.arange(len(reference)), matched[:, 0])
    extra = np.setdiff1d(np.arange(len(estimate)), matched[:, 1])
    distance = np.abs(np.subtract.outer(reference.onset[missed], estimate.onset[extra]))
    a, b = np.nonzero(distance <= _NEAR_SEC)
    pairs, used_a, used_b = [], set(), set()
    for i in np.argsort(distance[a, b], kind="stable"):
        if a[i] not in used_a and b[i] not in used_b:
            used_a.add(a[i])
            used_b.add(b[i])
            pairs.append((reference.pitch[missed[a[i]]], estimate.pitch[extra[b[i]]]))
    return np.array(pairs, np.int64).reshape(-1, 2)


@drawing(formulas=False)
def pitches(table: pa.Table, name: str) -> bytes:
    """Which pitches are told for which, and how far apart those are that are confused: PNG."""
    rows = _rows(table, name)
    right = [ref.pitch[matched_pairs(ref, est)[:, 0]].astype(np.int64) for ref, est in rows]
    wrong = np.concatenate([np.zeros((0, 2), np.int64), *(confused(*row) for row in rows)])
    counts = np.zeros((128, 128), np.int64)
    for pitch in right:
        np.add.at(counts, (pitch, pitch), 1)
    np.add.at(counts, (wrong[:, 0], wrong[:, 1]), 1)
    picture = new_figure(figsize=(13, 6.4))
    left, side = picture.subplots(1, 2, width_ratios=(1.25, 1))
    shown = np.log10(1 + counts[_LOW:_HIGH, _LOW:_HIGH])
    image = left.imshow(shown, cmap="Blues", origin="lower", extent=(_LOW, _HIGH, _LOW, _HIGH))
    left.plot(wrong[:, 1] + 0.5, wrong[:, 0] + 0.5, ".", color=RED, markersize=3)
    octaves = range(24, _HIGH, 12)
    for axis in (left.set_xticks, left.set_yticks):
        axis([pitch + 0.5 for pitch in octaves], [f"C{pitch // 12 - 1}" for pitch in octaves], fontsize=8)
    left.grid(**GRID)
    left.set(xlabel="predicted", ylabel="reference")
    references, estimates = (sum(len(row[side]) for row in rows) for side in (0, 1))
    hits = sum(map(len, right))
    missed, invented = references - hits - len(wrong), estimates - hits - len(wrong)
    shares = f"{len(wrong):,} confused (red), {missed:,} missed, {invented:,} invented"
    left.set_title(f"{hits:,} of {references:,} notes have the right pitch, {shares}", fontsize=9.5)
    bar = picture.colorbar(image, ax=left, fraction=0.04, pad=0.02)
    ticks = [10**k for k in range(5) if 1 + 10**k <= max(counts.max(), 1) + 1]
    bar.set_ticks([np.log10(1 + tick) for tick in ticks], labels=[f"{tick:,}" for tick in ticks])
    bar.set_label("notes", fontsize=9)
    steps = wrong[:, 1] - wrong[:, 0]
    kept = steps[np.abs(steps) <= 36]
    side.hist(kept, bins=np.arange(-36.5, 37.5), color=RED, alpha=0.8)
    side.set_xticks(range(-36, 37, 12))
    side.grid(axis="y", **GRID)
    side.set(xlabel="predicted - reference, semitones", ylabel="notes")
    side.yaxis.get_major_locator().set_params(integer=True)
    side.set_title("How far confused pitches are apart", fontsize=9.5)
    return png(picture)


@drawing(formulas=False)
def velocities(table: pa.Table, name: str) -> bytes:
    """Velocities of matched notes, and how late they are told: PNG."""
    truth, guess, late = [np.empty(0)], [np.empty(0)], [np.empty(0)]
    for reference, estimate in _rows(table, name):
        a, b = matched_pairs(reference, estimate).T
        truth.append(reference.velocity[a])
        guess.append(estimate.velocity[b])
        late.append(1000 * (estimate.onset[b] - reference.onset[a]))
    x, y, ms = map(np.concatenate, (truth, guess, late))
    picture = new_figure(figsize=(12, 5.4))
    left, side = picture.subplots(1, 2)
    left.plot(x, y, ".", color=BLUE, alpha=min(0.6, max(0.05, 400 / max(len(x), 1))), markersize=5)
    left.plot((0, 127), (0, 127), "--", color=GREY, linewidth=0.9)
    left.set(xlim=(0, 128), ylim=(0, 128), xlabel="reference", ylabel="predicted")
    left.set_aspect("equal", adjustable="box")
    related = np.corrcoef(x, y)[0, 1] if len(x) > 1 and x.std() and y.std() else np.nan
    error = np.abs(x - y).mean() if len(x) else np.nan
    left.set_title(f"Velocity of {len(x):,} matched notes: error {error:.1f}, correlation {related:.3f}",
                   fontsize=9.5)  # fmt: skip
    side.hist(ms, bins=np.arange(-50, 51, 2), color=GREEN, alpha=0.8)
    side.axvline(0, color=GREY, linewidth=0.9)
    side.grid(axis="y", **GRID)
    side.set(xlabel="predicted - reference, ms", ylabel="notes")
    if len(ms):
        median, quarter, rest = np.median(ms), *np.percentile(ms, [25, 75])
        half = f"half of them {quarter:.1f} to {rest:.1f} ms"
        side.set_title(f"Lateness of onsets: median {median:.1f} ms, {half}", fontsize=9.5)
    return png(picture)


@drawing(formulas=False)
def training(history: list[dict[str, Any]]) -> bytes | None:
    """Loss and metrics over the steps of a run, of its ``history.json``: PNG, or None for too few steps."""
    steps = [(entry["step"], entry["loss"]) for entry in history if "loss" in entry]
    said = [entry for entry in history if "eval_main" in entry]
    if len(steps) < _LEAST_STEPS and len(said) < _LEAST_STEPS:
        return None
    picture = new_figure(figsize=(12, 4.6))
    left, side = picture.subplots(1, 2)
    left.plot(*zip(*steps, strict=True), "-", color=BLUE) if steps else None
    left.set(xlabel="step", ylabel="loss", title="Training loss", ylim=(0, None))
    keys = dict.fromkeys(key for entry in said for key in entry if key.startswith("eval_"))
    names = [key for key in keys if key not in ("eval_main",) and not words.is_error(key.rpartition("_")[2])]
    for number, key in enumerate(names):
        line = [(entry["step"], entry[key]) for entry in said if entry.get(key) is not None]
        label = words.metric(key.removeprefix("eval_"))
        colour = COLOURS[number % len(COLOURS)]
        side.plot(*zip(*line, strict=True), "o-", markersize=4, color=colour, label=label)
    side.set(xlabel="step", title="Metrics of the validation split")
    side.set_ylim(min(0.0, side.get_ylim()[0]), max(1.02, side.get_ylim()[1]))
    for axis in (left, side):
        axis.grid(axis="y", **GRID)
    legend(side)
    return png(picture)
