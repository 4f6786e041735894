"""Who plays."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

from sousa.generation.piano.performance import player
from sousa.generation.piano.performance.players import MAX_Z, TRAITS, tier_of
from sousa.generation.piano.played import TIERS


@pytest.mark.parametrize("tiers", [TIERS, TIERS[1:], TIERS[2:]])
@pytest.mark.parametrize("seed", [0, 42])
def test_every_prefix_has_every_tier(tiers, seed):
    for pieces in ([*range(30)], [*range(1, 90, 3)]):  # all levels, and one of the three
        got = [tier_of(seed, piece, 0, tiers) for piece in pieces]
        for size in range(len(tiers), len(got), len(tiers)):
            counts = Counter(got[:size])
            assert set(counts) == set(tiers) and max(counts.values()) == min(counts.values())
    # the performances of one piece take the tiers in turn
    assert {tier_of(seed, 7, k, tiers) for k in range(len(tiers))} == set(tiers)


def test_tiers_are_not_those_of_the_level():
    tables = Counter((piece % 3, tier_of(9, piece, 0)) for piece in range(900))
    assert len(tables) == 9 and max(tables.values()) == min(tables.values())
    # nor do they come back in one order
    rows = {tuple(tier_of(9, 3 * row + level, 0) for level in range(3)) for row in range(60)}
    assert len(rows) == 6


def test_traits_lie_around_those_of_the_tier():
    players = [player(3, piece, 0) for piece in range(600)]
    for tier in TIERS:
        group = [p for p in players if p.tier == tier]
        for name, (scale, *by_tier) in TRAITS.items():
            median, spread = by_tier[TIERS.index(tier)]
            values = np.array([getattr(p, name) for p in group])
            z = np.zeros(1)
            if spread:
                z = (np.log(values / median) if scale == "log" else values - median) / spread
            assert np.abs(z).max() <= MAX_Z + 1e-3 and abs(np.median(z)) < 0.35
    assert {f.name for f in dataclasses.fields(players[0])} == {"tier", *TRAITS}


def test_players_follow_from_their_coordinates():
    assert player(1, 2, 3) == player(1, 2, 3)
    assert len({player(1, piece, k).finger_ms for piece in range(5) for k in range(3)}) == 15
    assert player(1, 2, 3) != player(2, 2, 3)
