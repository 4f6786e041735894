"""Song Describer, as published: captions of people, of which a track has several."""

import csv
import json

import pytest

from sousa.generation.captions.readers import Wanted, reader
from sousa.generation.captions.readers.song_describer import english
from sousa.generation.errors import RunError, UsageError
from tests.support.captioned import DATA, account, copied, rows_of

NAME = "song_describer"
HEAD = "caption_id,track_id,caption,is_valid_subset,familiarity,artist_id,album_id,path,duration"


@pytest.fixture(scope="module")
def rows():
    return rows_of(NAME, DATA / NAME)


def meta(row):
    return json.loads(row["meta"])


def test_every_caption_is_in_a_row_and_every_track_is_one(rows):
    with open(DATA / NAME / "song_describer.csv", newline="") as file:
        written = list(csv.DictReader(file))
    assert account(rows) == {None: len({line["track_id"] for line in written})}
    assert sum(1 + len(row["alt_captions"]) for row in rows.values()) == len(written)


def test_all_rows_are_for_evaluation(rows):
    assert {row["split"] for row in rows.values()} == {"test"}
    assert {row["caption_source"] for row in rows.values()} == {"human"}


def test_embedded_quotes_and_line_breaks(rows):
    assert rows["1000204"]["alt_captions"][0]["text"] == '"Sleepy" piano, good for rain'
    assert rows["1000353"]["caption"] == "loud guitars\nand shouting"


def test_what_annotators_said_is_kept(rows):
    said = {(c["caption_id"], c["valid"], c["familiarity"]) for row in rows.values()
            for c in meta(row)["annotations"]}  # fmt: skip
    assert said == {("11", True, 2), ("12", False, 0), ("13", None, 1), ("14", True, 5), ("15", True, 3)}


def test_the_language_is_not_guessed(rows):
    assert rows["1000312"]["caption"] == "música electrónica con ritmo alegre"
    assert rows["1000312"]["language"] is None
    assert rows["1000204"]["language"] == "en"


@pytest.mark.parametrize("text", ["ritmo alegre", "Un pezzo lento per pianoforte", "", "Café noir track"])
def test_a_text_that_may_be_in_another_language_has_none(text):
    assert english(text) is None


def test_tags_of_a_table_without_a_line_of_titles(rows):
    assert rows["1000204"]["tags"] == ["genre---classical", "instrument---piano"]  # its first line
    assert rows["1000312"]["genres"] == ["electronic", "minimal"]
    assert rows["1000353"]["genres"] == ["metal"]


def test_licences_in_blocks_that_a_line_of_dashes_ends(rows):
    first, second, third = (rows[name] for name in ("1000204", "1000312", "1000353"))
    assert (first["licence"], first["licence_nc"], first["licence_nd"]) == ("CC-BY-NC-ND-3.0", True, True)
    assert (second["licence"], second["licence_sa"]) == ("LAL-1.3", True)
    assert (third["licence"], third["licence_nd"]) == (None, None)
    assert meta(second)["attribution"].startswith("Lit by Day by Nobody from Jamendo")


def test_names_come_from_their_table_or_from_the_notice_where_that_is_certain(rows):
    assert [rows["1000353"][key] for key in ("title", "artist")] == ['Say "No', "The Loud"]
    assert [rows["1000312"][key] for key in ("title", "artist")] == [None, None]  # Lit by Day by Nobody
    assert rows["1000204"]["artist"] == "Somebody Small"


def test_names_of_the_notice(tmp_path):
    root = copied(NAME, tmp_path)
    (root / "audio_metadata.tsv").unlink()
    row = rows_of(NAME, root)["1000204"]
    assert [row[key] for key in ("title", "artist", "url")] == [
        "Rain", "Somebody Small", "http://www.jamendo.com/track/1000204",
    ]  # fmt: skip


