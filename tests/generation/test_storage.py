"""Storage: files are whole or not there, damage is found, and one process writes at a time."""

import json
import pickle
import subprocess
import sys

import pytest

from sousa.generation.errors import RunError, UsageError
from sousa.generation.storage import LocalStorage


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(str(tmp_path / "d"))


def write(storage, file, data):
    with storage.writing(file) as opened:
        opened.write(data)


def test_a_storage_is_its_path(storage):
    assert pickle.loads(pickle.dumps(storage)) == storage
    assert storage.inside("a/b").path("c") == storage.path("a/b/c")
    storage.write_json("a/x.json", {"b": [1, "é"]})
    assert json.loads(storage.path("a/x.json").read_text()) == {"b": [1, "é"]}


def test_every_changed_byte_is_damage(storage):
    data = bytes(range(256))
    write(storage, "x", data)
    record = storage.record("x")
    assert record["bytes"] == 256 and storage.damage(record) is None
    for i in range(0, 256, 15):
        storage.path("x").write_bytes(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :])
        assert "does not match its digest" in storage.damage(record)
    storage.path("x").write_bytes(data[:-1])
    assert "255 bytes instead of 256" in storage.damage(record)
    storage.remove("x")
    assert "missing" in storage.damage(record)
    storage.path("x").mkdir()
    assert storage.damage(record | {"bytes": storage.path("x").stat().st_size})


def test_a_line_that_was_cut_short_is_no_line(storage):
    assert storage.lines("log") == []
    storage.path().mkdir()
    for line in ("one", "twö", "three"):
        storage.append("log", line)
    assert storage.lines("log") == ["one", "twö", "three"]
    data = storage.path("log").read_bytes()
    for length in range(len(data)):
        storage.path("log").write_bytes(data[:length])
        assert storage.lines("log") == ["one", "twö", "three"][: data[:length].count(b"\n")]


def test_moving_and_removing_files_and_folders(storage):
    write(storage, "a/x", b"1")
    write(storage, "b", b"2")
    storage.move("a", "deep/er/c")
    storage.move("b", "deep/er/c/x")
    assert storage.path("deep/er/c/x").read_bytes() == b"2"
    with pytest.raises(RunError, match=r"can't write .*deep"):
        storage.move("nothing", "deep")
    outside = storage.path().parent / "kept"
    outside.mkdir()
    storage.path("link").symlink_to(outside)
    for name in ("link", "deep", "deep", "nothing/x"):
        storage.remove(name)
    assert outside.exists() and not list(storage.path().iterdir())


def test_what_a_killed_run_left_is_swept_and_is_no_stranger(storage):
    for name in (".x.parquet.123.tmp", "deep/.y.7.tmp"):
        write(storage, name, b"")
    for name in ("x.tmp", ".hidden", "deep/kept.tmp"):
        write(storage, name, b"")
    assert sorted(storage.entries()) == [".hidden", "deep", "x.tmp"]
    storage.sweep()
    left = sorted(p.relative_to(storage.path()).as_posix() for p in storage.path().rglob("*") if p.is_file())
    assert left == [".hidden", "deep/kept.tmp", "x.tmp"]


def test_one_process_at_a_time_and_a_dead_one_holds_nothing(storage):
    code = f"""
import os, time
from sousa.generation.storage import LocalStorage
with LocalStorage({storage.root!r}).locked():
    print("held", flush=True)
    time.sleep(60)
"""
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match="another sousa is writing to"), storage.locked():
            pass
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    with storage.locked():
        assert not list(storage.path().iterdir())  # it leaves nothing behind


def test_a_file_in_its_place_is_said(storage):
    storage.path().write_text("")
    with pytest.raises(UsageError, match="is a file, not a directory"), storage.locked():
        pass
