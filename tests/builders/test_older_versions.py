"""A dataset of data version 2.0.0, as the sousa of that version made it, is read, released and loaded."""

import datasets
import pyarrow.parquet as pq
import pytest

import sousa
from sousa.builders import Rudiments, Unified
from sousa.builders.release import check, opened
from sousa.generation.errors import RunError
from tests.support.older import unpacked
from tests.support.releases import named, release

datasets.disable_progress_bars()
TIERS = ["beginner", "intermediate", "advanced", "professional"]


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    return unpacked("rudiments", tmp_path_factory.mktemp("old"))


def rows_of(root, split):
    files = sorted((root / "data" / split).glob("*.parquet"))
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    return sorted(rows, key=lambda row: row["sample_id"])


def by_name(rows):
    return sorted(rows, key=lambda row: row["sample_id"])


def test_the_builder_reads_it(old, tmp_path):
    builder = Rudiments(config_name="custom", data_dir=str(old), cache_dir=str(tmp_path))
    builder.download_and_prepare()
    strokes = next(column for column in builder.columns if column.name == "strokes")
    assert "drag_spacing_ms" not in {field.name for field in strokes.type} and builder.config.profiles == 10
    for split, part in builder.as_dataset().items():
        assert part.features["skill_tier"].names == TIERS
        assert by_name(named(part)) == rows_of(old, split)
    with pytest.raises(ValueError, match="does not hold size full; it has custom"):
        Rudiments(config_name="full", data_dir=str(old), cache_dir=str(tmp_path))


def test_it_is_released_checked_and_loaded(old, tmp_path):
    made = release(old, tmp_path / "v1")
    assert check.problems(opened.read(made)) == []
    assert opened.read(made).manifest["data_version"] == "2.0.0"
    card = (made / "README.md").read_text()
    assert "(data version 2.0.0)" in card and "`drag_spacing_ms`" not in card
    for split in ("train", "validation", "test"):
        part = sousa.load(made, split=split, decoder="none", cache_dir=str(tmp_path / "c"))
        assert part.features["skill_tier"].names == TIERS and by_name(named(part)) == rows_of(old, split)
    stock = datasets.load_dataset(str(made), "labels", cache_dir=str(tmp_path / "c"))
    assert stock["train"].features["skill_tier"].names == TIERS
    for load in (datasets.load_dataset, sousa.load):
        own = load(str(old), split="test", cache_dir=str(tmp_path / "d"))
        assert by_name(named(own)) == rows_of(old, "test")  # its own card knows no classes
    with pytest.raises(RunError, match=r"are of data version 2\.0\.0, and this sousa makes 5\."):
        sousa.verify(old)


def test_it_is_under_the_unified_schema(old, tmp_path):
    stream = Unified(config_name="custom", data_dir=str(old), cache_dir=str(tmp_path)).as_streaming_dataset()
    for split in ("train", "test"):
        rows = by_name(named(stream[split]))
        for row, own in zip(rows, rows_of(old, split), strict=True):
            assert row["label"] == own["rudiment_slug"] and row["data_version"] == "2.0.0"
            assert row["acoustics"] == own["augmentation_preset"] and len(row["events"]) == own["num_strokes"]
