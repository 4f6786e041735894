"""Columns declared once, as data: name, type, unit and meaning.

Conventions
-----------
Types are Arrow names (``int32``, ``float64``, ``string``, ``bool``, ``binary``), ``audio`` for an
encoded file with its path, or a list of Columns for a list of records. From one declaration come
the Arrow schema of shards, the Hugging Face features in their metadata, the builders' ``Features``
and the tables in documents, so they can't disagree.
"""

import json
from dataclasses import dataclass

import pyarrow as pa

AUDIO = "audio"


@dataclass(frozen=True)
class Column:
    """One column: ``unit`` is empty for names and flags."""

    name: str
    type: object
    unit: str
    meaning: str


def arrow_type(kind):
    """Arrow type of a column type."""
    if kind == AUDIO:
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    if isinstance(kind, (list, tuple)):
        return pa.list_(pa.struct([(c.name, arrow_type(c.type)) for c in kind]))
    return getattr(pa, "bool_" if kind == "bool" else kind)()


def hf_feature(kind, sample_rate):
    """Hugging Face description of a column type, as ``datasets`` stores it in Parquet files."""
    if kind == AUDIO:
        return {"sampling_rate": sample_rate, "_type": "Audio"}
    if isinstance(kind, (list, tuple)):
        inner = {c.name: hf_feature(c.type, sample_rate) for c in kind}
        return {"feature": inner, "_type": "List"}
    return {"dtype": kind, "_type": "Value"}


def schema(columns, sample_rate):
    """Arrow schema of columns, with the Hugging Face features in its metadata."""
    features = {c.name: hf_feature(c.type, sample_rate) for c in columns}
    metadata = {"huggingface": json.dumps({"info": {"features": features}}, separators=(",", ":"))}
    return pa.schema([(c.name, arrow_type(c.type)) for c in columns], metadata=metadata)


def leaves(arrow_schema):
    """Parquet paths of all leaf columns: list of ``(path, type)``."""

    def walk(path, kind):
        if pa.types.is_struct(kind):
            for field in kind:
                yield from walk(f"{path}.{field.name}", field.type)
        elif pa.types.is_list(kind):
            yield from walk(f"{path}.list.element", kind.value_type)
        else:
            yield path, kind

    return [leaf for field in arrow_schema for leaf in walk(field.name, field.type)]
