"""Row index: the ranges hold the bytes pyarrow reads; what has no ranges is refused in one sentence."""

import io
import random
import struct
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sousa.builders.row_index import _WINDOW, byte_ranges
from sousa.builders.thrift import read_struct
from sousa.generation.columns import AUDIO, Column, schema
from sousa.generation.shards import parquet_writer

PLAIN = {"compression": "NONE", "use_dictionary": False}
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def can_index(file, column):
    """None, or the sentence why the ranges of a column can't be told."""
    try:
        byte_ranges(file, column)
    except ValueError as reason:
        assert type(reason) is ValueError
        return str(reason)


def values(rows, nulls, seed=0, largest=300):
    """Seeded values; ``nulls`` is none, some or all."""
    draw = random.Random(seed)
    share = {"none": 0, "some": 0.3, "all": 1}[nulls]
    sizes = (draw.choice((0, 1, 7, 8, 100, largest)) for _ in range(rows))
    return [None if draw.random() < share else draw.randbytes(size) for size in sizes]


def audio(leaves, nulls="none"):
    """An audio column; with ``nulls``, some records are null as a whole, beside null leaves."""
    draw = random.Random(1)
    share = {"none": 0, "some": 0.2, "all": 1}[nulls]
    return pa.array(
        [None if draw.random() < share else {"bytes": leaf, "path": "a.flac"} for leaf in leaves], STRUCT
    )


def written(table, **options):
    file = io.BytesIO()
    pq.write_table(table, file, **{**PLAIN, **options})
    return file.getvalue()


def check(data, column, tmp_path=None):
    """Ranges of a file equal pyarrow's reading of it, from an object and from a path."""
    leaf = pq.read_table(io.BytesIO(data))
    for name in column.split("."):
        leaf = leaf[name] if isinstance(leaf, pa.Table) else pc.struct_field(leaf, name)
    assert can_index(io.BytesIO(data), column) is None
    offsets, lengths = byte_ranges(io.BytesIO(data), column)
    assert offsets.dtype == lengths.dtype == np.int64 and len(offsets) == len(lengths) == len(leaf)
    for offset, length, value in zip(offsets, lengths, leaf.to_pylist(), strict=True):
        if value is None:
            assert (offset, length) == (-1, 0)
        else:
            value = value.encode() if isinstance(value, str) else value
            assert length == len(value) and 4 <= offset <= len(data) - 8
            assert data[offset : offset + length] == value
    if tmp_path:
        path = tmp_path / "rows.parquet"
        path.write_bytes(data)
        assert can_index(path, column) is None
        for one, two in zip(byte_ranges(path, column), (offsets, lengths), strict=True):
            assert np.array_equal(one, two)
    return offsets, lengths


LAYOUTS = {
    "default": {},
    "v2": {"data_page_version": "2.0"},
    "page a row": {"data_page_size": 1, "write_batch_size": 1},
    "page a row, v2": {"data_page_size": 1, "write_batch_size": 1, "data_page_version": "2.0"},
    "some rows a page": {"data_page_size": 2000, "write_batch_size": 3},
    "row groups": {"row_group_size": 7},
    "checksums": {"write_page_checksum": True, "data_page_size": 2000, "write_batch_size": 5},
    "cdc": {"use_content_defined_chunking": {"min_chunk_size": 256, "max_chunk_size": 1024, "norm_level": 0}},
    "page index": {"write_page_index": True},
    "no statistics": {"write_statistics": False},
}  # fmt: skip


@pytest.mark.parametrize("options", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("nulls", ["none", "some", "all"])
def test_ranges_hold_what_pyarrow_reads(options, nulls, tmp_path):
    leaves = values(200, nulls)
    table = pa.table(
        {
            "before": range(200),
            "audio": audio(leaves, "some"),
            "midi": pa.array(leaves, pa.binary()),
            "text": pa.array([None if v is None else v.hex() for v in leaves], pa.string()),
            "large": pa.array(leaves, pa.large_binary()),
            "deep": pa.array([{"a": {"b": v} if v != b"" else None} for v in leaves],
                             pa.struct([("a", pa.struct([("b", pa.binary())]))])),
        }
    )  # fmt: skip
    data = written(table, **options)
    for column in ("audio.bytes", "audio.path", "midi", "text", "large", "deep.a.b"):
        check(data, column, tmp_path)


@pytest.mark.parametrize("options", LAYOUTS.values(), ids=LAYOUTS)
def test_required_columns_have_no_levels(options):
    leaves = values(100, "none")
    record = pa.struct([pa.field("bytes", pa.binary(), nullable=False)])
    records = pa.array([{"bytes": v} for v in leaves], record)
    fields = [
        pa.field("all", record, nullable=False),
        pa.field("leaf", record),
        pa.field("midi", pa.binary(), nullable=False),
    ]
    table = pa.table([records, records, pa.array(leaves)], schema=pa.schema(fields))
    for column in ("all.bytes", "leaf.bytes", "midi"):
        check(written(table, **options), column)


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 63, 64, 65, 1000])
@pytest.mark.parametrize("nulls", ["none", "some", "all"])
def test_any_number_of_rows_and_slices(rows, nulls):
    table = pa.table({"audio": audio(values(rows + 11, nulls), nulls)}).slice(6, rows)
    assert len(check(written(table), "audio.bytes")[0]) == rows
    check(written(table, data_page_version="2.0", data_page_size=64, write_batch_size=4), "audio.bytes")


