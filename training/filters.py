"""Which rows to read: the filters of :mod:`sousa.generation.filters`, and pairs of renderings."""

from typing import Any

import numpy as np
import pyarrow.compute as pc

from sousa.generation.columns import Renditions
from sousa.generation.errors import UsageError
from sousa.generation.filters import Filter, select
from sousa.training import roles

__all__ = ["Filter", "clean_pairs", "parse", "select"]


def parse(where: Any, known: roles.Known) -> Filter | None:
    """A filter of rows with these columns, from a configuration; None for none.

    Raises: UsageError naming every problem.
    """
    return None if where is None else Filter.parse(where, known.columns or None, known.corpus)


def clean_pairs(rows: Any) -> np.ndarray:
    """Pairs of renderings of the same take: the plain one and another.

    Args:
        rows: what :func:`sousa.training.stream.open_rows` gives with the column whose role is ``Renditions``
            and the one that it names as their condition.

    Returns: int64 array [pairs, 2]: numbers of the plain row and of the other, in order of the other. Takes
        without a plain row have no pairs; of several plain rows of a take the first stands for it.
    Raises: UsageError when the rows were opened without these columns, or have no renditions.
    """
    known = rows.known if hasattr(rows, "known") else roles.of_schema(rows.table.schema)
    takes = next(iter(known.having(Renditions)), None)
    if takes is None:
        raise UsageError(
            "pairs of renderings need a column that tells of which take a row is; these rows have none"
        )
    needed = (takes.name, takes.role.condition)
    missing = [name for name in needed if name not in rows.table.column_names]
    if missing:
        raise UsageError(
            f"pairs of renderings need the columns {' and '.join(needed)}, and the rows have no "
            f"{' and no '.join(missing)}; open them with columns={needed!r}"
        )
    groups, names = (rows.table[name].combine_chunks() for name in needed)
    codes = groups.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    is_clean = pc.equal(names, takes.role.clean).fill_null(False).to_numpy(zero_copy_only=False)
    known_take = codes >= 0
    first = np.full(codes.max(initial=-1) + 1, -1, np.int64)
    clean = np.flatnonzero(is_clean & known_take)[
        ::-1
    ]  # of equal places the last written stays: the first row
    first[codes[clean]] = clean
    other = np.flatnonzero(~is_clean & known_take & names.is_valid().to_numpy(zero_copy_only=False))
    other = other[first[codes[other]] >= 0]
    return np.stack([first[codes[other]], other], axis=1).astype(np.int64)
