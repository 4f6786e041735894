"""What the rooms of a dataset's rows measure, beside what their acoustics state. Run::

    sousa generate --size medium -o DIR
    python benchmarks/rudiments/acoustics.py DIR

For each of them: the stated range; the range of the row's columns (measured on the impulse response,
ISO 3382 T20); and RT60 measured again by pyroomacoustics on each distinct complete response of those
rows (room, microphone and EQ together). Then which overlap.
"""

import argparse
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pyroomacoustics

from sousa.generation.audio import acoustics, rooms
from sousa.generation.columns import markdown

MEASURES = {"rt60_sec": "aug_rt60_sec", "drr_db": "aug_drr_db", "c50_db": "aug_c50_db"}
HEAD = (
    "acoustics", "rows", "RT60, s", "in rows", "with microphone", "DRR, dB", "in rows", "C50, dB", "in rows"
)  # fmt: skip


def rows_by_acoustics(directory):
    """Rows with a room: dict of acoustics to ``(measures [rows, 3], aug_record of each row)``."""
    names = [*MEASURES.values(), "aug_record"]
    path = Path(directory) / "labels" / "samples.parquet"
    table = pq.read_table(path, columns=["augmentation_preset", *names]).to_pandas().dropna()
    groups = table.groupby("augmentation_preset")
    return {name: (rows[names[:-1]].to_numpy(), rows["aug_record"]) for name, rows in groups}


def span(values):
    return f"{min(values):.2f} to {max(values):.2f}"


def measured_again(records):
    """RT60 of the distinct complete responses of rows, by pyroomacoustics."""
    parts = [{name: json.loads(record)[name] for name in ("room", "microphone", "eq")} for record in records]
    responses = map(acoustics.response, {json.dumps(part, sort_keys=True): part for part in parts}.values())
    measure_rt60 = pyroomacoustics.experimental.measure_rt60
    return [float(measure_rt60(response, 44100, decay_db=20)) for response in responses]


def room_table(directory):
    """``(Markdown table, whether all rows are inside the stated ranges)``."""
    by_name, rows, inside = rows_by_acoustics(directory), [], True
    for name, stated in rooms.stated().items():
        measures, records = by_name[name]
        cells = [f"`{name}`", len(records)]
        for key, values in zip(MEASURES, measures.T, strict=True):
            low, high = stated[key]
            inside &= bool(((values >= low) & (values <= high)).all())
            cells += [f"{low:g} to {high:g}", span(values)]
            cells += [span(measured_again(records))] if key == "rt60_sec" else []
        rows.append(cells)
    return markdown(HEAD, rows), inside


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    directory = parser.parse_args().directory
    table, inside = room_table(directory)
    print(f"{table}\n{'all inside' if inside else 'NOT ALL INSIDE'}")
    by_name = rows_by_acoustics(directory)
    for a, b in combinations(rooms.stated(), 2):
        two = [by_name[name][0] for name in (a, b)]
        low = np.max([measures.min(axis=0) for measures in two], axis=0)
        high = np.min([measures.max(axis=0) for measures in two], axis=0)
        if (low <= high).all():
            both = np.concatenate(two)
            share = ((both >= low) & (both <= high)).all(axis=1).mean()
            print(f"{a} and {b} overlap in all three measures; {share:.0%} of their rows are in both ranges")


if __name__ == "__main__":
    main()
