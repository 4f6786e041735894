"""What was measured, and how a judgement on it is written down."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


class Problems(dict):
    """Counts of what is wrong, by name, each with the first few examples."""

    def add(self, name: str, example: object, count: int = 1) -> None:
        self.merge(name, int(count), [str(example)])

    def merge(self, name: str, count: int, examples: list[str]) -> None:
        before, shown = self.get(name, (0, []))
        self[name] = before + count, (shown + examples)[:3]


@dataclass
class Check:
    """One question asked of the dataset.

    Attributes:
        passed: None when it can't be judged.
        detail: one sentence with the figures.
        examples: some of what was wrong.
    """

    name: str
    passed: bool | None
    detail: str
    examples: list = field(default_factory=list)


@dataclass
class Findings:
    """Measurements of all shards together.

    Attributes:
        stored: :class:`sousa.generation.reopen.Stored`.
        lists: whatever else examiners found, by name.
        rows: dict of arrays, one element a row; empty when no shard could be read.
        heard: how many rows' sound and MIDI were read.
        again: how many were made again with their sound.
    """

    stored: Any
    rows: dict[str, Any]
    problems: Problems
    lists: dict[str, list]
    heard: int = 0
    again: int = 0

    @property
    def config(self) -> Any:
        """Configuration of the dataset."""
        return self.stored.config

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.rows["sample_id"])

    @property
    def part(self) -> str:
        """Which rows were heard, in words."""
        some = f"{self.heard:,} of {self.count:,} rows, evenly spread"
        return "all rows" if self.heard == self.count else some


def absence(counted: Problems, name: str, problems: Iterable[str], claim: str) -> Check:
    """The check that none of some problems was found; ``claim``: what holds then."""
    here = {p: counted[p] for p in problems if p in counted}
    if not here:
        return Check(name, True, claim)
    text = ", ".join(f"{p.replace('_', ' ')}: {count}" for p, (count, _) in here.items())
    return Check(name, False, text, [e for _, examples in here.values() for e in examples])


def join(stored: Any, parts: Iterable[dict[str, Any]]) -> Findings:
    """Join what was found in shards, in order.

    Args:
        parts: dicts with ``rows``, a dict of arrays, one element a row; ``problems``, counts; ``heard`` and
            ``again``, numbers; whatever else there is are lists.
    """
    rows: dict[str, list] = {}
    out = Findings(stored, {}, Problems(), {})
    for part in parts:
        out.heard, out.again = out.heard + part.pop("heard"), out.again + part.pop("again")
        for name, values in part.pop("rows").items():
            rows.setdefault(name, []).append(values)
        for name, (count, examples) in part.pop("problems").items():
            out.problems.merge(name, count, examples)
        for name, values in part.items():
            out.lists.setdefault(name, []).extend(values)
    out.rows = {name: joined(values) for name, values in rows.items()}
    return out


def joined(values: list) -> np.ndarray:
    """One array of arrays or lists; strings stay objects, shared where they are equal."""
    if isinstance(values[0], np.ndarray) and values[0].dtype != object:
        return np.concatenate(values)
    flat = [sys.intern(v) if isinstance(v, str) else v for part in values for v in part]
    return np.array(flat, dtype=object if any(isinstance(v, str) or v is None for v in flat) else None)
