"""The formulas that fm, wind, chimes, rain, fire and bees state, measured."""

import numpy as np
import pytest
from scipy import optimize, signal, special

from sousa.generation.textures import synth
from sousa.generation.textures.synths import bees, chimes, fire, fm, rain, shaped_noise, slow, wind
from sousa.generation.textures.synths.tones import sine, velocities
from sousa.generation.textures.values import Curve


def render(name, sec, rate, seed=0, **values):
    it = synth.get(name)
    params = {p.name: p.default for p in it.parameters} | values
    return synth.render(it, params, round(sec * rate), rate, np.random.default_rng(seed))


def amplitudes(audio):
    """Amplitudes of sines with whole numbers of periods."""
    return np.abs(np.fft.rfft(audio.astype(float))) * 2 / len(audio)


def test_sine():
    turns = np.linspace(-0.999, 0.999, 100_001).astype(np.float32)
    assert np.abs(sine(turns) - np.sin(2 * np.pi * turns.astype(float))).max() < 1e-6


def test_velocities_grow_with_the_root_of_gains():
    assert velocities(np.array([0.0, 1e-9, 0.25, 1.0, 2.0])).tolist() == [1, 1, 64, 127, 127]


# --- slow curves and noise -------------------------------------------------------------------------------


def test_value_noise_is_smooth_bounded_and_turns_once_a_turn():
    turns = np.arange(0, 2000, 0.01)
    curve = slow.wander(np.random.default_rng(1), turns)
    assert -1 <= curve.min() < -0.95 and 0.95 < curve.max() <= 1 and abs(curve.mean()) < 0.05
    # the steepest quintic, between -1 and 1, has the slope 15/4
    assert np.abs(np.diff(curve) / 0.01).max() < 3.75
    # a value in three is an extremum on either side
    turning = (np.diff(np.sign(np.diff(curve))) != 0).sum()
    assert turning == pytest.approx(2000 * 2 / 3, rel=0.1)


def test_lines_through_knots():
    values = np.array([0.0, 3.0, 1.0, 2.0])
    at_knots = slow.knots(values, 500, 44100)
    samples = np.arange(500)
    expected = np.interp(samples, np.arange(len(at_knots)) * slow.KNOT, at_knots)
    np.testing.assert_allclose(slow.ramps(at_knots, 500), expected, atol=1e-6)
    off = slow.fractions(at_knots + 1e6, 500) - expected
    assert np.abs(off - np.rint(off)).max() < 1e-6


@pytest.mark.parametrize("rate", [8000, 44100])
def test_noise_has_the_level_and_band_of_its_density(rate):
    density = lambda f: lambda part: 0.002 * ((f > 500) & (f < 2000))  # noqa: E731
    audio = shaped_noise.noise(np.random.default_rng(0), 20 * rate, rate, density).astype(float)
    assert np.sqrt((audio**2).mean()) == pytest.approx(0.002 * np.sqrt(1500), rel=0.02)
    f, p = signal.welch(audio, rate, nperseg=4096)
    assert np.sqrt(p[(f > 600) & (f < 1900)]) == pytest.approx(0.002, rel=0.25)
    assert p[(f < 400) | (f > 2100)].max() < 1e-3 * p.max()


