"""Textures as every corpus is published and read: releases and their versions, builders, one schema."""

import json
import shutil

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

import sousa
from sousa.builders.audio import torchcodec_works
from sousa.builders.release import compare, opened
from sousa.builders.release.card import write_dataset_card
from sousa.builders.textures import Textures
from sousa.builders.unified import COLUMNS, Unified
from sousa.generation.audio import encode
from sousa.generation.errors import RunError
from sousa.generation.make import num_files
from sousa.generation.manifest import read_manifest
from sousa.generation.textures import Textures as TexturesCorpus
from sousa.generation.textures import records, requests
from sousa.generation.textures.settings import RECORDS
from tests.support import textures
from tests.support.releases import release

datasets.disable_progress_bars()
SPACE = {
    "sample_rate": 16000, "duration_sec": 0.5, "chunk_sec": 0.25, "enumeration": "sobol", "settings": 26,
    "sounds": [
        {"synth": "pop", "parameters": {"rate_exp": {"min": 1, "max": 5}, "cf": {"min": 200, "max": 900}}},
        {"synth": "fm", "parameters": {
            "index": {"min": 0, "max": 5},
            "carrier_hz": {"curve": "random", "min": 200, "max": 800, "points": 3},
        }},
    ],
}  # fmt: skip
PLAIN = datasets.Audio(decode=False)


def made(root, **changes):
    """Make a dataset of the space in this process; returns its directory."""
    return textures.made(root, {**SPACE, **changes}, write_card=write_dataset_card)


def stored(root, split=None):
    """Rows of a dataset's shards, in order."""
    records = [r for r in read_manifest(root)["shards"].values() if split in (None, r["split"])]
    return [row for record in records for row in pq.read_table(f"{root}/{record['file']}").to_pylist()]


def raw(dataset):
    """Rows as they are stored: encoded audio, names of classes."""
    if isinstance(dataset.features["audio"], datasets.Audio):
        dataset = dataset.cast_column("audio", PLAIN)
    named = {n: f for n, f in dataset.features.items() if isinstance(f, datasets.ClassLabel)}
    rows = list(dataset)
    for row in rows:
        row.update({n: None if row[n] is None else f.int2str(row[n]) for n, f in named.items()})
    return rows


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    return made(tmp_path_factory.mktemp("space") / "textures")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "space.yaml"
    path.write_text(yaml.safe_dump(SPACE, sort_keys=False))
    return str(path)


@pytest.fixture(scope="module")
def first(space, tmp_path_factory):
    return release(space, tmp_path_factory.mktemp("first") / "v1")


@pytest.mark.parametrize(
    "options", [{"records": [r]} for r in RECORDS if r != "tfrecords"]
    + [{"records": ["tfrecords"], "shard_mib": size, "layout": layout}
       for size in (0.1, "single") for layout in ("splits", "flat")], ids=str,
)  # fmt: skip
@pytest.mark.parametrize("files", [False, True])
def test_estimates_count_every_file(tmp_path, options, files):
    config = textures.config_of({**SPACE, "settings": 12}, **options)
    textures.made(tmp_path, config, files, write_card=write_dataset_card)
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert num_files(TexturesCorpus(), config, files) == len(found)
    guess = requests.estimate(config)
    size = sum(path.stat().st_size for path in found)
    assert guess.num_bytes + guess.loose_bytes * files == pytest.approx(size, rel=1)


# --- releases ---


def test_a_release_loads_with_its_labels_and_samples(space, first, tmp_path):
    for split in ("train", "validation", "test"):
        part = sousa.load(first, "custom", split=split, decoder="soundfile", cache_dir=str(tmp_path))
        rows = stored(space, split)
        assert len(part) == len(rows) > 0
        for row, plain, before in zip(part, raw(part), rows, strict=True):
            assert plain == before
            pcm, rate = encode.decode(before["audio"]["bytes"])
            assert row["audio"]["sampling_rate"] == rate == 16000
            assert np.array_equal(np.rint(row["audio"]["array"] * 32768), pcm[:, 0])


