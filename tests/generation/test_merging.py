"""Shards made by several runs, and put together again."""

import shutil
import subprocess
import sys

import pytest

import sousa as package
from sousa.builders.generating import part_of
from sousa.generation.errors import RunError, UsageError
from sousa.generation.make import ranges
from sousa.generation.rudiments import Rudiments, corpus
from sousa.generation.rudiments.settings import make_config
from sousa.generation.shards import Store, write_shard
from sousa.generation.storage import LocalStorage
from tests.conftest import ROOT, TINY, TINY_OPTIONS
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
    assert done.returncode == 1 and "1 shard of 6 is missing or damaged (5)" in done.stderr
    assert not (tmp_path / "d" / "manifest.json").exists()
    done = sousa("generate", *ALL, "-o", tmp_path / "d", "--shards", 5)
    assert done.returncode == 0 and done.stdout.startswith(f"shard 5 in {tmp_path}/d (")
    assert done.stdout.endswith(f"finish with: sousa merge {tmp_path}/d\n")
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


def test_a_damaged_shard_is_taken_from_where_it_is_whole(whole, sousa, tmp_path):
    assert sousa("generate", *ALL, "-o", tmp_path / "a", "--shards", "0-5", "-q").returncode == 0
    shard = tmp_path / "a" / ".unfinished" / "data" / "test" / "p00004_t0-0_a0.parquet"
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with pytest.raises(RunError, match=r"1 shard of 6 is missing or damaged \(\d\); make them with the same"):
        package.merge([tmp_path / "a"], tmp_path / "all")
    assert not (tmp_path / "all" / "manifest.json").exists()
    with pytest.raises(RunError, match=r"1 shard of 6 is missing or damaged"):
        package.merge(tmp_path / "a")
    package.merge([tmp_path / "a", whole], tmp_path / "all", files=True, check=False)
    package.merge([tmp_path / "a", whole], tmp_path / "a", files=True, check=False)
    assert everything(tmp_path / "a") == everything(tmp_path / "all") == everything(whole)


def test_a_finished_dataset_is_copied_and_not_made_again(whole, sousa, tmp_path):
    done = sousa("merge", whole, "-o", tmp_path / "d", "--files", "--skip-validation")
    assert done.returncode == 0 and "already there: 6 of 6 shards" in done.stderr
    assert everything(tmp_path / "d") == everything(whole)


def test_a_line_that_was_cut_costs_its_own_shard_alone(sousa, tmp_path):
    part = ("generate", *ALL, "-o", tmp_path / "d", "-w", 1, "-q", "--shards", "0-2")
    assert sousa(*part).returncode == 0
    (log,) = (tmp_path / "d" / ".unfinished").glob("shards-0-2-*.jsonl")
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0] + lines[1][:40])
    assert sousa(*part).returncode == 0
    with pytest.raises(RunError, match=r"3 shards of 6 are missing or damaged \(3-5\)"):
        package.merge(tmp_path / "d")


def test_runs_with_other_settings_do_not_mix_though_neither_has_a_row_yet(sousa, tmp_path):
    config, storage = make_config(**TINY_OPTIONS), LocalStorage(str(tmp_path / "d"))
    with Store(storage, config, corpus.plan(config), part=range(1)) as store:
        store.begin()  # and it is killed
    done = sousa("generate", *ALL, "-o", tmp_path / "d", "--shards", "0")
    assert done.returncode == 2 and "made with other settings" in done.stderr
    assert sousa("generate", *ALL, "-o", tmp_path / "d", "-q", "--skip-validation").returncode == 0


def test_a_run_that_goes_on_after_another_has_finished_leaves_nothing(tiny, sousa, tmp_path):
    shutil.copytree(tiny, tmp_path / "d")
    config, storage = make_config(**TINY_OPTIONS), LocalStorage(str(tmp_path / "d"))
    with pytest.raises(RunError, match="name a directory that all machines share"):
        write_shard(Rudiments(), config, corpus.plan(config)[0], storage)
    late = tmp_path / "d" / ".unfinished" / "data" / "train" / "p00000_t0-0_a0.parquet"
    late.parent.mkdir(parents=True)
    late.write_bytes(b"late")
    assert sousa(*TINY, "-o", tmp_path / "d", "--files", "-q").returncode == 0
    assert everything(tmp_path / "d") == everything(tiny)


def test_an_unfinished_dataset_of_parts_says_how_it_is_finished(sousa, tmp_path):
    assert sousa("generate", *ALL, "-o", tmp_path / "d", "--shards", "0-4", "-q").returncode == 0
    done = sousa("validate", tmp_path / "d")
    assert "unfinished (5 of 6 shards); run 'sousa merge' when all of them are there" in done.stderr


def test_what_merging_does_is_refused_beside_shards(sousa, tmp_path):
    done = sousa("generate", *ALL, "-o", tmp_path / "d", "--shards", "0", "--files", "--skip-validation")
    assert done.returncode == 2 and "--files belongs to 'sousa merge'" in done.stderr
    assert "--skip-validation belongs to 'sousa merge'" in done.stderr


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
