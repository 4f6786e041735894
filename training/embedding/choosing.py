"""Which rows are embedded, and in which split each is.

Conventions: rows are taken in the order of a hash of their names, so a smaller sample is inside a larger one.
Splits that a corpus has are kept. Rows without one get theirs by groups, such as artists: about 80, 10 and
10 percent of these rows, and none of the splits is empty where there are three groups. Where there are MANY,
a group's split hangs on its name alone, and is the same in every sample. A group of which some rows have a
split goes where these are; of several splits into the last.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sousa.generation import seeds
from sousa.generation.columns import SPLITS

MANY = 100  # groups
SHARES = dict(zip(SPLITS, (0.8, 0.1, 0.1), strict=True))


@dataclass(frozen=True)
class Chosen:
    """Rows to embed.

    Attributes:
        rows: numbers of rows by split, in the order of the rows; splits without rows are left out.
        left_out: how many rows were not taken, by reason.
        assigned: how many rows have a split that was made here.
    """

    rows: dict[str, list[int]]
    left_out: dict[str, int]
    assigned: int

    @property
    def reasons(self) -> str:
        """Why rows were not taken, in words."""
        return ", ".join(f"{number:,} {reason}" for reason, number in self.left_out.items())

    def shards(self, size: int) -> dict[str, list[int]]:
        """Rows of each shard by its name."""
        return {
            f"{split}-{number:05d}": rows[begin : begin + size]
            for split, rows in self.rows.items()
            for number, begin in enumerate(range(0, len(rows), size))
        }


def choose(
    names: Sequence[str], groups: Sequence[str], splits: Sequence[str | None], seconds: np.ndarray,
    least: float | None, most: float | None, sample_size: int | None, seed: int,
) -> Chosen:  # fmt: skip
    """Choose rows.

    Args:
        names: of the rows.
        groups: what each is split by.
        splits: that rows have of their own, or None.
        seconds: length of each as stated, NaN where it is not; these rows are taken, and measured later.
        least, most: of the length, seconds, None for any.
        sample_size: how many rows, None for all.
    """
    short = seconds < (least or 0.0)
    long = seconds > (most or np.inf)
    rows = np.flatnonzero(~(short | long)).tolist()
    left_out = {"too short": int(short.sum()), "too long": int(long.sum())}
    if sample_size is not None and len(rows) > sample_size:
        left_out["not in the sample"] = len(rows) - sample_size
        order = sorted(rows, key=lambda row: (seeds.uniforms(seed, 1, "embed", names[row]), names[row]))
        rows = sorted(order[:sample_size])
    lacking = [row for row in rows if splits[row] is None]
    own: dict[str, str] = {}
    for row in rows:
        if split := splits[row]:  # of several the last
            own[groups[row]] = max(own.get(groups[row], split), split, key=SPLITS.index)
    shared = _shared(Counter(groups[row] for row in lacking), own, seed)
    of_row = {row: splits[row] or shared[groups[row]] for row in rows}
    by_split = {split: [row for row in rows if of_row[row] == split] for split in SPLITS}
    return Chosen(
        {split: numbers for split, numbers in by_split.items() if numbers},
        {reason: number for reason, number in left_out.items() if number}, len(lacking),
    )  # fmt: skip


def _shared(sizes: dict[str, int], own: dict[str, str], seed: int) -> dict[str, str]:
    """A split for each group.

    Of many groups by a hash of the name, which is the same whatever the sample; of few, the largest first,
    each where most rows are still wanted.
    """
    out = {group: own[group] for group in sizes.keys() & own.keys()}
    at = {group: seeds.uniforms(seed, 1, "split", group)[0] for group in sizes.keys() - out.keys()}
    if len(at) >= MANY:
        bounds = np.cumsum(list(SHARES.values()))
        return out | {g: SPLITS[min(int(np.searchsorted(bounds, x, "right")), 2)] for g, x in at.items()}
    total = sum(sizes.values())
    wanted = {split: share * total for split, share in SHARES.items()}
    for group, split in out.items():
        wanted[split] -= sizes[group]
    order = sorted(at, key=lambda group: (-sizes[group], at[group]))
    for group in order:
        split = max(SPLITS, key=wanted.__getitem__)
        wanted[split] -= sizes[group]
        out[group] = split
    # a split that got nothing takes the smallest group of the one that has most groups
    for split in ("test", "validation"):
        counts = Counter(out[group] for group in order)
        richest = max(SPLITS, key=lambda name: counts[name])
        if not counts[split] and split not in own.values() and counts[richest] > 1:
            out[[group for group in order if out[group] == richest][-1]] = split
    return out
