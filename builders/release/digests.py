"""Digests of rows: what a row says, in sixteen bytes, however its file is laid out.

Conventions
-----------
Two releases are compared row by row through these, so they depend on values alone: not on the
Parquet writer, compression, row groups, order of columns, or library versions.

A table's *leaves* are its flat columns: ``num_samples``, ``events.onset_sample``. Each value becomes
nine bytes: 1 and the value as a little-endian int64 or float64 (text and bytes: the first 8 bytes
of their SHA-256), or nine zeros for null. A row's list of records becomes the first 8 bytes of the
SHA-256 of its records' values, row after row. The digest of a row is the first 16 bytes of the
SHA-256 of the names and types of the leaves, in order of names, and of the row's values in that
order. Leaving out leaves gives the digest that a table without them has.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DIGEST_BYTES = 16
_WIDTH = 9


def leaf_types(schema: pa.Schema, without: Collection[str | None] = ()) -> dict[str, str]:
    """Leaves of a schema: dict of dotted name to Arrow type name, in order of names.

    Args:
        without: top-level columns to leave out.

    Raises: ValueError for a type that has no digest.
    """
    out = {}
    for field in schema:
        if field.name in without:
            continue
        kind = field.type
        if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
            out.update({f"{field.name}.{child.name}": str(child.type) for child in kind.value_type})
        else:
            out[field.name] = str(kind)
    for name, kind in out.items():
        if kind.startswith(("list", "struct", "large_", "map", "decimal")):
            raise ValueError(f"column {name} of type {kind} has no digest")
    return dict(sorted(out.items()))


def row_digests(table: pa.Table, leaves: Mapping[str, str]) -> list[bytes]:
    """Digests of the rows of a table.

    Args:
        table: Arrow table that holds at least the columns of ``leaves``.
        leaves: from :func:`leaf_types`; only these count.

    Returns: list of ``bytes``, 16 each, one a row.
    """
    records: dict[str, list[str]] = {}
    for leaf in leaves:
        column, _, child = leaf.partition(".")
        if child:
            records.setdefault(column, []).append(child)
    columns = dict.fromkeys(leaf.partition(".")[0] for leaf in leaves)
    blocks = [
        _records(table[column], records[column]) if column in records else _fixed(table[column])
        for column in columns
    ]
    head = hashlib.sha256("\n".join(f"{name} {kind}" for name, kind in leaves.items()).encode())
    rows = np.concatenate(blocks, axis=1) if blocks else np.zeros((len(table), 0), np.uint8)
    out = []
    for row in rows:
        sha = head.copy()
        sha.update(row.tobytes())
        out.append(sha.digest()[:DIGEST_BYTES])
    return out


def _combined(array: Any) -> pa.Array:
    """A column as one array."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array


def _fixed(array: Any) -> np.ndarray:
    """Values as bytes: uint8 array of shape (rows, 9)."""
    array = _combined(array)
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        unique = array.dictionary_encode()
        values = [b"" if v is None else v.encode() if isinstance(v, str) else v
                  for v in unique.dictionary.to_pylist()]  # fmt: skip
        words = np.frombuffer(b"".join(hashlib.sha256(v).digest()[:8] for v in values) or bytes(8), np.uint64)
        numbers = words[unique.indices.fill_null(0).to_numpy(zero_copy_only=False)]
    elif pa.types.is_floating(kind):
        numbers = array.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
    else:
        numbers = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    out = np.zeros((len(array), _WIDTH), np.uint8)
    valid = pc.is_valid(array).to_numpy(zero_copy_only=False)
    out[:, 0] = valid
    little = np.ascontiguousarray(numbers).astype(numbers.dtype.newbyteorder("<"), copy=False)
    out[:, 1:] = little.view(np.uint8).reshape(len(array), 8)
    out[~valid] = 0
    return out


def _records(lists: Any, children: Iterable[str]) -> np.ndarray:
    """Digests of lists of records: uint8 array of shape (rows, 9)."""
    lists = _combined(lists)
    valid = pc.is_valid(lists).to_numpy(zero_copy_only=False)
    flat = lists.flatten()
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    ends = np.cumsum(lengths)
    values = np.concatenate([_fixed(pc.struct_field(flat, name)) for name in children], axis=1)
    data = memoryview(np.ascontiguousarray(values)).cast("B") if values.size else memoryview(b"")
    width = values.shape[1]
    out = np.zeros((len(lists), _WIDTH), np.uint8)
    for i, (end, length) in enumerate(zip(ends.tolist(), lengths.tolist(), strict=True)):
        if valid[i]:
            sha = hashlib.sha256(data[(end - length) * width : end * width])
            out[i, 0], out[i, 1:] = 1, np.frombuffer(sha.digest()[:8], np.uint8)
    return out
