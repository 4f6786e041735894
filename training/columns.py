"""Columns of rows in memory: scalars as Arrow arrays, lists of records as flat NumPy arrays.

Conventions
-----------
A column is named as in the dataset, a field of a list of records with a dot: ``column.field``.
A row's list of records is a dict of arrays, one entry a record: integers int64, numbers float64 with
NaN for null, flags bool with null as False, text as object arrays.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.errors import one_of, raise_all


def parquet_paths(schema: pa.Schema, names: Iterable[str], where: str) -> list[str]:
    """Parquet paths of columns and fields.

    Raises: UsageError naming every one that is not there.
    """
    paths, unknown = [], []
    for name in names:
        column, _, inner = name.partition(".")
        at = schema.get_field_index(column)
        kind = schema.field(at).type if at >= 0 else None
        if kind is None:
            unknown.append(f"{where} has no column {one_of(name, schema.names)}")
        elif not inner:
            paths.append(column)
        elif pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
            fields = [field.name for field in kind.value_type]
            if inner in fields:
                paths.append(f"{column}.list.element.{inner}")
            else:
                unknown.append(f"{where}: {column} has no field {one_of(inner, fields)}")
        else:
            unknown.append(f"{where}: {column} has no fields, so there is no {name}")
    raise_all(unknown)
    return list(dict.fromkeys(paths))


def _numpy(array: Any) -> np.ndarray:
    """Values of a flat Arrow array; see the module's conventions."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return np.array(array.dictionary.to_pylist() or [None], object)[array.indices.fill_null(0).to_numpy()]
    if pa.types.is_boolean(kind):
        return array.fill_null(False).to_numpy(zero_copy_only=False)
    if pa.types.is_integer(kind) and not array.null_count:
        return array.to_numpy().astype(np.int64, copy=False)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return array.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return array.to_numpy(zero_copy_only=False)


class Records:
    """A column of lists of records.

    Args:
        array: Arrow array of lists of structs.
    """

    def __init__(self, array: pa.ListArray):
        lengths = pc.list_value_length(array).fill_null(0).to_numpy()
        self.offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        flat = array.flatten()
        self.fields = {}
        for i, field in enumerate(flat.type):
            values = flat.field(i)
            # few words, many times: kept as numbers
            self.fields[field.name] = (
                pc.dictionary_encode(values) if pa.types.is_string(field.type) else values
            )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> dict[str, np.ndarray]:
        """Records of a row: dict of arrays."""
        first, last = self.offsets[row], self.offsets[row + 1]
        return {name: _numpy(values.slice(first, last - first)) for name, values in self.fields.items()}


def columns_of(table: pa.Table) -> dict[str, Any]:
    """Columns of an Arrow table: dict of name to Records or, for scalars, an Arrow array."""
    out = {}
    for name in table.column_names:
        array = table[name].combine_chunks()
        nested = pa.types.is_list(array.type) and pa.types.is_struct(array.type.value_type)
        out[name] = Records(array) if nested else array
    return out


def at(column: Any, row: int) -> Any:
    """What a column has in a row."""
    return column[row] if isinstance(column, Records) else column[row].as_py()
