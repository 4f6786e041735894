"""Parquet files made to harm: what they declare is looked at before room is made for it."""

import resource
import struct
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sousa.generation import parquet
from sousa.generation.errors import RunError
from sousa.generation.tables import row_groups
from tests.conftest import ROOT


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def zigzag(number):
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def plain(rows=1000):
    sink = pa.BufferOutputStream()
    table = pa.table({"a": np.arange(rows), "b": [b"x" * 20] * rows})
    pq.write_table(table, sink, compression="none", use_dictionary=False)
    return sink.getvalue().to_pybytes()


def changed(old, new):
    """A file whose footer says another number, of whatever length, in place of one that is in it often."""
    data = plain()
    size = struct.unpack("<I", data[-8:-4])[0]
    body, footer = data[: -8 - size], data[-8 - size : -8]
    assert zigzag(old) in footer
    footer = footer.replace(zigzag(old), zigzag(new))
    return body + footer + struct.pack("<I", len(footer)) + b"PAR1"


def bytes_of_group():
    return pq.ParquetFile(pa.BufferReader(plain())).metadata.row_group(0).total_byte_size


def bytes_of_chunk(name):
    group = pq.ParquetFile(pa.BufferReader(plain())).metadata.row_group(0)
    return group.column(name).total_compressed_size


def bomb():
    """A list of row groups, each with a list of empty columns, as long as the limit allows."""
    column = b"\x26\x08\x00"  # file_offset 4, and nothing else
    count = (parquet.FOOTER_BYTES - 100_000) // len(column) // 200
    columns = b"\x19" + b"\xfc" + varint(count) + column * count
    group = columns + b"\x16" + zigzag(10) + b"\x16" + zigzag(1) + b"\x00"
    footer = b"\x15\x02" + b"\x19\x1c\x48\x01s\x00" + b"\x16\x00" + b"\x19\xfc" + varint(200)
    footer += group * 200 + b"\x00"
    return b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"


HOSTILE = {
    "rows of a group": lambda: changed(1000, 1 << 40),
    "negative rows": lambda: changed(1000, -5),
    "bytes of a group": lambda: changed(bytes_of_group(), 1 << 45),
    "bytes of a chunk": lambda: changed(bytes_of_chunk(0), 1 << 40),
    "a long footer": lambda: b"PAR1" + bytes(16 << 20) + struct.pack("<I", 16 << 20) + b"PAR1",
    "a footer beyond the file": lambda: b"PAR1" + struct.pack("<I", 1 << 31) + b"PAR1",
    "many objects": bomb,
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_a_sentence_within_memory(name, tmp_path):
    file = tmp_path / "x.parquet"
    file.write_bytes(HOSTILE[name]())
    code = (
        "import sys\nfrom sousa.generation.errors import RunError\n"
        "from sousa.generation.tables import row_groups\n"
        "try:\n    for group in row_groups(sys.argv[1]):\n        print(len(group))\n"
        "except RunError as error:\n    print(error)\n"
    )

    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

    made = subprocess.run(
        [sys.executable, "-c", code, str(file)], preexec_fn=limited, capture_output=True, text=True,
        cwd=ROOT, timeout=600,
    )  # fmt: skip
    assert (made.returncode, made.stderr) == (0, ""), made.stderr
    assert made.stdout.startswith(f"{file} can't be read (") and made.stdout.count("\n") == 1


def test_what_is_declared_is_named(tmp_path):
    file = tmp_path / "x.parquet"
    for data, sentence in (
        (HOSTILE["rows of a group"](), "row group 0 has 1,099,511,627,776 rows, of at most 134,217,728"),
        (HOSTILE["bytes of a group"](), "row group 0 has 35,184,372,088,832 bytes, of at most 2,147,483,648"),
        (HOSTILE["a long footer"](), "its footer has 16,777,216 bytes, of at most 4,259,840"),
    ):
        file.write_bytes(data)
        with pytest.raises(RunError, match=sentence):
            list(row_groups(file))
        for reader in (parquet.parquet_file, parquet.parquet_schema, parquet.parquet_table):
            with pytest.raises(pa.ArrowInvalid, match=sentence), open(file, "rb") as opened:
                reader(file if reader is parquet.parquet_table else opened)


def test_other_files_are_read_as_ever(tmp_path):
    file = tmp_path / "x.parquet"
    file.write_bytes(plain())
    assert len(parquet.parquet_table(file)) == 1000
    with pytest.raises(RunError, match="it holds other rows than ours"):
        list(row_groups(file))
    assert parquet.parquet_table(file, ["a"]).column_names == ["a"]
    assert parquet.parquet_schema(str(file)).names == ["a", "b"]
