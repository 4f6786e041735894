"""FMA: three lines of heads, 52 columns, lists as Python literals, and what the table does not say."""

import csv
import json

import pytest

from sousa.generation.captions.readers import Wanted, reader
from sousa.generation.errors import RunError, UsageError
from tests.support.captioned import DATA, account, captions, copied, rows_of

SILENT = "its clip is known to have no sound"
SHORT = "its clip is known to be a few seconds long"
DAMAGED = "its file is known to be damaged"
NO_WORDS = "no genre and no tag that says anything"


def read(root=DATA / "fma", **wanted):
    return rows_of("fma", root, **{"metadata_only": True, **wanted})


def test_every_row_is_kept_or_rejected_with_a_reason():
    rows = read()
    with (DATA / "fma/fma_metadata/tracks.csv").open(newline="") as file:
        table = list(csv.reader(file))
    assert [len(line) for line in table] == [53] * 13  # three lines of heads; a biography has line breaks
    assert [*rows] == [line[0] for line in table[3:]]
    assert account(rows) == {None: 8, NO_WORDS: 1, DAMAGED: 1}


def test_cells_of_a_row():
    row = read()["2"]
    assert (row["title"], row["artist"], row["artist_id"], row["album_id"]) == (
        "Food", 'Artist, With "Comma"', "1", "1",
    )  # fmt: skip
    assert (row["split"], row["group_id"], row["native_id"]) == ("train", "artist:1", "fma:2")
    assert (row["caption_source"], row["language"], row["caption_licence"]) == ("template", "en", "CC-BY-4.0")
    assert json.loads(row["meta"]) == {"subset": "small", "track_language": "en"}
    assert "hip hop" in row["caption"].lower() and len({*captions(row)}) > 1
    assert {other["source"] for other in row["alt_captions"]} == {"template"}


def test_lists_are_literals():
    rows = read()
    assert rows["137"]["tags"] == ["lo-fi", "rock 'n' roll"]
    assert rows["140"]["tags"] == ['the "band"', "it's 'so' \"quiet\""]
    assert rows["2"]["tags"] == rows["155320"]["tags"] == []  # an empty list, and no list at all
    everything = [caption for row in rows.values() if not row["rejected"] for caption in captions(row)]
    assert not [text for text in everything if "[" in text or "nan" in text.split() or "None" in text]
    assert "piano" in rows["190"]["caption"] and rows["190"]["genres"] == []


def test_genres_are_named_where_there_is_no_main_one(tmp_path):
    rows = read()
    assert rows["137"]["genres"] == ["Experimental", "Avant-Garde", "Noise"]  # a root first
    assert "noise" in rows["137"]["caption"].lower()
    assert rows["155320"]["genres"] == ["Rock"]  # 999 is in no table
    root = copied("fma", tmp_path)
    (root / "fma_metadata/genres.csv").unlink()
    rows = read(root)
    assert rows["2"]["genres"] == ["Hip-Hop"]
    assert rows["137"]["genres"] == [] and "rock 'n' roll" in rows["137"]["caption"]


def test_a_track_without_words_makes_no_caption():
    row = read()["155"]
    assert (row["caption"], row["rejected"], row["alt_captions"]) == (None, NO_WORDS, [])


def test_length_is_that_of_the_track_and_null_where_it_is_wrong():
    rows = read()
    lengths = {name: rows[name]["track_duration_sec"] for name in ("2", "137", "2624", "155320")}
    assert lengths == {"2": 168.0, "137": None, "2624": None, "155320": None}
    assert all(row["clip_start_sec"] is row["clip_end_sec"] is None for row in rows.values())


def test_licences_differ_from_row_to_row():
    rows = read()
    ids = {name: row["licence"] for name, row in rows.items()}
    assert ids["2"] == "CC-BY-NC-SA-3.0" and rows["2"]["licence_nc"] and rows["2"]["licence_sa"]
    assert ids["137"] == "CC-BY-NC-ND-3.0-US" and rows["137"]["licence_nd"]
    assert ids["2624"] == "CC-BY-NC-ND-3.0"
    assert ids["155"] is rows["155"]["licence_nc"] is None
    assert rows["155320"]["licence_nc"] is None and rows["155320"]["licence_raw"] == "Orphan Work Licence"


def test_addresses_are_those_of_raw_tracks(tmp_path):
    rows = read()
    assert rows["140"]["licence"] == "CC-BY-4.0"  # the title says no version
    assert rows["2"]["url"] == "http://freemusicarchive.org/music/a/1/2"
    assert rows["137"]["url"] is rows["155320"]["url"] is None
    root = copied("fma", tmp_path)
    (root / "fma_metadata/raw_tracks.csv").unlink()
    rows = read(root)
    assert (rows["140"]["licence"], rows["140"]["url"]) == ("CC-BY", None)
    assert rows["2"]["licence"] == "CC-BY-NC-SA-3.0"


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        ("small", ["2"]), ("medium", ["2", "140", "155320"]),
        ("large", ["2", "137", "140", "190", "2624", "155320"]),
        ("full", ["2", "137", "140", "190", "2624", "98567", "133297", "155320"]),
    ],
)  # fmt: skip
def test_sizes_are_nested(size, kept):
    rows = read(fma_size=size)
    assert [name for name, row in rows.items() if not row["rejected"]] == kept
    if size == "small":
        assert account(rows) == {None: 1, "not in fma_small": 7, SILENT: 1, SHORT: 1}


