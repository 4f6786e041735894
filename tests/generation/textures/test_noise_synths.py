"""fm, wind, chimes, rain, fire, bees: they keep the protocol, and do what each parameter says."""

import itertools

import numpy as np
import pytest

from sousa.generation.textures import synth
from sousa.generation.textures.values import Curve

NAMES = ("fm", "wind", "chimes", "rain", "fire", "bees")
EVENTS = ("chimes", "rain", "fire")
RATE = 16000


def render(name, sec=4.0, rate=RATE, seed=0, **values):
    it = synth.get(name)
    params = {p.name: p.default for p in it.parameters} | values
    assert len(params) == len(it.parameters)
    return synth.render(it, params, round(sec * rate), rate, np.random.default_rng(seed))


@pytest.mark.parametrize("name", NAMES)
def test_the_protocol_is_kept(name):
    it = synth.get(name)
    assert synth.problem_with(it) is None and it.name == name
    audio, onsets, _ = render(name)
    assert 0.02 < np.sqrt((audio.astype(float) ** 2).mean()) < 0.4 and np.abs(audio).max() < 1.0
    assert (onsets is not None) == (name in EVENTS)


@pytest.mark.parametrize("name", NAMES)
def test_chance_is_the_generator_alone(name):
    one, two, other = render(name, seed=1), render(name, seed=1), render(name, seed=2)
    assert (one[0] == two[0]).all() and (one[1] is None or (one[1] == two[1]).all())
    assert not (one[0] == other[0]).all()


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 96000])
@pytest.mark.parametrize("name", NAMES)
def test_every_corner_of_the_ranges_is_finite(name, rate):
    it = synth.get(name)
    for corner in itertools.product(*[(p.minimum, p.maximum) for p in it.parameters]):
        values = dict(zip([p.name for p in it.parameters], corner, strict=True))
        # render() refuses NaN and infinity
        audio, _, _ = render(name, 0.25, rate, **values)
        assert np.abs(audio).max() < 3.0, values


@pytest.mark.parametrize("samples", [1, 2, 63, 64, 65, 4097])
@pytest.mark.parametrize("name", NAMES)
def test_short_sounds(name, samples):
    it = synth.get(name)
    for values in ({p.name: p.default for p in it.parameters}, {p.name: p.maximum for p in it.parameters}):
        audio, _, _ = synth.render(it, values, samples, 44100, np.random.default_rng(0))
        assert len(audio) == samples


@pytest.mark.parametrize("name", NAMES)
def test_a_minute_is_a_minute(name):
    audio, onsets, _ = render(name, 60.0, 8000)
    parts = np.sqrt((audio.astype(float).reshape(6, -1) ** 2).mean(axis=1))
    assert (parts > 0.005).all()
    assert onsets is None or onsets[-1] > 50 * 8000


BOTH = [pytest.param(name, p, id=f"{name}-{p.name}") for name in NAMES for p in synth.get(name).parameters]


@pytest.mark.parametrize(("name", "parameter"), BOTH)
def test_every_parameter_changes_the_sound(name, parameter):
    low, high = (render(name, 1.0, **{parameter.name: parameter.natural(at)})[0] for at in (0.3, 0.7))
    assert np.sqrt(((low - high) ** 2).mean()) > 1e-3


@pytest.mark.parametrize(("name", "parameter"), [b for b in BOTH if b.values[1].varying])
def test_curves(name, parameter):
    """A curve that stays is the number, one that moves is not."""
    low, high = parameter.natural(0.3), parameter.natural(0.7)
    if parameter.name == "bubble_radius_mm":
        low, high = 1000 * 2.0**-9.5, 1000 * 2.0**-8.5  # where radii move, they lie on a grid, as these do
    number, _, _ = render(name, 2.0, **{parameter.name: low})
    stays = Curve((0.0, 1.0), (low, low), parameter.scale)
    again, _, _ = render(name, 2.0, **{parameter.name: stays})
    assert np.corrcoef(number, again)[0, 1] > 0.999
    moves = Curve((0.0, 2.0), (low, high), parameter.scale)
    moved, _, _ = render(name, 2.0, **{parameter.name: moves})
    assert np.std(moved - number) > 0.01 * np.std(number)


@pytest.mark.parametrize("name", EVENTS)
def test_events_do_not_depend_on_the_sample_rate(name):
    low, high = render(name, rate=8000), render(name, rate=44100)
    assert len(low[1]) == len(high[1])
    # each is rounded down to its own samples
    assert np.abs(low[1] / 8000 - high[1] / 44100).max() <= 1 / 8000
    for detail in low[2]:
        assert (low[2][detail] == high[2][detail]).all()


@pytest.mark.parametrize("name", ["wind", "bees"])
def test_slow_curves_do_not_depend_on_the_sample_rate(name):
    levels = []
    for rate in (8000, 44100):
        audio, _, _ = render(name, rate=rate)
        levels.append((audio.astype(float).reshape(20, -1) ** 2).mean(axis=1))
    assert np.corrcoef(*levels)[0, 1] > 0.98


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("rain", {"bubble_radius_mm": 4.0, "hiss_db": -50.0, "radius_spread": 0.1}),
        ("fire", {"tail": 3.0, "crackle_hz": 700.0, "roar_db": -50.0, "hiss_db": -50.0}),
        ("chimes", {"chime_size_m": 1.2, "decay_sec": 1.0}),
    ],
)
def test_other_parameters_move_no_event(name, change):
    assert (render(name)[1] == render(name, **change)[1]).all()


