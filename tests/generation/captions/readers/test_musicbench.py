"""MusicBench: JSON lines of clips of videos, of changed copies of them, and two tests of the same sounds."""

import json

import pytest

from sousa.generation.captions.readers import Wanted, reader
from sousa.generation.errors import UsageError
from tests.support.captioned import DATA, account, captions, copied, rows_of

NAME = "musicbench"


@pytest.fixture(scope="module")
def rows():
    return rows_of(NAME, DATA / NAME)


def test_every_line_is_in_a_row(rows):
    texts = [path.read_text() for path in sorted((DATA / NAME).glob("*.json"))]
    assert sum(len(text.splitlines()) for text in texts) == 12
    # two lines of train are of one sound, and those of the second test are of the sounds of the first
    assert len(rows) == 12 - 1 - 2
    reasons = {None: 6, "no caption": 1, "no location": 1, "a line that is no JSON object": 1}
    assert account(rows) == reasons


def test_lines_of_a_sound_are_one_row(rows):
    row = rows["data.-0abcdefg_h"]
    assert captions(row) == ["A rock song at a fast tempo.", "A rock song in A major.", "Rock, fast."]
    assert row["caption_source"] == "model" and {alt["source"] for alt in row["alt_captions"]} == {"model"}
    assert row["split"] == "train"


def test_both_tests_are_of_the_same_sounds(rows):
    flute = rows["data.sS_5uU6vV7w"]
    assert captions(flute) == ["A flute.", "A flute. The bpm is 118.0.", "Flute."]
    assert [row["split"] for row in rows.values()].count("test") == 2
    assert json.loads(flute["meta"])["prompt_bpm"] == "The bpm is 118.0."


def test_one_of_the_tests_may_be_missing(tmp_path):
    root = copied(NAME, tmp_path)
    (root / "MusicBench_test_B.json").unlink()
    assert captions(rows_of(NAME, root)["data.sS_5uU6vV7w"]) == ["A flute.", "Flute."]


def test_changed_copies_are_in_the_group_of_their_video(rows):
    groups = {name: row["group_id"] for name, row in rows.items() if not row["rejected"]}
    assert groups["data_aug2.-0abcdefg_h_3"] == groups["data.-0abcdefg_h"] == "youtube:-0abcdefg_h"
    # ids have "_" and figures too
    assert groups["data_aug2.Zz9_8yX7w_1_0"] == groups["data.Zz9_8yX7w_1"] == "youtube:Zz9_8yX7w_1"
    assert rows["data._Qq1-2wE3r_4_-_30-40_"]["native_id"] == "youtube:Qq1-2wE3r_4"


def test_what_was_heard_is_kept_as_published(rows):
    full, empty = (json.loads(rows[name]["meta"]) for name in ("data.-0abcdefg_h", "data.Zz9_8yX7w_1"))
    assert full["key"] == ["A", "major"] and full["beats"] == [[0.48, 0.98], [1.0, 2.0]]
    assert full["bpm"] == 118.0 and full["is_audioset_eval_mcaps"] is False
    assert "bpm" not in empty and "chords" not in empty and empty["beats"] == [[], []]
    assert json.loads(rows["data_aug2.Zz9_8yX7w_1_0"]["meta"])["key"] == ["F# minor", None]
    assert rows["data.Zz9_8yX7w_1"]["caption"] == "A gentle piano piece.\nIt ends softly."


def test_sounds_are_where_the_archive_unpacks_them(tmp_path):
    root = copied(NAME, tmp_path)
    for folder in ("data", "datashare/data_aug2"):
        (root / folder).mkdir(parents=True)
    (root / "data/-0abcdefg_h.wav").write_bytes(b"")
    (root / "datashare/data_aug2/Zz9_8yX7w_1_0.wav").write_bytes(b"")
    rows = rows_of(NAME, root)
    assert {name: row["audio_at"] for name, row in rows.items() if row["audio_at"]} == {
        "data.-0abcdefg_h": "data/-0abcdefg_h.wav",
        "data_aug2.Zz9_8yX7w_1_0": "datashare/data_aug2/Zz9_8yX7w_1_0.wav",
    }


def test_a_sound_of_both_splits_is_used_once(tmp_path):
    root = copied(NAME, tmp_path)
    with (root / "MusicBench_test_A.json").open("a") as file:
        file.write(json.dumps({"location": "data/-0abcdefg_h.wav", "main_caption": "A rock song."}))
    rows = rows_of(NAME, root)
    assert rows["data.-0abcdefg_h"]["split"] == "test" and not rows["data.-0abcdefg_h"]["rejected"]
    same = [row for name, row in rows.items() if name.startswith("data.-0a")]
    others = {(row["split"], row["rejected"]) for row in same}
    assert others == {("test", None), ("train", "the sound is in a later split too")}


def test_sound_is_of_youtube_and_of_no_known_licence(rows):
    assert reader(NAME).audio_from_youtube
    assert {row["licence"] for row in rows.values()} == {row["licence_nc"] for row in rows.values()} == {None}
    assert {row["caption_licence"] for row in rows.values()} == {"CC-BY-SA-3.0"}


def test_a_folder_without_files_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"does not hold MusicBench: there is no MusicBench_train\.json or"):
        next(reader(NAME).read(tmp_path, Wanted()))
