"""The pictures of the report: a dashboard and confusion matrices, as PNG bytes.

Conventions: a dot is a value, the line through it its interval, a hollow mark a baseline. A panel is a
function that draws on an axis and returns its title; panels that do not apply to the targets are left out.
"""

from functools import partial
from itertools import cycle, islice
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation.text import drawing, short
from sousa.training.report import note_figures, numbers, words
from sousa.training.report.canvas import BLUE, COLOURS, GREEN, GREY, GRID, RED, legend, new_figure, png

_MARKS = "sD^vPX"
_FEWEST_ROWS = 10  # of a point of a curve
_SHORT = {"mae": "error", "r2": "R2", "mae_norm": "error", "spearman": "rank corr."}
_MOST_SCORES = 6  # drawn in one panel; tables have them all


@drawing(formulas=False)
def dashboard(metrics: dict[str, Any], table: pa.Table) -> bytes:
    """The dashboard as PNG, of :func:`sousa.training.report.measure.measure` and the table it measured."""

    def of_kinds(*kinds, most=None):
        targets = ((name, target) for name, target in metrics["targets"].items() if target["kind"] in kinds)
        return dict(islice(targets, most))

    shares = of_kinds("class", "events", "notes", "ranks", *numbers.PARAMETERS)
    scores = of_kinds("score", most=_MOST_SCORES)
    drawn = {**shares, **scores}
    colours = dict(zip(drawn, cycle(COLOURS)))
    panels = [partial(_headline, targets=drawn, colours=colours)]
    panels += [partial(_score_errors, targets=scores, colours=colours)] * bool(scores)
    for group in (shares, scores):
        for breakdown, about in metrics["breakdowns"].items():
            broken_down = {name: target for name, target in group.items() if target["by"].get(breakdown)}
            several = any(len(target["by"][breakdown]) > 1 for target in broken_down.values())
            if not about["main"] and several:
                panels.append(
                    partial(_parts, group=broken_down, name=breakdown, about=about, colours=colours)
                )
    for name, target in of_kinds("events").items():
        panels.append(partial(_tolerances, name=name, target=target))
        panels += [partial(_flags, target=target)] * bool(target["flags"])
    for name, target in of_kinds("notes").items():
        panels.append(partial(note_figures.sweep, name=name, target=target))
        panels.append(partial(note_figures.shares_of_notes, target=target))
    for name, target in {**scores, **of_kinds(*numbers.PARAMETERS, most=_MOST_SCORES)}.items():
        panels.append(partial(_scatter, name=name, target=target, table=table))
    name, first = next(iter(drawn.items()))
    tall = [
        partial(_bars, name=name, target=first, breakdown=breakdown, by=about["title"])
        for breakdown, about in metrics["breakdowns"].items()
        if about["main"] and len(first["by"].get(breakdown, {})) > 1
    ][:1]
    return _draw(metrics, panels, tall)


