"""Captions of whole columns are those of their rows."""

import numpy as np

from sousa.generation.captions.caption_columns import caption_columns
from sousa.generation.captions.templates import captions_of

GENRES = [["Rock"], [], ["Hip-Hop", "Noise"], ["Avant-Garde"]]
TAGS = [[], ["piano", "calm"], ["rock 'n' roll", "lo-fi", "sad"], [""]]


def test_columns_say_what_rows_say():
    names = [f"tunes_{number}" for number in range(200)]
    genre_of, tag_of = np.arange(200) % 4, np.arange(200) // 4 % 4
    caption, others = caption_columns(
        7, names, (GENRES, genre_of), (TAGS, tag_of), source="template", language="en"
    )
    expected = captions_of(
        7, names, genres=[GENRES[i] for i in genre_of], tags=[TAGS[i] for i in tag_of]
    )  # fmt: skip
    rows = zip(caption.to_pylist(), others.to_pylist(), strict=True)
    assert [[*filter(None, [text]), *(other["text"] for other in alt)] for text, alt in rows] == expected
    assert [] in expected and len({tuple(row) for row in expected}) > 40
    records = [other for alt in others.to_pylist() for other in alt]
    assert {(other["source"], other["language"], other["start_sec"]) for other in records} == {
        ("template", "en", None)
    }


def test_rows_that_say_nothing_have_no_caption():
    caption, others = caption_columns(
        7,
        ["a", "b"],
        ([[]], np.zeros(2, int)),
        ([[], [""]], np.array([0, 1])),
        source="template",
        language=None,
    )
    assert caption.to_pylist() == [None, None] and others.to_pylist() == [[], []]
