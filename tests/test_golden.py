"""Rows come out as they did when the data version was published, to the bit."""

import json
import os
import platform
import subprocess
import sys

import pytest

from generation import DATA_VERSION
from tests.conftest import ROOT
from tests.make_golden import FILE, ROWS, digests

GOLDEN = json.loads(FILE.read_text())


@pytest.mark.parametrize(
    "row, stored", list(zip(ROWS, GOLDEN["rows"], strict=True)), ids=["-".join(map(str, r)) for r in ROWS]
)
def test_rows_are_unchanged(row, stored):
    assert digests(row) == stored, (
        "audio or labels changed: raise the data version, then tests/make_golden.py"
    )


def test_golden_file_is_of_this_version():
    assert GOLDEN["data_version"] == DATA_VERSION


_OLD_PROCESSOR = """
import json
from tests.make_golden import ROWS, digests
print(json.dumps([digests(row) for row in ROWS]))
"""


@pytest.mark.skipif(platform.machine() != "x86_64" or sys.platform != "linux", reason="x86-64 Linux")
def test_an_older_processor_makes_the_same_rows():
    """NumPy without AVX2 and AVX-512, and a C library without FMA: another rounding of many functions."""
    from numpy._core._multiarray_umath import __cpu_features__ as features

    off = [name for name in ("X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR") if features.get(name)]
    environment = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(off),
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-AVX",
    }
    done = subprocess.run(
        [sys.executable, "-c", _OLD_PROCESSOR], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert json.loads(done.stdout) == GOLDEN["rows"]
