"""Captions from tags: a sentence in several wordings, where nobody wrote one.

Conventions
-----------
Tags come as they were published: in any case, with underscores, with a prefix such as ``mood/theme---``.
``vocabulary.toml`` says how they are said and which are genres, moods, themes or instruments;
``templates.toml`` has the sentences. A tag that says nothing (an empty cell, an address, more than
:data:`LONGEST` characters) is left out. Every caption is one sentence with a capital and one full stop.

A row has all wordings of what its tags say, in an order that hangs on the seed and its name alone.
"""

import html
import itertools
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from pathlib import Path

from sousa.generation.captions.english import VOCABULARY, article, capital, is_plural, listed, ordered
from sousa.generation.seeds import words

LONGEST = 60  # characters of a tag
_SLOTS = ("genres", "moods", "themes", "instruments", "tags")
_TEMPLATES = tomllib.loads((Path(__file__).parent / "templates.toml").read_text(encoding="utf-8"))
_MOST: dict[str, int] = _TEMPLATES["most"]
_ADDRESS = re.compile(r"://|\bwww\.|\.(?:com|org|net|de|fm|uk|html?|mp3|wav|flac|ogg)\b|@\w", re.IGNORECASE)
_PREFIX = re.compile(r"(genre|instrument|mood/theme|mood|theme)s?\s*(?:-{2,}|:+|=)\s*", re.IGNORECASE)
_PARTS = re.compile(r"[,;|\n\t]|\s/|/\s")
_GENRES, _INSTRUMENTS, _MOODS = ("genres",), ("instruments",), ("moods", "for", "about")
_KINDS = (*_GENRES, *_INSTRUMENTS, *_MOODS)
_PREFIXES = {"genre": _GENRES, "instrument": _INSTRUMENTS}


def caption_of(
    seed: int,
    sample_id: str,
    genres: Sequence[str],
    moods: Sequence[str],
    instruments: Sequence[str],
    tags: Sequence[str] = (),
) -> list[str]:
    """Captions of a row, the first the one to use; none where its tags say nothing.

    Args:
        seed, sample_id: what the order of the wordings is drawn by.
        genres, moods, instruments: tags of which the corpus says what they are; themes are among the moods.
        tags: others; those that the vocabulary knows join their kind.
    """
    return captions_of(seed, [sample_id], [genres], [moods], [instruments], [tags])[0]


def captions_of(
    seed: int,
    sample_ids: Sequence[str],
    genres: Iterable[Sequence[str]] | None = None,
    moods: Iterable[Sequence[str]] | None = None,
    instruments: Iterable[Sequence[str]] | None = None,
    tags: Iterable[Sequence[str]] | None = None,
) -> list[list[str]]:
    """:func:`caption_of` for the rows of whole columns; None stands for a column of empty lists."""
    rows, all_columns = len(sample_ids), (genres, moods, instruments, tags)
    columns = [itertools.repeat((), rows) if c is None else map(tuple, c) for c in all_columns]
    captions = []
    for word, *row in zip(words(seed, "caption", names=sample_ids), *columns, strict=True):
        captions.append(ordered(word, wordings(*row)))
    return captions


# --- sentences ---


@lru_cache(maxsize=1 << 14)
def wordings(genres: tuple, moods: tuple, instruments: tuple, tags: tuple) -> tuple[str, ...]:
    """All captions of tags as :func:`caption_of` takes them, before they are put in order."""
    things = _sorted(genres, moods, instruments, tags)
    if not any(things.values()):
        return ()
    says = _slots(things)
    shape = (min(len(things["genres"]), 3), *[says[slot] != "" for slot in _SLOTS[1:]])
    sentences = dict.fromkeys([form % says for form in _forms(shape)])
    return tuple([sentence for sentence in sentences if sentence[0].isupper()])  # which 80s are not


def _slots(things: dict[str, list[str]]) -> dict[str, str]:
    """What stands in the places of a compiled sentence."""
    players = things["instruments"]
    says = {
        "genres": listed(things["genres"]),
        "moods": ", ".join(things["moods"]),
        "themes": ", ".join([f"{word} {listed(things[word])}" for word in ("for", "about") if things[word]]),
        "instruments": listed(players),
        "tags": listed(things["tags"]),
        "are": "are" if len(players) > 1 or (players and is_plural(players[0])) else "is",
    }
    for slot in ("genres", "moods"):
        if first := says[slot]:
            says[f"a {slot}"] = before = article(first.split(" ", 1)[0])
            says[f"A {slot}"] = before.capitalize()
            says[f"^{slot}"] = capital(first)
    says["^instruments"] = capital(says["instruments"])
    return says


