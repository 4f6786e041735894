"""The players: four skill tiers, sampled one profile at a time by coordinates.

Conventions
-----------
Profile *p* of a corpus is a pure function of (seed, p). Its tier and its split depend on *p* alone,
so that every prefix of the profiles holds the tier mix and the split shares as closely as whole
people allow: a corpus of ten players and one of a hundred agree on the first ten.

The dimensions, their units, their figures per tier and where those come from are data:
``players.toml``. Within a tier they are correlated through common factors (general skill, timing,
dynamics, hands, ornaments). Values are rounded to five significant digits, so that the last bit of
a machine's ``exp`` can't reach the corpus.
"""

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from sousa.generation.columns import SPLITS
from sousa.generation.seeds import stream

PLAYERS_FILE = Path(__file__).parent / "players.toml"
SPLIT_SHARE = (0.70, 0.15, 0.15)
MAX_Z = 2.5  # nobody is further than this from the median of the tier


@dataclass(frozen=True)
class Dimension:
    """One row of ``players.toml``; see the comments there."""

    name: str
    meaning: str
    unit: str
    median: list[float]
    spread: list[float]
    scale: str
    sign: int
    bounds: list[float]
    loadings: dict[str, float]
    status: str

    def value(self, tier, z):
        """Value at badness ``z`` (standard-normal units) in the tier of this index."""
        step = self.sign * self.spread[tier] * z
        raw = self.median[tier] * math.exp(step) if self.scale == "log" else self.median[tier] + step
        return float(f"{min(max(raw, self.bounds[0]), self.bounds[1]):.5g}")


@dataclass(frozen=True)
class Player:
    """One simulated player."""

    index: int  # profile number, from 0
    tier: int  # index into tiers(), 0 (beginner) to 3 (professional)
    split: str
    dominant_hand: str  # right or left
    values: tuple[float, ...]  # one a dimension, in the order and units of dimensions()

    @property
    def tier_name(self):
        return tiers()[self.tier]

    @property
    def profile_id(self):
        """Readable id such as ``adv042``."""
        return f"{self.tier_name[:3]}{self.index:03d}"


@cache
def table():
    """``players.toml`` as plain data."""
    return tomllib.loads(PLAYERS_FILE.read_text(encoding="utf-8"))


@cache
def tiers():
    """Names of the tiers, worst first."""
    return tuple(table()["tiers"])


@cache
def dimensions():
    """The dimensions of a player, in the order of ``Player.values``."""
    return tuple(Dimension(name, **row) for name, row in table()["dimensions"].items())


@cache
def _assignments(count):
    """Tier index and split index of the first ``count`` profiles.

    Each profile takes the tier that is furthest behind its share, then the split that is furthest
    behind, in its tier and over all players together.
    """
    share, split_share = np.array(table()["tier_share"]), np.array(SPLIT_SHARE)
    tier_count = np.zeros(len(share))
    split_count = np.zeros((len(share), len(split_share)))
    out = []
    for i in range(count):
        tier = int(np.argmax((i + 1) * share - tier_count))
        tier_count[tier] += 1
        behind_all = (i + 1) * split_share - split_count.sum(0)
        behind_tier = tier_count[tier] * split_share - split_count[tier]
        # the whole counts double: splits must exist before every tier can be in each of them
        split = int(np.argmax(2 * behind_all + behind_tier))
        split_count[tier, split] += 1
        out.append((tier, split))
    return tuple(out)


def assignment(index):
    """Tier index and split name of a profile, the same for every seed."""
    tier, split = _assignments(max(128, 1 << int(index).bit_length()))[index]
    return tier, SPLITS[split]


@cache
def player(seed, index):
    """Profile ``index`` of the corpus with this seed."""
    tier, split = assignment(index)
    rng = stream(seed, "rudiments", "player", index)
    factors = dict(zip(table()["factors"], rng.standard_normal(len(table()["factors"])), strict=True))
    values = []
    for dimension, z in zip(dimensions(), rng.standard_normal(len(dimensions())), strict=True):
        common = sum(load * factors[name] for name, load in dimension.loadings.items())
        left = math.sqrt(1 - sum(load * load for load in dimension.loadings.values()))
        badness = min(max(common + left * float(z), -MAX_Z), MAX_Z)
        values.append(dimension.value(tier, badness))
    left_handed = rng.random() < table()["left_handed_share"]
    return Player(index, tier, split, "left" if left_handed else "right", tuple(values))


@cache
def dimension_index():
    """Position of each dimension in ``Player.values``, by name."""
    return {dimension.name: i for i, dimension in enumerate(dimensions())}
