"""Storage: files are whole or not there, damage is found, and one process writes at a time."""

import errno
import fcntl
import json
import os
import pickle
import stat
import subprocess
import sys

import pytest

from sousa.generation import storage as files
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


def test_what_stands_under_a_temporary_name_is_never_opened(tmp_path, monkeypatch):
    """A link, a device or somebody's file: another name is taken, until there is a free one."""
    victim = tmp_path / "victim"
    victim.write_text("of the user")
    names = ["00" * 8, "11" * 8, "22" * 8]
    (tmp_path / f".{names[0]}.tmp").symlink_to(victim)
    os.link(victim, tmp_path / f".{names[1]}.tmp")
    for first in names[:2]:
        monkeypatch.setattr(files.secrets, "token_hex", lambda count, first=first: first)
        with pytest.raises(RunError, match=r"can't write .*File exists"):
            files.write_json(tmp_path / "x.json", 1)
    monkeypatch.setattr(files.secrets, "token_hex", lambda count: names[2])
    files.write_json(tmp_path / "x.json", 1)
    assert victim.read_text() == "of the user" and (tmp_path / "x.json").read_text() == "1\n"


def test_links_are_replaced_and_not_followed(tmp_path):
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_text("of the user")
    link.symlink_to(victim)
    files.write_json(link, 2)
    assert victim.read_text() == "of the user" and link.read_text() == "2\n" and not link.is_symlink()
    link.unlink()
    link.symlink_to(victim)
    with pytest.raises(RunError, match=r"can't write .*link"):
        files.LocalStorage(str(tmp_path)).append("link", "line")
    assert victim.read_text() == "of the user"


@pytest.mark.parametrize("kind", ["file", "link", "directory", "other name", "fifo"])
def test_only_what_this_program_made_is_replaced(tmp_path, kind):
    path, mine = tmp_path / "page", tmp_path / "mine"
    mine.write_text("<sousa>")
    {
        "file": lambda: path.write_text("of the user"), "link": lambda: path.symlink_to(mine),
        "directory": path.mkdir, "other name": lambda: os.link(mine, path), "fifo": lambda: os.mkfifo(path),
    }[kind]()  # fmt: skip
    with pytest.raises(UsageError, match="was not made by this command"):
        files.refuse_others_file(path, b"<sousa>")
    files.refuse_others_file(tmp_path / "new", b"<sousa>")
    ours = tmp_path / "ours"
    ours.write_text("<html><sousa>")
    files.refuse_others_file(ours, b"<sousa>")
    with pytest.raises(UsageError):
        files.refuse_others_file(ours)


def test_copies_are_files_of_their_own(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    files.copied(tmp_path / "a", tmp_path / "deep" / "b")
    with open(tmp_path / "a", "r+b") as file:
        file.write(b"y")
    assert (tmp_path / "deep" / "b").read_bytes() == b"x" * 3_000_000
    with pytest.raises(RunError, match="can't be read: No such file"):
        files.copied(tmp_path / "nowhere", tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_what_is_shown_replaces_nothing_and_is_hidden_again_alone(tmp_path):
    storage = LocalStorage(str(tmp_path))
    storage.write_json(".unfinished/README.md", "ours")
    storage.write_json(".unfinished/data/a", "ours")
    (tmp_path / "data").mkdir()
    with pytest.raises(UsageError, match="data was not made by this command"):
        storage.show(".unfinished", ["README.md", "data"])
    assert not (tmp_path / "README.md").exists()
    (tmp_path / "data").rmdir()
    storage.show(".unfinished", ["README.md", "labels", "data"])
    (tmp_path / "notes.txt").write_text("mine")
    assert {path.name for path in tmp_path.iterdir()} == {"README.md", "data", "notes.txt", ".unfinished"}
    storage.hide(".unfinished")
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", ".unfinished"}
    assert (tmp_path / ".unfinished/data/a").exists()


def test_where_directories_can_not_be_locked_a_file_in_them_is(tmp_path, monkeypatch):
    """As on NFS, which wants a file that is open for writing."""
    lock = fcntl.flock

    def of_files(handle, kind):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EBADF, "Bad file descriptor")
        lock(handle, kind)

    monkeypatch.setattr(fcntl, "flock", of_files)
    storage = LocalStorage(str(tmp_path))
    with storage.locked(), pytest.raises(UsageError, match="another sousa is writing"), storage.locked():
        pass
    with storage.locked(shared=True), storage.locked(shared=True), pytest.raises(UsageError, match="another"):
        storage.locked().__enter__()
    assert storage.entries() == []