@cache
def _forms(shape: tuple[int | bool, ...]) -> list[str]:
    """Sentences of all styles for what there is of genres (3: that many or more) and the other slots."""
    there = dict(zip(_SLOTS, shape, strict=True))
    form = ("both" if there["tags"] else "instruments") if there["instruments"] else "plain"
    form = "tags" if there["tags"] and not there["instruments"] else form
    forms = []
    for style in _TEMPLATES["styles"]:
        what = style.get("mixed", style["what"]) if there["genres"] == 3 else style["what"]
        text = style[form].replace("{what}", what)
        text = re.sub(r"\[([^\[\]]*?\{(\w+)\}[^\[\]]*)\]", lambda m: m[1] if there[m[2]] else "", text)
        text = re.sub(r"([Aa])\(n\) \{(\w+)\}", r"{\1 \2} {\2}", text)
        text = re.sub(r"a\(n\) (\w+)", lambda m: f"{article(m[1])} {m[1]}", text)
        text = re.sub(r"A\(n\) (\w+)", lambda m: f"{article(m[1]).capitalize()} {m[1]}", text)
        text = capital(re.sub(r"^\{(\w+)\}", r"{^\1}", text))
        forms.append(re.sub(r"\{([^{}]+)\}", r"%(\1)s", text))
    return forms


# --- tags ---


def _sorted(genres: tuple, moods: tuple, instruments: tuple, tags: tuple) -> dict[str, list[str]]:
    """Things that are said, by kind, each once."""
    things: dict[str, list[str]] = {kind: [] for kind in (*_KINDS, "tags")}
    known: set[str] = set()
    for kinds, column in ((_GENRES, genres), (_MOODS, moods), (_INSTRUMENTS, instruments), ((), tags)):
        for tag in column:
            for kind, thing, name in _said(tag, kinds) if isinstance(tag, str) else ():
                if name not in known and len(things[kind]) < _MOST[kind]:
                    known.add(name)
                    things[kind].append(thing)
    if len(things["genres"]) > 1:
        parts = [set(re.split("[ -]", genre)) for genre in things["genres"]]
        things["genres"] = [
            genre
            for genre, own in zip(things["genres"], parts, strict=True)
            if not any(own < others for others in parts)
        ]
    if len(things["instruments"]) > 1:
        heads = {thing.rpartition(" ")[2] for thing in things["instruments"] if " " in thing}
        families = heads.intersection(VOCABULARY["families"])
        things["instruments"] = [thing for thing in things["instruments"] if thing not in families]
    return things


@lru_cache(maxsize=1 << 16)
def _said(tag: str, kinds: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """A tag as triples of kind, words and key; ``kinds``: those it is of, as its corpus says, or none."""
    if len(tag) > 2 * LONGEST or _ADDRESS.search(tag):
        return ()
    tag = unicodedata.normalize("NFC", html.unescape(tag)).strip(" []'\"")
    if match := _PREFIX.match(tag):
        tag, kinds = tag[match.end() :], _PREFIXES.get(match[1].lower(), _MOODS)
    # what a corpus calls a mood may be a genre: a ballad
    every = (*_MOODS, *_GENRES) if kinds == _MOODS else kinds or _KINDS
    known, said = _known(), []
    whole = _key(tag)
    for part in [tag] if any(whole in known[kind] for kind in every) else _PARTS.split(tag):
        name = whole if part == tag else _key(part)
        for kind in every:
            if thing := known[kind].get(name):
                said.append((kind, thing, _key(thing)))
                break
        else:
            thing = _plain(part) if name not in VOCABULARY["nothing"] else ""
            if 0 < len(thing) <= LONGEST and not _ADDRESS.search(thing):
                said.append((kinds[0] if kinds else "tags", thing, name))
    return tuple(said)


@cache
def _known() -> dict[str, dict[str, str]]:
    """How tags are said: dict of kind to dict of key to words."""
    lists = {kind: [*VOCABULARY[kind], *VOCABULARY["kinds"].get(kind, ())] for kind in _KINDS}
    said = {
        kind: {_key(re.sub("^an? ", "", thing)): thing for thing in those} for kind, those in lists.items()
    }
    for name, thing in VOCABULARY["said"].items():
        for kind in _KINDS:
            if thing in lists[kind]:
                said[kind][name] = thing
    return said


def _key(text: str) -> str:
    """Letters and digits of a text, in lower case."""
    text = text.lower().replace("&", "and")
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", "", text)


def _plain(text: str) -> str:
    """A tag as words: letters of any script, digits, a few marks inside words; empty without a letter."""
    text = re.sub(r"[^\w&+#'’/.-]|_", " ", text.lower())
    text = re.sub(r"(?<!\d)\.|\.(?!\d)", "", text)  # of B.B. and Mr., not of 2.0
    words = [word.strip("&'’/.-+#") for word in text.split()]
    text = " ".join([_CAPITALS.get(word, word) for word in words if word])
    return text if re.search(r"[^\W\d]", text) else ""


_CAPITALS = {word.lower(): word for word in VOCABULARY["capitals"]}
