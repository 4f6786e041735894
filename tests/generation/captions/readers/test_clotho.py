"""Clotho: five captions a sound, whose file may have any name."""

import csv

import pytest

from sousa.generation.captions.readers import Wanted, reader
from sousa.generation.captions.readers.clotho import source_id
from sousa.generation.errors import UsageError
from tests.support.captioned import DATA, account, captions, copied, rows_of

NAME = "clotho"


def by_title(root=DATA / NAME):
    return {(row["split"], row["title"]): row for row in rows_of(NAME, root).values()}


def test_every_row_is_kept_or_rejected():
    written = []
    for part in ("development", "validation", "evaluation"):
        with (DATA / NAME / f"clotho_captions_{part}.csv").open(newline="") as file:
            written += csv.DictReader(file)
    rows = rows_of(NAME, DATA / NAME)
    assert [f"{row['title']}.wav" for row in rows.values()] == [row["file_name"] for row in written]
    assert account(rows) == {None: 9, "no caption": 1}
    assert [captions(row) for row in rows.values() if not row["rejected"]] == [
        [row[f"caption_{number}"] for number in range(1, 6)] for row in written if row["caption_1"]
    ]


def test_names_are_kept_to_the_letter():
    titles = {title for _, title in by_title()}
    assert {"Rain on a roof, heavy", "Two  blanks  in a name", " leading blank", "Café, été"} <= titles


def test_ids_are_of_plain_letters_and_differ():
    names = ["a b.wav", "a_b.wav", "a  b.wav", " a b.wav", "é.wav", "雨.wav", "x" * 300 + ".wav"]
    assert len({source_id("development", name) for name in names}) == len(names)
    assert source_id("development", "plain.wav") != source_id("evaluation", "plain.wav")
    assert source_id("development", "Rain on a roof, heavy.wav").startswith("Rain_on_a_roof_heavy-")


def test_metadata_are_joined_by_name_in_either_coding():
    rows = by_title()
    rain = rows["train", "Rain on a roof, heavy"]
    assert (rain["native_id"], rain["group_id"]) == ("freesound:900001", "freesound:900001")
    assert (rain["clip_start_sec"], rain["clip_end_sec"]) == (1.0, 21.0)
    assert (rain["tags"], rain["artist"]) == (["rain", "roof", "weather"], "somebody")
    assert (rain["licence"], rain["licence_nc"]) == ("CC-BY-3.0", False)
    assert rain["url"] == "https://freesound.org/people/somebody/sounds/900001"
    assert rows["train", " leading blank"]["licence"] == "CC0-1.0"
    cafe = rows["train", "Café, été"]  # its line is Latin-1
    assert (cafe["licence_nc"], cafe["tags"]) == (True, ["crowd", "café"])
    door = rows["train", "Two  blanks  in a name"]
    assert door["native_id"] is door["url"] is door["licence"] is door["clip_start_sec"] is None


def test_parts_without_metadata_are_read_too():
    river = by_title()["validation", "river  (mouth), 1"]
    assert river["licence"] is river["native_id"] is None
    assert river["group_id"] == "validation/river  (mouth), 1.wav"


def test_a_name_may_be_in_two_parts(tmp_path):
    root = copied(NAME, tmp_path)
    for folder, name in (("development", "plain.wav"), ("evaluation", "plain.wav"),
                         ("clotho_audio_validation/validation", "river  (mouth), 1.wav"),
                         ("development", "._plain.wav"), ("development", " leading blank.wav")):  # fmt: skip
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / name).write_bytes(b"")
    rows = by_title(root)
    assert rows["train", "plain"]["audio_at"] == "development/plain.wav"
    assert rows["test", "plain"]["audio_at"] == "evaluation/plain.wav"
    assert rows["validation", "river  (mouth), 1"]["audio_at"].endswith("/validation/river  (mouth), 1.wav")
    assert rows["train", " leading blank"]["audio_at"] == "development/ leading blank.wav"
    assert rows["train", "Café, été"]["audio_at"] is None


def test_a_folder_without_files_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"not hold Clotho: there is no clotho_captions_development\.csv or"):
        next(reader(NAME).read(tmp_path, Wanted()))
