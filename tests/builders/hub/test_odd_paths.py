"""Directories whose paths ``datasets`` takes for patterns or addresses."""

import shutil
import subprocess
import sys

import datasets
import pytest

import sousa
from sousa.generation import text
from sousa.generation.errors import UsageError
from tests.conftest import TINY
from tests.support.releases import release

datasets.disable_progress_bars()
NAMES = ["take[1]", "[!a]", "a*b", "q?", "x::y", "a:/b"]


@pytest.fixture(scope="module")
def made(tiny, tmp_path_factory):
    return release(tiny, tmp_path_factory.mktemp("odd") / "r")


def executed(said, place):
    """What the Python line gives that a command has printed after a colon."""
    line = next(line for line in said.splitlines() if "sousa.load(" in line).partition(": ")[2].strip()
    script = f"import sousa\nprint(sum(map(len, ({line}\n).values())))"
    done = subprocess.run([sys.executable, "-c", script], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return line, int(done.stdout)


@pytest.mark.parametrize("name", ["take[1]", "plain"])
def test_the_line_that_is_printed_works(tmp_path, sousa, name):
    done = sousa(*TINY, "-o", name, "-w", 1, "--skip-validation", cwd=tmp_path)
    line, rows = executed(done.stdout, tmp_path)
    assert rows == 9 and line.startswith("sousa.load(")
    done = sousa("release", name, "-o", f"{name}r", "--version", "1.0.0", cwd=tmp_path)
    again, rows = executed(done.stdout, tmp_path)
    assert rows == 9 and again.startswith(line[:10])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_loaded(made, tmp_path, monkeypatch, name):
    place, other = tmp_path / name, tmp_path / name.replace("*", "X")
    for copy in {place, other}:
        shutil.copytree(made, copy)
    assert text.is_pattern(place) == (name != "a:/b")
    cache = {"cache_dir": str(tmp_path / "c"), "decoder": "none"}
    stock = datasets.load_dataset(str(made), "custom", cache_dir=str(tmp_path / "s"))
    loaded = sousa.load(place, "custom", **cache)
    assert {k: v.num_rows for k, v in loaded.items()} == {k: v.num_rows for k, v in stock.items()}
    assert loaded["train"].features["strokes"] == stock["train"].features["strokes"]
    assert loaded["train"][0]["audio"]["bytes"]
    labels = sousa.load(place, "labels", split="train[:2]", **cache)
    assert len(labels) == 2 and "audio" not in labels.column_names
    stream = sousa.load(place, "custom", split="train", streaming=True, decoder="none")
    assert [row["sample_id"] for row in stream] == stock["train"]["sample_id"][:]
    monkeypatch.chdir(place)
    assert text.loading(".").split("(")[1].startswith(f'"{place}"')
    assert len(sousa.load(".", split="all", **cache)) == 9


def test_other_files_are_not_those_kept_before(made, tmp_path):
    place, cache = tmp_path / "take[1]", {"cache_dir": str(tmp_path / "c"), "split": "all"}
    shutil.copytree(made, place)
    assert len(sousa.load(place, **cache)) == 9
    next((place / "data" / "custom" / "train").iterdir()).unlink()
    assert 0 < len(sousa.load(place, **cache)) < 9


def test_what_only_stock_can_do_is_refused(made, tmp_path):
    place = tmp_path / "take[1]"
    shutil.copytree(made, place)
    with pytest.raises(UsageError, match="takes the path for a pattern; rename the directory"):
        sousa.load(place, num_proc=2)
