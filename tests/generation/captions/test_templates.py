"""Captions from tags: sentences as an editor would have them, from whatever stands in the tags."""

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sousa.generation.captions import templates
from sousa.generation.captions.english import VOCABULARY, article
from sousa.generation.captions.templates import caption_of, captions_of, wordings

SEED = 42


def captions(genres=(), moods=(), instruments=(), tags=(), name="row"):
    return caption_of(SEED, name, genres, moods, instruments, tags)


def test_all_wordings_of_a_row():
    assert sorted(captions(["electronic"], ["energetic"], ["piano", "drums"])) == [
        "An energetic electronic track featuring piano and drums.",
        "Energetic electronic music with piano and drums.",
        "Piano and drums are heard in a recording of energetic electronic music.",
        "Piano and drums in a piece of music in an electronic style with an energetic feel.",
        "This energetic electronic piece features piano and drums.",
    ]


@pytest.mark.parametrize(
    ("row", "caption"),
    [
        ((["rock"],), "A rock track."),
        ((["idm"],), "An IDM track."),
        (([], ["calm"]), "A calm track."),
        (([], [], ["drums"]), "A track featuring drums."),
        (([], [], [], ["netlabel"]), "A track tagged netlabel."),
        ((["uk garage", "rnb"], ["film", "love"]), "A UK garage and R&B track for film, about love."),
        ((["genre---punkrock"], ["mood/theme---sad"], ["instrument---electricguitar"]),
         "A sad punk rock track featuring electric guitar."),
        ((["Pop", "Folk", "Jazz"], ["sad"]), "A sad mix of pop, folk and jazz styles."),
        ((["Rock"], [], ["piano"], ["live", "hiss"]), "A rock track featuring piano, tagged live and hiss."),
    ],
)  # fmt: skip
def test_a_sentence_of_each_kind(row, caption):
    assert caption in captions(*row)


@pytest.mark.parametrize(("tag", "verb"), [("drums", "are"), ("strings", "are"), ("brass", "is"),
                                           ("bass", "is"), ("voice", "is"), ("timpani", "are")])  # fmt: skip
def test_what_is_several_takes_a_plural(tag, verb):
    assert f"{tag.capitalize()} {verb} heard in a recording of music." in captions(instruments=[tag])


@pytest.mark.parametrize(
    "tags",
    [[], [""], ["nan"], ["[]"], ["None"], ["null", "NaN", " "], ["http://x.org/a"], ["www.x.org"], ["x" * 61],
     ["2008"], ["---"], ["'"], ["genre---"], ["x@y.org"], ["<a href='http://x'>"]],
)  # fmt: skip
def test_nothing_to_say(tags):
    assert captions(tags=tags) == captions(genres=tags) == captions(moods=tags) == []


@pytest.mark.parametrize("tag", ["hip-hop", "Hip_Hop", "HIPHOP", "hip hop", "genre---hiphop", "['hip-hop']"])
def test_spellings_are_one(tag):
    assert "A hip hop track." in captions([tag]) and captions([tag, "hip hop"]) == captions(["hip hop"])


def test_unsorted_tags_join_their_kind_as_whole_words():
    assert captions(tags=["sad", "Guitar", "techno"]) == captions(["techno"], ["sad"], ["guitar"])
    assert "A track tagged sadcore." in captions(tags=["sadcore"])
    assert "A track tagged guitar solo practice." in captions(tags=["guitar solo practice"])


def test_a_tag_is_said_once():
    assert captions(["Ambient"], ["ambient"], [], ["ambient", "AMBIENT"]) == captions(["ambient"])
    assert captions(["Electronic", "Ambient Electronic"]) == captions(["ambient electronic"])
    assert captions([], [], ["guitar", "acoustic guitar"]) == captions([], [], ["acoustic guitar"])


def test_themes_are_told_from_moods():
    assert "A dark track for Christmas." in captions([], ["christmas", "dark"])
    assert "A Christmas track." in captions(["Christmas"])
    assert "A slow ballad track." in captions([], ["slow", "ballad"])


# names of tags of the published corpora, and how they are said
PUBLISHED = {
    "drumnbass": "drum and bass", "Drum & Bass": "drum and bass",
    "acousticbassguitar": "acoustic bass guitar",
    "drummachine": "a drum machine", "singersongwriter": "singer-songwriter", "newage": "new age",
    "rocknroll": "rock 'n' roll", "bossanova": "bossa nova", "Old-Time / Historic": "old-time",
    "Country & Western": "country", "Jazz: Vocal": "vocal jazz", "Asia-Far East": "East Asian",
    "Romany (Gypsy)": "Romany", "Hip-Hop Beats": "hip hop beats", "Musique Concrete": "musique concrète",
    "20th Century Classical": "20th-century classical", "Soul-RnB": "soul/R&B", "Be-Bop": "bebop",
    "N. Indian Traditional": "North Indian traditional", "Reggae - Dub": "reggae dub", "bell": "bells",
    "Middle East": "Middle Eastern", "Breakcore - Hard": "breakcore", "pad": "synth pads", "90s": "90s",
    "voice": "voice", "computer": "a computer", "rhodes": "Rhodes piano", "electricguitar": "electric guitar",
}  # fmt: skip


