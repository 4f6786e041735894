"""Which rows a preview shows: even coverage first, chance second.

Conventions
-----------
Rows are numbered in the order of the manifest's shards. Counts are kept even over acoustics
(``augmentation_preset``) first, inside each of those over tiers, and then over rudiments. A third of
the rows goes to whole takes, the clean row beside its other renderings, so they can be compared.
The same dataset, count and seed give the same rows.

An index keeps a few integers a row, so it stays small beside the rows themselves.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from sousa.generation import seeds
from sousa.generation.audio.presets import CLEAN
from sousa.generation.errors import RunError, UsageError, one_of, raise_all
from sousa.generation.rudiments import definitions, players
from sousa.generation.tables import row_groups

_COLUMNS = (
    "rudiment_slug", "variant", "skill_tier", "augmentation_preset", "profile_index", "tempo_index",
)  # fmt: skip


@dataclass(frozen=True)
class Index:
    """What is known of the rows that may be chosen: arrays of one length, and names of codes.

    Attributes:
        row: number of the row in the dataset.
        preset, tier, form: codes; ``names`` gives the texts, one list each.
        take: equal for all renderings of one take.
    """

    row: np.ndarray
    preset: np.ndarray
    tier: np.ndarray
    form: np.ndarray
    take: np.ndarray
    names: dict


def wanted_forms(names, config):
    """Forms of a dataset that names of rudiments ask for, or None for all.

    Raises: UsageError for unknown names, and for rudiments that are not in the dataset.
    """
    if names is None:
        return None
    chosen, problems = set(), []
    for name in names:
        try:
            asked = {form.form for form in definitions.select([name])}
        except UsageError as error:
            problems.append(str(error))
            continue
        if not asked & set(config.forms):
            problems.append(f"this dataset has no rudiment {one_of(name, config.forms)}")
        chosen |= asked
    raise_all(problems)
    return chosen & set(config.forms)


def check_tiers(names, config):
    """Raises: UsageError for tiers that are not in a dataset."""
    raise_all(
        f"unknown tier {one_of(name, players.tiers())}"
        if name not in players.tiers()
        else f"this dataset has no tier {one_of(name, config.tiers)}"
        for name in names or ()
        if name not in config.tiers
    )


def read_index(root, records, forms=None, tiers=None, presets=None):
    """The index of a dataset's rows, from the few columns that it needs.

    Args:
        records: manifest records of the shards, in order of rows.
        forms, tiers, presets: names to keep, or None for all.

    Raises: UsageError when no row is left or a preset is unknown; RunError for damaged shards.
    """
    names = {"preset": {}, "tier": {}, "form": {}}
    parts, first = [], 0
    for record in records:
        path = Path(root) / record["file"]
        for group in row_groups(path, list(_COLUMNS)):
            lacking = sorted(set(_COLUMNS) - set(group.column_names))
            if lacking:
                raise RunError(f"{path} lacks the column {lacking[0]}; run 'sousa generate' again")
            form = pc.binary_join_element_wise(
                group["rudiment_slug"], group["variant"], ":", null_handling="skip"
            )
            codes = {
                "preset": _codes(group["augmentation_preset"], names["preset"]),
                "tier": _codes(group["skill_tier"], names["tier"]),
                "form": _codes(form, names["form"]),
            }
            take = (group["profile_index"].to_numpy().astype(np.int64) << 32) + (
                (group["tempo_index"].to_numpy().astype(np.int64) << 20) + codes["form"]
            )
            row = np.arange(first, first + len(group))
            keep = np.ones(len(group), bool)
            for name, only in (("form", forms), ("tier", tiers), ("preset", presets)):
                if only is not None:
                    allowed = [code for text, code in names[name].items() if text in only]
                    keep &= np.isin(codes[name], allowed)
            parts.append([a[keep] for a in (row, codes["preset"], codes["tier"], codes["form"], take)])
            first += len(group)
    raise_all(
        f"this dataset has no preset {one_of(name, sorted(names['preset']))}"
        for name in presets or ()
        if name not in names["preset"]
    )
    index = Index(
        *(np.concatenate(a) for a in zip(*parts, strict=True)), {k: list(v) for k, v in names.items()}
    )
    if not len(index.row):
        raise UsageError("no row of this dataset has all that is asked for; leave one of the options out")
    return index


def _codes(column, known):
    """Integers for texts; ``known`` is a dict of text to integer that grows."""
    encoded = column.combine_chunks().dictionary_encode()
    table = [known.setdefault(text, len(known)) for text in encoded.dictionary.to_pylist()]
    return np.array(table, np.int64)[encoded.indices.to_numpy(zero_copy_only=False)]


def choose(index, count, seed):
    """Numbers of the chosen rows, ascending: at most ``count``, and all when there are fewer."""
    rng = seeds.stream(seed, "preview")
    if count >= len(index.row):
        return sorted(index.row.tolist())
    chosen = _Chosen(index, rng)
    chosen.add_takes(count // 3)
    while len(chosen.places) < count:
        chosen.add(chosen.next_place())
    return sorted(index.row[list(chosen.places)].tolist())


class _Chosen:
    """Places in an index chosen so far, and how often each preset, tier and rudiment is among them."""

    def __init__(self, index, rng):
        self.index, self.places, self.counts = index, {}, Counter()
        # a cell is all rows of one preset, tier and rudiment, in an order of chance
        order = rng.permutation(len(index.row))
        sizes = [len(index.names[name]) for name in ("preset", "tier", "form")]
        codes = np.ravel_multi_index((index.preset, index.tier, index.form), sizes)[order]
        by_code = np.argsort(codes, kind="stable")
        edges = np.flatnonzero(np.diff(codes[by_code], prepend=-1, append=-1))
        self.cells = {}
        for a, b in pairwise(edges):
            key = tuple(int(k) for k in np.unravel_index(codes[by_code[a]], sizes))
            self.cells[key] = order[by_code[a:b]].tolist()
        # who goes first when counts are equal
        self.rank = [rng.permutation(size).tolist() for size in sizes]

    def add(self, place):
        preset, tier, form = (int(a[place]) for a in (self.index.preset, self.index.tier, self.index.form))
        self.places[place] = True
        self.counts.update([(preset,), (preset, tier), ("tier", tier), ("form", form), (preset, tier, form)])

    def next_place(self, allowed=None):
        """The next row of the least covered cell; ``allowed``: a preset, or None for all."""
        while True:
            keys = [key for key in self.cells if allowed is None or key[0] == allowed]
            if not keys:
                return None
            key = min(keys, key=self._covered)
            place = self.cells[key].pop()
            if not self.cells[key]:
                del self.cells[key]
            if place not in self.places:
                return place

    def _covered(self, key):
        preset, tier, form = key
        counts = self.counts
        return (
            counts[(preset,)], self.rank[0][preset], counts[(preset, tier)], counts[("tier", tier)],
            self.rank[1][tier], counts[("form", form)], counts[key], self.rank[2][form],
        )  # fmt: skip

    def add_takes(self, budget):
        """Add whole takes, each from its clean row on, of at most ``budget`` rows in all."""
        presets = self.index.names["preset"]
        largest = max(len(presets), 3)
        clean = presets.index(CLEAN) if CLEAN in presets else None
        while budget >= 2:
            place = self.next_place(clean)
            if place is None:
                return
            others = np.flatnonzero(self.index.take == self.index.take[place])
            others = [int(p) for p in others if p != place and int(p) not in self.places]
            if not others:  # rendered once: nothing to compare, here or in any other take
                self.add(place)
                return
            # each acoustics once before any twice
            seen = Counter([self.index.preset[place]])
            again = {}
            for p in others:
                again[p] = seen[self.index.preset[p]]
                seen[self.index.preset[p]] += 1
            family = [place, *sorted(others, key=again.get)][: min(budget, largest)]
            for member in family:
                self.add(member)
            budget -= len(family)
