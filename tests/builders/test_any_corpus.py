"""A corpus of another package gets what the built-in ones have: card, builder, release, shared schema."""

import json
import pickle
import re
import shutil
import subprocess
import sys

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import sousa
import sousa.builders
from sousa.builders import base
from sousa.builders.release import card, check, opened
from sousa.builders.unified import COLUMNS, Unified
from sousa.generation import corpora
from sousa.generation.corpus import Packaging
from sousa.generation.errors import RunError, UsageError
from sousa.generation.manifest import sealed
from sousa.generation.shards import Store
from tests.conftest import ROOT
from tests.support.captioned import usual_options
from tests.support.releases import named, release

datasets.disable_progress_bars()


@pytest.fixture
def dataset(tones, tmp_path):
    """The small size, made by the command."""
    root = tmp_path / "tones"
    command = [sys.executable, str(ROOT / "sousa.py"), "generate", "tones", "-o", str(root), "-q", "-w", "1"]
    subprocess.run(command, check=True)
    return root


def rows_of(root, split=None):
    """Rows of a dataset's or release's files, in order."""
    files = sorted((root / "data").rglob("*.parquet"))
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    return [row for row in rows if split in (None, row["split"])]


def head_of(root):
    return yaml.safe_load((root / "README.md").read_text().split("---\n")[1])


def test_its_builder_reads_what_it_makes(dataset, tmp_path):
    kind = sousa.builders.Tones
    assert kind is base.builder("tones")
    assert [config.name for config in kind.BUILDER_CONFIGS] == ["small", "medium", "custom"]
    assert str(kind.VERSION) == "1.0.0" and pickle.loads(pickle.dumps(kind)) is kind
    live = kind(cache_dir=str(tmp_path / "a"))
    live.download_and_prepare(num_proc=2)
    stored = kind(data_dir=str(dataset), cache_dir=str(tmp_path / "b"))
    stored.download_and_prepare()
    for split in ("train", "validation", "test"):
        rows = rows_of(dataset, split)
        assert named(live.as_dataset(split=split)) == named(stored.as_dataset(split=split)) == rows
        assert named(kind(cache_dir=str(tmp_path / "c")).as_streaming_dataset(split=split)) == rows
    assert live.as_dataset(split="test").features["wave"].names == ["sine", "square", "saw"]
    assert pickle.loads(pickle.dumps(live.config)) == live.config
    half = kind(config_name="custom", duration=0.5, cache_dir=str(tmp_path / "d"))  # by its flag's name
    assert half.settings.duration_sec == half.config.duration_sec == 0.5
    with pytest.raises(AttributeError, match="no attribute 'Harps'"):
        sousa.builders.Harps  # noqa: B018


def test_its_release_is_whole_and_its_card_says_what_is_known(dataset, tmp_path):
    made = release(dataset, tmp_path / "v1")
    assert check.problems(opened.read(made)) == []
    assert head_of(made)["tags"] == ["tones"]
    assert not {"annotations_creators", "source_datasets"} & head_of(made).keys()
    text = (made / "README.md").read_text()
    assert not re.findall(r"\{\{\w+\}\}", text)
    for said in ("# Tones", "48 rows", "| `wave` | train | validation | test |", "| saw | 8 | 4 | 4 |",
                 "all rows of a series are in one of them"):  # fmt: skip
        assert said in text, said
    for root in (dataset, made):
        loaded = datasets.load_dataset(str(root), "small", split="test", cache_dir=str(tmp_path / "cache"))
        assert named(loaded) == rows_of(dataset, "test")
    again = sousa.load(made, "labels", split="test", cache_dir=str(tmp_path / "cache"))
    assert again.features["wave"].names == ["sine", "square", "saw"]


def test_its_card_says_whence_rows_and_labels_come(dataset, tmp_path, monkeypatch):
    said = {"tags": ("tones",), "annotations_creators": ("found",), "source_datasets": ("extended|fsd50k",)}
    packaging = Packaging(**said)
    monkeypatch.setattr(type(corpora.get("tones")), "packaging", lambda *_: packaging)
    made = release(dataset, tmp_path / "v1")
    head = head_of(made)
    assert {key: tuple(head[key]) for key in said} == said and check.problems(opened.read(made)) == []


