"""The metadata of a Parquet file: where the chunks of one column lie, and Thrift's compact protocol.

Conventions
-----------
Structs are read as ``{field number: value}``, whatever they are; the numbers are those of
``parquet.thrift``. Byte positions count from the start of the file. A *source* has ``size`` (bytes)
and ``window(start, size, end)``, which gives ``(buffer, position of its first byte)`` holding the
``size`` bytes from ``start`` and perhaps more, up to ``end``.

pyarrow reads footers too, but its accessors end the process (not by an exception) on columns that
are encrypted, or that damage makes look so; and a file from the Hub is not ours to trust.

Source: the Apache Parquet format, ``parquet.thrift`` (FileMetaData, SchemaElement, RowGroup,
ColumnChunk, ColumnMetaData), and the Thrift compact protocol specification.
"""

import struct

_TYPES = ("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
_CODECS = ("UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW")
_ENCODINGS = (
    "PLAIN", "GROUP_VAR_INT", "PLAIN_DICTIONARY", "RLE", "BIT_PACKED", "DELTA_BINARY_PACKED",
    "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "RLE_DICTIONARY", "BYTE_STREAM_SPLIT",
)  # fmt: skip
_BYTE_ARRAY = 6
PLAIN, RLE, BIT_PACKED = 0, 3, 4
_MOST_ROWS = 1 << 27  # nulls take no space, so a damaged count must not become an allocation
prefix = struct.Struct("<I").unpack_from

_REWRITE = (
    "read the column with pyarrow instead, or write the file again with this column's "
    "compression='NONE', use_dictionary=False and encoding PLAIN"
)
_REMAKE = "fetch or make the file again"


class Refused(Exception):
    """A sound file laid out in a way that has no ranges: reason, and what to do."""

    def __init__(self, reason, remedy=_REWRITE):
        super().__init__(f"{reason}; {remedy}")


class Damaged(Refused):
    """A file that contradicts the format or itself: in what."""

    def __init__(self, reason):
        super().__init__(f"the file is damaged or cut short ({reason})", _REMAKE)


def read(source, start, size, end):
    """Exactly ``size`` bytes from ``start``, which lie before ``end``."""
    if size < 0 or start + size > end:
        raise Damaged(f"{size} bytes at {start} pass the end of their part at {end}")
    data, base = source.window(start, size, end)
    return data[start - base : start - base + size]


# Thrift's compact protocol: readers of ``(data, position)`` give ``(value, next position)`` and
# raise IndexError when the data ends early. Nothing is empty, so they end with the data.


def read_varint(data, at):
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


def read_struct(data, at, depth=0):
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


def field(fields, number, kind, what):
    """A field that has to be there, of type ``kind``: ``what`` it is, for the message.

    Integers in Parquet's metadata are counts, sizes, places and codes: never negative.
    """
    value = fields.get(number) if isinstance(fields, dict) else None
    if type(value) is not kind or (kind is int and not 0 <= value < 1 << 63):
        raise Damaged(f"no {what}")
    return value


def _footer(source):
    """FileMetaData of a file, and where the footer begins."""
    size = source.size
    if size < 12:
        raise Damaged(f"{size} bytes are too few for a Parquet file")
    near = min(size, 1 << 16)
    tail = read(source, size - near, near, size)
    if tail[-4:] == b"PARE":
        raise Refused("the file is encrypted", "decrypt it by reading and writing it with pyarrow")
    if tail[-4:] != b"PAR1":
        raise Damaged("it does not end as a Parquet file does")
    length = prefix(tail, near - 8)[0]
    if length > size - 12:
        raise Damaged(f"a footer of {length} bytes in a file of {size}")
    begin = size - 8 - length
    try:
        footer, _ = read_struct(read(source, begin, length, size), 0)
    except IndexError:
        raise Damaged("the footer ends early") from None
    if 8 in footer:
        raise Refused("the file is encrypted", "decrypt it by reading and writing it with pyarrow")
    return footer, begin


def _leaves(elements):
    """Leaf columns of a schema: list of ``(path, type, highest definition, highest repetition)``."""
    leaves = []
    # the schema is a tree written parent first: [children still to come, path, levels] of each parent
    parents = [[field(elements[0], 5, int, "root of the schema") if elements else 0, (), 0, 0]]
    for element in elements[1:]:
        while parents and not parents[-1][0]:
            parents.pop()
        if not parents:
            raise Damaged("the schema has too many elements")
        parents[-1][0] -= 1
        _, path, definition, repetition = parents[-1]
        path = (*path, field(element, 4, bytes, "column name").decode("utf-8", "replace"))
        kind = field(element, 3, int, f"repetition of {'.'.join(path)}")  # required, optional, repeated
        definition, repetition = definition + (kind != 0), repetition + (kind == 2)
        if 1 in element:
            leaves.append((path, field(element, 1, int, "type"), definition, repetition))
        else:
            parents.append([field(element, 5, int, "number of children"), path, definition, repetition])
    if any(left for left, *_ in parents):
        raise Damaged("the schema has too few elements")
    return leaves


def _name(names, code):
    return names[code] if isinstance(code, int) and 0 <= code < len(names) else f"number {code}"


def encoding_name(code):
    """Name of an encoding's number."""
    return _name(_ENCODINGS, code)


def chunks_of(source, column):
    """Where a column of bytes lies.

    Args:
        column: dotted path of its leaf.

    Returns: ``(chunks, level)``: a list of ``(start, end, rows)`` in row order (byte positions of the
        chunk of each row group, and its rows), and the definition level of rows that aren't null.
    Raises: Refused when the footer tells that its rows have no ranges, or is damaged.
    """
    footer, begin = _footer(source)
    leaves = _leaves(field(footer, 2, list, "schema"))
    found = [i for i, (path, *_) in enumerate(leaves) if ".".join(path) == column]
    if len(found) != 1:
        names = sorted({".".join(path) for path, kind, _, many in leaves if kind == _BYTE_ARRAY and not many})
        names = f"choose one of {', '.join(names)}" if names else "it has no column of bytes"
        raise Refused(f"the file has {len(found) or 'no'} columns of that name", names)
    _, kind, definition, repetition = leaves[found[0]]
    if repetition:
        raise Refused(
            "it is inside a list, so a row has any number of values", "read it with pyarrow instead"
        )
    if kind != _BYTE_ARRAY:
        raise Refused(f"it holds {_name(_TYPES, kind)}, not bytes", "read it with pyarrow instead")
    chunks = []
    for number, group in enumerate(field(footer, 4, list, "row groups")):
        rows, columns = field(group, 3, int, "number of rows"), field(group, 1, list, "column chunks")
        if len(columns) != len(leaves):
            raise Damaged(f"row group {number} has {len(columns)} columns, the schema {len(leaves)}")
        chunk = columns[found[0]]
        meta = field(chunk, 3, dict, f"metadata of the column in row group {number}")
        if chunk.get(1):
            raise Refused("its data is in another file", "read it with pyarrow instead")
        if codec := field(meta, 4, int, "compression"):
            raise Refused(f"it is compressed ({_name(_CODECS, codec)})")
        for encoding in field(meta, 2, list, "encodings"):
            if encoding not in (PLAIN, RLE, BIT_PACKED):  # the latter two are the levels'
                raise Refused(f"it is encoded as {encoding_name(encoding)}")
        start, size = field(meta, 9, int, "first page"), field(meta, 7, int, "size of the column chunk")
        if field(meta, 5, int, "number of values") != rows or meta.get(1) != kind:
            raise Damaged(f"row group {number} and its column chunk disagree")
        if rows and not 4 <= start < start + size <= begin:
            raise Damaged(f"row group {number} places the column outside the file")
        chunks.append((start, start + size, rows))
    total = sum(rows for *_, rows in chunks)
    if total != field(footer, 3, int, "number of rows"):
        raise Damaged(f"its row groups have {total} rows")
    if total > _MOST_ROWS:
        raise Refused(f"the file has {total} rows, over {_MOST_ROWS}", "store it as several files")
    return chunks, definition
