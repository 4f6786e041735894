"""One schema over the corpora, stored and live."""

import json

import datasets
import pytest

from sousa.builders import Rudiments, Unified
from sousa.builders.base import builder as builder_of
from sousa.builders.unified import COLUMNS, unify
from sousa.generation import corpora
from sousa.generation.corpus import is_generated
from tests.conftest import ROOT
from tests.support.captioned import usual_options
from tests.support.releases import named

datasets.disable_progress_bars()
TINY = {"profiles": 3, "tempos": 1, "augmentations": 1, "rudiments": ["flam"]}
SEED = {"configfile": str(ROOT / "tests" / "data" / "texture_configs" / "seed.json")}


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    builder = Unified(
        config_name="custom", options={"rudiments": TINY, "textures": SEED},
        cache_dir=str(tmp_path_factory.mktemp("cache")),
    )  # fmt: skip
    builder.download_and_prepare()
    return builder


def test_stored_rows_are_the_corpus_rows_under_the_shared_schema(tiny, tmp_path):
    builder = Unified(config_name="custom", data_dir=str(tiny), cache_dir=str(tmp_path))
    builder.download_and_prepare()
    own = Rudiments(config_name="custom", data_dir=str(tiny), cache_dir=str(tmp_path))
    own.download_and_prepare()
    for split, part in builder.as_dataset().items():
        own_rows = named(own.as_dataset(split=split))
        assert list(part.features) == [column.name for column in COLUMNS]
        assert part.features["split"].names == ["train", "validation", "test"]
        for row, before in zip(named(part), own_rows, strict=True):
            assert row["split"] == split and row["label"] == before["rudiment_slug"]
            assert (row["group_id"], row["acoustics"]) == (f"rudiments/{before['profile_id']}", "clean")
            assert [(e["velocity"], e["kind"], e["part"]) for e in row["events"]] == [
                (s["actual_velocity"], s["stroke_type"], s["hand"]) for s in before["strokes"]
            ]
            assert row["dataset"] == "rudiments" and row["sample_id"] == f"rudiments/{before['sample_id']}"
            assert row["audio"] == before["audio"] and row["midi"] == before["midi"]
            assert [e["onset_sample"] for e in row["events"]] == [
                s["onset_sample"] for s in before["strokes"]
            ]
            kept = json.loads(row["labels"])
            assert kept == {name: value for name, value in before.items() if name not in ("audio", "midi")}


def test_live_rows_equal_streamed_rows_and_a_directory_of_datasets_works(live, tiny, tmp_path):
    for split, part in live.as_dataset().items():
        streamed = named(live.as_streaming_dataset(split=split))
        assert streamed == named(part) and streamed
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "rudiments").symlink_to(tiny)
    stored = Unified(config_name="custom", data_dir=str(tmp_path / "all"), cache_dir=str(tmp_path / "c"))
    stored.download_and_prepare()
    rows = named(live.as_dataset(split="train"))
    assert {row["dataset"] for row in rows} == {c.name for c in corpora.every() if is_generated(c)}
    row = rows[0]
    again = [r for r in named(stored.as_dataset(split="train")) if r["sample_id"] == row["sample_id"]]
    assert again == [row]


def test_rows_without_audio_have_no_audio_column(tmp_path):
    silent = {"rudiments": {**TINY, "with_audio": False}}
    builder = Unified(config_name="custom", corpora=["rudiments"], options=silent, cache_dir=str(tmp_path))
    builder.download_and_prepare()
    row = builder.as_dataset(split="train")[0]
    assert "audio" not in row and row["pcm_digest"] is None and row["events"]


# what a corpus has nothing to say of
NULL = {
    "rudiments": set(), "piano": set(), "textures": {"tempo_bpm", "acoustics", "midi"},
    "captions": {"tempo_bpm", "acoustics", "midi", "events"},
}  # fmt: skip


@pytest.mark.parametrize("corpus", corpora.BUILT_IN)
def test_every_corpus_fills_the_shared_columns(corpus, tmp_path):
    options = usual_options(corpora.get(corpus), tmp_path)
    part = builder_of(corpus)(config_name="custom" if options else "small", **options)
    _, row = next(part._generate_examples(part._split_generators(None)[-1].gen_kwargs["shards"]))
    shared = unify(corpus, row)
    assert set(shared) == {column.name for column in COLUMNS}
    assert {name for name, value in shared.items() if value is None} == NULL[corpus]


@pytest.mark.parametrize(
    "given, message",
    [
        ({"corpora": ["rudimnts"]}, "did you mean rudiments"),
        ({"options": {"pianos": {}}}, "unknown corpus 'pianos'"),
        ({"data_dir": "nowhere"}, "holds no finished dataset of rudiments"),
        (
            {"corpora": ["textures"], "options": {"rudiments": {"seed": 1}}},
            "rudiments have no use",
        ),
    ],
)
def test_what_is_not_there_is_said(given, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Unified(cache_dir=str(tmp_path), **given)
