"""One shard's way into a release: its file put in place, its rows indexed and digested.

Nothing is decoded or encoded again. The file is linked where both directories are on one file
system, else copied; either way it is read once to compare it with its recorded digest.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sousa.builders.release.digests import leaf_types, row_digests
from sousa.builders.release.index import INDEX_SCHEMA
from sousa.builders.row_index import byte_ranges
from sousa.generation.errors import RunError
from sousa.generation.storage import LocalStorage, atomic_file, file_digest
from sousa.generation.tables import row_groups


def pack(
    source: LocalStorage,
    record: Mapping[str, Any],
    target: LocalStorage,
    file: str,
    view: str,
    part: str,
    digest_column: str | None,
    classes: frozenset[str],
) -> tuple[str, dict[str, Any]]:
    """Put one shard into a release: a task for runners.

    Args:
        source: storage of the dataset; record: of the shard.
        target: storage of the release; file: path of the shard there; view: its folder.
        part: path there for the shard's piece of the row index; when it is there already and the file too,
            nothing is done.
        digest_column: column that stands for the sound, or None.
        classes: columns that are ``ClassLabel`` to readers.

    Returns: ``(file, facts)``, facts being bytes, sha256, rows, split, view, and the bytes of each
        column in memory, as ``datasets`` counts them.
    Raises: RunError when the shard is damaged or can't be read or written.
    """
    shard, path = source.path(record["file"]), target.path(file)
    done = _done(target.path(part), record)
    if done and path.is_file() and path.stat().st_size == record["bytes"]:
        return file, done
    digest = _place(shard, path)
    if digest != record["sha256"]:
        path.unlink()
        raise RunError(
            f"{shard} does not match its digest; run the 'sousa generate' command that made it again"
        )
    table, sizes = index_rows(path, file, view, record["split"], digest_column, classes)
    if len(table) != record["rows"]:
        raise RunError(f"{shard} has {len(table)} rows, its manifest says {record['rows']}")
    facts = {
        "bytes": record["bytes"], "sha256": digest, "rows": len(table), "split": record["split"],
        "view": view, "columns_bytes": sizes,
    }  # fmt: skip
    with target.writing(part) as out:
        pq.write_table(table.replace_schema_metadata({"facts": json.dumps(facts)}), out)
    return file, facts


def _done(part: Path, record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The facts of a finished part that was made of this very shard, or None."""
    try:
        facts = json.loads(pq.read_schema(part).metadata[b"facts"])
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None
    return facts if facts["sha256"] == record["sha256"] else None


def _place(source: Path, target: Path) -> str:
    """Link or copy a file; returns its SHA-256."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        # under a temporary name first: a name in place always holds a whole file
        work = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        work.unlink(missing_ok=True)
        os.link(os.path.realpath(source), work)
        os.replace(work, target)
        work.unlink(missing_ok=True)  # replacing a link by another of the same file leaves both
        return file_digest(target)
    except OSError:
        sha = hashlib.sha256()
        try:
            file = open(source, "rb")  # noqa: SIM115 - its errors are told from those of writing
        except OSError as error:
            raise RunError(f"{source} can't be read: {error.strerror or error}") from None
        with file, atomic_file(target) as out:
            while block := file.read(1 << 20):
                sha.update(block)
                out.write(block)
        return sha.hexdigest()


def index_rows(
    path: Path, file: str, view: str, split: str, digest_column: str | None, classes: frozenset[str]
) -> tuple[pa.Table, dict[str, int]]:
    """Index the rows of a Parquet file; arguments as for :func:`pack`.

    Returns: ``(table of INDEX_SCHEMA, dict of column name to its bytes in memory)``.
    """
    schema = pq.read_schema(path)
    names = schema.names
    read = [name for name in names if name != "audio"]
    audio_leaf = {digest_column: str(schema.field(digest_column).type)} if digest_column else {}
    label_leaves = leaf_types(schema, without=("audio", digest_column))
    ids, audio, labels, sizes = [], [], [], dict.fromkeys(names, 0)
    for group in row_groups(path, read):
        ids += group["sample_id"].to_pylist()
        audio += row_digests(group, audio_leaf) if digest_column else [None] * len(group)
        labels += row_digests(group, label_leaves)
        for name in read:
            if name in classes:  # int64 to readers, and a bit a row where some are null
                sizes[name] += 8 * len(group) + (-(-len(group) // 8) if group[name].null_count else 0)
            else:
                sizes[name] += group[name].nbytes
    rows = len(ids)
    columns: dict[str, Any] = {"sample_id": ids, "row": range(rows)}
    columns |= {"audio_digest": audio, "labels_digest": labels}
    columns |= {"file": [file] * rows, "view": [view] * rows, "split": [split] * rows}
    for name, leaf in (("audio", "audio.bytes"), ("midi", "midi")):
        if name not in names:
            columns[f"{name}_offset"] = columns[f"{name}_bytes"] = [None] * rows
            continue
        offsets, lengths = byte_ranges(path, leaf)
        missing = offsets < 0
        columns[f"{name}_offset"] = pa.array(offsets, pa.int64(), mask=missing)
        columns[f"{name}_bytes"] = pa.array(lengths, pa.int64(), mask=missing)
    if "audio" in names:
        # and what the column holds beside the audio: names, and offsets of both
        paths = sum(group["audio"].nbytes for group in row_groups(path, ["audio.path"]))
        sizes["audio"] = int(pc.sum(columns["audio_bytes"]).as_py() or 0) + paths + 4 * rows
    return pa.table([pa.array(columns[f.name], f.type) for f in INDEX_SCHEMA], schema=INDEX_SCHEMA), sizes
