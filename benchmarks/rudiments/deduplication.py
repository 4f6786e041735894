"""What a new version of a dataset uploads, by Xet's own chunks.

    python benchmarks/rudiments/deduplication.py [DIR]

DIR is a dataset directory (default output/rudiments). Some of its rows are replaced by rows of another
seed, or such rows are inserted, scattered or in one run; the new files are held against the old ones in
a scratch store on disk, as the Hub would. Printed: bytes sent, their share of all data, and that share
over the share of rows that changed.
"""

import shutil
import sys
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sousa.builders.hub.dedup import new_bytes
from sousa.generation.columns import markdown
from sousa.generation.reopen import open_dataset
from sousa.generation.shards import parquet_writer

SHARE = 0.01
# rows of a player lie together, those of a rudiment at three tempi are neighbours
RUNS = {0: "in one run", 3: "scattered by threes", 1: "scattered singly"}


def replaced(table, rows, new):
    """The table with some rows replaced."""
    order = np.arange(len(table))
    order[rows] = np.arange(len(table), len(table) + len(rows))
    return pa.concat_tables([table, new]).take(order)


def inserted(table, rows, new):
    """The table with new rows before some rows."""
    order = np.insert(np.arange(len(table)), rows, np.arange(len(table), len(table) + len(rows)))
    return pa.concat_tables([table, new]).take(order)


def relabelled(table, rows, new):
    """The table with the labels of some rows replaced, not their sound."""
    place = table.schema.get_field_index("audio")
    sound = table["audio"].take(rows)
    return replaced(table, rows, new.set_column(place, table.schema.field(place), sound))


def choose(rng, files, run):
    """Which rows of which file change: 1 % of all, in runs of so many (0: one run)."""
    sizes = [pq.read_metadata(file).num_rows for file in files]
    count = max(round(sum(sizes) * SHARE), 1)
    if not run:
        at = int(np.argmax(np.array(sizes) >= count))
        return {files[at]: np.arange(count) + (sizes[at] - count) // 2}
    first = rng.choice(sum(sizes) // run, max(count // run, 1), replace=False) * run
    places = np.sort((first[:, None] + np.arange(run)).ravel())
    edges = np.cumsum([0, *sizes])
    owner = np.searchsorted(edges, places, side="right") - 1
    return {file: places[owner == i] - edges[i] for i, file in enumerate(files)}


def write(path, table):
    """Write a table as shards with 120 rows a player are written: a row group each."""
    with parquet_writer(str(path), table.schema) as writer:
        edges = [0, *(np.flatnonzero(np.diff(table["profile_index"].to_numpy())) + 1), len(table)]
        for low, high in pairwise(edges):
            writer.write_table(table.slice(low, high - low), row_group_size=high - low)


def measure(files, stored, change, run):
    """Bytes sent after a change."""
    other = replace(stored.config, seed=stored.config.seed + 1)
    with tempfile.TemporaryDirectory() as work:
        after = []
        for file, rows in choose(np.random.default_rng(0), files, run).items():
            if len(rows):
                table = pq.read_table(file)
                new = stored.corpus.remake(other, table.take(rows).select(list(stored.corpus.address)))
                after.append(Path(work) / f"{len(after)}.parquet")
                write(after[-1], change(table, rows, new))
        return new_bytes(files, after)


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "output/rudiments")
    stored = open_dataset(root, making=True)
    files = [str(root / record["file"]) for record in stored.records]
    rows, total = [], sum(Path(file).stat().st_size for file in files)
    for name, change in (("replaced", replaced), ("inserted", inserted), ("labels only", relabelled)):
        for run, where in RUNS.items():
            new = measure(files, stored, change, run)
            rows.append((f"{name}, {where}", f"{new:,}", f"{new / total:.2%}", f"{new / total / SHARE:.2f}"))
    with tempfile.TemporaryDirectory() as work:
        copy = shutil.copy(files[0], Path(work) / "same.parquet")
        rows.append(("the same file under another name", f"{new_bytes(files, [copy]):,}", "", ""))
    print(f"{stored.manifest['num_rows']:,} rows; 1 % of them change")
    print(markdown(("change", "bytes sent", "of all", "of 1 %"), rows))


if __name__ == "__main__":
    main()
