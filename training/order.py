"""The order of rows: which row is read at which step, by which process.

Conventions: the order of an epoch is a permutation of all rows that depends on (seed, epoch, number of rows)
and on nothing else: not on batch size, processes or workers. Step after step, it is dealt out in global
batches of ``batch_size * world_size`` rows, of which each process (rank) takes its part. All ranks have the
same number of steps, and every row is read exactly once:

- the last global batch, smaller than the others, is shared so that ranks differ by one row at most;
- rows that are too few to give each rank one go into the step before, whose batches are then larger.

What was read is one number, the rows of this epoch consumed by all ranks together; so a state can be
taken up by another number of processes or another batch size, again without loss or repetition (only when
fewer rows are left than there are now processes are they left out).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from sousa.generation import seeds
from sousa.generation.errors import UsageError


def permutation(num_rows: int, seed: int, epoch: int) -> np.ndarray:
    """Order of the rows of an epoch: int64 array."""
    return seeds.stream(seed, "order", epoch, num_rows).permutation(num_rows)


class Order(Sampler):
    """A batch sampler that deals out an epoch: lists of ``(epoch, row)``, as crops are drawn anew in each.

    Args:
        batch_size: rows of a batch of one rank.
        shuffle: False deals out rows in their own order.
        drop_last: leave out what does not fill a global batch.

    Raises: UsageError for numbers that leave a rank without rows.
    """

    def __init__(
        self, num_rows: int, batch_size: int, seed: int = 0, shuffle: bool = True, rank: int = 0,
        world_size: int = 1, drop_last: bool = False,
    ):  # fmt: skip
        if batch_size < 1 or world_size < 1 or not 0 <= rank < world_size:
            place = f"rank {rank} of {world_size}"
            raise UsageError(f"batch size {batch_size}, {place}: give a batch size of 1 or more")
        if num_rows < world_size * (batch_size if drop_last else 1):
            batches = f" with batches of {batch_size} and drop_last" if drop_last else ""
            raise UsageError(
                f"{num_rows} rows are too few for {world_size} processes{batches}; choose more rows, or "
                "fewer processes"
            )
        self.num_rows, self.batch_size, self.seed, self.shuffle = num_rows, batch_size, seed, shuffle
        self.rank, self.world_size, self.drop_last = rank, world_size, drop_last
        self.epoch, self.start = 0, 0  # start: rows of the epoch that were read before
        self._order = (None, None)

    def set_epoch(self, epoch: int) -> None:
        """Deal out this epoch next, from its beginning; the present one goes on from where it is."""
        if epoch != self.epoch:
            self.epoch, self.start = epoch, 0

    def _cut(self) -> tuple[int, int, int]:
        """``(full steps, rows left over, steps)`` of what is left of the epoch."""
        full, left = divmod(self.num_rows - self.start, self.batch_size * self.world_size)
        if self.drop_last:
            return full, 0, full
        if left >= self.world_size or not left:
            return full, left, full + bool(left)
        if full:
            return full - 1, left + self.batch_size * self.world_size, full
        return 0, 0, 0  # only when taken up by more processes than there are rows left: nobody waits for them

    def __len__(self) -> int:
        """Steps that are left of the epoch, the same on every rank."""
        return self._cut()[2]

    def consumed(self, steps: int) -> int:
        """Rows of the epoch read by all ranks after so many steps from here."""
        full, left, total = self._cut()
        if steps >= total:
            return self.num_rows
        return self.start + min(steps, full) * self.batch_size * self.world_size + left * (steps > full)

    def rows(self, epoch: int) -> np.ndarray:
        """The order of an epoch: int64 array."""
        if self._order[0] != epoch:
            order = permutation(self.num_rows, self.seed, epoch) if self.shuffle else np.arange(self.num_rows)
            self._order = (epoch, order)
        return self._order[1]

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch, at, (full, left, steps) = self.epoch, self.start, self._cut()
        order = self.rows(epoch)
        for step in range(steps):
            size = self.batch_size * self.world_size if step < full else left
            first, last = (at + size * r // self.world_size for r in (self.rank, self.rank + 1))
            yield [(epoch, int(row)) for row in order[first:last]]
            at += size

    def identity(self) -> dict[str, Any]:
        """What the order depends on, as plain data."""
        return {"seed": self.seed, "num_rows": self.num_rows, "shuffle": self.shuffle}


def differences(stored: Mapping[str, Any], present: Mapping[str, Any], now: str) -> str:
    """Where a stored state is not of the present stream, in words; empty when it is."""
    pairs = ((name, stored.get(name), value) for name, value in present.items())
    return "; ".join(f"{name} {old!r}, {now} {value!r}" for name, old, value in pairs if old != value)
