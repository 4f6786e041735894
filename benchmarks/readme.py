"""Refresh the generated parts of README.md: the column tables, and the professional figures.

The figures come from the validation report of a dataset; the README's are of the medium preset::

    sousa generate --preset medium -o output/medium
    python benchmarks/readme.py output/medium
"""

import json
import sys
from pathlib import Path

from builders.features import table
from generation.rudiments.columns import columns

README = Path(__file__).parent.parent / "README.md"


def replace(text, name, content):
    """Put content between the markers of this name."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    head, rest = text.split(begin)
    return head + begin + content + end + rest.split(end)[1]


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
    text = replace(README.read_text(encoding="utf-8"), "columns", table(columns()))
    if len(sys.argv) > 1:
        text = replace(text, "professionals", professionals(sys.argv[1]))
    README.write_text(text, encoding="utf-8")