@pytest.mark.parametrize(
    "changes, version, reason, rows",
    [
        ({"settings": 40}, "1.1.0", "56 rows added", {"rows_added": 56}),
        # two rows of the 104 are silent
        ({"level": "rms"}, "2.0.0", "102 rows with other audio", {"audio_changed": 102}),
        ({"settings": 25}, "2.0.0", "4 rows removed", {"rows_removed": 4}),
    ],
)
def test_versions_follow_what_differs_in_settings(first, tmp_path, changes, version, reason, rows):
    second = release(made(tmp_path / "d", **changes), tmp_path / "v", version, previous=str(first))
    found = compare.compare(opened.read(first), opened.read(second))
    assert found.reason.startswith(reason)
    assert {name: sum(getattr(found, name).values()) for name in rows} == rows
    assert found.moved == 0


def test_the_card_tells_the_space_and_loads(space, first, tmp_path):
    card = (space / "README.md").read_text()
    for line in (
        "| pop | pop 1.0.0 | `rate_exp` | 1 to 5 | log2 events/s | sobol, linear |",
        "|  |  | `carrier_hz` | 200 to 800 | Hz | moves in time: random |",
    ):
        assert line in card and line in (first / "README.md").read_text()
    loaded = datasets.load_dataset(str(space), cache_dir=str(tmp_path))
    assert {name: len(part) for name, part in loaded.items()} == {
        split: len(stored(space, split)) for split in ("train", "validation", "test")
    }


def test_the_card_tells_the_regions_that_are_held_out(tmp_path):
    splits = {"extrapolation": [{"cf": [700, 900], "rate_exp": [1, 3]}, {"index": [4, 5]}]}
    card = (made(tmp_path / "textures", splits=splits) / "README.md").read_text()
    regions = "`cf` from 700 to 900 and `rate_exp` from 1 to 3; or `index` from 4 to 5"
    assert f"that training leaves out: {regions}\n" in card
    assert "- `interpolation`" not in card


OLD_STYLE = """
import numpy as np

class Hum:
    def __init__(self, sr=16000):
        self.sr, self.f = sr, 200

    def setParam(self, name, value):
        self.f = value

    def getParam(self, name, prop="val"):
        return {"min": 100, "max": 500, "val": self.f}[prop]

    def getParams(self):
        return ["f"]

    def generate(self, sec):
        return 0.5 * np.sin(2 * np.pi * self.f * np.arange(int(sec * self.sr)) / self.sr)
"""


def test_sounds_of_a_users_file_are_released_and_their_licence_is_not_guessed(tmp_path, sousa):
    (tmp_path / "hum.py").write_text(OLD_STYLE)
    space = {"synth": "hum", "duration_sec": 0.5, "parameters": {"f": {"min": 110, "max": 400, "count": 5}}}
    (tmp_path / "hum.yaml").write_text(yaml.safe_dump(space))
    root, own = tmp_path / "d", ("--synth-file", tmp_path / "hum.py")
    done = sousa("generate", "textures", "--configfile", tmp_path / "hum.yaml", *own, "-o", root, "-q")
    assert done.returncode == 0, done.stderr
    rows = stored(root, "test")
    cache = {"config_name": "custom", "data_dir": str(root), "cache_dir": str(tmp_path / "cache")}
    assert raw(Textures(**cache).as_streaming_dataset(split="test")) == rows  # reading needs no synthesizer
    unified = Unified(**cache).as_streaming_dataset(split="test")
    assert [row["sample_id"] for row in unified] == [f"textures/{row['sample_id']}" for row in rows]
    assert sousa("preview", root, "-q").returncode == 0
    done = sousa("verify", root)
    assert done.returncode == 1 and "name its file with --synth-file" in done.stderr
    assert sousa("verify", root, *own).returncode == 0
    order = ("release", root, "-o", tmp_path / "v1", "--version", "1.0.0", "-q")
    done = sousa(*order)
    assert done.returncode == 1 and "name its file with --synth-file" in done.stderr
    done = sousa(*order, *own)
    assert done.returncode == 0, done.stderr
    source = json.loads((tmp_path / "v1" / "manifest.json").read_text())["made_of"][0]
    assert (source["kind"], source["name"], source["free"]) == ("synthesizer", "hum", False)


# --- builders ---


