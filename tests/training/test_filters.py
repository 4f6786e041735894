"""Filters of streams: the rows pandas would keep, and not a byte of audio read for it."""

import itertools
import os
import shutil
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")

from sousa.generation.errors import UsageError  # noqa: E402
from sousa.generation.rudiments import settings  # noqa: E402
from sousa.training import sources  # noqa: E402
from sousa.training.filters import clean_pairs, select  # noqa: E402
from sousa.training.stream import open_rows  # noqa: E402
from tests.generation.test_filters import CASES, SCALARS  # noqa: E402


@pytest.fixture(scope="module")
def frame(small):
    """The scalar columns by another reader, in the order of the rows."""
    source = sources.find(small[0])
    tables = [pq.ParquetFile(file.path).read(columns=SCALARS) for file in source.files]
    return pa.concat_tables(tables).to_pandas()


def kept(small, where, **options):
    rows = open_rows(small[0], audio=None, where=where, **options)
    return rows.table["sample_id"].to_pylist()


@pytest.mark.parametrize("name", CASES)
def test_as_pandas(small, frame, name):
    arguments, oracle = CASES[name]
    where, wanted = select(**arguments), frame.sample_id[oracle(frame)].tolist()
    assert wanted and kept(small, where) == wanted
    rest = frame.sample_id[~oracle(frame)].tolist()
    if rest:
        assert kept(small, ~where) == rest


def test_only_its_columns(small):
    """The rows have the columns asked for, not those tested."""
    rows = open_rows(small[0], audio=None, where=select(tiers=["beginner"]), columns=("tempo_bpm",))
    assert rows.table.column_names == ["tempo_bpm", "sample_id"]


def test_live_rows(small, small_config):
    where = select(rudiments=["flam"], tiers=["beginner"])
    assert open_rows(small_config, audio=None, where=where).table["sample_id"].to_pylist() == kept(
        small, where
    )


def test_nothing_left(small):
    with pytest.raises(UsageError, match="no row of split test is left by the filter"):
        open_rows(small[0], "test", where=select(tempo_bpm=(1, 2)))


class Counted:
    """A file that says which bytes were read of it."""

    def __init__(self, file, spans):
        self.file, self.spans = file, spans

    def read(self, size=-1):
        assert threading.current_thread() is threading.main_thread()  # see generation/tables.py, NO_THREADS
        start = self.file.tell()
        data = self.file.read(size)
        self.spans.append((start, start + len(data)))
        return data

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


def audio_spans(path):
    """Byte ranges of the column chunks of the audio and the MIDI file, as pyarrow knows them."""
    metadata = pq.read_metadata(path)
    for group, column in itertools.product(range(metadata.num_row_groups), range(metadata.num_columns)):
        chunk = metadata.row_group(group).column(column)
        if chunk.path_in_schema in ("audio.bytes", "midi"):
            yield chunk.data_page_offset, chunk.data_page_offset + chunk.total_compressed_size


def test_no_audio_is_read(small, monkeypatch):
    """Of a Parquet file the filter reads nothing within the audio's or the MIDI files' pages."""
    spans, reads, whole = {}, [], sources.open_file
    monkeypatch.setattr(
        sources, "open_file",
        lambda file, token=None: Counted(whole(file, token), spans.setdefault(file.path, [])),
    )  # fmt: skip
    pread = os.pread

    def counted(handle, size, offset):
        if size > 1:  # one byte is read of files that others made, to see that the disk works
            reads.append((handle, size, offset))
        return pread(handle, size, offset)

    monkeypatch.setattr(os, "pread", counted)
    rows = open_rows(small[0], where=select(tiers=["beginner"], scores={"overall_score": (20, None)}))
    assert not reads and len(spans) == 10
    for path, read in spans.items():
        assert sum(stop - start for start, stop in read) < os.path.getsize(path) / 10
        for start, stop in read:
            footer = stop == os.path.getsize(path) and stop - start <= 1 << 16  # pyarrow guesses its size
            assert footer or not any(start < end and begin < stop for begin, end in audio_spans(path)), path
    rows[0]
    assert len(reads) == 1  # and a row is one read


def test_damaged_audio(small, tmp_path):
    """Damaged audio hurts only who listens to it."""
    root = shutil.copytree(small[0], tmp_path / "dataset")
    where = select(rudiments=["flam"], tempo_bpm=(None, 120))
    source = sources.find(root)
    wanted = kept(small, where)
    for file in source.files:
        with open(file.path, "r+b") as handle:
            for begin, end in audio_spans(file.path):
                handle.seek(begin)
                handle.write(os.urandom(end - begin))
    assert kept((root,), where) == wanted
    rows = open_rows(root, audio=None, where=where, columns=("strokes",))
    assert len(rows[0]["strokes"]["hand"])


class Table:
    """Rows as far as pairs need them."""

    def __init__(self, **columns):
        self.table = pa.table(columns)


def test_pairs_by_hand():
    rows = Table(
        augmentation_group_id=["a", "b", "a", "c", None, "b", "a", "b", None, "c"],
        augmentation_preset=["gym", "clean", "clean", "gym", "clean", "gym", "clean", "lo_fi", "gym", None],
    )
    pairs = clean_pairs(rows)
    assert pairs.dtype == "int64" and pairs.tolist() == [[2, 0], [1, 5], [1, 7]]
    empty = Table(augmentation_group_id=pa.array([], "string"), augmentation_preset=pa.array([], "string"))
    assert clean_pairs(empty).shape == (0, 2)
    with pytest.raises(UsageError, match="open them with columns="):
        clean_pairs(Table(augmentation_group_id=["a"]))


def test_pairs_of_a_corpus():
    """Every augmented rendering has its clean one, of the same take."""
    config = settings.make_config("small", profiles=2, augmentations=4, rudiments=["flam", "drag"])
    names = ("augmentation_group_id", "augmentation_preset")
    rows = open_rows(config, audio=None, columns=names)
    groups, presets = (rows.table[name].to_pylist() for name in names)
    pairs = clean_pairs(rows)
    assert sorted(pairs[:, 1]) == [i for i, preset in enumerate(presets) if preset != "clean"]
    for clean, other in pairs:
        assert presets[clean] == "clean" != presets[other] and groups[clean] == groups[other]
