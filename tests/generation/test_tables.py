"""Label tables and loose files: the rows of the shards, and only what was asked for is read."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sousa.generation import tables
from sousa.generation.errors import RunError
from sousa.generation.storage import LocalStorage

SCHEMA = pa.schema({
    "sample_id": pa.string(), "tempo": pa.int32(), "hits": pa.list_(pa.struct({"at": pa.int64()})),
    "midi": pa.binary(), "audio": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
})  # fmt: skip


@pytest.fixture
def shards(tmp_path):
    """``(storage, records, rows)`` of three shards of two row groups each."""
    storage, records, rows = LocalStorage(str(tmp_path)), [], []
    for i in range(3):
        part = [
            {
                "sample_id": f"r{i}{j}", "tempo": 60 + j, "hits": [{"at": k} for k in range(j)],
                "midi": b"m%d" % j, "audio": {"bytes": b"a%d" % j, "path": f"x/r{i}{j}.wav"} if j else None,
            }
            for j in range(4)
        ]  # fmt: skip
        with storage.writing(f"data/train/s{i}.parquet") as file:
            pq.write_table(pa.Table.from_pylist(part, SCHEMA), file, row_group_size=2)
        records.append({"file": f"data/train/s{i}.parquet", "rows": 4})
        rows += part
    return storage, records, rows


def test_groups_come_in_order_with_the_columns_asked_for(shards):
    storage, records, rows = shards
    groups = list(tables.groups_of(storage, records, ["tempo", "sample_id"]))
    assert [len(group) for group in groups] == [2] * 6
    ids = [name for group in groups for name in group["sample_id"].to_pylist()]
    assert ids == [row["sample_id"] for row in rows] and set(groups[0].column_names) == {"tempo", "sample_id"}


def test_tables_are_the_rows_and_records_carry_their_rows_name(shards):
    storage, records, rows = shards
    wanted = {"samples": ("sample_id", "tempo"), "scores": ("tempo",), "hits": ("hits",)}
    loose = {"midi": True, "audio": False}
    written = tables.write_tables(storage, records, wanted, loose)
    assert [record["file"] for record in written] == [f"labels/{name}.parquet" for name in wanted]
    assert not any(storage.damage(record) for record in written)
    read = {name: pq.read_table(storage.path(f"labels/{name}.parquet")).to_pylist() for name in wanted}
    paths = [{"midi_path": f"midi/{r['sample_id']}.mid", "audio_path": None} for r in rows]
    flat = [{"sample_id": r["sample_id"], "tempo": r["tempo"]} for r in rows]
    assert read["samples"] == [row | path for row, path in zip(flat, paths, strict=True)]
    assert read["scores"] == flat
    assert read["hits"] == [{**hit, "sample_id": r["sample_id"]} for r in rows for hit in r["hits"]]


def test_loose_files_are_written_once(shards):
    storage, records, rows = shards
    counted = []
    tables.write_files(storage, records, ["midi", "audio"], counted.append)
    wanted = {path: data for row in rows for path, data in tables.loose_files(row).items()}
    assert len(wanted) == 12 + 9 and sum(counted) == 12
    assert all(storage.path(path).read_bytes() == data for path, data in wanted.items())
    first, *others = sorted(wanted)
    times = {path: storage.path(path).stat().st_mtime_ns for path in others}
    storage.path(first).write_bytes(b"damaged")
    tables.write_files(storage, records, ["midi", "audio"], counted.append)
    assert storage.path(first).read_bytes() == wanted[first]
    assert times == {path: storage.path(path).stat().st_mtime_ns for path in others}


@pytest.mark.parametrize("content", [None, b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_damaged_file_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(RunError, match=r"x\.parquet can't be read \("):
        list(tables.row_groups(tmp_path / "x.parquet"))