def test_live_rows_equal_stored_and_streamed_ones(space, file, tmp_path):
    live = Textures(configfile=file, cache_dir=str(tmp_path / "live"))
    live.download_and_prepare()
    over = Textures(config_name="custom", data_dir=str(space), cache_dir=str(tmp_path / "stored"))
    over.download_and_prepare()
    assert live.settings == over.settings
    for split in ("train", "validation", "test"):
        rows = stored(space, split)
        assert raw(live.as_dataset(split=split)) == rows
        assert raw(over.as_dataset(split=split)) == rows
        streams = [one.as_streaming_dataset(split=split) for one in (live, over)]
        assert [raw(one) for one in streams] == [rows, rows]
    assert isinstance(live.audio_feature(), datasets.Audio if torchcodec_works() else object)


def test_a_changed_file_is_another_cache(file, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({**SPACE, "seed": 3}))
    caches = {Textures(configfile=str(path), cache_dir=str(tmp_path)).cache_dir for path in (file, other)}
    assert len(caches) == 2


@pytest.mark.parametrize(
    "options, said",
    [
        ({"config_name": "medium", "configfile": "x.yaml"}, "configfile and size each say what to make"),
        ({"configfile": "nowhere.yaml"}, "nowhere.yaml does not exist"),
        ({"examples": 0}, "examples is 0; give a whole number of 1 or more"),
        ({"data_dir": "nowhere"}, "no dataset in nowhere"),
    ],
)
def test_bad_options_are_value_errors(options, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        Textures(**options, cache_dir=str(tmp_path))


def test_both_corpora_under_one_schema(space, tiny, tmp_path):
    (tmp_path / "all").mkdir()
    for name, root in (("textures", space), ("rudiments", tiny)):
        (tmp_path / "all" / name).symlink_to(root)
    both = Unified(config_name="custom", data_dir=str(tmp_path / "all"), cache_dir=str(tmp_path / "c"))
    streamed = raw(both.as_streaming_dataset(split="train"))
    rows = {row["sample_id"]: row for row in streamed}
    assert {row["dataset"] for row in rows.values()} == {"rudiments", "textures"}
    assert len(rows) == len(streamed)
    for before in stored(space, "train"):
        row = rows[f"textures/{before['sample_id']}"]
        assert set(row) == {column.name for column in COLUMNS}
        assert (row["group_id"], row["label"]) == (f"textures/{before['setting_id']}", before["synth"])
        assert (row["tempo_bpm"], row["acoustics"], row["midi"]) == (None, None, None)
        assert row["audio"] == before["audio"]
        own = before["events"] and [event["onset_sample"] for event in before["events"]]
        assert own == (row["events"] and [event["onset_sample"] for event in row["events"]])
        assert (row["events"] is None) == (before["synth"] == "fm")
        assert json.loads(row["labels"]) == {key: value for key, value in before.items() if key != "audio"}


# --- manifests ---


@pytest.mark.parametrize(
    "change",
    [
        {"records": None}, {"records": [None]}, {"records": [{"format": "params"}]}, {"tables": 5},
        {"tables": [{"file": 3, "bytes": 1, "sha256": ""}]}, {"config": {}}, {"config": {"sounds": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_manifests_changed_by_hand_are_refused_in_a_sentence(space, tmp_path, change):
    manifest = json.loads((space / "manifest.json").read_text())
    if "config" in change:
        change = {"config": {**manifest["config"], **change["config"], "seed": 7}}
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, **change}))
    with pytest.raises(ValueError, match=r"manifest\.json (is not a manifest|was changed by hand)"):
        Textures(config_name="custom", data_dir=str(tmp_path), cache_dir=str(tmp_path / "c"))


def test_records_of_an_earlier_run_are_remembered_when_the_next_is_stopped(space, tmp_path, monkeypatch):
    root = shutil.copytree(space, tmp_path / "d")
    made(root, records=["params"])

    def stopped(*arguments):
        raise RunError("stopped")

    for more, damaged in (("nsjson", False), ("tfrecords", True)):
        before = read_manifest(root)["records"]
        if damaged:
            next(root.glob("data/*/*.parquet")).unlink()
        with monkeypatch.context() as patch:
            patch.setattr(records, "write", stopped)
            with pytest.raises(RunError):
                made(root, records=[more])
        # what was there stays whole, unless shards have to be made again
        assert read_manifest(root)["complete"] != damaged and read_manifest(root)["records"] == before
        made(root, records=[more])
        assert [entry["format"] for entry in read_manifest(root)["records"]] == [
            *(entry["format"] for entry in before), more]  # fmt: skip
        assert textures.failing(root) == set()
