"""Digests of rows: what a row says, in sixteen bytes, however its file is laid out.

Conventions
-----------
Two releases are compared row by row through these, so they depend on values alone: not on the
Parquet writer, compression, row groups, order of columns, or library versions.

A table's *leaves* are its flat columns: ``num_samples``, ``events.onset_sample``. Each value becomes
nine bytes: 1 and the value as a little-endian int64 or float64 (text and bytes: the first 8 bytes
of their SHA-256), or nine zeros for null. A row's list of records becomes the first 8 bytes of the
SHA-256 of its records' values, row after row; a list of texts counts as records of one value each. The
digest of a row is the first 16 bytes of the SHA-256 of the names and types of the leaves, in order of
names, and of the row's values in that order. Leaving out leaves gives the digest that a table without them
has.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.tables import numpy_column

DIGEST_BYTES = 16
_WIDTH = 9
_TEXTS = str(pa.list_(pa.string()))


def leaf_types(schema: pa.Schema, without: Collection[str | None] = ()) -> dict[str, str]:
    """Leaves of a schema but for some columns: dict of dotted name to Arrow type name, in order of names.

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
            # Parquet has another name for what is in a list
            texts = pa.types.is_list(kind) and pa.types.is_string(kind.value_type)
            out[field.name] = _TEXTS if texts else str(kind)
    for name, kind in out.items():
        if kind.startswith(("list", "struct", "large_", "map", "decimal")) and kind != _TEXTS:
            raise ValueError(f"column {name} of type {kind} has no digest")
    return dict(sorted(out.items()))


def label_leaves(leaves: Mapping[str, str], digest_column: str | None) -> dict[str, str]:
    """The leaves that say what a row is: all but the digest of its sound and the version that made it."""
    return {name: kind for name, kind in leaves.items() if name not in (digest_column, "data_version")}


def row_digests(table: pa.Table, leaves: Mapping[str, str]) -> list[bytes]:
    """Digests of the rows of a table.

    Args:
        table: Arrow table that holds at least the columns of ``leaves``.
        leaves: from :func:`leaf_types`; only these count.

    Returns: list of ``bytes``, 16 each, one a row.
    """
    children: dict[str, list[str]] = {}
    for leaf in leaves:
        column, _, child = leaf.partition(".")
        children.setdefault(column, []).append(child)
    blocks = [
        _fixed(array) if names == [""] and not pa.types.is_list(array.type) else _records(array, names)
        for array, names in ((table[column].combine_chunks(), names) for column, names in children.items())
    ]
    head = hashlib.sha256("\n".join(f"{name} {kind}" for name, kind in leaves.items()).encode())
    rows = np.concatenate(blocks, axis=1) if blocks else np.zeros((len(table), 0), np.uint8)
    digests = []
    for row in rows:
        sha = head.copy()
        sha.update(row.tobytes())
        digests.append(sha.digest()[:DIGEST_BYTES])
    return digests


def _fixed(array: pa.Array) -> np.ndarray:
    """Values as bytes: uint8 array of shape (rows, 9)."""
    if pa.types.is_string(array.type) or pa.types.is_binary(array.type):
        unique = array.cast(pa.binary()).dictionary_encode()
        digests = b"".join(hashlib.sha256(value).digest()[:8] for value in unique.dictionary.to_pylist())
        numbers = np.frombuffer(digests or bytes(8), "<u8")[numpy_column(unique.indices.fill_null(0))]
    else:
        kind = pa.float64() if pa.types.is_floating(array.type) else pa.int64()
        numbers = numpy_column(array.cast(kind).fill_null(0))
    rows = np.zeros((len(array), _WIDTH), np.uint8)
    valid = numpy_column(pc.is_valid(array))
    rows[:, 0] = valid
    little = numbers.astype(numbers.dtype.newbyteorder("<"), copy=False)
    rows[:, 1:] = little.view(np.uint8).reshape(-1, 8)
    rows[~valid] = 0
    return rows


def _records(lists: pa.ListArray, children: Iterable[str]) -> np.ndarray:
    """Digests of lists of records, or of texts, whose only child is "": uint8 array of shape (rows, 9)."""
    valid, flat = numpy_column(pc.is_valid(lists)), lists.flatten()
    lengths = numpy_column(pc.list_value_length(lists).fill_null(0))
    parts = [_fixed(pc.struct_field(flat, name) if name else flat) for name in children]
    records = np.concatenate(parts, axis=1).data
    rows = np.zeros((len(lists), _WIDTH), np.uint8)
    rows[:, 0] = valid
    ends = np.cumsum(lengths)
    for i, begin, end in zip(range(len(rows)), (ends - lengths).tolist(), ends.tolist(), strict=True):
        if valid[i]:
            rows[i, 1:] = np.frombuffer(hashlib.sha256(records[begin:end]).digest()[:8], np.uint8)
    return rows
