"""What columns of rows are for, wherever the rows come from.

Conventions: files of data version 3 and later state the roles of their columns. For older ones the roles are
taken from the corpus that the manifest names, for other Parquet files from any corpus with columns of these
names.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa

from sousa.generation import columns as declared
from sousa.generation import corpora
from sousa.generation.columns import Column, Role, stored_columns
from sousa.generation.errors import SousaError
from sousa.generation.filters import Filter


@dataclass(frozen=True)
class Known:
    """Columns with roles.

    Attributes:
        columns: in the order of the rows.
        corpus: whose they are, or None where that is not known.
    """

    columns: tuple[Column, ...]
    corpus: Any = None

    def having(self, *roles: type[Role]) -> list[Column]:
        """The columns with one of these roles."""
        return [column for column in self.columns if isinstance(column.role, roles)]

    @property
    def targets(self) -> dict[str, Column]:
        """Columns that a model can be trained to tell, by name; parameters are not among them."""
        columns = self.having(declared.Classes, declared.Score, declared.Events)
        return {c.name: c for c in columns if getattr(c.role, "target", True)}

    @property
    def parameters(self) -> Column | None:
        """The column of a synthesizer's parameters."""
        return next(iter(self.having(declared.Parameters)), None)

    @property
    def group(self) -> Column | None:
        """What splits and intervals go by."""
        return next(iter(self.having(declared.Group)), None)

    @property
    def breakdowns(self) -> list[Column]:
        """Columns that reports are broken down by."""
        return self._marked("breakdown", "shown")

    @property
    def described(self) -> list[Column]:
        """Columns that predictions carry beside a row's name: groups, breakdowns, conditions, balance."""
        marked = self._marked("breakdown", "of_group", "shown", "balance", "condition")
        return [c for c in self.columns if c in marked or isinstance(c.role, declared.Group)]

    def _marked(self, *fields: str) -> list[Column]:
        """The classes and breakdowns whose role has a value in one of these fields."""
        columns = self.having(declared.Classes, declared.Breakdown)
        return [c for c in columns if any(getattr(c.role, field, None) for field in fields)]

    @property
    def tasks(self) -> dict[str, tuple[str, ...]]:
        """What models can learn here by name: dict of task to columns, all of which the rows have."""
        names = [c.name for c in self.columns if c.name in self.targets or c == self.parameters]
        makers = [self.corpus] if self.corpus else corpora.usable()
        tasks = {task: columns for corpus in makers for task, columns in corpus.tasks.items()}
        tasks = {task: columns for task, columns in tasks.items() if set(columns) <= set(names)}
        return tasks | {name: (name,) for name in names if name not in tasks}

    def filter(self, where: Any) -> Filter:
        """A filter of these columns, from a configuration; UsageError naming every problem."""
        return Filter.parse(where, self.columns or None, self.corpus)


def of_schema(schema: pa.Schema, corpus_name: str | None = None) -> Known:
    """What is known of the columns of a file whose manifest names a corpus, or none."""
    corpus = None
    if corpus_name is not None:
        # without its package the roles in its files will do
        with suppress(SousaError):
            corpus = corpora.get(corpus_name)
    columns = stored_columns(schema)
    if columns is None:
        makers = [corpus] if corpus else corpora.usable()
        columns = _named([column for maker in makers for column in maker.columns()], schema.names)
        columns = tuple(
            replace(c, role=c.role.earlier()) if isinstance(c.role, declared.Events) else c for c in columns
        )
    if corpus_name is None and columns:
        names = [column.name for column in columns]
        corpus = next((c for c in corpora.usable() if len(_named(c.columns(), names)) == len(names)), None)
    return Known(columns, corpus)


def _named(columns: Iterable[Column], names: Iterable[str]) -> tuple[Column, ...]:
    """The first column that is declared for each name, where one is; ``*`` stands for what varies."""
    columns = list(columns)
    pairs = ((name, next((c for c in columns if fnmatchcase(name, c.name)), None)) for name in names)
    return tuple(replace(column, name=name) for name, column in pairs if column)
