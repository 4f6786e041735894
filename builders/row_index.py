"""Row index: where each row's bytes lie in a Parquet file, without decoding the column.

Conventions
-----------
A range is ``(offset, length)`` in bytes from the start of the file, int64, one a row in file order.
A null has offset -1 and length 0; an empty value has length 0 and its true offset. The bytes at a
range are the value itself (an encoded clip, a MIDI file): what a reader maps or asks a server for.

This works because a PLAIN, uncompressed column of bytes is, page after page, a header, the definition
levels that say which rows are null, and for each other row four bytes of length and the value.
SOUSA's shards and the media columns ``datasets`` writes are stored so; anything else is refused.

Reading cost. A path is mapped: a few hundred bytes of each page and four bytes of each row are touched. A
file object is read through windows: values over 1 MiB on average are hopped over (one 4 KiB read a row),
smaller ones are read through in windows of 8 MiB, because a request costs about as much as a mebibyte. Open
it without read-ahead of its own (``cache_type="none"`` in fsspec). A mapped file must not be cut meanwhile.

Source: the Apache Parquet format, ``parquet.thrift`` (PageHeader, DataPageHeader, DataPageHeaderV2: the
field numbers below are theirs) and ``Encodings.md`` (RLE/bit-packed hybrid, PLAIN).
"""

import io
import mmap
import os
import struct
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sousa.builders.thrift import DamagedError, UnsupportedError, field, read_struct, read_varint
from sousa.generation.errors import first_line
from sousa.generation.parquet import longest_footer

_PLAIN, _RLE = 0, 3  # encodings
_DATA_PAGE, _INDEX_PAGE, _DICTIONARY_PAGE, _DATA_PAGE_V2 = range(4)
_REQUEST = 1 << 20  # bytes that take about as long to transfer as one more request
_WINDOW = 8 << 20
_LARGEST_HEADER = 16 << 20  # of a page, as in Arrow's reader; statistics may hold whole values
_MOST_ROWS = 1 << 27  # nulls take no space, so a damaged count must not become an allocation
_MAGIC = b"PAR1"
_ENCRYPTION = 8  # field of FileMetaData: how columns are encrypted where the footer is not
_READ = "read it with pyarrow instead"
_prefix = struct.Struct("<I").unpack_from


class _Mapped:
    """A local file as memory: the window is the whole file."""

    def __init__(self, path):
        self.name = os.fsdecode(path)
        with open(path, "rb") as file:
            self.size = os.fstat(file.fileno()).st_size
            # an empty file can't be mapped
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if self.size else b""

    def expect(self, value_bytes):
        # between far-apart prefixes, the system's read-ahead would fetch the values
        if value_bytes > 1 << 16 and hasattr(mmap, "MADV_RANDOM"):
            self.map.madvise(mmap.MADV_RANDOM)

    def window(self, start, size, end):
        return self.map, 0

    def close(self):
        if self.size:
            self.map.close()


class _Windowed:
    """A seekable file object read in windows."""

    def __init__(self, file):
        self.file = file
        name = getattr(file, "path", None) or getattr(file, "name", None)
        self.name = name if isinstance(name, str) else f"<{type(file).__name__}>"
        file.seek(0, 2)  # which gives nothing back in some file objects
        self.size = file.tell()
        self.ahead, self.base, self.data = 1 << 16, 0, b""

    def expect(self, value_bytes):
        self.ahead = _WINDOW if value_bytes <= _REQUEST else 4096

    def window(self, start, size, end):
        if not self.base <= start <= start + size <= self.base + len(self.data):
            left, parts = min(max(size, self.ahead), end - start), []
            self.file.seek(start)
            while left and (part := self.file.read(left)):
                parts.append(part)
                left -= len(part)
            self.base, self.data = start, b"".join(parts)
            if len(self.data) < size:
                raise DamagedError(f"it ends before byte {start + size}")
        return self.data, self.base

    def close(self):
        self.data = b""


def _read(source, start, size, end):
    """Exactly ``size`` bytes from ``start``, which lie before ``end``."""
    if size < 0 or start + size > end:
        raise DamagedError(f"{size} bytes at {start} pass the end of their part at {end}")
    data, base = source.window(start, size, end)
    return data[start - base : start - base + size]


class _BeyondFooter(Exception):
    """pyarrow asked for more of a file than its footer."""


