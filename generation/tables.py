"""Label tables out of shards, and reading shards a row group at a time.

Conventions: only the columns asked for are read, so encoded audio stays on disk; memory holds one
row group, however many rows a dataset has.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sousa.generation.errors import RunError
from sousa.generation.manifest import read_manifest
from sousa.generation.shards import atomic_file


def row_groups(path, columns=None):
    """Row groups of a Parquet file as Arrow tables.

    Raises: RunError when the file is missing or damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            for i in range(file.num_row_groups):
                yield file.read_row_group(i, columns=columns)
    except (OSError, pa.ArrowException) as error:
        first = str(error).splitlines()[0]
        raise RunError(
            f"{path} can't be read ({first}); run 'sousa generate' again to make it anew"
        ) from None


def complete_manifest(root):
    """The manifest of a finished dataset.

    Raises: RunError when there is no dataset, or it is not finished.
    """
    manifest = read_manifest(root)
    if manifest is None:
        raise RunError(f"no dataset in {root} (no manifest.json); make one with 'sousa generate -o {root}'")
    if not manifest["complete"]:
        have, want = len(manifest["shards"]), manifest["num_shards"]
        raise RunError(
            f"{root} is unfinished ({have} of {want} shards); run the same 'sousa generate' command again"
        )
    return manifest


def explode(table, column):
    """Records of a list column as a table of their own, with the sample_id of their row."""
    lists = table[column].combine_chunks()
    parents = pc.list_parent_indices(lists)
    records = lists.flatten()
    arrays = records.flatten()
    names = [field.name for field in records.type]
    ids = table["sample_id"].combine_chunks().take(parents)
    return pa.table([*arrays, ids], names=[*names, "sample_id"])


def write_tables(root, records, tables):
    """Write label tables of all shards, each one file, atomically.

    Args:
        root: dataset directory; files go to ``labels/``.
        records: manifest records of the shards, in order of rows.
        tables: dict of name to ``(columns to read, function of a row group giving an Arrow table)``.
    """
    for name, (columns, make) in tables.items():
        with atomic_file(Path(root) / "labels" / f"{name}.parquet") as file:
            writer = None
            for record in records:
                for group in row_groups(Path(root) / record["file"], columns):
                    part = make(group).replace_schema_metadata(None)
                    if writer is None:
                        strings = [f.name for f in part.schema if pa.types.is_string(f.type)]
                        writer = pq.ParquetWriter(
                            file, part.schema, compression="zstd", use_dictionary=strings
                        )
                    writer.write_table(part)
            if writer:
                writer.close()
