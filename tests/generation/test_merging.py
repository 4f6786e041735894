"""Shards made by several runs, and put together again."""

import shutil
import subprocess
import sys

import pytest

import sousa as package
from sousa.builders.generating import part_of
from sousa.generation.errors import RunError, UsageError
from sousa.generation.make import ranges
from tests.conftest import ROOT, TINY
from tests.generation.test_shards import shard_digests

ALL = ("-p", 6, "-t", 1, "--rudiments", "flam,drag")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "d"
    options = {"profiles": 6, "tempos": 1, "rudiments": ["flam", "drag"]}
    package.generate("rudiments", root, check=False, files=True, **options)
    return root


def everything(root):
    """Content of all files, but for times in the manifest."""
    files = {p.relative_to(root).as_posix(): p for p in root.rglob("*") if p.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name != "manifest.json"}


def test_parts_made_at_once_in_one_directory_are_the_whole(whole, sousa, tmp_path):
    command = [
        sys.executable,
        str(ROOT / "sousa.py"),
        "generate",
        *map(str, ALL),
        "-q",
        "-o",
        str(tmp_path / "d"),
    ]
    runs = [subprocess.Popen([*command, "--shards", part]) for part in ("0-1", "2-3", "4")]
    assert [run.wait() for run in runs] == [0, 0, 0]
    done = sousa("merge", tmp_path / "d")
    assert done.returncode == 1 and "1 shard of 6 is missing (5)" in done.stderr
    assert not (tmp_path / "d" / "manifest.json").exists()
    done = sousa("generate", *ALL, "-o", tmp_path / "d", "--shards", 5)
    assert done.returncode == 0 and done.stdout.startswith(f"shard 5 in {tmp_path}/d (")
    assert f"that was the last one; when all are there: sousa merge {tmp_path}/d" in done.stdout
    done = sousa("merge", tmp_path / "d", "--files")
    assert done.returncode == 0 and "checks passed" in done.stderr
    made = everything(tmp_path / "d")
    assert {name: made[name] for name in everything(whole)} == everything(whole)
    assert sousa("merge", tmp_path / "d", "-q").returncode == 0  # once more changes nothing


def test_parts_on_several_disks_are_copied_together(whole, sousa, tmp_path):
    for place, part in (("a", "0-2"), ("b", "3-5")):
        assert sousa("generate", *ALL, "-o", tmp_path / place, "--shards", part, "-q").returncode == 0
    done = sousa("merge", tmp_path / "a", tmp_path / "b")
    assert done.returncode == 2 and "name the one for the whole with --output" in done.stderr
    stored = package.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all", files=True, check=False)
    assert stored.manifest["num_rows"] == 12 and everything(tmp_path / "all") == everything(whole)
    assert shard_digests(tmp_path / "a") == {}  # they stay hidden, as they were
    assert len(list((tmp_path / "a" / ".unfinished").rglob("*.parquet"))) == 3


def test_the_command_without_shards_finishes_parts_too(whole, sousa, tmp_path):
    assert sousa("generate", *ALL, "-o", tmp_path / "d", "--shards", "0-4", "-q").returncode == 0
    done = sousa("generate", *ALL, "-o", tmp_path / "d", "--files", "--skip-validation")
    assert done.returncode == 0 and "already there: 5 of 6 shards" in done.stderr
    assert everything(tmp_path / "d") == everything(whole)


def test_a_damaged_part_is_said_and_nothing_is_finished(sousa, tmp_path):
    assert sousa("generate", *ALL, "-o", tmp_path / "a", "--shards", "0-5", "-q").returncode == 0
    shard = next((tmp_path / "a" / ".unfinished").rglob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with pytest.raises(RunError, match=r"a: data/.* does not match its digest; make that shard again"):
        package.merge([tmp_path / "a"], tmp_path / "all")
    assert not (tmp_path / "all" / "manifest.json").exists()
    with pytest.raises(RunError, match=r"1 shard of 6 is missing \(\d\)"):
        package.merge(tmp_path / "a")


def test_parts_of_different_datasets_are_refused(sousa, tmp_path):
    assert sousa("generate", *ALL, "-o", tmp_path / "a", "--shards", "0", "-q").returncode == 0
    other = sousa("generate", *ALL, "--seed", 1, "-o", tmp_path / "b", "--shards", "0", "-q")
    assert other.returncode == 0
    with pytest.raises(UsageError, match="hold parts of different datasets"):
        package.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    with pytest.raises(UsageError, match="holds no part of a dataset"):
        package.merge([tmp_path / "c"])
    done = sousa("generate", *ALL, "--seed", 2, "-o", tmp_path / "a", "--shards", "1")
    assert done.returncode == 2 and "made with other settings (seed: 42 there, 2 now)" in done.stderr


def test_parts_of_a_finished_dataset_are_refused(tiny, sousa, tmp_path):
    shutil.copytree(tiny, tmp_path / "d")
    done = sousa(*TINY, "-o", tmp_path / "d", "--shards", "0")
    assert done.returncode == 2 and "is finished already; leave --shards out to mend it" in done.stderr
    assert everything(tmp_path / "d") == everything(tiny)


def test_a_part_beyond_the_plan_is_refused(sousa, tmp_path):
    done = sousa("generate", *ALL, "-o", tmp_path / "d", "--shards", "3-9")
    assert done.returncode == 2 and not (tmp_path / "d").exists()
    assert "--shards is 3-9; this dataset has 6 shards, from 0 to 5" in done.stderr


@pytest.mark.parametrize("text", ["", "a", "3-", "-3", "5-3", "1,2", "1 - 2", "9" * 12])
def test_numbers_of_shards_that_are_none_are_refused(text):
    with pytest.raises(UsageError, match="give numbers of shards from 0, such as 0-99 or 7"):
        part_of(text)


def test_numbers_are_written_as_ranges():
    assert ranges([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8" and ranges([4]) == "4"
    assert part_of("7") == range(7, 8) and part_of("0-99") == range(100) and part_of(None) is None