def _draw(metrics, panels, tall):
    """Panels in rows, the tall one, if any, left of them."""
    first = len(tall)
    columns = min(3 - first, len(panels))
    rows = -(-len(panels) // columns)
    heights = [3.9, *[3.3] * (rows - 1)]  # the headline has the most lines
    figure = new_figure(figsize=(5.6 * (columns + first), max(sum(heights), 8.8 * first) + 0.5))
    grid = figure.add_gridspec(rows, columns + first, height_ratios=heights)
    places = [grid[:, 0]] * first + [grid[i // columns, i % columns + first] for i in range(len(panels))]
    for draw, place in zip(tall + panels, places, strict=True):
        axis = figure.add_subplot(place)
        axis.set_title(draw(axis), fontsize=9.5)
    said = [short(metrics[key]) for key in ("data", "split") if metrics.get(key)]
    rows_text = f"{metrics['num_rows']:,} rows{words.groups(metrics)}"
    figure.suptitle("  ·  ".join([*said, rows_text]), fontsize=12)
    return png(figure)


@drawing(formulas=False)
def confusion(name: str, target: dict[str, Any]) -> bytes:
    """A target's confusion matrix as PNG: colour is the share of the reference class, numbers are rows."""
    labels = [short(label) for label in target["labels"]]
    counts = np.array(target["confusion"]).reshape(len(labels), -1)
    size, longest = max(len(labels), 1), max(map(len, labels), default=1)
    side = max(3.0, 0.34 * size)
    figure = new_figure(figsize=(side + 0.085 * longest + 1.6, side + 0.075 * longest + 0.9))
    axis = figure.subplots()
    support = counts.sum(1)
    shares = counts / np.maximum(support, 1)[:, None]
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    small = min(10.0, max(6.0, 11 - 0.1 * size))
    for i, j in np.argwhere(counts):
        text = f"{counts[i, j]:,}" if size <= 12 else f"{counts[i, j]}"
        colour = "white" if shares[i, j] > 0.55 else "#222222" if i == j else RED
        axis.text(j, i, text, ha="center", va="center", fontsize=small, color=colour)
    turned = {"rotation": 90} if size > 6 else {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
    axis.set_xticks(range(size), labels, fontsize=9, **turned)
    axis.set_yticks(range(size), [f"{n}  ({c:,})" for n, c in zip(labels, support, strict=True)], fontsize=9)
    edges = np.arange(size + 1) - 0.5
    axis.set_xticks(edges, minor=True)
    axis.set_yticks(edges, minor=True)
    axis.grid(which="minor", color="#dddddd", linewidth=0.5)
    axis.tick_params(which="minor", length=0)
    axis.set(xlabel="predicted", ylabel="reference (rows)")
    accuracy = words.interval(target["metrics"]["accuracy"], "accuracy")
    axis.set_title(f"{words.target(name, target)}: accuracy {accuracy}", fontsize=11)
    bar = figure.colorbar(image, ax=axis, fraction=0.04, pad=0.02, aspect=30)
    bar.set_label("share of the reference's rows", fontsize=9)
    return png(figure)


def _dot(axis, figure, at, colour, label=None, upright=False):
    """A value with its interval, along x, or along y when upright."""
    if figure["value"] is None:
        return
    if figure["low"] is not None:
        lines = axis.vlines if upright else axis.hlines
        lines(at, figure["low"], figure["high"], colour, linewidth=2, alpha=0.55)
    x, y = (at, figure["value"]) if upright else (figure["value"], at)
    axis.plot([x], [y], "o", color=colour, markersize=6, label=label)


def _hollow(axis, value, at, mark, colour, label):
    style = {"marker": _MARKS[mark % len(_MARKS)], "markerfacecolor": "none", "markersize": 6}
    axis.plot([value], [at], linestyle="", color=colour, label=label, **style)


def _rows(axis, names):
    axis.set_yticks(range(len(names)), list(map(short, names)), fontsize=8.5)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.grid(axis="x", **GRID)
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)


def _limits(axis, errors=False):
    low = max(min(-0.02, axis.get_xlim()[0]), -1.04)  # R2 has no lower end
    axis.set_xlim(*(0, None) if errors else (low, 1.04))


def _compare(axis, entries):
    """Rows of dots with baselines: entries are ``(label, target, metric, colour)``."""
    baselines = list(dict.fromkeys(name for _, target, _, _ in entries for name in target["baselines"]))
    for i, (_, target, key, colour) in enumerate(entries):
        figure = target["metrics"][key]
        _dot(axis, figure, i, colour)
        if figure["value"] is not None:
            axis.annotate(words.number(figure["value"], key), (figure["value"], i), xytext=(0, 7),
                          textcoords="offset points", ha="center", fontsize=8, color=colour)  # fmt: skip
        for mark, name in enumerate(baselines):
            baseline = target["baselines"].get(name)
            if baseline and (value := baseline["metrics"][key]["value"]) is not None:
                _hollow(axis, value, i, mark, GREY, name)
    _rows(axis, [label for label, *_ in entries])
    legend(axis)


def _headline(axis, targets, colours):
    entries = [
        (f"{words.target(name, target)}: {words.metric(key)}", target, key, colours[name])
        for name, target in targets.items()
        for key, _ in words.headline(target)
        if not words.is_error(key)
    ]
    _compare(axis, entries)
    _limits(axis)
    return "Headline, 95 % intervals; hollow: baselines"


def _score_errors(axis, targets, colours):
    _compare(axis, [(words.target(n, target), target, "mae", colours[n]) for n, target in targets.items()])
    _limits(axis, errors=True)
    return "Mean absolute error (less is better)"


def _parts(axis, group, name, about, colours):
    """The main metric of each target of a group by the values of a breakdown: scores, or all others."""
    mains = {target: words.metric(words.main(result)) for target, result in group.items()}
    several = len(set(mains.values())) > 1
    labels = [words.target(*item) + (f": {mains[item[0]]}" if several else "") for item in group.items()]
    draw = _curve if about["banded"] else _dots
    draw(axis, list(zip(labels, group.values(), map(colours.get, group), strict=True)), name)
    if about["banded"]:
        axis.set_xlabel(f"{about['title']}, below: rows", fontsize=8)
    if len(group) > 1:
        legend(axis, 0.24 if about["banded"] else 0.16)
    metric = "main metric" if several else next(iter(mains.values()))
    return f"{metric[:1].upper()}{metric[1:]} by {about['title']}"


def _dots(axis, group, breakdown):
    """A row for each value of a breakdown, a dot for each ``(label, target, colour)``."""
    values = list(dict.fromkeys(value for _, target, _ in group for value in target["by"].get(breakdown, {})))
    for i, (label, target, colour) in enumerate(group):
        main = words.main(target)
        # one that tells other notes may have other values
        for j, value in [pair for pair in enumerate(values) if pair[1] in target["by"].get(breakdown, {})]:
            at = j + (i - (len(group) - 1) / 2) * 0.7 / len(group)
            _dot(axis, target["by"][breakdown][value]["metrics"][main], at, colour, label)
            for mark, (baseline, result) in enumerate(target["baselines"].items()):
                beside = result["by"][breakdown][value]["metrics"][main]["value"] if "by" in result else None
                if beside is not None and beside >= 0:  # tables have the others
                    _hollow(axis, beside, at, mark, colour, f"{baseline} (hollow)")
    _rows(axis, [value.replace("_", " ") for value in values])
    _limits(axis, words.is_error(main))


def _curve(axis, group, breakdown):
    """A line over ordered values of a breakdown for each ``(label, target, colour)``."""
    by = [target["by"][breakdown] for _, target, _ in group]
    counts = {band: max(parts[band]["num_rows"] for parts in by) for band in by[0]}
    # a point of a few rows would only draw the eye; tables have them
    bands = [band for band, count in counts.items() if count >= _FEWEST_ROWS]
    at = np.arange(len(bands))
    for label, target, colour in group:
        figures = [target["by"][breakdown][band]["metrics"][words.main(target)] for band in bands]
        # None becomes NaN
        value, low, high = (np.array([f[key] for f in figures], float) for key in ("value", "low", "high"))
        axis.plot(at, value, "o-", color=colour, markersize=4, label=label)
        axis.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
    names = [f"{band}\n({counts[band]:,})" for band in bands]
    axis.set_xticks(at, names, fontsize=7.5 if len(names) < 8 else 6)
    axis.grid(axis="y", **GRID)
    axis.set_ylim(0, None if words.is_error(words.main(target)) else 1.02)


def _bars(axis, name, target, breakdown, by):
    """Bars of the main metric, best first."""
    key = words.main(target)
    figures = {value: part["metrics"][key] for value, part in target["by"][breakdown].items()}
    error = words.is_error(key)
    most = max((figure["value"] or 0) for figure in figures.values()) if error else 1
    worst, sign = float("inf"), 1 if error else -1
    order = sorted(figures, key=lambda value: worst if (x := figures[value]["value"]) is None else sign * x)
    figures = {value: figures[value] for value in order}
    for i, figure in enumerate(figures.values()):
        value = figure["value"]
        if value is not None:
            axis.barh(i, value, height=0.72, color=BLUE, alpha=0.8)
        if figure["low"] is not None:
            axis.hlines(i, figure["low"], figure["high"], "#222222", linewidth=1.2)
        colour = "white" if (value or 0) > 0.12 * most else "#222222"
        axis.annotate(words.number(value, key), (0, i), xytext=(4, 0), textcoords="offset points",
                      va="center", fontsize=7.5, color=colour)  # fmt: skip
    _rows(axis, [value.replace("_", " ") for value in figures])
    if not error:
        axis.set_xlim(0, 1)
    title = f"{words.target(name, target)}: {words.metric(key)} by {by}"
    return f"{f'Recall of each {by}' if name == breakdown else title}, best first"


def _tolerances(axis, name, target):
    for metric, colour in zip(("f1", "precision", "recall"), COLOURS, strict=False):
        start = f"onset_{metric}_"
        named = [key for key in target["metrics"] if key.startswith(start)]
        figures = {float(key[len(start) : -2]): target["metrics"][key] for key in named}
        values = [figure["value"] or 0 for figure in figures.values()]
        axis.plot(list(figures), values, "-", color=colour, linewidth=1.2)
        for ms, figure in figures.items():
            _dot(axis, figure, ms, colour, "F1" if metric == "f1" else metric, upright=True)
    axis.set_xticks(list(figures))
    axis.set_ylim(0, 1.02)
    axis.grid(axis="y", **GRID)
    axis.set_xlabel("tolerance (ms)", fontsize=8)
    legend(axis)
    return f"Onsets of {words.target(name, target)} by tolerance"


def _flags(axis, target):
    # F1 is of true, or of any of several values; of two names neither is the positive one
    skipped = tuple(f"{name}_f1" for _, yes, name in target["flags"] if isinstance(yes, str))
    keys = [k for _, _, name in target["flags"] for k in target["metrics"] if k.startswith(f"{name}_")]
    keys = [key for key in keys if not key.startswith(skipped)]
    _compare(axis, [(words.metric(k), target, k, BLUE if "joint" in k else GREEN) for k in keys])
    _limits(axis)
    return "What is told of matched onsets; joint with onset (blue)"


def _scatter(axis, name, target, table):
    columns = (table[f"{side}_{name}"].to_pylist() for side in ("true", "pred"))
    truth, guess = numbers.pairs(*columns, target["kind"])
    alpha = min(0.6, max(0.05, 300 / max(len(truth), 1)))
    axis.plot(truth, guess, ".", color=BLUE, alpha=alpha, markersize=5)
    score = target["kind"] == "score"
    ends = [target.get("low"), target.get("high")] if score else [None, None]
    if None in ends and len(truth):
        ends = [min(truth.min(), guess.min()), max(truth.max(), guess.max())]
    if None not in ends:
        axis.plot(ends, ends, color=GREY, linewidth=0.9, linestyle="--")
        axis.set(xlim=ends, ylim=ends)
    axis.set_aspect("equal", adjustable="box")
    axis.set_xlabel("reference", fontsize=8)
    axis.set_ylabel("predicted", fontsize=8)
    figures = [f"{_SHORT[key]} {words.number(x['value'], key)}" for key, x in words.headline(target)]
    return f"{words.target(name, target)}: {', '.join(figures)}"
