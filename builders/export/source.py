"""What is exported: the rows of a finished dataset or of a release that lies here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sousa.builders.release import layout, opened
from sousa.generation import corpora
from sousa.generation.columns import Column, fitted
from sousa.generation.corpus import Corpus
from sousa.generation.errors import RunError, UsageError, first_line
from sousa.generation.filters import Filter
from sousa.generation.outside import regular
from sousa.generation.reopen import open_dataset
from sousa.generation.storage import LocalStorage
from sousa.generation.tables import row_groups

_NUMBER = "row number"


@dataclass(frozen=True)
class Source:
    """A dataset or release.

    Attributes:
        storage: where it lies.
        corpus: what it is of.
        columns: of its files.
        shards: their records, in order of rows.
        data_version: of its rows.
    """

    storage: LocalStorage
    corpus: Corpus
    columns: tuple[Column, ...]
    shards: list[dict[str, Any]]
    data_version: str


def open_source(root: str | Path, plugins: Sequence[str] = ()) -> Source:
    """A dataset or release directory.

    Raises: UsageError or RunError when it is none, is not finished, or can't be used here.
    """
    if not opened.is_release(root):
        stored = open_dataset(root, plugins=plugins)
        return Source(stored.storage, stored.corpus, stored.columns, stored.records, stored.data_version)
    manifest = opened.read(root).manifest
    shards = [{"file": file, **entry} for file, entry in layout.data_files(manifest).items()]
    try:
        corpus = corpora.get(manifest["corpus"])
    except UsageError as error:
        raise RunError(f"{root}: {error}") from None
    corpus.use(plugins)
    path = Path(root) / shards[0]["file"]
    try:
        columns = fitted(corpus.columns(), pq.read_schema(regular(path)))
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{path} can't be read ({first_line(error)}); get the release again") from None
    return Source(LocalStorage(str(root)), corpus, columns, shards, manifest["data_version"])


def rows_of(
    storage: LocalStorage, shard: dict[str, Any], first: int, columns: Sequence[str], chosen: Filter
) -> Iterator[tuple[pa.Table, list[int]]]:
    """Rows of a shard that pass a filter, a row group at a time: ``(table, numbers of its rows)``.

    Args:
        first: number of the shard's first row.
    """
    for table in row_groups(storage.path(shard["file"]), list(dict.fromkeys([*columns, *chosen.columns]))):
        numbers = np.arange(first, first + len(table))
        first += len(table)
        if chosen.columns:
            kept = table.select(chosen.columns).append_column(_NUMBER, pa.array(numbers))
            kept_numbers = kept.filter(chosen.expression)[_NUMBER].to_numpy()
            table, numbers = table.take(kept_numbers - numbers[0]), kept_numbers
        yield table.select(list(dict.fromkeys(name.partition(".")[0] for name in columns))), numbers.tolist()
