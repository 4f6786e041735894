"""Banks of a user's own recordings: sample packs, kits of Hydrogen, and what is wrong with them."""

import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sousa.generation.audio import banks, fonts, hydrogen, one_shots, soundfonts
from sousa.generation.errors import SousaError, UsageError
from sousa.generation.storage import file_digest

ONSET = 1000


def stroke(level, seed=0, rate=44100, channels=1, seconds=0.4, onset=ONSET):
    """A decaying burst of noise that begins suddenly, after silence: float64 (samples, channels)."""
    rng = np.random.default_rng(seed)
    size = int(seconds * rate)
    burst = rng.uniform(-1, 1, (size, channels)) * np.exp(-np.arange(size) / rate / 0.03)[:, None]
    burst[0] = 0.9
    return np.concatenate([np.zeros((onset, channels)), burst * level])


def write(path, sound, rate=44100, subtype="PCM_24"):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, rate, subtype=subtype)


def built(path, output, **options):
    return [banks.load(place) for place in one_shots.build(path, output, **options)]


def loudness(part):
    layers = [soundfonts.loudness(layer.astype(float)) for layer in part.layers]
    return np.array([part.gain[v] * layers[part.layer_of[v]] for v in range(1, 128)])


@pytest.fixture
def pack(tmp_path):
    """Four velocities with two round robins each."""
    for velocity in (20, 60, 90, 120):
        for turn in range(2):
            level = 0.5 * (velocity / 127) ** 2 * (1 + 0.1 * turn)
            write(
                tmp_path / "Fat Snare" / f"snare_v{velocity:03d}_rr{turn}.wav", stroke(level, velocity + turn)
            )
    return tmp_path / "Fat Snare"


def test_a_folder_is_a_drum(pack, tmp_path):
    lines = []
    (bank,) = built(pack, tmp_path / "out", progress=lines.append)
    part = bank.articulations["centre"]
    assert lines == ["fat_snare: 8 layers, velocities by names"]
    assert len(part.layers) == 8 and set(part.layer_of[1:]) == set(range(8))
    assert (np.diff(loudness(part)) > 0).all() and part.gain[0] == 0
    assert part.gain[127] * np.abs(part.layers[-1]).max() < 0.9
    assert bank.about() | {"digest": ""} == {
        "name": "fat_snare", "digest": "", "soundfont": "Fat Snare", "preset": "Fat Snare",
        "licence": "not stated", "licence_id": None, "source": bank.source,
    }  # fmt: skip
    assert bank.source["velocities"] == {"centre": "names"} and len(bank.source["files"]) == 8
    assert bank.source["files"]["snare_v020_rr0.wav"] == file_digest(pack / "snare_v020_rr0.wav")


def test_building_is_repeatable(pack, tmp_path):
    first, again = (built(pack, tmp_path / name)[0] for name in "ab")
    assert first.digest == again.digest
    write(pack / "snare_v020_rr0.wav", stroke(0.02, 99))
    assert built(pack, tmp_path / "c")[0].digest != first.digest


