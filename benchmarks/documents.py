"""Refresh the generated tables of the documents: options, columns, acoustics, synthesizers, figures, rooms.

Speeds come from benchmarks/results.json, see ``python -m benchmarks``; other figures from a dataset and its
validation report. Those of the documents are of the medium size::

    python benchmarks/documents.py
    sousa generate --size medium -o output/medium
    python benchmarks/documents.py output/medium
"""

import json
import sys
from pathlib import Path

from benchmarks import results
from benchmarks.suite import SMALL
from sousa.generation import corpora
from sousa.generation.audio import named_acoustics, rooms
from sousa.generation.columns import markdown, table
from sousa.generation.options import option_table
from sousa.generation.textures import synth

DOCS = Path(__file__).parent.parent / "docs"


def replace(text, name, content):
    """Put content between the markers of this name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    head, rest = text.split(begin)
    return f"{head}{begin}{content}\n{end}{rest.split(end)[1]}"


def acoustics_table():
    rows = []
    for name, ranges in named_acoustics.load().items():
        room, mic, noise = rooms.stated().get(name), ranges.microphone, ranges.noise
        away = (room or mic or {}).get("distance_m")
        rows.append((
            f"`{name}`", ranges.about, room["room_type"] if room else "",
            f"{mic['type']}, {_span(away)} m" if mic else "",
            _span(ranges.compressor["ratio"]) if ranges.compressor else "",
            f"{noise['colour']} {_span(noise['level_db'])}" if noise else "",
        ))  # fmt: skip
    head = ("acoustics", "what it is", "room", "microphone", "compressor ratio", "noise, dB")
    return markdown(head, rows)


def synth_table():
    rows = []
    for maker in map(synth.get, synth.BUILT_IN):
        ranges = [(p, f"{p.minimum:g} to {p.maximum:g} {p.unit}".rstrip()) for p in maker.parameters]
        parameters = [f"`{p.name}`{'~' * p.varying} {text}" for p, text in ranges]
        rows.append((f"`{maker.name}`", maker.about.rstrip("."), ", ".join(parameters)))
    note = "`~`: may move in time. `sousa generate textures --list` says what each parameter does."
    return markdown(("synthesizer", "what it makes", "parameters"), rows) + f"\n\n{note}"


def _span(values):
    return f"{values[0]:g} to {values[1]:g}"


def professionals(directory):
    """The professional figures of a dataset's validation report as a Markdown table."""
    report = json.loads((Path(directory) / "validation_report.json").read_text(encoding="utf-8"))
    rows = []
    for row in report["professionals"]:
        typical = "" if row["typical"] is None else f"{row['typical']:g}"
        figures = (f"{row['value']:.3g}", _span((row["low"], row["high"])), typical)
        rows.append((row["what"], *figures, row["basis"]))
    return markdown(("figure", "median here", "range", "typical", "basis"), rows)


def mistakes_table(directory):
    """Mistakes of each tier, from a dataset's validation report, as a Markdown table."""
    from sousa.generation.rudiments.validation import mistakes

    report = json.loads((Path(directory) / "validation_report.json").read_text(encoding="utf-8"))["mistakes"]
    head = ("mistake", "what it is", *report["all"], "found again")
    everything = ("all", "", *(f"{1000 * rate:.1f}" for rate in report["all"].values()), "")
    return markdown(head, [*mistakes.page_rows(report), everything])


def tables():
    """The tables that follow from the code: dict of page to dict of name to Markdown."""
    known = {name: corpora.get(name) for name in corpora.BUILT_IN}
    return {
        "reference/options.md": {f"options of {n}": option_table(c.Options) for n, c in known.items()},
        "reference/columns.md": {f"columns of {n}": table(c.columns()) for n, c in known.items()},
        "corpora/rudiments.md": {"acoustics": acoustics_table()},
        "corpora/textures.md": {"synths": synth_table()},
        **speeds(),
    }


def speeds():
    """Tables of benchmarks, in the same form."""
    stored = results.read()
    tables = {name: results.table(figures) for name, figures in stored["benchmarks"].items()}
    small = {name: tables.pop(name) for name in list(tables) if name.startswith(SMALL)}
    each = [f"{name.removeprefix(SMALL).capitalize()}:\n\n{content}" for name, content in small.items()]
    tables |= {"machine": results.machines(stored), "small sizes": "\n\n".join(each)}
    return {"benchmarks.md": tables, "../README.md": {"small sizes": small_sizes(stored)}}


def small_sizes(stored):
    """Rows, hours and CPU seconds of the small size of each corpus that is made, as ``generate`` does it."""
    rows = []
    for name in corpora.BUILT_IN:
        if figures := stored["benchmarks"].get(SMALL + name):
            corpus = corpora.get(name)
            config = corpus.config(corpus.Options.read({"size": "small"}), print)
            count = sum(shard.rows for shard in corpus.plan(config))
            hours = corpus.estimate(config).audio_sec / 3600
            seconds = sum(line["cost"] for line in figures["lines"].values())
            rows.append((name, f"{count:,} ({hours:.1f} h)", f"{seconds:.0f} s"))
    return markdown(("corpus", "rows of `small`", "CPU time to make and validate them"), rows)


def measured(directory):
    """The tables of a dataset, in the same form."""
    from rudiments.acoustics import room_table

    figures = {
        "rooms": room_table(directory)[0],
        "professionals": professionals(directory),
        "mistakes": mistakes_table(directory),
    }
    return {"corpora/rudiments.md": figures}


if __name__ == "__main__":
    for changes in (tables(), *map(measured, sys.argv[1:2])):
        for page, contents in changes.items():
            text = (DOCS / page).read_text(encoding="utf-8")
            for name, content in contents.items():
                text = replace(text, name, content)
            (DOCS / page).write_text(text, encoding="utf-8")
