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
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from sousa.generation.seeds import words

LONGEST = 60  # characters of a tag
_SLOTS = ("genres", "moods", "themes", "instruments", "tags")
_HERE = Path(__file__).parent
_TEMPLATES = tomllib.loads((_HERE / "templates.toml").read_text(encoding="utf-8"))
_WORDS = tomllib.loads((_HERE / "vocabulary.toml").read_text(encoding="utf-8"))
_MOST: dict[str, int] = _TEMPLATES["most"]
_ADDRESS = re.compile(r"://|\bwww\.|\.(?:com|org|net|de|fm|uk|html?)\b|@\w", re.IGNORECASE)
_PREFIX = re.compile(r"(genre|instrument|mood/theme|mood|theme)s?\s*(?:-{2,}|:+|=)\s*", re.IGNORECASE)
_PARTS = re.compile(r"[,;|\n\t]|\s/|/\s")
_HINTS = {"genre": ("genres",), "instrument": ("instruments",)}
_MOODS = ("moods", "for", "about")


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
    columns = [itertools.repeat(()) if c is None else map(tuple, c) for c in (genres, moods, instruments, tags)]
    captions = []
    for word, *row in zip(words(seed, "caption", names=sample_ids), *columns, strict=False):
        wordings = _wordings(*row)
        orders = _orders(len(wordings))
        captions.append([wordings[i] for i in orders[word % len(orders)]])
    return captions


@cache
def _orders(count: int) -> list[tuple[int, ...]]:
    return list(itertools.permutations(range(count)))


# --- sentences ---


@lru_cache(maxsize=1 << 14)
def _wordings(genres: tuple, moods: tuple, instruments: tuple, tags: tuple) -> tuple[str, ...]:
    things = _sorted(genres, moods, instruments, tags)
    if not any(things.values()):
        return ()
    says = _slots(things)
    shape = (min(len(things["genres"]), 3), *(bool(says[slot]) for slot in _SLOTS[1:]))
    sentences = dict.fromkeys(sentence % says for sentence in _forms(shape))
    return tuple(sentence for sentence in sentences if sentence[0].isupper())  # which 80s are not


def _slots(things: dict[str, list[str]]) -> dict[str, str]:
    """What stands in the places of a compiled sentence."""
    themes = [f"{word} {listed(things[word])}" for word in ("for", "about") if things[word]]
    says = {
        "genres": listed(things["genres"]),
        "moods": ", ".join(things["moods"]),
        "themes": ", ".join(themes),
        "instruments": listed(things["instruments"]),
        "tags": listed(things["tags"]),
        "are": "are" if len(things["instruments"]) > 1 or any(map(is_plural, things["instruments"])) else "is",
    }
    for slot in ("genres", "moods"):
        says[f"a {slot}"] = article(says[slot])
        says[f"A {slot}"] = says[f"a {slot}"].capitalize()
    for slot in ("genres", "moods", "instruments"):
        says[f"^{slot}"] = capital(says[slot])
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
        text = re.sub(r"(a)\(n\) \{(\w+)\}", r"{\1 \2} {\2}", text, flags=re.IGNORECASE)
        text = re.sub(r"(a)\(n\) (\w+)", lambda m: _like(m[1], f"{article(m[2])} {m[2]}"), text, flags=re.IGNORECASE)
        text = capital(re.sub(r"^\{(\w+)\}", r"{^\1}", text))
        forms.append(re.sub(r"\{([^{}]+)\}", r"%(\1)s", text))
    return forms


def _like(model: str, text: str) -> str:
    return capital(text) if model.isupper() else text


def listed(things: Sequence[str]) -> str:
    """Things in a row of words: ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(things[:-1]), *things[-1:])))


def capital(text: str) -> str:
    """A text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def is_plural(thing: str) -> bool:
    """Whether a thing that plays is several: ``drums`` are, ``brass`` is not."""
    last = thing.rpartition(" ")[2]
    return last in _WORDS["plural"] or (last.endswith("s") and last not in _WORDS["singular"])


@lru_cache(maxsize=1 << 14)
def article(text: str) -> str:
    """The article that a text needs by the sound of its first word: ``an hour``, ``a UK garage track``."""
    word = re.split(r"[ ,]", text)[0]
    plain = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c))
    for which in ("an", "a"):
        if any(re.match(sound, plain) for sound in _WORDS["sounds"][which]):
            return which
    spelled = re.match(r"[A-Z]([A-Z&]+s?\b|-)", word) or not re.search("[aeiouy]", plain)
    return "an" if plain[:1] and plain[0] in (_WORDS["sounds"]["letters"] if spelled else "aeiou") else "a"


