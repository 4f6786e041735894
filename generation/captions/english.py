"""English that captions need: lists, articles, plurals, and the order in which wordings come.

``vocabulary.toml`` has the exceptions.
"""

import itertools
import re
import tomllib
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

from sousa.generation.seeds import words

VOCABULARY = tomllib.loads((Path(__file__).parent / "vocabulary.toml").read_text(encoding="utf-8"))


def listed(things: Sequence[str]) -> str:
    """Things in a row of words: ``a, b and c``."""
    if len(things) < 2:
        return things[0] if things else ""
    return f"{', '.join(things[:-1])} and {things[-1]}"


def capital(text: str) -> str:
    """A text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def is_plural(thing: str) -> bool:
    """Whether a thing that plays is several: ``drums`` are, ``brass`` is not."""
    last = thing.rpartition(" ")[2]
    return last in VOCABULARY["plural"] or (last.endswith("s") and last not in VOCABULARY["singular"])


@lru_cache(maxsize=1 << 14)
def article(text: str) -> str:
    """The article that a text needs by the sound of its first word: ``an hour``, ``a UK garage track``."""
    word = re.split(r"[ ,]", text)[0]
    plain = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c))
    for which in ("an", "a"):
        if any(re.match(sound, plain) for sound in VOCABULARY["sounds"][which]):
            return which
    spelled = re.match(r"[A-Z]([A-Z&]+s?\b|-)", word) or not re.search("[aeiouy]", plain)
    vowels = VOCABULARY["sounds"]["letters"] if spelled else "aeiou"
    return "an" if plain[:1] and plain[0] in vowels else "a"


def with_article(text: str) -> str:
    """A text behind its article."""
    return f"{article(text)} {text}"


def where_heard(acoustics: str | None) -> str:
    """Named acoustics in words that follow a noun, such as ``in a garage``; empty for unknown ones."""
    return VOCABULARY["acoustics"].get(acoustics, "")


def sentence(*parts: str) -> str:
    """Parts that may be empty as a sentence; one that begins with a comma follows without a space."""
    return capital(" ".join(filter(None, parts)).replace(" ,", ",")) + "."


def in_order(seed: int, sample_id: str, wordings: Sequence[str]) -> list[str]:
    """Wordings of a row, each once, in an order that hangs on the seed and the row's name alone."""
    return ordered(next(words(seed, "caption", names=[sample_id])), list(dict.fromkeys(wordings)))


def ordered(word: int, wordings: Sequence[str]) -> list[str]:
    """At most six wordings in the order that a drawn word stands for."""
    choice = orders(len(wordings))
    return [wordings[i] for i in choice[word % len(choice)]]


@cache
def orders(count: int) -> list[tuple[int, ...]]:
    """All orders of so many wordings."""
    return list(itertools.permutations(range(count)))