def test_long_runs_of_nulls_and_of_values():
    leaves = [None] * 700 + [b"x"] * 900 + [b"", None] * 300 + [None] * 5000 + [b"yy"]
    check(written(pa.table({"midi": pa.array(leaves, pa.binary())})), "midi")


def test_page_headers_longer_than_a_glance():
    """Statistics hold values, so a header may be long."""
    leaves = [bytes([65 + i % 26]) * 3000 for i in range(60)]
    data = written(pa.table({"midi": pa.array(leaves, pa.binary())}), data_page_size=1, write_batch_size=1)
    assert data.count(leaves[0]) > 3
    check(data, "midi")


def test_shards_as_this_project_writes_them(tmp_path):
    columns = [
        Column("name", "string", "", "name"), Column("audio", AUDIO, "", "clip"),
        Column("tempo", "float64", "BPM", "tempo"), Column("midi", "binary", "", "notes"),
        Column("strokes", (Column("time", "int32", "samples", "time"),), "", "strokes"),
    ]  # fmt: skip
    file = io.BytesIO()
    with parquet_writer(file, schema(columns, 44100)) as writer:
        for group in range(3):
            rows = [
                {"name": "a", "audio": {"bytes": v, "path": None}, "tempo": 90.0, "midi": v and v[:9],
                 "strokes": [{"time": 3}]}
                for v in values(20, "some", group, 70_000)
            ]  # fmt: skip
            writer.write_table(pa.Table.from_pylist(rows, schema(columns, 44100)), row_group_size=20)
    check(file.getvalue(), "audio.bytes", tmp_path)
    check(file.getvalue(), "midi", tmp_path)
    assert "it is compressed (ZSTD)" in can_index(file, "name")


@pytest.mark.parametrize(
    "cdc", [True, False, {"min_chunk_size": 4096, "max_chunk_size": 16384, "norm_level": 0}]
)
def test_files_as_datasets_writes_them(cdc, tmp_path):
    from datasets import Audio, Dataset, DatasetInfo, Features
    from datasets.table import InMemoryTable

    path = tmp_path / "hf.parquet"
    table = InMemoryTable(pa.table({"audio": audio(values(300, "some", largest=5000))}))
    # around the table as it is: encoding through Audio needs torchcodec
    dataset = Dataset(table, info=DatasetInfo(features=Features({"audio": Audio()})))
    dataset.to_parquet(path, batch_size=100, use_content_defined_chunking=cdc)
    assert pq.read_metadata(path).num_row_groups == 3
    check(path.read_bytes(), "audio.bytes", tmp_path)


def test_datasets_compresses_bytes_that_are_not_declared_as_media(tmp_path):
    from datasets import Dataset, Features, Value

    rows = [{"bytes": v, "path": "a.flac"} for v in values(50, "some")]
    features = Features({"audio": {"bytes": Value("binary"), "path": Value("string")}})
    path = tmp_path / "hf.parquet"
    Dataset.from_dict({"audio": rows}, features=features).to_parquet(path)
    with pytest.raises(ValueError, match=r"hf.parquet: column 'audio.bytes' .*compressed \(SNAPPY\); read"):
        byte_ranges(path)


class Counting(io.BytesIO):
    """A file that counts what is read, gives at most 1 MiB at a time, and has a path."""

    path, reads, total = "org/data/rows.parquet", 0, 0

    def read(self, size=-1):
        data = super().read(min(size, 1 << 20) if size >= 0 else size)
        self.reads, self.total = self.reads + 1, self.total + len(data)
        return data


