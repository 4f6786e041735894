"""Captions of rudiments: each statement is true of its row."""

import re

import pytest

from sousa.generation.captions.english import VOCABULARY
from sousa.generation.rudiments import Rudiments, captions, corpus, definitions
from sousa.generation.rudiments.settings import make_config

TEMPI = {"slow": (0, 60), "moderate": (60, 90), "fast": (90, 130), "very fast": (130, 999)}
STRUCK = {"practice_pad": "practice pad", "marching": "marching", "brush": "brushes"}
ACOUSTICS = VOCABULARY["acoustics"]


@pytest.fixture(scope="module")
def rows():
    config = make_config("small", profiles=8, tempos=2, augmentations=3)
    shards = corpus.plan(config)
    addresses = [next(corpus.addresses(config, shard)).slice(0, 12) for shard in shards]
    variants = [name for name in definitions.load() if ":" in name][:6]
    more = make_config("small", rudiments=variants, profiles=2, tempos=1)
    addresses_more = next(corpus.addresses(more, corpus.plan(more)[0]))
    tables = [corpus.remake(config, table, False) for table in addresses]
    tables.append(corpus.remake(more, addresses_more, False))
    return [row for table in tables for row in table.select(list(Rudiments.captions_from)).to_pylist()]


def said(rows):
    return [(row, text) for row in rows for text in Rudiments().captions(row)]


def test_every_row_has_several_wordings_that_are_sentences(rows):
    for row in rows:
        wordings = Rudiments().captions(row)
        assert len(set(wordings)) == len(wordings) == 4
        assert wordings == Rudiments().captions(row)
        for text in wordings:
            assert text[0].isupper() and text.endswith(".") and text.count(".") == 1
            assert "  " not in text and " ," not in text and ",," not in text and "None" not in text
    firsts = {Rudiments().captions(row)[0][:12] for row in rows}
    assert len(firsts) > 10  # not the same wording each time


def test_names_tempi_and_metres_are_those_of_the_row(rows):
    for row, text in said(rows):
        name = captions.rudiment(row["rudiment_name"], row["variant"])
        assert re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE), text
        assert re.findall(r"(\d+) BPM", text) == [str(row["tempo_bpm"])]
        assert set(re.findall(r"\d+/\d+", text)) <= {row["metre"]}
        for word, (low, high) in TEMPI.items():
            if re.search(rf"an? {word}( tempo of)? \d", text):
                assert low <= row["tempo_bpm"] < high, text


def test_players_and_evenness_are_those_of_the_row(rows):
    levels = {"very unevenly": (0, 35), "unevenly": (35, 50), "fairly evenly": (50, 70), "evenly": (70, 101)}
    for row, text in said(rows):
        (how,) = re.findall(r"(very unevenly|unevenly|fairly evenly|evenly)", text)
        low, high = levels[how]
        assert low <= row["timing_consistency"] < high
        (player,) = re.findall("(beginner|intermediate|advanced|professional)", text)
        assert player == row["skill_tier"]
    assert len({row["skill_tier"] for row in rows}) > 2
    assert len({re.search("[a-z]* ?u?n?evenly", text)[0] for _, text in said(rows)}) > 3


def test_rooms_and_drums_are_those_of_the_row_and_unsaid_without_sound(rows):
    for row, text in said(rows):
        heard = {name for name, words in ACOUSTICS.items() if f" {words}" in text}
        assert heard == {row["augmentation_preset"]}
        for part, struck in STRUCK.items():
            assert (struck in text) == (part in row["bank"]), text
    for row in rows:
        for text in Rudiments().captions(row | {"bank": None}):
            assert not any(f" {words}" in text for words in ACOUSTICS.values())
            assert "a snare drum" in text.lower()


@pytest.mark.parametrize(
    ("name", "variant", "text"),
    [("Drag Paradiddle #2", None, "drag paradiddle number 2"), ("Lesson 25", None, "Lesson 25"),
     ("Swiss Army Triplet", None, "Swiss army triplet"), ("Flam", "odd_one", "flam in the variant odd one")],
)  # fmt: skip
def test_names_in_sentences(name, variant, text):
    assert captions.rudiment(name, variant) == text


def test_captions_are_made_of_columns():
    # what captions look at are columns
    assert set(Rudiments.captions_from) <= {column.name for column in Rudiments().columns()}


def test_a_take_too_short_for_a_figure_of_evenness_has_captions_without_it(rows):
    row = rows[0] | {"timing_consistency": None}
    words = {word for _, word in captions.EVENNESS}
    for text in Rudiments().captions(row):
        assert not any(word in text for word in words) and "None" not in text and "  " not in text
