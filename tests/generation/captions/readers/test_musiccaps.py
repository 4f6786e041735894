"""MusicCaps: one corpus in three shapes, with line breaks in captions and ids that begin with a hyphen."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sousa.generation.captions.readers import Wanted, reader
from sousa.generation.errors import RunError, UsageError
from tests.support.captioned import DATA, account, copied, rows_of

NAME = "musiccaps"


@pytest.fixture(scope="module")
def rows():
    return rows_of(NAME, DATA / NAME)


@pytest.fixture(scope="module")
def table():
    with (DATA / NAME / "musiccaps-public.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_is_kept(rows, table):
    assert [*rows] == [row["ytid"] for row in table] and account(rows) == {None: 13}
    assert [row["caption"] for row in rows.values()] == [row["caption"] for row in table]


def test_line_breaks_and_hyphens(rows, table):
    lines = (DATA / NAME / "musiccaps-public.csv").read_text().count("\n")
    assert lines > len(table) + 1
    assert rows["3OUNEL8XaR0"]["caption"].count("\n") == 1
    assert sum(name.startswith("-") for name in rows) == 5


def test_cells_of_a_row(rows):
    row = rows["-0Gj8-vB1q4"]
    assert (row["clip_start_sec"], row["clip_end_sec"]) == (30.0, 40.0)
    assert row["native_id"] == row["group_id"] == "youtube:-0Gj8-vB1q4"
    assert row["url"] == "https://www.youtube.com/watch?v=-0Gj8-vB1q4&t=30s"
    assert row["tags"][:2] == ["low quality", "sustained strings melody"]
    assert "percussion's" in rows["1j4rFfU5XKQ"]["tags"]
    meta = json.loads(rows["yl6LJDi0gi0"]["meta"])
    assert meta["balanced_subset"] is True and meta["author_id"] == "6"
    assert (row["caption_licence"], row["caption_source"], row["licence"]) == ("CC-BY-SA-4.0", "human", None)
    assert reader(NAME).audio_from_youtube


def test_splits_are_what_the_booleans_in_text_say(rows, table):
    told = {row["ytid"]: row["is_audioset_eval"] for row in table}
    assert {name: row["split"] == "test" for name, row in rows.items()} == {
        name: text == "True" for name, text in told.items()
    }
    assert {row["split"] for row in rows.values()} == {"train", "test"}


def test_three_shapes_of_the_same_rows(rows, table, tmp_path):
    real = [
        {**row, "start_s": int(row["start_s"]), "end_s": int(row["end_s"]),
         "aspect_list": rows[row["ytid"]]["tags"], "author_id": int(row["author_id"]),
         "is_balanced_subset": row["is_balanced_subset"] == "True",
         "is_audioset_eval": row["is_audioset_eval"] == "True"}
        for row in table
    ]  # fmt: skip
    for shape in ("json", "nameless", "parquet"):
        (folder := tmp_path / shape).mkdir()
        if shape == "parquet":
            pq.write_table(pa.Table.from_pylist(real), folder / "train.parquet")
            continue
        data = {f"[{row['ytid']}]-[{row['start_s']}-{row['end_s']}]": row for row in real}
        if shape == "nameless":  # the id is in the name of the clip alone
            data = {name: {key: row[key] for key in row if key != "ytid"} for name, row in data.items()}
        (folder / "annotation.json").write_text(json.dumps(data))
    for shape in ("json", "nameless", "parquet"):
        assert rows_of(NAME, tmp_path / shape) == rows


@pytest.mark.parametrize(
    "name", ["[{}]-[30-40]", "{}", "{}_30_40", "{}_30", "Y{}", "{}_30000_40000"]
)  # as those who fetch clips call them
def test_clips_are_found_by_their_names(tmp_path, name):
    root = copied(NAME, tmp_path)
    (root / "audio").mkdir()
    for file in ("", "._"):
        (root / "audio" / f"{file}{name.format('-0Gj8-vB1q4')}.wav").write_bytes(b"")
    rows = rows_of(NAME, root)
    expected = f"audio/{name.format('-0Gj8-vB1q4')}.wav"
    assert {row["audio_at"] for row in rows.values()} == {None, expected}
    assert rows["-0Gj8-vB1q4"]["audio_at"] == expected


def test_rows_that_say_nothing_are_rejected(tmp_path):
    lines = [
        "ytid,start_s,end_s,aspect_list,caption", "a,0,10,[],", ",0,10,[],a song",
        "b,,,not a list,a song", "b,0,10,[],again", 'c,0,10,"[1, \'calm\']",a song',
    ]  # fmt: skip
    (tmp_path / "musiccaps-public.csv").write_text("\r\n".join(lines) + "\r\n")
    rows = rows_of(NAME, tmp_path)
    assert account(rows) == {None: 2, "no caption": 1, "no id": 1, "a row of the same clip": 1}
    assert rows["b"]["clip_start_sec"] is None and rows["b"]["tags"] == [] and rows["c"]["tags"] == ["calm"]


def test_files_that_are_missing_or_broken_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"does not hold MusicCaps: there is no musiccaps-public\.csv or"):
        next(reader(NAME).read(tmp_path, Wanted()))
    (tmp_path / "annotation.json").write_text("{")
    with pytest.raises(RunError, match=r"annotation\.json can't be read: "):
        next(reader(NAME).read(tmp_path, Wanted()))
