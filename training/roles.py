"""What columns of rows are for, wherever the rows come from.

Conventions: files of data version 3 and later tell the roles of their columns. Columns of older ones have the
roles that the corpus named by their manifest gives to columns of these names; columns of other Parquet files
those that any corpus gives them.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa

from sousa.generation import corpora
from sousa.generation.columns import (
    Breakdown,
    Classes,
    Column,
    Events,
    Group,
    Parameters,
    Role,
    Score,
    stored_columns,
)
from sousa.generation.errors import SousaError


@dataclass(frozen=True)
class Known:
    """Columns with roles.

    Attributes:
        columns: those that the rows have, in their order.
        corpus: whose they are, or None where no registered corpus is known to be it.
    """

    columns: tuple[Column, ...]
    corpus: Any = None

    def get(self, name: str) -> Column | None:
        """A column by its name."""
        return next((column for column in self.columns if column.name == name), None)

    def having(self, *roles: type[Role]) -> list[Column]:
        """The columns with one of these roles."""
        return [column for column in self.columns if isinstance(column.role, roles)]

    @property
    def targets(self) -> dict[str, Column]:
        """What a model can be trained to tell, by name, but for parameters."""
        there = self.having(Classes, Score, Events)
        return {c.name: c for c in there if not isinstance(c.role, Classes) or c.role.target}

    @property
    def parameters(self) -> Column | None:
        """The column of a synthesizer's parameters."""
        return next(iter(self.having(Parameters)), None)

    @property
    def group(self) -> Column | None:
        """What splits and intervals go by."""
        return next(iter(self.having(Group)), None)

    @property
    def breakdowns(self) -> list[Column]:
        """What reports are broken down by."""
        return [c for c in self.having(Classes, Breakdown) if _shown(c)]

    @property
    def described(self) -> list[Column]:
        """What predictions say of a row beside its name: groups, breakdowns, and what checks look at."""
        kept = {"breakdown", "of_group", "shown", "balance", "condition"}
        told = self.having(Group, Breakdown, Classes)
        return [c for c in told if isinstance(c.role, Group) or any(getattr(c.role, k, False) for k in kept)]

    @property
    def tasks(self) -> dict[str, tuple[str, ...]]:
        """What models can learn here by name: dict of task to columns, all of which the rows have."""
        there = [c.name for c in self.columns if c.name in self.targets or c == self.parameters]
        listed = [self.corpus] if self.corpus else corpora.every()
        named = {task: names for corpus in listed for task, names in corpus.tasks.items()}
        out = {task: names for task, names in named.items() if set(names) <= set(there)}
        return out | {name: (name,) for name in there if name not in out}


def _shown(column: Column) -> bool:
    role = column.role
    return role.breakdown if isinstance(role, Classes) else isinstance(role, Breakdown) and role.shown


def corpus_of(source: Any) -> Any:
    """The corpus of a configuration to make; None for anything else."""
    return corpora.get(source.identity()["corpus"]) if hasattr(source, "identity") else None


def of(source: Any) -> Known:
    """What is known of the rows of a :class:`sousa.training.sources.Source` or a configuration to make."""
    corpus = corpus_of(source)
    return Known(corpus.columns(source), corpus) if corpus else source.known


def of_schema(schema: pa.Schema, corpus_name: str | None = None) -> Known:
    """What is known of the columns of a file.

    Args:
        schema: Arrow schema of the file; corpus_name: of its manifest, or None.
    """
    corpus = None
    if corpus_name is not None:
        # without its package the roles in its files will do
        with suppress(SousaError):
            corpus = corpora.get(corpus_name)
    columns = stored_columns(schema)
    if columns is None:
        every = [corpus] if corpus else corpora.every()
        columns = _named([c for one in every for c in one.columns()], schema.names)
    if corpus_name is None and columns:
        names = [column.name for column in columns]
        whole = (c for c in corpora.every() if len(_named(c.columns(), names)) == len(names))
        corpus = next(whole, None)
    return Known(columns, corpus)


def _named(columns: Iterable[Column], names: Iterable[str]) -> tuple[Column, ...]:
    """The first column that is declared for each name, where one is; ``*`` stands for what varies."""
    columns, out = list(columns), []
    for name in names:
        column = next((c for c in columns if fnmatchcase(name, c.name)), None)
        out += [replace(column, name=name)] if column else []
    return tuple(out)
