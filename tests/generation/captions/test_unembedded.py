"""Rows of a JSON file as tables with roles: what it says, nulls for what it does not, and no id twice."""

import json

import pytest

from sousa.generation.captions import unembedded
from sousa.generation.columns import Group, Text, stored_columns
from sousa.generation.errors import RunError

PLAIN = {"id": "a", "audio_path": "/sounds/a.mp3", "caption": "a tune", "duration": 12}
FULL = {
    "id": "b", "audio_path": "sounds/b.mp3", "caption": "another", "duration": 1.5, "dataset": "fma",
    "alt_captions": ["x", "y"], "artist": "Ann", "title": "T", "tags": ["calm"], "license": "CC-BY-4.0",
    "split": "test", "more": {"of": "others"},
}  # fmt: skip


def tables(tmp_path, *entries):
    (tmp_path / "u.json").write_text(json.dumps(entries))
    return list(unembedded.from_json(tmp_path / "u.json"))


def test_objects_become_rows(tmp_path):
    (table,) = tables(tmp_path, PLAIN, FULL)
    a, b = table.to_pylist()
    assert (a["sample_id"], a["audio_at"], a["caption"], a["duration_sec"]) == (
        "a", "/sounds/a.mp3", "a tune", 12.0,
    )  # fmt: skip
    assert a["split"] is a["group_id"] is a["artist"] is a["licence_raw"] is None
    assert a["dataset"] == "unified" and a["alt_captions"] == [] == a["tags"]
    assert b["audio_at"] == str(tmp_path / "sounds" / "b.mp3") and b["split"] == "test"
    assert (b["dataset"], b["group_id"], b["licence_raw"], b["tags"]) == ("fma", "Ann", "CC-BY-4.0", ["calm"])
    assert [other["text"] for other in b["alt_captions"]] == ["x", "y"]
    roles = {type(column.role) for column in stored_columns(table.schema)}
    assert {Text, Group} <= roles


def test_ids_are_unique_and_splits_are_ours(tmp_path):
    with pytest.raises(RunError, match="the id 'a' comes twice"):
        tables(tmp_path, PLAIN, FULL, PLAIN)
    (table,) = tables(tmp_path, PLAIN | {"split": "val"}, FULL | {"split": "Test"})
    assert table["split"].to_pylist() == ["validation", "test"]
    with pytest.raises(RunError, match="object 0: split is 'fold1'"):
        tables(tmp_path, PLAIN | {"split": "fold1"})


def test_rows_that_models_are_compared_on_are_for_tests(tmp_path):
    (table,) = tables(tmp_path, PLAIN | {"dataset": "song_describer"})
    assert table["split"].to_pylist() == ["test"]


def test_licences_and_writers_of_captions_are_known_again(tmp_path):
    more = {"caption_source": "human", "language": "en", "genres": ["rock"], "url": "https://example.org"}
    (table,) = tables(tmp_path, FULL | {"license": "CC-BY-NC-3.0-US"} | more)
    (row,) = table.to_pylist()
    assert (row["licence"], row["licence_nc"], row["caption_source"]) == ("CC-BY-NC-3.0-US", True, "human")
    assert [(other["source"], other["language"]) for other in row["alt_captions"]] == [("human", "en")] * 2
    assert (row["genres"], row["url"], row["language"]) == (["rock"], "https://example.org", "en")
