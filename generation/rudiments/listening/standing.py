"""Where scores stand among those of the players of each tier.

The distributions are quantiles of the scores of takes of the medium size, seed 42, in
``score_quantiles.json``, which ``benchmarks/rudiments/tier_distributions.py`` measures as a listener without
a fault would, who does not know the tempo. What a listener mishears lowers scores, so a percentile of a
recording is a little too low.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("score_quantiles.json")
SHARES = tuple(range(0, 101, 5))  # per cent, of the quantiles


@cache
def table() -> dict[str, dict[str, list[float]]]:
    """Quantiles of scores: dict of tier to dict of score to values at :data:`SHARES`."""
    return json.loads(FILE.read_text(encoding="utf-8"))["tiers"]


def percentiles(scores: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Share of each tier's takes that scores are above, in per cent: dict of tier to dict of score.

    Scores that are NaN, and those without a distribution, are left out.
    """
    return {
        tier: {
            name: round(_share_below(value, known[name]), 1)
            for name, value in scores.items()
            if name in known and not np.isnan(value)
        }
        for tier, known in table().items()
    }


def _share_below(value: float, quantiles: list[float]) -> float:
    """Share of a distribution below a value, in per cent; of several equal quantiles the first one."""
    values, first = np.unique(quantiles, return_index=True)
    return float(np.interp(value, values, np.array(SHARES)[first]))
