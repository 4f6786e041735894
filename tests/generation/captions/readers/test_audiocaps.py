"""AudioCaps: two versions with two ends of lines, and five captions a clip outside the training part."""

import csv
import json
import shutil
from collections import Counter

import pytest

from sousa.generation.captions.readers import Wanted, reader
from sousa.generation.errors import UsageError
from tests.support.captioned import DATA, account, captions, copied, rows_of

NAME = "audiocaps"
PARTS = {"train": "train", "val": "validation", "test": "test"}


@pytest.fixture(scope="module")
def rows():
    return rows_of(NAME, DATA / NAME)


def lines_of(part):
    with (DATA / NAME / "dataset" / f"{part}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_caption_is_in_a_row(rows):
    written = {PARTS[part]: [line["caption"] for line in lines_of(part)] for part in PARTS}
    assert {split: len(texts) for split, texts in written.items()} == {
        "train": 12, "validation": 20, "test": 15,
    }  # fmt: skip
    for split, texts in written.items():
        read = [text for row in rows.values() if row["split"] == split for text in captions(row)]
        assert Counter(read) == Counter(texts)
    assert account(rows) == {None: 12 + 4 + 3}


def test_captions_of_a_clip_are_one_row_though_they_stand_apart(rows):
    number = Counter((row["split"], len(captions(row))) for row in rows.values())
    assert number == {("train", 1): 12, ("validation", 5): 4, ("test", 5): 3}
    line = lines_of("val")[0]
    row = rows[f"{line['youtube_id']}_{line['start_time']}"]
    assert row["caption"] == line["caption"]
    assert json.loads(row["meta"])["audiocap_ids"][0] == line["audiocap_id"]


def test_cells_of_a_row(rows):
    row = rows["r1nicOVtvkQ_130"]
    assert (row["clip_start_sec"], row["clip_end_sec"]) == (130.0, 140.0)
    assert row["native_id"] == row["group_id"] == "youtube:r1nicOVtvkQ"
    assert (row["caption_licence"], row["language"], row["licence"]) == ("MIT", "en", None)
    assert reader(NAME).audio_from_youtube


def test_both_versions_read_the_same(rows, tmp_path):
    root = copied(NAME, tmp_path)
    (root / "dataset").rename(root / "dataset2.0")
    for path in (root / "dataset2.0").glob("*.csv"):
        data = path.read_bytes()
        assert data.count(b"\r\n") == data.count(b"\n")  # version 1
        path.write_bytes(data.replace(b"\r\n", b"\n"))
    assert rows_of(NAME, root) == rows
    assert rows_of(NAME, root / "dataset2.0") == rows
    shutil.copytree(DATA / NAME / "dataset", root / "dataset")
    (root / "dataset2.0/val.csv").unlink()  # of two versions the later one is read, and no parts of both
    assert {row["split"] for row in rows_of(NAME, root).values()} == {"train", "test"}


def test_clips_are_found_by_id_or_number_of_a_caption(tmp_path):
    root = copied(NAME, tmp_path)
    line = lines_of("test")[0]
    (root / "audio").mkdir()
    (root / "audio" / f"{line['audiocap_id']}.flac").write_bytes(b"")
    (root / "audio" / "r1nicOVtvkQ_130.wav").write_bytes(b"")
    rows = rows_of(NAME, root)
    assert {name: row["audio_at"] for name, row in rows.items() if row["audio_at"]} == {
        "r1nicOVtvkQ_130": "audio/r1nicOVtvkQ_130.wav",
        f"{line['youtube_id']}_{line['start_time']}": f"audio/{line['audiocap_id']}.flac",
    }


def test_rows_that_can_not_be_used_are_rejected(tmp_path):
    head = "audiocap_id,youtube_id,start_time,caption\n"
    (tmp_path / "train.csv").write_text(f"{head}1,abc,0,a dog\n2,,0,a cat\n3,def,x,a bird\n4,ghi,0,\n")
    (tmp_path / "test.csv").write_text(f"{head}5,abc,0,a dog barks\n")
    assert account(rows_of(NAME, tmp_path)) == {
        None: 1, "no id or no time": 2, "no caption": 1, "the clip is in a later split too": 1,
    }  # fmt: skip


def test_a_folder_without_files_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"does not hold AudioCaps: there is no dataset2\.0/train\.csv or"):
        next(reader(NAME).read(tmp_path, Wanted()))
