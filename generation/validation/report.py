"""A validation report: as JSON, as text, and as one HTML page with plots.

Conventions: a report is plain data with at least ``passed``, ``checks`` (dicts of
:class:`sousa.generation.validation.findings.Check`) and ``data_version``. Plots are drawn on a matplotlib
figure, which is imported when the first one is.
"""

import base64
import html
import io
from pathlib import Path

from sousa.generation import DATA_VERSION, runners
from sousa.generation.errors import RunError
from sousa.generation.shards import atomic_file, write_json

MEDIA_ROWS = 1200  # sound of about this many rows is read; --all reads every one
_MARK = {True: "PASS", False: "FAIL", None: "----"}
_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:68em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:.25em .7em;border-bottom:1px solid #ddd;"
    "text-align:left;vertical-align:top}img{max-width:100%}.FAIL{color:#b00020;font-weight:600}.PASS{color:#1b7a32}"
)


def media_every(num_rows, all_media, wanted=MEDIA_ROWS):
    """Read the sound of every n-th row: n."""
    return 1 if all_media else max(1, -(-num_rows // wanted))


def examine_all(examine, tasks, records, workers, progress):
    """Examine shards in any number of processes.

    Args:
        examine: module-level function of the elements of a task; tasks: one a shard.
        records: manifest records of the shards; progress: called with the rows of each one done, or None.

    Returns: what ``examine`` returned, in order.
    """
    parts = {}
    for index, part in runners.run(_numbered, [(i, examine, *task) for i, task in enumerate(tasks)], workers):
        parts[index] = part
        if progress:
            progress(records[index]["rows"])
    return [parts[i] for i in sorted(parts)]


def _numbered(index, examine, *task):
    return index, examine(*task)


def outcome(checks, config):
    """The beginning of every report, as plain data."""
    return {
        "data_version": DATA_VERSION,
        "preset": config.preset,
        "passed": all(check.passed is not False for check in checks),
        "checks": [check.__dict__ for check in checks],
    }


def write(root, report, text, page):
    """Write ``validation_report.{json,txt,html}``; returns why they can't be written, or None."""
    try:
        write_json(Path(root) / "validation_report.json", report)
        for name, content in (("txt", text), ("html", page)):
            with atomic_file(Path(root) / f"validation_report.{name}") as file:
                file.write(content.encode())
    except RunError as error:  # a read-only dataset can still be judged
        return str(error)
    return None


def text_of(corpus, report, summary, more=()):
    """The report for a terminal.

    Args:
        summary: one line about the rows, or None where none could be read; more: lines after the checks.
    """
    lines = [f"SOUSA {corpus}: validation report", ""]
    if summary:
        lines += [summary, ""]
    for check in report["checks"]:
        lines.append(f"{_MARK[check['passed']]}  {check['name']}: {check['detail']}")
        lines += [f"        {example}" for example in check["examples"]]
    lines += more
    judged = [c for c in report["checks"] if c["passed"] is not None]
    failed = [c["name"] for c in judged if not c["passed"]]
    text = f"{len(judged) - len(failed)} of {len(judged)} checks passed"
    if len(judged) < len(report["checks"]):
        text += f", {len(report['checks']) - len(judged)} could not be judged"
    lines += ["", text + (f"; failed: {', '.join(failed)}" if failed else "")]
    return "\n".join(lines) + "\n"


def page_of(corpus, report, summary, parts=()):
    """The report as one self-contained page.

    Args:
        summary: a sentence about the rows, or None; parts: HTML after the checks.
    """
    checked = "".join(
        f'<tr><td class="{_MARK[c["passed"]]}">{_MARK[c["passed"]]}</td><td>{html.escape(c["name"])}</td>'
        f"<td>{html.escape(c['detail'])}{''.join('<br>' + html.escape(e) for e in c['examples'])}</td></tr>"
        for c in report["checks"]
    )
    head = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>SOUSA {corpus}: validation</title>",
        f"<style>{_STYLE}</style><h1>Validation of a {corpus} dataset</h1>",
    ]
    if summary:
        head.append(f"<p>{html.escape(summary)}</p>")
    head.append(f"<h2>Checks</h2><table>{checked}</table>")
    return "".join([*head, *parts]) + "</html>\n"


def rows_told(report):
    """``1,200 rows (train 840, test 360), 2.10 hours`` of a report."""
    splits = ", ".join(f"{name} {count:,}" for name, count in report["rows_by_split"].items())
    return f"{report['rows']:,} rows ({splits}), {report['hours']:.2f} hours"


def figure(draw, width, height, layout="constrained"):
    """A plot as an inline image.

    Args:
        draw: takes a matplotlib figure; width, height: inches.
        layout: matplotlib's engine; None, with places of its own, is much faster for many plots.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(width, height), dpi=110, layout=layout)
    draw(sheet)
    buffer = io.BytesIO()
    sheet.savefig(buffer, format="png")
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def table(head, rows):
    """An HTML table of texts."""
    cells = "".join(f"<th>{html.escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"


def number(value):
    """Three digits of a number, or a dash for None."""
    return "-" if value is None else f"{value:.3g}"
