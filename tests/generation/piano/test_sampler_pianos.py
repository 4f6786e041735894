"""The format of pianos: the shipped one is what it says, and a damaged one is refused."""

import json
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sousa.generation.audio.banks import BankError
from sousa.generation.errors import RunError, UsageError
from sousa.generation.piano.sampler import available, by_name, load, pianos, shipped
from sousa.generation.piano.sampler.pianos import DEFAULT, KEYS, ONSET, PEAK_SEC, SHIPPED_DIR, PianoError
from tests.conftest import ROOT


@pytest.fixture
def copied(tmp_path):
    return Path(shutil.copytree(SHIPPED_DIR / DEFAULT, tmp_path / "mine"))


def edited(path, edit):
    table = json.loads((path / "piano.json").read_text())
    edit(table)
    (path / "piano.json").write_text(json.dumps(table))
    return path


def test_the_shipped_piano_is_small_free_and_whole():
    piano = shipped()
    files = [file for file in SHIPPED_DIR.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 2_000_000
    assert piano.licence_id == "MIT" and "Frank Wen" in piano.licence
    notice = SHIPPED_DIR / "NOTICE.md"
    assert "Permission is hereby granted" in notice.read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert str(notice.relative_to(ROOT)) in project["license-files"]
    assert piano.name == DEFAULT and by_name(DEFAULT) is piano
    assert available()[DEFAULT] == SHIPPED_DIR / DEFAULT
    assert piano.about()["source"]["font_file"] == "FluidR3_GM.sf2"
    assert len(piano.layers[0].keys) == KEYS == 88


def test_sample_zero_is_the_onset_and_loops_join():
    for recording in shipped().recordings:
        level = np.abs(recording.samples.astype(float))
        peak = level[: int(PEAK_SEC * recording.rate)].max()
        assert level[0] >= ONSET * peak
        start = recording.loop_start
        # a loop goes on where it ends: no larger step than there is anywhere near
        step = abs(float(recording.samples[start]) - float(recording.samples[-1]))
        assert step <= np.abs(np.diff(recording.samples[start:].astype(float))).max() * 1.5


def test_a_piano_is_saved_as_it_is_read(tmp_path):
    piano = shipped()
    about = {name: piano.about()[name] for name in ("soundfont", "preset", "licence", "licence_id", "source")}
    path = pianos.save(tmp_path, "again", piano.recordings, piano.layers, piano.gain_db, **about)
    again = load(path)
    assert again.digest == piano.digest and again.about() == {**piano.about(), "name": "again"}
    assert pianos.save(tmp_path, "again", piano.recordings[:1], piano.layers, 0.0, **about) == path
    assert sorted(file.name for file in path.iterdir()) == ["00.flac", "piano.json"]


def test_a_piano_takes_no_other_things_place(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match=r"letter\.txt, which is of no piano"):
        pianos.save(tmp_path, "mine", shipped().recordings, shipped().layers, 0.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


def test_the_digest_tells_samples_and_tables():
    piano = shipped()
    digests = {piano.digest, pianos.piano_digest(piano.recordings, piano.layers, piano.gain_db + 1)}
    first = piano.recordings[0]
    samples = first.samples.copy()
    samples[100] += 1
    other = (pianos.Recording(samples, first.rate, first.loop_start), *piano.recordings[1:])
    digests.add(pianos.piano_digest(other, piano.layers, piano.gain_db))
    keys = piano.layers[0].keys.copy()
    keys["release_db_sec"][3] += 1
    digests.add(pianos.piano_digest(piano.recordings, [pianos.Layer(127, keys)], piano.gain_db))
    assert len(digests) == 4
    assert pianos.piano_digest(piano.recordings, piano.layers, piano.gain_db) == piano.digest


def break_table(path):
    (path / "piano.json").write_text("{")


def break_rows(path):
    edited(path, lambda table: table["layers"][0]["keys"]["cents"].pop())


def break_number(path):
    edited(path, lambda table: table["layers"][0]["keys"]["recording"].__setitem__(0, 99))


def break_layers(path):
    edited(path, lambda table: table["layers"][0].update(highest=100))


def break_loop(path):
    edited(path, lambda table: table["recordings"][0].update(loop_start=10**9))


def break_place(path):
    (path.parent / "03.flac").write_bytes((path / "03.flac").read_bytes())
    edited(path, lambda table: table["recordings"][3].update(file="../03.flac"))


def break_sound(path):
    (path / "03.flac").write_bytes(b"fLaC")


def break_missing(path):
    (path / "03.flac").unlink()


def break_sides(path):
    soundfile.write(path / "03.flac", np.zeros((100, 2), dtype=np.int16), 32000)


@pytest.mark.parametrize(
    "damage",
    [
        break_table,
        break_rows,
        break_number,
        break_layers,
        break_loop,
        break_place,
        break_sound,
        break_missing,
        break_sides,
    ],
)
def test_a_damaged_piano_is_refused_in_one_sentence(copied, damage):
    damage(copied)
    with pytest.raises(PianoError, match=r"piano .*mine can't be read .*delete the directory") as caught:
        load(copied)
    assert isinstance(caught.value, BankError) and "\n" not in str(caught.value)


def test_a_changed_piano_is_refused(copied):
    with pytest.raises(PianoError, match="does not match its digest"):
        load(edited(copied, lambda table: table.update(gain_db=3.0)))


def test_an_unknown_piano_is_said(tmp_path):
    with pytest.raises(UsageError, match=f"unknown piano.*{DEFAULT}"):
        by_name("harpsichord")
