"""Choosing: order, balance, splits, duplicates, and the account."""

from collections import Counter
from itertools import islice

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sousa.generation.captions import choosing
from sousa.generation.captions.choosing import Ledger
from sousa.generation.captions.hashing import digests, mixed, shares


def ledger(count: int, seed: int = 0, **values) -> Ledger:
    names = pa.array([f"row{i}" for i in range(count)], pa.string())
    zeros = np.zeros(count, np.uint64)
    usual = {
        "key": digests(names, seed), "dataset": np.zeros(count, np.int16), "split": np.zeros(count, np.int8),
        "group": zeros, "artist": zeros.copy(), "native": zeros.copy(), "seconds": np.full(count, np.nan),
        "artist_name": zeros.copy(), "start": np.full(count, np.nan), "end": np.full(count, np.nan),
        "stratum": np.zeros(count, np.int32), "shut": np.zeros(count, np.int16),
        "reason": np.zeros(count, np.int16),
    }  # fmt: skip
    return Ledger(**(usual | values))


def test_digests_depend_on_text_and_seed_alone():
    texts = pa.array(["a", None, "", "ab", "ä" * 70, "a"])
    numbers = digests(texts)
    assert numbers[0] == numbers[5] and numbers[1] == 0 and len(set(numbers.tolist())) == 5
    assert (digests(texts.slice(2)) == numbers[2:]).all()
    assert (digests(pa.chunked_array([texts[:2], texts[2:]])) == numbers).all()
    assert not (digests(texts, 1) == numbers)[[0, 2, 3, 4]].any()
    # stored choices hang on these
    assert numbers[0] == 9413272369427828315


def test_digests_are_spread_evenly():
    numbers = digests(pa.array([f"fma_{i:06d}" for i in range(100_000)]))
    assert len(np.unique(numbers)) == 100_000
    counts = np.bincount((shares(numbers) * 100).astype(int), minlength=100)
    assert counts.min() > 850 and counts.max() < 1150
    bits = (mixed(np.arange(10_000))[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    assert (abs(bits.mean(0) - 0.5) < 0.03).all()


def everything(rows: Ledger, strata=None, weights=None) -> list[int]:
    return list(choosing.in_order(rows, strata, weights, lambda row: True))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.integers(0, 200), st.integers(0, 5))
def test_the_first_rows_are_as_balanced_as_they_can_be(strata, most, seed):
    strata = np.array(strata, np.int32)
    order = everything(ledger(len(strata), seed), strata)
    assert sorted(order) == list(range(len(strata)))
    there, chosen = Counter(strata.tolist()), Counter(strata[order[:most]].tolist())
    largest = max(chosen.values(), default=0)
    # no stratum has less than another by more than one, unless it is used up
    assert all(chosen[s] >= largest - 1 or chosen[s] == there[s] for s in there)


def test_weights_are_kept():
    strata = np.repeat(np.arange(3, dtype=np.int32), 1000)
    order = everything(ledger(3000), strata, np.array([1.0, 2.0, 5.0]))
    assert np.bincount(strata[order[:800]]).tolist() == [100, 200, 500]


def test_what_is_chosen_hangs_on_no_order():
    rng = np.random.default_rng(1)
    names = np.array([f"row{i}" for i in range(500)])
    strata = rng.integers(0, 4, 500).astype(np.int32)
    first = names[everything(ledger(500), strata)]
    shuffled = rng.permutation(500)
    again = ledger(500, key=ledger(500).key[shuffled])
    assert (names[shuffled][everything(again, strata[shuffled])] == first).all()


def test_a_row_that_can_not_be_used_is_made_up_for():
    strata = np.repeat(np.arange(2, dtype=np.int32), 100)
    broken = set(range(0, 100, 2))
    order = list(islice(choosing.in_order(ledger(200), strata, None, lambda row: row not in broken), 60))
    assert np.bincount(strata[order]).tolist() == [30, 30] and not broken & set(order)


def test_groups_decide_splits():
    count = 20_000
    groups = digests(pa.array([f"g{i % 4000}" for i in range(count)]))
    rows = ledger(count, split=np.full(count, -1, np.int8), group=groups)
    choosing.assign_splits(rows, 42)
    by_group = {group: set(rows.split[groups == group].tolist()) for group in np.unique(groups)[:200]}
    assert all(len(splits) == 1 for splits in by_group.values()) and rows.alive.all()
    assert np.abs(np.bincount(rows.split) / count - choosing.SHARES).max() < 0.02
    other = ledger(count, split=np.full(count, -1, np.int8), group=groups)
    choosing.assign_splits(other, 43)
    assert (other.split != rows.split).mean() > 0.2


def test_published_splits_stay_and_groups_are_kept_out_of_training():
    groups = digests(pa.array(["a", "a", "a", "b", "b", "c", None, None]))
    rows = ledger(8, split=np.array([0, 1, 2, 0, 1, 0, 0, 2], np.int8), group=groups)
    choosing.assign_splits(rows, 42)
    assert rows.split.tolist() == [0, 1, 2, 0, 1, 0, 0, 2]
    assert rows.alive.tolist() == [False, False, True, False, True, True, True, True]
    account = rows.account(["toy"])["toy"]
    assert account == {"kept": 5, "its group has rows in validation": 1, "its group has rows in test": 2}


def test_rows_without_a_split_go_where_their_group_is():
    groups = digests(pa.array([f"g{i // 4}" for i in range(400)]))
    splits = np.tile(np.array([1, -1, -1, -1], np.int8), 100)
    rows = ledger(400, split=splits.copy(), group=groups)
    choosing.assign_splits(rows, 42)
    assert rows.alive.all() and (rows.split == 1).all()


def test_of_an_id_the_first_row_is_kept():
    key = digests(pa.array(["x", "x", "y"]))
    rows = ledger(3, key=key, dataset=np.array([1, 0, 1], np.int16))
    choosing.reject_repeated(rows, "twice")
    assert rows.alive.tolist() == [False, True, True]


def test_rivals_are_rows_of_earlier_corpora_with_clips_that_overlap():
    native = digests(pa.array(["x", "x", "x", "y", None, None, "z", "z", "z"]))
    rows = ledger(
        9, native=native, dataset=np.array([2, 1, 1, 2, 1, 2, 0, 1, 1], np.int16),
        start=np.array([np.nan] * 6 + [0.0, 10, 5]), end=np.array([np.nan] * 6 + [10.0, 20, 15]),
    )  # fmt: skip
    assert choosing.rivals(rows) == {0: [1, 2], 8: [6]}
    rows.reject(np.array([1]), "gone")
    assert choosing.rivals(rows) == {0: [2], 8: [6]}
    assert choosing.rivals(ledger(0)) == {}


def test_the_first_reason_stays_and_the_account_is_whole():
    rows = ledger(10, dataset=np.array([0] * 6 + [1] * 4, np.int16))
    rows.reject(np.arange(3), "first")
    rows.reject(np.arange(10) < 5, "second")
    account = rows.account(["a", "b"])
    assert account == {"a": {"kept": 1, "first": 3, "second": 2}, "b": {"kept": 4}}
    assert sum(sum(counts.values()) for counts in account.values()) == 10


@pytest.mark.parametrize(
    "seconds, band", [(0.0, 0), (59.99, 0), (60.0, 1), (179.9, 1), (180.0, 2), (float("nan"), 3)]
)
def test_bands_of_length(seconds, band):
    assert choosing.bands(np.array([seconds])).tolist() == [band]
