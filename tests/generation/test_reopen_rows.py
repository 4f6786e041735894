"""Datasets read back: rows by number, what differs between two makings, and which sizes are inside."""

import random
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from sousa.generation import corpora, make, reopen
from sousa.generation.audio.encode import encode_and_digest
from sousa.generation.errors import RunError, UsageError
from sousa.generation.manifest import config_digest, read_manifest, sealed
from sousa.generation.runners import LocalRunner
from sousa.generation.storage import LocalStorage, write_json

ROWS = 96


@pytest.fixture
def stored(tones, tmp_path):
    """The medium size of a corpus of another package, opened for making."""
    corpus = corpora.get("tones")
    config = corpus.config(corpus.Options.read({"size": "medium", "duration_sec": 0.2}), print)
    make.make(corpus, config, LocalStorage(str(tmp_path / "d")), LocalRunner(1), say=lambda text: None)
    return reopen.open_dataset(tmp_path / "d", making=True)


def changed(stored, **changes):
    """Write other values into the manifest, with the digest of its configuration as it has to be."""
    manifest = read_manifest(stored.storage.root) | changes
    manifest["config_digest"] = config_digest(manifest["config"])
    write_json(stored.storage.path("manifest.json"), sealed(manifest))


def test_what_is_opened_is_what_was_made(stored):
    assert (
        stored.current and stored.corpus.name == "tones" and stored.data_version == stored.corpus.data_version
    )
    assert stored.config.size == "medium" and stored.columns == stored.corpus.columns(stored.config)
    assert sum(record["rows"] for record in stored.records) == ROWS
    assert reopen.verify(stored, everything=True) == (ROWS, [])
    seconds = reopen.seconds_of(stored.storage, stored.records)
    assert seconds == pytest.approx(ROWS * 0.2)


def test_rows_come_by_number(stored):
    whole = pa.concat_tables(reopen.rows_at(stored.storage, stored.records, range(ROWS), ["number"]))
    numbers = whole["number"].to_numpy()
    draw = random.Random(3)
    for count in (0, 1, 5, 40, ROWS):
        wanted = sorted(draw.sample(range(ROWS), count))
        tables = list(reopen.rows_at(stored.storage, stored.records, wanted, ["number"]))
        assert [n for table in tables for n in table["number"].to_pylist()] == numbers[wanted].tolist()
        assert all(len(table) for table in tables)


def test_sizes_inside_and_their_shards(stored):
    names = list(stored.manifest["shards"])
    small = {shard.name for shard in stored.corpus.plan(stored.corpus.resized(stored.config, "small"))}
    assert stored.views == {"small": [name for name in names if name in small], "medium": names}
    # manifests of the first format don't say it, so it is worked out
    for record in stored.manifest["shards"].values():
        del record["view"]
    assert replace(stored).views == stored.views
    # and where the corpus plans other shards now, there is the whole alone
    stored.manifest["shards"]["train/other"] = stored.manifest["shards"].pop(names[0])
    assert replace(stored).views == {"custom": list(stored.manifest["shards"])}


def test_a_verified_choice_of_rows_follows_its_seed(stored, monkeypatch):
    compared = []
    monkeypatch.setattr(reopen, "compare", lambda a, b: compared.extend(a["sample_id"].to_pylist()) or [])
    runs = []
    for seed in (1, 1, 2):
        assert reopen.verify(stored, count=10, seed=seed) == (10, [])
        runs.append(tuple(compared))
        compared.clear()
    assert runs[0] == runs[1] != runs[2] and len(set(runs[0])) == 10
    assert reopen.verify(stored, count=1000)[0] == ROWS
    with pytest.raises(UsageError, match="0; give 1 or more"):
        reopen.verify(stored, count=0)


def table_of(rows):
    """Rows with a sound each."""
    out = []
    for i in range(rows):
        audio, digest = encode_and_digest(np.full((50, 1), i, np.int16), 8000, "flac")
        out.append({"sample_id": f"r{i}", "x": float(i), "events": [{"at": i}], "none": None,
                    "pcm_digest": digest, "audio": {"bytes": audio, "path": ""}})  # fmt: skip
    return pa.Table.from_pylist(out)


@pytest.mark.parametrize(
    "name, value", [("x", -1.0), ("x", None), ("events", []), ("events", [{"at": None}])]
)
@pytest.mark.parametrize("row", [0, 4])
def test_every_difference_is_named_with_its_row(name, value, row):
    table = table_of(5)
    values = table[name].to_pylist()
    values[row] = value
    other = table.set_column(table.column_names.index(name), name, pa.array(values, table[name].type))
    assert reopen.compare(table, table) == []
    assert reopen.compare(table, other) == [f"r{row}: {name} differ"]


def test_sounds_are_compared_by_their_samples():
    table = table_of(3)
    samples = [np.full((50, 1), 0, np.int16), np.full((50, 1), 7, np.int16)]
    same, other = (encode_and_digest(pcm, 8000, "wav")[0] for pcm in samples)
    sounds = table["audio"].to_pylist()
    for i, data in enumerate((same, other, b"no sound")):
        sounds[i]["bytes"] = data
    stored = table.set_column(5, "audio", pa.array(sounds, table["audio"].type))
    assert reopen.compare(stored, table) == ["r1: audio differ", "r2: audio differ"]


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"num_rows": 7}, "does not list the shards of its own settings"),
        ({"shards": {}}, "does not list the shards of its own settings"),
        ({"format_version": 9}, "has format 9, this sousa reads 1, 2"),
        ({"config": {"corpus": "nobody"}}, "unknown corpus 'nobody'"),
        ({"config": {"corpus": "tones", "data_version": "1.0.0"}}, "its settings can't be used"),
    ],
)
def test_what_does_not_fit_is_said(stored, change, problem):
    changed(stored, **change)
    with pytest.raises(RunError, match=problem):
        reopen.open_dataset(stored.storage.root)


def test_settings_changed_by_hand_are_found(stored):
    manifest = read_manifest(stored.storage.root)
    manifest["config"]["seed"] += 1
    write_json(stored.storage.path("manifest.json"), manifest)
    with pytest.raises(RunError, match="was changed by hand: it does not match its own digest"):
        reopen.open_dataset(stored.storage.root)
    write_json(stored.storage.path("manifest.json"), sealed(manifest))
    with pytest.raises(RunError, match="do not match their digest"):
        reopen.open_dataset(stored.storage.root)


def test_another_version_is_read_and_not_made(stored):
    changed(stored, config=stored.manifest["config"] | {"data_version": "0.9.0"}, package_version="1.2.3")
    opened = reopen.open_dataset(stored.storage.root)
    assert not opened.current and opened.data_version == "0.9.0" and opened.columns == stored.columns
    with pytest.raises(RunError, match=r"of data version 0\.9\.0, and this sousa makes"):
        reopen.open_dataset(stored.storage.root, making=True)


def test_files_in_the_wrong_place_tell_the_columns_of_now(stored):
    shutil.rmtree(stored.storage.path("data"))
    assert replace(stored).columns == stored.corpus.columns(stored.config)
    assert "is missing" in reopen.verify(stored)[1][0]
