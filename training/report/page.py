"""The report as one HTML page that needs no other file: pictures are inside, light and dark."""

from typing import Any

from sousa.generation import webpage
from sousa.generation.text import html as _text
from sousa.generation.webpage import table as _table
from sousa.training.report import numbers, words


def page(metrics: dict[str, Any], pictures: dict[str, bytes]) -> str:
    """The page as HTML text, of :func:`sousa.training.report.measure.measure` and PNG bytes by file name."""
    said = [f"{key} {metrics[key]}" for key in ("checkpoint", "data", "split") if metrics.get(key)]
    parts = [
        f"<h1>Evaluation</h1><p class=soft>{_text('; '.join(said))}</p>",
        f"<p>{metrics['num_rows']:,} rows{_text(words.groups(metrics))}. In brackets: {metrics['level']:.0%} "
        f"intervals from {metrics['resamples']:,} resamples of {_text(metrics['group_nouns'][1])}.</p>",
        *(f"<p><strong>{_text(note)}</strong></p>" for note in metrics["notes"]),
        _cards(metrics["targets"]),
        _checks(metrics["checks"]),
        _image("dashboard.png", pictures, "Headline figures, and metrics of parts of the data"),
    ]
    if "training.png" in pictures:
        parts.append(_image("training.png", pictures, "Losses and metrics over the steps of the run"))
    for name, target in metrics["targets"].items():
        parts += _target(name, target, pictures, metrics)
    return webpage.page("Evaluation", parts)


def _image(name, pictures, alt):
    return webpage.image(pictures[name], alt)


def _cards(targets):
    cards = []
    for name, target in targets.items():
        (key, result), *rest = words.headline(target)
        more = "".join(f"<br>{words.metric(k)} {words.interval(v, k)}" for k, v in rest)
        bounds = words.interval(result, key).partition(" ")[2]
        head = f"{_text(words.target(name, target))}: {words.metric(key)}"
        cards.append(
            f"<div class=card><span class=soft>{head}</span><b>{words.number(result['value'], key)}</b>"
            f"<span class=soft>{bounds}{more}</span></div>"
        )
    return f"<div class=cards>{''.join(cards)}</div>"


def _checks(checks):
    if not checks:
        return ""
    rows = [((webpage.mark(check["passed"]),), check["name"], check["detail"]) for check in checks]
    return "<h2>Checks of the data</h2>" + _table(["result", "check", "what was seen"], rows)


def _target(name, target, pictures, metrics):
    out = [f"<h2>{_text(words.target(name, target))}</h2>"]
    if (left := target["num_left_out"]) and target["kind"] != "ranks":  # there they are no queries
        out.append(f"<p class=soft>{left:,} rows without a label are left out.</p>")
    if empty := target.get("num_empty_references"):
        out.append(f"<p class=soft>{empty:,} rows have no onset in the reference and count 0.</p>")
    if target["kind"] in numbers.PARAMETERS:
        out.append(f"<p class=soft>{_text(numbers.NOTE)}</p>")
    out.append(_whole(target))
    if together := target.get("of_groups"):
        out.append(f"<p>{_text(words.together(together, metrics['group_nouns']))}</p>")
    if target["kind"] == "class":
        out.append(_image(f"confusion_{name}.png", pictures, f"Confusion matrix of {name}"))
        out += [_confused(target), _classes(target)]
    if target["kind"] == "notes":
        out.append(_image(f"pitches_{name}.png", pictures, f"Pitches of {name}, and what they are told for"))
        out.append(_image(f"velocities_{name}.png", pictures, f"Velocities and onsets of matched {name}"))
    for breakdown, values in target["by"].items():
        if values:
            title = metrics["breakdowns"][breakdown]["title"]
            out.append(_breakdown(breakdown, values, target, title, metrics["group_nouns"][1]))
    return out


def _whole(target):
    baselines = target["baselines"]
    chance = target.get("chance", {})
    head = ["metric", "value", *["chance"] * bool(chance)]
    head += [text for b in baselines for text in (b, f"difference from {b}")]
    rows = []
    for key, result in target["metrics"].items():
        cells = [words.metric(key, target.get("unit")), words.interval(result, key)]
        cells += [words.number(chance.get(key), key)] * bool(chance)
        for baseline in baselines.values():
            better = baseline.get("difference", {}).get(key)
            cells.append(words.interval(baseline["metrics"][key], key))
            cells.append(words.interval(better, key) if better else "–")
        rows.append(cells)
    return _table(head, rows, 1)


def _confused(target):
    rows = enumerate(target["confusion"])
    pairs = sorted((-count, i, j) for i, row in rows for j, count in enumerate(row) if i != j and count)
    if not pairs:
        return ""
    names, support = target["labels"], [sum(row) for row in target["confusion"]]
    rows = [(names[i], names[j], f"{-count:,}", f"{-count / support[i]:.1%}") for count, i, j in pairs[:12]]
    return "<h3>Most often confused</h3>" + _table(["reference", "predicted", "rows", "of its rows"], rows, 2)


def _classes(target):
    rows = [
        (label, f"{scores['support']:,}", _meter(scores["recall"]["value"]),
         *(words.interval(scores[key], key) for key in ("recall", "precision", "f1")))
        for label, scores in target["per_class"].items()
    ]  # fmt: skip
    table = _table(["class", "rows", "", "recall", "precision", "F1"], rows, 1)
    return f"<details><summary>Each class</summary>{table}</details>"


def _breakdown(breakdown, values, target, title, many):
    main, (first, *_) = words.main(target), values.values()
    keys = [key for key in first["metrics"] if "pooled" not in key]
    if target["kind"] == "events":
        keys = [key for key in keys if key.startswith("onset_f1") or "joint" in key]
    if target["kind"] in ("notes", "ranks"):
        keys = [key for key, _ in words.headline(target)]
    share = not words.is_error(main)
    others = {name: part for name, part in target["baselines"].items() if "by" in part}
    rows = []
    for value, part in values.items():
        counts = [f"{part[key]:,}" for key in ("num_rows", "num_groups", "num_values") if key in part]
        meter = [_meter(part["metrics"][main]["value"])] * share
        beside = [part["by"][breakdown][value]["metrics"][main] for part in others.values()]
        figures = [words.interval(part["metrics"][key], key) for key in keys]
        rows.append([value, *counts, *meter, *figures, *(words.interval(part, main) for part in beside)])
    head = [title, "rows", many, *["different values"] * ("num_values" in first), *[""] * share]
    head += [words.metric(key, target.get("unit")) for key in keys]
    head += [f"{name}: {words.metric(main)}" for name in others]
    return f"<details><summary>By {_text(title)}</summary>{_table(head, rows, 1)}</details>"


def _meter(value):
    return (f"<span class=meter><i style='width:{100 * min(max(value or 0, 0), 1):.1f}%'></i></span>",)
