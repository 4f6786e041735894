"""The validation report of a textures dataset: measured once, written as JSON, text and one HTML page."""

import numpy as np

from sousa.generation.manifest import read_manifest
from sousa.generation.textures.corpus import SPLITS
from sousa.generation.textures.validation import checks, examine, population
from sousa.generation.validation.findings import join
from sousa.generation.validation.report import (
    examine_all,
    figure,
    media_every,
    number,
    outcome,
    page_of,
    rows_told,
    table,
    text_of,
    write,
)

MEDIA_ROWS = 400  # sound of about this many rows is read: reading takes as long as making
AGAIN_SIGNALS = 12  # made again, spread over the shards
_COLUMNS = 4  # of plots


def validate(root, config, records, workers=0, progress=None, all_media=False):
    """Validate a dataset and write ``validation_report.{json,txt,html}``.

    Args:
        records: manifest records of its shards, in order.
        progress: called with the rows of each shard done.
        all_media: read the sound of every row, not of about 400.

    Returns: ``(passed, report)``; the report is what the JSON file holds.
    """
    findings, results = judge(root, config, records, workers, progress, all_media)
    report = summary(findings, results, config)
    report["not_written"] = write(root, report, as_text(report), as_html(report, findings, config))
    return report["passed"], report


def judge(root, config, records, workers=0, progress=None, all_media=False):
    """Measure and check a dataset, and write nothing; arguments as for :func:`validate`.

    Returns: ``(Findings, list of Checks)``.
    """
    every = media_every(config.num_rows, all_media, MEDIA_ROWS)
    manifest = read_manifest(root) or {}
    loose = bool(manifest.get("loose_files"))
    again = _spread(len(records))
    tasks = [(str(root), config, record, every, again[i], loose) for i, record in enumerate(records)]
    findings = checks.Findings(**join(examine_all(examine.examine_shard, tasks, records, workers, progress)))
    return findings, checks.run_all(findings, root, config, manifest)


def _spread(shards):
    """How many signals of each shard to make again."""
    edges = np.linspace(0, max(AGAIN_SIGNALS, 1), shards + 1).round().astype(int)
    return np.diff(edges).tolist()


def summary(findings, results, config):
    """The report as plain data."""
    report = outcome(results, config)
    if not findings.rows:
        return report
    rows = findings.rows
    return report | {
        "rows": findings.count,
        "hours": float(rows["duration_sec"].sum() / 3600),
        "settings": len(set(rows["setting_id"])),
        "rows_by_split": {s: int((rows["split"] == s).sum()) for s in SPLITS},
        "sounds": _sounds(findings, config),
    }


def _sounds(findings, config):
    """What each sound is like, and how it compares with what its parameters promise."""
    rates = {row["sound"]: row for row in population.rate_table(findings, config)}
    pitches, out = population.pitch_table(findings), {}
    for one, _, mask in population.by_sound(findings, config):
        if not mask.any():
            continue
        rows = {name: values[mask] for name, values in findings.rows.items()}
        heard = [m for m in findings.media if m["sound"] == one.name]
        level, events = rows["rms_db"][~np.isnan(rows["rms_db"])], rows["num_events"]
        seconds, rate = float(rows["duration_sec"].sum()), rates.get(one.name)
        out[one.name] = {
            "synth": one.synth, "settings": len(set(rows["setting_id"])), "rows": int(mask.sum()),
            "median_rms_db": float(np.median(level)) if len(level) else None,
            "events_per_sec": None if np.isnan(events).any() else float(events.sum() / seconds),
            "promised_per_sec": rate["promised"] / seconds if rate and rate["rows"] == mask.sum() else None,
            "median_pitch_error_semitones": round(pitches[one.name][0], 3) if one.name in pitches else None,
            "clipped_samples": int(rows["clipped_samples"].sum()),
            "silent_rows": int(np.isnan(rows["peak_db"]).sum()), "rows_heard": len(heard),
        }  # fmt: skip
    return out


_HEAD = (
    "sound", "synthesizer", "settings", "rows", "median RMS dBFS", "events/s", "promised", "pitch error st",
    "clipped samples", "silent rows", "rows heard",
)  # fmt: skip


def _table_rows(report):
    return [
        (name, *(v if isinstance(v, (str, int)) else number(v) for v in one.values()))
        for name, one in report["sounds"].items()
    ]


