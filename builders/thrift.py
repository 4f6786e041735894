"""Thrift's compact protocol, in which the page headers of Parquet files are written.

Conventions
-----------
Structs are read as ``{field number: value}``, whatever they are. Readers of ``(data, position)`` give
``(value, next position)`` and raise IndexError when the data ends early: nothing is empty, so they end with
the data.

Source: the Thrift compact protocol specification.
"""

from typing import Any


class UnsupportedError(Exception):
    """A sound file laid out in a way that has no ranges: reason, and what to do."""

    def __init__(
        self,
        reason: str,
        remedy: str = "read the column with pyarrow instead, or write the file again with this column's "
        "compression='NONE', use_dictionary=False and encoding PLAIN",
    ):
        super().__init__(f"{reason}; {remedy}")


class DamagedError(UnsupportedError):
    """A file that contradicts the format or itself: in what."""

    def __init__(self, reason: str):
        super().__init__(f"the file is damaged or cut short ({reason})", "fetch or make the file again")


def read_varint(data: Any, at: int) -> tuple[int, int]:
    """An unsigned number of at most 64 bits."""
    value = 0
    for shift in range(0, 64, 7):
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise DamagedError("a number of more than 64 bits")


def _value(data: Any, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if 4 <= kind <= 6:  # i16, i32, i64: zigzag
        value, at = read_varint(data, at)
        return (value >> 1) ^ -(value & 1), at
    if kind == 8:
        size, at = read_varint(data, at)
        return data[at : at + size], at + size
    if depth > 16:
        raise DamagedError("metadata nested too deep")
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
    if kind in (1, 2, 3, 7):  # booleans in a list, and bytes; of a double, which nobody needs, the last one
        at += 8 if kind == 7 else 1
        return data[at - 1], at
    raise DamagedError(f"Thrift type {kind}")


def read_struct(data: Any, at: int, depth: int = 0) -> tuple[dict[int, Any], int]:
    """A struct as ``{field number: value}``."""
    fields, number = {}, 0
    while head := data[at]:
        kind, at = head & 15, at + 1
        if head > 15:
            number += head >> 4
        else:
            number, at = _value(data, at, 4, depth)
        if kind < 3:  # a boolean field is its type
            fields[number] = kind == 1
        else:
            fields[number], at = _value(data, at, kind, depth)
    return fields, at + 1


def field(fields: Any, number: int, kind: type, what: str) -> Any:
    """A field that has to be there, of type ``kind``: ``what`` it is, for the message.

    Integers in Parquet's metadata are counts, sizes, places and codes: never negative.
    """
    value: Any = fields.get(number) if isinstance(fields, dict) else None
    if type(value) is not kind or (isinstance(value, int) and not 0 <= value < 1 << 63):
        raise DamagedError(f"no {what}")
    return value