def test_sounds_are_in_folders_of_a_thousand(tmp_path):
    root = copied("fma", tmp_path)
    for folder in ("fma_small/000", "fma_large/000"):
        (root / folder).mkdir(parents=True)
        (root / folder / "._000002.mp3").write_bytes(b"of macOS")
    (root / "fma_metadata/._tracks.csv").write_bytes(b"\0\5\26\7")
    at = {size: read(root, fma_size=size)["155320"]["audio_at"] for size in (None, "medium", "full")}
    assert at == {
        None: "fma_large/155/155320.mp3", "medium": "fma_large/155/155320.mp3", "full": None,
    }  # fmt: skip
    assert read(root, fma_size="small")["2"]["audio_at"] == "fma_small/000/000002.mp3"
    with pytest.raises(UsageError, match="has no fma_full; it has fma_small, fma_large; get it with"):
        next(reader("fma").read(root, Wanted(fma_size="full")))
    with pytest.raises(UsageError, match=r"fma_size is 'smal' \(did you mean small\?\); choose from small"):
        next(reader("fma").read(root, Wanted(fma_size="smal")))


def test_lines_of_another_width_are_counted(tmp_path):
    root = copied("fma", tmp_path)
    with (root / "fma_metadata/tracks.csv").open("a") as file:
        file.write("3,too,few\n2" + "," * 60 + "\nx" + "," * 52 + "\n137" + "," * 52 + "\n")
    rows = read(root)
    assert len(rows) == 14
    counts = account(rows)
    assert counts["no id, or a second row of one"] == 2
    assert counts["a line of 3 cells, not 53"] == counts["a line of 61 cells, not 53"] == 1


def test_rows_hang_on_nothing_but_their_own_cells(monkeypatch, tmp_path):
    whole = read()
    root = copied("fma", tmp_path)
    path = root / "fma_metadata/tracks.csv"
    with path.open(newline="") as file:
        head, rows = [file.readline() for _ in range(3)], list(csv.reader(file))
    with path.open("w", newline="") as file:
        file.writelines(head)
        csv.writer(file, lineterminator="\r\n").writerows(reversed(rows[:4]))
    monkeypatch.setattr("sousa.generation.captions.csv_blocks.BLOCK_BYTES", 1000)
    monkeypatch.setattr("sousa.generation.captions.readers.fma.BLOCK_ROWS", 1)
    part = read(root)
    assert [*part] == ["155", "140", "137", "2"] and all(whole[name] == row for name, row in part.items())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no column track_id, set.split"), ("a,b\n", "has no column"),
        ("\n".join([",track", ",title", "track_id,", "2,x"]), "has no column set.split"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_named(tmp_path, text, problem):
    root = copied("fma", tmp_path)
    (root / "fma_metadata/tracks.csv").write_text(text)
    with pytest.raises(RunError, match=problem):
        read(root)


def test_bytes_that_are_no_text_are_named(tmp_path):
    root = copied("fma", tmp_path)
    path = root / "fma_metadata/tracks.csv"
    path.write_bytes(path.read_bytes().replace(b"Food", b"F\xffood"))
    with pytest.raises(RunError, match=r"tracks\.csv is not CSV: .*UTF8"):
        read(root)


def test_a_row_may_be_longer_than_a_block(tmp_path, monkeypatch):
    whole = read()
    root = copied("fma", tmp_path)
    path = root / "fma_metadata/tracks.csv"
    path.write_bytes(path.read_bytes().replace(b'"<p>line one', b'"<p>' + b"word,\n" * 2000))
    with path.open("a") as file:
        file.write("3,too,few\n")
    monkeypatch.setattr("sousa.generation.captions.csv_blocks.BLOCK_BYTES", 4096)
    monkeypatch.setattr("sousa.generation.captions.readers.fma.BLOCK_ROWS", 1)
    longer = read(root)
    assert longer.pop("3")["rejected"] == "a line of 3 cells, not 53" and longer == whole
    monkeypatch.setattr("sousa.generation.captions.csv_blocks.ROW_BYTES", 4096)
    with pytest.raises(RunError, match=r"tracks\.csv is not CSV: .*straddl"):
        read(root)


def test_a_table_without_rows_has_none(tmp_path):
    root = copied("fma", tmp_path)
    path = root / "fma_metadata/tracks.csv"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    assert list(reader("fma").read(root, Wanted(metadata_only=True))) == []


def test_a_folder_without_the_table_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"not hold FMA: there is no fma_metadata/tracks\.csv or tracks"):
        read(tmp_path)


def test_the_table_may_be_in_the_folder_itself():
    assert read(DATA / "fma/fma_metadata").keys() == read().keys()
