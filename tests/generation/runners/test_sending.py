from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sousa.generation import PACKAGE_VERSION
from sousa.generation.errors import RunError
from sousa.generation.piano.settings import make_config as piano_config
from sousa.generation.rudiments.settings import make_config as rudiments_config
from sousa.generation.runners.sending import Call, files_of, joined, parted, put_files


def test_what_all_tasks_share_is_parted_and_joined_again():
    large = object()
    tasks = [(number, large, str(number), "same") for number in range(1000, 1003)]
    shared, own = parted(tasks)
    assert shared == {1: large, 3: "same"} and own == [(task[0], task[2]) for task in tasks]
    assert [joined(shared, part) for part in own] == tasks
    assert parted([]) == ({}, [])


def test_a_machine_with_another_version_does_nothing():
    call = Call(pow, {1: 2})
    assert call((7,)) == 49
    with pytest.raises(RunError, match=f"has sousa {PACKAGE_VERSION}, and 0.0.1 sends the tasks; install"):
        replace(call, version="0.0.1")((7,))


@dataclass
class Needing:
    files: tuple


def test_files_are_sent_with_folders_and_put_where_they_were(tmp_path):
    folder = tmp_path / "bank"
    folder.mkdir()
    (folder / "a.flac").write_bytes(b"a")
    (folder / "b.flac").write_bytes(b"b")
    needed = [*files_of({0: Needing((str(folder), str(tmp_path / "room.flac"))), 1: "nothing"})]
    assert needed == [folder / "a.flac", folder / "b.flac", tmp_path / "room.flac"]
    (folder / "b.flac").unlink()
    put_files({str(folder / "a.flac"): b"other", str(folder / "b.flac"): b"b"})
    assert (folder / "a.flac").read_bytes() == b"a" and (folder / "b.flac").read_bytes() == b"b"


def test_only_what_is_outside_of_the_package_is_sent():
    config = rudiments_config("small")
    assert config.files and not [*files_of({0: config})]
    config = piano_config(samples=2, pianos=["modelled_1"])
    sent = [*files_of({0: config})]
    assert sent and {path.parent for path in sent} == {Path(config.pianos[0].path)}
