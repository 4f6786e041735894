"""One schema over the corpora, stored and live."""

import json

import datasets
import pytest

from sousa.builders.rudiments import Rudiments
from sousa.builders.unified import COLUMNS, CORPORA, Unified, unify
from tests.conftest import ROOT

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


def raw(dataset):
    if isinstance(dataset.features["audio"], datasets.Audio):
        dataset = dataset.cast_column("audio", datasets.Audio(decode=False))
    return list(dataset)


def test_stored_rows_are_the_corpus_rows_under_the_shared_schema(tiny, tmp_path):
    builder = Unified(config_name="custom", data_dir=str(tiny), cache_dir=str(tmp_path))
    builder.download_and_prepare()
    own = Rudiments(config_name="custom", data_dir=str(tiny), cache_dir=str(tmp_path))
    own.download_and_prepare()
    for split, part in builder.as_dataset().items():
        assert list(part.features) == [column.name for column in COLUMNS]
        for row, before in zip(raw(part), raw(own.as_dataset(split=split)), strict=True):
            assert row["dataset"] == "rudiments" and row["sample_id"] == f"rudiments/{before['sample_id']}"
            assert row["audio"] == before["audio"] and row["midi"] == before["midi"]
            assert [e["onset_sample"] for e in row["events"]] == [
                s["onset_sample"] for s in before["strokes"]
            ]
            kept = json.loads(row["labels"])
            assert kept == {name: value for name, value in before.items() if name not in ("audio", "midi")}


def test_live_rows_equal_streamed_rows_and_a_directory_of_datasets_works(live, tiny, tmp_path):
    for split, part in live.as_dataset().items():
        streamed = raw(live.as_streaming_dataset(split=split))
        assert streamed == raw(part) and streamed
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "rudiments").symlink_to(tiny)
    stored = Unified(config_name="custom", data_dir=str(tmp_path / "all"), cache_dir=str(tmp_path / "c"))
    stored.download_and_prepare()
    rows = raw(live.as_dataset(split="train"))
    assert {row["dataset"] for row in rows} == set(CORPORA)
    row = rows[0]
    again = [r for r in raw(stored.as_dataset(split="train")) if r["sample_id"] == row["sample_id"]]
    assert again == [row]


def test_rows_without_audio_have_no_audio_column(tmp_path):
    silent = {"rudiments": {**TINY, "with_audio": False}}
    builder = Unified(config_name="custom", corpora=["rudiments"], options=silent, cache_dir=str(tmp_path))
    builder.download_and_prepare()
    row = builder.as_dataset(split="train")[0]
    assert "audio" not in row and row["pcm_digest"] is None and row["events"]


# what a corpus has nothing to say of
NULL = {"rudiments": set(), "textures": {"tempo_bpm", "acoustics", "midi"}}


@pytest.mark.parametrize("corpus", CORPORA)
def test_every_corpus_fills_the_shared_columns(corpus):
    row = next(iter(CORPORA[corpus][0](config_name="small").as_streaming_dataset(split="test")))
    shared = unify(corpus, row)
    assert set(shared) == {column.name for column in COLUMNS}
    assert {name for name, value in shared.items() if value is None} == NULL[corpus]


@pytest.mark.parametrize(
    "given, message",
    [
        ({"corpora": ["rudimnts"]}, "did you mean rudiments"),
        ({"options": {"pianos": {}}}, "unknown corpus 'pianos'"),
        ({"data_dir": "nowhere"}, "holds no finished dataset of rudiments"),
    ],
)
def test_what_is_not_there_is_said(given, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Unified(cache_dir=str(tmp_path), **given)
