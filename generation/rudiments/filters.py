"""Filters of rudiments rows that no column's role gives: rudiments with variants, and players by number."""

import re
from numbers import Integral
from typing import Any

import pyarrow.compute as pc

from sousa.generation.audio import named_acoustics
from sousa.generation.errors import UsageError
from sousa.generation.filters import Filter, any_of, entries_of, names
from sousa.generation.rudiments import definitions, players


def _rudiments(name: str, value: Any, problems: list[str]) -> Filter | None:
    out = []
    for entry in entries_of(name, value, problems):
        try:
            definitions.select([str(entry)])
        except UsageError as error:
            problems += error.problems
            continue
        slug, _, variant = entry.partition(":")
        one = Filter(["rudiment_slug"], pc.field("rudiment_slug").isin([slug]))
        if variant and variant != "*":
            one &= Filter(["variant"], pc.field("variant").isin([variant]))
        out.append(one)
    return any_of(out)


def _players(name: str, value: Any, problems: list[str]) -> Filter | None:
    ids, numbers = [], []
    starts = [tier[:3] for tier in players.tiers()]
    for entry in entries_of(name, value, problems):
        if isinstance(entry, Integral) and not isinstance(entry, bool) and entry >= 0:
            numbers.append(int(entry))
        elif isinstance(entry, str) and re.fullmatch(rf"({'|'.join(starts)})\d{{3,}}", entry):
            ids.append(entry)
        else:
            problems.append(
                f"unknown player {entry!r}; give a profile number from 0, or an id: {', '.join(starts)} "
                "and the number in three digits or more, such as adv042"
            )
    wanted = {"profile_id": ids, "profile_index": numbers}
    return any_of(Filter([name], pc.field(name).isin(values)) for name, values in wanted.items() if values)


TESTS = {
    "rudiments": _rudiments,
    "players": _players,
    "presets": names("augmentation_preset", named_acoustics.names()),  # what acoustics were called before
}
