"""Captions of piano rows: each statement is true of its row."""

import re

import pytest

from sousa.generation.captions.english import VOCABULARY
from sousa.generation.piano import Piano, captions, corpus
from sousa.generation.piano.score import KEYS, beat_length
from sousa.generation.piano.settings import make_config

ACOUSTICS = VOCABULARY["acoustics"]
TEMPI = {"slow": (0, 60), "moderately paced": (60, 90), "fast": (90, 130), "very fast": (130, 999)}
PEDAL = {"without": (0, 0), "with little": (0, 0.25), "with some": (0.25, 0.6), "with much": (0.6, 1)}
HAPPY = ["calm", "gentle", "bright", "friendly", "cheerful", "lively"]
SAD = ["sad", "melancholic", "dark", "pensive", "restless", "dramatic"]


@pytest.fixture(scope="module")
def rows():
    config = make_config("small", samples=24, augmentations=2)
    addresses = [next(corpus.addresses(config, shard)) for shard in corpus.plan(config)[:3]]
    tables = [corpus.remake(config, table, False) for table in addresses]
    return [row for table in tables for row in table.select(list(Piano.captions_from)).to_pylist()]


def said(rows):
    return [(row, text) for row in rows for text in Piano().captions(row)]


def test_every_row_has_several_wordings_that_are_sentences(rows):
    for row in rows:
        wordings = Piano().captions(row)
        assert len(set(wordings)) == len(wordings) == 5
        assert wordings == Piano().captions(row)
        for text in wordings:
            assert text[0].isupper() and text.endswith(".") and text.count(".") == 1
            assert "  " not in text and " ," not in text and ",," not in text and "None" not in text
    assert len({Piano().captions(row)[0][:6] for row in rows}) > 3


def test_key_metre_and_tempo_are_those_of_the_row(rows):
    for row, text in said(rows):
        keys = re.findall(r"\b([A-G](?: sharp| flat)? (?:major|minor))", text)
        assert set(keys) <= {captions.key_name(row["key"])}
        assert set(re.findall(r"\d+/\d+", text)) <= {row["metre"]}
        beats = row["performed_tempo_bpm"] / beat_length(row["metre"])
        assert all(abs(int(number) - beats) <= 0.5 for number in re.findall(r"about (\d+) beats", text))
        (tempo,) = re.findall("(very fast|fast|slow|moderately paced)", text.lower())
        low, high = TEMPI[tempo]
        assert low <= beats < high
    assert any(row["metre"] == "6/8" or row["metre"] == "3/4" for row in rows)


def test_moods_follow_from_mode_and_tempo(rows):
    for row, text in said(rows):
        # a bright piano is one of a bright tone; of a bright piece it is said in other places
        words = set(re.findall(r"[a-z]+", re.sub(r"bright piano(?! piece)", "", text.lower())))
        said_of = words.intersection(HAPPY), words.intersection(SAD)
        assert not said_of[1 if row["key"].endswith("major") else 0], text
        assert sum(map(len, said_of)) <= 1
    assert {row["key"].split()[1] for row in rows} == {"major", "minor"}


def test_player_pedal_level_and_style_are_those_of_the_row(rows):
    for row, text in said(rows):
        assert set(re.findall("(beginner|intermediate|professional)", text)) <= {row["skill_tier"]}
        assert set(re.findall("(baroque|classical|romantic|popular)", text)) <= {row["style"]}
        levels = {"simple": "simple", "moderately difficult": "medium", "complex": "complex"}
        found = re.findall("(simple|moderately difficult|complex)", text.lower())
        assert {levels[word] for word in found} <= {row["complexity"]}
        for how in re.findall("(without|with little|with some|with much) pedal", text):
            low, high = PEDAL[how]
            assert low <= row["pedal_share"] <= high
            assert (row["pedal_share"] == 0) == (how == "without")


def test_rooms_and_tone_are_those_of_the_row_and_unsaid_without_sound(rows):
    for row, text in said(rows):
        heard = {name for name, words in ACOUSTICS.items() if f" {words}" in text}
        assert heard <= {row["augmentation_preset"]}
        if re.search("bright piano(?! piece)", text):
            assert row["brightness_db"] >= captions.TONE_DB
        assert "mellow" not in text or row["brightness_db"] <= -captions.TONE_DB
    assert any(name in text for _, text in said(rows) for name in ACOUSTICS.values())
    assert any("mellow piano" in text for _, text in said(rows))
    for row in rows:
        for text in Piano().captions(row | {"piano": None, "brightness_db": None}):
            assert not any(f" {words}" in text for words in ACOUSTICS.values()) and "mellow" not in text


def test_every_key_has_a_name():
    names = [captions.key_name(key) for key in KEYS]
    assert len(set(names)) == len(KEYS) and "F sharp minor" in names and "B flat major" in names


def test_scores_of_the_user_have_no_level(rows):
    for text in Piano().captions(rows[0] | {"complexity": "unrated"}):
        assert not re.search("unrated|simple|difficult|complex", text) and "  " not in text
