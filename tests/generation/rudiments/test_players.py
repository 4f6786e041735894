"""Players: tier mix, splits, correlated traits, all by coordinates."""

import numpy as np
import pytest

from sousa.generation.rudiments import players


@pytest.mark.parametrize("count", [1, 3, 7, 10, 13, 50, 99, 100, 250])
def test_every_prefix_holds_tier_mix_and_splits(count):
    given = [players.assignment(i) for i in range(count)]
    tiers = np.bincount([tier for tier, _ in given], minlength=4)
    assert np.abs(tiers - count * np.array([0.25, 0.35, 0.25, 0.15])).max() <= 1.0
    for split, share in zip(players.SPLITS, players.SPLIT_SHARE, strict=True):
        assert abs(sum(s == split for _, s in given) - count * share) <= 1.0


def test_every_split_has_every_tier_at_a_hundred_and_someone_at_ten():
    ten = [players.assignment(i)[1] for i in range(10)]
    assert set(ten) == set(players.SPLITS)
    hundred = {players.assignment(i) for i in range(100)}
    assert len(hundred) == 4 * 3


def test_assignment_does_not_depend_on_how_many_are_asked_for():
    late = players.assignment(700)
    players._assignments.cache_clear()
    assert [players.assignment(i) for i in (0, 5)] == [players.assignment(i) for i in (0, 5)]
    assert players.assignment(700) == late


def test_players_are_functions_of_seed_and_number():
    assert players.player(1, 5) == players.player.__wrapped__(1, 5)
    assert players.player(1, 5) != players.player(2, 5)
    assert players.player(1, 5).values != players.player(1, 6).values


def test_values_lie_in_their_bounds():
    for dimension in players.dimensions():
        at = players.dimension_index()[dimension.name]
        low, high = dimension.bounds
        assert all(low <= players.player(3, i).values[at] <= high for i in range(300)), dimension.name


def test_tiers_degrade_in_order():
    """Medians of every dimension get worse from professional to beginner, or stay."""
    for dimension in players.dimensions():
        toward_worse = [m * dimension.sign for m in reversed(dimension.median)]
        assert toward_worse == sorted(toward_worse), dimension.name


def test_loadings_leave_room_and_name_factors():
    factors = set(players.table()["factors"])
    for dimension in players.dimensions():
        assert set(dimension.loadings) <= factors
        assert sum(load * load for load in dimension.loadings.values()) < 1
        assert dimension.status in ("measured", "modelled")


def test_traits_go_together_within_a_tier():
    people = [players.player(0, i) for i in range(2000)]
    values = np.array([p.values for p in people if p.tier == 1])
    index = players.dimension_index()

    def correlation(a, b):
        return np.corrcoef(values[:, index[a]], values[:, index[b]])[0, 1]

    assert correlation("asynchrony_sd_ms", "motor_sd_ms") > 0.4
    assert correlation("velocity_sd", "accent_contrast") < -0.3
    assert correlation("hand_velocity_ratio", "hand_delay_ms") < -0.3
    assert abs(correlation("velocity_offset", "motor_sd_ms")) < 0.15


def test_one_in_ten_is_left_handed():
    share = np.mean([players.player(0, i).dominant_hand == "left" for i in range(2000)])
    assert 0.07 < share < 0.13
