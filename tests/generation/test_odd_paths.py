"""Texts of the user that are tried as paths, and can be none; and paths that can't be written to."""

import errno
import os
import shutil
import stat

import pytest

import sousa
from sousa.builders.release import opened
from sousa.builders.unified import Unified
from sousa.generation import outside, reopen
from sousa.generation.audio import banks, fonts, noise, one_shots, room_builder, soundfonts
from sousa.generation.errors import SousaError, UsageError
from sousa.generation.storage import output_path
from sousa.generation.textures import schema
from sousa.generation.textures.dsgenerator import old_style
from sousa.generation.textures.options import TexturesOptions

LONG = "x" * 300


@pytest.fixture
def loop(tmp_path):
    """A link to itself."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    return str(tmp_path / "loop")


PROBES = {
    "load": sousa.load,
    "find": opened.find,
    "read": opened.read,
    "open": reopen.open_dataset,
    "validate": sousa.validate,
    "verify": sousa.verify,
    "preview": sousa.preview,
    "release": lambda path: sousa.release(path, "/tmp/never", "1.0.0"),
    "release to": lambda path: sousa.release("/tmp", path, "1.0.0"),
    "export": lambda path: sousa.export(path, "/tmp/never", "csv"),
    "export to": lambda path: sousa.export("/tmp", path, "csv"),
    "generate": lambda path: sousa.generate(output=path, profiles=1, tempos=1),
    "config": lambda path: schema.read(path, TexturesOptions.read({})),
    "synths": lambda path: old_style.use([path]),
    "noise": noise.user_files,
    "fonts": soundfonts.find_fonts,
    "drums": fonts.banks_or_fonts,
    "recordings": one_shots.build,
    "bank": banks.by_name,
    "rooms": lambda path: room_builder.build(path, ["practice_room"], print),
}


@pytest.mark.parametrize("name", PROBES)
def test_no_text_is_too_odd_to_be_tried(tmp_path, monkeypatch, loop, name):
    monkeypatch.chdir(tmp_path)
    for text in (LONG, "a\0b", "a\ud800b", loop, f"{loop}/x", "sub/" * 2000):
        with pytest.raises(SousaError) as raised:
            PROBES[name](text)
        assert len(str(raised.value)) < 600 and "\n" not in str(raised.value)
    assert os.listdir(tmp_path) == ["loop"]


def test_a_stored_corpus_of_no_path(tmp_path):
    with pytest.raises(ValueError, match="can't be looked at: File name too long"):
        Unified(config_name="small", data_dir=LONG, cache_dir=str(tmp_path))


def test_looking_at_paths(tmp_path, monkeypatch, loop):
    (tmp_path / "file").touch()
    assert outside.is_directory(tmp_path) and outside.is_file(tmp_path / "file")
    assert not outside.is_directory(tmp_path / "file" / "x") and not outside.is_file(tmp_path)
    with pytest.raises(UsageError, match=r"x{60}… can't be looked at: File name too long; name another path"):
        outside.is_file(LONG)
    with pytest.raises(UsageError, match="levels of symbolic links"):
        outside.is_file(loop)

    def refused(path):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "stat", refused)
    with pytest.raises(UsageError, match="Permission denied"):
        outside.is_directory("there")


@pytest.mark.parametrize("text", ["", " ", "a\nb", "a\tb", "\x1b[31m", "a\u202eb", "a\udcffb", "a\0b"])
def test_what_is_no_path_to_write_to(text):
    with pytest.raises(UsageError, match="output is"):
        output_path(text)
    assert output_path("a b\u00e9[*]") == "a b\u00e9[*]"


def test_devices_and_the_system_are_no_outputs(tiny, tmp_path):
    tiny = shutil.copytree(tiny, tmp_path / "d")
    (tiny / "card").write_text("dear")
    for path in ("/dev/null", "/dev/full", "/proc", "/proc/x", "/proc/version", "/sys/x", f"{tiny}/card"):
        for make in (PROBES["generate"], lambda path: sousa.release(tiny, path, "1.0.0"),
                     lambda path: sousa.export(tiny, path, "csv")):  # fmt: skip
            with pytest.raises(SousaError) as raised:
                make(path)
            assert path in str(raised.value) and "\n" not in str(raised.value)
        if path != "/proc":
            with pytest.raises(SousaError, match=path):
                sousa.preview(tiny, path)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_rooms_replace_nothing(tmp_path):
    (tmp_path / "practice_room").mkdir()
    (tmp_path / "practice_room" / "pool.json").write_text("dear")
    with pytest.raises(UsageError, match="practice_room is there already; name another directory"):
        room_builder.build(tmp_path, ["practice_room"], print)
    assert (tmp_path / "practice_room" / "pool.json").read_text() == "dear"
