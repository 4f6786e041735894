"""Note banks: shipped ones are what they say, and any soundfont can be cut into one."""

import json
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import soundfile

from benchmarks.rudiments import shipped_banks
from sousa.generation import licences
from sousa.generation.audio import banks, soundfonts
from sousa.generation.audio.fonts import catalogue
from sousa.generation.errors import RunError, UsageError

FONT = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """One kit of a real font, cut twice."""
    return [
        banks.load(soundfonts.build(FONT, tmp_path_factory.mktemp("banks"), wanted=[(0, 38)])[0])
        for _ in range(2)
    ]


def all_shipped():
    return list(banks.shipped())


@pytest.mark.parametrize("bank", all_shipped(), ids=lambda b: b.name)
def test_sample_zero_is_the_onset(bank):
    for part in bank.articulations.values():
        for layer in part.layers:
            mono = np.abs(layer.mean(axis=1))
            assert mono[0] >= 0.095 * mono.max()
            assert mono[-1] < 0.01 * mono.max()


@pytest.mark.parametrize("bank", all_shipped(), ids=lambda b: b.name)
def test_loudness_rises_with_velocity_over_a_musical_range(bank):
    for part in bank.articulations.values():
        loud = [
            part.gain[v] * np.sqrt((part.layers[part.layer_of[v]][:2205] ** 2).sum()) for v in range(1, 128)
        ]
        assert (np.diff(loud) > 0).all()
        assert 24 < 20 * np.log10(loud[126] / loud[19]) < 45
        peak = part.gain[127] * np.abs(part.layers[part.layer_of[127]]).max()
        assert peak < 0.9


def test_shipped_banks_are_clearly_different_and_small():
    measured = []
    for bank in all_shipped():
        note = shipped_banks.note(bank)
        power = np.abs(np.fft.rfft(note[:8192], 16384)) ** 2
        bands = [
            power[a:b].sum()
            for a, b in zip(
                (30, 80, 160, 320, 640, 1280, 2560), (80, 160, 320, 640, 1280, 2560, 8192), strict=True
            )
        ]
        decay = shipped_banks.centre_and_decay(note)[1]
        measured.append((10 * np.log10(np.array(bands) / sum(bands)), decay, note))
    assert len(measured) >= 25
    for (a, first, one), (b, second, other) in combinations(measured, 2):
        # dB in some octave, or the decay by 20 dB
        assert np.abs(a - b).max() > 2.0 or max(first, second) / min(first, second) > 1.5
        assert shipped_banks.likeness(one, other) < 0.8  # 1 for one recording under two names
    assert sum(f.stat().st_size for f in banks.SHIPPED_DIR.rglob("*")) < 15e6
    electronic = [bank for bank in all_shipped() if "electronic" in bank.name or "808" in bank.name]
    assert len(electronic) <= len(measured) / 4


def test_shipped_banks_state_source_and_licence():
    notice = (banks.SHIPPED_DIR / "NOTICE.md").read_text()
    links = {"MIT": "the MIT licence", "CC0-1.0": "zero/1.0/", "CC-BY-3.0": "licenses/by/3.0/"}
    for bank in all_shipped():
        assert links[bank.licence_id] in notice and licences.known()[bank.licence_id]["free"]
        assert bank.licence and bank.licence != bank.licence_id  # it names the makers
        assert len(bank.source.get("font_sha256") or bank.source["package_sha256"]) == 64
        assert "_".join(bank.name.split("_")[:2]) in notice


def test_the_sources_name_every_shipped_bank():
    """shipped_banks.toml says what all of them are built from, and nothing else."""
    wanted = shipped_banks.sources()
    fonts_ = {
        (catalogue()[entry["key"]].sha256, drum, entry.get("character"))
        for entry in wanted["fonts"] for drum in entry["drums"]
    }  # fmt: skip
    shipped = {bank.name: bank for bank in all_shipped()}
    cut = {
        (s["font_sha256"], f"{s['program']}:{s['key']}", s.get("character"))
        for s in (bank.source for bank in shipped.values()) if "font_sha256" in s
    }  # fmt: skip
    assert cut == fonts_
    recordings = {entry["name"]: entry for entry in wanted["recordings"]}
    assert recordings.keys() == {name for name, bank in shipped.items() if "package" in bank.source}
    for name, entry in recordings.items():
        package, bank = wanted["packages"][entry["package"]], shipped[name]
        assert bank.source["package_sha256"] == package["sha256"]
        stated = ("soundfont", "preset", "licence", "licence_id")
        assert all(getattr(bank, key) == entry[key] for key in stated)


def test_building_is_repeatable(built):
    assert built[0].digest == built[1].digest


def test_notes_do_not_depend_on_what_was_played_before():
    kit = soundfonts.Kit(0, "Standard")
    player = soundfonts.Player(FONT)
    first = player.note(kit, 38, 90)
    for key, velocity in ((40, 127), (37, 3), (38, 60)):
        player.note(kit, key, velocity)
    again = player.note(kit, 38, 90)
    player.close()
    fresh = soundfonts.Player(FONT)
    other = fresh.note(kit, 38, 90)
    fresh.close()
    assert (first == again).all() and (first == other).all()


