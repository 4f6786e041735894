"""Where the chunks of a column lie in a Parquet file, and Thrift's compact protocol.

Conventions
-----------
Structs are read as ``{field number: value}``, whatever they are; the numbers are those of
``parquet.thrift``. Byte positions count from the start of the file. A *source* has ``size`` (bytes)
and ``window(start, size, end)``, which gives ``(buffer, position of its first byte)`` holding the
``size`` bytes from ``start`` and perhaps more, up to ``end``.

pyarrow reads the schema. Column chunks are read here, because pyarrow's accessors of them end the process
(``std::terminate``, not an exception) on footers that are encrypted or damaged: one changed byte, such as an
unknown codec, is enough, and a file from the Hub is not ours to trust.

Source: the Apache Parquet format, ``parquet.thrift`` (FileMetaData, RowGroup, ColumnChunk, ColumnMetaData),
and the Thrift compact protocol specification.
"""

import struct
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sousa.generation.errors import first_line

_CODECS = ("UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW")
_ENCODINGS = (
    "PLAIN", "GROUP_VAR_INT", "PLAIN_DICTIONARY", "RLE", "BIT_PACKED", "DELTA_BINARY_PACKED",
    "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "RLE_DICTIONARY", "BYTE_STREAM_SPLIT",
)  # fmt: skip
_BYTE_ARRAY = 6
PLAIN, RLE = 0, 3
_MOST_ROWS = 1 << 27  # nulls take no space, so a damaged count must not become an allocation
prefix = struct.Struct("<I").unpack_from

_REWRITE = (
    "read the column with pyarrow instead, or write the file again with this column's "
    "compression='NONE', use_dictionary=False and encoding PLAIN"
)
_REMAKE = "fetch or make the file again"
_ENCRYPTED = ("the file is encrypted", "decrypt it by reading and writing it with pyarrow")


class Refused(Exception):
    """A sound file laid out in a way that has no ranges: reason, and what to do."""

    def __init__(self, reason: str, remedy: str = _REWRITE):
        super().__init__(f"{reason}; {remedy}")


class Damaged(Refused):
    """A file that contradicts the format or itself: in what."""

    def __init__(self, reason: str):
        super().__init__(f"the file is damaged or cut short ({reason})", _REMAKE)


def read(source: Any, start: int, size: int, end: int) -> Any:
    """Exactly ``size`` bytes from ``start``, which lie before ``end``."""
    if size < 0 or start + size > end:
        raise Damaged(f"{size} bytes at {start} pass the end of their part at {end}")
    data, base = source.window(start, size, end)
    return data[start - base : start - base + size]


# Thrift's compact protocol: readers of ``(data, position)`` give ``(value, next position)`` and
# raise IndexError when the data ends early. Nothing is empty, so they end with the data.


