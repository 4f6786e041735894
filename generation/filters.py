"""Which rows to take: tests of scalar columns, made before any audio is touched.

Conventions
-----------
A :class:`Filter` names the columns it reads and holds an Arrow expression over them, so the same object
serves streams, ``table.filter(...)``, ``pyarrow.dataset`` and ``filters=`` of
``datasets.load_dataset("parquet", ...)``. What can be filtered by follows from the columns' roles: names for
classes, groups and conditions, ranges for scores and numbers, each under the column's own name and its alias;
``scores`` takes several ranges by name. A corpus may add tests of its own. Ranges are (low, high), both ends
included, None for an open end. Null is in no range and equal to no name; ``~`` is the exact complement, so of
``f`` and ``~f`` every row passes one.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import reduce
from operator import and_, or_
from typing import Any

import numpy as np
import pyarrow.compute as pc
import yaml

from sousa.generation import corpora
from sousa.generation.columns import Breakdown, Classes, Column, Group, Score
from sousa.generation.errors import UsageError, one_of, raise_all
from sousa.generation.outside import parse_yaml

Test = Callable[[str, Any, list[str]], Any]


class Filter:
    """A test of rows; combine with ``&``, ``|`` and ``~``. Can be pickled.

    Args:
        columns: names of the scalar columns it reads.
        expression: true for the rows to keep; None keeps every row.
    """

    def __init__(self, columns: Iterable[str], expression: pc.Expression | None = None):
        self.columns, self._expression = list(dict.fromkeys(columns)), expression

    @property
    def expression(self) -> pc.Expression:
        """True for the rows to keep."""
        # made when it is asked for: with its first scalar pyarrow imports pandas, 0.15 s
        return pc.scalar(True) if self._expression is None else self._expression

    def _joined(self, other: "Filter", operator: Callable[[Any, Any], Any]) -> "Filter":
        if not isinstance(other, Filter):
            return NotImplemented
        return Filter(self.columns + other.columns, operator(self.expression, other.expression))

    def __and__(self, other: "Filter") -> "Filter":
        return self._joined(other, and_)

    def __or__(self, other: "Filter") -> "Filter":
        return self._joined(other, or_)

    def __invert__(self) -> "Filter":
        # a test that gives null is not passed, so the complement keeps the row
        return Filter(self.columns, ~pc.coalesce(self.expression, pc.scalar(False)))

    def __repr__(self) -> str:
        return f"Filter({self.expression})"

    @classmethod
    def parse(cls, data: Any, columns: Iterable[Column] | None = None, corpus: Any = None) -> "Filter":
        """A filter from a configuration: a mapping of filters to values, or its YAML text.

        A single name may stand for a list of one; None and an empty mapping keep every row.

        Args:
            columns: of the rows; by default those of any corpus, whichever the filters fit.
            corpus: whose own tests may be used too.

        Raises: UsageError naming every problem.
        """
        if isinstance(data, cls):
            return data
        try:
            data = parse_yaml(data) if isinstance(data, str) else data
        except (ValueError, yaml.YAMLError) as error:
            place = getattr(error, "problem_mark", None)
            at = f" at line {place.line + 1}" if place else ""
            raise UsageError(f"a filter can't be read as YAML{at}; write it as in 'split: [train]'") from None
        data = {} if data is None else data
        kinds = [tests(columns, corpus)] if columns is not None else []
        kinds = kinds or [tests(other.columns(), other) for other in corpora.usable()]
        if not isinstance(data, Mapping):
            keys = ", ".join(dict.fromkeys(name for kind in kinds for name in kind))
            raise UsageError(
                f"a filter is a mapping such as 'split: [train]', not {data!r}; its keys are {keys}"
            )
        # of several corpora, the one that knows most of the filters; what they ask for may still be wrong
        results = [_filter(data, kind) for kind in kinds]
        chosen, unknown, problems = min(results, key=lambda result: (len(result[1]), len(result[2])))
        raise_all(unknown + problems)
        return chosen


def value_of(text: str) -> Any:
    """The value of a filter out of a text: names separated by commas, or the two ends of a range.

    An end is a number, or ``null`` or nothing where it is open; a comma inside a name is written ``\\,``.
    """
    parts = [part.strip().replace("\\,", ",") for part in re.split(r"(?<!\\),", text)]
    if len(parts) == 2 and any(parts):
        with suppress(ValueError):
            return [None if part in ("", "null") else float(part) for part in parts]
    return [part for part in parts if part]


def select(**conditions: Any) -> Filter:
    """A filter of rows; every condition given has to hold, and one that is None keeps every row.

    Args:
        conditions: names (one or a list) or ranges (low, high) by filter, see the module's conventions.

    Raises: UsageError naming every unknown name and every bad range.
    """
    return Filter.parse(conditions)


def tests(columns: Iterable[Column], corpus: Any = None) -> dict[str, Test]:
    """Tests of filters by name, as far as columns have them; ``*`` in a name stands for any text."""
    out: dict[str, Test] = {}
    scores = {}
    for column in columns:
        if (test := _test_of(column)) is None:
            continue
        out[column.name] = test
        if column.alias:
            out.setdefault(column.alias, test)
        if isinstance(column.role, Score):
            scores[column.name] = test
    if scores:
        out["scores"] = _scores(scores)
    return out | dict(corpus.filters() if corpus else {})


def _test_of(column: Column) -> Test | None:
    """The test of a column that follows from its role, type and alias."""
    role, breakdown, text = column.role, isinstance(column.role, Breakdown), column.type == "string"
    if isinstance(role, Classes):
        return names(column.name, role.names)
    if isinstance(role, Score):
        return ranges(column.name, (role.low, role.high))
    if breakdown and (role.known or text):
        return names(column.name, role.known or None)
    if text and (column.alias or isinstance(role, Group)):
        return names(column.name)
    if column.alias or breakdown:
        return ranges(column.name, (0, None) if breakdown and role.band else (None, None))
    return None


def _filter(data: Mapping[str, Any], known: Mapping[str, Test]) -> tuple[Filter, list[str], list[str]]:
    """``(Filter of what is right, unknown filters, what is wrong with known ones)``."""
    parts: list[Filter | None] = []
    unknown: list[str] = []
    problems: list[str] = []
    for name, value in data.items():
        pattern = name if name in known else next((k for k in known if fnmatchcase(str(name), k)), None)
        if pattern is None:
            unknown.append(f"unknown filter {one_of(name, [k.replace('*', 'NAME') for k in known])}")
        elif value is not None:
            parts.append(known[pattern](str(name), value, problems))
    return _join(and_, parts) or Filter([]), unknown, problems


def any_of(filters: Iterable[Filter]) -> Filter | None:
    """Rows that pass one of several filters; None for none."""
    return _join(or_, filters)


def _join(operator: Callable[[Any, Any], Any], filters: Iterable[Filter | None]) -> Filter | None:
    parts = [part for part in filters if part is not None]
    return reduce(operator, parts) if parts else None


def entries_of(name: str, value: Any, problems: list[str]) -> list[Any]:
    """Entries of a filter that takes one or several; a text is one."""
    if isinstance(value, Mapping) or value is None:
        problems.append(f"{name} is {value!r}; give a list of names")
        return []
    entries = list(value) if np.iterable(value) and not isinstance(value, (str, bytes)) else [value]
    if not entries:
        problems.append(f"{name} is empty, which keeps no row; leave it out to keep all")
    return entries


def names(column: str, allowed: Iterable[str] | None = None) -> Test:
    """A test of a column against names; ``allowed``: all there are, None for any."""

    def test(name: str, value: Any, problems: list[str]) -> Filter | None:
        entries = entries_of(name, value, problems)
        for entry in entries:
            if allowed is not None and entry not in allowed:
                problems.append(f"{name}: unknown {one_of(entry, allowed)}")
            elif not isinstance(entry, str) or not entry:
                problems.append(f"{name} has {entry!r}; give names, such as those of the column {column}")
        texts = [entry for entry in entries if isinstance(entry, str)]
        return Filter([column], pc.field(column).isin(texts)) if texts else None

    return test


def ranges(column: str, scale: tuple[float | None, float | None]) -> Test:
    """A test of a column against a range; ``scale``: what its values can be."""

    def test(name: str, value: Any, problems: list[str]) -> Filter | None:
        place = name if "*" in column else column
        ends = list(value) if isinstance(value, (list, tuple, np.ndarray)) else []
        if len(ends) != 2 or not all(end is None or _is_finite(end) for end in ends):
            problems.append(
                f"{name} is {value!r}; give two numbers, the lower first, such as 80,120, or 80,null for 80 "
                "and above (in Python: (80, None))"
            )
            return None
        (low, high), (bottom, top) = ends, scale
        if low is not None and high is not None and low > high:
            problems.append(f"{name} from {low} to {high} keeps no row; give the lower number first")
        elif (None not in (low, top) and low > top) or (None not in (high, bottom) and high < bottom):
            values = f"{bottom:g} to {top:g}" if top is not None else f"{bottom} or more"
            problems.append(f"{name} from {low} to {high} keeps no row; its values are {values}")
        expression = pc.field(place).is_valid()
        if low is not None:
            expression &= pc.field(place) >= pc.scalar(float(low))
        if high is not None:
            expression &= pc.field(place) <= pc.scalar(float(high))
        return Filter([place], expression)

    return test


def _is_finite(value: Any) -> bool:
    kinds = (int, float, np.integer, np.floating)
    return isinstance(value, kinds) and not isinstance(value, bool) and bool(np.isfinite(value))


def _scores(known: Mapping[str, Test]) -> Test:
    def test(name: str, value: Any, problems: list[str]) -> Filter | None:
        if not isinstance(value, Mapping) or not value:
            example = next(iter(known))
            problems.append(f"{name} is {value!r}; give ranges by name, such as {example}: [60, null]")
            return None
        problems += [f"unknown score {one_of(score, known)}" for score in value if score not in known]
        return _join(and_, [known[s](s, ends, problems) for s, ends in value.items() if s in known])

    return test