def as_text(report):
    """The report for a terminal."""
    if "rows" not in report:
        return text_of("textures", report, None)
    cells = [_HEAD, *_table_rows(report)]
    widths = [max(len(str(row[i])) for row in cells) for i in range(len(_HEAD))]
    lines = [""] + ["  ".join(str(c).ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
    told = f"{report['rows']:,} rows of {report['settings']:,} settings, {report['hours']:.2f} h"
    return text_of("textures", report, told, [line.rstrip() for line in lines])


def as_html(report, findings, config):
    """The report as one self-contained page."""
    if "rows" not in report:
        return page_of("textures", report, None)
    told = (
        f"{rows_told(report)}, {report['settings']:,} settings, preset {report['preset']}, "
        f"data version {report['data_version']}."
    )
    parts = [
        "<h2>Sounds</h2>",
        table(_HEAD, _table_rows(report)),
        "<h2>Level</h2>",
        _levels(findings, config),
    ]
    if population.rate_table(findings, config):
        parts += ["<h2>Events against rate</h2>", _rates(findings, config)]
    if any(one.axes for one in config.sounds):
        parts += ["<h2>Coverage of parameters</h2>", _coverage(findings, config)]
    return page_of("textures", report, told, parts)


def _grid(count, height, plot):
    """Plots side by side as an image; ``plot`` fills as many axes."""
    lines = -(-count // _COLUMNS)

    def draw(sheet):
        axes = sheet.subplots(lines, _COLUMNS, squeeze=False).ravel()
        for axis in axes:
            axis.tick_params(labelsize=6)
        plot(axes)
        for axis in axes[:count]:
            axis.minorticks_off()
        for axis in axes[count:]:
            axis.remove()
        sheet.subplots_adjust(0.06, 0.5 / (height * lines), 0.99, 1 - 0.25 / (height * lines), 0.35, 0.5)

    return figure(draw, 10, height * lines, layout=None)


def _levels(findings, config):
    def draw(sheet):
        left, right = sheet.subplots(1, 2, width_ratios=(2, 1))
        level = [findings.rows["rms_db"][mask] for *_, mask in population.by_sound(findings, config)]
        level = [v[~np.isnan(v)] for v in level]
        left.boxplot([v if len(v) else [np.nan] for v in level], showfliers=False,
                     tick_labels=[one.name for one in config.sounds])  # fmt: skip
        left.tick_params(axis="x", rotation=60, labelsize=7)
        left.set_title("RMS of rows, dBFS", fontsize=9)
        peak = findings.rows["peak_db"]
        right.hist(peak[~np.isnan(peak)], bins=40)
        right.set_title("peaks of rows, dBFS", fontsize=9)

    return figure(draw, 10, 3.2)


def _rates(findings, config):
    """Events a second of every row beside what its parameters promise."""
    names = {row["sound"] for row in population.rate_table(findings, config)}
    shown = [(one, mask) for one, _, mask in population.by_sound(findings, config) if one.name in names]

    def plot(axes):
        for axis, (one, mask) in zip(axes, shown, strict=False):
            seconds = findings.rows["duration_sec"][mask]
            promised = findings.rows["promised_events"][mask] / seconds
            axis.plot(promised, findings.rows["num_events"][mask] / seconds, ".", markersize=2, alpha=0.5)
            ends = [np.nanmin(promised), np.nanmax(promised)]
            axis.plot(ends, ends, color="grey", linewidth=0.8)
            axis.set_xscale("log")
            axis.set_yscale("symlog", linthresh=1 / float(seconds.max()))
            axis.set_ylim(bottom=0)
            axis.set_title(f"{one.name}: events/s, promised to right", fontsize=8)

    return _grid(len(shown), 2.2, plot)


def _coverage(findings, config):
    """Settings over the first two axes of each sound, by split."""
    shown = [(one, mask) for one, _, mask in population.by_sound(findings, config) if one.axes and mask.any()]

    def plot(axes):
        for axis, (one, mask) in zip(axes, shown, strict=False):
            first = one.axes[0]
            second = one.axes[1] if len(one.axes) > 1 else None
            for split in SPLITS:
                own = mask & (findings.rows["split"] == split) & (findings.rows["chunk_index"] == 0)
                x = findings.rows[f"param_{first.name}"][own]
                y = findings.rows[f"param_{second.name}"][own] if second else np.zeros(len(x))
                axis.plot(x, y, ".", markersize=3, label=split)
            axis.set_xscale(first.scale)
            axis.set_xlabel(first.name, fontsize=7)
            if second:
                axis.set_yscale(second.scale)
                axis.set_ylabel(second.name, fontsize=7)
            axis.set_title(one.name, fontsize=9)
        axes[0].legend(fontsize=6)

    return _grid(len(shown), 2.4, plot)
