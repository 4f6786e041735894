"""Code run as on an older processor: NumPy without AVX2 and AVX-512, BLAS of 2004, a C library without FMA.

Each of them rounds many functions otherwise.
"""

import json
import os
import platform
import subprocess
import sys

import pytest

from tests.conftest import ROOT

x86_64_linux = pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.platform != "linux", reason="x86-64 Linux"
)


def result_of(script):
    """What a script prints as JSON there."""
    from numpy._core._multiarray_umath import __cpu_features__ as features

    off = [name for name in ("X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR") if features.get(name)]
    environment = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(off),
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-AVX",
        "OPENBLAS_CORETYPE": "Prescott",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, **environment},
    )  # fmt: skip
    return json.loads(done.stdout)
