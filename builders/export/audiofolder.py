"""A folder that ``datasets.load_dataset("audiofolder", data_dir=…)`` reads, with splits and labels.

``audio/SPLIT/`` holds the encoded audio and ``metadata.parquet``. Files are named by the number of their row,
because a name with a word such as ``test`` in it would be taken for a split. The metadata is Parquet: of CSV
or JSON Lines ``datasets`` guesses the types in each split, and refuses splits that it guesses differently.
Rows without sound are left out.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sousa.generation.columns import arrow_type
from sousa.generation.exporting import Format, Groups
from sousa.generation.storage import LocalStorage
from sousa.generation.text import is_pattern, python


class AudioFolder(Format):
    """``audio/SPLIT/``."""

    fills = True

    def problem(self) -> str | None:
        """Without audio there is nothing to write."""
        return None if "audio" in self.media else "the rows have no audio"

    def reads(self) -> tuple[str, ...]:
        """Sound."""
        return ("split", "audio")

    def files(self, row: Mapping[str, Any], number: int) -> dict[str, bytes]:
        """Its audio."""
        if row["audio"] is None:
            return {}
        return {f"audio/{row['split']}/{_file_name(row['audio'], number)}": row["audio"]["bytes"]}

    def finish(self, groups: Groups, storage: LocalStorage) -> list[str]:
        """Write the metadata of each split."""
        columns = self.plain
        fields = [("file_name", pa.string()), *((c.name, arrow_type(c.type)) for c in columns)]
        schema = pa.schema(fields)
        writers: dict[str, pq.ParquetWriter] = {}
        with ExitStack() as held:
            for split, table, numbers in groups([*(column.name for column in columns), "audio.path"]):
                sounds = table["audio"].to_pylist()
                names = [audio and _file_name(audio, n) for audio, n in zip(sounds, numbers, strict=True)]
                there = [i for i, name in enumerate(names) if name]
                path = f"audio/{split}/metadata.parquet"
                if there and path not in writers:
                    file = held.enter_context(storage.writing(path))
                    writers[path] = held.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
                if there:
                    rows = table.drop_columns(["audio"]).replace_schema_metadata(None)
                    rows = rows.add_column(0, "file_name", pa.array(names, pa.string()))
                    writers[path].write_table(rows.take(there).cast(schema))
        return list(writers)

    def load(self, output: str) -> str:
        """With datasets."""
        call = f'datasets.load_dataset("audiofolder", data_dir={python(output)})'
        if is_pattern(output):
            return f"{call}, after renaming it: datasets takes such a path for a pattern"
        return call


def _file_name(audio: Mapping[str, Any], number: int) -> str:
    return f"{number:09}{PurePosixPath(audio['path'] or '').suffix}"
