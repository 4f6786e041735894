"""Datasets of an earlier data version are read, validated, previewed, released and loaded today."""

import json
import os
import shutil
import subprocess
import sys

import datasets
import pyarrow.parquet as pq
import pytest

from sousa.generation import corpora
from sousa.generation.columns import Classes, having
from sousa.generation.errors import RunError
from sousa.generation.manifest import read_manifest
from sousa.generation.reopen import open_dataset
from tests.support.older import ROWS, VERSION, unpacked
from tests.support.releases import named, release


@pytest.fixture(scope="module", params=ROWS)
def stored(request, tmp_path_factory):
    """A directory of that version."""
    return unpacked(request.param, tmp_path_factory.mktemp("stored"))


@pytest.fixture(scope="module")
def released(stored, tmp_path_factory):
    """A release of it by today's command."""
    return release(stored, tmp_path_factory.mktemp("released") / "v1")


def test_reading_takes_it_and_making_rows_says_who_can(stored):
    opened = open_dataset(stored)
    assert opened.data_version == VERSION != opened.corpus.data_version and not opened.current
    assert len(opened.columns) and opened.manifest["num_rows"] == ROWS[opened.corpus.name]
    with pytest.raises(RunError, match=f"data version {VERSION}.*version that made it, sousa {VERSION}"):
        open_dataset(stored, making=True)


def test_all_that_can_be_is_validated(stored, sousa):
    done = sousa("validate", stored)
    assert done.returncode == 0, done.stderr
    report = json.loads((stored / "validation_report.json").read_text())
    assert report["passed"] and report["data_version"] == VERSION
    judged = {check["name"]: check["passed"] for check in report["checks"]}
    assert judged["integrity"] and judged["audio"] and judged["classes"] and judged["label tables"]
    assert judged["labels made again"] is None and "not judged" in done.stdout + done.stderr


def test_damage_is_still_found(stored, tmp_path, sousa):
    shutil.copytree(stored, tmp_path / "d")
    victim = sorted((tmp_path / "d" / "data").rglob("*.parquet"))[0]
    data = bytearray(victim.read_bytes())
    data[len(data) // 3] ^= 16
    victim.write_bytes(data)
    done = sousa("validate", tmp_path / "d")
    assert done.returncode == 1 and victim.name in done.stdout + done.stderr


def test_rows_are_not_made_again_by_another_version(stored, sousa):
    before = {path: path.read_bytes() for path in stored.rglob("*") if path.suffix in (".parquet", ".md")}
    done = sousa("verify", stored)
    assert done.returncode == 1 and f"use the version that made it, sousa {VERSION}" in done.stderr
    corpus = read_manifest(stored)["config"]["corpus"]
    done = sousa("generate", corpus, "-o", stored, "-q")
    assert done.returncode == 2 and f"data version {VERSION}" in done.stderr
    assert "choose another directory" in done.stderr
    assert all(path.read_bytes() == content for path, content in before.items())


def test_its_page_shows_its_rows(stored, sousa, tmp_path):
    done = sousa("preview", stored, "-o", tmp_path / "page.html", "--rows", 4)
    assert done.returncode == 0, done.stderr
    assert f'"data_version":"{VERSION}"' in (tmp_path / "page.html").read_text()


def test_it_is_released_with_its_own_columns_and_named_classes(stored, released, tmp_path):
    rows = pq.read_table(stored / "data", partitioning=None).to_pylist()
    columns = pq.read_schema(next((stored / "data").rglob("*.parquet"))).names
    corpus = corpora.get(read_manifest(stored)["config"]["corpus"])
    classes = {c.name: list(c.role.names) for c in having(corpus.columns(), Classes) if c.name in columns}
    loaded = datasets.load_dataset(str(released), cache_dir=str(tmp_path / "cache"))
    got = [row for split in loaded.values() for row in named(split)]
    assert len(got) == ROWS[corpus.name] and set(got[0]) == set(columns)
    by_id = {row["sample_id"]: row for row in rows}
    for row in got:
        assert row == by_id[row["sample_id"]]
    features = next(iter(loaded.values())).features
    assert {name: features[name].names for name in classes} == classes
    assert f"data version {VERSION}" in (released / "README.md").read_text()
    streamed = datasets.load_dataset(str(released), split="train", streaming=True)
    assert sorted(row["sample_id"] for row in named(streamed)) == sorted(
        row["sample_id"] for row in rows if row["split"] == "train"
    )


def test_its_builder_reads_it(stored, tmp_path):
    corpus = read_manifest(stored)["config"]["corpus"]
    code = f"""
import sousa, sousa.builders, json, datasets
kind = getattr(sousa.builders, {corpus.capitalize()!r})
builder = kind(config_name="custom", data_dir={str(stored)!r}, cache_dir={str(tmp_path)!r})
builder.download_and_prepare()
print(json.dumps([builder.as_dataset(split=split).num_rows for split in builder.info.splits]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ""}
    )
    assert done.returncode == 0, done.stderr
    assert sum(json.loads(done.stdout.splitlines()[-1])) == ROWS[corpus]
