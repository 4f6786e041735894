"""Modelled pianos: a number is one piano, and keys sound at their pitch and die away."""

import numpy as np
import pytest

from sousa.generation.errors import UsageError
from sousa.generation.piano.options import PianoOptions
from sousa.generation.piano.sampler import by_name, modelled, pianos
from sousa.generation.piano.sampler.pianos import LOWEST


@pytest.fixture(scope="module")
def piano(tmp_path_factory):
    return pianos.load(modelled.build(3, tmp_path_factory.mktemp("pianos")))


def test_names_have_numbers_from_1_on():
    assert modelled.number_of("modelled_12") == 12
    assert [modelled.number_of(name) for name in ("modelled_0", "modelled_", "modelled_01", "grand")] == [
        None
    ] * 4


def test_a_number_is_one_piano(piano, tmp_path):
    assert pianos.stored_digest(modelled.build(3, tmp_path)) == piano.digest
    assert pianos.stored_digest(modelled.build(4, tmp_path)) != piano.digest
    assert piano.name == "modelled_3" and piano.licence_id == "CC0-1.0"


@pytest.mark.parametrize("key", [33, 45, 60, 69, 81, 93])
def test_keys_sound_at_their_pitch_and_die_away(piano, key):
    row = piano.layers[0].keys[key - LOWEST]
    recording = piano.recordings[row["recording"]]
    sound = recording.samples / 32768.0
    size = min(len(sound), recording.rate)
    spectrum = np.abs(np.fft.rfft(sound[:size] * np.hanning(size), 8 * size))
    hz = 440.0 * 2.0 ** ((key - 69 - row["cents"] / 100) / 12)
    near = slice(int(0.97 * hz * 8 * size / recording.rate), int(1.03 * hz * 8 * size / recording.rate) + 1)
    peak = (near.start + spectrum[near].argmax()) * recording.rate / (8 * size)
    assert 1200 * abs(np.log2(peak / hz)) < 12
    part = recording.rate // 10
    loud = [(sound[at : at + part] ** 2).mean() for at in (0, size - part, len(sound) - part)]
    assert loud[0] > 2 * loud[1] and loud[1] > 2 * loud[2]


def test_they_are_built_when_they_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SOUSA_CACHE", str(tmp_path))
    here = tmp_path / "pianos" / "modelled_2"
    assert by_name("modelled_2").digest == pianos.stored_digest(here)
    options = PianoOptions.read({"size": "small", "pianos": ["modelled_2", "modelled_5"]})
    assert options.pianos == ["modelled_2", "modelled_5"]
    with pytest.raises(UsageError, match="unknown piano 'modelled_x'"):
        PianoOptions.read({"size": "small", "pianos": ["modelled_x"]})


def test_one_that_was_computed_otherwise_or_is_broken_is_computed_again(monkeypatch, tmp_path):
    monkeypatch.setenv("SOUSA_CACHE", str(tmp_path))
    table = modelled.build(2) / "piano.json"
    right, before = table.read_text(), table.stat().st_ino
    modelled.built("modelled_2")
    assert table.stat().st_ino == before
    for text in (right.replace('"computed": 2', '"computed": 1'), "{"):
        table.write_text(text)
        modelled.built("modelled_2")
        assert table.read_text() == right


def test_waves_are_what_their_definition_says():
    rng = np.random.default_rng(5)
    hertz, dying = rng.uniform(30, 14_000, 40), rng.uniform(1, 300, 40)
    starts = rng.normal(size=40) + 1j * rng.normal(size=40)
    ends = rng.integers(1, 3000, 40)
    ends[:3] = 512, 1024, 3000
    expected, t = np.zeros(3000), np.arange(3000) / 32000
    for f, fall, start, end in zip(hertz, dying, starts, ends, strict=True):
        wave = 10 ** (-fall * t / 20) * np.abs(start) * np.sin(2 * np.pi * f * t + np.angle(start))
        expected[:end] += wave[:end]
    assert np.allclose(modelled._waves(hertz, dying, starts, ends, 3000), expected, atol=1e-9)
