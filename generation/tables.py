"""Label tables and loose files out of shards, and reading shards a row group at a time.

Conventions: only the columns asked for are read, so encoded audio stays on disk; memory holds one
row group, however many rows a dataset has.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sousa.generation.errors import RunError, first_line
from sousa.generation.outside import holds
from sousa.generation.parquet import parquet_file
from sousa.generation.storage import LocalStorage

_GROUP_BYTES = 8 << 20  # of a label table's row group, before encoding


def row_groups(path: str | Path | BinaryIO, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Row groups of a Parquet file; raises RunError when it is missing or damaged."""
    return (group for _, group in groups_with(path, None, columns))


def groups_with(
    path: str | Path | BinaryIO, rows: Any, columns: Sequence[str] | None = None
) -> Iterator[tuple[int, pa.Table]]:
    """Row groups of a Parquet file that have one of some rows, each with the number of its first row.

    Args:
        rows: numbers, int64, ascending; None for all.

    Raises: RunError when the file is missing or damaged.
    """
    try:
        with parquet_file(path) as file:
            if "sample_id" not in file.schema_arrow.names:  # which every row has
                raise OSError("it holds other rows than ours")
            end = 0
            for i in range(file.num_row_groups):
                first, end = end, end + file.metadata.row_group(i).num_rows
                if rows is None or np.searchsorted(rows, first) < np.searchsorted(rows, end):
                    yield first, file.read_row_group(i, columns=columns)
    except (OSError, pa.ArrowException) as error:
        advice = "run 'sousa generate' again to make it anew"
        name = path if isinstance(path, (str, Path)) else "a shard"
        raise RunError(f"{name} can't be read ({first_line(error)}); {advice}") from None


def groups_of(
    storage: LocalStorage, shards: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None
) -> Any:
    """Row groups of all shards of a dataset, in order of rows."""
    for record in shards:
        yield from row_groups(storage.source(record["file"]), columns)


def numpy_column(array: pa.Array | pa.ChunkedArray) -> Any:
    """A column as numpy; nulls of numbers become NaN."""
    return array.to_numpy(zero_copy_only=False)


def write_tables(
    storage: LocalStorage,
    shards: Sequence[Mapping[str, Any]],
    tables: Mapping[str, Sequence[str]],
    loose: Mapping[str, bool],
    done: Callable[[int], Any] = lambda rows: None,
) -> list[dict[str, Any]]:
    """Write label tables of all shards to ``labels/``, in one pass over the shards; returns their records.

    Args:
        shards: manifest records, in order of rows.
        tables: dict of name to columns, or to one column that is a list of records.
        loose: midi and audio, and whether they are written as files too; the table ``samples`` has a column
            for each, ``midi_path`` and ``audio_path``: null where there is no file.
        done: called with numbers of rows that have been read.
    """
    media = ["audio.path" if name == "audio" else name for name, written in loose.items() if written]
    wanted = list(dict.fromkeys(["sample_id", *media, *(name for of in tables.values() for name in of)]))
    with ExitStack() as held:
        files = {n: held.enter_context(storage.writing(f"labels/{n}.parquet")) for n in tables}
        writers = {name: held.enter_context(_Gathered(file)) for name, file in files.items()}
        for group in groups_of(storage, shards, wanted):
            for name, names in tables.items():
                writers[name].add(_part(group, name, list(names), loose).replace_schema_metadata(None))
            done(len(group))
    return [storage.record(f"labels/{name}.parquet") for name in tables]


class _Gathered:
    """A table that is written in row groups of some size, from parts that are small.

    A row group for each part would cost more than its rows, and make a footer that readers refuse.
    """

    def __init__(self, file: BinaryIO):
        self.file, self.parts, self.bytes = file, list[pa.Table](), 0
        self.writer: pq.ParquetWriter | None = None

    def __enter__(self) -> "_Gathered":
        return self

    def __exit__(self, kind: Any, *details: Any) -> None:
        if kind is None:
            self._write()
        if self.writer is not None:
            self.writer.close()

    def add(self, part: pa.Table) -> None:
        """Rows that follow."""
        self.parts.append(part)
        self.bytes += part.nbytes
        if self.bytes >= _GROUP_BYTES:
            self._write()

    def _write(self) -> None:
        if self.parts:
            rows = pa.concat_tables(self.parts)
            if self.writer is None:
                strings = [field.name for field in rows.schema if pa.types.is_string(field.type)]
                self.writer = pq.ParquetWriter(
                    self.file, rows.schema, compression="zstd", use_dictionary=strings
                )
            self.writer.write_table(rows)
        self.parts, self.bytes = [], 0


def _part(group: pa.Table, name: str, names: list[str], loose: Mapping[str, bool]) -> pa.Table:
    if len(names) == 1 and pa.types.is_list(group.schema.field(names[0]).type):
        return records_of(group, names[0])
    if name != "samples":
        return group.select([*(n for n in names if n != "sample_id"), "sample_id"])
    part = group.select(names)
    for kind, written in loose.items():
        rows = group.select(["sample_id", kind]).to_pylist() if written else [{}] * len(group)
        paths = [_loose_path(row, kind) if row.get(kind) else None for row in rows]
        part = part.append_column(f"{kind}_path", pa.array(paths, pa.string()))
    return part


def records_of(group: pa.Table, name: str) -> pa.Table:
    """The records of a column of lists as rows, with the ``sample_id`` of the row that each is of."""
    lists = group[name].combine_chunks()
    records = pa.Table.from_struct_array(lists.flatten())
    return records.append_column("sample_id", group["sample_id"].take(pc.list_parent_indices(lists)))


def _loose_path(row: Mapping[str, Any], kind: str) -> str:
    """Where the MIDI or audio of a row lies as a file: its ``sample_id`` with the ending of the audio."""
    ending = ".mid" if kind == "midi" else Path(row["audio"]["path"] or "").suffix
    return f"{kind}/{row['sample_id']}{ending}"


def write_files(
    storage: LocalStorage, shards: Sequence[Mapping[str, Any]], wanted: list[str], done: Any
) -> None:
    """Write files of the columns that are wanted of audio and midi; ones already there are kept."""
    for group in groups_of(storage, shards, ["sample_id", *wanted]):
        for row in group.to_pylist():
            for file, data in loose_files(row).items():
                path = storage.path(file)
                if not holds(path, data):
                    with storage.writing(file) as opened:
                        opened.write(data)
            done(1)


def loose_files(row: Mapping[str, Any]) -> dict[str, bytes]:
    """The loose files of a row, path to content, of those of its columns that are there."""
    out = {}
    if row.get("midi") is not None:
        out[_loose_path(row, "midi")] = row["midi"]
    if row.get("audio"):
        out[_loose_path(row, "audio")] = row["audio"]["bytes"]
    return out
