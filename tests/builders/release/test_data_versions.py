"""What becomes of datasets and releases when their corpus goes on to its next data version."""

import json

import datasets
import pytest

import sousa
from sousa.builders.base import builder
from sousa.generation import corpora
from sousa.generation.columns import Column
from sousa.generation.errors import RunError, UsageError
from tests.support.releases import named

QUIET = {"check": False, "workers": 1}


@pytest.fixture
def later(tones, tmp_path, monkeypatch):
    """A dataset and release of tones 1.0.0, in a process whose tones are 1.1.0 and have one column more."""
    import sousa_tones

    root = tmp_path / "old"
    sousa.generate("tones", root, duration_sec=0.2, **QUIET)
    sousa.release(root, tmp_path / "v1", "1.0.0", workers=1)
    colour = Column("colour", "string", "", "of the light; null in the dark")
    monkeypatch.setattr(sousa_tones, "COLUMNS", (*sousa_tones.COLUMNS, colour))
    monkeypatch.setattr(sousa_tones.Tones, "data_version", "1.1.0")
    builder.cache_clear()
    yield tmp_path
    builder.cache_clear()


def test_a_column_more_is_a_minor_version(later):
    sousa.generate("tones", later / "new", duration_sec=0.2, **QUIET)
    with pytest.raises(UsageError, match="columns added: colour, which asks for a minor version"):
        sousa.release(later / "new", later / "v2", "2.0.0", previous=str(later / "v1"), workers=1)
    manifest = sousa.release(later / "new", later / "v2", "1.1.0", previous=str(later / "v1"), workers=1)
    assert manifest["changelog"][-1]["lines"][:2] == ["columns added: colour", "data version 1.1.0"]
    changes = sousa.diff(str(later / "v1"), str(later / "v2"))
    assert changes.level == "minor" and not changes.labels


def test_its_page_shows_what_the_files_have(later):
    path, rows, _ = sousa.preview(later / "old", rows=4)
    page = path.read_text()
    assert (
        rows == 4 and '"data_version":"1.0.0"' in page and "evenness" in page and "of the light" not in page
    )


def test_its_builder_says_the_version_of_the_rows(later):
    made = builder("tones")(config_name="small", data_dir=str(later / "old"), cache_dir=str(later / "cache"))
    assert str(made.info.version) == "1.0.0"
    made.download_and_prepare()
    rows = [row for split in made.info.splits for row in named(made.as_dataset(split=split))]
    assert len(rows) == 48 and {row["data_version"] for row in rows} == {"1.0.0"}
    live = builder("tones")(config_name="small", cache_dir=str(later / "cache"))
    assert str(live.info.version) == "1.1.0"
    assert "colour" in next(iter(live.as_streaming_dataset(split="train")))


def test_making_it_again_names_the_package_that_can(later):
    manifest = json.loads((later / "old" / "manifest.json").read_text())
    assert (manifest["package"], manifest["package_version"]) == ("sousa-tones", "1.0.0")
    with pytest.raises(RunError, match=r"the version that made it, sousa-tones 1\.0\.0"):
        sousa.verify(later / "old")


def test_a_package_that_is_not_there_is_named(later, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(corpora, "places", lambda: dict(corpora.BUILT_IN))
        corpora.get.cache_clear()
        corpora._made.cache_clear()
        with pytest.raises(RunError, match=r"unknown corpus 'tones'.*; install sousa-tones 1\.0\.0"):
            sousa.validate(later / "old")


def test_what_was_released_is_loaded(later):
    loaded = datasets.load_dataset(str(later / "v1"), cache_dir=str(later / "cache"))
    assert sum(part.num_rows for part in loaded.values()) == 48


def test_what_an_attempt_with_other_views_left_is_not_in_the_release(tones, tmp_path, monkeypatch):
    """A dataset made again by a corpus that now knows which sizes are inside a larger one."""
    from sousa_tones import Tones

    root, output, how = (
        tmp_path / "d",
        tmp_path / "r",
        {"previous": str(tmp_path / "first"), "notes": ["again"]},
    )
    with monkeypatch.context() as patch:
        patch.setattr(Tones, "resized", lambda corpus, config, size: config if size == config.size else None)
        sousa.generate("tones", root, size="medium", duration_sec=0.2, **QUIET)
        sousa.release(root, tmp_path / "first", "1.0.0", workers=1)
        with pytest.raises(UsageError, match="which asks for a patch version"):
            sousa.release(root, output, "2.0.0", workers=1, **how)
    sousa.generate("tones", root, size="medium", duration_sec=0.2, **QUIET)
    sousa.release(root, output, "1.1.0", workers=1, **how)
    loaded = datasets.load_dataset(str(output), "medium", cache_dir=str(tmp_path / "cache"))
    assert sum(part.num_rows for part in loaded.values()) == 96
    assert sousa.verify(output) == len(list(output.rglob("*.*"))) - 1
