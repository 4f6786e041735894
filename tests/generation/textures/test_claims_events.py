"""Pops, drips, grains, pistons and applause: what each parameter is said to control, measured."""

import numpy as np
import pytest

from sousa.generation.textures import synth
from sousa.generation.textures.values import Curve
from tests.support.texture_claims import (
    Claim,
    bandwidth_hz,
    centroid_hz,
    check,
    decay_sec,
    defaults,
    event_rate,
    gap_variation,
    peak_variation_db,
    pitch_variation,
    rendered,
    rise_octaves,
    rms,
    sounding_share,
)

OWN = ("pop", "pop_documented", "drip", "grains", "pistons", "applause")
SLOW = {"rate_exp": 1.0, "irreg_exp": 0.0}
ONE = {**SLOW, "num_clappers": 1.0}


def cycle(audio, onsets, rate):
    """After how many events the pattern of their peaks repeats."""
    peaks = np.array([np.abs(audio[o : o + 40]).max() for o in onsets[:-1]])
    return min(k for k in range(1, len(peaks) // 2) if np.allclose(peaks[k:], peaks[:-k], rtol=0.02))


def crowding(audio, onsets, rate):
    """How unevenly events fill stretches of 50 ms."""
    counts = np.bincount(onsets // (rate // 20))
    return counts.std() / counts.mean()


CLAIMS = (
    Claim("pop", "rate_exp", (-1, 1, 3, 5), event_rate),
    Claim("pop", "irreg_exp", (0, 0.3, 0.6, 1), gap_variation, others={"rate_exp": 4.0}),
    Claim("pop", "cf", (120, 300, 700, 1800), centroid_hz),
    Claim("pop", "Q", (2, 6, 20, 50), decay_sec, others=SLOW),
    Claim("pop", "Q", (0.5, 3, 12, 50), bandwidth_hz, grows=False, others=SLOW),
    Claim("pop_documented", "irreg_exp", (0, 0.4, 0.8, 1.2), gap_variation, others={"rate_exp": 4.0}),
    Claim("drip", "rate_exp", (-1, 1, 3, 5), event_rate),
    Claim("drip", "irreg_exp", (0, 0.3, 0.6, 1), gap_variation, others={"rate_exp": 4.0}),
    Claim("drip", "cf", (120, 300, 700, 1800), centroid_hz),
    Claim("drip", "sweep", (0, 300, 900, 2000), rise_octaves, others=SLOW),
    Claim("drip", "startAmp", (0.1, 0.3, 0.6, 0.9), rms),
    Claim("drip", "ampRange", (0, 0.05, 0.15, 0.4), peak_variation_db, others=SLOW, seconds=10),
    Claim("grains", "rate_exp", (-1, 1, 3, 5), event_rate),
    Claim("grains", "irreg_exp", (0, 0.3, 0.6, 1), gap_variation, others={"rate_exp": 4.0}),
    Claim("grains", "cf_exp", (-2, -1, 0, 1.5, 3), centroid_hz),
    Claim("grains", "cfrangeocts", (0, 1, 2, 4), pitch_variation, others=SLOW, seconds=10),
    Claim("grains", "cfsd", (0, 2, 5, 12), pitch_variation, others=SLOW | {"cfrangeocts": 0.0}, seconds=10),
    Claim("grains", "nocts", (-3, -1, 0, 1, 3), rise_octaves, others=SLOW),
    Claim("grains", "durdutyexp", (-4, -3, -2, -1, 0), sounding_share),
    Claim("grains", "durdutyexp", (-4, -3, -2, -1, 0), decay_sec, others=SLOW),
    Claim("grains", "evdur", (0.01, 0.05, 0.2, 0.5), sounding_share, others=SLOW),
    Claim("grains", "comps", (1, 2, 4, 10), centroid_hz),
    Claim("pistons", "rate_exp", (-1, 2, 5, 8), event_rate),
    Claim("pistons", "irreg_exp", (0, 0.3, 0.6, 1), gap_variation),
    Claim("pistons", "cf", (40, 110, 300, 1000), centroid_hz),
    Claim("pistons", "evdur", (0.01, 0.05, 0.2, 0.5), decay_sec, others=SLOW),
    Claim("pistons", "cylinders", (2, 3, 5, 8), cycle, others={"rate_exp": 3.0, "irreg_exp": 0.0}),
    Claim("pistons", "imbalance_db", (0, 4, 10, 24), peak_variation_db, others={"rate_exp": 3.0}),
    Claim("applause", "num_clappers", (1, 5, 15, 50), event_rate),
    Claim("applause", "num_clappers", (1, 5, 15, 50), rms),
    Claim("applause", "num_clappers", (1, 1.3, 1.6, 1.9), rms),  # the last one claps softer
    Claim("applause", "rate_exp", (-1, 1, 2, 4), event_rate),
    Claim("applause", "irreg_exp", (0, 0.3, 0.6, 1), gap_variation, others={"num_clappers": 1.0}),
    Claim("applause", "centre_hz", (300, 700, 1500, 3500), centroid_hz),
    Claim("applause", "spread_octaves", (0, 0.3, 0.6, 1), pitch_variation, others={"rate_exp": -2.0},
          seconds=20),
    Claim("applause", "Q", (0.5, 1.5, 4, 10), bandwidth_hz, grows=False, others={"spread_octaves": 0.0}),
    Claim("applause", "evdur", (0.005, 0.03, 0.1, 0.3), decay_sec, others=ONE),
    Claim("applause", "synchrony", (0, 0.4, 0.8, 1), crowding, others={"irreg_exp": 0.0}),
)  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS, ids=str)
def test_a_parameter_controls_what_it_claims_to(claim):
    check(claim)


def test_every_parameter_has_a_claim():
    made = {(claim.synth, claim.parameter) for claim in CLAIMS}
    inherited = {("pop_documented", name) for name in ("rate_exp", "cf", "Q")}
    assert {(name, p.name) for name in OWN for p in synth.get(name).parameters} == made | inherited


@pytest.mark.parametrize("name", OWN)
def test_an_event_sounds_from_its_onset_on(name):
    still = {"rate_exp": 0.0, "irreg_exp": 0.0}
    short = {"grains": {"durdutyexp": -2.0}, "applause": {"num_clappers": 1.0}, "pop_documented": {}}
    if name == "pop_documented":
        still["irreg_exp"] = 0.1  # 0.05 gaps
    for seed in range(3):
        audio, onsets, _ = rendered(name, 5.0, seed=seed, **still, **short.get(name, {}))
        assert 4 <= len(onsets) <= 6
        for onset in onsets.tolist():
            assert audio[onset] != 0 and not audio[max(0, onset - 100) : onset].any()


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("irregularity", [0.0, 1.0])
def test_another_sample_rate_has_the_same_events(name, irregularity):
    # 0.3 s at 11025 Hz are no whole number of samples
    for seconds in (2.0, 0.3, 3.7):
        low, high = (
            rendered(name, seconds, rate, seed=3, rate_exp=3.0, irreg_exp=irregularity)[1] / rate
            for rate in (11025, 96000)
        )
        assert len(low) == len(high) > 0 and np.abs(low - high).max() < 1.01 / 11025


@pytest.mark.parametrize("name", OWN)
def test_a_curve_that_stays_is_the_number(name):
    one = synth.get(name)
    for p in one.parameters:
        if p.varying:
            value = float(p.natural(0.37)) if p.name not in ("rate_exp", "irreg_exp") else 0.9
            number = rendered(name, 2.0, seed=1, **{p.name: value})
            curve = rendered(name, 2.0, seed=1, **{p.name: Curve((0.0, 1.0), (value, value), p.scale)})
            assert len(number[1]) == len(curve[1]), p.name
            assert len(number[1]) == 0 or np.abs(number[1] - curve[1]).max() <= 1, p.name
            if p.name != "rate_exp":  # whose integral may round an onset to the next sample
                np.testing.assert_allclose(number[0], curve[0], atol=1e-4, err_msg=p.name)


@pytest.mark.parametrize("name", OWN)
def test_a_rate_that_rises_brings_events_closer(name):
    curve = Curve((0.0, 8.0), (0.0, 4.0))
    counts = np.zeros(4)
    for seed in range(6):
        onsets = rendered(name, 8.0, rate=8000, seed=seed, rate_exp=curve)[1]
        counts += np.histogram(onsets / 8000, 4, (0.0, 8.0))[0] / 6
    wanted = np.diff(2.0 ** np.arange(5)) * 2.0 / np.log(2.0)  # integral of 2**(t / 2)
    people = 10 if name == "applause" else 1
    assert np.abs(counts / people / wanted - 1.0).max() < 0.25


def test_events_keep_what_they_have_when_other_parameters_change():
    # the third pop of four keeps its pitch and noise when it is the rate that changes
    for name in ("pop", "drip"):
        slow = rendered(name, 4.0, seed=5, rate_exp=0.0, irreg_exp=0.0)
        fast = rendered(name, 2.0, seed=5, rate_exp=1.0, irreg_exp=0.0)
        for a, b in zip(slow[1], fast[1], strict=True):
            np.testing.assert_allclose(slow[0][a : a + 2000], fast[0][b : b + 2000], atol=1e-6)


def test_grains_hold_their_frequencies_below_nyquist():
    # 440 Hz * 2**3 and half a range and half a sweep above it: 80 kHz, were it not held
    audio, _, _ = rendered(
        "grains", 2.0, rate=8000, cf_exp=3.0, cfrangeocts=4.0, nocts=3.0, comps=10.0, rate_exp=3.0
    )
    power = np.abs(np.fft.rfft(audio)) ** 2
    assert power[np.fft.rfftfreq(len(audio), 1 / 8000) > 3750].sum() < 0.01 * power.sum()


def test_published_values_fit_the_declared_ranges():
    """Ends of the sweeps in the configurations that come with the published synthesizers."""
    published = {
        "pop": {"rate_exp": (0, 4), "irreg_exp": (0, 1), "cf": (440, 880)},
        "grains": {"rate_exp": (-1, 4), "irreg_exp": (0, 2), "cf_exp": (-1, 1), "nocts": (-3, 3),
                   "evdur": (0.04, 0.2), "cfsd": (1, 1), "durdutyexp": (-1, 0), "cfrangeocts": (0, 2),
                   "comps": (1, 10)},
        "applause": {"rate_exp": (0.5, 2.5), "irreg_exp": (0.1, 0.8), "num_clappers": (1, 15),
                     "evdur": (0.1, 0.1)},
    }  # fmt: skip
    for name, ranges in published.items():
        declared = {p.name: p for p in synth.get(name).parameters}
        for parameter, (low, high) in ranges.items():
            assert declared[parameter].minimum <= low <= high <= declared[parameter].maximum


@pytest.mark.parametrize("name", OWN)
def test_levels_at_the_defaults_are_those_of_a_sound_file(name):
    one = synth.get(name)
    peaks = [np.abs(rendered(name, 6.0, seed=s, **defaults(one))[0]).max() for s in range(5)]
    assert 0.2 < np.median(peaks) <= 1.0


def test_the_rates_of_the_table_are_exact_on_average():
    for name in ("drip", "grains", "pistons"):
        counts = [len(rendered(name, 4.0, rate=8000, seed=s, rate_exp=1.3)[1]) for s in range(60)]
        assert np.mean(counts) == pytest.approx(4.0 * 2**1.3, rel=0.02)
