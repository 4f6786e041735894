"""Refresh the generated parts of README.md: options, columns, acoustics, synthesizers, figures, rooms.

Figures come from a dataset and its validation report; the README's are of the medium size::

    sousa generate --size medium -o output/medium
    python benchmarks/readme.py output/medium
"""

import json
import sys
from pathlib import Path

from sousa.generation import corpora
from sousa.generation.audio import presets, rooms
from sousa.generation.columns import table
from sousa.generation.options import option_table
from sousa.generation.textures import synth

README = Path(__file__).parent.parent / "README.md"


def replace(text, name, content):
    """Put content between the markers of this name."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    head, rest = text.split(begin)
    return head + begin + content + end + rest.split(end)[1]


def acoustics_table():
    """What the acoustics are, as a Markdown table."""
    rows = [
        "| acoustics | what it is | room | microphone | compressor ratio | noise, dB |",
        "| --- " * 6 + "|",
    ]
    for name, one in presets.load().items():
        room, mic = rooms.stated().get(name), one.microphone
        away = (room or mic or {}).get("distance_m")
        cells = [
            f"`{name}`", one.about, room["room_type"] if room else "",
            f"{mic['type']}, {_span(away)} m" if mic else "",
            _span(one.compressor["ratio"]) if one.compressor else "",
            f"{one.noise['colour']} {_span(one.noise['level_db'])}" if one.noise else "",
        ]  # fmt: skip
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def synth_table():
    """The built-in synthesizers, as a Markdown table."""
    rows = ["| synthesizer | what it makes | parameters |", "| --- | --- | --- |"]
    for one in map(synth.get, synth.BUILT_IN):
        told = [
            f"`{p.name}`{'~' * p.varying} {p.minimum:g} to {p.maximum:g} {p.unit}".rstrip()
            for p in one.parameters
        ]
        rows.append(f"| `{one.name}` | {one.about.rstrip('.')} | {', '.join(told)} |")
    rows += ["", "`~`: may move in time. `sousa generate textures --list` says what each parameter does."]
    return "\n".join(rows)


def _span(values):
    return f"{values[0]:g} to {values[1]:g}"


def professionals(directory):
    """The professional figures of a dataset's validation report as a Markdown table."""
    report = json.loads((Path(directory) / "validation_report.json").read_text(encoding="utf-8"))
    rows = ["| figure | median here | range | typical | basis |", "| --- | --- | --- | --- | --- |"]
    for row in report["professionals"]:
        typical = "" if row["typical"] is None else f"{row['typical']:g}"
        bounds = f"{row['low']:g} to {row['high']:g}"
        rows.append(f"| {row['what']} | {row['value']:.3g} | {bounds} | {typical} | {row['basis']} |")
    return "\n".join(rows)


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    for name in corpora.BUILT_IN:
        corpus = corpora.get(name)
        text = replace(text, f"options of {name}", option_table(corpus.Options))
        text = replace(text, f"columns of {name}", table(corpus.columns()))
    text = replace(text, "acoustics", acoustics_table())
    text = replace(text, "synths", synth_table())
    if len(sys.argv) > 1:
        sys.path.insert(0, str(README.parent))
        from benchmarks.acoustics import room_table

        text = replace(text, "rooms", room_table(sys.argv[1])[0])
        text = replace(text, "professionals", professionals(sys.argv[1]))
    README.write_text(text, encoding="utf-8")
