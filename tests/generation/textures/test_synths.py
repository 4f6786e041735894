"""Every built-in synthesizer keeps the protocol, wherever in its declared ranges it is."""

import numpy as np
import pytest

from sousa.generation.textures import synth
from sousa.generation.textures.values import Curve
from tests.support.texture_claims import defaults

NAMES = ("pop", "pop_documented", "drip", "grains", "pistons", "applause")
RATES = (8000, 16000, 44100, 96000)


def rendered(one, params, samples, rate, seed=0):
    return synth.render(one, params, samples, rate, np.random.default_rng(seed))


def corners(one):
    """Every parameter at each end alone, all of them at an end, and twelve mixtures drawn by chance."""
    low = {p.name: float(p.minimum) for p in one.parameters}
    high = {p.name: float(p.maximum) for p in one.parameters}
    found = [low, high]
    for name in low:
        found += [defaults(one) | {name: low[name]}, defaults(one) | {name: high[name]}]
    rng = np.random.default_rng(0)
    for _ in range(12):
        found.append({name: (low, high)[rng.integers(2)][name] for name in low})
    return found


def same(a, b):
    return np.array_equal(a[0], b[0]) and (
        a[1] is b[1] is None or (np.array_equal(a[1], b[1]) and str(a[2]) == str(b[2]))
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_it_says_of_itself(name):
    one = synth.get(name)
    assert synth.problem_with(one) is None and one.name == name
    assert one.about.endswith(".") and all(p.meaning for p in one.parameters)
    assert all(p.nyquist for p in one.parameters if p.name in ("cf", "centre_hz"))
    others = [a.lower() for n in NAMES if n != name for a in (n, *getattr(synth.get(n), "aliases", ()))]
    assert not {a.lower() for a in getattr(one, "aliases", ())} & set(others)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", NAMES)
def test_corners_of_the_declared_ranges_are_finite(name, rate):
    one = synth.get(name)
    for number, params in enumerate(corners(one)):
        audio, _, _ = rendered(
            one, params, rate // 10, rate, number
        )  # refuses NaN, infinity and wrong onsets
        assert np.abs(audio).max() < 1000.0


@pytest.mark.parametrize("name", NAMES)
def test_sounds_from_one_sample_to_a_minute(name):
    one = synth.get(name)
    for samples in (1, 2, 100):
        for seed in range(5):
            rendered(one, defaults(one), samples, 16000, seed)
    audio, _, _ = rendered(one, defaults(one), 60 * 8000, 8000)
    assert np.abs(audio[:240000]).max() > 0 and np.abs(audio[240000:]).max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_sound_and_another_one_another(name):
    one = synth.get(name)
    first = rendered(one, defaults(one), 64000, 16000, 1)
    rendered(one, {p.name: float(p.maximum) for p in one.parameters}, 1600, 16000, 2)  # leaves nothing behind
    assert same(first, rendered(one, defaults(one), 64000, 16000, 1))
    assert not same(first, rendered(one, defaults(one), 64000, 16000, 2))


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_changes_the_sound(name):
    one = synth.get(name)
    for p in one.parameters:
        share = 0.05 if p.norm(p.default) > 0.5 else 0.6
        other = defaults(one) | {p.name: float(p.natural(share))}
        first, second = (rendered(one, params, 64000, 16000, 1) for params in (defaults(one), other))
        assert not np.allclose(first[0], second[0], atol=1e-4), p.name


@pytest.mark.parametrize("name", NAMES)
def test_curves_are_taken_where_they_may_be(name):
    one = synth.get(name)
    for p in one.parameters:
        if not p.varying:
            continue
        # from the default, the way there is more room, to a place in the middle of it
        to = float(p.natural(0.25 if p.norm(p.default) > 0.5 else 0.75))
        if p.name == "irreg_exp":
            to = 0.7  # events are anywhere from about 2 on, and nothing changes then
        curve = Curve((0.0, 4.0), (float(p.default), to), p.scale)
        found = [
            rendered(one, defaults(one) | {p.name: value}, 32000, 8000, 3)
            for value in (float(p.default), to, curve)
        ]
        for still in found[:2]:
            assert not np.allclose(still[0], found[2][0], atol=1e-4), p.name
    moving = {
        p.name: Curve((0.0, 0.5), (float(p.minimum), float(p.maximum)), p.scale)
        if p.varying
        else float(p.default)
        for p in one.parameters
    }
    for rate in RATES:
        rendered(one, moving, rate // 2, rate, 4)