def test_a_further_bee_leaves_the_others_alone():
    two, three = (render("bees", num_bees=n)[0] * np.sqrt(n) for n in (2.0, 3.0))
    four = render("bees", num_bees=4.0)[0] * 2.0
    third, fourth = three - two, four - three
    assert abs(np.corrcoef(third, two)[0, 1]) < 0.1 and np.std(third) > 0.05 and np.std(fourth) > 0.05
    half = render("bees", num_bees=2.5)[0] * np.sqrt(2.5)
    np.testing.assert_allclose(half, two + third / 2, atol=1e-5)


# --- what each parameter claims, measured from the audio -----------------------------------------------


def power(audio, size=None):
    """Power spectrum and its frequencies."""
    size = size or len(audio)
    window = np.hanning(size)
    parts = np.lib.stride_tricks.sliding_window_view(audio.astype(float), size)[:: size // 2]
    return (np.abs(np.fft.rfft(parts * window)) ** 2).mean(axis=0), np.fft.rfftfreq(size, 1 / RATE)


def centroid(audio):
    p, f = power(audio, 4096)
    return (p * f).sum() / p.sum()


def width(audio):
    """Standard deviation of the spectrum, Hz."""
    p, f = power(audio, 4096)
    return np.sqrt((p * (f - (p * f).sum() / p.sum()) ** 2).sum() / p.sum())


def octaves(audio):
    """Standard deviation of the spectrum over 300 Hz, in octaves."""
    p, f = power(audio, 4096)
    p, x = p[f > 300], np.log2(f[f > 300])
    return np.sqrt((p * (x - (p * x).sum() / p.sum()) ** 2).sum() / p.sum())


def relative_width(audio):
    """Share of the power outside a third of an octave around the peak, frame by frame."""
    out = []
    for part in audio.astype(float).reshape(-1, 8000):
        p = np.abs(np.fft.rfft(part * np.hanning(8000))) ** 2
        f = np.fft.rfftfreq(8000, 1 / RATE)
        middle = f[np.convolve(p, np.ones(9), "same").argmax()]
        out.append(1 - p[(f > middle * 2 ** (-1 / 6)) & (f < middle * 2 ** (1 / 6))].sum() / p.sum())
    return np.mean(out)


def levels_db(audio, sec=0.01):
    """Levels of frames, dB."""
    frames = (
        audio[: len(audio) // int(sec * RATE) * int(sec * RATE)].astype(float).reshape(-1, int(sec * RATE))
    )
    return 10 * np.log10((frames**2).mean(axis=1) + 1e-12)


def rms_db(audio):
    return 10 * np.log10((audio.astype(float) ** 2).mean())


def attacks(audio):
    """How often the level of 5 ms jumps up by 6 dB and is not negligible."""
    level = levels_db(audio, 0.005)
    return ((np.diff(level) > 6) & (level[1:] > level.max() - 50)).sum()


def turning(audio):
    """How fast the level of 100 ms moves, dB/s."""
    return np.abs(np.diff(levels_db(audio, 0.1))).mean() / 0.1


def unevenness(audio):
    """How much louder the loudest hundredth of the time is than the middle, dB."""
    level = levels_db(audio, 0.005)
    return np.quantile(level, 0.99) - np.median(level)


def quiet(audio):
    return np.quantile(levels_db(audio), 0.1)


def below(hz):
    def share(audio):
        p, f = power(audio, 4096)
        return 10 * np.log10(p[f < hz].sum())

    return share


def fundamental(audio):
    """Strongest frequency below 700 Hz."""
    p, f = power(audio, RATE)
    return f[(p * (f < 700)).argmax()]


def lines(audio):
    """Bins of 0.25 Hz that hold the power of the fundamentals: exponential of the entropy."""
    p, f = power(audio, 4 * RATE)
    p = p[(f > 100) & (f < 400)] / p[(f > 100) & (f < 400)].sum()
    return np.exp(-(p * np.log(p + 1e-30)).sum())


def falling(audio):
    """How fast the level of 50 ms falls where it falls, dB/s."""
    steps = np.diff(levels_db(audio, 0.05)) / 0.05
    return -np.median(steps[steps < 0])


def memory(audio):
    """Correlation of the level with itself 0.75 s later."""
    level = levels_db(audio, 0.25)
    return np.corrcoef(level[3:], level[:-3])[0, 1]


LONE = {"hiss_db": -60.0, "bubble_share": 1.0}
STILL = {"hiss_db": -60.0, "roar_db": -60.0}
CLAIMS = (  # synth, parameter, shares of its range, measure, direction, other values, seconds
    ("fm", "carrier_hz", (0.4, 0.6, 0.8), centroid, 1, {"modulator_hz": 20.0}, 2),
    ("fm", "modulator_hz", (0.5, 0.6, 0.7, 0.8), width, 1, {"carrier_hz": 3000.0}, 2),
    ("fm", "index", (0.0, 0.25, 0.5, 0.75, 1.0), width, 1, {"carrier_hz": 3000.0}, 2),
    ("wind", "strength", (0, 0.25, 0.5, 0.75, 1), centroid, 1, {}, 8),
    ("wind", "strength", (0, 0.5, 1), rms_db, 1, {}, 8),
    ("wind", "gustiness", (0, 0.33, 0.67, 1), turning, 1, {"howliness": 0.7, "strength": 1.0}, 30),
    ("wind", "howliness", (0, 0.25, 0.5, 0.75, 1), relative_width, -1, {"gustiness": 0.05}, 8),
    ("chimes", "strength", (0, 0.33, 0.67, 1), attacks, 1, {"decay_sec": 0.5}, 30),
    ("chimes", "strength", (0, 0.5, 1), rms_db, 1, {}, 30),
    ("chimes", "gustiness", (0.4, 0.7, 1), memory, -1, {"strength": 1.0, "decay_sec": 0.5}, 120),
    ("chimes", "chime_size_m", (0, 0.33, 0.67, 1), centroid, -1, {}, 8),
    ("chimes", "decay_sec", (0, 0.33, 0.67, 1), falling, -1, {"strength": 0.2}, 30),
    ("rain", "drops_per_sec", (0, 0.2, 0.4, 0.6), attacks, 1, LONE, 20),
    ("rain", "drops_per_sec", (0.4, 0.6, 0.8, 1), unevenness, -1, LONE, 8),
    ("rain", "bubble_share", (0, 0.25, 0.5, 0.75, 1), rms_db, 1, {"hiss_db": -60.0}, 8),
    ("rain", "bubble_radius_mm", (0, 0.25, 0.5, 0.75, 1), centroid, -1, LONE, 8),
    ("rain", "radius_spread", (0, 0.33, 0.67, 1), octaves, 1, LONE | {"bubble_radius_mm": 2.0}, 20),
    ("rain", "hiss_db", (0, 0.25, 0.5, 0.75, 1), quiet, 1, {}, 4),
    ("fire", "crackles_per_sec", (0, 0.25, 0.5, 0.75), attacks, 1, STILL, 30),
    ("fire", "tail", (0, 0.33, 0.67, 1), unevenness, -1, STILL | {"crackles_per_sec": 100.0}, 30),
    ("fire", "crackle_hz", (0, 0.33, 0.67, 1), centroid, 1, STILL, 20),
    ("fire", "roar_db", (0, 0.25, 0.5, 0.75, 1), below(200.0), 1, {}, 8),
    ("fire", "hiss_db", (0, 0.25, 0.5, 0.75, 1), quiet, 1, {"roar_db": -60.0}, 4),
    ("bees", "num_bees", (0, 0.33, 0.67, 1), lines, 1, {"pitch_spread": 3.0}, 16),
    ("bees", "busyness", (0, 0.33, 0.67, 1), turning, 1, {"num_bees": 1.0}, 30),
    ("bees", "wingbeat_hz", (0, 0.25, 0.5, 0.75, 1), fundamental, 1, {"pitch_spread": 0.0}, 4),
    ("bees", "pitch_spread", (0, 0.2, 0.4, 0.6), lines, 1, {"num_bees": 10.0}, 16),
)


@pytest.mark.parametrize(
    ("name", "parameter", "shares", "measure", "direction", "others", "sec"),
    CLAIMS,
    ids=[f"{c[0]}-{c[1]}-{c[3].__name__}" for c in CLAIMS],
)
def test_parameters_do_what_they_say(name, parameter, shares, measure, direction, others, sec):
    spec = {p.name: p for p in synth.get(name).parameters}[parameter]
    found = [
        np.mean(
            [
                measure(render(name, sec, seed=seed, **others, **{parameter: spec.natural(share)})[0])
                for seed in (11, 12, 13)
            ]
        )
        for share in shares
    ]
    assert (np.diff(found) * direction > 0).all(), found


def test_every_parameter_has_a_claim():
    assert {(c[0], c[1]) for c in CLAIMS} == {
        (name, p.name) for name in NAMES for p in synth.get(name).parameters
    }


@pytest.mark.parametrize("name", EVENTS)
def test_something_begins_at_every_onset(name):
    """Measured from the audio: it is louder from a lone onset on than just before, and from there only."""
    still = {"chimes": {"decay_sec": 0.5}, "rain": LONE | {"drops_per_sec": 5.0}, "fire": STILL}[name]
    audio, onsets, _ = render(name, 60.0, **still)
    lone = onsets[(np.diff(onsets, prepend=-RATE) > 0.25 * RATE) & (onsets > 100)]
    assert len(lone) > 20
    before, after = (
        np.abs(audio[lone[:, None] + np.arange(*part)]).max(axis=1) for part in ((-64, 0), (0, 64))
    )
    assert (after > 1.5 * before).mean() > 0.95