# --- tags ---


def _sorted(genres: tuple, moods: tuple, instruments: tuple, tags: tuple) -> dict[str, list[str]]:
    """Things that are said, by kind, each once."""
    things: dict[str, dict[str, None]] = {k: {} for k in ("genres", "moods", "for", "about", "instruments", "tags")}
    known: set[str] = set()
    for kinds, column in ((("genres",), genres), (_MOODS, moods), (("instruments",), instruments), ((), tags)):
        for tag in column:
            for kind, thing in _said(tag, kinds) if isinstance(tag, str) else ():
                if (name := _key(thing) or thing) not in known:
                    known.add(name)
                    things[kind][thing] = None
    out = {kind: list(those)[: _MOST.get(kind, _MOST["themes"])] for kind, those in things.items()}
    out["about"] = out["about"][: max(0, _MOST["themes"] - len(out["for"]))]
    parts = [set(re.split(r"[ -]", genre)) for genre in out["genres"]]
    out["genres"] = [g for g, own in zip(out["genres"], parts, strict=True) if not any(own < p for p in parts)]
    said = out["instruments"]
    out["instruments"] = [
        i for i in said if i not in _WORDS["families"] or not any(x.endswith(f" {i}") for x in said)
    ]
    return out


@lru_cache(maxsize=1 << 16)
def _said(tag: str, kinds: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """A tag as pairs of kind and words; ``kinds``: those it is of, as its corpus says, or none."""
    tag = unicodedata.normalize("NFC", html.unescape(tag)).strip(" []'\"")
    if len(tag) > 2 * LONGEST or _ADDRESS.search(tag):
        return ()
    if match := _PREFIX.match(tag):
        tag, kinds = tag[match.end() :], _HINTS.get(match[1].lower(), _MOODS)
    parts = [tag] if _lookup(tag, kinds) else _PARTS.split(tag)
    said = []
    for part in parts:
        plain = _plain(part)
        if (found := _lookup(part, kinds)) is not None:
            said.append(found)
        elif plain and len(plain) <= LONGEST and _key(plain) not in _WORDS["nothing"]:
            said.append((kinds[0] if kinds else "tags", plain))
    return tuple(said)


def _lookup(tag: str, kinds: tuple[str, ...]) -> tuple[str, str] | None:
    """Kind and words of a tag that the vocabulary knows."""
    name = _key(tag)
    every = kinds or ("genres", "instruments", *_MOODS)
    # what a corpus calls a mood may be a genre: a ballad
    for kind in (*every, "genres") if kinds == _MOODS else every:
        if name in _vocabulary()[kind]:
            return kind, _vocabulary()[kind][name]
    return None


@cache
def _vocabulary() -> dict[str, dict[str, str]]:
    """How tags are said: dict of kind to dict of key to words."""
    kinds = ("genres", "moods", "for", "about", "instruments")
    lists = {kind: [*_WORDS.get(kind, ()), *_WORDS["kinds"].get(kind, ())] for kind in kinds}
    said = {kind: {_key(re.sub("^an? ", "", thing)): thing for thing in those} for kind, those in lists.items()}
    for name, thing in _WORDS["said"].items():
        for kind in kinds:
            if thing in lists[kind]:
                said[kind][name] = thing
    return said


def _key(text: str) -> str:
    """Letters and digits of a text, in lower case."""
    text = unicodedata.normalize("NFD", text.lower().replace("&", "and"))
    return "".join(c for c in text if c.isalnum())


def _plain(text: str) -> str:
    """A tag as words: letters of any script, digits and a few marks inside them; empty if it has no letter."""
    text = re.sub(r"[^\w&+#'’/.-]|_", " ", text.lower())
    text = re.sub(r"(?<!\d)\.|\.(?!\d)", "", text)  # of B.B. and Mr., not of 2.0
    text = " ".join(word.strip("&'’/.-+#") for word in text.split())
    text = " ".join(_CAPITALS.get(word, word) for word in text.split())
    return text if any(c.isalpha() for c in text) else ""


_CAPITALS = {word.lower(): word for word in _WORDS["capitals"]}