def test_far_apart_values_are_hopped_over_and_near_ones_read_once():
    big = pa.array([bytes(2 << 20) for _ in range(12)])
    table = pa.table({"other": big, "midi": big})
    data = written(table, row_group_size=4)
    file = Counting(data)
    assert np.array_equal(byte_ranges(file, "midi"), byte_ranges(io.BytesIO(data), "midi"))
    assert file.total < 200_000 and file.reads < 40 and not file.closed
    table = pa.table({"other": big.slice(0, 10), "midi": pa.array([bytes(900_000) for _ in range(10)])})
    file = Counting(written(table))
    byte_ranges(file, "midi")
    assert _WINDOW < file.total < 9_100_000 and file.reads < 20
    with pytest.raises(ValueError, match=r"^org/data/rows.parquet: column 'bytes' can't be indexed: "):
        byte_ranges(file, "bytes")


TABLE = pa.table(
    {
        "audio": audio(values(40, "some")),
        "midi": pa.array(values(40, "some", 2), pa.binary()),
        "number": pa.array(range(40)),
        "digest": pa.array([bytes(16)] * 40, pa.binary(16)),
        "notes": pa.array([[b"a", b"b"]] * 40, pa.list_(pa.binary())),
    }
)
REFUSALS = {
    "snappy": ({"compression": "SNAPPY"}, "midi", r"compressed \(SNAPPY\); .*compression='NONE'"),
    "zstd, v2": ({"compression": "ZSTD", "data_page_version": "2.0"}, "midi", r"compressed \(ZSTD\)"),
    "dictionary": ({"use_dictionary": True}, "midi", "encoded as RLE_DICTIONARY; .*use_dictionary=False"),
    "old dictionary": ({"use_dictionary": True, "version": "1.0"}, "midi", "PLAIN_DICTIONARY"),
    "lengths": ({"column_encoding": {"midi": "DELTA_LENGTH_BYTE_ARRAY"}}, "midi", "DELTA_LENGTH_BYTE_ARRAY"),
    "deltas": ({"column_encoding": {"midi": "DELTA_BYTE_ARRAY"}}, "midi", "DELTA_BYTE_ARRAY"),
    "list": ({}, "notes.list.element", "inside a list"),
    "missing": ({}, "sound", r"no columns of that name; choose one of audio\.bytes, audio\.path, midi$"),
    "group": ({}, "audio", r"no columns of that name; choose one of audio\.bytes"),
    "number": ({}, "number", "holds INT64, not bytes"),
    "fixed": ({}, "digest", "holds FIXED_LEN_BYTE_ARRAY, not bytes"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "column", "words"), REFUSALS.values(), ids=REFUSALS)
def test_what_has_no_ranges_is_refused(options, column, words, tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(written(TABLE, **options))
    with pytest.raises(ValueError, match=words) as caught:
        byte_ranges(path, column)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: column {column!r} can't be indexed: ") and "\n" not in sentence
    assert can_index(path, column) == sentence


@pytest.mark.parametrize("plaintext_footer", [True, False])
def test_encrypted_files_are_refused(plaintext_footer):
    encryption = pytest.importorskip("pyarrow.parquet.encryption")

    class Keys(encryption.KmsClient):
        def wrap_key(self, key_bytes, master_key_identifier):
            return key_bytes.hex()

    settings = encryption.EncryptionConfiguration(
        footer_key="f", column_keys={"k": ["midi"]}, plaintext_footer=plaintext_footer
    )
    factory = encryption.CryptoFactory(lambda _: Keys())
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), settings)
    data = written(TABLE.select(["midi"]), encryption_properties=properties)
    with pytest.raises(ValueError, match="encrypted; decrypt it"):
        byte_ranges(io.BytesIO(data), "midi")