@pytest.mark.parametrize(("tag", "thing"), PUBLISHED.items())
def test_published_tags_are_said_as_people_do(tag, thing):
    assert any(thing.lower() in caption.lower() for caption in captions(tags=[tag]))
    assert not any("tagged" in caption for caption in captions(tags=[tag]))


def test_columns_are_rows():
    genres = [["rock"], [], ["techno", "house"], ["rock"]] * 25
    moods = [[], ["sad"], ["happy", "film"], []] * 25
    names = [f"x_{i}" for i in range(100)]
    rows = captions_of(SEED, names, genres, moods, None, None)
    assert rows == [caption_of(SEED, n, g, m, []) for n, g, m in zip(names, genres, moods, strict=True)]
    rows[0].clear()
    assert captions_of(SEED, names, genres, moods)[0]
    with pytest.raises(ValueError, match="shorter"):
        captions_of(SEED, names, genres[:-1])


def test_the_order_hangs_on_seed_and_name():
    rows = captions_of(SEED, [f"x_{i}" for i in range(500)], [["rock"]] * 500)
    assert all(sorted(row) == sorted(rows[0]) for row in rows)
    firsts = [sum(row[0] == caption for row in rows) for caption in rows[0]]
    assert len(firsts) >= 4 and min(firsts) > 60
    assert rows != captions_of(SEED + 1, [f"x_{i}" for i in range(500)], [["rock"]] * 500)
    # what published rows say stays as it is
    assert rows[7][0] == "Rock music."


def test_sentences_are_made_once_for_tags_that_come_again():
    names = [f"x_{i}" for i in range(20_000)]
    genres = [[("rock", "techno", "folk", "jazz")[i % 4]] for i in range(20_000)]
    wordings.cache_clear()
    captions_of(SEED, names, genres)
    assert wordings.cache_info().misses == 4


def problems(caption):
    """What is wrong with a sentence, whatever it was made of."""
    if not caption[0].isupper():
        yield "no capital"
    if not caption.endswith(".") or re.search(r"\.(?!\d|$)", caption) or ".." in caption:
        yield "full stops"
    if "  " in caption or " ," in caption or " ." in caption or ",," in caption or caption != caption.strip():
        yield "blanks"
    if re.search(r"[\[\](){}<>\"\\%_\n\t]", caption):
        yield "marks"
    if re.search(r"\b(nan|null|none|and and|and,)\b", caption, re.IGNORECASE):
        yield "empty words"
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn") for c in caption):
        yield "letters that can't be seen"
    opening = r"^(?=This is |.* track|.* mix)(?:This is )?(An?|an?) (\S+)"
    for said, following in re.findall(opening, caption):
        if said.lower() != article(following):
            yield f"article of {following}"


HOSTILE = [
    "nan", "[]", "None", "['lo-fi']", "rock/pop", "a", "an", "mr. x", "v2.0", "&amp;", "<b>", "%s",
    "http://a.b", "{what}", "a(n)", "…", "\u202eabc", "ß", "日本", "ǆ", "ŉ", "x" * 60, "a cappella", "¿qué?",
]  # fmt: skip
ODD = st.one_of(
    st.text(max_size=70),
    st.sampled_from([*PUBLISHED, *HOSTILE]),
    st.from_regex(r"[a-z]{1,8}[ _-][A-Z0-9.&']{1,6}", fullmatch=True),
)


@settings(max_examples=150, deadline=None)
@given(*[st.lists(ODD, max_size=6)] * 4)
@example(["80s"], [], [], [])
@example([], [], [], ["%(genres)s", "{moods}", "[x]"])
def test_odd_tags_make_no_malformed_sentence(genres, moods, instruments, tags):
    for caption in captions(genres, moods, instruments, tags):
        assert not list(problems(caption)), caption


def test_what_is_no_text_is_left_out():
    assert captions([float("nan"), None, "rock"], [None], [7]) == captions(["rock"])


def test_the_vocabulary_says_each_thing_in_one_way():
    words = VOCABULARY
    for kind in templates._KINDS:
        names = [templates._key(thing) for thing in words[kind]]
        assert len(set(names)) == len(names)
    said = {thing for kind in templates._KINDS for thing in templates._known()[kind].values()}
    assert set(words["said"].values()) <= said
    things = [thing for kind in templates._KINDS for thing in words[kind]]
    assert max(map(len, things)) <= templates.LONGEST
