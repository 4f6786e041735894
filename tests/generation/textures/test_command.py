"""``sousa generate textures`` as a user runs it: configurations, records, other people's synthesizers."""

import json
import shutil
import subprocess
import sys
import wave

import pyarrow.parquet as pq
import pytest

from sousa.generation.manifest import read_manifest
from tests.conftest import ROOT

CONFIGS = ROOT / "tests" / "data" / "texture_configs"
SEED_ROWS = 16
PING = """
import numpy as np
from sousa.generation.textures.values import Parameter


class Ping:
    name = "ping"
    version = "0.3.0"
    about = "Decaying sines, one after the other."
    parameters = (
        Parameter("rate_hz", 0.5, 20, 2, "events/s", "how many a second", "log"),
        Parameter("pitch_hz", 100, 3000, 700, "Hz", "frequency", "log", nyquist=True),
    )

    def render(self, params, samples, rate, rng):
        onsets = np.arange(0, samples, int(rate / params["rate_hz"]))
        seconds = np.arange(samples) / rate
        audio = np.zeros(samples)
        for onset in onsets:
            t = seconds[: samples - onset]
            tone = 0.3 * np.exp(-20 * t) * np.cos(2 * np.pi * params["pitch_hz"] * t)
            audio[onset:] += tone * rng.uniform(0.5, 1.0)
        return audio.astype(np.float32), onsets
"""
PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "ping-synth"
version = "0.3.0"
license = "CC0-1.0"

[project.entry-points."sousa.synths"]
ping = "ping_synth:Ping"

[tool.setuptools]
py-modules = ["ping_synth"]
"""


def samples(root):
    return pq.read_table(f"{root}/labels/samples.parquet").to_pylist()


def seed(tmp_path, **changes):
    """The seed's configuration, with changes, as a file."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads((CONFIGS / "seed.json").read_text()) | changes, indent="\t"))
    return file


@pytest.mark.parametrize(
    "wanted, files", [("params", 32), ("nsjson", 17), ("Tfrecords", 4), (0, 32), (1, 17)]
)
def test_the_seed_configuration_gives_sixteen_labels_in_every_format(tmp_path, sousa, wanted, files):
    file, root = seed(tmp_path, recordFormat=wanted), tmp_path / "out"
    done = sousa("generate", "textures", "--configfile", file, "--outputpath", root, "-q")
    assert done.returncode == 0, done.stderr
    made = samples(root)
    assert len(made) == len({row["sample_id"] for row in made}) == SEED_ROWS
    name = {0: "params", 1: "nsjson"}.get(wanted, str(wanted).lower())
    folder = root / "records" / name
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert len(found) == files
    if name == "nsjson":
        told = json.loads((folder / "nsjson.json").read_text())
        assert told.keys() == {row["sample_id"] for row in made}
        assert {one["cf_natural"] for one in told.values()} == {220.0, 440.0}
    if name == "params":
        told = [json.loads(path.read_text()) for path in folder.glob("*.params")]
        values = sorted({one["irreg_exp"]["values"][0] for one in told})
        assert values == pytest.approx([0, 1 / 3, 2 / 3, 1])
        assert all((folder / one["meta"]["filename"]).exists() for one in told)
    assert read_manifest(root)["records"][0]["rows"] == SEED_ROWS


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.iterdir()))
def test_every_configuration_makes_a_valid_corpus(tmp_path, sousa, name):
    root = tmp_path / "out"
    shorter = ("--duration", 2, "--chunk", 1) if name == "readme.json" else ()
    done = sousa("generate", "textures", "--configfile", CONFIGS / name, "--outputpath", root, "-q", *shorter)
    assert done.returncode == 0, done.stderr
    assert json.loads((root / "validation_report.json").read_text())["passed"]


def test_44100_hz_gives_whole_chunks(tmp_path, sousa):
    """The earlier system gave 64,000 frames and 0."""
    file, root = seed(tmp_path, samplerate=44100, recordFormat="params"), tmp_path / "out"
    assert sousa("generate", "textures", "--configfile", file, "--outputpath", root, "-q").returncode == 0
    for path in (root / "records" / "params").glob("*.wav"):
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnframes()) == (44100, 88200)


def test_three_hundred_values_are_six_hundred_files(tmp_path, sousa):
    """The earlier system overwrote 398 of them: names had two decimals."""
    data = json.loads((CONFIGS / "seed.json").read_text())
    data["params"][0]["user_nvals"] = 300
    data |= {"soundDuration": 0.1, "chunkSecs": 0.1, "recordFormat": "params"}
    file, root = seed(tmp_path, **data), tmp_path / "out"
    done = sousa(
        "generate", "textures", "--configfile", file, "--outputpath", root, "-q", "--skip-validation"
    )
    assert done.returncode == 0, done.stderr
    assert len(list((root / "records" / "params").glob("*.wav"))) == 600


