"""Columns of rows in memory: scalars as Arrow arrays, lists of records as flat NumPy arrays.

Conventions: a column is named as in the dataset, a field of a list of records with a dot: ``column.field``. A
row's list of records is a dict of arrays, one entry a record: integers int64, numbers float64 with NaN for
null, flags bool with null as False, text as object arrays.
"""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.errors import one_of, raise_all


def parquet_paths(schema: pa.Schema, names: Iterable[str], where: str) -> list[str]:
    """Parquet paths of columns and fields; UsageError naming every one that is not there."""
    paths, problems = [], []
    for name in names:
        column, _, inner = name.partition(".")
        kind = schema.field(column).type if column in schema.names else None
        fields = [field.name for field in kind.value_type] if _is_records(kind) else []
        if kind is None:
            problems.append(f"{where} has no column {one_of(name, schema.names)}")
        elif inner and not fields:
            problems.append(f"{where}: {column} has no fields, so there is no {name}")
        elif inner and inner not in fields:
            problems.append(f"{where}: {column} has no field {one_of(inner, fields)}")
        else:
            paths.append(f"{column}.list.element.{inner}" if inner else column)
    raise_all(problems)
    return list(dict.fromkeys(paths))


def stored_rate(schema: pa.Schema) -> int | None:
    """Sample rate of the audio of rows in Hz, as ``datasets`` notes it in files; None where it does not."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        kinds = [of for of in features.values() if isinstance(of, dict)]
        rates = [of.get("sampling_rate") for of in kinds if of.get("_type") == "Audio"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return rates[0] if rates and isinstance(rates[0], int) else None


def _is_records(kind: pa.DataType | None) -> bool:
    return kind is not None and pa.types.is_list(kind) and pa.types.is_struct(kind.value_type)


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
    """A column of lists of records."""

    def __init__(self, array: pa.ListArray):
        lengths = pc.list_value_length(array).fill_null(0).to_numpy()
        self.offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        names, values = array.type.value_type.names, array.flatten().flatten()
        # few words, many times: kept as numbers
        words = [pc.dictionary_encode(v) if pa.types.is_string(v.type) else v for v in values]
        self.fields = dict(zip(names, words, strict=True))

    def __getitem__(self, row: int) -> dict[str, np.ndarray]:
        """Records of a row: dict of arrays."""
        first, last = self.offsets[row], self.offsets[row + 1]
        return {name: _numpy(values.slice(first, last - first)) for name, values in self.fields.items()}


def columns_of(table: pa.Table) -> dict[str, Any]:
    """Columns of an Arrow table: dict of name to Records or, for scalars, an Arrow array.

    Arrays share the memory of columns that are in one piece.
    """
    out = {}
    for name in table.column_names:
        column = table[name]
        array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        out[name] = Records(array) if _is_records(array.type) else array
    return out


def at(column: Any, row: int) -> Any:
    """What a column has in a row."""
    return column[row] if isinstance(column, Records) else column[row].as_py()
