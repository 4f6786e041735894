"""With ``CI`` set, a skipped test fails: what it needs has to be installed, or its reason be here."""

import os
from fnmatch import fnmatchcase

# tests that may be skipped there: a pattern of their id, and why
ALLOWED = {
    "*/test_golden.py::test_an_older_processor_makes_the_same_rows": "only x86-64 has such switches",
    "*/test_slurm.py*": "the daemons of Slurm do not start in every container",
    "*test_project_files.py::test_actionlint_finds_nothing": "its package fetches a program when it is built",
}


def refuse(report, allowed=ALLOWED):
    """Make the report of a skipped test, or of a module skipped whole, one of a failure; returns it."""
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("CI") and not any(fnmatchcase(report.nodeid, test) for test in allowed):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = (
            f"{reason}: install what this test needs, or give its reason in tests/support/skips.py"
        )
    return report
