"""The pictures of the report: a dashboard and confusion matrices, as PNG bytes.

Conventions: a dot is a value, the line through it its interval, a hollow mark a baseline. Panels that do not
apply to the targets are not there.
"""

import io
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.training.report import numbers, words

BLUE, RED, GREEN, VIOLET, OCHRE, GREY = "#1f5fa8", "#c1440e", "#2a7f4f", "#7d4aa0", "#a9780a", "#6b6b6b"
_COLOURS = (BLUE, RED, GREEN, VIOLET, OCHRE, GREY)
_MARKS = "sD^vPX"
_DPI = 110
_FEWEST_ROWS = 10  # of a point of a curve
_SHORT = {"r2": "R2", "mae_norm": "error", "spearman": "rank corr."}
_MOST_SCORES = 6  # drawn in one panel; tables have them all


def dashboard(metrics: dict[str, Any], table: pa.Table) -> bytes:
    """The dashboard.

    Args:
        metrics: of :func:`sousa.training.report.measure.measure`; table: the predictions, for the scatter
            plots.

    Returns: bytes of a PNG.
    """
    targets = metrics["targets"]
    shares = {name: one for name, one in targets.items() if one["kind"] != "score"}
    errors = {name: one for name, one in targets.items() if one["kind"] == "score"}
    errors = dict(list(errors.items())[:_MOST_SCORES])
    colours = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate({**shares, **errors})}
    panels = [lambda axis: _headline(axis, {**shares, **errors}, colours)]
    if errors:
        panels.append(lambda axis: _score_errors(axis, errors, colours))
    about = metrics["breakdowns"]
    for group in (shares, errors):
        for breakdown, told in about.items():
            if not told["main"] and any(len(one["by"].get(breakdown, {})) > 1 for one in group.values()):
                draw = _curve if told["banded"] else _dots
                panels.append(
                    lambda axis, d=draw, g=group, b=breakdown, t=told: d(axis, g, b, t["title"], colours)
                )
    for name, one in shares.items():
        if one["kind"] == "events":
            panels.append(lambda axis, n=name, o=one: _tolerances(axis, n, o))
            if one["flags"]:
                panels.append(lambda axis, o=one: _flags(axis, o))
    told = {name: one for name, one in targets.items() if one["kind"] in numbers.PARAMETERS}
    for name, one in {**errors, **dict(list(told.items())[:_MOST_SCORES])}.items():
        panels.append(lambda axis, n=name, o=one: _scatter(axis, n, o, table))
    name, first = next(iter((shares or errors).items()))
    tall = next((b for b, one in about.items() if one["main"] and len(first["by"].get(b, {})) > 1), None)
    draw = lambda axis: _bars(axis, name, first, tall, about[tall]["title"])  # noqa: E731
    return _draw(metrics, panels, draw if tall else None)