def test_ids_are_those_of_jamendo(rows):
    row = rows["1000204"]
    assert (row["native_id"], row["artist_id"]) == ("jamendo:1000204", "900001")
    assert row["group_id"] == "jamendo:900001"


@pytest.mark.parametrize("folder", ["audio", "audio/audio"])
def test_sounds_are_cut_to_two_minutes_and_so_are_their_names(tmp_path, folder):
    root = copied(NAME, tmp_path)
    for name in ("04/1000204.2min.mp3", "04/._1000204.2min.mp3", "53/1000353.mp3"):
        (root / folder / name).parent.mkdir(parents=True, exist_ok=True)
        (root / folder / name).write_bytes(b"sound")
    rows = rows_of(NAME, root)
    assert rows["1000204"]["audio_at"] == f"{folder}/04/1000204.2min.mp3"
    assert [rows["1000204"][key] for key in ("track_duration_sec", "clip_start_sec", "clip_end_sec")] == [
        222.8, 0.0, 120.0,
    ]  # fmt: skip
    assert rows["1000353"]["audio_at"] == f"{folder}/53/1000353.mp3"
    assert rows["1000353"]["clip_end_sec"] == 31.2
    assert rows["1000312"]["audio_at"] is None


def test_a_path_that_names_the_cut_file(tmp_path):
    root = copied(NAME, tmp_path)
    table = root / "song_describer.csv"
    table.write_text(table.read_text().replace("1000204.mp3", "1000204.2min.mp3"))
    (root / "audio" / "04").mkdir(parents=True)
    (root / "audio" / "04" / "1000204.2min.mp3").write_bytes(b"sound")
    assert rows_of(NAME, root)["1000204"]["audio_at"] == "audio/04/1000204.2min.mp3"


def test_captions_out_of_order_without_text_or_id(tmp_path):
    lines = [
        f"\ufeff{HEAD}",
        "1,7,  ,True,0,1,1,07/7.mp3,60.0",
        "2,8,first,False,,2,2,08/8.mp3,",
        "3,7,a song,,0,1,1,07/7.mp3,60.0",
        "4,,nobody's song,True,0,1,1,07/7.mp3,60.0",
        '5,9,"",True,0,3,3,09/9.mp3,nan',
        "6,8,second,True,1,2,2,08/8.mp3,",
    ]
    (tmp_path / "song_describer.csv").write_bytes("\r\n".join([*lines, ""]).encode())
    rows = rows_of(NAME, tmp_path)
    assert account(rows) == {None: 2, "no caption": 1, "no id": 1}
    valid, other = rows["8"]["caption"], rows["8"]["alt_captions"][0]["text"]
    assert (valid, other) == ("second", "first")
    assert (rows["7"]["caption"], meta(rows["7"])["without_text"]) == ("a song", 1)
    assert rows["8"]["track_duration_sec"] is rows["9"]["track_duration_sec"] is None


def test_a_track_that_nobody_described(tmp_path):
    root = copied(NAME, tmp_path)
    with open(root / "song_describer_14_04_23.mtg-jamendo.tsv", "a") as file:
        file.write("track_0000007\tartist_000003\talbum_000004\t07/7.mp3\t12.5\tgenre---pop\n")
    rows = rows_of(NAME, root)
    assert account(rows) == {None: 3, "no caption": 1}
    assert (rows["7"]["artist_id"], rows["7"]["track_duration_sec"]) == ("3", 12.5)


def test_a_folder_without_the_corpus(tmp_path):
    with pytest.raises(UsageError, match=r"does not hold Song Describer: there is no song_describer\.csv"):
        list(reader(NAME).read(tmp_path, Wanted()))


def test_a_table_without_a_column(tmp_path):
    (tmp_path / "song_describer.csv").write_text("track_id,text\n1,a song\n")
    with pytest.raises(RunError, match="has no column caption; it has track_id, text"):
        list(reader(NAME).read(tmp_path, Wanted()))