@pytest.mark.parametrize(
    "suffix, subtype", [("wav", "FLOAT"), ("flac", "PCM_16"), ("aiff", "PCM_24"), ("ogg", "VORBIS")]
)
@pytest.mark.parametrize("channels", [1, 2])
def test_sample_zero_is_the_onset(tmp_path, suffix, subtype, channels):
    sound = stroke(0.5, channels=channels)
    write(tmp_path / "in" / f"a.{suffix}", sound, subtype=subtype)
    (bank,) = built(tmp_path / "in", tmp_path / "out")
    layer = bank.articulations["centre"].layers[0]
    assert layer.shape[1] == 2
    if suffix == "ogg":  # which smears
        return
    expected = sound[ONSET:][: len(layer) - 300]
    scale = np.abs(layer).max() / np.abs(expected).max()
    assert np.abs(layer[: len(expected)] - expected * scale).max() < 1e-4


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
def test_other_rates_keep_the_onset(tmp_path, rate):
    t = np.arange(rate // 2) / rate
    tone = 0.5 * np.cos(2 * np.pi * 440 * t) * np.exp(-t / 0.05)
    write(tmp_path / "in" / "a.wav", np.concatenate([np.zeros(rate // 10), tone]), rate)
    (bank,) = built(tmp_path / "in", tmp_path / "out")
    layer = bank.articulations["centre"].layers[0][:, 0]
    t = np.arange(8000) / 44100
    expected = np.cos(2 * np.pi * 440 * t) * np.exp(-t / 0.05)
    scale = (layer[:8000] * expected).sum() / (expected**2).sum()
    # what is left out before the onset is missing near it
    assert np.abs(layer[:8000] / scale - expected)[200:].max() < 2e-3
    assert layer[0] / scale > 0.4


def test_levels_in_place_of_names(pack, tmp_path):
    for path in sorted(pack.iterdir(), reverse=True):
        path.rename(
            pack / f"{path.name[6:10].translate(str.maketrans('0123456789', 'abcdefghij'))}{path.name[-7:]}"
        )
    (bank,) = built(pack, tmp_path / "out")
    assert bank.source["velocities"] == {"centre": "levels"}
    assert (np.diff(loudness(bank.articulations["centre"])) > 0).all()
    with pytest.raises(UsageError, match="give --velocities levels"):
        one_shots.build(pack, tmp_path / "no", mode="names")
    assert not (tmp_path / "no").exists()


def test_the_mode_is_obeyed(pack, tmp_path):
    write(pack / "snare_v127_quiet.wav", stroke(0.01))
    by_names, by_levels = (
        built(pack, tmp_path / mode, mode=mode)[0].articulations["centre"] for mode in ("names", "levels")
    )
    ends = [(part.layers[part.layer_of[127]][:2000]).tobytes() for part in (by_names, by_levels)]
    assert ends[0] != ends[1]


def test_folders_are_drums_and_side_sticks_articulations(tmp_path):
    root = tmp_path / "Pack"
    for name in ("Maple/a.wav", "Maple/Side Stick/a.wav", "Brass/hit.flac", "Brass/hit_rim_click.flac"):
        write(root / name, stroke(0.3, len(name)), subtype="PCM_16")
    for name in (".hidden/a.wav", "__MACOSX/._a.wav", "Brass/._hit.wav"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"no sound")
    (root / "licence.txt").write_text("mine")
    drums = built(root, tmp_path / "out", licence_id="CC0-1.0")
    assert [bank.name for bank in drums] == ["pack_brass", "pack_maple"]
    for bank in drums:
        assert bank.articulations.keys() == {"centre", "side_stick"}
        assert (bank.soundfont, bank.licence, bank.licence_id) == ("Pack", "CC0-1.0", "CC0-1.0")
    named = one_shots.build(root, tmp_path / "named", name="mine")
    assert [path.name for path in named] == ["mine_brass", "mine_maple"]


def test_banks_in_the_folder_are_no_recordings(pack):
    one_shots.build(pack, pack / "banks")
    assert [path.name for path in one_shots.build(pack, pack / "banks")] == ["fat_snare"]


def test_only_ten_seconds_count(tmp_path):
    write(tmp_path / "in" / "a.wav", np.concatenate([stroke(0.1), np.zeros((44100 * 11, 1)), stroke(1.0)]))
    (bank,) = built(tmp_path / "in", tmp_path / "out")
    assert len(bank.articulations["centre"].layers[0]) < 20_000


def test_a_character(pack, tmp_path):
    (pad,) = built(pack, tmp_path / "out", character="practice_pad")
    assert pad.name == "fat_snare_practice_pad" and pad.source["character"] == "practice_pad"
    mono = np.abs(pad.articulations["centre"].layers[0].mean(axis=1))
    assert mono[0] >= 0.0999 * mono.max()


def kit_xml(instruments, head="", old=False):
    """``drumkit.xml`` as Hydrogen 1.2 writes it, or as 0.9.3 did."""
    space = "" if old else ' xmlns="http://www.hydrogen-music.org/drumkit"'
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<drumkit_info{space}>\n{head}<instrumentList>\n'
    for number, (name, layers) in enumerate(instruments):
        parts = "".join(
            f"<layer><filename>{file}</filename><min>{low}</min><max>{high}</max><gain>{gain}</gain>"
            "<pitch>0</pitch></layer>"
            for file, low, high, gain in layers
        )
        if not old:
            parts = f"<component_id>0</component_id><gain>1</gain>{parts}"
            parts = f"<instrumentComponent>{parts}</instrumentComponent>"
        text += f"<instrument><id>{number}</id><name>{name}</name><volume>0.8</volume>{parts}</instrument>\n"
    return f"{text}</instrumentList>\n</drumkit_info>\n"


HEAD = "<name>Real Kit</name><author>A. N. Other</author><info>Made &amp; given</info><license>CC0</license>"
SNARE = ("Snare", [("sn1.flac", 0, 0.2, 1), ("sn2.flac", 0.2, 0.8, 1), ("sn3.flac", 0.8, 1, 0.5)])
STICK = ("Side Stick", [("stick.wav", 0, 1, 1)])
INSTRUMENTS = [("Kick", [("kick.wav", 0, 1, 1)]), SNARE, STICK]


@pytest.fixture(params=["new", "old"])
def kit(request, tmp_path):
    place = tmp_path / "RealKit"
    place.mkdir()
    (place / "drumkit.xml").write_text(kit_xml(INSTRUMENTS, HEAD, request.param == "old"))
    for i, level in enumerate((0.01, 0.1, 0.9), 1):
        write(place / f"sn{i}.flac", stroke(level, i))
    write(place / "stick.wav", stroke(0.2, 5))
    write(place / "kick.wav", stroke(0.2, 6))
    return place


def archive(kit, path, mode="w:gz", extra=()):
    with tarfile.open(path, mode) as tar:
        tar.add(kit, kit.name)
        for entry, data in extra:
            tar.addfile(entry, io.BytesIO(data))
    return path


def test_a_kit_of_hydrogen(kit, tmp_path):
    (bank,) = built(kit, tmp_path / "out")
    assert bank.name == "real_kit_snare" and bank.articulations.keys() == {"centre", "side_stick"}
    assert (bank.soundfont, bank.preset) == ("Real Kit", "Snare")
    assert (bank.licence, bank.licence_id) == ("CC0", "CC0-1.0")
    assert (bank.source["author"], bank.source["info"]) == ("A. N. Other", "Made & given")
    assert bank.source["files"].keys() == {"sn1.flac", "sn2.flac", "sn3.flac", "stick.wav"}
    part = bank.articulations["centre"]
    assert np.flatnonzero(np.diff(part.layer_of[1:])).tolist() == [24, 101]  # 25 and 102 are the last ones
    assert (np.diff(loudness(part)) > 0).all()


def test_kits_without_a_snare_are_left_out_among_others(kit, tmp_path):
    other = tmp_path / "Kits" / "Toms"
    other.mkdir(parents=True)
    write(other / "tom.wav", stroke(0.2))
    instruments = [(name, [("tom.wav", 0, 1, 1)]) for name in ("Tom", "Snare Roll")]
    (other / "drumkit.xml").write_text(kit_xml(instruments))
    with pytest.raises(UsageError, match="no instrument called snare; its instruments are Tom, Snare Roll"):
        one_shots.build(other.parent, tmp_path / "out")
    kit.rename(other.parent / "RealKit")
    assert [bank.name for bank in built(other.parent, tmp_path / "out")] == ["real_kit_snare"]


@pytest.mark.parametrize(
    "text, identifier",
    [
        ("CC0", "CC0-1.0"),
        ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
        ("cc-by ==&gt; http://creativecommons.org/licenses/by/3.0/", "CC-BY-3.0"),
        ("GPL", None),
        ("CC BY", None),
        ("", None),
    ],
)
def test_licences_of_kits(kit, tmp_path, text, identifier):
    table = kit / "drumkit.xml"
    table.write_text(table.read_text().replace("<license>CC0<", f"<license>{text}<"))
    (bank,) = built(kit, tmp_path / "out")
    assert (bank.licence, bank.licence_id) == (text.replace("&gt;", ">") or "not stated", identifier)
    assert built(kit, tmp_path / "own", licence_id="MIT")[0].licence_id == "MIT"


@pytest.mark.parametrize("loud", [0.02, 0.2, 1.0])
def test_a_side_stick_keeps_its_level_but_does_not_clip(tmp_path, loud):
    write(tmp_path / "in" / "a.wav", stroke(0.1, 1))
    write(tmp_path / "in" / "a rim click.wav", stroke(loud, 2))
    (bank,) = built(tmp_path / "in", tmp_path / "out")
    centre, stick = (bank.articulations[name] for name in ("centre", "side_stick"))
    peak = stick.gain[127] * np.abs(stick.layers[0]).max()
    ratio = loudness(stick)[126] / loudness(centre)[126]
    assert peak < 1 and (ratio == pytest.approx(loud / 0.1, rel=0.1) or peak == pytest.approx(0.89))


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_of_hydrogen(kit, tmp_path, mode):
    (bank,) = built(archive(kit, tmp_path / "real.h2drumkit", mode), tmp_path / "out")
    assert bank.digest == built(kit, tmp_path / "other")[0].digest


def member(name, size=0, kind=tarfile.REGTYPE, link=""):
    entry = tarfile.TarInfo(name)
    entry.size, entry.type, entry.linkname = size, kind, link
    return entry, b"x" * size


@pytest.mark.parametrize(
    "extra, text",
    [
        (member("../evil.wav", 3), "leads out"),
        (member("/tmp/evil.wav", 3), "leads out"),
        (member("RealKit/a.wav", kind=tarfile.SYMTYPE, link="/etc/passwd"), "no plain file"),
        (member("RealKit/a.wav", kind=tarfile.LNKTYPE, link="RealKit/sn1.flac"), "no plain file"),
        (member("RealKit/a.wav", kind=tarfile.FIFOTYPE), "no plain file"),
        (member("RealKit/sn1.flac", 3), "two members"),
        (member("RealKit/sn1.flac/x.wav", 3), "two members"),
        (member("Other/drumkit.xml", 3), "holds 2 drumkit.xml"),
        (member("RealKit/a\nb.wav", 3), "leads out"),
    ],
)
def test_archives_that_are_refused(kit, tmp_path, extra, text):
    path = archive(kit, tmp_path / "bad.h2drumkit", extra=[extra])
    with pytest.raises(UsageError, match=text) as raised:
        one_shots.build(path, tmp_path / "out")
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists() and not Path("/tmp/evil.wav").exists()


def test_archives_cut_short_or_huge(kit, tmp_path, monkeypatch):
    whole = archive(kit, tmp_path / "a.h2drumkit").read_bytes()
    for number, data in enumerate((b"", b"\x1f\x8b", whole[: len(whole) // 2], b"no archive" * 99)):
        path = tmp_path / f"{number}.h2drumkit"
        path.write_bytes(data)
        with pytest.raises(UsageError, match=r"damaged or no archive|holds no drumkit\.xml"):
            one_shots.build(path, tmp_path / "out")
    monkeypatch.setattr(hydrogen, "_ARCHIVE_BYTES", 10_000)
    with pytest.raises(UsageError, match="unpacks to more than 10,000 bytes"):
        one_shots.build(tmp_path / "a.h2drumkit", tmp_path / "out")


@pytest.mark.parametrize(
    "old, new, text",
    [
        ("sn1.flac", "../../x.wav", "leads out of the kit"),
        ("sn1.flac", "/etc/passwd", "leads out of the kit"),
        ("sn1.flac", "none.wav", "is not in the kit"),
        ("<max>0.2</max>", "<max>2</max>", "max is '2'; give a number from 0 to 1"),
        ("<min>0.8</min>", "<min>nan</min>", "min is 'nan'"),
        ("<min>0.8</min><max>1</max>", "<min>1</min><max>0.5</max>", "is over max"),
        ("<gain>0.5</gain>", "<gain>-1</gain>", "gain is '-1'"),
        (
            "<name>Snare</name>",
            "<name>Tom</name>",
            "no instrument called snare; its instruments are Kick, Tom",
        ),
        ("<drumkit_info", '<!DOCTYPE a [<!ENTITY b "c">]><drumkit_info', "entities"),
        ("</drumkit_info>", "", "no element found"),
    ],
)
def test_kits_that_are_refused(kit, tmp_path, old, new, text):
    table = kit / "drumkit.xml"
    content = table.read_text()
    assert old in content
    table.write_text(content.replace(old, new))
    for path in (kit, archive(kit, tmp_path / "a.h2drumkit")):
        with pytest.raises(UsageError) as raised:
            one_shots.build(path, tmp_path / "out")
        assert text in str(raised.value) and str(path) in str(raised.value)
        assert "sousa-kit" not in str(raised.value)  # where it was unpacked
    assert not (tmp_path / "out").exists()


def test_every_file_that_cannot_be_used_is_named(tmp_path, sousa):
    place = tmp_path / "in"
    write(place / "good.wav", stroke(0.3))
    whole = (place / "good.wav").read_bytes()
    (place / "cut.wav").write_bytes(whole[: len(whole) // 2])
    (place / "empty.wav").write_bytes(b"")
    (place / "text.wav").write_text("no sound")
    write(place / "zeros.wav", np.zeros(4410))
    write(place / "short.wav", np.zeros(0))
    write(
        place / "nan.wav",
        np.where(np.arange(4410) == 99, np.nan, stroke(0.3, onset=0)[:4410, 0]),
        subtype="FLOAT",
    )
    write(place / "huge.wav", np.full(4410, 1e30), subtype="FLOAT")
    write(place / "cancel.wav", stroke(0.3) * [[1.0, -1.0]])
    write(place / "many.wav", stroke(0.3, channels=3))
    write(place / "slow.wav", stroke(0.3), 4000)
    write(place / "whole.flac", stroke(0.3))
    (place / "cut.flac").write_bytes((place / "whole.flac").read_bytes()[:9000])
    os.mkfifo(place / "pipe.wav")
    done = sousa("banks", "build", place, "-o", tmp_path / "out")
    assert done.returncode == 2 and not (tmp_path / "out").exists()
    said = done.stderr.splitlines()[1:]
    for name, text in {
        "cancel": "cancel each other", "cut.flac": "", "cut.wav": "cut short", "empty": "can't be read",
        "huge": "far beyond 1", "many": "3 channels", "nan": "no numbers", "pipe": "named pipe",
        "short": "is silent", "slow": "4000 samples a second", "text": "can't be read", "zeros": "is silent",
    }.items():  # fmt: skip
        (line,) = [line for line in said if f"{place}/{name}" in line]
        assert text in line and line.endswith(("remove it", "stereo file", "384000")), line
    assert len(said) == 12


def test_links_and_names(tmp_path, pack):
    write(tmp_path / "outside.wav", stroke(0.3))
    (pack / "link.wav").symlink_to(tmp_path / "outside.wav")
    (pack / "dangling.wav").symlink_to(pack / "none.wav")
    (pack / "up").symlink_to(tmp_path)
    write(pack / "a\nb.wav", stroke(0.3))
    with pytest.raises(UsageError) as raised:
        one_shots.build(pack, tmp_path / "out")
    said = "\n".join(raised.value.problems)
    assert "link.wav is a link that leads out of" in said and "up is a link to a folder" in said
    assert "control characters" in said and len(raised.value.problems) == 3
    (pack / "a\nb.wav").unlink()
    (pack / "link.wav").unlink()
    (pack / "up").unlink()
    with pytest.raises(UsageError, match=r"dangling\.wav can't be read"):
        one_shots.build(pack, tmp_path / "out")


def test_folders_that_cannot_be_looked_into(tmp_path, pack, monkeypatch):
    (pack / "locked").mkdir()
    look = os.scandir

    def scandir(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", scandir)  # root may look into every folder
    with pytest.raises(UsageError, match="locked can't be looked into: Permission denied"):
        one_shots.build(pack, tmp_path / "out")


def test_the_command(pack, tmp_path, sousa):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "fonts").mkdir()
    for arguments, text in {
        (tmp_path / "nothing",): "no sound file",
        (pack, "--kits", "0:38"): "--kits is for soundfonts",
        (pack, "--velocities", "nmaes"): "did you mean names",
        (pack, "--name", "a,b"): "--name is 'a,b'",
        (pack, "--name", "fluidr3_gm_standard_38"): "choose another name",
        (pack, "--licence", "free"): "--licence",
        (pack, "--character", "x"): "unknown character",
    }.items():
        done = sousa("banks", "build", *arguments, "-o", tmp_path / "out")
        assert done.returncode == 2 and text in done.stderr and done.stderr.count("\n") == 1, done.stderr
    done = sousa("banks", "build", pack, "--kits", "x", "--name", "", "--velocities", "", "--licence", "")
    assert done.returncode == 2 and done.stderr.startswith("sousa: 5 problems")
    assert not (tmp_path / "out").exists()
    done = sousa("banks", "build", pack, "--name", "mine", "--licence", "MIT")
    assert done.returncode == 0 and "mine: 8 layers" in done.stdout, done.stderr
    listed = sousa("banks", "list").stdout
    assert "mine\n    centre (8 layers); Fat Snare, kit Fat Snare; MIT\n" in listed
    assert sousa("banks", "play", "mine", tmp_path / "mine.wav").returncode == 0
    pcm, rate = soundfile.read(tmp_path / "mine.wav")
    peaks = [np.abs(pcm[rate // 10 + i * rate // 2 :][:4000]).max() for i in range(6)]
    assert (np.diff(peaks) > 0).all()


def test_fonts_keep_their_meaning(pack, sousa, tmp_path):
    (pack / "a.sf2").write_bytes(b"no font")
    done = sousa("banks", "build", pack, "--velocities", "levels")
    assert done.returncode == 2 and "not a soundfont" in done.stderr
    with pytest.raises(UsageError, match="not a soundfont"):
        fonts.banks_or_fonts(pack)


def test_a_folder_is_a_soundfont_of_generate(pack, tmp_path, monkeypatch):
    monkeypatch.setenv("SOUSA_CACHE", str(tmp_path / "cache"))
    lines = []
    (first,) = fonts.banks_of(pack, lines.append)
    assert len(lines) == 1 and "layers, velocities by names" in lines[0]
    (again,) = fonts.banks_of(pack, lines.append)
    assert (again.digest, again.name, len(lines)) == (first.digest, first.name, 1)
    one_shots.build(pack, licence_id="CC0-1.0")
    (stated,) = fonts.banks_of(pack, lines.append)
    assert (stated.licence_id, stated.digest, len(lines)) == ("CC0-1.0", first.digest, 1)
    assert fonts.banks_of(first.name, lines.append)[0].digest == first.digest
    write(pack / "snare_v127_rr1.wav", stroke(0.8))
    (other,) = fonts.banks_of(pack, lines.append)
    assert other.name != first.name and len(other.articulations["centre"].layers) == 9
    table = json.loads((other.path / "bank.json").read_text())
    (other.path / "bank.json").write_text(json.dumps(table | {"digest": ""}))
    assert fonts.banks_of(pack, lines.append)[0].digest == other.digest


def test_what_cannot_be_written(pack, tmp_path):
    (tmp_path / "out" / "fat_snare").mkdir(parents=True)
    (tmp_path / "out" / "fat_snare" / "diary.txt").write_text("mine")
    with pytest.raises(SousaError, match=r"holds diary\.txt"):
        one_shots.build(pack, tmp_path / "out")
    assert os.listdir(tmp_path / "out" / "fat_snare") == ["diary.txt"]
