"""Exports as consumers of other conventions take them: no null for scikit-learn, presets of SOUSA 1."""

import json

import numpy as np
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sousa
from sousa.generation.errors import UsageError
from tests.conftest import run_sousa
from tests.support import textures


@pytest.fixture(scope="module")
def unaugmented(tmp_path_factory):
    """240 rows, each of the drum alone."""
    root = tmp_path_factory.mktemp("unaugmented") / "dataset"
    sousa.generate("rudiments", root, size="small", profiles=6, tempos=1, augmentations=1, with_audio=False,
                   workers=2, check=False)  # fmt: skip
    return root


def clean_rows(directory, split=None):
    """Rows without augmentation by the convention of SOUSA 1, perhaps of one split: number of them."""
    samples = pandas.read_parquet(directory / "labels" / "samples.parquet")
    preset = samples.get("augmentation_preset")
    kept = samples if preset is None else samples[preset.isna() | preset.isin(["none"])]
    if split:
        players = json.loads((directory / "splits.json").read_text())[f"{split}_profile_ids"]
        kept = kept[kept["profile_id"].isin(players)]
    exercises = pandas.read_parquet(directory / "labels" / "exercises.parquet")
    return len(kept.merge(exercises, on="sample_id", validate="one_to_one"))


def test_a_reader_of_the_earlier_convention_counts_every_clean_row(unaugmented, tmp_path):
    sousa.export(unaugmented, tmp_path / "out", "sousa-1")
    assert clean_rows(tmp_path / "out") == 240
    assert sum(clean_rows(tmp_path / "out", split) for split in ("train", "val", "test")) == 240
    assert "none is our clean" in run_sousa("export", "--help").stdout.replace("\n", " ")


def test_an_uploader_of_the_earlier_layout_keeps_the_splits(unaugmented):
    """It takes every player that the lists of the other splits don't name for one of train."""
    told = json.loads((unaugmented / "splits.json").read_text())
    assert told["train_profile_ids"]
    samples = pandas.read_parquet(unaugmented / "labels" / "samples.parquet")
    uploaded = [
        next((split for split in ("val", "test") if player in told[f"{split}_profile_ids"]), "train")
        for player in samples["profile_id"]
    ]
    assert set(uploaded) == {"train", "val", "test"}
    assert uploaded == samples["split"].str.replace("validation", "val").to_list()


def learnable(numbers):
    """What scikit-learn's checks of input take: a matrix of finite numbers, or a ValueError."""
    matrix = numbers.to_numpy(dtype=np.float64)
    if not np.isfinite(matrix).all():
        raise ValueError("Input X contains NaN")
    return matrix


def numbers(table, root):
    """Columns of a table that are numbers in the dataset; pandas takes empty texts of CSV for numbers too."""
    schema = pq.read_schema(next((root / "data").rglob("*.parquet")))
    names = [f.name for f in schema if pa.types.is_integer(f.type) or pa.types.is_floating(f.type)]
    return table[[name for name in names if name in table]]


def read(out, to):
    if to == "csv":
        return pandas.read_csv(out / "index.csv")
    if to == "json":
        return pandas.read_json(out / "rows.jsonl", lines=True)
    if to == "audiofolder":
        return pandas.concat(map(pandas.read_parquet, sorted(out.glob("audio/*/metadata.parquet"))))
    tables = (pandas.read_parquet(out / "labels" / f"{name}.parquet") for name in ("samples", "exercises"))
    return pandas.merge(*tables, on="sample_id")


@pytest.mark.parametrize("to", ["csv", "json", "audiofolder", "sousa-1"])
def test_null_numbers_are_filled_on_request(tiny, tmp_path, to):
    made = sousa.export(tiny, tmp_path / "out", to, fill_null=-1)
    assert made["fill_null"] == -1 and "numbers that do not apply or are not known are -1" in made["notes"]
    assert not any("scores that do not apply" in note for note in made["notes"])
    filled = read(tmp_path / "out", to).set_index("sample_id")
    assert learnable(numbers(filled, tiny)).shape[0] == 9
    sousa.export(tiny, tmp_path / "csv", "csv")
    stored = pandas.read_csv(tmp_path / "csv" / "index.csv").set_index("sample_id")
    with pytest.raises(ValueError, match="contains NaN"):
        learnable(numbers(stored, tiny))
    assert stored["flam_quality"].isna().any() and stored["aug_sample_rate"].isna().all()
    for name in numbers(filled, tiny):
        wanted = stored[name].fillna(-1).sort_index()
        assert np.allclose(filled[name].sort_index(), wanted, rtol=1e-12), name
    assert filled["variant"].isna().any()  # no number


def test_the_value_is_part_of_what_an_export_is(tiny, tmp_path):
    sousa.export(tiny, tmp_path / "out", "csv", fill_null=0)
    assert sousa.export(tiny, tmp_path / "out", "csv", fill_null=0)["rows"] == 9
    for other in (None, 1):
        with pytest.raises(UsageError, match="holds another export"):
            sousa.export(tiny, tmp_path / "out", "csv", fill_null=other)


def test_values_and_formats_that_do_not_fit_are_told(tiny, tmp_path):
    for value in (0.5, True, 2**31, "0"):
        with pytest.raises(UsageError, match=r"--fill-null is .*; give a whole number from -2147483647"):
            sousa.export(tiny, tmp_path / "out", "csv", fill_null=value)
    for to in ("txt", "jams"):
        with pytest.raises(UsageError, match=f"{to} has no columns of numbers to fill"):
            sousa.export(tiny, tmp_path / "out", to, fill_null=0)
    options = ("--to", "csv", "-o", tmp_path / "out", "--fill-null", "-1", "-w", 1, "-q")
    done = run_sousa("export", tiny, *options)
    assert done.returncode == 0, done.stderr
    learnable(numbers(pandas.read_csv(tmp_path / "out" / "index.csv"), tiny))


def test_any_corpus_is_filled(tmp_path):
    sounds = textures.made(tmp_path / "dataset", {
        "synth": "wind", "sample_rate": 8000, "duration_sec": 0.2, "parameters": {"gustiness": {
            "min": 1, "max": 2, "count": 3}},
    })  # fmt: skip
    sousa.export(sounds, tmp_path / "out", "csv", fill_null=0)
    table = pandas.read_csv(tmp_path / "out" / "index.csv")
    assert (table["num_events"] == 0).all() and len(learnable(numbers(table, sounds))) == 3