class _Footer(io.BytesIO):
    """The end of a file, read by positions in the file; those before ``first`` can't be read."""

    def __init__(self, source):
        near = min(source.size, 1 << 16)  # as much as pyarrow reads at first
        tail = _read(source, source.size - near, near, source.size)
        length = 8 + (_prefix(tail, near - 8)[0] if near >= 8 else 0)
        if tail.endswith(_MAGIC) and length - 8 > (most := longest_footer(source.size)):
            raise DamagedError(f"its footer has {length - 8:,} bytes, of at most {most:,}")
        if near < length <= source.size:
            tail = _read(source, source.size - length, length, source.size)
        super().__init__(tail)
        self.first = self.skipped = source.size - len(tail)
        self.begin = source.size - length

    def seek(self, offset, whence=0):
        if not whence and offset < self.first:
            raise _BeyondFooter
        return super().seek(offset if whence else offset - self.skipped, whence) + self.skipped

    def tell(self):
        return super().tell() + self.skipped

    def encrypted(self):
        """Whether the file says that it is encrypted, whole or in part."""
        data, at = self.getvalue(), max(self.begin - self.skipped, 0)
        with suppress(DamagedError, IndexError):
            return data.endswith(b"PARE") or _ENCRYPTION in read_struct(data, at)[0]
        return False


def _leaf(schema, column):
    """Number of a column of bytes among the leaves, and the definition level of its values."""
    leaves = [schema.column(i) for i in range(len(schema))]
    places = [i for i, leaf in enumerate(leaves) if leaf.path == column]
    if len(places) != 1:
        fit = [x.path for x in leaves if x.physical_type == "BYTE_ARRAY" and not x.max_repetition_level]
        remedy = f"choose one of {', '.join(sorted(fit))}" if fit else "it has no column of bytes"
        raise UnsupportedError(f"the file has {len(places) or 'no'} columns of that name", remedy)
    leaf = leaves[places[0]]
    if leaf.max_repetition_level:
        raise UnsupportedError("it is inside a list, so a row has any number of values", _READ)
    if leaf.physical_type != "BYTE_ARRAY":
        raise UnsupportedError(f"it holds {leaf.physical_type}, not bytes", _READ)
    return places[0], leaf.max_definition_level


def _chunks(source, column):
    """Chunks of a column of bytes: list of ``(start, end, rows)``; and the definition level of its values."""
    footer, chunks = _Footer(source), []
    try:
        # so that a chunk that is opened is not read
        parquet = pq.ParquetFile(footer, buffer_size=4096, pre_buffer=False)
        meta, footer.first = parquet.metadata, source.size
        at, level = _leaf(meta.schema, column)
        for number in range(meta.num_row_groups):
            # pyarrow's accessors end the process on a chunk that is encrypted or damaged (one changed byte,
            # such as an unknown codec, is enough); its reader, which opens the chunk first, raises an error
            with suppress(_BeyondFooter):
                next(parquet.reader.iter_batches(1, [number], [at], False), None)
            group = meta.row_group(number)
            chunk, rows = group.column(at), group.num_rows
            if chunk.file_path:
                raise UnsupportedError("its data is in another file", _READ)
            if chunk.compression != "UNCOMPRESSED":
                raise UnsupportedError(f"it is compressed ({chunk.compression})")
            # RLE and BIT_PACKED are encodings of levels
            if encodings := set(chunk.encodings) - {"PLAIN", "RLE", "BIT_PACKED"}:
                raise UnsupportedError(f"it is encoded as {', '.join(sorted(encodings))}")
            start, size = chunk.data_page_offset, chunk.total_compressed_size
            if (chunk.path_in_schema, chunk.physical_type, chunk.num_values) != (column, "BYTE_ARRAY", rows):
                raise DamagedError(f"row group {number} and its column chunk disagree")
            if rows and not 4 <= start < start + size <= footer.begin:
                raise DamagedError(f"row group {number} places the column outside the file")
            chunks.append((start, start + size, rows))
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        if footer.encrypted():
            remedy = "decrypt it by reading and writing it with pyarrow"
            raise UnsupportedError("the file is encrypted", remedy) from None
        raise DamagedError(f"its footer can't be read: {first_line(error)}") from None
    total = sum(rows for *_, rows in chunks)
    if total != meta.num_rows:
        raise DamagedError(f"its row groups have {total} rows")
    if total > _MOST_ROWS:
        raise UnsupportedError(f"the file has {total} rows, over {_MOST_ROWS}", "store it as several files")
    return chunks, level


def _page_header(source, at, end):
    """A PageHeader, and where its page begins."""
    size = 0
    while size < min(end - at, _LARGEST_HEADER):
        size = min(size * 16 or 512, end - at, _LARGEST_HEADER)
        try:
            header, length = read_struct(_read(source, at, size, end), 0)
            return header, at + length
        except IndexError:  # statistics can make a header long
            continue
    raise DamagedError(f"a page header at {at} has no end")


