"""Parquet files that others may have made, opened within limits.

Conventions: what can't be read is an OSError or a pa.ArrowException whose first line says what is wrong; who
reads adds the path and what to do. A footer is made into objects of up to 250 times its size, so its own
length is looked at before pyarrow sees it; row groups are refused by what they declare before room is made
for them. The limits are far above what this program writes.
"""

import os
import struct
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from sousa.generation.outside import ANY_BYTES, opened

# options of pyarrow's ParquetFile and of its reading: no thread but the one that asks touches the file.
# Another may let go of a Python file while the interpreter ends, which aborts the process (apache/arrow,
# issues 34314 and 50482)
NO_BUFFER_THREADS: Any = {"pre_buffer": False}
NO_THREADS: Any = {"use_threads": False}
FOOTER_BYTES = 4 << 20  # 40,000 column chunks
GROUP_BYTES = 2 << 30  # decoded: beyond it Arrow's readers break
GROUP_ROWS = 1 << 27
_MOST_OBJECTS = 100_000  # in a list of a footer
_MAGIC = b"PAR1"


def parquet_file(source: str | Path | BinaryIO, **options: Any) -> pq.ParquetFile:
    """A Parquet file at a path, or open and seekable; ``options`` are those of pyarrow's.

    Raises: OSError or pa.ArrowException.
    """
    held: Any = opened(source, ANY_BYTES) if isinstance(source, (str, Path)) else nullcontext(source)
    with held as file:
        _check_footer(file)
    found = pq.ParquetFile(source, thrift_container_size_limit=_MOST_OBJECTS, **options)
    try:
        _check_groups(found.metadata)
    except pa.ArrowException:
        found.close()
        raise
    return found


def parquet_schema(source: str | Path | BinaryIO) -> pa.Schema:
    """The schema of a Parquet file; raises what :func:`parquet_file` does."""
    with parquet_file(source) as file:
        return file.schema_arrow


def parquet_table(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Columns of a Parquet file; raises what :func:`parquet_file` does."""
    with parquet_file(path) as file:
        return file.read(columns=columns)


def longest_footer(size: int) -> int:
    """Bytes that the footer of a file of a size may have."""
    return FOOTER_BYTES + size // 256


def _check_footer(file: BinaryIO) -> None:
    size = file.seek(0, os.SEEK_END)
    size = file.tell() if size is None else size  # some file objects give nothing back
    if size >= 12:
        file.seek(size - 8)
        length, magic = struct.unpack("<I4s", file.read(8))
        if magic == _MAGIC and length > (most := longest_footer(size)):
            raise pa.ArrowInvalid(f"its footer has {length:,} bytes, of at most {most:,}")
    file.seek(0)


def _check_groups(metadata: pq.FileMetaData) -> None:
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        limits = (("bytes", group.total_byte_size, GROUP_BYTES), ("rows", group.num_rows, GROUP_ROWS))
        for what, value, most in limits:
            if not 0 <= value <= most:
                raise pa.ArrowInvalid(f"row group {number} has {value:,} {what}, of at most {most:,}")
