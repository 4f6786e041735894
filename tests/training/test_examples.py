"""The examples run as a user would run them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
EXAMPLES = {
    "filtering.py": ("9 rows in", "beginners:", "pairs of a clean rendering"),
    "hierarchical_labels.py": ("bar 0", "frames of 10 ms", "labels.png"),
    "feature_extraction.py": (
        "log-mel (128,",
        "onsets found",
        "stored:",
        "facebook/wav2vec2-base-960h can't be",
    ),
}


def run(name, *arguments, cwd):
    return subprocess.run(
        [sys.executable, str(ROOT / "training" / "examples" / name), *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, tiny, tmp_path):
    done = run(name, tiny, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for text in EXAMPLES[name]:
        assert text in done.stdout
    assert len((ROOT / "training" / "examples" / name).read_text().splitlines()) < 60
    if name == "hierarchical_labels.py":
        assert (tmp_path / "labels.png").stat().st_size > 10_000
    missing = run(name, tmp_path / "nothing", cwd=tmp_path)
    assert (
        missing.returncode == 1 and "Traceback" not in missing.stderr and "sousa generate" in missing.stderr
    )
    assert "DATASET" in run(name, cwd=tmp_path).stderr


def test_all_are_tested():
    assert {path.name for path in (ROOT / "training" / "examples").glob("*.py")} == set(EXAMPLES)
