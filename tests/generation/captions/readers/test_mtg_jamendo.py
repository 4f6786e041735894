"""MTG-Jamendo, as published: tables with a tail of tags, in five splits."""

import json
import os

import pytest

from sousa.generation.captions.readers import Wanted, reader
from sousa.generation.captions.readers.mtg_jamendo import MTGJamendo, split_tracks
from sousa.generation.errors import UsageError
from tests.support.captioned import DATA, account, copied, rows_of

NAME = "mtg_jamendo"
RARE = "in no part of the split"
SPLIT_0 = DATA / NAME / "data" / "splits" / "split-0"


@pytest.fixture(scope="module")
def rows():
    return rows_of(NAME, DATA / NAME)


def in_split(rows, split):
    return sorted(int(name) for name, row in rows.items() if row["split"] == split and not row["rejected"])


def test_every_track_is_kept_or_rejected(rows):
    assert account(rows) == {None: 11, RARE: 1}
    assert rows["45"]["rejected"] == RARE


def test_rows_are_in_the_split_that_is_wanted(rows):
    assert in_split(rows, "train") == [7, 39, 40, 44]
    assert in_split(rows, "validation") == [41, 43]
    assert in_split(rows, "test") == [42, 1000204, 1000312, 1000353, 1500574]
    other = rows_of(NAME, DATA / NAME, mtg_split=1)
    assert in_split(other, "train") == [7, 42, 44, 1000204, 1500574]
    assert in_split(other, "test") == [39, 40, 43, 1000353]


def test_tags_of_all_tables_are_joined_and_the_tail_is_as_wide_as_a_track_needs(rows):
    assert len(rows["44"]["tags"]) == 33  # from the tables of one kind: there is no table of all for train
    assert rows["44"]["genres"][:2] == ["acidjazz", "bossanova"]
    assert rows["42"]["tags"] == [
        "genre---classical", "instrument---cello", "instrument---violin", "mood/theme---sad",
    ]  # fmt: skip
    assert rows["1000353"]["tags"] == ["genre---metal"]
    assert not any("\r" in tag for row in rows.values() for tag in row["tags"])


def test_the_joined_tables_are_the_table_of_all(tmp_path):
    root = copied(NAME, tmp_path)
    split = root / "data" / "splits" / "split-0"
    whole = {track.id: track for track in split_tracks(root, 0, "test")[0]}
    (split / "autotagging-test.tsv").unlink()
    joined = {track.id: track for track in split_tracks(root, 0, "test")[0]}
    assert joined == whole


def test_tag_counts_are_those_of_the_tables(rows):
    for split in ("train", "validation", "test"):
        for kind, mark in (("genre", "genre---"), ("instrument", "instr"), ("moodtheme", "mood/theme---")):
            lines = (SPLIT_0 / f"autotagging_{kind}-{split}.tsv").read_text().splitlines()[1:]
            tags = [tag for row in rows.values() if row["split"] == split for tag in row["tags"]]
            in_table = sum(len(line.split("\t")) - 5 for line in lines)
            assert sum(tag.startswith(mark) for tag in tags) == in_table > 0


def test_captions_are_made_of_tags(rows):
    row = rows["43"]
    assert (row["caption_source"], row["language"]) == ("template", "en")
    texts = [row["caption"], *(other["text"] for other in row["alt_captions"])]
    assert len(set(texts)) == len(texts) > 2
    for text in texts:
        assert all(word in text.lower() for word in ("rock", "drums", "electric guitar", "energetic"))
    assert rows_of(NAME, DATA / NAME)["43"]["caption"] == row["caption"]


def test_another_seed_words_some_captions_differently(rows):
    other = rows_of(NAME, DATA / NAME, seed=7)
    assert any(other[name]["caption"] != row["caption"] for name, row in rows.items())


def test_rows_are_grouped_by_artist(rows):
    assert rows["39"]["group_id"] == rows["40"]["group_id"] == "jamendo:77"
    assert (rows["7"]["artist_id"], rows["7"]["native_id"]) == ("3", "jamendo:7")
    splits = {}
    for row in rows.values():
        splits.setdefault(row["group_id"], set()).add(row["split"])
    assert all(len(found - {None}) == 1 for found in splits.values())


def test_licences_of_blocks_and_of_the_table(rows):
    assert rows["7"]["licence"] == "CC-BY-NC-SA-2.0"
    assert rows["39"]["licence"] == "LAL-1.3"
    assert rows["42"]["licence"] == "CC-BY-SA-2.5-ES"
    assert rows["1000353"]["licence"] == "CC-BY-ND-3.0"
    assert rows["41"]["licence"] is rows["41"]["licence_nd"] is None


