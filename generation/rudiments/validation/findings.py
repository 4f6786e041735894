"""What was measured, and how a judgement on it is written down."""

from dataclasses import dataclass, field

import numpy as np

from generation.rudiments.scores import SCORE_NAMES


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
            rows.setdefault(name, []).extend(values)
        takes += part["takes"]
        media += part["media"]
        for name, (count, examples) in part["problems"].items():
            entry = problems.setdefault(name, [0, []])
            entry[0] += count
            entry[1] = (entry[1] + examples)[:3]
    numeric = set(SCORE_NAMES) | {"duration_sec", "gain_db"}
    arrays = {n: np.array(v, dtype=np.float64 if n in numeric else None) for n, v in rows.items()}
    return Findings(arrays, takes, media, problems)
