"""Refresh the generated parts of README.md: options, columns, acoustics, synthesizers, figures, rooms.

Figures come from a dataset and its validation report; the README's are of the medium size::

    sousa generate --size medium -o output/medium
    python benchmarks/readme.py output/medium
"""

import json
import sys
from pathlib import Path

from sousa.generation import corpora
from sousa.generation.audio import named_acoustics, rooms
from sousa.generation.columns import markdown, table
from sousa.generation.options import option_table
from sousa.generation.textures import synth

README = Path(__file__).parent.parent / "README.md"


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


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    for name in corpora.BUILT_IN:
        corpus = corpora.get(name)
        text = replace(text, f"options of {name}", option_table(corpus.Options))
        text = replace(text, f"columns of {name}", table(corpus.columns()))
    text = replace(text, "acoustics", acoustics_table())
    text = replace(text, "synths", synth_table())
    if len(sys.argv) > 1:
        from rudiments.acoustics import room_table

        text = replace(text, "rooms", room_table(sys.argv[1])[0])
        text = replace(text, "professionals", professionals(sys.argv[1]))
    README.write_text(text, encoding="utf-8")
