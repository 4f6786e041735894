"""Which rows a preview shows: even coverage first, chance second.

Conventions
-----------
Rows are numbered in the order of the manifest's shards. Counts are kept even over the values of the page's
first column (``Preview.even``), inside each of those over the second, and so on; numbers come up all over
their range. Where takes have several renditions, a third of the rows goes to whole takes, the clean row
beside its others, so they can be compared. The same dataset, count and seed give the same rows. What is kept
of a row is a few integers, however large its sound is.
"""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation import seeds
from sousa.generation.columns import Renditions, having
from sousa.generation.errors import UsageError
from sousa.generation.filters import Filter
from sousa.generation.preview.source import Source
from sousa.generation.tables import groups_of

_LONGEST_FAMILY = 12


def choose(source: Source, where: Filter, count: int, seed: int) -> list[int]:
    """Numbers of the chosen rows, ascending: at most ``count``, and all when there are fewer.

    Raises: UsageError when no row passes the filter.
    """
    takes = having(source.columns, Renditions)[:1]
    there = {column.name for column in source.columns}
    names = [name for name in source.page.even if name in there]
    wanted = [*names, *where.columns, *(n for t in takes for n in (t.name, t.role.condition))]
    rows, table = _matching(source, where, list(dict.fromkeys(wanted)))
    if not len(rows):
        raise UsageError("no row of this dataset has all that is asked for; leave one of the filters out")
    if count >= len(rows):
        return sorted(rows.tolist())
    rng = seeds.stream(seed, "preview")
    cover = _Coverage([_ranks(table[name], rng) for name in names], rng.permutation(len(rows)))
    if takes:
        role, family = takes[0].role, _codes(table[takes[0].name])
        clean = np.array(pc.equal(table[role.condition], role.clean).to_pylist()) == 1
        _add_takes(cover, count // 3, family, _codes(table[role.condition]), clean)
    while len(cover.chosen) < count:
        cover.add(cover.next_place())
    return sorted(rows[list(cover.chosen)].tolist())


def _matching(source: Source, where: Filter, columns: list[str]) -> tuple[np.ndarray, pa.Table]:
    """Numbers of the rows that pass a filter, and some columns of theirs."""
    first, numbers, parts = 0, [], []
    for group in groups_of(source.storage, source.records, columns or ["sample_id"]):
        numbered = group.append_column("__row", pa.array(range(first, first + len(group)), pa.int64()))
        kept = numbered.filter(where.expression)
        numbers.append(kept["__row"].to_numpy())
        parts.append(kept.select(columns))
        first += len(group)
    return np.concatenate(numbers), pa.concat_tables(parts).combine_chunks()


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _ranks(column: pa.ChunkedArray, rng: np.random.Generator) -> np.ndarray:
    """Integers for values; the one that goes first when counts are equal is the smallest.

    Names go in an order of chance. Numbers go as a van der Corput sequence over their order, so that the
    first few of them lie all over the range.
    """
    if pa.types.is_string(column.type):
        codes = _codes(column)
        return rng.permutation(codes.max() + 1)[codes]
    values, codes = np.unique(column.combine_chunks().fill_null(0).to_numpy(), return_inverse=True)
    bits = max(len(values) - 1, 1).bit_length()
    turned = np.array([int(f"{i:0{bits}b}"[::-1], 2) for i in range(1 << bits)])
    shift, rank = int(rng.integers(len(values))), np.empty(len(values), np.int64)
    rank[(turned[turned < len(values)] + shift) % len(values)] = np.arange(len(values))
    return rank[codes]


class _Coverage:
    """Places of rows chosen so far, and how often each value, alone and after the ones before it, came up."""

    def __init__(self, ranks: list[np.ndarray], order: np.ndarray):
        self.keys = list(zip(*(rank.tolist() for rank in ranks), strict=True)) or [()] * len(order)
        self.chosen: set[int] = set()
        self.counts: Counter = Counter()  # by values of the first columns
        self.alone: Counter = Counter()  # by number of a column and its value
        self.following = defaultdict(set)  # by values of the first columns: those of the next one
        self.cells = defaultdict(list)  # places of one combination of values, in an order of chance
        for place in order.tolist():
            key = self.keys[place]
            self.cells[key].append(place)
            for i, value in enumerate(key):
                self.following[key[:i]].add(value)

    def add(self, place: int) -> None:
        key = self.keys[place]
        self.chosen.add(place)
        self.counts.update(key[: i + 1] for i in range(len(key)))
        self.alone.update(enumerate(key))

    def next_place(self, allowed: np.ndarray | None = None, key: tuple = ()) -> Any:
        """The next row of the least covered combination, of those that are allowed, or None.

        Args:
            key: the first values of the combination.
        """
        if key in self.cells:
            free = self.cells[key] = [place for place in self.cells[key] if place not in self.chosen]
            if key and not free:
                self.following[key[:-1]].remove(key[-1])
            return next((place for place in reversed(free) if allowed is None or allowed[place]), None)

        def covered(value: int) -> tuple[int, int, int]:
            return self.counts[*key, value], self.alone[len(key), value], value

        places = (
            self.next_place(allowed, (*key, value)) for value in sorted(self.following[key], key=covered)
        )
        return next((place for place in places if place is not None), None)


def _add_takes(
    cover: _Coverage, budget: int, family: np.ndarray, condition: np.ndarray, clean: np.ndarray
) -> None:
    """Add whole takes, each from its clean row on, of at most ``budget`` rows in all."""
    while budget >= 2:
        place = cover.next_place(clean if clean.any() else None)
        if place is None:
            return
        same_take = np.flatnonzero(family == family[place]).tolist()
        others = [p for p in same_take if p != place and p not in cover.chosen]
        if not others:  # rendered once: nothing to compare, here or in any other take
            cover.add(place)
            return
        seen, again = Counter([condition[place]]), {}
        for p in others:  # each condition once before any twice
            again[p] = seen[condition[p]]
            seen[condition[p]] += 1
        for member in [place, *sorted(others, key=again.__getitem__)][: min(budget, _LONGEST_FAMILY)]:
            cover.add(member)
            budget -= 1
