"""English of captions: articles, lists, plurals, sentences, and the order of wordings."""

import pytest

from sousa.generation.audio import named_acoustics
from sousa.generation.captions.english import (
    VOCABULARY,
    article,
    in_order,
    is_plural,
    listed,
    sentence,
    where_heard,
    with_article,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("electronic", "an"), ("UK garage", "a"), ("hour", "an"), ("R&B", "an"), ("80s", "an"), ("60s", "a"),
     ("18th-century", "an"), ("180", "a"), ("1800s", "an"), ("11-piece", "an"), ("European", "a"),
     ("upbeat", "an"), ("uplifting", "an"), ("unified", "a"), ("uninspired", "an"), ("ukulele", "a"),
     ("one-take", "a"), ("onion", "an"), ("MPB", "an"), ("DJ", "a"), ("LP", "an"), ("house", "a"),
     ("étude", "an"), ("rhythm", "a"), ("indie, sad", "an"), ("urban", "an"), ("IDM", "an")],
)  # fmt: skip
def test_articles_go_by_sound(text, expected):
    assert article(text) == expected


@pytest.mark.parametrize(("count", "text"), [(0, ""), (1, "a"), (2, "a and b"), (3, "a, b and c"),
                                             (5, "a, b, c, d and e")])  # fmt: skip
def test_lists(count, text):
    assert listed("abcde"[:count]) == text


@pytest.mark.parametrize(
    ("thing", "plural"),
    [("drums", True), ("steel drums", True), ("brass", False), ("double bass", False), ("timpani", True),
     ("a string quartet", False), ("voice", False)],
)  # fmt: skip
def test_plurals(thing, plural):
    assert is_plural(thing) is plural


def test_parts_make_a_sentence():
    assert sentence("a tone", "", ", low", "and", "soft") == "A tone, low and soft."
    assert sentence("", with_article("hour")) == "An hour."


def test_all_acoustics_have_words():
    assert VOCABULARY["acoustics"].keys() == set(named_acoustics.names())
    words = [where_heard(name) for name in named_acoustics.names()]
    assert all(words) and len(set(words)) == len(words)
    # none is in another one: captions can be told apart
    assert not [(a, b) for a in words for b in words if a != b and a in b]
    assert where_heard("of_the_user") == where_heard(None) == ""


def test_wordings_come_once_in_an_order_of_the_row():
    wordings = ["a", "b", "c", "b"]
    orders = {tuple(in_order(1, f"row{i}", wordings)) for i in range(200)}
    assert len(orders) == 6 and all(sorted(order) == ["a", "b", "c"] for order in orders)
    assert in_order(1, "row", wordings) == in_order(1, "row", wordings)
    assert any(in_order(1, f"row{i}", wordings) != in_order(2, f"row{i}", wordings) for i in range(20))
