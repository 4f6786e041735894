"""What a report says of rudiments beside its checks: professionals, tiers, scores, acoustics."""

from collections import Counter
from functools import partial

import numpy as np

from sousa.generation.columns import SPLITS
from sousa.generation.rudiments import players
from sousa.generation.rudiments.scores import SKILL_SCORES
from sousa.generation.rudiments.validation import figures, mistakes, population
from sousa.generation.validation.findings import Findings
from sousa.generation.validation.report import figure, number
from sousa.generation.webpage import table


def summary(findings: Findings) -> dict:
    """As plain data."""
    return {
        "strokes": int(findings.rows["num_strokes"].sum()),
        "players_by_tier": population.players_by_tier(findings),
        "acoustics": _acoustics(findings),
        "professionals": population.professional_table(findings.lists["takes"]),
        "tier_means": population.tier_means(findings),
        "score_distribution": _distribution(findings),
        "mistakes": mistakes.table(findings),
        "variance_explained": population.variance_shares(findings),
        "correlations": _correlations(findings),
    }


def _acoustics(findings):
    """Rows of each acoustics, and how well its onsets are found from the audio alone."""
    out = {}
    for name, rows in sorted(Counter(findings.rows["augmentation_preset"]).items()):
        heard = [m for m in findings.lists["media"] if m.get("acoustics") == name and "blind_count" in m]
        count = sum(m["blind_count"] for m in heard)
        within = sum(m["blind_within"] for m in heard) / count if count else None
        out[name] = {"rows": rows, "blind_onsets": count, "within_a_sample": within}
    return out


def _distribution(findings):
    out = {}
    for score in population.scores_of(findings):
        values = findings.rows[score]
        values = values[~np.isnan(values)]
        if len(values):
            quantiles = zip(("p5", "median", "p95"), np.percentile(values, [5, 50, 95]).tolist(), strict=True)
            out[score] = {"count": len(values), **dict(quantiles), "sd": float(values.std())}
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


def lines(report: dict) -> list[str]:
    """For a terminal."""
    lines = []
    if len(report["acoustics"]) > 1:
        lines += ["", "Acoustics (rows; onsets after near silence, found blind; share within a sample)"]
    for name, row in report["acoustics"].items() if lines else ():
        share = "" if row["within_a_sample"] is None else f"{row['within_a_sample']:.1%}"
        lines.append(f"  {row['rows']:6,} {row['blind_onsets']:6,} {share:>7}  {name}")
    measured = [row for row in report["professionals"] if row["value"] is not None]
    if measured:
        lines += ["", "Professionals beside measured drummers (median; range; typical)"]
    for row in measured:
        typical = "" if row["typical"] is None else f"; typical {row['typical']:g}"
        bounds = f"{row['low']:g} to {row['high']:g}{typical}"
        note = "" if row["inside"] else "   OUTSIDE"
        lines.append(f"  {row['value']:7.2f}  {bounds}  {row['what']} ({row['basis']}){note}")
    tiers = "".join(f"{tier:>14s}" for tier in report["players_by_tier"])
    lines += ["", "Mean scores by tier", f"  {'':23s}{tiers}"]
    for score, means in report["tier_means"].items():
        if any(mean is not None for mean in means.values()):
            cells = "".join(f"{'-':>14s}" if mean is None else f"{mean:14.2f}" for mean in means.values())
            lines.append(f"  {score:23s}{cells}")
    return lines + (mistakes.lines(report["mistakes"]) if any(report["mistakes"]["all"].values()) else [])


