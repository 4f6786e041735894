"""Rows of every synthesizer come out as they did when its version was published, to the bit."""

import json

import pytest

from sousa.generation.textures import Textures
from tests.support.make_golden_textures import FILE, ROWS, digests, versions
from tests.support.older_processor import result_of, x86_64_linux

GOLDEN = json.loads(FILE.read_text())
NAMES = ["-".join(map(str, row)) for row in ROWS]


@pytest.mark.parametrize("row, name", list(zip(ROWS, NAMES, strict=True)), ids=NAMES)
def test_rows_are_unchanged(row, name):
    assert digests(*row) == GOLDEN["rows"][name], (
        "audio or labels changed: raise the version of the synthesizer, or the data version, "
        "then tests/support/make_golden_textures.py"
    )


def test_golden_file_is_of_these_versions():
    assert (GOLDEN["data_version"], GOLDEN["synths"]) == (Textures.data_version, versions())
    assert list(GOLDEN["rows"]) == NAMES


_OLD_PROCESSOR = """
import json
from tests.support.make_golden_textures import ROWS, digests
print(json.dumps({"-".join(map(str, row)): digests(*row) for row in ROWS}))
"""


@x86_64_linux
def test_an_older_processor_makes_the_same_rows():
    assert result_of(_OLD_PROCESSOR) == GOLDEN["rows"]
