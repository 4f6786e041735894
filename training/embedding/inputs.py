"""Rows to embed, with their sounds: of a dataset, of a unified JSON file, or of a corpus as it is published.

Conventions: columns are found by their roles. What can't be read of a single sound is a RunError, whose
sentence becomes the reason of a failure; rows without sound are rows all the same.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation.captions import unembedded
from sousa.generation.captions.readers import READERS
from sousa.generation.captions.readers.generated import is_dataset
from sousa.generation.captions.sounds import file_bytes, sound_bytes
from sousa.generation.columns import SPLITS, Breakdown, Column, Text
from sousa.generation.errors import RunError, UsageError
from sousa.generation.manifest import digest_of
from sousa.generation.outside import expanded, is_directory, is_file
from sousa.generation.storage import file_digest
from sousa.training import roles, sources
from sousa.training.stream import open_rows

AT = "audio_at"  # where a row's sound is, in the rows of an embeddings directory


@dataclass
class Inputs:
    """Rows to embed.

    Attributes:
        where: how the user named them.
        identity: what they are, as plain data: not where they lie.
        table: their columns, without sound, with the metadata that declares them; ``sample_id`` and AT among
            them.
        known: roles of the columns.
        sound: gives the encoded sound of a row by number; raises RunError.
    """

    where: str
    identity: Any
    table: pa.Table
    known: roles.Known
    sound: Callable[[int], bytes] = field(repr=False)

    @property
    def text(self) -> Column | None:
        """The column of texts."""
        return next(iter(self.known.having(Text)), None)

    def names(self) -> list[str]:
        """The corpus that each row is of."""
        main = [c for c in self.known.having(Breakdown) if c.role.main and c.name in self.table.column_names]
        if main:
            return [str(name) for name in self.table[main[0].name].to_pylist()]
        corpus = self.known.corpus.name if self.known.corpus else Path(self.where).name
        return [corpus] * len(self.table)

    def groups(self) -> list[str]:
        """What each row is split by: its group, or else the row itself."""
        ids, column = self.table["sample_id"].to_pylist(), self.known.group
        if column is None or column.name not in self.table.column_names:
            return [f"row {name}" for name in ids]
        values = self.table[column.name].to_pylist()
        return [f"row {i}" if v is None else f"group {v}" for i, v in zip(ids, values, strict=True)]

    def splits(self) -> list[str | None]:
        """The split that each row has of its own, or None."""
        values = self.table["split"].to_pylist()
        return [value if value in SPLITS else None for value in values]

    def seconds(self) -> np.ndarray:
        """Length of each sound as stated, NaN where it is not: float64 (rows,)."""
        if "duration_sec" not in self.table.column_names:
            return np.full(len(self.table), np.nan)
        return self.table["duration_sec"].cast(pa.float64()).to_numpy(zero_copy_only=False)

    def texts(self, rows: Iterable[int]) -> Iterator[dict[str, Any]]:
        """Texts of rows: dicts of ``row, number, text, source, language, start_sec, end_sec``.

        ``number`` is 0 for a row's own; texts that are empty are left out.
        """
        role, names = self.text.role, self.table.column_names
        own = {"text": self.text.name, "source": role.source, "language": role.language,
               "start_sec": role.start, "end_sec": role.end}  # fmt: skip
        own = {key: self.table[name] for key, name in own.items() if name in names}
        others = self.table[role.others] if role.others in names else None
        for row in rows:
            entries = [{key: values[row].as_py() for key, values in own.items()}]
            entries += (others[row].as_py() or []) if others is not None else []
            for number, entry in enumerate(entries):
                if (entry.get("text") or "").strip():
                    yield {key: entry.get(key) for key in _OF_TEXT} | {"row": row, "number": number}


_OF_TEXT = ("text", "source", "language", "start_sec", "end_sec")


def is_json(where: str) -> bool:
    """Whether that is a file of JSON."""
    return where.endswith(".json") and is_file(expanded(where))


def is_corpus(where: str) -> bool:
    """Whether that is the folder of a published corpus, which has the corpus's name."""
    root = Path(expanded(where))
    return root.name in READERS and is_directory(root) and not is_dataset(root)


