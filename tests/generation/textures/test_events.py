"""When events begin: how many on average, how even, and what moves them."""

import numpy as np
import pytest

from sousa.generation.textures.synths import events
from sousa.generation.textures.values import Curve

RISING = Curve((0.0, 10.0), (0.0, 4.0))


def draw(make, seed, *arguments, **named):
    return make(*arguments, np.random.default_rng(seed), **named)


@pytest.mark.parametrize("irregularity", [0.0, 0.158, 1.0, 30.0, 1e50])
@pytest.mark.parametrize(("rate", "seconds"), [(0.1, 1.0), (1.7, 1.0), (7.0, 0.99), (0.35, 10.0)])
def test_as_many_events_as_the_rate_says_on_average(irregularity, rate, seconds):
    counts = [len(draw(events.regular, s, rate, irregularity, seconds).seconds) for s in range(3000)]
    # of independent events the count would have this deviation; ours is steadier
    assert abs(np.mean(counts) - rate * seconds) < 4.0 * np.sqrt(rate * seconds / 3000)


def test_a_moving_rate_is_integrated():
    wanted = np.diff(2.0 ** (np.array([0.0, 2.5, 5.0, 7.5, 10.0]) * 0.4)) / (0.4 * np.log(2.0))
    for make, arguments in ((events.regular, (0.3, 10.0)), (events.poisson, (10.0,))):
        counts = np.zeros(4)
        for seed in range(300):
            seconds = draw(make, seed, events.per_second(RISING), *arguments).seconds
            counts += np.histogram(seconds, 4, (0.0, 10.0))[0] / 300
        assert np.abs(counts / wanted - 1.0).max() < 0.05


def test_evenly_spaced_events():
    for rate in (1.0, 3.0, 64.0):
        gaps = np.diff(draw(events.regular, 1, rate, 0.0, 5.0).seconds)
        np.testing.assert_allclose(gaps, 1.0 / rate, rtol=1e-9)
    gaps = np.diff(draw(events.regular, 1, events.per_second(RISING), 0.0, 10.0).seconds)
    assert (np.diff(gaps) < 0).all()  # ever shorter


def test_the_deviation_is_that_of_the_formulas():
    # far from its neighbours an event's distance from its even place has the deviation irregularity / rate
    for spread, at_half in ((events.spread, 0.1 * 0.5 * 10**0.5), (events.spread_documented, 0.04 * 10**0.5)):
        found = draw(events.regular, 2, 4.0, spread(0.5), 2000.0, phase=0.5)
        off = found.seconds - (found.number + 0.5) / 4.0
        off = off[np.abs(off) < 100.0]  # those that went around the ends
        assert off.std() * 4.0 == pytest.approx(at_half, rel=0.03)
        assert spread(0.5) == pytest.approx(at_half)
    assert events.spread(0.0) == 0.0 and events.spread_documented(0.0) == pytest.approx(0.04)
    assert events.spread(1.0) == pytest.approx(1.0) and events.spread_documented(1.0) == pytest.approx(0.4)


def test_a_spread_that_moves_goes_from_even_to_scattered():
    spread = events.spread(Curve((0.0, 100.0), (0.0, 1.0)))
    found = draw(events.regular, 3, 20.0, spread, 100.0, phase=0.5)
    gaps = np.diff(found.seconds)
    assert gaps[:100].std() < 0.1 * gaps[-400:].std()


def test_events_anywhere_are_even_in_distribution():
    places = np.concatenate([draw(events.regular, s, 1.0, 1e50, 10.0).seconds for s in range(400)])
    counts = np.histogram(places, 10, (0.0, 10.0))[0]
    assert ((counts - 400) ** 2 / 400).sum() < 30  # chi-square with 9 degrees: 30 is the 0.9996 quantile


def test_poisson_events_have_exponential_gaps_and_counts_as_variable_as_large():
    gaps = np.diff(draw(events.poisson, 4, 10.0, 1000.0).seconds)
    assert gaps.mean() == pytest.approx(0.1, rel=0.03) and gaps.std() == pytest.approx(0.1, rel=0.05)
    counts = [len(draw(events.poisson, s, 5.0, 2.0).seconds) for s in range(2000)]
    assert np.mean(counts) == pytest.approx(10.0, rel=0.03) and np.var(counts) == pytest.approx(10.0, rel=0.1)
    assert not len(draw(events.poisson, 0, 0.0, 2.0).seconds)


def test_a_longer_poisson_sound_begins_like_a_shorter_one():
    short, longer = (draw(events.poisson, 6, 50.0, seconds).seconds for seconds in (2.0, 20.0))
    np.testing.assert_allclose(longer[: len(short)], short)


def test_onsets_lie_inside_for_every_rate_and_length():
    for rate in (8000, 11025, 44100, 96000):
        for samples in (1, 2, 777, rate):
            for seed in range(20):
                onsets = draw(events.regular, seed, 900.0, 1.0, samples / rate).onsets(samples, rate)
                assert (np.diff(onsets) >= 0).all() and ((onsets >= 0) & (onsets < samples)).all()


def test_properties_follow_the_number_of_an_event():
    for irregularity in (0.0, 1.0):
        found = draw(events.regular, 7, 10.0, irregularity, 5.0)
        pitch = found.normal(np.random.default_rng(1))
        assert (
            dict(zip(found.number.tolist(), pitch, strict=True)).items()
            <= dict(enumerate(np.random.default_rng(1).standard_normal(found.drawn))).items()
        )


def test_adding_cuts_what_is_past_the_end():
    buffer = np.zeros(10)
    events.add(buffer, np.array([0, 2, 8, 9]), [np.ones(3), np.ones(1), np.ones(7), np.ones(1)])
    assert buffer.tolist() == [1, 1, 2, 0, 0, 0, 0, 0, 1, 2]
    events.add(buffer, np.array([0]), [np.ones(1)], np.array([-1.0]))
    assert buffer[0] == 0


def test_ringing_is_the_sum_of_powers():
    rng = np.random.default_rng(8)
    lengths = rng.integers(1, 5000, 40)
    poles = rng.uniform(0.9, 0.9999, (40, 3)) * np.exp(1j * rng.uniform(0, np.pi, (40, 3)))
    poles[3], poles[4] = 0.0, [-0.5, 0.25, 0.0]
    weights = rng.standard_normal((40, 3)) + 1j * rng.standard_normal((40, 3))
    found = list(events.ringing(weights, poles, lengths))
    assert [len(one) for one in found] == lengths.tolist()
    for i, one in enumerate(found):
        n = np.arange(lengths[i])
        np.testing.assert_allclose(
            one, (weights[i, :, None] * poles[i, :, None] ** n).sum(0).real, atol=1e-10
        )
    assert list(events.ringing(weights[:0], poles[:0], lengths[:0])) == []


def test_ringing_lasts_until_it_has_fallen_as_far_as_asked():
    poles = np.array([0.5, 0.99, 0.9999j])
    for decay_db in (20.0, 96.0):
        length = events.ring_length(poles, decay_db)
        level_db = 20.0 * np.log10(np.abs(poles)) * length
        assert (level_db <= -decay_db).all() and (level_db > -decay_db - 6.1).all()


def test_soft_edges_begin_above_nothing_and_leave_the_middle():
    sound = events.soften(np.ones(100), 10, 20)
    assert 0 < sound[0] < 0.1 and 0 < sound[-1] < 0.1 and (sound[10:80] == 1).all()
    assert (np.diff(sound[:10]) > 0).all() and (np.diff(sound[80:]) < 0).all()
    assert events.soften(np.ones(1), 10, 10).tolist() == [1.0]