@pytest.mark.parametrize("size", [1, 9000])  # of the footer: within what is read at first, and beyond
def test_whether_a_file_is_encrypted_is_read_from_the_file(size, monkeypatch):
    data = written(pa.table({"midi": [b"a"]} | {f"n{i}": [i] for i in range(size // 10)}))

    def fail(*_, **__):
        raise pa.ArrowInvalid("whatever pyarrow says of a cryptic file")

    monkeypatch.setattr(pq, "ParquetFile", fail)
    assert "damaged or cut short (its footer can't be read: whatever" in can_index(io.BytesIO(data), "midi")
    assert "the file is encrypted" in can_index(io.BytesIO(data[:-4] + b"PARE"), "midi")


def test_numbers_that_are_not_there_are_no_endless_list():
    doubles = b"\x19\xf7" + b"\xff" * 8 + b"\x7f"  # field 1: a list of 2**63 of them
    with pytest.raises(IndexError):
        read_struct(doubles, 0)


def test_two_columns_of_a_name_are_refused():
    data = written(pa.table([pa.array([b"a"]), pa.array([b"b"])], names=["midi", "midi"]))
    assert "the file has 2 columns of that name" in can_index(io.BytesIO(data), "midi")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        byte_ranges(tmp_path / "none.parquet", "midi")


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" * 3, bytes(100), b"PAR1" + bytes(80) + b"PAR1"])
def test_other_files_are_refused(data, tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(data)
    for file in (path, io.BytesIO(data)):
        assert "damaged or cut short" in can_index(file, "midi")


def survives(data, column, path=None):
    """A damaged file gives ranges inside it, or one sentence."""
    try:
        offsets, lengths = byte_ranges(path or io.BytesIO(data), column)
    except ValueError as error:
        assert type(error) is ValueError and "can't be indexed: " in str(error)
        return False
    there = offsets >= 0
    assert (offsets[~there] == -1).all() and (lengths >= 0).all() and not lengths[~there].any()
    assert (offsets[there] >= 8).all() and (offsets + lengths <= len(data) - 8).all()
    return True


FUZZED = {
    "default": {},
    "pages": {"data_page_size": 500, "write_batch_size": 3, "row_group_size": 15},
    "v2": {"data_page_version": "2.0", "data_page_size": 500, "write_batch_size": 3},
}


@pytest.mark.parametrize("options", FUZZED.values(), ids=FUZZED)
@pytest.mark.parametrize("where", ["anywhere", "footer"])
def test_damage_gives_ranges_in_the_file_or_a_sentence(options, where, tmp_path):
    data = written(TABLE, **options)
    begin = 0 if where == "anywhere" else len(data) - 8 - struct.unpack("<I", data[-8:-4])[0]
    draw, path, sentences = random.Random(where + str(options)), tmp_path / "rows.parquet", 0
    for _ in range(200):
        broken = bytearray(data)
        for _ in range(draw.choice((1, 1, 1, 4))):
            broken[draw.randrange(begin, len(data))] = draw.choice(
                (0, 1, 0x11, 0x7F, 0x80, 0xFF, draw.randrange(256))
            )
        path.write_bytes(broken)
        column = draw.choice(("midi", "audio.bytes"))
        fine = survives(bytes(broken), column)
        assert survives(bytes(broken), column, path) == fine
        sentences += not fine
    assert sentences > 10
    for _ in range(200):
        cut = data[: draw.randrange(len(data))]
        assert not survives(cut, "midi")
        middle = draw.randrange(len(data) - 100)
        survives(data[:middle] + data[middle + draw.randrange(1, 90) :], "midi")


@pytest.mark.parametrize("options", FUZZED.values(), ids=FUZZED)
def test_damaged_page_headers_and_levels(options):
    """Each byte at the beginning of the first page, set to what breaks decoders."""
    data = written(TABLE.select(["midi"]), **options)
    for at in range(4, 120):
        for byte in (0, 0x11, 0x15, 0x1C, 0x7F, 0xFE, 0xFF):
            survives(data[:at] + bytes([byte]) + data[at + 1 :], "midi")


ENDS_PYARROW = """
import sys
import pyarrow.parquet as pq
print("alive", flush=True)
pq.read_metadata(sys.argv[1]).row_group(0).column(0).compression
"""


def test_damaged_footers_do_not_end_the_process(tmp_path):
    """Each byte of a footer; on some of these files pyarrow's own accessors abort."""
    data, path, fatal = written(TABLE.select(["midi"])), tmp_path / "rows.parquet", set()
    begin = len(data) - 8 - struct.unpack("<I", data[-8:-4])[0]
    for at in range(begin, len(data) - 8):
        for byte in (0x01, 0x11, 0x7E, 0xFF):
            broken = data[:at] + bytes([byte]) + data[at + 1 :]
            try:
                byte_ranges(io.BytesIO(broken), "midi")
            except ValueError as error:
                assert type(error) is ValueError and "can't be indexed: " in str(error)
                if "codec value" in str(error):
                    fatal.add(broken)
    path.write_bytes(min(fatal))
    ended = subprocess.run([sys.executable, "-c", ENDS_PYARROW, path], capture_output=True, text=True)
    # were this to end well one day, column chunks could be read by pyarrow alone
    assert ended.stdout == "alive\n" and ended.returncode < 0 and "codec" in ended.stderr
