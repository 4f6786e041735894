"""The validation report: measured once, written as JSON, text and one HTML page with plots."""

import base64
import html
import io
from pathlib import Path

import numpy as np

from generation import DATA_VERSION, runners
from generation.errors import RunError
from generation.rudiments import players
from generation.rudiments.scores import SCORE_NAMES, SKILL_SCORES
from generation.rudiments.validation import checks, examine, figures, population
from generation.rudiments.validation.findings import gather
from generation.shards import atomic_file, read_manifest, write_json

MEDIA_ROWS = 1200  # MIDI and audio of about this many rows are read; --all reads every one
_MARK = {True: "PASS", False: "FAIL", None: "----"}


def validate(root, config, records, workers=0, progress=None, all_media=False):
    """Validate a dataset and write ``validation_report.{json,txt,html}``.

    Args:
        records: manifest records of its shards, in order.
        progress: called with the rows of each shard done.

    Returns: ``(passed, report)``; the report is what the JSON file holds.
    """
    every = 1 if all_media else max(1, -(-config.num_rows // MEDIA_ROWS))
    manifest = read_manifest(root) or {}
    loose = bool(manifest.get("loose_files"))
    tasks = [(str(root), config, record, every, loose) for record in records]
    parts = {}
    for index, part in runners.run(_examine, [(i, *task) for i, task in enumerate(tasks)], workers):
        parts[index] = part
        if progress:
            progress(records[index]["rows"])
    findings = gather([parts[i] for i in sorted(parts)])
    results = checks.run_all(findings, root, config, manifest)
    report = summary(findings, results, config)
    report["not_written"] = _write(root, report, findings)
    return report["passed"], report


def _write(root, report, findings):
    """Write the three files; returns why they can't be written, or None."""
    try:
        write_json(Path(root) / "validation_report.json", report)
        for name, text in (("txt", as_text(report)), ("html", as_html(report, findings))):
            with atomic_file(Path(root) / f"validation_report.{name}") as file:
                file.write(text.encode())
    except RunError as error:  # a read-only dataset can still be judged
        return str(error)
    return None


def _examine(index, *task):
    return index, examine.examine_shard(*task)


def summary(findings, results, config):
    """The report as plain data."""
    report = {
        "data_version": DATA_VERSION,
        "preset": config.preset,
        "passed": all(check.passed is not False for check in results),
        "checks": [check.__dict__ for check in results],
    }
    if not findings.rows:
        return report
    rows = findings.rows
    report |= {
        "rows": findings.count,
        "hours": float(rows["duration_sec"].sum() / 3600),
        "strokes": int(rows["num_strokes"].sum()),
        "rows_by_split": {s: int((rows["split"] == s).sum()) for s in players.SPLITS},
        "players_by_tier": population.players_by_tier(findings),
        "presets": _presets(findings),
        "professionals": population.professional_table(findings.takes),
        "tier_means": population.tier_means(findings),
        "score_distribution": _distribution(findings),
        "variance_explained": population.variance_shares(findings),
        "correlations": _correlations(findings),
    }
    return report


def _presets(findings):
    """Rows of each preset, and how well its onsets are found from the audio alone."""
    out = {}
    for name in sorted(set(findings.rows["augmentation_preset"])):
        heard = [m for m in findings.media if m.get("preset") == name and "blind_count" in m]
        count = sum(m["blind_count"] for m in heard)
        out[name] = {
            "rows": int((findings.rows["augmentation_preset"] == name).sum()),
            "blind_onsets": count,
            "within_a_sample": sum(m["blind_within"] for m in heard) / count if count else None,
        }
    return out


def _distribution(findings):
    out = {}
    for score in SCORE_NAMES:
        values = findings.rows[score]
        values = values[~np.isnan(values)]
        if len(values):
            low, middle, high = (float(q) for q in np.percentile(values, [5, 50, 95]))
            out[score] = {
                "count": len(values),
                "p5": low,
                "median": middle,
                "p95": high,
                "sd": float(values.std()),
            }
    return out


def _correlations(findings):
    pairs = [
        ("timing_accuracy", "timing_consistency"), ("timing_accuracy", "hand_balance"),
        ("velocity_control", "accent_differentiation"), ("timing_accuracy", "overall_score"),
        ("hand_balance", "overall_score"), ("velocity_control", "timing_consistency"),
    ]  # fmt: skip
    out = {}
    for a, b in pairs:
        x, y = findings.rows[a], findings.rows[b]
        both = ~np.isnan(x) & ~np.isnan(y)
        if both.sum() > 2 and x[both].std() and y[both].std():
            out[f"{a} ~ {b}"] = float(np.corrcoef(x[both], y[both])[0, 1])
    return out


def as_text(report):
    """The report for a terminal."""
    lines = ["SOUSA rudiments: validation report", ""]
    if "rows" in report:
        lines.append(f"{report['rows']:,} rows, {report['hours']:.2f} h, {report['strokes']:,} strokes")
        lines.append("")
    for check in report["checks"]:
        lines.append(f"{_MARK[check['passed']]}  {check['name']}: {check['detail']}")
        lines += [f"        {example}" for example in check["examples"]]
    if "rows" in report:
        lines += _preset_lines(report) + _figure_lines(report) + _score_lines(report)
    judged = [c for c in report["checks"] if c["passed"] is not None]
    failed = [c["name"] for c in judged if not c["passed"]]
    text = f"{len(judged) - len(failed)} of {len(judged)} checks passed"
    if len(judged) < len(report["checks"]):
        text += f", {len(report['checks']) - len(judged)} could not be judged"
    lines += ["", text + (f"; failed: {', '.join(failed)}" if failed else "")]
    return "\n".join(lines) + "\n"


def _figure_lines(report):
    rows = [row for row in report["professionals"] if row["value"] is not None]
    if not rows:
        return []
    lines = ["", "Professionals beside measured drummers (median; range; typical)"]
    for row in rows:
        typical = "" if row["typical"] is None else f"; typical {row['typical']:g}"
        note = "" if row["inside"] else "   OUTSIDE"
        bounds = f"{row['low']:g} to {row['high']:g}{typical}"
        lines.append(f"  {row['value']:7.2f}  {bounds}  {row['what']} ({row['basis']}){note}")
    return lines


def _preset_lines(report):
    if len(report["presets"]) < 2:
        return []
    lines = ["", "Presets (rows; onsets after near silence, found blind; share within a sample)"]
    for name, one in report["presets"].items():
        share = "" if one["within_a_sample"] is None else f"{one['within_a_sample']:.1%}"
        lines.append(f"  {one['rows']:6,} {one['blind_onsets']:6,} {share:>7}  {name}")
    return lines


def _score_lines(report):
    tiers = list(report["players_by_tier"])
    lines = ["", "Mean scores by tier", "  " + " " * 23 + "".join(f"{tier:>14s}" for tier in tiers)]
    for score, means in report["tier_means"].items():
        if any(mean is not None for mean in means.values()):
            cells = "".join(f"{'-':>14s}" if means[t] is None else f"{means[t]:14.2f}" for t in tiers)
            lines.append(f"  {score:23s}{cells}")
    return lines


def _figure(draw, width, height):
    """A plot as an inline image."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    draw(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def _score_plot(findings):
    def draw(figure):
        names = [n for n in SKILL_SCORES if (~np.isnan(findings.rows[n])).any()]
        axes = figure.subplots(-(-len(names) // 4), 4, sharey=True, squeeze=False).ravel()
        tiers = list(population.players_by_tier(findings))
        for axis, name in zip(axes, names, strict=False):
            groups = [
                findings.rows[name][(findings.rows["skill_tier"] == t) & ~np.isnan(findings.rows[name])]
                for t in tiers
            ]
            axis.boxplot(
                [g if len(g) else [np.nan] for g in groups],
                tick_labels=[t[:3] for t in tiers],
                showfliers=False,
            )
            axis.set_title(name, fontsize=9)
            axis.set_ylim(0, 100)
        for axis in axes[len(names) :]:
            axis.set_visible(False)

    return _figure(draw, 10, 8)


def _timing_plot(findings):
    def draw(figure):
        axes = figure.subplots(1, 3)
        shown = (
            ("asynchrony_sd_ms", "SD of asynchrony (ms)"), ("interval_sd_ms", "SD of intervals (ms)"),
            ("interval_lag1", "lag-1 autocorrelation of intervals"),
        )  # fmt: skip
        for axis, (name, title) in zip(axes, shown, strict=True):
            for tier in players.tiers():
                values = [t[name] for t in findings.takes if t["tier"] == tier and name in t]
                if values:
                    axis.hist(values, bins=25, alpha=0.5, density=True, label=tier)
            low, high = figures.REFERENCES[name][:2]
            axis.axvspan(low, high, color="grey", alpha=0.15)
            axis.set_title(title, fontsize=9)
            axis.set_yticks([])
        if axes[0].get_legend_handles_labels()[0]:
            axes[0].legend(fontsize=7)

    return _figure(draw, 10, 3)


def _mix_plot(findings):
    def draw(figure):
        left, middle, right = figure.subplots(1, 3)
        tiers = list(population.players_by_tier(findings))
        bottom = np.zeros(len(tiers))
        for split in players.SPLITS:
            counts = np.array(
                [
                    ((findings.rows["skill_tier"] == t) & (findings.rows["split"] == split)).sum()
                    for t in tiers
                ]
            )
            left.bar([t[:3] for t in tiers], counts, bottom=bottom, label=split)
            bottom += counts
        left.set_title("rows by tier and split", fontsize=9)
        left.legend(fontsize=7)
        for tier in tiers:
            middle.hist(
                findings.rows["tempo_bpm"][findings.rows["skill_tier"] == tier],
                bins=30,
                alpha=0.5,
                label=tier,
            )
        middle.set_title("tempo (BPM) by tier", fontsize=9)
        right.hist(findings.rows["duration_sec"], bins=40)
        right.set_title("length of rows (s)", fontsize=9)

    return _figure(draw, 10, 3)


def _table(head, rows):
    cells = "".join(f"<th>{html.escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"


_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:68em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:.25em .7em;border-bottom:1px solid #ddd;"
    "text-align:left;vertical-align:top}img{max-width:100%}.FAIL{color:#b00020;font-weight:600}.PASS{color:#1b7a32}"
)


def _number(value):
    return "-" if value is None else f"{value:.3g}"


def as_html(report, findings):
    """The report as one self-contained page."""
    checked = "".join(
        f'<tr><td class="{_MARK[c["passed"]]}">{_MARK[c["passed"]]}</td><td>{html.escape(c["name"])}</td>'
        f"<td>{html.escape(c['detail'])}{''.join('<br>' + html.escape(e) for e in c['examples'])}</td></tr>"
        for c in report["checks"]
    )
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>SOUSA rudiments: validation</title>",
        f"<style>{_STYLE}</style><h1>Validation of a rudiments dataset</h1>",
    ]
    if "rows" in report:
        splits = ", ".join(f"{name} {count:,}" for name, count in report["rows_by_split"].items())
        parts.append(
            f"<p>{report['rows']:,} rows ({splits}), {report['hours']:.2f} hours, "
            f"{report['strokes']:,} strokes, preset {html.escape(report['preset'])}, "
            f"data version {report['data_version']}.</p>"
        )
    parts.append(f"<h2>Checks</h2><table>{checked}</table>")
    if "rows" in report:
        professionals = [
            (
                r["what"],
                _number(r["value"]),
                f"{r['low']:g} to {r['high']:g}",
                _number(r["typical"]),
                r["basis"],
                r["count"],
            )
            for r in report["professionals"]
        ]
        tiers = list(report["players_by_tier"])
        means = [
            (score, *(_number(means[t]) for t in tiers)) for score, means in report["tier_means"].items()
        ]
        shares = [
            (n, f"{s['player']:.2f}", f"{s['rudiment']:.2f}") for n, s in report["variance_explained"].items()
        ]
        parts += [
            "<h2>Professionals beside measured drummers</h2>",
            _table(["figure", "median here", "range", "typical", "basis", "takes or strokes"], professionals),
            "<p>Lower tiers are modelled, not measured; grey bands are the professional ranges.</p>",
            _timing_plot(findings), "<h2>Scores by tier</h2>", _score_plot(findings),
            _table(["mean score", *tiers], means), "<h2>What the scores grade</h2>",
            _table(["variance explained by", "player", "rudiment"], shares),
            _table(["correlation", "r"], [(k, f"{v:.2f}") for k, v in report["correlations"].items()]),
            "<h2>What is in it</h2>", _mix_plot(findings),
        ]  # fmt: skip
    return "".join(parts) + "</html>\n"
