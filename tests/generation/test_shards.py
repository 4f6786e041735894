"""Shards: the same bytes however they are made, and never half of one."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from sousa.generation.errors import RunError
from sousa.generation.rudiments import corpus
from sousa.generation.shards import write_shard
from sousa.generation.storage import atomic_file, file_digest
from tests.conftest import ROOT, TINY


def shard_digests(root):
    return {p.relative_to(root).as_posix(): file_digest(p) for p in (root / "data").rglob("*.parquet")}


def test_two_workers_make_the_same_bytes(small, sousa, tmp_path):
    done = sousa("generate", "-o", tmp_path / "d", "-w", 2, "-q", "--skip-validation")
    assert done.returncode == 0 and done.stdout == "" and done.stderr == ""
    assert shard_digests(tmp_path / "d") == shard_digests(small[0])
    for name in ("samples", "exercises", "measures", "strokes"):
        file = f"labels/{name}.parquet"
        assert file_digest(tmp_path / "d" / file) == file_digest(small[0] / file)


AUGMENTED = (
    "generate", "-p", 4, "-t", 2, "-a", 12, "--rudiments", "flam,single_paradiddle",
    "-q", "--skip-validation",
)  # fmt: skip


def test_augmented_rows_are_the_same_for_any_workers_and_on_resume(sousa, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    assert sousa(*AUGMENTED, "-o", one, "-w", 1).returncode == 0
    assert sousa(*AUGMENTED, "-o", two, "-w", 2).returncode == 0
    assert len(shard_digests(one)) == 48 and shard_digests(two) == shard_digests(one)
    random.Random(1).choice(sorted((two / "data").rglob("*.parquet"))).unlink()
    assert sousa(*AUGMENTED, "-o", two, "-w", 2).returncode == 0
    assert shard_digests(two) == shard_digests(one)
    assert sousa("verify", two, "--rows", 12, "-q").returncode == 0


def test_rows_made_in_another_order_are_the_same(small, small_config):
    shard = corpus.plan(small_config)[4]
    stored = pq.read_table(small[0] / shard.file)
    forms = [corpus.definitions.load()[name] for name in small_config.forms]
    coordinates = [(p, f, t) for p in shard.key["profiles"] for f in forms for t in range(3)]
    order = random.Random(0).sample(range(len(coordinates)), 25)
    again = corpus.make_rows(small_config, [coordinates[i] for i in order], 0)
    assert again.to_pylist() == stored.take(order).to_pylist()


def test_killed_and_resumed_three_times_gives_the_same_bytes(small, tmp_path):
    """SIGKILL at random moments of a two-process run; then the same command finishes."""
    root = tmp_path / "d"
    command = [
        sys.executable,
        str(ROOT / "sousa.py"),
        "generate",
        "-o",
        str(root),
        "-w",
        "2",
        "-q",
        "--skip-validation",
    ]
    rng = random.Random()
    left = []
    for _ in range(3):
        process = subprocess.Popen(
            command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        time.sleep(rng.uniform(1.0, 3.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        left.append(len(list((root / "data").rglob("[!.]*.parquet"))) if root.exists() else 0)
        for path in (root / "data").rglob("[!.]*.parquet") if root.exists() else ():
            pq.ParquetFile(path)  # whatever has its name is whole
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert shard_digests(root) == shard_digests(small[0]), left
    assert not list(root.rglob("*.tmp"))


def test_no_worker_outlives_a_killed_command(tmp_path):
    import psutil

    command = [
        sys.executable,
        str(ROOT / "sousa.py"),
        "generate",
        "--preset",
        "medium",
        "-o",
        str(tmp_path / "d"),
        "-q",
    ]
    process = subprocess.Popen([*command, "-w", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(tmp_path.rglob("data/*/[!.]*.parquet")):
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.kill()
    process.wait()
    assert not psutil.wait_procs(children, timeout=20)[1]


def test_an_interrupt_keeps_what_is_finished(tmp_path):
    root = tmp_path / "d"
    command = [
        sys.executable,
        str(ROOT / "sousa.py"),
        "generate",
        "-o",
        str(root),
        "-w",
        "2",
        "--skip-validation",
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not list(root.rglob("data/*/[!.]*.parquet")):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "run the same command again" in errors and "Traceback" not in errors
    manifest = json.loads((root / "manifest.json").read_text())
    assert 0 < len(manifest["shards"]) < 10 and not manifest["complete"]


def test_smaller_presets_are_part_of_larger_ones(small, small_config):
    """All 1,200 rows of small, identical in medium: the very same shards."""
    medium = corpus.make_config("medium")
    by_name = {shard.name: shard for shard in corpus.plan(medium)}
    full = {shard.name: shard for shard in corpus.plan(corpus.make_config("full"))}
    assert all(full[name] == shard for name, shard in by_name.items())
    for shard in corpus.plan(small_config):
        assert by_name[shard.name] == shard
    shard = corpus.plan(small_config)[7]
    tables = list(corpus.shard_tables(medium, by_name[shard.name]))
    stored = pq.read_table(small[0] / shard.file)
    assert [row for t in tables for row in t.to_pylist()] == stored.to_pylist()


def test_plans_cover_every_row_once():
    for preset, count in (("small", 1200), ("medium", 12000), ("full", 100000)):
        shards = corpus.plan(corpus.make_config(preset, with_audio=False))
        assert sum(shard.rows for shard in shards) == count
        rows = {
            (p, t, shard.key["augmentation"])
            for shard in shards
            for p in shard.key["profiles"]
            for t in range(*shard.key["tempos"])
        }
        assert len(rows) * 40 == count
        assert all(shard.name.startswith(shard.split + "/") for shard in shards)


def test_other_seeds_make_other_rows_under_the_same_names():
    rows = []
    for seed in (42, 43):
        config = corpus.make_config("small", seed=seed, with_audio=False)
        rows.append(corpus.make_rows(config, [(0, corpus.definitions.load()["flam"], 0)], 0).to_pylist()[0])
    assert rows[0]["strokes"] != rows[1]["strokes"]


def test_parquet_layout(small):
    """Audio and MIDI plain and uncompressed, groups of about a hundred rows, page index on."""
    path = next((small[0] / "data").rglob("*.parquet"))
    file = pq.ParquetFile(path)
    assert file.metadata.row_group(0).num_rows == 120
    group = file.metadata.row_group(0)
    for i in range(group.num_columns):
        column = group.column(i)
        if column.path_in_schema in ("audio.bytes", "midi"):
            assert column.compression == "UNCOMPRESSED" and not column.has_dictionary_page
            assert set(column.encodings) <= {"PLAIN", "RLE"}
        else:
            assert column.compression == "ZSTD"
        assert column.has_offset_index


def test_an_encoded_file_is_one_range_of_bytes(small):
    path = next((small[0] / "data").rglob("*.parquet"))
    row = pq.ParquetFile(path).read_row_group(0, columns=["audio", "midi"]).slice(50, 1).to_pylist()[0]
    data = path.read_bytes()
    assert row["audio"]["bytes"] in data and row["midi"] in data


def test_atomic_files_leave_nothing_behind(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(ValueError), atomic_file(path) as file:
        file.write(b"half")
        raise ValueError
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["x"]


def test_what_can_not_be_written_is_said(tmp_path, monkeypatch):
    with pytest.raises(RunError, match="can't write /proc/nosuch/x"), atomic_file("/proc/nosuch/x") as file:
        file.write(b"x")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="no space left while writing"), atomic_file(tmp_path / "x") as file:
        file.write(b"x")
    assert not os.listdir(tmp_path)


def _too_few(config, shard):
    yield next(corpus.shard_tables(config, shard)).slice(0, 3)


def test_a_shard_with_the_wrong_number_of_rows_is_refused(tmp_path):
    config = corpus.make_config("small", with_audio=False)
    with pytest.raises(RunError, match="3 rows instead of 120"):
        write_shard(_too_few, corpus.corpus_schema(config), config, corpus.plan(config)[0], tmp_path)


def test_a_missing_or_damaged_shard_is_made_again(tiny, sousa, tmp_path):
    import shutil

    root = tmp_path / "d"
    shutil.copytree(tiny, root)
    before = shard_digests(root)
    files = sorted((root / "data").rglob("*.parquet"))
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-100])
    damaged = bytearray(files[2].read_bytes())
    damaged[1000] ^= 1
    files[2].write_bytes(damaged)
    done = sousa(*TINY, "-o", root, "-w", 1)
    assert done.returncode == 0
    for text in ("is missing", "bytes instead of", "does not match its digest"):
        assert text in done.stderr
    assert shard_digests(root) == before
