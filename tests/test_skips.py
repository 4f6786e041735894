"""A skipped test fails in CI, unless its reason is known; elsewhere it is skipped."""

import os
import subprocess
import sys
from textwrap import dedent

import pytest

from tests.conftest import ROOT

MODULES = {
    "test_a.py": """
        import pytest

        def test_runs():
            pass

        def test_in_the_middle():
            pytest.skip("no disk here")

        @pytest.mark.skipif(True, reason="no browser here")
        def test_before():
            pass

        @pytest.mark.skipif(True, reason="no such processor")
        def test_known():
            pass

        @pytest.mark.xfail(reason="not yet")
        def test_xfail():
            assert False
    """,
    "test_b.py": """
        import pytest

        pytest.importorskip("no_such_module")
    """,
    "conftest.py": """
        import pytest

        from tests import conftest
        from tests.support import skips

        skips.ALLOWED["*::test_known"] = "of another kind"
        pytest_runtest_makereport = conftest.pytest_runtest_makereport
        pytest_make_collect_report = conftest.pytest_make_collect_report
    """,
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("ci", ["true", ""])
def test_a_skip_fails_in_ci(tmp_path, ci, workers):
    for name, text in MODULES.items():
        (tmp_path / name).write_text(dedent(text))
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", str(workers), "-rfEs",
            "--continue-on-collection-errors", tmp_path,
        ],
        cwd=tmp_path, env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    if ci:
        assert "1 failed, 1 passed, 1 skipped, 1 xfailed, 2 errors" in done.stdout and done.returncode == 1
        assert done.stdout.count("give its reason in tests/support/skips.py") == 2 * 3
    else:
        assert "1 passed, 4 skipped, 1 xfailed" in done.stdout and done.returncode == 0
    for reason in ("no disk here", "no browser here", "could not import 'no_such_module'"):
        assert reason in done.stdout