def test_a_title_with_a_tab_moves_the_licence_by_a_cell(rows):
    row = rows["1500574"]
    assert row["licence"] == "CC-BY-SA-3.0"
    assert (row["title"], row["artist"]) == ("Two Words (Hip Hop Mix)", "MC Tab")


def test_names_are_joined_where_they_are_there(rows):
    assert (rows["7"]["title"], rows["7"]["artist"]) == ('No "Future', "Les Uns")
    assert (rows["39"]["title"], rows["39"]["artist"]) == ("Drift", "The Quiet")  # after an empty cell
    assert (rows["43"]["title"], rows["43"]["artist"]) == ("Run", "The Fast")  # of its notice
    assert "99" not in rows  # named, and no track of the corpus
    assert json.loads(rows["7"]["meta"])["released"] == "2004-12-28"


def test_a_link_that_was_unpacked_as_a_file_is_followed(tmp_path):
    root = copied(NAME, tmp_path)
    link = root / "data" / "autotagging.tsv"
    assert link.stat().st_size == 31
    expected = account(rows_of(NAME, root))
    link.unlink()
    os.symlink("raw_30s_cleantags_50artists.tsv", link)
    assert account(rows_of(NAME, root)) == expected == {None: 11, RARE: 1}
    link.unlink()
    link.write_text("../../somewhere/else.tsv")  # which is no name beside it
    assert account(rows_of(NAME, root)) == {None: 11}
    link.write_text("missing.tsv\n")
    assert account(rows_of(NAME, root)) == expected  # the table itself is there


@pytest.mark.parametrize("folder", ["audio", "audio-low", "raw_30s/audio-low"])
def test_sounds_of_either_quality(tmp_path, folder):
    root = copied(NAME, tmp_path)
    name = "07/7.low.mp3" if folder.endswith("low") else "07/7.mp3"
    (root / folder / "07").mkdir(parents=True)
    (root / folder / name).write_bytes(b"sound")
    (root / folder / "07" / "._7.mp3").write_bytes(b"of a Mac")
    rows = rows_of(NAME, root)
    places = {row["source_id"]: row["audio_at"] for row in rows.values() if row["audio_at"]}
    assert places == {"7": f"{folder}/{name}"}


def test_paths_that_lead_out_are_not_looked_at(tmp_path):
    root = copied(NAME, tmp_path / "in")
    table = root / "data" / "splits" / "split-1" / "autotagging-train.tsv"
    table.write_bytes(table.read_bytes().replace(b"07/7.mp3", b"../../secret.mp3"))
    (tmp_path / "secret.mp3").write_bytes(b"sound")
    assert rows_of(NAME, root, mtg_split=1)["7"]["audio_at"] is None


def test_broken_lines_and_tracks_in_two_parts_are_rejected(tmp_path):
    root = copied(NAME, tmp_path)
    table = root / "data" / "splits" / "split-1" / "autotagging-test.tsv"
    lines = table.read_bytes().split(b"\r\n")
    broken = [b"track_0000050\tartist_000001", b"not a track\ta\tb\tc\t1.0\tgenre---pop"]
    twice = b"track_0000007\tartist_000003\talbum_000004\t07/7.mp3\t101.5\tgenre---poprock"
    table.write_bytes(b"\r\n".join([*lines[:-1], *broken, twice, b""]))
    rows = rows_of(NAME, root, mtg_split=1)
    assert account(rows) == {None: 11, RARE: 1, "a broken line": 2, "in two parts of the split": 1}
    assert rows["7"]["split"] == "test"  # what is tested with is in no training
    assert not rows["7"]["rejected"]


def test_a_track_whose_tags_say_nothing_has_no_caption(tmp_path):
    root = copied(NAME, tmp_path)
    table = root / "data" / "splits" / "split-1" / "autotagging-validation.tsv"
    table.write_bytes(table.read_bytes().replace(b"genre---electronic\tgenre---minimal", b"genre---nan"))
    assert account(rows_of(NAME, root, mtg_split=1)) == {None: 10, RARE: 1, "no caption": 1}


def test_a_split_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"does not hold split 3 of MTG-Jamendo.*data/splits/split-3"):
        list(reader(NAME).read(DATA / NAME, Wanted(mtg_split=3)))
    with pytest.raises(UsageError, match="does not hold split 0"):
        list(reader(NAME).read(tmp_path, Wanted()))


def test_blocks_are_bounded(monkeypatch):
    monkeypatch.setattr("sousa.generation.captions.readers.BLOCK_ROWS", 3)
    monkeypatch.setattr("sousa.generation.captions.readers.mtg_jamendo.BLOCK_ROWS", 2)
    tables = list(MTGJamendo().read(DATA / NAME, Wanted()))
    assert [len(table) for table in tables] == [3, 3, 3, 3]
    names = [name for table in tables for name in table["source_id"].to_pylist()]
    assert names == list(rows_of(NAME, DATA / NAME))
