"""Datasets read back: rows that are read, not made, and what may be missing where they are only read."""

import sys
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sousa
from sousa.generation import corpora, reopen, shards
from sousa.generation.corpus import Corpus
from sousa.generation.errors import RunError, UsageError


@pytest.fixture
def readings(tones, monkeypatch):
    """A corpus whose rows are read from files that are here only while a dataset of it is written."""
    from sousa_tones import COLUMNS, Config, Tones, TonesOptions

    @dataclass(frozen=True)
    class ReadConfig(Config):
        def identity(self):
            return {**super().identity(), "corpus": "readings"}

    class Readings(Corpus):
        name, title, summary, data_version = "readings", "Readings", "tones that are read", "1.0.0"
        Options = TonesOptions

        def config(self, options, say):
            return ReadConfig()

        def restore(self, identity, size, rows_only):
            if not rows_only:
                raise RunError("the files that were read are not here")
            return ReadConfig(size)

        def columns(self, config=None):
            return COLUMNS

        def plan(self, config):
            return Tones().plan(config)

        def rows(self, config, shard):
            return Tones().rows(config, shard)

    monkeypatch.setattr(sys.modules[__name__], "Readings", Readings, raising=False)
    monkeypatch.setitem(corpora.BUILT_IN, "readings", f"{__name__}:Readings")
    corpora.places.cache_clear()


def test_rows_that_are_read_are_validated_and_not_verified(readings, tmp_path):
    root = tmp_path / "d"
    stored = sousa.generate("readings", root, workers=1)
    assert stored.current and not reopen.is_generated(stored.corpus)
    assert list(stored.views) == [stored.config.size]
    report = sousa.validate(root, workers=1, everything=True)
    passed = {check["name"]: check["passed"] for check in report["checks"]}
    assert report["passed"] and passed["audio"] and not passed.get("labels made again")
    with pytest.raises(UsageError, match="rows of readings are read, not made; check them with"):
        sousa.verify(root)


def test_a_plan_that_needs_what_is_missing_does_not_keep_rows_from_being_read(tones, tmp_path, monkeypatch):
    stored = sousa.generate("tones", tmp_path / "d", workers=1, check=False)
    assert list(stored.views) == ["small"]

    def plan(corpus, config):
        raise RunError("the plan is not here")

    monkeypatch.setattr(type(stored.corpus), "plan", plan)
    stored = reopen.open_dataset(tmp_path / "d")
    assert list(stored.views) == ["small"] and stored.columns[0].name == "sample_id"


def test_rows_that_are_read_are_validated_where_they_can_not_be_planned(readings, tmp_path, monkeypatch):
    root = tmp_path / "d"
    stored = sousa.generate("readings", root, check=False)

    def plan(corpus, config):
        raise RunError("the published archive is not here")

    monkeypatch.setattr(type(stored.corpus), "plan", plan)
    assert sousa.validate(root, workers=1)["passed"]


def test_rows_that_are_read_may_be_without_sound(readings, tmp_path, monkeypatch):
    from sousa_tones import Tones

    def rows(corpus, config, shard):
        for table in Tones().rows(config, shard):
            silent = {"audio": None, "pcm_digest": None}
            parts = [row | silent if i % 2 else row for i, row in enumerate(table.to_pylist())]
            yield pa.Table.from_pylist(parts, table.schema)

    monkeypatch.setattr(type(corpora.get("readings")), "rows", rows)
    root = tmp_path / "d"
    sousa.generate("readings", root, files=True)
    paths = pq.read_table(root / "labels" / "samples.parquet")["audio_path"].to_pylist()
    assert paths.count(None) == 24 and all((root / path).is_file() for path in paths if path)


def test_a_table_larger_than_a_row_group_is_split_and_checked(tones, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "MAX_GROUP_BYTES", 50_000)
    stored = sousa.generate("tones", tmp_path / "d", workers=1)
    file = stored.storage.path(stored.records[0]["file"])
    assert pq.ParquetFile(file).num_row_groups > 1
    assert sousa.validate(tmp_path / "d", workers=1, everything=True)["passed"]