def test_it_is_in_the_unified_schema(dataset, tmp_path):
    assert [config.name for config in Unified.BUILDER_CONFIGS] == ["small", "medium", "full", "custom"]
    both = Unified(config_name="custom", data_dir=str(dataset.parent), cache_dir=str(tmp_path / "c"))
    both.download_and_prepare()
    rows = named(both.as_dataset(split="validation"))
    for row, own in zip(rows, rows_of(dataset, "validation"), strict=True):
        assert set(row) == {column.name for column in COLUMNS}
        assert (row["dataset"], row["label"]) == ("tones", own["wave"])
        assert row["group_id"] == f"tones/{own['series']}"
        assert [e["onset_sample"] for e in row["events"]] == [p["onset_sample"] for p in own["pulses"]]
        assert row["acoustics"] is row["tempo_bpm"] is row["midi"] is row["events"][0]["kind"] is None
        assert json.loads(row["labels"]) == {name: value for name, value in own.items() if name != "audio"}


def test_datasets_are_found_by_what_they_are_of(dataset, tmp_path):
    options = {"config_name": "custom", "cache_dir": str(tmp_path / "c"), "data_dir": str(dataset.parent)}
    dataset.rename(dataset.with_name("first"))
    assert list(Unified(**options)._parts) == ["tones"]
    shutil.copytree(dataset.with_name("first"), dataset.with_name("second"))
    with pytest.raises(ValueError, match="several datasets of tones: first, second; call the one"):
        Unified(**options)
    dataset.with_name("second").rename(dataset)
    assert Unified(**options)._parts["tones"]._root == str(dataset)


def test_without_a_name_all_of_a_dataset_is_read(dataset, tmp_path):
    sousa.generate("tones", tmp_path / "other", seed=7, size="medium", duration_sec=0.2, check=False)
    kind = sousa.builders.Tones
    assert kind(data_dir=str(tmp_path / "other"), cache_dir=str(tmp_path / "a")).config.name == "small"
    manifest = tmp_path / "other" / "manifest.json"
    views = manifest.read_text().replace('"view": "small"', '"view": "custom"')
    views = json.loads(views.replace('"view": "medium"', '"view": "custom"'))
    manifest.write_text(json.dumps(sealed(views)))
    builder = kind(data_dir=str(tmp_path / "other"), cache_dir=str(tmp_path / "a"))
    assert builder.config.name == "custom" and len(builder._shards) == 8


def test_a_size_that_not_every_corpus_has(tones, tmp_path):
    code = "from sousa.builders import Unified; print([c.name for c in Unified.BUILDER_CONFIGS])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "['small', 'medium', 'full', 'custom']"
    options = {"cache_dir": str(tmp_path), "config_name": "full"}
    assert list(Unified(**options)._parts) == ["rudiments", "textures", "piano"]
    refused = "no size full of tones, only of rudiments, textures, piano; choose among these or another"
    for chosen in ({"corpora": ["tones", "rudiments"]}, {"options": {"tones": {"seed": 3}}}):
        with pytest.raises(ValueError, match=refused):
            Unified(**options, **chosen)


def test_stored_datasets_without_the_size(dataset, tmp_path):
    options = {"cache_dir": str(tmp_path), "data_dir": str(dataset.parent), "config_name": "full"}
    with pytest.raises(ValueError, match="no finished dataset of rudiments, textures, piano; it should be"):
        Unified(**options)
    with pytest.raises(ValueError, match="there is no size full of tones"):
        Unified(**options, corpora="tones")


def test_a_template_with_unknown_places_is_refused(tones, tmp_path, monkeypatch):
    corpus, template = corpora.get("tones"), tmp_path / "card.md"
    template.write_text("# {{title}}\n{{rows}} {{colour}} {{shape}}\n")
    monkeypatch.setattr(type(corpus), "card", template)
    with pytest.raises(RunError, match=r"card\.md has \{\{colour\}\}, \{\{shape\}\}, which nothing fills"):
        sousa.generate("tones", tmp_path / "d", workers=1)
    template.write_text("# {{title}}\n{{rows}}\n")
    sousa.generate("tones", tmp_path / "d", workers=1)  # goes on where it stopped
    assert (tmp_path / "d" / "README.md").read_text().endswith("# Tones\n48\n")
    monkeypatch.setattr(type(corpus), "card", tmp_path / "none.md")
    with pytest.raises(RunError, match=r"template .*none\.md can't be read"):
        sousa.generate("tones", tmp_path / "d2", workers=1)


