"""Which rows to read: the filters of :mod:`sousa.generation.filters`, and pairs of renderings."""

from typing import Any

import numpy as np

from sousa.generation.columns import Renditions
from sousa.generation.errors import UsageError
from sousa.generation.filters import Filter, select
from sousa.training import roles

__all__ = ["Filter", "clean_pairs", "select"]


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
    column = next(iter(known.having(Renditions)), None)
    if column is None:
        raise UsageError(
            "pairs of renderings need a column that tells of which take a row is; these rows have none"
        )
    needed = (column.name, column.role.condition)
    if missing := [name for name in needed if name not in rows.table.column_names]:
        raise UsageError(
            f"pairs of renderings need the columns {' and '.join(needed)}, and the rows have no "
            f"{' and no '.join(missing)}; open them with columns={needed!r}"
        )
    takes, conditions = (rows.table[name].to_pylist() for name in needed)
    plain: dict[Any, int] = {}
    others = []
    for row, (take, condition) in enumerate(zip(takes, conditions, strict=True)):
        if condition == column.role.clean and take is not None:
            plain.setdefault(take, row)
        elif condition is not None:
            others.append(row)
    pairs = [(plain[takes[row]], row) for row in others if takes[row] in plain]
    return np.array(pairs, np.int64).reshape(-1, 2)
