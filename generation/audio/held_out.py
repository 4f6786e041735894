"""Drums and rooms that are reserved for the test split (``held_out.toml``).

Conventions: a model that is to hear what it was not trained on must be tested with drums and rooms that are
in no training row. Names decide, so that every size and every machine keeps the same ones. Where all or
none of the drums (or rooms) in use are named, there is nothing to be kept apart, and all are used for every
split.
"""

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_suffix(".toml")


@cache
def names() -> dict[str, frozenset[str]]:
    """The names that are held out: ``banks`` and ``responses``."""
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {kind: frozenset(table[kind]) for kind in ("banks", "responses")}


def parted(kind: str, things: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Things with names as ``(for every split, held out)``; all are in the first where nothing can be kept.

    Args:
        kind: ``banks`` or ``responses``.
    """
    out = [thing for thing in things if thing.name in names()[kind]]
    rest = [thing for thing in things if thing.name not in names()[kind]]
    return (rest, out) if rest else (list(things), [])
