"""Embeddings on disk: written whole, gone on with, read with their roles, and never zeros."""

import json

import numpy as np
import pyarrow as pa
import pytest

from sousa.generation.errors import RunError, UsageError
from sousa.generation.storage import LocalStorage
from sousa.training.embedding import layout
from sousa.training.embedding.layout import Embeddings, Failure, Writer

ENCODERS = {
    "ear": {"kind": "audio", "dim": 4, "model": "an ear", "versions": {"torch": "1"}},
    "words": {"kind": "text", "dim": 3, "model": "a reader"},
}
SHARDS = ["train-00000", "train-00001", "test-00000"]
PLAN = {"source": "digest", "sample_size": None}


def table_of(part, shard):
    """A shard of two rows, of which the encoder took the second."""
    ids = [f"{shard}-{i}" for i in range(2)]
    rng = np.random.default_rng(len(shard) + SHARDS.index(shard))
    if part == "rows":
        return pa.table({"sample_id": ids, "split": [shard.split("-")[0]] * 2}), []
    if part == "audio/ear":
        columns = [ids[1:] * 2, [0, 1], [0.0, 1.0], [2.0, 3.0], layout.column_of(rng.normal(size=(2, 4)))]
        return pa.table(columns, schema=layout.audio_schema(4)), [Failure(ids[0], "ear", "too short")]
    nulls, vectors = [None] * 2, layout.column_of(rng.normal(size=(2, 3)))
    columns = [ids, [0, 0], ["a", "b"], nulls, nulls, nulls, nulls, vectors]
    return pa.table(columns, schema=layout.text_schema(3)), []


def write(root, encoders=ENCODERS, most=None, plan=PLAN):
    """Write the directory, or ``most`` of its shards and then fail; returns how many were written."""
    written = 0
    with Writer(LocalStorage(str(root)), plan, encoders, SHARDS) as out:
        out.begin()
        for part in out.parts:
            for shard in out.missing(part):
                if written == most:
                    raise InterruptedError
                out.write(part, shard, *table_of(part, shard))
                written += 1
        out.finish({"dataset": "toys"})
    return written


def bytes_of(root):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_what_is_written_is_read(tmp_path):
    assert write(tmp_path) == 9
    read = Embeddings(tmp_path)
    assert read.splits == ["train", "test"] and read.names("audio") == ["ear"]
    assert read.rows()["sample_id"].to_pylist()[:3] == ["train-00000-0", "train-00000-1", "train-00001-0"]
    windows = read.audio("ear", "train")
    assert windows["sample_id"].to_pylist() == ["train-00000-1"] * 2 + ["train-00001-1"] * 2
    values = layout.vectors(windows)
    expected = np.random.default_rng(11).normal(size=(2, 4)).astype(np.float16)
    assert values.dtype == np.float32 and np.array_equal(values[:2], expected)
    assert read.text("words", "test")["text"].to_pylist() == ["a", "b"]
    assert [f.sample_id for f in read.failures()] == [f"{shard}-0" for shard in SHARDS]
    assert read.manifest["dataset"] == "toys"


@pytest.mark.parametrize("most", range(9))
def test_a_run_that_is_killed_goes_on_and_ends_with_the_same_bytes(tmp_path, most):
    write(tmp_path / "whole")
    with pytest.raises(InterruptedError):
        write(tmp_path / "other", most=most)
    with pytest.raises(RunError, match="unfinished; run the same 'sousa embed' command again"):
        Embeddings(tmp_path / "other")
    assert write(tmp_path / "other") == 9 - most
    assert bytes_of(tmp_path / "other") == bytes_of(tmp_path / "whole")


def test_a_line_that_was_cut_short_and_a_damaged_shard_are_made_again(tmp_path):
    write(tmp_path / "whole")
    with pytest.raises(InterruptedError):
        write(tmp_path / "other", most=5)
    log = tmp_path / "other/.unfinished/shards.jsonl"
    log.write_bytes(log.read_bytes()[:-30])
    damaged = tmp_path / "other/rows/train-00001.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    assert write(tmp_path / "other") == 6
    assert bytes_of(tmp_path / "other") == bytes_of(tmp_path / "whole")


def test_encoders_are_added_to_a_finished_directory(tmp_path):
    write(tmp_path / "whole")
    assert write(tmp_path / "other", {"ear": ENCODERS["ear"]}) == 6
    assert write(tmp_path / "other", {"words": ENCODERS["words"]}) == 3
    assert bytes_of(tmp_path / "other") == bytes_of(tmp_path / "whole")
    # a damaged shard of the earlier one is made again, and the failures of the others are kept
    (tmp_path / "other/audio/ear/train-00000.parquet").unlink()
    assert write(tmp_path / "other") == 1
    assert bytes_of(tmp_path / "other") == bytes_of(tmp_path / "whole")


def test_other_rows_and_other_encoders_are_refused(tmp_path):
    write(tmp_path)
    with pytest.raises(UsageError, match=r"other rows \(sample_size: null there, 5 now\)"):
        write(tmp_path, plan=PLAN | {"sample_size": 5})
    ear = ENCODERS["ear"]
    with pytest.raises(UsageError, match=r'ear made otherwise \(digest: null there, "d2" now\)'):
        write(tmp_path, {"ear": ear | {"digest": "d2"}})
    write(tmp_path, {"ear": ear | {"model": "elsewhere", "versions": {"torch": "2"}}})
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds other files"):
        write(tmp_path / "full")


def test_vectors_of_zeros_and_of_no_number_are_never_stored():
    for wrong, problem in (([0.0, 0.0], "zeros"), ([1.0, np.nan], "finite"), ([1e6, 1.0], "finite"),
                           ([1e-9, 0.0], "zeros")):  # fmt: skip
        assert problem in layout.vector_problem(np.array(wrong))
        with pytest.raises(RunError, match=problem):
            layout.column_of(np.array([[1.0, 2.0], wrong]))


def test_what_is_no_embeddings_directory_is_told(tmp_path):
    with pytest.raises(UsageError, match="make some with 'sousa embed'"):
        Embeddings(tmp_path)
    write(tmp_path)
    with pytest.raises(UsageError, match=r"no embeddings by 'eer' \(did you mean ear\?\)"):
        Embeddings(tmp_path).audio("eer")
    with pytest.raises(UsageError, match="no split 'validation'"):
        Embeddings(tmp_path).rows("validation")
    path = tmp_path / "audio/ear/test-00000.parquet"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(RunError, match="bytes instead of"):
        Embeddings(tmp_path).audio("ear")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"dataset": "others"}))
    with pytest.raises(RunError, match="changed by hand"):
        Embeddings(tmp_path)
