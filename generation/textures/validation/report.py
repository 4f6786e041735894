"""What a report says of textures beside its checks: sounds, levels, rates, coverage."""

from collections import defaultdict

import numpy as np

from sousa.generation.columns import SPLITS
from sousa.generation.text import drawn
from sousa.generation.textures.validation import population
from sousa.generation.validation.findings import Findings
from sousa.generation.validation.report import figure, number
from sousa.generation.webpage import table

_COLUMNS, _MAX_PLOTS = 4, 60  # more are no picture that a browser shows


def summary(findings: Findings) -> dict:
    """What each sound is like, and how it compares with what its parameters promise, as plain data."""
    rates = {row["sound"]: row for row in population.rate_table(findings)}
    pitches, out = {s: round(error, 3) for s, (error, *_) in population.pitch_table(findings).items()}, {}
    media = defaultdict(list)
    for item in findings.lists["media"]:
        media[item["sound"]].append(item)
    for sound, numbers in population.by_sound(findings):
        if not len(numbers):
            continue
        rows, heard = {name: values[numbers] for name, values in findings.rows.items()}, media[sound.name]
        level, events = rows["rms_db"][~np.isnan(rows["rms_db"])], rows["num_events"]
        seconds, rate = float(rows["duration_sec"].sum()), rates.get(sound.name)
        out[sound.name] = {
            "synth": sound.synth, "settings": len(set(rows["setting_id"])), "rows": len(numbers),
            "median_rms_db": float(np.median(level)) if len(level) else None,
            "events_per_sec": None if np.isnan(events).any() else float(events.sum() / seconds),
            "promised_per_sec": rate["promised"] / seconds if rate and rate["rows"] == len(numbers) else None,
            "median_pitch_error_semitones": pitches.get(sound.name),
            "clipped_samples": int(rows["clipped_samples"].sum()),
            "silent_rows": int(np.isnan(rows["peak_db"]).sum()), "rows_heard": len(heard),
        }  # fmt: skip
    return {"settings": len(set(findings.rows["setting_id"])), "sounds": out}


_HEAD = (
    "sound", "synthesizer", "settings", "rows", "median RMS dBFS", "events/s", "promised", "pitch error st",
    "clipped samples", "silent rows", "rows heard",
)  # fmt: skip


def _table_rows(report):
    return [
        (name, *(v if isinstance(v, (str, int)) else number(v) for v in one.values()))
        for name, one in report["sounds"].items()
    ]


def lines(report: dict) -> list[str]:
    """For a terminal: a table of the sounds."""
    cells = [[str(cell) for cell in row] for row in (_HEAD, *_table_rows(report))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["", *("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)]


def parts(report: dict, findings: Findings) -> list[str]:
    """HTML for the page."""
    out = ["<h2>Sounds</h2>", table(_HEAD, _table_rows(report)), "<h2>Level</h2>", _levels(findings)]
    if population.rate_table(findings):
        out += ["<h2>Events against rate</h2>", _rates(findings)]
    if any(sound.axes for sound in findings.config.sounds):
        out += ["<h2>Coverage of parameters</h2>", _coverage(findings)]
    return out


def _grid(shown, height, alt, plot):
    """Plots side by side as an image: ``plot(axis, sound, its rows)`` draws each."""
    count = min(len(shown), _MAX_PLOTS)
    lines = -(-count // _COLUMNS)

    def draw(sheet):
        axes = sheet.subplots(lines, _COLUMNS, squeeze=False).ravel()
        for axis, (sound, rows) in zip(axes, shown[:count], strict=False):
            axis.tick_params(labelsize=6)
            plot(axis, sound, rows)
            axis.minorticks_off()
        for axis in axes[count:]:
            axis.remove()
        sheet.subplots_adjust(0.06, 0.5 / (height * lines), 0.99, 1 - 0.25 / (height * lines), 0.35, 0.5)

    few = f"<p>The first {count} of {len(shown)} sounds.</p>" if count < len(shown) else ""
    return few + figure(draw, 10, height * lines, alt, layout=None)


def _levels(findings):
    def draw(sheet):
        left, right = sheet.subplots(1, 2, width_ratios=(2, 1))
        rms, peak = findings.rows["rms_db"], findings.rows["peak_db"]
        levels = [rms[rows][~np.isnan(rms[rows])] for _, rows in population.by_sound(findings)]
        names = [drawn(sound.name) for sound in findings.config.sounds]
        left.boxplot([v if len(v) else [np.nan] for v in levels], showfliers=False, tick_labels=names)
        left.tick_params(axis="x", rotation=60, labelsize=7)
        left.set_title("RMS of rows, dBFS", fontsize=9)
        right.hist(peak[~np.isnan(peak)], bins=40)
        right.set_title("peaks of rows, dBFS", fontsize=9)

    return figure(draw, 10, 3.2, "RMS of rows by sound, and a histogram of the peaks of all rows")


def _rates(findings):
    """Events a second of every row beside what its parameters promise."""
    names = {row["sound"] for row in population.rate_table(findings)}
    shown = [(sound, rows) for sound, rows in population.by_sound(findings) if sound.name in names]

    def plot(axis, sound, rows):
        seconds = findings.rows["duration_sec"][rows]
        promised = findings.rows["promised_events"][rows] / seconds
        axis.plot(promised, findings.rows["num_events"][rows] / seconds, ".", markersize=2, alpha=0.5)
        ends = [np.nanmin(promised), np.nanmax(promised)]
        axis.plot(ends, ends, color="grey", linewidth=0.8)
        axis.set_xscale("log")
        axis.set_yscale("symlog", linthresh=1 / float(seconds.max()))
        axis.set_ylim(bottom=0)
        axis.set_title(f"{drawn(sound.name)}: events/s, promised to right", fontsize=8)

    return _grid(shown, 2.2, "Events per second of rows beside what their parameters promise, by sound", plot)


def _coverage(findings):
    """Settings over the first two axes of each sound, by split."""
    shown = [(sound, rows) for sound, rows in population.by_sound(findings) if sound.axes and len(rows)]

    def plot(axis, sound, own):
        first, second = (*sound.axes, None)[:2]
        for split in SPLITS:
            rows = own[(findings.rows["split"][own] == split) & (findings.rows["chunk_index"][own] == 0)]
            x = findings.rows[f"param_{first.name}"][rows]
            y = findings.rows[f"param_{second.name}"][rows] if second else np.zeros(len(x))
            axis.plot(x, y, ".", markersize=3, label=split)
        axis.set_xscale(first.scale)
        axis.set_xlabel(drawn(first.name), fontsize=7)
        if second:
            axis.set_yscale(second.scale)
            axis.set_ylabel(drawn(second.name), fontsize=7)
        axis.set_title(drawn(sound.name), fontsize=9)
        if sound is shown[0][0]:
            axis.legend(fontsize=6)

    return _grid(shown, 2.4, "Settings in the space of two parameters, by sound and split", plot)
