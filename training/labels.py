"""Classes and scores as numbers, and constants of the classes that registered corpora have.

Conventions: a class has the same number everywhere, whatever a split or a filter leaves: its place among the
names of the column's role. A score is scaled to 0-1 by its own range.

Of a column of classes ``x``, and of a task ``x`` whose only column is one, this module has ``X_LABELS``, the
names in order, ``X_TO_ID`` and ``ID_TO_X``; besides, ``CLASSES`` and ``SCORE_RANGES``: dicts of every column
of classes to its names, and of every score to its lowest and highest value.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sousa.generation import corpora
from sousa.generation.columns import Classes, Column, Score
from sousa.generation.errors import UsageError


def __getattr__(name: str) -> Any:
    columns = [column for corpus in corpora.usable() for column in corpus.columns()]
    classes = {c.name: list(c.role.names) for c in reversed(columns) if isinstance(c.role, Classes)}
    scores = {c.name: (c.role.low, c.role.high) for c in reversed(columns) if isinstance(c.role, Score)}
    constants: dict[str, Any] = {"CLASSES": classes, "SCORE_RANGES": scores}
    tasks = [task for corpus in corpora.usable() for task in corpus.tasks.items()]
    single = {task: classes[names[0]] for task, names in tasks if len(names) == 1 and names[0] in classes}
    for stem, names in {**single, **classes}.items():
        stem = stem.upper()
        constants[f"{stem}_LABELS"], constants[f"ID_TO_{stem}"] = names, dict(enumerate(names))
        constants[f"{stem}_TO_ID"] = {name: i for i, name in enumerate(names)}
    if name not in constants:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return constants[name]


def class_id(column: str, names: Sequence[str], value: str) -> int:
    """Number of a class; UsageError when the column has no such class."""
    if value not in names:
        raise UsageError(
            f"{column} is {value!r}, which is none of the classes {', '.join(names)}; leave such rows out by "
            f"'where', as in {{{column}: [{names[0]}]}}"
        )
    return names.index(value)


def scaled(value: Any, low: float, high: float) -> Any:
    """A score on 0-1; ``unscaled`` is its inverse. Arrays too."""
    return (value - low) / (high - low)


def unscaled(value: Any, low: float, high: float) -> Any:
    """A score on its own range."""
    return value * (high - low) + low


def natural(values: Any, low: float, high: float, scale: str) -> np.ndarray:
    """Natural values of parameters on 0-1: float64 array; ``scale`` is linear or log."""
    share = np.asarray(values, np.float64)
    out = low * (high / low) ** share if scale == "log" else low + (high - low) * share
    # the ends exactly, whatever rounding does
    return np.where(share == 1, high, np.where(share == 0, low, out))


def number(column: Column, value: Any) -> int | float | None:
    """A value of a column of classes or scores as a number; None for null."""
    role = column.role
    if value is None or isinstance(role, Score):
        return None if value is None else scaled(value, role.low, role.high)
    return class_id(column.name, role.names, value)