def test_features_in_cards_are_what_datasets_writes(dataset, tmp_path):
    for name in corpora.names():
        corpus = corpora.get(name)
        options = usual_options(corpus, tmp_path / name)
        config = corpus.config(corpus.Options.read(options), print)
        columns = corpus.columns(config)
        features = base.features(columns, config.sample_rate)
        told, info = datasets.info.DatasetCardData(), datasets.DatasetInfo(features=features)
        datasets.info.DatasetInfosDict({"small": info}).to_dataset_card_data(told)
        assert card.feature_yaml(columns, config.sample_rate) == told.to_dict()["dataset_info"]["features"]
    made = release(dataset, tmp_path / "v1")
    for root in (dataset, made):
        head = head_of(root)
        infos = datasets.info.DatasetInfosDict.from_dataset_card_data(datasets.info.DatasetCardData(**head))
        assert list(infos) == [config["config_name"] for config in head["configs"]]
        written = datasets.info.DatasetCardData()
        infos.to_dataset_card_data(written)
        again = written.to_dict()["dataset_info"]
        stated = sorted(head["dataset_info"], key=lambda info: info["config_name"])
        assert again == (stated if len(infos) > 1 else stated[0])


def test_making_a_dataset_does_not_import_datasets(tones, tmp_path):
    code = f"""
import sys, sousa
sousa.generate("tones", {str(tmp_path / "d")!r}, workers=1)
import sousa.builders, sousa.builders.release.make
print("datasets" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "False"


def test_a_builder_reads_its_own_corpus_alone(dataset, tmp_path):
    with pytest.raises(ValueError, match="holds tones, not rudiments"):
        sousa.builders.Rudiments(data_dir=str(dataset), config_name="custom", cache_dir=str(tmp_path))


def test_unfinished_work_of_another_kind_is_refused_and_kept(dataset, tmp_path, monkeypatch):
    """A release where a dataset is being made, and a dataset where a release is."""
    begun, half = tmp_path / "begun", tmp_path / "half"
    with monkeypatch.context() as patch:
        patch.setattr(Store, "finish", lambda *arguments: (_ for _ in ()).throw(RunError("stopped")))
        with pytest.raises(RunError, match="stopped"):
            sousa.generate("tones", begun, check=False)
    with pytest.raises(UsageError, match="holds other files, or a dataset"):
        sousa.release(dataset, begun, "1.0.0", workers=1)
    assert sousa.generate("tones", begun, check=False).manifest["complete"]
    first = release(dataset, tmp_path / "first")
    with pytest.raises(UsageError, match="nothing differs"):
        release(dataset, half, "1.0.1", previous=str(first))
    for refused in (lambda: sousa.generate("tones", half, check=False), lambda: sousa.validate(half)):
        with pytest.raises((UsageError, RunError), match=r"holds other files|is an unfinished release"):
            refused()
    release(dataset, half, "1.0.1", previous=str(first), notes=["the same"])
    assert check.problems(opened.read(half)) == []


def test_a_text_stands_for_a_list_of_one(dataset, tmp_path):
    manifest = sousa.release(dataset, tmp_path / "v1", "1.0.0", notes="Fixed it", workers=1)
    assert manifest["changelog"][-1]["lines"] == ["Fixed it", "First release."]
    with pytest.raises(UsageError, match=r"no plug-ins in files; leave x\.py out"):
        sousa.validate(dataset, plugins="x.py")


def test_rows_in_the_file_of_another_split_are_found(tones, tmp_path, monkeypatch):
    from sousa_tones import Tones

    remake = Tones.remake

    def of_test(corpus, config, addresses, render=True):
        rows = remake(corpus, config, addresses, render)
        return rows.set_column(rows.column_names.index("split"), "split", pa.array(["test"] * len(rows)))

    monkeypatch.setattr(Tones, "remake", of_test)
    with pytest.raises(RunError, match="validation failed"):
        sousa.generate("tones", tmp_path / "d")
    report = json.loads((tmp_path / "d" / "validation_report.json").read_text())
    assert [check["name"] for check in report["checks"] if check["passed"] is False] == ["splits"]