def test_from_another_directory_into_a_new_nested_one(tmp_path, sousa):
    root = tmp_path / "a" / "b" / "c"
    file = seed(tmp_path, recordFormat="params")
    done = sousa("generate", "textures", "--configfile", file.name, "--outputpath", root, "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_dry_run_says_what_would_be_made_and_makes_nothing(tmp_path, sousa):
    root = tmp_path / "out"
    done = sousa(
        "generate", "textures", "--configfile", CONFIGS / "readme.json", "--outputpath", root, "--dry-run"
    )
    assert done.returncode == 0, done.stderr
    assert "125 settings" in done.stdout
    assert "625 rows" in done.stdout
    assert "1,250 s of audio (20 min 50 s)" in done.stdout
    assert not root.exists()


@pytest.mark.parametrize(
    "options, said",
    [
        (("--set", "Q=3"), "--derive"),
        (("--size", "small", "--configfile", "x.json"), "--configfile and --size each say what to make"),
        (("--preset", "small", "--derive", "x"), "--derive and --size each say what to make"),
        (("--size", "smal"), "unknown size 'smal' (did you mean small?)"),
        (("--tiers", "novice"), "--tiers"),
        (("--level", "loud"), "--level: policy is 'loud'; choose from none, peak, rms"),
        (("--records", "params,mp3"), "--records: unknown format 'mp3'; choose from params, nsjson"),
        (("--examples", "0"), "--examples is 0; give a whole number of 1 or more"),
        (("--chunk", "9"), "--chunk is 9, longer than the signal"),
        (("--duration", "long"), "--duration is 'long'; give a number above 0, up to 3600 s"),
        (("--sample-rate", "4000"), "--sample-rate is 4000; give a whole number from 8000 to 96000 Hz"),
        (("--configfile", "nowhere.json"), "nowhere.json does not exist"),
        (("--synth-file", "nowhere.py"), "nowhere.py is no file"),
        (("--derive", "nowhere", "--set", "Q=3"), "no dataset in nowhere"),
    ],
)
def test_a_wrong_request_is_refused_in_a_sentence(tmp_path, sousa, options, said):
    done = sousa("generate", "textures", "-o", tmp_path / "out", *options)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_all_problems_at_once_and_nothing_written(tmp_path, sousa):
    data = {"samplerate": 16000, "recordFormat": "parms", "chunkSecs": "twelve"}
    data["fixedParams"] = [{"synth_pname": "QQ", "synth_val": 4, "synth_units": "natural"}]
    done = sousa(
        "generate", "textures", "--configfile", seed(tmp_path, **data), "--outputpath", tmp_path / "out"
    )
    assert done.returncode == 2
    for said in ("parms", "QQ", "chunkSecs is 'twelve'"):
        assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_derived_corpus_has_the_same_draws(tmp_path, sousa):
    base, other = tmp_path / "base", tmp_path / "other"
    file = seed(tmp_path, recordFormat="params")
    assert sousa("generate", "textures", "--configfile", file, "--outputpath", base, "-q").returncode == 0
    done = sousa(
        "generate", "textures", "--derive", base, "--set", "Q=5", "--sample-rate", 32000, "-o", other, "-q"
    )
    assert done.returncode == 0, done.stderr
    for one, two in zip(rows_of(base), rows_of(other), strict=True):
        assert (one["setting_index"], one["split"], one["draws"]) == (
            two["setting_index"], two["split"], two["draws"])  # fmt: skip
        onsets = [[e["onset_sample"] for e in row["events"]] for row in (one, two)]
        assert onsets[1] == pytest.approx([2 * onset for onset in onsets[0]], abs=1)
        assert [p["natural"] for p in two["params"] if p["name"] == "Q"] == [5.0]
        assert one["pcm_digest"] != two["pcm_digest"]
    assert sousa("verify", other, "--all").returncode == 0
    assert [one["format"] for one in read_manifest(other)["records"]] == ["params"]
    done = sousa(
        "generate", "textures", "--derive", base, "--set", "cf=300", "--set", "seed=4", "-o", tmp_path / "x"
    )
    assert done.returncode == 2
    assert "cf can't be changed" in done.stderr and "seed can't be changed" in done.stderr


def rows_of(root):
    records = read_manifest(root)["shards"].values()
    return [row for record in records for row in pq.read_table(f"{root}/{record['file']}").to_pylist()]


@pytest.fixture(scope="module")
def ping(tmp_path_factory):
    """A folder in which somebody else's package is installed, as pip does it."""
    place = tmp_path_factory.mktemp("ping")
    (place / "source").mkdir()
    (place / "source" / "ping_synth.py").write_text(PING)
    (place / "source" / "pyproject.toml").write_text(PROJECT)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(place / "site"),
         str(place / "source")],
        check=True, capture_output=True,
    )  # fmt: skip
    return place / "site"


