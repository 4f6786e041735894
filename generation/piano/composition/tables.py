"""Tables of weights and the numbers that choose from them."""

import tomllib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from numpy.random import Generator

Draw = Callable[[], float]  # the next uniform number in [0, 1)
_BLOCK = 1024


def numbers(rng: Generator) -> Draw:
    """The numbers of a stream, one after the other, taken from it in blocks."""

    def endless() -> Iterator[float]:
        while True:
            yield from rng.random(_BLOCK).tolist()

    return endless().__next__


class Choice:
    """Things with weights; :meth:`draw` gives one of them."""

    __slots__ = ("_sums", "_total", "_weights", "things")

    def __init__(self, weights: Mapping[Any, float]):
        kept = {thing: weight for thing, weight in weights.items() if weight > 0}
        self._weights = kept
        self.things = tuple(kept)
        self._sums = list(accumulate(kept.values()))
        self._total = self._sums[-1] if kept else 0.0

    def only(self, things: Iterable[Any]) -> "Choice":
        """Some of the things, with their weights."""
        return Choice({thing: self._weights[thing] for thing in things})

    def draw(self, draw: Draw) -> Any:
        """One of the things."""
        return self.things[bisect_right(self._sums, draw() * self._total, 0, len(self.things) - 1)]


@cache
def table(name: str) -> dict[str, Any]:
    """A table of this folder, as plain data."""
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text("utf-8"))


def weighted(text: str) -> dict[str, float]:
    """The weights of a text such as ``IV 3 V 2``."""
    words = text.split()
    return dict(zip(words[::2], map(float, words[1::2]), strict=True))
