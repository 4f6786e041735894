"""What was measured, and how a judgement on it is written down."""

import sys
from dataclasses import dataclass, field

import numpy as np

from sousa.generation.shards import damage


class Problems(dict):
    """Counts of what is wrong, by name, each with the first few examples."""

    def add(self, name, example, count=1):
        entry = self.setdefault(name, [0, []])
        entry[0] += int(count)
        if len(entry[1]) < 3:
            entry[1].append(str(example))


@dataclass
class Check:
    """One question asked of the dataset.

    Attributes:
        name: short; ``passed``: True, False, or None when it can't be judged.
        detail: one sentence with the figures.
        examples: some of what was wrong.
    """

    name: str
    passed: bool | None
    detail: str
    examples: list = field(default_factory=list)


def absence(found, name, problems, claim):
    """The check that none of some problems was found.

    Args:
        found: Problems of the dataset; problems: names of those that fail the check.
        claim: what holds when there are none.
    """
    here = {p: found[p] for p in problems if p in found}
    if not here:
        return Check(name, True, claim)
    text = ", ".join(f"{p.replace('_', ' ')}: {count}" for p, (count, _) in here.items())
    return Check(name, False, text, [e for _, examples in here.values() for e in examples])


def count_check(ids, wanted):
    """The check that there are as many rows as planned, each with a name of its own."""
    unique = len(set(ids))
    good = len(ids) == unique == wanted
    return Check("rows", good, f"{len(ids):,} rows, {unique:,} different ids, {wanted:,} planned")


def tables_damage(root, manifest):
    """What is wrong with the files beside the shards that a manifest knows: one sentence, or None."""
    listed = manifest.get("tables", [])
    wrong = [problem for problem in (damage(root, record) for record in listed) if problem]
    return "; ".join(wrong) or (None if listed else "the manifest does not know them")


def join(parts):
    """Join the measurements of shards.

    Args:
        parts: dicts of one shape, in order of the shards: ``rows`` is a dict of arrays or lists, one
            element a row; ``problems`` counts; whatever else there is are lists.

    Returns: one dict of that shape, with arrays in ``rows``.
    """
    rows, problems, lists = {}, Problems(), {}
    for part in parts:
        for name, values in part["rows"].items():
            rows.setdefault(name, []).append(values)
        for name, (count, examples) in part["problems"].items():
            entry = problems.setdefault(name, [0, []])
            entry[0] += count
            entry[1] = (entry[1] + examples)[:3]
        for name, values in part.items():
            if name not in ("rows", "problems"):
                lists.setdefault(name, []).extend(values)
    return {"rows": {name: _joined(values) for name, values in rows.items()}, "problems": problems, **lists}


def _joined(values):
    """One array of the values of all shards; strings stay objects, shared where they are equal."""
    if isinstance(values[0], np.ndarray):
        return np.concatenate(values)
    flat = [sys.intern(v) if isinstance(v, str) else v for part in values for v in part]
    return np.array(flat, dtype=object if any(isinstance(v, str) or v is None for v in flat) else None)
