"""Rows come out as they did when the data version was published, to the bit."""

import json

import pytest

from sousa.generation.piano import Piano
from tests.support.make_golden_piano import FILE, ROWS, digests, name_of
from tests.support.older_processor import result_of, x86_64_linux

GOLDEN = json.loads(FILE.read_text())


@pytest.mark.parametrize(
    "row, stored", list(zip(ROWS, GOLDEN["rows"], strict=True)), ids=[name_of(row) for row in ROWS]
)
def test_rows_are_unchanged(row, stored):
    assert digests(row) == stored, (
        "audio or labels changed: raise the data version, then tests/support/make_golden_piano.py"
    )


def test_golden_file_is_of_this_version():
    assert GOLDEN["data_version"] == Piano.data_version


_OLD_PROCESSOR = """
import json
from tests.support.make_golden_piano import ROWS, digests
print(json.dumps([digests(row) for row in ROWS]))
"""


@x86_64_linux
def test_an_older_processor_makes_the_same_rows():
    assert result_of(_OLD_PROCESSOR) == GOLDEN["rows"]
