"""Datasets through stock ``datasets``: from the directory, through the builder, and live."""

import re

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from sousa.builders import Rudiments
from sousa.builders.audio import torchcodec_works
from sousa.builders.base import features
from sousa.generation.audio import encode
from sousa.generation.columns import Classes, feature, having, schema, table
from sousa.generation.rudiments.columns import columns

datasets.disable_progress_bars()
PLAIN = datasets.Audio(decode=False)


def rows_of(dataset):
    """Rows with audio as stored, whatever the feature is."""
    if isinstance(dataset.features["audio"], datasets.Audio):
        dataset = dataset.cast_column("audio", PLAIN)
    return list(dataset)


@pytest.fixture(scope="module")
def loaded(small, tmp_path_factory):
    return datasets.load_dataset(str(small[0]), cache_dir=str(tmp_path_factory.mktemp("cache")))


def test_load_dataset_gives_splits_and_features(loaded):
    assert {name: len(part) for name, part in loaded.items()} == {
        "train": 840,
        "validation": 240,
        "test": 120,
    }
    assert loaded["train"].features == features(columns(), 44100)


def test_load_dataset_by_name_and_streaming(small, tmp_path):
    one = datasets.load_dataset(str(small[0]), "small", split="test", cache_dir=str(tmp_path))
    stream = datasets.load_dataset(str(small[0]), "small", split="test", streaming=True).cast_column(
        "audio", PLAIN
    )
    assert next(iter(stream)) == one.cast_column("audio", PLAIN)[0]


def test_audio_plays_or_is_plain_flac(loaded):
    row = loaded["test"].cast_column("audio", PLAIN)[3]
    pcm, rate = encode.decode(row["audio"]["bytes"])
    assert row["audio"]["bytes"][:4] == b"fLaC" and encode.pcm_digest(pcm) == row["pcm_digest"]
    if torchcodec_works():
        samples = loaded["test"][3]["audio"].get_all_samples()
        assert samples.sample_rate == rate
        assert np.array_equal(np.rint(samples.data.numpy().T * 32768).astype(np.int16), pcm)
    else:
        with pytest.raises((ImportError, RuntimeError), match="torchcodec"):
            loaded["test"][3]["audio"]


def test_metadata_in_the_files_says_the_same_as_the_features():
    for with_audio in (True, False):
        told = datasets.Features.from_arrow_schema(schema(columns(with_audio), 44100))
        names = {c.name: feature(c, 44100, classes=False) for c in columns(with_audio)}
        assert told == datasets.Features.from_dict(names)  # strings in the files, by their schema
        labels = {column.name for column in having(columns(with_audio), Classes)}
        differing = {n for n, kind in features(columns(with_audio), 44100).items() if told[n] != kind}
        assert differing == labels and "split" in labels


def test_a_single_file_loads_with_its_features(small, tmp_path):
    path = str(next((small[0] / "data").rglob("*.parquet")))
    alone = datasets.load_dataset("parquet", data_files=path, split="train", cache_dir=str(tmp_path))
    assert isinstance(alone.features["audio"], datasets.Audio)


def test_builder_over_shards_equals_the_files(small, loaded, tmp_path):
    builder = Rudiments(config_name="small", data_dir=str(small[0]), cache_dir=str(tmp_path))
    builder.download_and_prepare()
    built = builder.as_dataset()
    assert list(built) == ["train", "validation", "test"]
    for name, part in built.items():
        assert rows_of(part) == rows_of(loaded[name])
    if torchcodec_works():
        assert built["test"].features == loaded["test"].features


def test_live_builder_equals_the_files(loaded, tmp_path):
    live = Rudiments(config_name="small", cache_dir=str(tmp_path)).as_streaming_dataset(split="test")
    assert rows_of(live) == rows_of(loaded["test"])


def test_live_builder_needs_no_disk_for_the_full_size(tmp_path):
    stream = Rudiments(config_name="full", cache_dir=str(tmp_path)).as_streaming_dataset(split="train")
    row = next(iter(stream.remove_columns("audio") if torchcodec_works() else stream))
    assert row["sample_id"].endswith("_t0_a0")
    assert not list(tmp_path.rglob("*.arrow"))


def test_builder_in_two_processes_and_as_parquet(tiny, tmp_path):
    for i, settings in enumerate(({"num_proc": 2}, {"file_format": "parquet"})):
        builder = Rudiments(config_name="custom", data_dir=str(tiny), cache_dir=str(tmp_path / str(i)))
        builder.download_and_prepare(**settings)
        files = [f for f in (tmp_path / str(i)).rglob("*") if f.suffix in (".arrow", ".parquet")]
        assert len(files) >= 2