def test_frames_of_noise_leave_no_pattern():
    size, _ = shaped_noise.frames(8000, 8000)
    density = lambda f: lambda part: np.full_like(f, 0.01)  # noqa: E731
    audio = shaped_noise.noise(np.random.default_rng(0), 1000 * size, 8000, density)
    by_place = (audio.astype(float).reshape(-1, size // 2) ** 2).mean(axis=0)
    assert by_place == pytest.approx(by_place.mean(), rel=0.2)
    # noise that is normal has the kurtosis 3
    assert (audio.astype(float) ** 4).mean() / (audio.astype(float) ** 2).mean() ** 2 == pytest.approx(
        3, abs=0.1
    )


# --- fm ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0.0, 0.5, 2.0, 5.0])
def test_fm_sidebands_are_bessel_functions(index):
    audio, _, _ = render("fm", 1.0, 16000, carrier_hz=3000.0, modulator_hz=170.0, index=index)
    found = amplitudes(audio)
    k = np.arange(-12, 13)
    np.testing.assert_allclose(found[3000 + 170 * k], 0.5 * np.abs(special.jv(k, index)), atol=1e-5)


def test_fm_lines_below_zero_are_heard_at_their_absolute_value():
    audio, _, _ = render("fm", 1.0, 16000, carrier_hz=500.0, modulator_hz=307.0, index=4.0)
    k = np.array([-5, -4, -3, -2])
    np.testing.assert_allclose(
        amplitudes(audio)[np.abs(500 + 307 * k)], 0.5 * np.abs(special.jv(k, 4.0)), atol=1e-5
    )


def test_fm_folds_nothing_back():
    audio, _, _ = render("fm", 1.0, 16000, carrier_hz=6000.0, modulator_hz=610.0, index=8.0)
    # a frame without the ends, in which low-passed lines are still as they are
    f = np.fft.rfftfreq(14000, 1 / 16000)
    found = np.abs(np.fft.rfft(audio[1000:15000] * np.kaiser(14000, 14)))
    near = np.zeros(len(f), bool)
    for k in range(-40, 41):
        near |= np.abs(f - abs(6000 + 610 * k)) < 12
    assert found[~near].max() < 1e-4 * found.max()
    # what is left has the strength of the formula
    lines = np.arange(-8, 2)
    levels = [np.sqrt((found[np.abs(f - abs(6000 + 610 * k)) < 12] ** 2).sum()) for k in lines]
    expected = np.abs(special.jv(lines, 8.0))
    assert np.array(levels) / levels[-1] == pytest.approx(expected / expected[-1], rel=0.01)


def test_fm_counts_every_sideband_above_80_db():
    for index in np.linspace(0.05, 20, 200):
        k = np.arange(100)
        assert k[np.abs(special.jv(k, index)) > 1e-4].max() <= fm.sidebands(index) < 40


def test_fm_moves_by_the_integral_of_the_frequency():
    sweep = Curve((0.0, 1.0), (500.0, 2500.0))
    audio, _, _ = render("fm", 1.0, 16000, carrier_hz=sweep, index=0.0)
    phase = np.unwrap(np.angle(signal.hilbert(audio)))
    hz = np.diff(phase)[800:-800] * 16000 / (2 * np.pi)
    expected = 500 + 2000 * (np.arange(800, 16000 - 801) + 0.5) / 16000
    assert np.abs(hz - expected).max() < 30 and np.abs((hz - expected).mean()) < 0.1


def test_fm_vibrato_has_the_deviation_of_index_times_modulator():
    audio, _, _ = render("fm", 2.0, 16000, carrier_hz=1000.0, modulator_hz=5.0, index=10.0)
    hz = np.diff(np.unwrap(np.angle(signal.hilbert(audio))))[800:-800] * 16000 / (2 * np.pi)
    assert hz.max() == pytest.approx(1050, abs=2) and hz.min() == pytest.approx(950, abs=2)


# --- wind --------------------------------------------------------------------------------------------------


def test_wind_blows_where_strength_says():
    """With the same curve of gusts, 1/2 more is sqrt(8) times as high and 3 dB louder."""
    peaks, levels = [], []
    for strength in (0.25, 0.75):
        audio, _, _ = render("wind", 8.0, 16000, strength=strength, howliness=20.0, gustiness=0.05)
        f, p = signal.welch(audio.astype(float), 16000, nperseg=4096)
        peaks.append(np.exp((p * np.log(np.maximum(f, 1))).sum() / p.sum()))
        levels.append(10 * np.log10((audio.astype(float) ** 2).mean()))
    assert peaks[1] / peaks[0] == pytest.approx(8**0.5, rel=0.05)
    assert levels[1] - levels[0] == pytest.approx(3.0, abs=1.0)


@pytest.mark.parametrize("q", [2.0, 10.0, 40.0])
def test_wind_resonates_with_its_quality(q):
    cycles = np.linspace(0, 20_000, 500)
    tape = wind._tape(np.random.default_rng(0), q, cycles, cycles / 400.0).astype(float)
    assert np.std(tape) == pytest.approx(1.0, rel=0.05)
    f, p = signal.welch(tape, wind._PER_CYCLE, nperseg=1 << 14)
    x = np.maximum(f, 1e-9)
    expected = 1 / (1 + (q * (x - 1 / x)) ** 2) / (1 + (x / 3) ** 10)
    band = (f > 0.5) & (f < 2)
    found = np.convolve(p, np.ones(5) / 5, "same")[band]
    # strongest at 1, and half the power at 1 +- 1/(2 Q)
    assert f[band][found.argmax()] == pytest.approx(1.0, abs=0.5 / q)
    inside, all_of_it = np.abs(x - 1 / x) < 1 / q, f < 4
    assert p[inside].sum() / p[all_of_it].sum() == pytest.approx(
        expected[inside].sum() / expected[all_of_it].sum(), rel=0.1
    )


def test_wind_whistles_where_howliness_grows():
    rises = Curve((0.0, 20.0), (0.7, 40.0), "log")
    audio, _, _ = render("wind", 20.0, 16000, howliness=rises, gustiness=0.05)
    flatness = []
    for part in (audio[: 4 * 16000], audio[-4 * 16000 :]):
        p = signal.welch(part.astype(float), 16000, nperseg=2048)[1][10:200]
        flatness.append(np.exp(np.log(p).mean()) / p.mean())
    assert flatness[1] < 0.5 * flatness[0]


def test_wind_does_not_click():
    audio, _, _ = render("wind", 20.0, 16000, strength=0.3, howliness=40.0, gustiness=4.0)
    high = signal.sosfilt(signal.butter(8, 5000, "high", fs=16000, output="sos"), audio.astype(float))
    assert np.abs(high[1000:]).max() < 10 ** (-50 / 20) * np.abs(audio).max()


# --- chimes ------------------------------------------------------------------------------------------------


def test_roots_of_the_free_bar():
    for n, root in enumerate(chimes.BAR):
        near = (n + 1.5) * np.pi
        # divided by cosh, which is large
        found = optimize.brentq(lambda b: np.cos(b) - 1 / np.cosh(b), near - 0.1, near + 0.1, xtol=1e-14)
        assert root == pytest.approx(found, abs=1e-12)


def test_a_tube_rings_with_the_ratios_of_a_bar_and_decays_as_asked():
    rate = 44100
    audio, onsets, _ = render("chimes", 60.0, rate, strength=0.0, decay_sec=2.0)
    gaps = np.diff(onsets, append=len(audio))
    first = onsets[(gaps > 1.0 * rate) & (np.diff(onsets, prepend=-(10**9)) > 3 * rate)][0]
    part = audio[first : first + rate].astype(float)
    p = np.abs(np.fft.rfft(part * np.hanning(rate)))
    peaks, _ = signal.find_peaks(p, height=p.max() / 300, distance=100)
    expected = (chimes.BAR / chimes.BAR[0]) ** 2
    assert len(peaks) == 5
    assert peaks / peaks[0] == pytest.approx(expected, rel=0.005)
    # within 2 % of one of the five tubes
    tubes = 599.0 * chimes.TUNING
    assert np.abs(peaks[0] / tubes - 1).min() < 0.02
    turn = np.exp(-2j * np.pi * peaks[0] * np.arange(rate) / rate)
    early, late = (np.abs((part * turn)[at : at + 4410].mean()) for at in (4410, 35280))
    t60 = 60 / (20 * np.log10(early / late) / 0.7)
    assert t60 == pytest.approx(2.0 * np.sqrt(599.0 / peaks[0]), rel=0.05)


def test_tubes_have_the_frequency_of_their_length():
    # 22.37 / (2 pi L^2) sqrt(E I / (rho A)) for 0.5 m
    inertia, area = np.pi / 4 * (0.0125**4 - 0.011**4), np.pi * (0.0125**2 - 0.011**2)
    expected = 22.3733 / (2 * np.pi * 0.25) * np.sqrt(69e9 * inertia / (2700 * area))
    assert chimes._fundamental(0.5) == pytest.approx(expected, rel=1e-4)
    assert chimes._fundamental(1.0) == pytest.approx(expected / 4, rel=1e-4)


# --- rain --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("radius_mm", [1.0, 2.0, 5.0])
def test_bubbles_ring_at_minnaerts_frequency_rise_and_decay(radius_mm):
    rate, r = 96000, radius_mm / 1000
    sound = rain.bubble(r, rate, rate).astype(float)
    damping = 0.13 / r + 0.0072 * r**-1.5
    analytic = signal.hilbert(sound)
    t = np.arange(len(sound)) / rate
    middle = slice(int(0.1 * len(t)), int(0.6 * len(t)))
    rise, start = np.polyfit(
        t[middle][1:], np.diff(np.unwrap(np.angle(analytic))[middle]) * rate / (2 * np.pi), 1
    )
    assert start == pytest.approx(3.26 / r, rel=0.01)
    assert rise == pytest.approx(0.1 * damping * 3.26 / r, rel=0.1)
    assert -np.polyfit(t[middle], np.log(np.abs(analytic))[middle], 1)[0] == pytest.approx(damping, rel=0.02)


def test_rain_has_the_pitch_of_its_bubbles():
    audio, _, _ = render(
        "rain", 20.0, 16000, bubble_radius_mm=3.0, radius_spread=0.0, bubble_share=1.0, hiss_db=-60.0
    )
    f, p = signal.welch(audio.astype(float), 16000, nperseg=2048)
    assert 1.0 < f[p.argmax()] / (3.26 / 0.003) < 1.1


def test_bubbles_are_heard_below_half_the_rate_only():
    assert not rain.bubble(0.0007, 8000, 8000).any()  # 4,657 Hz
    whole, part = rain.bubble(0.001, 96000, 96000), rain.bubble(0.001, 8000, 8000)  # 3,260 Hz, rising
    assert np.abs(part - whole[::12][: len(part)]).max() < 0.6
    np.testing.assert_allclose(part[:4], whole[:48:12], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "parameter", "per_sec"), [("rain", "drops_per_sec", 100.0), ("fire", "crackles_per_sec", 50.0)]
)
def test_events_are_a_poisson_process(name, parameter, per_sec):
    _, onsets, _ = render(name, 60.0, 8000, **{parameter: per_sec})
    expected = 60 * per_sec
    assert abs(len(onsets) - expected) < 4 * np.sqrt(expected)
    gaps = np.diff(onsets) / 8000
    # exponential: the deviation is the mean, and a share of 1/e is longer than it
    assert gaps.std() / gaps.mean() == pytest.approx(1, abs=0.08)
    assert (gaps > gaps.mean()).mean() == pytest.approx(np.exp(-1), abs=0.03)


def test_shares_of_kinds_and_a_moving_share():
    _, _, details = render("rain", 60.0, 8000, bubble_share=0.25)
    assert (details["kind"] == "bubble").mean() == pytest.approx(0.25, abs=0.04)
    rises = Curve((0.0, 60.0), (0.0, 1.0))
    _, onsets, details = render("rain", 60.0, 8000, bubble_share=rises)
    late = onsets > 30 * 8000
    assert (details["kind"] == "bubble")[~late].mean() == pytest.approx(0.25, abs=0.05)
    assert (details["kind"] == "bubble")[late].mean() == pytest.approx(0.75, abs=0.05)


# --- fire --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", [1.0, 1.6, 2.0, 4.0])
def test_gains_have_a_pareto_tail(tail):
    gains = fire.pareto(np.random.default_rng(0).random(200_000), np.full(200_000, tail))
    assert gains.min() >= 1 and gains.max() <= fire._SPAN * (1 + 1e-9)
    for g in (1.5, 2.0, 4.0):
        expected = (g**-tail - fire._SPAN**-tail) / (1 - fire._SPAN**-tail)
        assert (gains > g).mean() == pytest.approx(expected, abs=0.004)
    assert (gains**2).mean() == pytest.approx(fire._mean_square(np.array(tail)), rel=0.05)


def test_rendered_crackles_have_that_tail():
    _, _, details = render("fire", 60.0, 8000, tail=1.0, crackles_per_sec=100.0)
    gains = (details["velocity"] / 127) ** 2 * fire._SPAN
    for g in (2.0, 5.0, 10.0):
        expected = (1 / g - 1 / fire._SPAN) / (1 - 1 / fire._SPAN)
        assert (gains > g).mean() == pytest.approx(expected, abs=0.03)


def test_roar_and_hiss_have_their_levels():
    quiet = {"crackles_per_sec": 0.5, "tail": 4.0}
    for name, other, band in (("roar_db", "hiss_db", (0, 800)), ("hiss_db", "roar_db", (800, 8000))):
        audio, _, _ = render("fire", 60.0, 16000, **quiet, **{name: -25.0, other: -60.0})
        f, p = signal.welch(audio.astype(float), 16000, nperseg=4096)
        level = 10 * np.log10(p[(f >= band[0]) & (f < band[1])].sum() * (f[1] - f[0]))
        assert -26.5 < level < -24, name


# --- bees --------------------------------------------------------------------------------------------------


def test_a_bee_flies_as_doppler_says():
    times = np.arange(4000) / slow.CONTROL_HZ
    values = {"busyness": 4.0, "wingbeat_hz": 220.0, "pitch_spread": 0.0}
    values = {name: np.full(len(times), value) for name, value in values.items()}
    frequency, level, _ = bees._flight(np.random.default_rng(3), values, times)
    speed = np.gradient(1.5 / level, times)
    assert np.abs(speed).max() > 10  # m/s, so that there is something to see
    corrected = frequency * (1 + speed / 343)
    assert np.abs(corrected / 220 - 1).max() < 0.0263 < np.abs(frequency / 220 - 1).max()


@pytest.mark.parametrize("rate", [8000, 44100])
def test_a_wave_is_a_softened_sawtooth_below_half_the_rate(rate):
    wave = bees._wave(220.0, 230.0, rate).astype(float)
    found = np.abs(np.fft.rfft(wave)) * 2 / len(wave)
    k = np.arange(1, 17)
    expected = 1 / (k * np.sqrt(1 + (k * 220 / 2500) ** 2))
    assert found[k] / found[1] == pytest.approx(expected / expected[0], rel=1e-3)
    assert np.sqrt((wave**2).mean()) == pytest.approx(1, rel=1e-3)
    last = min(40, int(rate / 2 / 230))
    assert found[last] > 1e-3 and found[last + 1 :].max() < 1e-5


def test_a_single_bee_buzzes_at_its_wingbeat():
    audio, _, _ = render("bees", 4.0, 16000, num_bees=1.0, pitch_spread=0.0, wingbeat_hz=180.0, busyness=0.05)
    f, p = signal.welch(audio.astype(float), 16000, nperseg=16000)
    assert f[(p * (f < 270)).argmax()] == pytest.approx(180, rel=0.03)
