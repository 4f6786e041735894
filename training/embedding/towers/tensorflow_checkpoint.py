"""Variables of a TensorFlow checkpoint, read without TensorFlow.

Conventions: a checkpoint is ``NAME.index``, a table of entries sorted by name, and ``NAME.data-00000-of-
00001``, the values one after another. The table is one of LevelDB without compression: blocks of entries
whose names share their beginnings, an index of blocks, and a footer of 48 bytes that says where that is. An
entry is a protocol buffer of type, shape, file, offset and size. Of types there is float32 alone here.

Source: TensorFlow's tensor_bundle.proto and LevelDB's table_format.md.
"""

from collections.abc import Iterator

import numpy as np

_FOOTER, _MAGIC = 48, 0xDB4775248B80FB57
_FLOAT = 1  # DT_FLOAT


def variables(index: bytes, data: bytes) -> dict[str, np.ndarray]:
    """Float32 variables by name.

    Args:
        index: content of ``NAME.index``.
        data: content of ``NAME.data-00000-of-00001``.

    Raises: ValueError for what is no such checkpoint.
    """
    try:
        return dict(_variables(index, data))
    except (IndexError, TypeError, OverflowError, MemoryError) as error:
        raise ValueError(f"it is no TensorFlow checkpoint ({type(error).__name__})") from None


def _variables(index: bytes, data: bytes) -> Iterator[tuple[str, np.ndarray]]:
    footer = index[-_FOOTER:]
    if len(footer) < _FOOTER or int.from_bytes(footer[-8:], "little") != _MAGIC:
        raise ValueError("it is no TensorFlow checkpoint: its index does not end as one")
    _, at = _pair(footer, 0)  # of other indices
    (start, size), _ = _pair(footer, at)
    for _, handle in _entries(index[start : start + size]):
        (first, length), _ = _pair(handle, 0)
        for name, value in _entries(index[first : first + length]):
            fields = _message(value)
            if not name or _only(fields, 1, 0) != _FLOAT:
                continue
            sizes = [part for number, part in _message(_only(fields, 2, b"")) if number == 2]
            shape = [_only(_message(part), 1, 0) for part in sizes]
            offset, count = _only(fields, 4, 0), _only(fields, 5, 0)
            if offset + count > len(data) or count != 4 * int(np.prod(shape, dtype=object)):
                raise ValueError(f"{name.decode(errors='replace')} is not where its index says")
            values = np.frombuffer(data, "<f4", count // 4, offset).reshape(shape)
            yield name.decode(), values


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _pair(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    first, at = _varint(data, at)
    second, at = _varint(data, at)
    return (first, second), at


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and values of a block."""
    restarts = int.from_bytes(block[-4:], "little")
    end, at, name = len(block) - 4 - 4 * restarts, 0, b""
    while at < end:
        shared, at = _varint(block, at)
        (rest, size), at = _pair(block, at)
        name = name[:shared] + block[at : at + rest]
        at += rest
        yield name, block[at : at + size]
        at += size


def _message(data: bytes) -> list[tuple[int, int | bytes]]:
    """Fields of a protocol buffer: number, and an integer or bytes."""
    out, at = [], 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, at = _varint(data, at)
            value = data[at : at + size]
            at += size
        out.append((key >> 3, value))
    return out


def _only(fields: list[tuple[int, int | bytes]], number: int, usual: int | bytes) -> int | bytes:
    return next((value for key, value in fields if key == number), usual)