def test_custom_options_and_splits(tmp_path):
    builder = Rudiments(
        config_name="custom", profiles=4, tempos=1, rudiments=["flam"], sample_rate=16000, with_audio=False,
        cache_dir=str(tmp_path),
    )  # fmt: skip
    builder.download_and_prepare()
    parts = builder.as_dataset()
    assert sum(len(part) for part in parts.values()) == 4
    assert "audio" not in parts["train"].features and parts["train"][0]["sample_rate"] == 16000


def test_the_cache_is_never_stale(tmp_path):
    def cache(**options):
        return Rudiments(config_name="custom", cache_dir=str(tmp_path), profiles=2, **options).cache_dir

    assert cache() == cache()
    assert (
        len({cache(), cache(seed=1), cache(tempos=1), cache(with_audio=False), cache(rudiments=["flam"])})
        == 5
    )


def test_stored_rows_are_read_without_their_drums(tiny, tmp_path, monkeypatch):
    """Reading needs no drum: neither this user's cache nor the shipped ones."""
    from sousa.generation.audio import banks

    monkeypatch.setattr(banks, "available", dict)
    builder = Rudiments(config_name="custom", data_dir=str(tiny), cache_dir=str(tmp_path))
    assert len(list(builder.as_streaming_dataset(split="train"))) > 0


def test_damaged_shards_are_not_served(tiny, tmp_path):
    import shutil

    shutil.copytree(tiny, tmp_path / "d")
    path = next((tmp_path / "d" / "data").rglob("*.parquet"))
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    builder = Rudiments(config_name="custom", data_dir=str(tmp_path / "d"), cache_dir=str(tmp_path / "c"))
    with pytest.raises(ValueError, match="does not match its digest"):
        for part in builder.as_streaming_dataset().values():
            list(part)


def test_settings_of_stored_rows_are_those_of_the_dataset(tiny, tmp_path):
    builder = Rudiments(config_name="custom", data_dir=str(tiny), cache_dir=str(tmp_path))
    assert (builder.config.profiles, builder.config.tempos) == (3, 1)
    with pytest.raises(ValueError, match="seed, tiers: no choice for stored rows"):
        Rudiments(
            config_name="custom", data_dir=str(tiny), seed=7, tiers=["beginner"], cache_dir=str(tmp_path)
        )


@pytest.mark.parametrize(
    "options, part",
    [
        ({"config_name": "custom", "profiles": 0, "rudiments": ["x"]}, "2 problems"),
        ({"config_name": "medium", "data_dir": "SMALL"}, "does not hold size medium; it has small, custom"),
        ({"config_name": "small", "data_dir": "EMPTY"}, "no dataset in"),
        ({"config_name": "custom", "tiers": []}, "tiers is empty; give at least one"),
        ({"config_name": "custom", "profiles": 1.5, "seed": "x"}, "2 problems"),
        ({"config_name": "custom", "profile": 2}, "unknown option 'profile' .did you mean profiles"),
        ({"config_name": "custom", "records": 2}, "unknown option 'records'; it is an option of textures"),
        ({"size": "small", "config_name": "medium"}, "size is 'small' and config_name 'medium'"),
    ],
)
def test_bad_options_are_value_errors(small, tmp_path, options, part):
    places = {"SMALL": str(small[0]), "EMPTY": str(tmp_path)}
    options = {k: places.get(v, v) if isinstance(v, str) else v for k, v in options.items()}
    with pytest.raises(ValueError, match=part):
        Rudiments(**options, cache_dir=str(tmp_path / "c"))


def test_card_lists_files_that_exist_and_columns_with_units(small):
    root = small[0]
    text = (root / "README.md").read_text()
    card = __import__("yaml").safe_load(text.split("---")[1])
    small_config = card["configs"][0]
    assert small_config["config_name"] == "small" and small_config["default"]
    files = [root / path for part in small_config["data_files"] for path in part["path"]]
    assert len(files) == 10 and all(f.exists() for f in files)
    assert sum(pq.ParquetFile(f).metadata.num_rows for f in files) == 1200
    assert not re.findall(r"\{\{[a-z_]+\}\}", text) and table(columns()) in text
    assert "Frank Wen" in text


def test_features_of_the_column_table_cover_every_column():
    text = table(columns())
    for column in columns():
        assert f"`{column.name}`" in text


def test_flac_in_the_column_is_readable_with_soundfile(tiny):
    row = pq.read_table(next((tiny / "data").rglob("*.parquet"))).to_pylist()[0]
    info = soundfile.info(__import__("io").BytesIO(row["audio"]["bytes"]))
    assert (info.format, info.subtype, info.channels, info.samplerate) == ("FLAC", "PCM_16", 1, 44100)
