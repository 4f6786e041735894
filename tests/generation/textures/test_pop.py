"""The Pop texture against its published formulas."""

import numpy as np
import pytest
from scipy.signal import lfilter

from sousa.generation.textures import synth
from sousa.generation.textures.synths import events, pop
from tests.support.texture_claims import rendered

RATES = (8000, 16000, 44100, 96000)


def published(noise, frequency_hz, quality, rate, samples):
    """A pop as the published formulas have it, sample by sample through scipy."""
    w = 2.0 * np.pi * frequency_hz / rate
    g = 1.0 / (1.0 + np.tan(w / (2.0 * quality)))
    source = np.zeros(samples)
    source[:3] = noise
    sound = lfilter(
        (1.0 - g) * np.array([1.0, 0.0, -1.0]), [1.0, -2.0 * g * np.cos(w), 2.0 * g - 1.0], source
    )
    return 0.9 * sound / np.abs(sound).max()


def one_pop(noise, frequency_hz, quality, rate):
    return next(pop.pops(noise[None], np.array([frequency_hz]), np.array([quality]), rate, 10**7))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frequency_hz", [90.0, 440.0, 2000.0, 3300.0])
def test_a_pop_is_the_filters_own_answer(rate, frequency_hz):
    rng = np.random.default_rng(0)
    for quality in (0.5, 0.51, 0.7, 1.0, 3.0, 40.0, 50.0):
        if frequency_hz / quality > 0.95 * rate / 2:
            continue  # held, see the next test
        for _ in range(5):
            noise = rng.uniform(-1, 1, 3)
            sound = one_pop(noise, frequency_hz, quality, rate)
            wanted = published(noise, frequency_hz, quality, rate, len(sound) + rate)
            assert np.abs(sound - wanted[: len(sound)]).max() < 1e-6
            np.testing.assert_allclose(sound[:3], wanted[:3], rtol=1e-9)
            # what is cut off is 96 dB below the peak, but for the swell of a filter that hardly rings
            assert np.abs(wanted[len(sound) :]).max() < 0.9 * 10 ** (-94 / 20)


def test_a_filter_whose_poles_meet():
    # at this frequency and quality both poles are 0: three taps and two more, then nothing
    noise = np.array([0.3, -0.5, 0.9])
    sound = one_pop(noise, 2000.0, 1.0, 8000)
    np.testing.assert_allclose(sound, published(noise, 2000.0, 1.0, 8000, len(sound)), atol=1e-6)


@pytest.mark.parametrize("rate", RATES)
def test_bands_and_pitches_beyond_the_filter_are_held(rate):
    noise = np.random.default_rng(1).uniform(-1, 1, 3)
    for frequency_hz in (100.0, 2000.0, 0.49 * rate, 0.7 * rate, 10.0 * rate):
        held_hz = min(frequency_hz, 0.49 * rate)
        for quality in (0.1, 0.2, 1.0, 50.0):
            held = max(quality, held_hz / (0.95 * rate / 2))
            sound = one_pop(noise, frequency_hz, quality, rate)
            wanted = published(noise, held_hz, held, rate, len(sound) + rate)
            assert np.abs(sound - wanted[: len(sound)]).max() < 1e-6
            assert np.abs(wanted[len(sound) :]).max() < 1e-4  # stable: it dies away


def test_a_texture_is_the_sum_of_its_pops():
    audio, onsets, _ = rendered("pop", 4.0, seed=9, rate_exp=3.0, irreg_exp=0.4, Q=20.0)
    when, pitch, noise = synth.streams(np.random.default_rng(9), 3)
    found = events.regular(8.0, 0.1 * 0.4 * 10**0.4, 4.0, when)
    frequency = 440.0 * 2.0 ** (pitch.standard_normal(found.drawn) / 12.0)
    taps = noise.uniform(-1.0, 1.0, (found.drawn, 3))
    wanted = np.zeros(2 * len(audio))
    for seconds, number in zip(found.seconds, found.number, strict=True):
        onset = int(seconds * 16000)
        wanted[onset : onset + 64000] += published(taps[number], frequency[number], 20.0, 16000, 64000)
    assert len(onsets) == len(found.seconds) > 20
    assert np.abs(audio - wanted[: len(audio)]).max() < 1e-4  # what the cut tails of some pops add up to