def _score_plot(findings, sheet):
    names = population.scores_of(findings, SKILL_SCORES)
    names = [n for n in names if (~np.isnan(findings.rows[n])).any()]
    axes = sheet.subplots(-(-len(names) // 4), 4, sharey=True, squeeze=False).ravel()
    tiers = list(population.players_by_tier(findings))
    for axis, name in zip(axes, names, strict=False):
        values, tier = findings.rows[name], findings.rows["skill_tier"]
        groups = [values[(tier == t) & ~np.isnan(values)] for t in tiers]
        shown = [group if len(group) else [np.nan] for group in groups]
        axis.boxplot(shown, tick_labels=[t[:3] for t in tiers], showfliers=False)
        axis.set_title(name, fontsize=9)
        axis.set_ylim(0, 100)
    for axis in axes[len(names) :]:
        axis.set_visible(False)


def _timing_plot(findings, sheet):
    axes = sheet.subplots(1, 3)
    shown = (
        ("asynchrony_sd_ms", "SD of asynchrony (ms)"), ("interval_sd_ms", "SD of intervals (ms)"),
        ("interval_lag1", "lag-1 autocorrelation of intervals"),
    )  # fmt: skip
    for axis, (name, title) in zip(axes, shown, strict=True):
        for tier in players.tiers():
            values = [t[name] for t in findings.lists["takes"] if t["tier"] == tier and name in t]
            if values:
                axis.hist(np.concatenate(values), bins=25, alpha=0.5, density=True, label=tier)
        low, high = figures.REFERENCES[name][:2]
        axis.axvspan(low, high, color="grey", alpha=0.15)
        axis.set_title(title, fontsize=9)
        axis.set_yticks([])
    if axes[0].get_legend_handles_labels()[0]:
        axes[0].legend(fontsize=7)


def _mix_plot(findings, sheet):
    left, middle, right = sheet.subplots(1, 3)
    tiers, rows = list(population.players_by_tier(findings)), findings.rows
    bottom = np.zeros(len(tiers))
    for split in SPLITS:
        counts = np.array([((rows["skill_tier"] == t) & (rows["split"] == split)).sum() for t in tiers])
        left.bar([t[:3] for t in tiers], counts, bottom=bottom, label=split)
        bottom += counts
    left.set_title("rows by tier and split", fontsize=9)
    left.legend(fontsize=7)
    for tier in tiers:
        middle.hist(rows["tempo_bpm"][rows["skill_tier"] == tier], bins=30, alpha=0.5, label=tier)
    middle.set_title("tempo (BPM) by tier", fontsize=9)
    right.hist(rows["duration_sec"], bins=40)
    right.set_title("length of rows (s)", fontsize=9)


def parts(report: dict, findings: Findings) -> list[str]:
    """HTML for the page."""
    professionals = [
        (r["what"], number(r["value"]), f"{r['low']:g} to {r['high']:g}", number(r["typical"]), r["basis"],
         r["count"])
        for r in report["professionals"]
    ]  # fmt: skip
    tiers = list(report["players_by_tier"])
    means = [(score, *(number(means[t]) for t in tiers)) for score, means in report["tier_means"].items()]
    shares = [
        (n, f"{s['player']:.2f}", f"{s['rudiment']:.2f}") for n, s in report["variance_explained"].items()
    ]
    return [
        "<h2>Professionals beside measured drummers</h2>",
        table(["figure", "median here", "range", "typical", "basis", "takes or strokes"], professionals),
        "<p>Lower tiers are modelled, not measured; grey bands are the professional ranges.</p>",
        figure(partial(_timing_plot, findings), 10, 3,
               "Histograms of asynchrony and intervals of takes by tier, beside the ranges of professionals"),
        "<h2>Mistakes</h2>",
        table(["kind", "meaning", *(f"{t}, in 1,000" for t in report["mistakes"]["all"]), "found again"],
              mistakes.page_rows(report["mistakes"])),
        "<p>Found again: by matching what is written with what is played, without the labels.</p>",
        "<h2>Scores by tier</h2>",
        figure(partial(_score_plot, findings), 10, 8, "Distribution of each score by tier"),
        table(["mean score", *tiers], means), "<h2>What the scores grade</h2>",
        table(["variance explained by", "player", "rudiment"], shares),
        table(["correlation", "r"], [(k, f"{v:.2f}") for k, v in report["correlations"].items()]),
        "<h2>What is in it</h2>",
        figure(partial(_mix_plot, findings), 10, 3, "Rows by tier and split, by tempo, and by length"),
    ]  # fmt: skip
