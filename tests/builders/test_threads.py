"""Python file objects are read by the thread that owns them.

A thread of pyarrow that lets go of one while the interpreter ends aborts the process
("terminate called without an active exception"), in up to half of the runs on a busy machine.
"""

import threading

import datasets
import pyarrow as pa

from sousa.builders.hub.part import Part
from sousa.builders.release import compare, opened

COLUMNS = ["skill_tier", "strokes", "tempo_bpm"]


class Watched:
    """A file that remembers which threads read it."""

    def __init__(self, path, readers):
        self.file, self.readers = open(path, "rb"), readers  # noqa: SIM115

    def read(self, *size):
        self.readers.add(threading.get_ident())
        return self.file.read(*size)

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


def test_labels_of_releases(tiny):
    path, readers = next(tiny.glob("data/**/*.parquet")), set()
    release = opened.Release("here", {}, None, lambda _: Watched(path, readers))
    rows = pa.table({"file": ["a"] * 3, "row": [2, 0, 1]})
    ((at, table),) = compare._read(release, rows, COLUMNS)
    assert len(at) == len(table) == 3 and readers == {threading.get_ident()}


def test_parts_of_datasets(tiny, tmp_path):
    path, readers = next(tiny.glob("data/**/*.parquet")), set()
    part = Part(
        lambda: {"train": [lambda: Watched(path, readers)]}, COLUMNS, None, config_name="part",
        version="1.0.0", dataset_name="part", cache_dir=str(tmp_path), hash="part",
    )  # fmt: skip
    datasets.disable_progress_bars()
    part.download_and_prepare()
    assert set(part.as_dataset("train").column_names) == set(COLUMNS) and readers == {threading.get_ident()}
