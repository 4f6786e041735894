"""What the rooms of a dataset's rows measure, beside what their presets state. Run::

    sousa generate --preset medium -o DIR
    python benchmarks/acoustics.py DIR

For each preset: the stated range; the range of the row's columns (measured on the impulse response,
ISO 3382 T20); and RT60 measured again by pyroomacoustics on each distinct complete response of those
rows (room, microphone and EQ together). Then which presets overlap.
"""

import argparse
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pyroomacoustics

from sousa.generation.audio import acoustics, rooms

MEASURES = {"rt60_sec": "aug_rt60_sec", "drr_db": "aug_drr_db", "c50_db": "aug_c50_db"}


def rows_by_preset(directory):
    """Rows with a room: dict of preset to list of dicts of the ``aug_*`` columns."""
    names = ["augmentation_preset", "aug_record", *MEASURES.values()]
    table = pq.read_table(Path(directory) / "labels" / "samples.parquet", columns=names)
    out = {}
    for row in table.to_pylist():
        if row["aug_rt60_sec"] is not None:
            out.setdefault(row["augmentation_preset"], []).append(row)
    return out


def span(values):
    return f"{min(values):.2f} to {max(values):.2f}"


def measured_again(rows):
    """RT60 of the complete responses of rows, by pyroomacoustics."""
    linear = {}
    for row in rows:
        record = json.loads(row["aug_record"])
        part = {name: record[name] for name in ("room", "microphone", "eq")}
        linear[json.dumps(part, sort_keys=True)] = part
    return [
        float(pyroomacoustics.experimental.measure_rt60(acoustics.response(part), 44100, decay_db=20))
        for part in linear.values()
    ]


def room_table(directory):
    """``(Markdown table, whether all rows are inside the stated ranges)``."""
    found = rows_by_preset(directory)
    lines = [
        "| preset | rows | RT60, s | in rows | with microphone | DRR, dB | in rows | C50, dB | in rows |"
    ]
    lines.append("| --- " * 9 + "|")
    inside = True
    for preset, stated in rooms.stated().items():
        rows = found[preset]
        cells = [f"`{preset}`", f"{len(rows)}"]
        for name, column in MEASURES.items():
            values = [row[column] for row in rows]
            inside &= all(stated[name][0] <= value <= stated[name][1] for value in values)
            cells += [f"{stated[name][0]:g} to {stated[name][1]:g}", span(values)]
            if name == "rt60_sec":
                cells.append(span(measured_again(rows)))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines), inside


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    directory = parser.parse_args().directory
    table, inside = room_table(directory)
    print(table)
    print("all inside" if inside else "NOT ALL INSIDE")
    found = rows_by_preset(directory)
    for a, b in combinations(rooms.stated(), 2):
        spans = [[r[c] for r in found[n]] for c in MEASURES.values() for n in (a, b)]
        pairs = zip(spans[::2], spans[1::2], strict=True)
        if all(max(min(x), min(y)) <= min(max(x), max(y)) for x, y in pairs):
            share = _both(found, a, b)
            print(f"{a} and {b} overlap in all three measures; {share:.0%} of their rows are in both ranges")


def _both(found, a, b):
    """Share of the rows of two presets that lie inside the ranges of both."""
    points = {n: np.array([[r[c] for c in MEASURES.values()] for r in found[n]]) for n in (a, b)}
    low = np.max([p.min(axis=0) for p in points.values()], axis=0)
    high = np.min([p.max(axis=0) for p in points.values()], axis=0)
    every = np.concatenate(list(points.values()))
    return ((every >= low) & (every <= high)).all(axis=1).mean()


if __name__ == "__main__":
    main()
