"""One shard's way into a release: its file put in place, its rows indexed and digested.

Nothing is decoded or encoded again. The file is copied, without writing its bytes again where the file system
can do that, or linked if the user says so; either way it is read once to compare it with its recorded digest.
"""

import json
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sousa.builders.release.digests import label_leaves, leaf_types, row_digests
from sousa.builders.release.layout import INDEX_SCHEMA
from sousa.builders.row_index import byte_ranges
from sousa.generation.errors import RunError
from sousa.generation.parquet import parquet_schema
from sousa.generation.storage import LocalStorage, copied, explained, file_digest
from sousa.generation.tables import row_groups


def index_part(file: str) -> str:
    """Where a data file's piece of the row index lies until all are there."""
    return file.removeprefix("data/").replace("/", "-") + ".index"


def pack(
    source: LocalStorage, record: Mapping[str, Any], target: LocalStorage, file: str,
    digest_column: str | None, classes: Collection[str], link: bool,
) -> tuple[str, dict[str, int]]:  # fmt: skip
    """Put one shard into a release: a task for runners. Nothing is done when that is finished already.

    Args:
        source: storage of the dataset.
        record: of the shard, with its ``view``.
        target: storage of the release.
        file: path of the shard there.
        digest_column: column that stands for the sound, or None.
        classes: columns that are ``ClassLabel`` to readers.
        link: make the file another name of the shard's.

    Returns: ``(file, bytes of each column in memory)``, as ``datasets`` counts them.
    Raises: RunError when the shard is damaged or can't be read or written.
    """
    shard, path, part = source.path(record["file"]), target.path(file), index_part(file)
    with suppress(OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        facts = json.loads(pq.read_schema(target.path(part)).metadata[b"facts"])
        if facts["sha256"] == record["sha256"] and path.stat().st_size == record["bytes"]:
            return file, facts["columns_bytes"]
    if _place(shard, path, link) != record["sha256"]:
        path.unlink()
        raise RunError(
            f"{shard} does not match its digest; run the 'sousa generate' command that made it again"
        )
    table, sizes = _index(path, file, record, digest_column, classes)
    if len(table) != record["rows"]:
        raise RunError(f"{shard} has {len(table)} rows, its manifest says {record['rows']}")
    facts = {"sha256": record["sha256"], "columns_bytes": sizes}
    with target.writing(part) as out:
        pq.write_table(table.replace_schema_metadata({"facts": json.dumps(facts)}), out)
    return file, sizes


def _place(source: Path, target: Path, link: bool) -> str:
    """Copy or link a file; returns its SHA-256."""
    if not link:
        copied(source, target)
        return file_digest(target)
    with explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        os.link(os.path.realpath(source), target)
    return file_digest(target)


def _index(
    path: Path, file: str, record: Mapping[str, Any], digest_column: str | None, classes: Collection[str]
) -> tuple[pa.Table, dict[str, int]]:
    """Index the rows of a shard: ``(table of INDEX_SCHEMA, bytes of each column in memory)``."""
    schema = parquet_schema(path)
    names = [name for name in schema.names if name != "audio"]
    audio_leaf = {digest_column: str(schema.field(digest_column).type)} if digest_column else {}
    labelled = label_leaves(leaf_types(schema, without=("audio",)), digest_column)
    audio: list[Any] = []
    ids, labels, sizes = [], [], dict.fromkeys(schema.names, 0)
    for group in row_groups(path, names):
        ids += group["sample_id"].to_pylist()
        audio += row_digests(group, audio_leaf) if digest_column else [None] * len(group)
        labels += row_digests(group, labelled)
        for name in names:
            if name in classes:  # int64 to readers, and a bit a row where some are null
                sizes[name] += 8 * len(group) + (-(-len(group) // 8) if group[name].null_count else 0)
            else:
                sizes[name] += group[name].nbytes
    rows = len(ids)
    columns: dict[str, Any] = {
        "sample_id": ids, "file": [file] * rows, "row": range(rows), "view": [record["view"]] * rows,
        "split": [record["split"]] * rows, "audio_digest": audio, "labels_digest": labels,
    }  # fmt: skip
    for name, leaf in (("audio", "audio.bytes"), ("midi", "midi")):
        offsets, lengths = byte_ranges(path, leaf) if name in schema.names else (np.full(rows, -1),) * 2
        columns[f"{name}_offset"] = pa.array(offsets, mask=offsets < 0)
        columns[f"{name}_bytes"] = pa.array(lengths, mask=offsets < 0)
    if "audio" in schema.names:
        # and what the column holds beside the audio: names, and offsets of both
        paths = sum(group["audio"].nbytes for group in row_groups(path, ["audio.path"]))
        sizes["audio"] = int(pc.sum(columns["audio_bytes"]).as_py() or 0) + paths + 4 * rows
    return pa.table(columns, schema=INDEX_SCHEMA), sizes
