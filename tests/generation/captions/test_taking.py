"""Which of several rows of one sound is kept, limits of what can be used, and what stays for tests."""

import fcntl
import os
import shutil
from collections import Counter

import pytest

import sousa
from sousa.generation.captions import index, settings
from sousa.generation.captions.evaluation_sets import EvaluationSets
from sousa.generation.errors import RunError
from tests.generation.captions import toy
from tests.generation.captions.test_unify import chosen, corpora, ids, rows_of  # noqa: F401

HUMANS = "its sound is in another corpus too"


@pytest.fixture
def raw(corpora):  # noqa: F811
    return corpora


def account(config):
    return index.account_of(config.chosen).rows


def same_sounds(raw, name, other, count):
    for number in range(count):
        file = f"audio/{number:05}.flac"
        shutil.copy(raw / name / file, raw / other / file)


def test_a_row_yields_only_to_one_that_can_be_used(raw):
    toy.write(raw / "people", [toy.row(i, native=f"jamendo:{i}", seconds="0.1" * (i < 2)) for i in range(5)])
    toy.write(raw / "tagged", [toy.row(i, native=f"jamendo:{i}", seconds="0.1") for i in range(5)])
    for most in (None, 100):
        counts = account(chosen(raw, max_samples=most))
        assert counts["people"] == {"kept": 2, "its sound is not there": 3}
        assert counts["tagged"] == {"kept": 3, HUMANS: 2}


def test_of_the_same_samples_the_humans_rows_are_kept(raw):
    for name in ("people", "machine"):
        toy.write(raw / name, [toy.row(i, split="train", seconds="0.1") for i in range(20)])
    same_sounds(raw, "people", "machine", 20)
    assert account(chosen(raw)) == {
        "people": {"kept": 20},
        "machine": {"kept": 0, "its sound is there twice": 20},
    }


@pytest.mark.parametrize("most", [None, 40])
def test_what_is_for_tests_is_in_no_training(raw, most):
    toy.write(raw / "people", [toy.row(i, split="train", artist=f"p{i}", seconds="0.1") for i in range(20)])
    toy.write(raw / "machine", [toy.row(i, split="test", artist=f"m{i}", seconds="0.1") for i in range(20)])
    same_sounds(raw, "people", "machine", 20)
    config = chosen(raw, max_samples=most)
    assert Counter((row["dataset"], row["split"]) for row in rows_of(config)) == {("machine", "test"): 20}


def test_limits_count_rows_that_can_be_used(raw):
    lines = [toy.row(i, artist=f"a{i % 4}", seconds="0.1" * (i % 2)) for i in range(40)]
    toy.write(raw / "people", lines)
    assert chosen(raw, per_artist=3).num_rows == 6  # two artists have sounds, 10 each
    assert chosen(raw, samples_per_dataset=15).num_rows == 15


def test_lengths_are_balanced_within_a_limit_of_each_corpus(raw):
    seconds = ["0.1"] * 30 + ["61"] * 6
    toy.write(raw / "people", [toy.row(i, artist=f"a{i}", seconds=text) for i, text in enumerate(seconds)])
    rows = rows_of(chosen(raw, stratify_by="duration", samples_per_dataset=12))
    assert Counter(row["num_samples"] > 8000 for row in rows) == {True: 6, False: 6}


def test_rows_without_a_split_follow_their_group(raw):
    # a group with a colon is one whatever the corpus
    toy.write(raw / "people", [toy.row(i, split="train", artist=f"x:{i}") for i in range(50)])
    toy.write(raw / "tagged", [toy.row(i, artist=f"x:{i}") for i in range(50)])
    config = chosen(raw, metadata_only=True)
    assert Counter(row["split"] for row in rows_of(config)) == {"train": 100}


def test_datasets_of_one_corpus_are_told_apart_by_their_folders(raw, tiny):
    for name in ("first", "second"):
        shutil.copytree(tiny, raw / name)
    config = chosen(raw, metadata_only=True)
    again = chosen(raw, metadata_only=True, datasets=["second", "first"])
    assert ids(config) == ids(again) and set(account(config)) == {"first", "second"}
    assert sum(account(config)["first"].values()) == sum(account(config)["second"].values()) == 9
    assert (
        account(config)["first"]["kept"] + account(config)["second"]["kept"] == 9
    )  # the sounds are the same


def test_an_index_that_another_process_uses_is_not_removed(raw):
    toy.write(raw / "people", [toy.row(i) for i in range(5)])
    config = chosen(raw, metadata_only=True)
    handle = os.open(index._lock(config.chosen), os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_SH)
    index.forget(config.chosen)
    assert len(rows_of(config)) == 5
    os.close(handle)
    index.forget(config.chosen)
    with pytest.raises(RunError, match="run the same command again"):
        rows_of(config)


def test_sounds_that_are_left_out_are_told_with_the_reason(raw, tmp_path, capsys):
    licences = ["CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-NC-4.0", ""]
    toy.write(raw / "people", [toy.row(i, licence=name, seconds="0.1") for i, name in enumerate(licences)])
    words = ["unify", "--root", str(raw), "--publishable", "-w", "1", "-o", str(tmp_path / "d")]
    assert sousa.main(words) == 0
    said = "sounds left out, as they may not be passed on: 2 CC-BY-NC-4.0; 1 no known licence"
    assert f"people: {said}" in capsys.readouterr().out
    sousa.release(tmp_path / "d", tmp_path / "r", version="1.0.0")
    assert "2 CC-BY-NC-4.0; 1 no known licence" in (tmp_path / "r" / "README.md").read_text()


def test_json_of_rows_without_sound_is_refused(raw, tmp_path, capsys):
    toy.write(raw / "people", [toy.row(i) for i in range(4)])
    words = ["unify", "--root", str(raw), "--metadata-only", "-q", "-o", str(tmp_path / "x.json")]
    assert sousa.main(words) == 1
    assert "x.json was not written: no row has its sound" in capsys.readouterr().err


def test_sounds_beside_the_json_never_replace_what_is_there(raw, tiny, tmp_path, capsys):
    shutil.copytree(tiny, raw / "own")
    words = ["unify", "--root", str(raw), "-w", "1", "-q", "-o", str(tmp_path / "x.json")]
    assert sousa.main(words) == 0
    (first, *_) = (tmp_path / "x_audio").iterdir()
    (tmp_path / "x.json").unlink()
    assert sousa.main(words) == 0  # of a run that was stopped before its end
    (tmp_path / "x.json").unlink()
    first.write_text("mine")
    assert sousa.main(words) == 1 and first.read_text() == "mine"
    assert "was not made by this command" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "x_audio")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "x_audio").symlink_to(tmp_path / "elsewhere")
    assert sousa.main(words) == 1 and not list((tmp_path / "elsewhere").iterdir())


def test_artists_of_evaluation_are_known_by_their_names(raw, monkeypatch):
    sets = EvaluationSets(frozenset(), frozenset(), frozenset({"somebody small"}), frozenset(), None)
    monkeypatch.setattr(settings, "held_out", lambda root: sets)
    artists = ("Somebody Small", "Another", "somebody small")
    toy.write(raw / "people", [toy.row(i, split="train", artist=name) for i, name in enumerate(artists)])
    counts = account(chosen(raw, metadata_only=True))
    assert counts["people"] == {"kept": 1, "its artist is in an evaluation set": 2}