def test_velocity_layers_are_found_by_measuring(built):
    assert len(built[0].articulations["centre"].layers) == 1  # this font has one layer
    shipped = {bank.name: bank for bank in all_shipped()}
    assert len(shipped["fluidr3_gm_standard_38"].articulations["centre"].layers) == 7


def test_a_bank_sounds_like_the_font(built):
    """A note from the bank equals FluidSynth's own, up to 16 bits and the trimmed attack."""
    player = soundfonts.Player(FONT)
    note = soundfonts.trim(player.note(soundfonts.Kit(0, "Standard"), 38, 77))
    player.close()
    part = built[0].articulations["centre"]
    ours = part.layers[part.layer_of[77]] * part.gain[77]
    size = min(len(note), len(ours)) - 300
    scale = (ours[:size] * note[:size]).sum() / (note[:size] ** 2).sum()
    assert np.abs(ours[:size] - scale * note[:size]).max() < 2e-3 * np.abs(ours).max()


def test_a_changed_or_damaged_bank_is_noticed(built, tmp_path):
    for i, harm in enumerate(("sound", "gain", "json", "missing")):
        place = tmp_path / str(i)
        shutil.copytree(built[0].path, place)
        meta = json.loads((place / "bank.json").read_text())
        if harm == "sound":
            file = place / "centre_0.flac"
            pcm, rate = soundfile.read(file, dtype="int16")
            pcm[100] += 1
            soundfile.write(file, pcm, rate, subtype="PCM_16")
        elif harm == "gain":
            meta["articulations"]["centre"]["gain"][64] *= 1.01
            (place / "bank.json").write_text(json.dumps(meta))
        elif harm == "json":
            (place / "bank.json").write_text("{")
        else:
            (place / "centre_0.flac").unlink()
        with pytest.raises(banks.BankError):
            banks.load(place)


@pytest.mark.parametrize("rate, cents", [(44100, 50), (44100, -50), (16000, 0), (48000, 50), (96000, 0)])
def test_tuning_and_rate_keep_the_onset_and_the_spectrum(rate, cents):
    bank = all_shipped()[0]
    plain = bank.articulations["centre"].layers[0].mean(axis=1)
    moved = banks.voiced(bank, rate, cents, 1, "centre").layers[0][0]
    ratio = 44100 / rate * 2 ** (cents / 1200)
    assert len(moved) == pytest.approx(len(plain) / ratio, abs=2)
    assert np.abs(moved[:3]).max() >= 0.05 * np.abs(moved).max()

    def centroid(x, fs):
        power = np.abs(np.fft.rfft(x, 1 << 16)) ** 2
        f = np.fft.rfftfreq(1 << 16, 1 / fs)
        band = (f > 100) & (f < 5000)
        return (power * f)[band].sum() / power[band].sum()

    assert centroid(moved, rate) == pytest.approx(centroid(plain, 44100) * 2 ** (cents / 1200), rel=0.03)


def test_resampling_a_known_tone_is_accurate():
    t = np.arange(44100)
    tone = np.sin(2 * np.pi * 3000 * t / 44100).astype(np.float32)[None, :]
    out = banks.resample([tone], 1.1)[0][0]
    expected = np.sin(2 * np.pi * 3000 * np.arange(len(out)) * 1.1 / 44100)
    assert np.abs(out - expected)[100:-100].max() < 3e-3


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVEfmt ", None])
def test_files_that_are_no_soundfont_are_refused(tmp_path, content):
    path = tmp_path / "x.sf2"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError):
        soundfonts.find_fonts(path)


def test_a_damaged_soundfont_is_refused(tmp_path):
    path = tmp_path / "x.sf2"
    path.write_bytes(FONT.read_bytes()[:4000])
    with pytest.raises(RunError):
        soundfonts.build(path, tmp_path / "banks")


def test_an_empty_directory_of_soundfonts_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no \.sf2"):
        soundfonts.find_fonts(tmp_path)


def test_info_of_a_font():
    assert soundfonts.info(FONT)["INAM"]


def test_bank_commands(sousa, tmp_path):
    listed = sousa("banks", "list")
    assert listed.returncode == 0 and "fluidr3_gm_standard_38" in listed.stdout
    out = tmp_path / "snare.wav"
    played = sousa("banks", "play", "fluidr3_gm_standard_38", out, "--velocities", "30,60,120")
    assert played.returncode == 0, played.stderr
    pcm, rate = soundfile.read(out)
    starts = [rate // 10 + i * rate // 2 for i in range(3)]
    peaks = [np.abs(pcm[s : s + 4000]).max() for s in starts]
    assert peaks[0] < peaks[1] < peaks[2]
    assert np.abs(pcm[: starts[0]]).max() == 0
    made = sousa("banks", "build", FONT, "--kits", "0:38", "-o", tmp_path / "banks")
    assert made.returncode == 0 and len(banks.find(tmp_path / "banks")) == 1
    good = ("banks", "play", "fluidr3_gm_standard_38")
    for bad in (
        ("banks", "play", "nosuch", out),
        (*good, tmp_path / "x.mp3"),
        (*good, out, "--velocities", "0"),
        ("banks", "build", FONT, "--kits", "snare"),
        ("banks", "build", tmp_path / "none.sf2"),
    ):
        done = sousa(*bad)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