def test_a_synthesizer_of_another_package_is_listed_and_makes_a_corpus(tmp_path, sousa, ping):
    listed = sousa("generate", "textures", "--list", PYTHONPATH=ping)
    assert "ping 0.3.0: Decaying sines" in listed.stdout
    assert "ping 0.3.0" not in sousa("generate", "textures", "--list").stdout
    file = tmp_path / "ping.yaml"
    file.write_text(
        "synth: ping\nduration_sec: 2\nchunk_sec: 1\n"
        "parameters:\n  pitch_hz: {min: 200, max: 2000, count: 12, scale: log}\n"
        "records: [params]\n"
    )
    root = tmp_path / "out"
    done = sousa("generate", "textures", "--configfile", file, "-o", root, "-q", "-w", 2, PYTHONPATH=ping)
    assert done.returncode == 0, done.stderr
    assert len(samples(root)) == 24
    assert sousa("verify", root, "--all", PYTHONPATH=ping).returncode == 0
    without = sousa("verify", root)
    assert without.returncode == 1
    assert "synthesizer ping is not on this machine" in without.stderr
    done = sousa("release", root, "-o", tmp_path / "rel", "--version", "1.0.0", PYTHONPATH=ping)
    assert done.returncode == 0, done.stderr
    made_of = json.loads((tmp_path / "rel" / "manifest.json").read_text())["made_of"]
    assert [(one["kind"], one["name"], one["licence_id"], one["free"]) for one in made_of] == [
        ("synthesizer", "ping", "CC0-1.0", True)
    ]


def test_a_package_may_not_replace_a_built_in(tmp_path, sousa):
    site = tmp_path / "site" / "bad-1.0.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    (site / "entry_points.txt").write_text("[sousa.synths]\npop = bad:Pop\n")
    done = sousa("generate", "textures", "--list", PYTHONPATH=site.parent)
    assert done.returncode == 1
    assert "built in" in done.stderr


def test_two_packages_may_not_have_one_name(tmp_path, sousa):
    for package, place in (("one", "one:Hum"), ("two", "two:Hum"), ("twice", "one:Hum")):
        site = tmp_path / "site" / f"{package}-1.0.dist-info"
        site.mkdir(parents=True)
        (site / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (site / "entry_points.txt").write_text(f"[sousa.synths]\nhum = {place}\n")
    done = sousa("generate", "textures", "--list", PYTHONPATH=site.parent)
    assert done.returncode == 1
    assert "bring a synthesizer named hum" in done.stderr
    shutil.rmtree(tmp_path / "site" / "two-1.0.dist-info")
    assert sousa("generate", "textures", "--list", PYTHONPATH=site.parent).returncode == 0


def test_broken_packages_say_what_is_wrong(tmp_path, sousa):
    site = tmp_path / "site"
    (site / "bad-1.0.dist-info").mkdir(parents=True)
    (site / "bad-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    (site / "bad-1.0.dist-info" / "entry_points.txt").write_text(
        "[sousa.synths]\nbad = bad:Bad\nworse = none:X\n"
    )
    (site / "bad.py").write_text(PING.replace("class Ping", "class Bad").replace('"ping"', '"bad"').replace(
        "audio.astype(np.float32), onsets", "audio * np.nan, onsets"))  # fmt: skip
    listed = sousa("generate", "textures", "--list", PYTHONPATH=site)
    assert listed.returncode == 0
    assert "worse: synthesizer worse (none:X) can't be loaded" in listed.stdout
    file = tmp_path / "bad.yaml"
    file.write_text(
        "synth: bad\nduration_sec: 1\nchunk_sec: 1\nparameters:\n  pitch_hz: {values: [300, 400, 500]}\n"
    )
    done = sousa("generate", "textures", "--configfile", file, "-o", tmp_path / "out", "-q", PYTHONPATH=site)
    assert done.returncode == 1
    assert "synthesizer bad returned audio float64" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "out").rglob("*.parquet")) == []


def test_records_can_be_added_to_a_finished_dataset(tmp_path, sousa):
    file, root = seed(tmp_path, recordFormat="params"), tmp_path / "out"
    for extra in ((), ("--records", "tfrecords"), ("--records", "none")):
        done = sousa("generate", "textures", "--configfile", file, "--outputpath", root, "-q", *extra)
        assert done.returncode == 0, done.stderr
    assert [entry["format"] for entry in read_manifest(root)["records"]] == ["params", "tfrecords"]
    assert sousa("validate", root).returncode == 0
    next((root / "records" / "params").glob("*.wav")).unlink()
    done = sousa("validate", root)
    assert done.returncode == 1
    assert "records/params has 31 files instead of 32" in done.stdout