@pytest.mark.parametrize("rate_exp", [-3.0, 0.3, 1.3, 5.0])
@pytest.mark.parametrize("name", ["pop", "pop_documented"])
def test_the_mean_rate_over_100_seconds(name, rate_exp):
    # 8 kHz and the lowest quality: only onsets are looked at
    counts = [
        len(rendered(name, 100.0, 8000, seed, rate_exp=rate_exp, irreg_exp=0.5, cf=2000.0, Q=0.5)[1])
        for seed in range(40)
    ]
    assert np.mean(counts) / 100.0 == pytest.approx(2.0**rate_exp, rel=0.02)


def test_the_spectrum_peaks_at_the_centre_frequency():
    rng = np.random.default_rng(2)
    for rate in (16000, 44100):
        for frequency_hz in (110.0, 440.0, 1900.0):
            power = np.zeros(2**19 // 2 + 1)
            for _ in range(10):
                sound = one_pop(rng.uniform(-1, 1, 3), frequency_hz, 40.0, rate)
                power += np.abs(np.fft.rfft(sound, 2**19)) ** 2
            peak_hz = np.argmax(power) * rate / 2**19
            assert peak_hz == pytest.approx(frequency_hz, rel=0.01)


def test_the_pitch_of_pops_has_a_deviation_of_a_semitone():
    semitones = []
    for seed in range(25):
        audio, onsets, _ = rendered("pop", 10.0, seed=seed, irreg_exp=0.0, Q=50.0)
        for onset in onsets[:-1]:
            power = np.abs(np.fft.rfft(audio[onset : onset + 8000], 2**17))
            semitones.append(12.0 * np.log2(np.argmax(power) * 16000 / 2**17 / 440.0))
    assert np.std(semitones) == pytest.approx(1.0, abs=0.15)
    assert np.mean(semitones) == pytest.approx(0.0, abs=0.25)


def test_pops_that_do_not_overlap_have_a_peak_of_nine_tenths():
    audio, onsets, _ = rendered("pop", 10.0, irreg_exp=0.0)
    for onset in onsets[:-1]:
        assert np.abs(audio[onset : onset + 16000 - 1]).max() == pytest.approx(0.9, abs=1e-6)


def test_both_formulas_of_irregularity():
    # deviation of gaps is root 2 of that of times, where neighbours do not change places
    def deviation(name, irreg_exp):
        gaps = [
            np.diff(rendered(name, 30.0, 8000, s, rate_exp=3.0, irreg_exp=irreg_exp)[1]) for s in range(10)
        ]
        return np.concatenate(gaps).std() / np.sqrt(2.0) / 1000.0

    x = 0.33
    assert deviation("pop", 0.0) < 1e-3
    assert deviation("pop", x) == pytest.approx(0.1 * x * 10**x, rel=0.05)
    assert deviation("pop_documented", 0.0) == pytest.approx(0.04, rel=0.05)
    assert deviation("pop_documented", x) == pytest.approx(0.04 * 10**x, rel=0.05)


def test_settings_do_not_share_their_jitter():
    # the published code seeds it with one constant: every file has the same
    def off(seed):
        onsets = rendered("pop", 64.0, 8000, seed, rate_exp=2.0, irreg_exp=0.3, cf=2000.0, Q=1.0)[1]
        return np.diff(onsets)[:240]

    for a in range(4):
        for b in range(a + 1, 4):
            assert abs(np.corrcoef(off(a), off(b))[0, 1]) < 0.3


def test_the_published_ranges_and_defaults():
    declared = {p.name: (p.minimum, p.maximum, p.default) for p in synth.get("pop").parameters}
    assert declared == {
        "rate_exp": (-10, 10, 0), "irreg_exp": (0, 50, 1), "cf": (100, 2000, 440), "Q": (0.1, 50, 40)
    }  # fmt: skip
    assert {"PopPatternSynth"} <= set(synth.get("pop").aliases)