def read_varint(data: Any, at: int) -> tuple[int, int]:
    """An unsigned number of at most 64 bits."""
    byte = data[at]
    if byte < 128:
        return byte, at + 1
    value, shift = byte & 127, 7
    while shift < 64:
        at += 1
        byte = data[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at + 1
        shift += 7
    raise Damaged("a number of more than 64 bits")


def _value(data, at, kind, depth):
    if 4 <= kind <= 6:  # i16, i32, i64: zigzag
        value, at = read_varint(data, at)
        return (value >> 1) ^ -(value & 1), at
    if kind == 8:
        size, at = read_varint(data, at)
        return data[at : at + size], at + size
    if depth > 16:
        raise Damaged("metadata nested too deep")
    if kind == 12:
        return read_struct(data, at, depth + 1)
    if kind == 9:
        head = data[at]
        size, at = (head >> 4, at + 1) if head < 240 else read_varint(data, at + 1)
        items = []
        for _ in range(size):
            item, at = _value(data, at, head & 15, depth + 1)
            items.append(item)
        return items, at
    if kind in (1, 2, 3):  # booleans in a list, and bytes
        return data[at], at + 1
    if kind == 7:
        return None, at + 8
    raise Damaged(f"Thrift type {kind}")


def read_struct(data: Any, at: int, depth: int = 0) -> tuple[dict[int, Any], int]:
    """A struct as ``{field number: value}``."""
    fields, number = {}, 0
    while head := data[at]:
        kind, at = head & 15, at + 1
        if head > 15:
            number += head >> 4
        else:
            number, at = _value(data, at, 4, depth)
        byte = data[at]
        if kind < 3:  # a boolean field is its type
            fields[number] = kind == 1
        elif byte < 128 and 4 <= kind <= 6:  # most numbers and names are short: twice as fast
            fields[number], at = (byte >> 1) ^ -(byte & 1), at + 1
        elif byte < 128 and kind == 8:
            at += 1 + byte
            fields[number] = data[at - byte : at]
        else:
            fields[number], at = _value(data, at, kind, depth)
    return fields, at + 1


def field(fields: Any, number: int, kind: type, what: str) -> Any:
    """A field that has to be there, of type ``kind``: ``what`` it is, for the message.

    Integers in Parquet's metadata are counts, sizes, places and codes: never negative.
    """
    value = fields.get(number) if isinstance(fields, dict) else None
    if type(value) is not kind or (kind is int and not 0 <= value < 1 << 63):
        raise Damaged(f"no {what}")
    return value


def encoding_name(code: int) -> str:
    """Name of an encoding's number."""
    return _name(_ENCODINGS, code)


def _name(names: tuple[str, ...], code: Any) -> str:
    return names[code] if isinstance(code, int) and 0 <= code < len(names) else f"number {code}"


def _footer(source: Any) -> tuple[dict[int, Any], pq.FileMetaData, int]:
    """A footer as a struct and as pyarrow has it (only its schema is safe to ask), and where it begins."""
    size = source.size
    if size < 12:
        raise Damaged(f"{size} bytes are too few for a Parquet file")
    near = min(size, 1 << 16)
    tail = read(source, size - near, near, size)
    if tail[-4:] == b"PARE":
        raise Refused(*_ENCRYPTED)
    if tail[-4:] != b"PAR1":
        raise Damaged("it does not end as a Parquet file does")
    length = prefix(tail, near - 8)[0]
    if length > size - 12:
        raise Damaged(f"a footer of {length} bytes in a file of {size}")
    data = bytes(read(source, size - 8 - length, length + 8, size))
    try:
        footer, _ = read_struct(data[:length], 0)
        if 8 in footer:
            raise Refused(*_ENCRYPTED)
        return footer, pq.read_metadata(pa.BufferReader(b"PAR1" + data)), size - 8 - length
    except (IndexError, OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise Damaged(f"its footer can't be read: {first_line(error)}") from None


def _leaf(schema: pq.ParquetSchema, column: str) -> tuple[int, int]:
    """Number of a column of bytes among the leaves, and the definition level of its values."""
    leaves = [schema.column(i) for i in range(len(schema))]
    places = [i for i, leaf in enumerate(leaves) if leaf.path == column]
    if len(places) != 1:
        names = sorted(
            leaf.path
            for leaf in leaves
            if leaf.physical_type == "BYTE_ARRAY" and not leaf.max_repetition_level
        )
        names = f"choose one of {', '.join(names)}" if names else "it has no column of bytes"
        raise Refused(f"the file has {len(places) or 'no'} columns of that name", names)
    leaf = leaves[places[0]]
    if leaf.max_repetition_level:
        raise Refused(
            "it is inside a list, so a row has any number of values", "read it with pyarrow instead"
        )
    if leaf.physical_type != "BYTE_ARRAY":
        raise Refused(f"it holds {leaf.physical_type}, not bytes", "read it with pyarrow instead")
    return places[0], leaf.max_definition_level


# what is asked of a chunk: rows of its group, values, codec, encodings, first page, bytes, file
_Chunk = tuple[int, int, str, list[str], int, int, Any]


def _chunks(footer: dict[int, Any], at: int, leaves: int) -> Iterator[_Chunk]:
    """Chunks of a column out of a footer that may be damaged."""
    for number, group in enumerate(field(footer, 4, list, "row groups")):
        rows, columns = field(group, 3, int, "number of rows"), field(group, 1, list, "column chunks")
        if len(columns) != leaves:
            raise Damaged(f"row group {number} has {len(columns)} column chunks of {leaves}")
        meta = field(columns[at], 3, dict, f"metadata of the column in row group {number}")
        if meta.get(1) != _BYTE_ARRAY:
            raise Damaged(f"row group {number} and its column chunk disagree")
        encodings = [encoding_name(code) for code in field(meta, 2, list, "encodings")]
        yield (
            rows, field(meta, 5, int, "number of values"), _name(_CODECS, field(meta, 4, int, "compression")),
            encodings, field(meta, 9, int, "first page"), field(meta, 7, int, "size of the column chunk"),
            columns[at].get(1),
        )  # fmt: skip


def _known_chunks(metadata: pq.FileMetaData, at: int) -> Iterator[_Chunk]:
    """The same from metadata that pyarrow has read of a file that is trusted."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunk = group.column(at)
        yield (
            group.num_rows, chunk.num_values, chunk.compression, list(chunk.encodings),
            chunk.data_page_offset, chunk.total_compressed_size, chunk.file_path,
        )  # fmt: skip


def chunks_of(
    source: Any, column: str, metadata: pq.FileMetaData | None = None
) -> tuple[list[tuple[int, int, int]], int]:
    """Where a column of bytes lies.

    Args:
        column: dotted path of its leaf.
        metadata: of the file, when it is known already and the file is trusted.

    Returns: ``(chunks, level)``: a list of ``(start, end, rows)`` in row order (byte positions of the
        chunk of each row group, and its rows), and the definition level of rows that aren't null.
    Raises: Refused when the footer tells that its rows have no ranges, or is damaged.
    """
    if metadata is None:
        footer, parsed, begin = _footer(source)
        try:
            at, level = _leaf(parsed.schema, column)
        except UnicodeDecodeError:
            raise Damaged("a column name that is no text") from None
        chunks, rows_stated = _chunks(footer, at, parsed.num_columns), parsed.num_rows
    else:
        at, level = _leaf(metadata.schema, column)
        chunks, rows_stated, begin = _known_chunks(metadata, at), metadata.num_rows, source.size
    places = []
    for number, (rows, values, codec, encodings, start, size, file) in enumerate(chunks):
        if file:
            raise Refused("its data is in another file", "read it with pyarrow instead")
        if codec != "UNCOMPRESSED":
            raise Refused(f"it is compressed ({codec})")
        if others := set(encodings) - {"PLAIN", "RLE", "BIT_PACKED"}:  # the latter two are the levels'
            raise Refused(f"it is encoded as {min(others)}")
        if values != rows:
            raise Damaged(f"row group {number} and its column chunk disagree")
        if rows and not 4 <= start < start + size <= begin:
            raise Damaged(f"row group {number} places the column outside the file")
        places.append((start, start + size, rows))
    total = sum(rows for *_, rows in places)
    if total != rows_stated:
        raise Damaged(f"its row groups have {total} rows")
    if total > _MOST_ROWS:
        raise Refused(f"the file has {total} rows, over {_MOST_ROWS}", "store it as several files")
    return places, level
