"""What was measured, and how a judgement on it is written down."""

import sys
from dataclasses import dataclass, field

import numpy as np


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


@dataclass
class Findings:
    """Measurements of all shards together: arrays a row, figures a take, media a checked row."""

    rows: dict
    takes: list
    media: list
    problems: dict

    @property
    def count(self):
        return len(self.rows["sample_id"])


def gather(parts):
    """Join what :func:`examine_shard` returned for each shard."""
    rows, takes, media, problems = {}, [], [], {}
    for part in parts:
        for name, values in part["rows"].items():
            rows.setdefault(name, []).append(values)
        takes += part["takes"]
        media += part["media"]
        for name, (count, examples) in part["problems"].items():
            entry = problems.setdefault(name, [0, []])
            entry[0] += count
            entry[1] = (entry[1] + examples)[:3]
    return Findings({name: _joined(values) for name, values in rows.items()}, takes, media, problems)


def _joined(values):
    """One array of the values of all shards; strings stay objects, shared where they are equal."""
    if isinstance(values[0], np.ndarray):
        return np.concatenate(values)
    flat = [sys.intern(v) if isinstance(v, str) else v for part in values for v in part]
    return np.array(flat, dtype=object if any(isinstance(v, str) or v is None for v in flat) else None)
