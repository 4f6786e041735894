"""The evaluation report, drawn from saved predictions alone.

The predictions table
---------------------
An Arrow table or Parquet file, one row an evaluated row.

``sample_id``, and by the roles of columns: a ``Group``, over which intervals are made, and those by which the
    metrics are broken down. Any of these may be missing.
``true_T``, ``pred_T``: of each target T. A class: strings. A score: float64. A parameter: float64,
    normalised; a curve: a list of these, one a frame. Events: lists of structs with ``onset_sec`` (double)
    and a field for each flag. Notes: lists as :mod:`sousa.training.tasks.notes` has them. ``true_T`` may be
    null: such a row is left out for T and counted. Ranks: see :mod:`sousa.training.report.ranks`.

The schema's metadata key ``sousa`` holds JSON: ``targets``, ``columns`` (roles of the others, as
:func:`sousa.generation.columns.declared` gives them), ``checkpoint``, ``data``, ``split``. A target has
``name`` and ``kind``: class, score, events, notes, ranks, parameter or curve; classes ``labels`` in their
order; scores ``low`` and ``high``; events ``flags``, lists of field, value that counts as yes and name in
metrics; notes ``offset``, the convention of their ends, and ``pedal``, the name of the pedal's columns or an
empty one; parameters and curves ``maker``, the column that names the synthesizer, ``makers``, the declared
ranges of each, and ``unit``.

The report
----------
``metrics.json`` (everything), ``metrics.csv`` (long form), ``dashboard.png``, ``confusion_T.png`` for each
class target, ``pitches_T.png`` and ``velocities_T.png`` for notes, ``training.png`` where the history of the
run is known, and ``report.html``, one page that needs nothing else. Each file is written under another name
and renamed when it is whole, the page last.
"""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sousa.generation.storage import atomic_file, refuse_others_file
from sousa.training.metrics.bootstrap import RESAMPLES
from sousa.training.report import numbers, words

COLUMNS = ("target", "metric", "breakdown", "group", "value", "low", "high", "rows", "groups")


class Metrics(dict[str, Any]):
    """What ``metrics.json`` holds, by name; shown as :func:`summary` writes it."""

    def __repr__(self) -> str:
        return summary(self)


def write(
    predictions: Any, directory: str | Path, baselines: Sequence[dict[str, Any]] | None = None,
    checks: Sequence[dict[str, Any]] | None = None, resamples: int = RESAMPLES, seed: int = 0,
    history: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Measure predictions and write the report.

    Args:
        predictions: Arrow table or path of a Parquet file, as above.
        directory: made if need be; files of an earlier report are replaced.
        baselines: list of ``{"name", "target", "pred"}``, ``pred`` a list of predictions, one a row.
        checks: list of ``{"name", "passed", "detail"}``: what was checked of the data; ``passed`` is None
            where it could not be judged.
        resamples, seed: of the intervals, see :mod:`sousa.training.metrics.bootstrap`.
        history: losses and metrics of the run by step, as ``history.json`` has them.

    Returns: what ``metrics.json`` holds: ``targets``, a dict of name to ``kind``, ``metrics`` (dict of metric
        to ``{"value", "low", "high"}``), ``num_rows``, ``num_groups``, ``num_left_out``, ``by`` (breakdown,
        value, the same again), ``baselines`` (name to ``metrics`` and ``difference``: the model less the
        baseline, paired) and for classes ``labels``, ``per_class``, ``confusion`` and, for classes of groups,
        ``of_groups``: ``metrics`` of all rows of a group judged together; and ``checkpoint``,
        ``data``, ``split``, ``num_rows``, ``num_groups``, ``grouped_by``, ``group_nouns``, ``breakdowns``
        (column to its title, and whether it is in bands or the main class), ``checks``, ``notes``.
    Raises:
        UsageError: the table, a baseline or a prediction is not as it should be; nothing is written.
        RunError: a file can't be written.
    """
    from sousa.training.report import figures, measure, note_figures, page

    table, about = measure.opened(predictions)
    metrics = measure.measure(table, about, baselines or (), checks or (), resamples, seed)
    pictures = {"dashboard.png": figures.dashboard(metrics, table)}
    for name, target in metrics["targets"].items():
        if target["kind"] == "class":
            pictures[f"confusion_{name}.png"] = figures.confusion(name, target)
        if target["kind"] == "notes":
            pictures[f"pitches_{name}.png"] = note_figures.pitches(table, name)
            pictures[f"velocities_{name}.png"] = note_figures.velocities(table, name)
    if drawn := note_figures.training(history or []):
        pictures["training.png"] = drawn
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows([COLUMNS, *measure.long_form(metrics)])
    files = {
        "metrics.json": (json.dumps(metrics, indent=1, allow_nan=False) + "\n").encode(),
        "metrics.csv": lines.getvalue().encode(),
        **pictures,
        "report.html": page.page(metrics, pictures).encode(),
    }
    root = Path(directory)
    if there := [name for name in files if (root / name).exists()]:
        # the first file of an earlier report, or else somebody's
        refuse_others_file(root / there[0], b'"format_version": ')
    for name, data in files.items():
        with atomic_file(root / name) as file:
            file.write(data)
    return Metrics(metrics)


def summary(metrics: dict[str, Any]) -> str:
    """A few lines for a terminal, of what :func:`write` returned or ``metrics.json`` holds."""
    lines = [f"{metrics['num_rows']:,} rows{words.groups(metrics)}"]
    width = max(map(len, metrics["targets"]))
    classes = [name for name, about in metrics["breakdowns"].items() if about["classes"]]
    for name, target in metrics["targets"].items():
        main = words.main(target)
        parts = [f"{words.metric(key)} {words.interval(x, key)}" for key, x in words.headline(target)]
        lines.append(f"{name:{width}s}  " + "; ".join(parts + _baselines(target, main)))
        if "of_groups" in target:
            text = words.together(target["of_groups"], metrics["group_nouns"])
            lines.append(f"{'':{width}s}    {text}")
        for breakdown in classes if target["kind"] in numbers.PARAMETERS else ():
            for value, part in target["by"].get(breakdown, {}).items():
                text = f"{value}: {words.metric(main)} {words.interval(part['metrics'][main], main)}"
                parts = [text, *_baselines(target, main, breakdown, value)]
                lines.append(f"{'':{width}s}    " + "; ".join(parts))
    failed = [check for check in metrics["checks"] if check["passed"] is False]
    lines += [f"FAIL  {check['name']}: {check['detail']}" for check in failed]
    return "\n".join([*lines, *metrics["notes"]])


def _baselines(target: dict[str, Any], main: str, *part: str) -> list[str]:
    """The main metric of each baseline, of all rows or of a value of a breakdown."""
    results = target["baselines"].items()
    if part:
        results = ((name, result["by"][part[0]][part[1]]) for name, result in results)
    return [f"{name} {words.number(result['metrics'][main]['value'], main)}" for name, result in results]
