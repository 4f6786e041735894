"""Rows of every synthesizer come out as they did when its version was published, to the bit."""

import json
import os
import platform
import subprocess
import sys

import pytest

from generation import DATA_VERSION
from tests.conftest import ROOT
from tests.make_golden_textures import FILE, ROWS, digests, versions

GOLDEN = json.loads(FILE.read_text())
NAMES = ["-".join(map(str, row)) for row in ROWS]


@pytest.mark.parametrize("row, name", list(zip(ROWS, NAMES, strict=True)), ids=NAMES)
def test_rows_are_unchanged(row, name):
    assert digests(*row) == GOLDEN["rows"][name], (
        "audio or labels changed: raise the version of the synthesizer, or the data version, "
        "then tests/make_golden_textures.py"
    )


def test_golden_file_is_of_these_versions():
    assert (GOLDEN["data_version"], GOLDEN["synths"]) == (DATA_VERSION, versions())
    assert list(GOLDEN["rows"]) == NAMES


_OLD_PROCESSOR = """
import json
from tests.make_golden_textures import ROWS, digests
print(json.dumps({"-".join(map(str, row)): digests(*row) for row in ROWS}))
"""


@pytest.mark.skipif(platform.machine() != "x86_64" or sys.platform != "linux", reason="x86-64 Linux")
def test_an_older_processor_makes_the_same_rows():
    """NumPy without AVX2 and AVX-512, BLAS of 2004, a C library without FMA: another rounding of much."""
    from numpy._core._multiarray_umath import __cpu_features__ as features

    off = [name for name in ("X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR") if features.get(name)]
    environment = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(off),
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-AVX",
        "OPENBLAS_CORETYPE": "Prescott",
    }
    done = subprocess.run(
        [sys.executable, "-c", _OLD_PROCESSOR], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert json.loads(done.stdout) == GOLDEN["rows"]
