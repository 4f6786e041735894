"""What a report says of piano beside its checks: levels, professionals, tiers."""

from collections import Counter
from functools import partial
from typing import Any

import numpy as np

from sousa.generation.piano.played import TIERS
from sousa.generation.piano.validation import checks, figures
from sousa.generation.validation.findings import Findings
from sousa.generation.validation.report import figure, number
from sousa.generation.webpage import table

_SPREADS = ("num_notes", "duration_sec", "tempo_bpm", "performed_tempo_bpm", "max_polyphony", "pedal_share")
_COUNTED = ("key", "metre", "style", "skill_tier", "augmentation_preset")


def summary(findings: Findings) -> dict[str, Any]:
    """As plain data."""
    rows = findings.rows
    levels: dict[str, Any] = {}
    for level in sorted(set(rows["complexity"])):
        of_level = rows["complexity"] == level
        spread = {
            name: dict(zip(("p5", "median", "p95"), np.percentile(rows[name][of_level].astype(float),
                                                                  [5, 50, 95]).tolist(), strict=True))
            for name in _SPREADS
        }  # fmt: skip
        counts = {name: dict(Counter(rows[name][of_level]).most_common()) for name in _COUNTED}
        levels[level] = {"rows": int(of_level.sum()), **spread, **counts}
    notes = int(rows["num_notes"].sum())
    return {
        "notes": notes,
        "notes_not_written": int(rows["notes_not_written"].sum()),
        "pieces": checks.pieces_by_level(findings),
        "levels": levels,
        "figures": {tier: checks.figures_of(findings, tier) for tier in TIERS},
    }  # fmt: skip


def lines(report: dict[str, Any]) -> list[str]:
    """For a terminal."""
    out = ["", "Levels (median, 5 to 95 %)"]
    out.append(f"  {'':12s}{'rows':>7s}" + "".join(f"{name:>26s}" for name in _SPREADS))
    for level, values in report["levels"].items():
        spans = [values[name] for name in _SPREADS]
        cells = "".join(f"{s['median']:>11.4g} ({s['p5']:>5.4g} -{s['p95']:>6.4g})" for s in spans)
        out.append(f"  {level:12s}{values['rows']:7,}{cells}")
    professionals = report["figures"]["professional"]
    if professionals:
        out += ["", "Professionals beside concert pianists (median; range; typical)"]
    for row in professionals:
        note = "   OUTSIDE" if row["inside"] is False else ""
        bounds = "" if row["low"] is None else f"{row['low']:g} to {row['high']:g}; "
        text = f"{bounds}typical {row['typical']:g}"
        out.append(f"  {row['value']:9.3g}  {text:34s} {row['figure'].replace('_', ' ')}{note}")
    return out


def parts(report: dict[str, Any], findings: Findings) -> list[str]:
    """HTML of the report's page, after the checks."""
    tiers = [tier for tier in reversed(TIERS) if report["figures"][tier]]
    values = {tier: {row["figure"]: row["value"] for row in report["figures"][tier]} for tier in tiers}
    rows = [
        (name.replace("_", " "), *(number(values[tier].get(name)) for tier in tiers), number(known.low),
         number(known.median), number(known.high))
        for name, known in figures.REFERENCES.items()
        if any(name in values[tier] for tier in tiers)
    ]  # fmt: skip
    head = ("figure", *tiers, "10 %", "concert pianists", "90 %")
    out = [f"<h2>Figures beside those of concert pianists</h2>{table(head, rows)}"] if rows else []
    out.append("<h2>Levels</h2>" + figure(partial(_level_plot, findings), 11, 5, _LEVELS))
    return out


_LEVELS = "Histograms of notes, length, tempo, polyphony and pedal of pieces, by level"


def _level_plot(findings: Findings, sheet: Any) -> None:
    rows = findings.rows
    levels = sorted(set(rows["complexity"]))
    for axis, name in zip(sheet.subplots(2, 3).ravel(), _SPREADS, strict=True):
        for level in levels:
            values = rows[name][rows["complexity"] == level].astype(float)
            axis.hist(values, bins=20, alpha=0.5, label=level)
        axis.set_title(name.replace("_", " "), fontsize=9)
    sheet.axes[0].legend(fontsize=8)