def _draw(metrics, panels, tall):
    """Panels in rows, the tall one left of them."""
    columns = min(3 if tall is None else 2, len(panels))
    rows = -(-len(panels) // columns)
    heights = [3.9, *[3.3] * (rows - 1)]  # the headline has the most lines
    figure = _figure(5.6 * (columns + (tall is not None)), max(sum(heights), 8.8 if tall else 0) + 0.5)
    grid = figure.add_gridspec(rows, columns + (tall is not None), height_ratios=heights)
    if tall:
        tall(figure.add_subplot(grid[:, 0]))
    for i, draw in enumerate(panels):
        draw(figure.add_subplot(grid[i // columns, i % columns + (tall is not None)]))
    said = [str(metrics[key]) for key in ("data", "split") if metrics.get(key)]
    figure.suptitle(
        "  ·  ".join([*said, f"{metrics['num_rows']:,} rows{words.groups(metrics)}"]), fontsize=12
    )
    return _png(figure)


def confusion(name: str, target: dict[str, Any]) -> bytes:
    """A confusion matrix: colour is the share of the reference class, the number in a cell its rows.

    Args: name: of the target; target: its part of the metrics.
    Returns: bytes of a PNG.
    """
    counts, labels = np.array(target["confusion"]).reshape(len(target["labels"]), -1), target["labels"]
    size = max(len(labels), 1)
    side = max(3.0, 0.34 * size)
    longest = max((len(label) for label in labels), default=1)
    figure = _figure(side + 0.085 * longest + 1.6, side + 0.075 * longest + 0.9)
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
    axis.set_xticks(np.arange(size + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(size + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="#dddddd", linewidth=0.5)
    axis.tick_params(which="minor", length=0)
    axis.set_xlabel("predicted")
    axis.set_ylabel("reference (rows)")
    one = target["metrics"]["accuracy"]
    axis.set_title(f"{words.target(name, target)}: accuracy {words.interval(one, 'accuracy')}", fontsize=11)
    bar = figure.colorbar(image, ax=axis, fraction=0.04, pad=0.02, aspect=30)
    bar.set_label("share of the reference's rows", fontsize=9)
    return _png(figure)


def _figure(width, height):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def _png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _dot(axis, one, at, colour, label=None, upright=False):
    """A value with its interval, along x, or along y when upright."""
    if one["value"] is None:
        return
    if one["low"] is not None:
        line = (axis.vlines if upright else axis.hlines)(at, one["low"], one["high"], colour, linewidth=2)
        line.set_alpha(0.55)
    x, y = (at, one["value"]) if upright else (one["value"], at)
    axis.plot([x], [y], "o", color=colour, markersize=6, label=label)


def _rows(axis, names):
    axis.set_yticks(range(len(names)), names, fontsize=8.5)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0)


def _legend(axis, below=0.16):
    handles, labels = axis.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    if once:
        axis.legend(
            once.values(),
            once.keys(),
            fontsize=8,
            frameon=False,
            ncols=min(len(once), 3 if sum(map(len, once)) < 48 else 2),
            loc="upper center",
            bbox_to_anchor=(0.5, -below),
        )


def _share_axis(axis):
    axis.set_xlim(max(min(-0.02, axis.get_xlim()[0]), -1.04), 1.04)  # R2 has no lower end


def _compare(axis, entries):
    """Rows of dots with baselines: entries are ``(label, target, metric, colour)``."""
    baselines = list(dict.fromkeys(name for _, target, _, _ in entries for name in target["baselines"]))
    for i, (_, target, key, colour) in enumerate(entries):
        one = target["metrics"][key]
        _dot(axis, one, i, colour)
        if one["value"] is not None:
            axis.annotate(words.number(one["value"], key), (one["value"], i), xytext=(0, 7),
                          textcoords="offset points", ha="center", fontsize=8, color=colour)  # fmt: skip
        for mark, name in enumerate(baselines):
            found = target["baselines"].get(name)
            if found and found["metrics"][key]["value"] is not None:
                axis.plot([found["metrics"][key]["value"]], [i], _MARKS[mark % len(_MARKS)], color=GREY,
                          markerfacecolor="none", markersize=6, label=name)  # fmt: skip
    _rows(axis, [label for label, *_ in entries])
    _legend(axis)


def _headline(axis, targets, colours):
    entries = []
    for name, target in targets.items():
        for key, _ in words.headline(target):
            if not words.is_error(key):
                entries.append(
                    (f"{words.target(name, target)}: {words.metric(key)}", target, key, colours[name])
                )
    _compare(axis, entries)
    _share_axis(axis)
    axis.set_title("Headline, 95 % intervals; hollow: baselines", fontsize=9.5)


def _score_errors(axis, errors, colours):
    entries = [(words.target(n, t), t, "mae", colours[n]) for n, t in errors.items()]
    _compare(axis, entries)
    axis.set_xlim(left=0)
    axis.set_title("Mean absolute error (less is better)", fontsize=9.5)


def _title(group, title):
    kinds = {words.metric(words.main(one)) for one in group.values()}
    what = kinds.pop() if len(kinds) == 1 else "main metric"
    return f"{what[:1].upper()}{what[1:]} by {title}"


def _label(name, target, group):
    several = len({words.main(one) for one in group.values()}) > 1
    named = words.target(name, target)
    return f"{named}: {words.metric(words.main(target))}" if several else named


def _dots(axis, group, breakdown, title, colours):
    """A row for each value of a breakdown, a dot for each target."""
    values = list(dict.fromkeys(value for one in group.values() for value in one["by"].get(breakdown, {})))
    step = 0.7 / max(len(group), 1)
    for i, (name, target) in enumerate(group.items()):
        for j, value in enumerate(values):
            found = target["by"][breakdown][value]["metrics"][words.main(target)]
            at = j + (i - (len(group) - 1) / 2) * step
            _dot(axis, found, at, colours[name], _label(name, target, group))
            for mark, (baseline, one) in enumerate(target["baselines"].items()):
                beside = one["by"][breakdown][value]["metrics"][words.main(target)] if "by" in one else None
                if beside and beside["value"] is not None and beside["value"] >= 0:  # tables have the others
                    axis.plot([beside["value"]], [at], _MARKS[mark % len(_MARKS)], color=colours[name],
                              markerfacecolor="none", markersize=6, label=f"{baseline} (hollow)")  # fmt: skip
    _rows(axis, [value.replace("_", " ") for value in values])
    if all(one["kind"] != "score" for one in group.values()):
        _share_axis(axis)
    else:
        axis.set_xlim(left=0)
    if len(group) > 1:
        _legend(axis)
    axis.set_title(_title(group, title), fontsize=9.5)


def _curve(axis, group, breakdown, title, colours):
    """A line over ordered values of a breakdown for each target."""
    bands = next(iter(group.values()))["by"][breakdown]  # the same for all, but for rows without label
    counts = {band: max(one["by"][breakdown][band]["num_rows"] for one in group.values()) for band in bands}
    # a point of a few rows would only draw the eye; tables have them
    bands = [band for band, count in counts.items() if count >= _FEWEST_ROWS]
    at = np.arange(len(bands))
    for name, target in group.items():
        found = [target["by"][breakdown][band]["metrics"][words.main(target)] for band in bands]
        value, low, high = (
            np.array([np.nan if one[key] is None else one[key] for one in found], dtype=float)
            for key in ("value", "low", "high")
        )
        axis.plot(at, value, "o-", color=colours[name], markersize=4, label=_label(name, target, group))
        axis.fill_between(at, low, high, color=colours[name], alpha=0.15, linewidth=0)
    names = [f"{band}\n({counts[band]:,})" for band in bands]
    axis.set_xticks(at, names, fontsize=7.5 if len(names) < 8 else 6)
    axis.set_xlabel(f"{title}, below: rows", fontsize=8)
    axis.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axis.set_ylim(0, 1.02 if all(one["kind"] != "score" for one in group.values()) else None)
    if len(group) > 1:
        _legend(axis, 0.24)
    axis.set_title(_title(group, title), fontsize=9.5)


def _bars(axis, name, target, breakdown, by):
    """Bars of the main metric, best first."""
    key = words.main(target)
    found = {value: one["metrics"][key] for value, one in target["by"][breakdown].items()}
    sign = 1 if words.is_error(key) else -1
    worst = float("inf")
    order = sorted(found, key=lambda v: worst if found[v]["value"] is None else sign * found[v]["value"])
    most = 1 if not words.is_error(key) else max((one["value"] or 0) for one in found.values())
    for i, value in enumerate(order):
        one = found[value]
        if one["value"] is not None:
            axis.barh(i, one["value"], height=0.72, color=BLUE, alpha=0.8)
        if one["low"] is not None:
            axis.hlines(i, one["low"], one["high"], "#222222", linewidth=1.2)
        colour = "white" if (one["value"] or 0) > 0.12 * most else "#222222"
        axis.annotate(words.number(one["value"], key), (0, i), xytext=(4, 0), textcoords="offset points",
                      va="center", fontsize=7.5, color=colour)  # fmt: skip
    _rows(axis, [value.replace("_", " ") for value in order])
    if not words.is_error(key):
        axis.set_xlim(0, 1)
    title = f"{words.target(name, target)}: {words.metric(key)} by {by}"
    title = f"Recall of each {by}" if name == breakdown else title
    axis.set_title(f"{title}, best first", fontsize=9.5)


def _tolerances(axis, name, target):
    for i, what in enumerate(("f1", "precision", "recall")):
        keys = [k for k in target["metrics"] if k.startswith(f"onset_{what}_")]
        at = [float(k.rsplit("_", 1)[1][:-2]) for k in keys]
        values = [target["metrics"][k]["value"] or 0 for k in keys]
        axis.plot(at, values, "-", color=_COLOURS[i], linewidth=1.2)
        for x, k in zip(at, keys, strict=True):
            _dot(axis, target["metrics"][k], x, _COLOURS[i], "F1" if what == "f1" else what, upright=True)
    axis.set_xticks(at)
    axis.set_ylim(0, 1.02)
    axis.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axis.set_xlabel("tolerance (ms)", fontsize=8)
    _legend(axis)
    axis.set_title(f"Onsets of {words.target(name, target)} by tolerance", fontsize=9.5)


def _flags(axis, target):
    # F1 is of true; of two names neither is the positive one
    skipped = [f"{name}_f1" for _, yes, name in target["flags"] if yes is not True]
    keys = [k for _, _, name in target["flags"] for k in target["metrics"] if k.startswith(f"{name}_")]
    keys = [k for k in keys if not k.startswith(tuple(skipped))]
    _compare(axis, [(words.metric(k), target, k, BLUE if "joint" in k else GREEN) for k in keys])
    _share_axis(axis)
    axis.set_title("What is told of matched onsets; joint with onset (blue)", fontsize=9.5)


def _scatter(axis, name, target, table):
    columns = (table[f"{side}_{name}"].to_pylist() for side in ("true", "pred"))
    truth, guess = numbers.pairs(*columns, target["kind"])
    axis.plot(
        truth, guess, ".", color=BLUE, alpha=min(0.6, max(0.05, 300 / max(len(truth), 1))), markersize=5
    )
    ends = [target.get("low"), target.get("high")] if target["kind"] == "score" else [None, None]
    if None in ends and len(truth):
        ends = [min(truth.min(), guess.min()), max(truth.max(), guess.max())]
    if None not in ends:
        axis.plot(ends, ends, color=GREY, linewidth=0.9, linestyle="--")
        axis.set_xlim(*ends)
        axis.set_ylim(*ends)
    axis.set_aspect("equal", adjustable="box")
    axis.set_xlabel("reference", fontsize=8)
    axis.set_ylabel("predicted", fontsize=8)
    (_, first), *rest = said = [(key, words.number(one["value"], key)) for key, one in words.headline(target)]
    if target["kind"] == "score":
        title = f"error {first}, rank corr. {rest[-1][1]}"
    else:
        title = ", ".join(f"{_SHORT[key]} {text}" for key, text in said)
    axis.set_title(f"{words.target(name, target)}: {title}", fontsize=9.5)