def _present(levels, top, count):
    """Which of ``count`` rows hold a value: those whose level, RLE/bit-packed hybrid, is ``top``."""
    width, present = top.bit_length(), np.empty(count, bool)
    done = at = 0
    while done < count:
        try:
            run, at = read_varint(levels, at)
        except IndexError:
            raise DamagedError("definition levels end early") from None
        if run < 2:
            raise DamagedError("a run of no definition levels")
        begin, at = at, at + ((run >> 1) * width if run & 1 else (width + 7) // 8)
        if at > len(levels):
            raise DamagedError("definition levels end early")
        if run & 1:  # groups of eight; the last is padded, so it may pass the rows
            size = min(at - begin, -(-(count - done) // 8) * width)
            bits = np.unpackbits(np.frombuffer(levels, np.uint8, size, begin), bitorder="little")
            values = (bits.reshape(-1, width) @ (1 << np.arange(width, dtype=np.uint16)))[: count - done]
        else:
            values = np.array([int.from_bytes(levels[begin:at], "little")])
        if values.max() > top:
            raise DamagedError("a definition level above the schema's")
        stop = min(count, done + (len(values) if run & 1 else run >> 1))
        present[done:stop] = values == top
        done = stop
    return present


def _hop(source, at, stop, end, count):
    """Where each of ``count`` values ends, by hopping from length to length through a page to ``stop``."""
    ends = []
    while len(ends) < count:
        if at + 4 > stop:
            raise DamagedError("a value passes the end of its page")
        data, base = source.window(at, 4, end)
        last = min(stop, base + len(data)) - 4
        for _ in range(count - len(ends)):
            at += 4 + _prefix(data, at - base)[0]
            ends.append(at)
            if at > last:
                break
    if at != stop:
        raise DamagedError("the values do not fill their page")
    return ends


def _page(source, at, end, left, top):
    """Ranges of one page: ``(offsets, lengths, where the next page begins)``."""
    page, at = _page_header(source, at, end)
    kind, size = field(page, 1, int, "page type"), field(page, 3, int, "page size")
    stop = at + size
    if stop > end or size != field(page, 2, int, "uncompressed page size"):
        raise DamagedError(f"a page at {at} has another size than it says")
    if kind == _INDEX_PAGE:
        return np.empty(0, np.int64), np.empty(0, np.int64), stop
    if kind == _DICTIONARY_PAGE:
        raise UnsupportedError("it has a dictionary")
    if kind not in (_DATA_PAGE, _DATA_PAGE_V2):
        raise DamagedError(f"page type {kind}")
    second = kind == _DATA_PAGE_V2
    head = field(page, 8 if second else 5, dict, "header of the data page")
    count = field(head, 1, int, "number of values")
    if count > left:
        raise DamagedError("its pages have more values than the column chunk")
    if field(head, 4 if second else 2, int, "encoding") != _PLAIN:
        raise DamagedError("its pages have another encoding than the column chunk")
    levels = 0
    if second:
        levels = field(head, 5, int, "size of the definition levels")
        if field(head, 6, int, "size of the repetition levels"):
            raise DamagedError("repetition levels in a column without lists")
    elif top:
        if field(head, 3, int, "encoding of the levels") != _RLE:
            raise UnsupportedError("its definition levels are encoded as BIT_PACKED")
        levels, at = _prefix(_read(source, at, 4, stop))[0], at + 4
    present = _present(_read(source, at, levels, stop), top, count) if top else np.ones(count, bool)
    at += levels
    offsets, lengths = np.full(count, -1), np.zeros(count, np.int64)
    ends = np.array([at, *_hop(source, at, stop, end, int(present.sum()))], np.int64)
    offsets[present] = ends[:-1] + 4
    lengths[present] = np.diff(ends) - 4
    return offsets, lengths, stop


def byte_ranges(path_or_file: Any, column: str = "audio.bytes") -> tuple[np.ndarray, np.ndarray]:
    """Where each row's value of a column of bytes lies in a Parquet file.

    Args:
        path_or_file: local path, or a seekable binary file object (its position is moved; it is not
            closed).
        column: dotted path of a leaf that holds binary or string values, outside any list.

    Returns: ``(offsets, lengths)``, int64 arrays [rows], bytes; a null is (-1, 0). Every range lies
        inside a page of the column. Values are not checked: page checksums are not read.
    Raises:
        ValueError: no such column, or it is in a list, compressed, encrypted, or encoded otherwise than
            PLAIN (a dictionary, deltas); or the file is damaged.
        OSError: the file can't be read.
    """
    is_path = isinstance(path_or_file, (str, bytes, os.PathLike))
    source = (_Mapped if is_path else _Windowed)(path_or_file)
    parts = [(np.empty(0, np.int64),) * 2]
    try:
        chunks, top = _chunks(source, column)
        rows = sum(left for *_, left in chunks)
        source.expect(sum(end - start for start, end, _ in chunks) / max(rows, 1))
        for at, end, left in chunks:
            while left:
                *part, at = _page(source, at, end, left, top)
                left -= len(part[0])
                parts.append(part)
    except UnsupportedError as reason:
        raise ValueError(f"{source.name}: column {column!r} can't be indexed: {reason}") from None
    finally:
        source.close()
    offsets, lengths = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return offsets, lengths
