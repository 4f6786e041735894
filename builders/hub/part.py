"""A part of a dataset as a builder of ``datasets``.

It has a module of its own: ``datasets`` replaces ``open`` and ``Path`` in the module of a builder.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import datasets
from datasets.table import table_cast

from sousa.generation.errors import RunError
from sousa.generation.parquet import NO_BUFFER_THREADS, NO_THREADS, parquet_file, parquet_schema


class Part(datasets.ArrowBasedBuilder):
    """Some splits or columns of a dataset on the Hub, kept in the cache like any dataset.

    Args:
        fetch: function giving ``{split: [function opening a file, ...]}``, called when it is not cached.
        columns: names, or None for all.
        declared: their features, or None for what the files say.
    """

    def __init__(self, fetch: Callable, columns: Sequence[str] | None, declared: Any, **arguments: Any):
        self._fetch, self._columns, self._declared = fetch, columns, declared
        super().__init__(**arguments)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo()

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        files = self._fetch()
        if empty := [split for split, opened in files.items() if not opened]:
            raise RunError(f"the card names files of split {', '.join(empty)} that are not there")
        with next(iter(files.values()))[0]() as file:
            features = datasets.Features.from_arrow_schema(parquet_schema(file))
        if missing := [name for name in self._columns or () if name not in features]:
            raise RunError(f"the config has columns that its files have not: {', '.join(missing)}")
        features |= {name: kind for name, kind in (self._declared or {}).items() if name in features}
        self.info.features = datasets.Features({c: features[c] for c in self._columns or features})
        return [datasets.SplitGenerator(name, {"files": opened}) for name, opened in files.items()]

    def _generate_tables(self, files: Iterable[Callable]) -> Iterator[Any]:
        schema = self.info.features.arrow_schema
        for i, opened in enumerate(files):
            with opened() as file, parquet_file(file, **NO_BUFFER_THREADS) as parquet:
                for j in range(parquet.num_row_groups):
                    table = parquet.read_row_group(j, columns=schema.names, **NO_THREADS)
                    yield datasets.builder.Key(i, j), table_cast(table.select(schema.names), schema)
