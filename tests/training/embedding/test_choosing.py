"""Which rows, and which splits: nested, by group, and none of them empty."""

from itertools import chain

import numpy as np
import pytest

from sousa.training.embedding.choosing import SHARES, choose


def chosen(groups, splits=None, seconds=None, least=None, most=None, size=None, seed=42):
    names = [f"row {i}" for i in range(len(groups))]
    seconds = np.full(len(groups), 10.0) if seconds is None else np.asarray(seconds)
    splits = splits or [None] * len(groups)
    return choose(names, [str(g) for g in groups], splits, seconds, least, most, size, seed)


def test_rows_without_a_split_get_one_by_group():
    groups = [i // 5 for i in range(300)]
    out = chosen(groups)
    assert {split: len(rows) for split, rows in out.rows.items()} == {
        "train": 240, "validation": 30, "test": 30,
    }  # fmt: skip
    of_split = [{groups[row] for row in rows} for rows in out.rows.values()]
    assert not any(a & b for i, a in enumerate(of_split) for b in of_split[:i])
    assert out.assigned == 300 and sorted(chain(*out.rows.values())) == list(range(300))
    assert chosen(groups).rows == out.rows != chosen(groups, seed=1).rows


def test_the_splits_of_many_groups_are_the_same_in_every_sample():
    groups = [i // 2 for i in range(2000)]
    whole, some = (chosen(groups, size=size).rows for size in (None, 700))
    assert all(set(some[split]) <= set(whole[split]) for split in whole)
    assert all(abs(len(whole[split]) / 2000 - share) < 0.03 for split, share in SHARES.items())


def test_a_group_of_several_splits_goes_into_the_last():
    for splits in (["train", "test", None], ["test", "train", None]):
        assert 2 in chosen(["a", "a", "a"], splits=splits).rows["test"]


@pytest.mark.parametrize("sizes", [[1, 1, 1], [50, 1, 1], [2] * 5, [9, 3, 3, 1], [100] * 3 + [1] * 4])
def test_no_split_is_empty_where_there_are_three_groups(sizes):
    groups = [number for number, size in enumerate(sizes) for _ in range(size)]
    out = chosen(groups).rows
    assert list(out) == ["train", "validation", "test"]
    assert len(out["train"]) >= max(len(out["validation"]), len(out["test"]))
    of_split = [{groups[row] for row in rows} for rows in out.values()]
    assert sum(map(len, of_split)) == len(sizes)


def test_few_groups_are_not_torn_apart():
    assert list(chosen([0] * 10).rows) == ["train"]
    assert list(chosen([0, 0, 1]).rows) == ["train", "test"]


def test_splits_of_the_corpus_are_kept_and_their_groups_stay_together():
    splits = ["test", None, None, "train", None]
    out = chosen(["a", "a", "b", "c", "c"], splits)
    assert 1 in out.rows["test"] and 4 in out.rows["train"] and out.assigned == 3


def test_a_smaller_sample_is_inside_a_larger_one_and_lengths_are_looked_at():
    groups, seconds = list(range(100)), [i % 10 for i in range(100)]
    rows = [set(chain(*chosen(groups, size=size).rows.values())) for size in (10, 40, 100)]
    assert [len(part) for part in rows] == [10, 40, 100] and rows[0] < rows[1] < rows[2]
    out = chosen(groups, seconds=seconds, least=2, most=7, size=20)
    assert out.left_out == {"too short": 20, "too long": 20, "not in the sample": 40}
    assert out.reasons == "20 too short, 20 too long, 40 not in the sample"
    # a length that is not stated is measured later
    assert sum(map(len, chosen([0, 1], seconds=[np.nan, 1.0], least=5).rows.values())) == 1


def test_shards_are_of_one_split():
    out = chosen(list(range(20)))
    assert {name: len(rows) for name, rows in out.shards(7).items()} == {
        "train-00000": 7, "train-00001": 7, "train-00002": 2, "validation-00000": 2, "test-00000": 2,
    }  # fmt: skip
