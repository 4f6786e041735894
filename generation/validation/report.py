"""A validation report: measured once, written as JSON, as text, and as one HTML page with plots.

Conventions: a report is plain data with at least ``passed``, ``checks`` (dicts of
:class:`sousa.generation.validation.findings.Check`) and ``data_version``. Plots are drawn on a matplotlib
figure, which is imported when the first one is.
"""

import io
from typing import Any

import numpy as np

from sousa.generation import text, webpage
from sousa.generation.columns import SPLITS
from sousa.generation.console import silent
from sousa.generation.errors import RunError
from sousa.generation.reopen import Stored
from sousa.generation.runners import Runner
from sousa.generation.validation import Task
from sousa.generation.validation.checks import run_all
from sousa.generation.validation.examine import examine_shard
from sousa.generation.validation.findings import Findings, join

FILES = tuple(f"validation_report.{kind}" for kind in ("json", "txt", "html"))  # as they are written
_MARK = {True: "PASS", False: "FAIL", None: "----"}


class Report(dict[str, Any]):
    """What a report holds, by name; shown as its text for a terminal."""

    def __repr__(self) -> str:
        return str(self.get("text", dict(self)))


def validate(
    stored: Stored, runner: Runner, progress: Any = silent, all_media: bool = False
) -> tuple[bool, dict[str, Any]]:
    """Validate a dataset and write ``validation_report.{json,txt,html}``.

    Args:
        progress: as of :class:`sousa.generation.console.Console`.
        all_media: read and make again MIDI and sound of every row, not of a part of them.

    Returns: ``(passed, report)``; the report is what the JSON file holds, with ``text``, the same for a
        terminal, and ``not_written``, why the files could not be written, or None.
    """
    findings = examine(stored, runner, progress, all_media)
    validation = stored.corpus.validation()
    checks = run_all(findings)
    report: dict[str, Any] = {
        "corpus": stored.corpus.name, "data_version": stored.data_version, "size": stored.config.size,
        "passed": all(check.passed is not False for check in checks),
        "checks": [check.__dict__ for check in checks],
    }  # fmt: skip
    if findings.rows:
        split = findings.rows["split"]
        report |= {
            "rows": findings.count, "hours": float(np.nansum(findings.rows["duration_sec"]) / 3600),
            "rows_by_split": {s: int((split == s).sum()) for s in SPLITS if (split == s).any()},
            **validation.summary(findings),
        }  # fmt: skip
    said = _text(report, validation.lines(report) if findings.rows else [])
    page = _page(report, validation.parts(report, findings) if findings.rows else [])
    not_written = None
    try:
        data, plain, html = FILES
        stored.storage.write_json(data, report)
        for name, content in ((plain, text.visible(said)), (html, page)):
            with stored.storage.writing(name) as file:
                file.write(content.encode())
    except RunError as error:  # a read-only dataset can still be judged
        not_written = str(error)
    return report["passed"], Report(report, text=said, not_written=not_written)


def examine(stored: Stored, runner: Runner, progress: Any = silent, all_media: bool = False) -> Findings:
    """Measure every shard of a dataset, in any number of processes; arguments as for :func:`validate`."""
    validation, records = stored.corpus.validation(), stored.records
    planned = {s.file: s for s in stored.planned or ()} if stored.current else {}
    every = 1 if all_media else max(1, -(-stored.manifest["num_rows"] // validation.media_rows))
    edges = np.linspace(0, validation.again_units, len(records) + 1).round().astype(int)
    again = [record["rows"] for record in records] if all_media else np.diff(edges).tolist()
    loose = bool(stored.manifest.get("loose_files"))
    common = Task(stored.corpus, stored.config, stored.columns, stored.storage, {}, None, every, 0, loose)
    tasks = [(i, common, record, planned.get(record["file"]), again[i]) for i, record in enumerate(records)]
    parts: dict[int, dict[str, Any]] = {}
    with progress("validating", stored.manifest["num_rows"]) as done:
        for index, part in runner.run(examine_shard, tasks):
            parts[index] = part
            done(records[index]["rows"])
    return join(stored, [parts[i] for i in sorted(parts)])


def _headline(report: dict[str, Any]) -> str:
    """``1,200 rows (train 840, test 360), 2.10 hours``; empty where no row could be read."""
    if "rows" not in report:
        return ""
    splits = ", ".join(f"{name} {count:,}" for name, count in report["rows_by_split"].items())
    return (
        f"{text.counted(report['rows'], 'row')} ({splits}), {report['hours']:.2f} hours, "
        f"size {report['size']}, data version {report['data_version']}"
    )


def _text(report: dict[str, Any], more: list[str]) -> str:
    """The report for a terminal; ``more``: lines after the checks."""
    lines = [f"SOUSA {report['corpus']}: validation report", ""]
    lines += [_headline(report), ""] if "rows" in report else []
    for check in report["checks"]:
        lines.append(f"{_MARK[check['passed']]}  {check['name']}: {check['detail']}")
        lines += [f"        {example}" for example in check["examples"]]
    return "\n".join([*lines, *more, "", _total(report)]) + "\n"


def _total(report: dict[str, Any]) -> str:
    """How many checks passed, and which did not."""
    judged = [c for c in report["checks"] if c["passed"] is not None]
    failed = [c["name"] for c in judged if not c["passed"]]
    total = f"{len(judged) - len(failed)} of {len(judged)} checks passed"
    if len(judged) < len(report["checks"]):
        total += f", {len(report['checks']) - len(judged)} could not be judged"
    return total + (f"; failed: {', '.join(failed)}" if failed else "")


def _page(report: dict[str, Any], parts: list[str]) -> str:
    """The report as one self-contained page; ``parts``: HTML after the checks."""
    checked = [
        (
            (webpage.mark(check["passed"]),),
            check["name"],
            ("<br>".join(map(text.html, (check["detail"], *check["examples"]))),),
        )
        for check in report["checks"]
    ]
    head = [
        f"<h1>Validation of a {text.html(report['corpus'])} dataset</h1>",
        webpage.verdict(report["passed"], _total(report)),
        f"<p>{text.html(_headline(report))}</p><h2>Checks</h2>",
        "<p class=soft>A check that is not judged needs more rows, or has nothing to look at.</p>",
        webpage.table(["result", "check", "what was seen"], checked),
    ]
    return webpage.page(f"SOUSA {report['corpus']}: validation", [*head, *parts])


def figure(draw: Any, width: float, height: float, alt: str, layout: Any = "constrained") -> str:
    """A plot as an inline image of width and height in inches; ``draw`` takes a matplotlib figure.

    Args:
        alt: what it shows, in words, for those who can't see it.
        layout: matplotlib's engine; None, with places of its own, is much faster for many plots.
    """
    from matplotlib.figure import Figure  # without pyplot: the caller's backend stays as it is

    sheet = Figure(figsize=(width, height), dpi=110, layout=layout)
    buffer = io.BytesIO()
    with text.drawing():
        draw(sheet)
        sheet.savefig(buffer, format="png")
    return webpage.image(buffer.getvalue(), alt)


def number(value: float | None) -> str:
    """Three digits of a number, or a dash for None."""
    return "-" if value is None else f"{value:.3g}"
