"""The order of rows: exactly once, the same number of steps on every rank, taken up anywhere."""

import numpy as np
import pytest

from sousa.generation.errors import UsageError
from sousa.training.order import Order, permutation


def epochs(num_rows, batch_size, world_size, epoch=3, **more):
    """Batches of an epoch on every rank: list of lists of lists of rows."""
    out = []
    for rank in range(world_size):
        order = Order(num_rows, batch_size, 7, rank=rank, world_size=world_size, **more)
        order.set_epoch(epoch)
        batches = list(order)
        assert len(batches) == len(order)
        assert all(at[0] == epoch for batch in batches for at in batch)
        out.append([[row for _, row in batch] for batch in batches])
    return out


@pytest.mark.parametrize("world_size", [1, 2, 3, 5])
def test_every_row_once_with_equal_steps_on_every_rank(world_size):
    for num_rows in range(world_size, 60):
        for batch_size in (1, 2, 3, 8):
            ranks = epochs(num_rows, batch_size, world_size)
            assert len({len(batches) for batches in ranks}) == 1
            rows = [row for batches in ranks for batch in batches for row in batch]
            assert sorted(rows) == list(range(num_rows))
            sizes = [[len(batch) for batch in batches] for batches in ranks]
            assert min(map(min, sizes)) >= 1 and max(map(max, sizes)) <= batch_size + 1
            for step in zip(*sizes, strict=True):
                assert max(step) - min(step) <= 1
            # all but the last step are full
            assert all(size == batch_size for one in sizes for size in one[:-1])


def test_the_order_depends_on_seed_and_epoch_alone():
    whole = permutation(50, 7, 3)
    assert sorted(whole) == list(range(50))
    for world_size, batch_size in ((1, 50), (1, 4), (2, 4), (3, 5)):
        ranks = epochs(50, batch_size, world_size)
        dealt = [row for step in zip(*ranks, strict=True) for batch in step for row in batch]
        assert dealt == whole.tolist()
    assert permutation(50, 7, 4).tolist() != whole.tolist() != permutation(50, 8, 3).tolist()
    plain = Order(50, 4, shuffle=False)
    assert [row for batch in plain for _, row in batch] == list(range(50))


def test_drop_last_leaves_full_batches():
    ranks = epochs(50, 4, 3, drop_last=True)
    assert all(len(batch) == 4 for batches in ranks for batch in batches)
    assert [len(batches) for batches in ranks] == [4, 4, 4]


@pytest.mark.parametrize("change", [(4, 2), (4, 1), (4, 3), (7, 2), (1, 2)])
def test_what_is_left_can_be_taken_up_by_other_ranks_and_batch_sizes(change):
    for steps in range(7):
        first = epochs(50, 4, 2)
        done = [row for batches in first for batch in batches[:steps] for row in batch]
        consumed = Order(50, 4, 7, world_size=2).consumed(steps)
        assert consumed == len(done)
        rest = []
        for rank in range(change[1]):
            order = Order(50, change[0], 7, rank=rank, world_size=change[1])
            order.epoch, order.start = 3, consumed
            rest += [row for batch in order for _, row in batch]
        if 50 - consumed < change[1]:  # too few for all ranks, none of which may wait for the others
            assert not rest
        else:
            assert sorted(done + rest) == list(range(50))


def test_consumed_at_the_end_is_every_row():
    for num_rows in range(2, 30):
        order = Order(num_rows, 3, world_size=2)
        assert order.consumed(len(order)) == num_rows
        counts = np.diff([order.consumed(step) for step in range(len(order) + 1)])
        assert counts.sum() == num_rows and (counts >= 2).all()


@pytest.mark.parametrize("wrong", [
    {"num_rows": 1, "world_size": 2}, {"batch_size": 0}, {"rank": 2, "world_size": 2},
    {"num_rows": 7, "drop_last": True, "batch_size": 8}, {"num_rows": 0},
])  # fmt: skip
def test_numbers_that_leave_a_rank_empty_are_refused(wrong):
    with pytest.raises(UsageError, match=r"too few|batch size"):
        Order(**{"num_rows": 9, "batch_size": 4, **wrong})
