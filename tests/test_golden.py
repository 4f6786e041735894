"""Rows come out as they did when the data version was published, to the bit."""

import json

import pytest

from generation import DATA_VERSION
from tests.make_golden import FILE, ROWS, digests

GOLDEN = json.loads(FILE.read_text())


@pytest.mark.parametrize(
    "row, stored", list(zip(ROWS, GOLDEN["rows"], strict=True)), ids=[r[1] for r in ROWS]
)
def test_rows_are_unchanged(row, stored):
    assert digests(row) == stored, (
        "audio or labels changed: raise the data version, then tests/make_golden.py"
    )


def test_golden_file_is_of_this_version():
    assert GOLDEN["data_version"] == DATA_VERSION
