"""JamendoMaxCaps, as published: captions of parts, metadata by date, sounds in Parquet."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sousa.generation.captions.readers import Wanted, reader
from sousa.generation.captions.sounds import sound_bytes
from sousa.generation.errors import RunError, UsageError
from tests.support.captioned import DATA, account, copied, rows_of

NAME = "jamendo_max_caps"
FINAL = "final_caption30sec.jsonl"


@pytest.fixture(scope="module")
def rows():
    return rows_of(NAME, DATA / NAME)


@pytest.fixture
def root(tmp_path):
    return copied(NAME, tmp_path)


def add(path, *lines):
    with open(path, "a", encoding="utf-8", newline="") as file:
        file.writelines(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)


def write_sounds(root, shard, names, **options):
    """A shard of sounds, as the Hub has them."""
    (root / "data").mkdir(exist_ok=True)
    sounds = pa.array([{"bytes": f"sound of {name}".encode(), "path": name} for name in names])
    path = root / "data" / f"train-{shard:05d}-of-00002.parquet"
    pq.write_table(pa.table({"audio": sounds}), path, **options)
    return path


def test_every_object_and_every_id_is_kept_or_rejected(rows):
    assert account(rows) == {None: 1, "no caption": 1, "its id came before": 1, "no metadata": 1}
    assert rows["2100002"]["rejected"] == "no caption"  # its only part has none
    assert rows["2199999"]["rejected"] == "no metadata"  # a caption of nobody knows what


def test_captions_are_of_parts(rows):
    row = rows["2100001"]
    assert [row[key] for key in ("caption", "caption_start_sec", "caption_end_sec", "caption_source")] == [
        "A mid-tempo rock piece.", 0.0, 30.0, "model",
    ]  # fmt: skip
    assert row["alt_captions"] == [
        {"text": "The rock piece continues with drums.", "source": "model", "language": "en",
         "start_sec": 30.0, "end_sec": 60.0},
    ]  # fmt: skip


def test_an_id_that_is_in_two_files_is_taken_from_the_first(rows):
    assert rows["2100001"]["title"] == "Track One"
    again = rows["2100001.2013-11-21.byte-0"]
    assert (again["title"], again["rejected"]) == ("Track One (again)", "its id came before")


def test_metadata(rows):
    row = rows["2100001"]
    assert (row["licence"], row["licence_nc"], row["licence_sa"]) == ("CC-BY-NC-SA-3.0", True, True)
    assert (row["artist"], row["artist_id"], row["group_id"]) == ("Artist A", "5001", "jamendo:5001")
    assert (row["native_id"], row["album_id"], row["split"]) == ("jamendo:2100001", None, None)
    assert (row["tags"], row["genres"], row["track_duration_sec"]) == (["rock", "groovy"], ["rock"], 185.0)
    info = {"vocalinstrumental": "instrumental", "speed": "high"}
    assert json.loads(row["meta"]) == {"released": "2013-11-20", "download_allowed": True, **info}


def test_null_durations_and_empty_addresses_of_licences_are_null(rows):
    row = rows["2100002"]
    assert row["track_duration_sec"] is row["clip_end_sec"] is row["licence"] is row["licence_raw"] is None
    assert row["licence_nd"] is None
    assert json.loads(row["meta"])["download_allowed"] is False


def test_the_earlier_name_of_the_captions(root, rows):
    (root / FINAL).rename(root / "caption30sec.jsonl")
    assert rows_of(NAME, root) == rows


def test_the_later_name_goes_first(root, rows):
    add(root / "caption30sec.jsonl", {"id": "2100002", "caption": "Earlier.", "start_time": 0})
    assert rows_of(NAME, root) == rows


def test_parts_that_are_scattered_unordered_or_empty(root):
    add(
        root / FINAL,
        {"id": 2100002, "caption": "The end.", "start_time": 60, "end_time": 90},
        {"id": "2100001", "caption": "  ", "start_time": 60.0, "end_time": 90.0},
        {"id": "2100002", "caption": "No time.", "start_time": None},
        {"id": "2100002", "caption": "The middle.\n", "start_time": "30.0", "end_time": 60.0},
    )
    rows = rows_of(NAME, root)
    row = rows["2100002"]
    others = [(other["text"], other["start_sec"], other["end_sec"]) for other in row["alt_captions"]]
    assert (row["caption"], others) == ("The middle.", [("The end.", 60.0, 90.0), ("No time.", None, None)])
    assert json.loads(row["meta"])["without_text"] == 1
    assert json.loads(rows["2100001"]["meta"])["without_text"] == 1
    assert account(rows) == {None: 2, "its id came before": 1, "no metadata": 1}


def test_sounds_are_found_without_being_read(root):
    write_sounds(root, 0, ["2100002.mp3", "2188888.mp3", "2100001.mp3"], row_group_size=2)
    write_sounds(root, 1, ["2177777.mp3", "2100001.mp3", None, "cover.mp3"])
    (root / "data" / "._train-00000-of-00002.parquet").write_bytes(b"of a Mac")
    rows = rows_of(NAME, root)
    assert rows["2100001"]["audio_at"] == "data/train-00000-of-00002.parquet#2"
    assert sound_bytes(root, rows["2100001"]["audio_at"]) == b"sound of 2100001.mp3"
    assert rows["2100002"]["audio_at"] == "data/train-00000-of-00002.parquet#0"
    assert account(rows) == {
        None: 1, "no caption": 1, "its id came before": 1, "no metadata": 3, "no id": 2,
    }  # fmt: skip


def test_broken_lines_are_rejected_by_their_place(root):
    size = (root / FINAL).stat().st_size
    add(root / FINAL, '{"id": "2100002", "caption": "cut sho\n', "\n", '{"caption": "of nothing"}\n',
        "[1, 2]\n", '{"id": "2100002", "caption": "\\ud800"}\n')  # fmt: skip
    add(root / "2013-11-22.jsonl", {"id": "", "name": "Nothing"}, '{"id": "2100003"', "\r\n", "{}\r\n")
    rows = rows_of(NAME, root)
    assert account(rows) == {
        None: 1, "no caption": 1, "its id came before": 1, "no metadata": 1, "no id": 2, "a broken line": 5,
    }  # fmt: skip
    assert rows[f"final_caption30sec.byte-{size}"]["rejected"] == "a broken line"


def test_what_is_not_a_number_is_null(root):
    add(root / FINAL, '{"id": "2100002", "caption": "A song.", "start_time": NaN, "end_time": Infinity}\n')
    row = rows_of(NAME, root)["2100002"]
    assert (row["caption"], row["caption_start_sec"], row["caption_end_sec"]) == ("A song.", None, None)


def test_metadata_of_unexpected_kinds_are_null(root):
    add(root / "2013-11-22.jsonl", {
        "id": "2199999", "name": ["x"], "duration": "long", "artist_id": 7, "license_ccurl": 3,
        "musicinfo": {"tags": {"genres": "rock", "instruments": [None, "oboe"]}, "speed": {}},
    })  # fmt: skip
    row = rows_of(NAME, root)["2199999"]
    assert (row["caption"], row["artist_id"], row["tags"]) == ("Orphan caption.", "7", ["oboe"])
    assert row["title"] is row["artist"] is row["track_duration_sec"] is row["licence"] is None


def test_files_of_a_mac_and_of_other_names_are_no_metadata(root, rows):
    (root / "._2013-11-20.jsonl").write_bytes(b"\x00\x05\x16\x07")
    (root / "2013-11-20.jsonl.part").write_text("{}")
    assert rows_of(NAME, root) == rows


def test_a_folder_without_the_corpus(root):
    for path in root.glob("2013-*"):
        path.unlink()
    with pytest.raises(UsageError, match=r"no YYYY-MM-DD\.jsonl with metadata"):
        list(reader(NAME).read(root, Wanted()))
    (root / FINAL).unlink()
    with pytest.raises(UsageError, match=r"no final_caption30sec\.jsonl or caption30sec\.jsonl"):
        list(reader(NAME).read(root, Wanted()))


def test_a_shard_that_was_cut_short(root):
    path = write_sounds(root, 0, ["2100001.mp3"])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RunError, match=r"train-00000-of-00002\.parquet can't be read.*get the file again"):
        list(reader(NAME).read(root, Wanted()))


def test_a_shard_of_something_else(root):
    (root / "data").mkdir()
    pq.write_table(pa.table({"text": ["x"]}), root / "data" / "train-00000-of-00001.parquet")
    with pytest.raises(RunError, match="has no column audio with a path"):
        list(reader(NAME).read(root, Wanted()))
