"""A run of ``sousa unify`` that is killed and started again ends as one that was not."""

import hashlib
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT
from tests.support.captioned import sounding


def digests(root):
    """Digest of every file but reports, whose times differ, and the manifest, which has times too."""
    files = [path for path in root.rglob("*") if path.is_file() and "report" not in path.name]
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name != "manifest.json"
    }


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_time(tmp_path, seed, monkeypatch):
    monkeypatch.setenv("SOUSA_CACHE", str(tmp_path / "cache"))
    raw = sounding(tmp_path / "raw")

    def begin(output):
        command = [sys.executable, str(ROOT / "sousa.py"), "unify", "--root", str(raw), "-w", "1", "-q"]
        return subprocess.Popen([*command, "-o", str(output)])

    start = time.monotonic()
    assert begin(tmp_path / "whole").wait() == 0
    seconds, rng = time.monotonic() - start, random.Random(seed)
    for _ in range(3):
        process = begin(tmp_path / "killed")
        time.sleep(rng.uniform(0.2, 1.1) * seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert begin(tmp_path / "killed").wait() == 0
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")
    assert not list((tmp_path / "killed").glob(".*"))
    assert not list((tmp_path / "cache" / "captions").glob("work-*"))
