"""What keeps processes of our own small: pandas only where it is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TINY

ASKED = """
import sys
from sousa.generation import lean
import pyarrow as pa
pa.array([1])
assert "pandas" not in sys.modules
frame = pa.table({"a": [1, 2]}).to_pandas()
import pandas as pd
assert isinstance(frame, pd.DataFrame) and list(frame["a"]) == [1, 2]
assert pa.array(pd.Series([1.0, float("nan")])).null_count == 1
"""
COMMAND = """
import sys
import sousa
sys.argv[0] = "sousa"
status = sousa.main()
loaded = {"pandas", "datasets"} & sys.modules.keys()
sys.exit(status or (f"loaded: {loaded}" if loaded else 0))
"""
PUBLISHED = Path(__file__).parents[1] / "data" / "captions"


def run(code, *words):
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_pandas_is_there_for_who_asks():
    run(ASKED)


@pytest.mark.parametrize("workers", [1, 2])
def test_commands_that_work_on_rows_load_neither_pandas_nor_datasets(tmp_path, workers):
    made, released = tmp_path / "made", tmp_path / "released"
    for words in (
        (*TINY, "-o", made),
        ("validate", made),
        ("release", made, "--version", "1.0.0", "-o", released),
        ("export", made, "--to", "csv", "-o", tmp_path / "exported"),
        ("unify", "--root", PUBLISHED, "--datasets", "musiccaps", "--metadata-only", "--evaluation-overlap",
         "-o", tmp_path / "chosen"),
    ):  # fmt: skip
        run(COMMAND, *words, "-w", workers, "-q")
