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

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pyarrow.compute as pc
import yaml

from sousa.generation import corpora
from sousa.generation.columns import Breakdown, Classes, Column, Group, Score
from sousa.generation.errors import UsageError, one_of, raise_all

Test = Callable[[str, Any, list[str]], Any]


class Filter:
    """A test of rows; combine with ``&``, ``|`` and ``~``. Can be pickled.

    Args:
        columns: names of the scalar columns it reads.
        expression: true for the rows to keep.
    """

    def __init__(self, columns: Iterable[str], expression: pc.Expression):
        self.columns, self.expression = list(dict.fromkeys(columns)), expression

    def __and__(self, other: "Filter") -> "Filter":
        if not isinstance(other, Filter):
            return NotImplemented
        return Filter(self.columns + other.columns, self.expression & other.expression)

    def __or__(self, other: "Filter") -> "Filter":
        if not isinstance(other, Filter):
            return NotImplemented
        return Filter(self.columns + other.columns, self.expression | other.expression)

    def __invert__(self) -> "Filter":
        # what can't be told for null is not true, so it is kept here
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
        if isinstance(data, str):
            try:
                data = yaml.safe_load(data)
            except yaml.YAMLError as error:
                place = getattr(error, "problem_mark", None)
                at = f" at line {place.line + 1}" if place else ""
                raise UsageError(f"a filter can't be read as YAML{at}; write tiers: [beginner]") from None
        if data is None:
            data = {}
        if columns is not None:
            kinds = [tests(columns, corpus)]
        else:
            kinds = [tests(one.columns(), one) for one in corpora.every()]
        if not isinstance(data, Mapping):
            known = dict.fromkeys(name for kind in kinds for name in kind)
            raise UsageError(
                f"a filter is a mapping such as tiers: [beginner], not {data!r}; its keys are "
                f"{', '.join(known)}"
            )
        tried = [_filter(data, kind) for kind in kinds]
        # whose filters these are, though what they ask for may be wrong
        best, unknown, problems = min(tried, key=lambda one: (len(one[1]), len(one[2])))
        raise_all(unknown + problems)
        return best


def select(**conditions: Any) -> Filter:
    """A filter of rows; every condition given has to hold.

    Args:
        conditions: names (one or a list) or ranges (low, high) by filter, see the module's conventions; one
            that is None keeps every row.

    Raises: UsageError naming every unknown name and every bad range at once.
    """
    return Filter.parse(conditions)


def tests(columns: Iterable[Column], corpus: Any = None) -> dict[str, Test]:
    """Tests of filters by name, as far as columns have them; ``*`` in a name stands for any text."""
    out: dict[str, Test] = {}
    scores = {}
    for column in columns:
        role, test = column.role, None
        if isinstance(role, Classes):
            test = names(column.name, role.names)
        elif isinstance(role, Score):
            test = ranges(column.name, (role.low, role.high))
            scores[column.name] = test
        elif isinstance(role, Breakdown) and (role.known or column.type == "string"):
            test = names(column.name, role.known or None)
        elif column.type == "string" and (column.alias or isinstance(role, Group)):
            test = names(column.name)
        elif column.alias or isinstance(role, Breakdown):
            test = ranges(column.name, (0, None) if getattr(role, "band", 0) else (None, None))
        if test:
            out[column.name] = test
            if column.alias:
                out.setdefault(column.alias, test)
    if scores:
        out["scores"] = _scores(scores)
    return out | dict(corpus.filters() if corpus else {})


def _filter(data: Mapping[str, Any], known: Mapping[str, Test]) -> tuple[Filter, list[str], list[str]]:
    """``(Filter of what is right, unknown filters, what is wrong with known ones)``."""
    unknown: list[str] = []
    problems: list[str] = []
    out = None
    for name, value in data.items():
        test = known.get(name) or next(
            (known[k] for k in known if "*" in k and fnmatchcase(str(name), k)), None
        )
        if test is None:
            unknown.append(f"unknown filter {one_of(name, [k.replace('*', 'NAME') for k in known])}")
        elif value is not None:
            one = test(str(name), value, problems)
            out = one if out is None or one is None else out & one
    return out if out is not None else Filter([], pc.scalar(True)), unknown, problems


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
        own = name if "*" in column else column
        ends = list(value) if isinstance(value, (list, tuple, np.ndarray)) else []
        if len(ends) != 2 or not all(end is None or (_is_number(end) and np.isfinite(end)) for end in ends):
            problems.append(
                f"{name} is {value!r}; give two numbers (low, high), null or None for an open end"
            )
            return None
        (low, high), (bottom, top) = ends, scale
        if low is not None and high is not None and low > high:
            problems.append(f"{name} from {low} to {high} keeps no row; give the lower number first")
        elif (None not in (low, top) and low > top) or (None not in (high, bottom) and high < bottom):
            values = f"{bottom:g} to {top:g}" if top is not None else f"{bottom} or more"
            problems.append(f"{name} from {low} to {high} keeps no row; its values are {values}")
        expression = pc.field(own).is_valid()
        if low is not None:
            expression &= pc.field(own) >= pc.scalar(float(low))
        if high is not None:
            expression &= pc.field(own) <= pc.scalar(float(high))
        return Filter([own], expression)

    return test


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _scores(known: Mapping[str, Test]) -> Test:
    def test(name: str, value: Any, problems: list[str]) -> Filter | None:
        if not isinstance(value, Mapping) or not value:
            problems.append(
                f"{name} is {value!r}; give ranges by name, such as {next(iter(known))}: [60, null]"
            )
            return None
        out = None
        for score, ends in value.items():
            if score not in known:
                problems.append(f"unknown score {one_of(score, known)}")
            elif (one := known[score](score, ends, problems)) is not None:
                out = one if out is None else out & one
        return out

    return test


def any_of(filters: Iterable[Filter]) -> Filter | None:
    """Rows that pass one of several filters; None for none."""
    out = None
    for one in filters:
        out = one if out is None else out | one
    return out