def of(where: str) -> Inputs:
    """Rows of a unified JSON file, of the folder of a published corpus, or of a dataset.

    Raises: UsageError or RunError as the three.
    """
    if is_json(where):
        return of_json(where)
    root = Path(expanded(where))
    return of_corpus(root.name, str(root.parent)) if is_corpus(where) else of_dataset(where)


def of_dataset(where: str) -> Inputs:
    """Rows of a dataset directory, a release, a Parquet file, or a dataset on the Hub.

    Raises: UsageError or RunError as :func:`sousa.training.sources.find`.
    """
    source = sources.find(where)
    schema, tables = source.schema, []
    names = [f.name for f in schema if f.name not in ("split", AT) and not _is_sound(f.type)]
    for file in source.files:
        table = source.read(file, names)
        if lost := [name for name in ("sample_id", *names) if name not in table.column_names]:
            raise UsageError(f"{where}: {file.name} has no column {lost[0]}; name a dataset of this project")
        tables.append(
            table.add_column(1, "split", pa.array([file.split] * len(table), pa.string()))
            .append_column(AT, pa.array([f"{file.name}#{row}" for row in range(len(table))], pa.string()))
        )  # fmt: skip
    table = pa.concat_tables(tables).unify_dictionaries().replace_schema_metadata(schema.metadata)
    names, stored = table["sample_id"], Stored(source)
    known, identity = source.known, source.identity()
    return Inputs(source.where, identity, table, known, lambda row: stored(names[row].as_py()))


def _is_sound(kind: pa.DataType) -> bool:
    """Whether a column holds files: of sound or others."""
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


class Stored:
    """Sounds of a dataset by the names of their rows; it is looked at when the first of them is asked for.

    Args:
        source: the dataset, or how a user names it.
    """

    def __init__(self, source: sources.Source | str):
        self._source, self._rows = source, None

    def __call__(self, name: str) -> bytes:
        if self._rows is None:
            self._open()
        if name not in self._place:
            raise RunError("it has no sound in the dataset")
        return self._rows.encoded([self._place[name]])[0]

    def _open(self) -> None:
        rows = open_rows(self._source, columns="sample_id")
        self._place = {name: i for i, name in enumerate(rows.values("sample_id"))}
        self._rows = rows


def of_json(path: str) -> Inputs:
    """Rows of a unified JSON file; raises UsageError where there is none, RunError for what is none."""
    whole = expanded(path)
    if not is_file(whole):
        raise UsageError(f"--dataset-file {path} is not there; make one with 'sousa unify'")
    table = _table(unembedded.from_json(whole), path)
    places = table[AT]

    known = roles.of_schema(table.schema)
    return Inputs(path, file_digest(whole), table, known, lambda row: file_bytes(places[row].as_py()))


def of_corpus(name: str, root: str) -> Inputs:
    """Rows of a published corpus, out of its folder.

    Raises: UsageError where it is not; RunError when its files can't be read.
    """
    folder = Path(expanded(root)) / name
    if not is_directory(folder):
        raise UsageError(
            f"{name} is not in {folder}; get it with 'sousa download --datasets {name}', or name the folder "
            "above it with --root"
        )
    table = _table(unembedded.from_corpus(name, folder), str(folder))
    places = table[AT]

    def sound(row: int) -> bytes:
        place = places[row].as_py()
        if place is None:
            raise RunError("missing file: the corpus has no sound of this row here")
        return sound_bytes(folder, place)

    known = roles.of_schema(table.schema)
    names = ["sample_id", *(column.name for column in known.having(Text))]
    identity = digest_of(table.select(names).to_pydict())
    return Inputs(str(folder), identity, table, known, sound)


def _table(tables: Iterator[pa.Table], where: str) -> pa.Table:
    blocks = list(tables)
    if not sum(map(len, blocks)):
        raise UsageError(f"{where} has no rows that can be used")
    return pa.concat_tables(blocks)
