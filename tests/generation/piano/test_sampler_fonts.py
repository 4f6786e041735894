"""Any soundfont's piano can be built: a real font, and a small one written here with layers and two sides."""

import argparse
import struct
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import soundfile

from sousa.generation.console import Console
from sousa.generation.errors import RunError, UsageError
from sousa.generation.piano.sampler import available, commands, cutting, load, render, sf2, shipped
from sousa.generation.piano.sampler.pianos import onset_of
from sousa.generation.piano.sampler.voicing import voicing
from tests.generation.piano.sampler_notes import mono, performance

FONT = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
RATE = 32000


def chunk(tag: bytes, data: bytes) -> bytes:
    return tag + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def listed(kind: bytes, *chunks: bytes) -> bytes:
    return chunk(b"LIST", kind + b"".join(chunks))


def tone(hz: float, periods: int = 400, partials: int = 6) -> np.ndarray:
    """A whole number of periods of a tone, int16."""
    phase = 2 * np.pi * np.arange(round(periods * RATE / hz)) * hz / RATE
    sound = sum(np.sin(n * phase) / n for n in range(1, partials + 1))
    return np.rint(9000 * sound).astype(np.int16)


def written(path: Path, tones, zones, preset: bytes = b"Toy Grand", name: bytes = b"Toy") -> Path:
    """A font; ``tones``: ``(samples, root, cents)``; ``zones``: ``(key range, velocity range, pan, sample,
    generators)``."""
    samples, heads = b"", b""
    for sound, root, cents in tones:
        at = len(samples) // 2
        samples += sound.astype("<i2").tobytes() + bytes(92)
        end = at + len(sound)
        heads += struct.pack(
            "<20sIIIIIBbHH", b"s", at, end, at + len(sound) // 2, end, RATE, root, cents, 0, 1
        )
    heads += struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)
    bags = generators = b""
    for keys, velocities, pan, sample, more in zones:
        bags += struct.pack("<HH", len(generators) // 4, 0)
        first = [(43, keys[0] | keys[1] << 8), (44, velocities[0] | velocities[1] << 8)]
        for number, value in [*first, (17, pan), (54, 1), *more, (53, sample)]:
            generators += struct.pack("<HH", number, value & 0xFFFF)
    bags += struct.pack("<HH", len(generators) // 4, 0)
    presets = struct.pack("<20sHHHIII", preset, 0, 0, 0, 0, 0, 0)
    presets += struct.pack("<20sHHHIII", b"EOP", 0, 0, 1, 0, 0, 0)
    data = listed(
        b"pdta",
        chunk(b"phdr", presets),
        chunk(b"pbag", struct.pack("<HHHH", 0, 0, 1, 0)),
        chunk(b"pmod", bytes(10)),
        chunk(b"pgen", struct.pack("<HHHH", 41, 0, 0, 0)),
        chunk(b"inst", struct.pack("<20sH20sH", b"toy", 0, b"EOI", len(zones))),
        chunk(b"ibag", bags),
        chunk(b"imod", bytes(10)),
        chunk(b"igen", generators + bytes(4)),
        chunk(b"shdr", heads),
    )
    info = listed(b"INFO", chunk(b"ifil", b"\2\0\1\0"), chunk(b"INAM", name), chunk(b"ICOP", b"made here"))
    body = b"sfbk" + info + listed(b"sdta", chunk(b"smpl", samples)) + data
    path.write_bytes(chunk(b"RIFF", body))
    return path


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Two layers, two sides, one of them twenty cents flat; decay 20 dB/s after half a second."""
    places = tmp_path_factory.mktemp("toy")
    envelope = [(35, -1200), (36, round(1200 * np.log2(5))), (37, 1000), (38, -1200)]
    soft, hard = tone(220, partials=3), tone(440, 800, partials=8)
    tones = [(soft, 57, 0), (soft // 2, 57, 0), (hard, 69, 0)]
    zones = [
        ((0, 127), (1, 90), -500, 0, [*envelope, (58, 57), (48, 100)]),
        ((0, 127), (1, 90), 500, 1, [*envelope, (58, 57), (48, 100)]),
        ((0, 127), (91, 127), 0, 2, [*envelope, (58, 69), (52, 20)]),
    ]
    return load(cutting.build(written(places / "toy.sf2", tones, zones), places))


def test_a_font_is_read_as_it_says(toy):
    assert (toy.name, toy.soundfont, toy.preset, toy.licence) == (
        "toy_toy_grand", "Toy", "Toy Grand", "made here",
    )  # fmt: skip
    assert [layer.highest for layer in toy.layers] == [90, 127]
    soft, hard = (layer.keys[60 - 21] for layer in toy.layers)
    assert (soft["recording"], soft["cents"], hard["recording"], hard["cents"]) == (0, 300.0, 1, -880.0)
    assert soft["gain_db"] == pytest.approx(-4.0) and hard["gain_db"] == 0.0
    assert hard["hold_sec"] == pytest.approx(0.5)
    assert hard["decay_db_sec"] == pytest.approx(20.0, rel=1e-3)
    assert hard["release_db_sec"] == pytest.approx(200.0)
    # both sides: the mean of one and a half of it
    expected = 0.75 * tone(220, partials=3)
    start = onset_of(expected, RATE)
    np.testing.assert_allclose(toy.recordings[0].samples, expected[start:], atol=1)


def test_what_it_plays_is_in_tune_and_dies_away(toy):
    for velocity, cents in ((80, 0), (127, 20)):
        sound = mono(render(toy, performance([(0.0, 3.0, 60, velocity)], 3.0))[0])
        spectrum = np.abs(np.fft.rfft(sound[1600:17600] * np.hanning(16000), 1 << 19))[:12000]
        hz = np.argmax(spectrum) * 16000 / (1 << 19)
        assert 1200 * np.log2(hz / 261.6256) == pytest.approx(cents, abs=2)
        loud = [np.sqrt((sound[a : a + 1600] ** 2).mean()) for a in (16000, 32000)]
        assert 20 * np.log10(loud[0] / loud[1]) == pytest.approx(20, abs=0.3)


def test_layers_are_chosen_by_velocity(toy):
    voice = voicing(toy, 16000, 0)
    touches = [voice._touches[voice.sound_of[39, v]] for v in (10, 90, 91, 127)]
    assert [layer for layer, _ in touches] == [0, 0, 1, 1]
    assert touches[1] == (0, 0) and touches[0][1] > 0


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return load(cutting.build(FONT, tmp_path_factory.mktemp("real"), licence_id="GPL-2.0-only"))


def test_a_real_font_makes_a_second_piano(real):
    assert real.preset == "Piano 1" and real.licence_id == "GPL-2.0-only"
    assert real.digest != shipped().digest
    notes = performance([(0.1, 0.9, pitch, 100) for pitch in (36, 60, 88)], 2.0)
    one, two = (mono(render(piano, notes)[0]) for piano in (real, shipped()))
    for sound in (one, two):
        assert not sound[:1600].any() and sound[1600:1616].any()
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.5
    # pianos are made equally loud
    assert abs(20 * np.log10(np.std(one) / np.std(two))) < 6


def test_a_filter_that_every_velocity_has_is_in_the_recording(real):
    """That of this font lets 2.5 kHz pass at first and closes within half a minute."""
    assert all(recording.loop_start is None for recording in real.recordings)
    font = sf2.Font(FONT)
    zone = next(zone for zone in font.zones if zone.keys == (60, 62))
    raw, rate = font.read(zone.sample)
    number = real.layers[0].keys["recording"][61 - 21]
    ratio = 2 ** (real.layers[0].keys["cents"][61 - 21] / 1200)

    def treble(sound):
        power = np.abs(np.fft.rfft(sound[: len(raw)])) ** 2
        hz = np.fft.rfftfreq(len(raw), 1 / rate) * ratio
        return power[hz > 3000].sum() / power[hz < 600].sum()

    recording = real.recordings[number]
    assert len(recording.samples) == pytest.approx(8 * rate * ratio, rel=0.1)
    assert treble(recording.samples / 32768) < 0.4 * treble(raw)


@pytest.mark.parametrize("size", [60, 3000, 200_000])
def test_a_broken_font_is_refused(tmp_path, size):
    path = tmp_path / "cut.sf2"
    path.write_bytes(FONT.read_bytes()[:size])
    with pytest.raises(RunError, match=r"soundfont .*cut\.sf2 can't be used"):
        cutting.build(path, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["cut.sf2"]


def test_lists_without_end_are_refused(tmp_path):
    (tmp_path / "deep.sf2").write_bytes(b"RIFF\0\0\0\0sfbk" + b"LIST\xff\xff\xff\x0fdeep" * 5000)
    with pytest.raises(RunError, match=r"soundfont .*deep\.sf2 can't be used"):
        sf2.Font(tmp_path / "deep.sf2")


def run(*argv):
    parser = argparse.ArgumentParser()
    commands.pianos(parser, list(argv))
    arguments = parser.parse_args(argv)
    arguments.work(arguments, Console())


def test_commands_build_list_and_play(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SOUSA_CACHE", str(tmp_path / "cache"))
    run("build", str(FONT), "--licence", "GPL-2.0-only")
    name = next(name for name in available() if name.startswith("timgm6mb_"))
    run("list")
    shown = capsys.readouterr().out
    assert name in shown and "GPL-2.0-only" in shown and "fluidr3_gm_yamaha_grand_piano" in shown
    run("play", name, str(tmp_path / "out.wav"), "--pitches", "60,64", "--velocities", "50,100")
    sound, rate = soundfile.read(tmp_path / "out.wav")
    assert rate == 44100 and sound.shape == (3 * rate + 4410 + 2 * rate, 2)
    assert np.abs(sound[4410 : 4410 + 100]).max() > 0
    for argv in (("play", name, "x.mp3"), ("play", name, "x.wav", "--pitches", "12")):
        with pytest.raises(UsageError):
            run(*argv)
    with pytest.raises(UsageError) as error:
        run("play", name, "x.mp3", "--pitches", "a", "--velocities", "200")
    assert len(error.value.problems) == 3


def test_names_of_a_font_are_one_line_and_one_is_no_plural(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SOUSA_CACHE", str(tmp_path / "cache"))
    zone = ((0, 127), (1, 127), 0, 0, [(58, 57)])
    font = written(tmp_path / "x.sf2", [(tone(220), 57, 0)], [zone], b"Grand\nPiano\x1b[1m", b"My\r\nfont\t ")
    run("build", str(font))
    built = capsys.readouterr().out.splitlines()
    assert len(built) == 2 and "1 recording, 1 layer, " in built[0]
    run("list")
    (shown,) = (line for line in capsys.readouterr().out.splitlines() if "My font" in line)
    assert "1 recording (" in shown and " in 1 layer; My font, Grand Piano\\x1b[1m; made here" in shown
