"""What a sampled piano plays is what the performance says: onsets, ends, pedal, loudness and touch."""

import numpy as np
import pytest

from sousa.generation.errors import UsageError
from sousa.generation.piano.sampler import render, shipped
from sousa.generation.piano.sampler.pianos import HIGHEST, LOWEST, onset_of
from sousa.generation.piano.sampler.voicing import brightening, voicing
from tests.generation.piano.sampler_notes import level_db, mono, performance

PIANO = shipped()
RATE = 16000


def play(notes, seconds, rate=RATE, pedal=(), **options):
    return mono(render(PIANO, performance(notes, seconds, rate, pedal), **options)[0])


@pytest.mark.parametrize("rate", [16000, 22050, 44100])
def test_every_key_and_touch_is_heard_at_its_sample(rate):
    first = {LOWEST, HIGHEST, *range(24, 108, 12 if rate > 16000 else 4)}
    for velocity in (5, 40, 80, 127):
        for number, pitch in enumerate(sorted(first)):
            at = 1000 + 37 * number
            notes = performance([(at / rate, 0.2, pitch, velocity)], 0.4, rate)
            # loud, so that rounding to 16 bits does not move what is 34 dB under the peak
            sound = mono(render(PIANO, notes, gain_db=40.0 * np.log10(127 / velocity))[0])
            assert not sound[:at].any()
            assert abs(at + onset_of(sound[at:], rate) - at) <= 1, (pitch, velocity)


def test_a_note_begins_at_its_sample_among_others():
    """The sum of two notes is the sum of their sounds, each at its own sample."""
    one = (0.05, 0.5, 48, 70)
    two = (0.1312, 0.6, 64, 90)
    both, first, second = (play(notes, 1.0) for notes in ([one, two], [one], [two]))
    np.testing.assert_allclose(both, first + second, atol=1.01 / 32768)


def test_nothing_before_the_first_onset_with_rooms_and_brightness():
    for options in ({}, {"brightness_db": 6.0}, {"brightness_db": -6.0}, {"channels": 2}):
        sound = play([(0.3, 0.6, 60, 100)], 1.0, **options)
        assert not sound[: round(0.3 * RATE)].any()
        assert sound[round(0.3 * RATE) : round(0.31 * RATE)].any()


def fall_db_sec(sound, at, span=0.1):
    """How fast a sound falls from a time on."""
    size = int(span * RATE / 2)
    start = round(at * RATE)
    return (
        (level_db(sound[start : start + size]) - level_db(sound[start + size : start + 2 * size])) * 2 / span
    )


@pytest.mark.parametrize("pitch", [28, 60, 84])
def test_the_damper_stops_a_note_at_its_end(pitch):
    held = play([(0.1, 2.0, pitch, 100)], 1.5)
    stopped = play([(0.1, 0.6, pitch, 100)], 1.5)
    end = round(0.6 * RATE)
    np.testing.assert_array_equal(held[:end], stopped[:end])
    assert np.abs(held[end : end + 800] - stopped[end : end + 800]).max() > 0
    release = PIANO.layers[0].keys["release_db_sec"][pitch - LOWEST]
    assert fall_db_sec(stopped, 0.6) == pytest.approx(release + fall_db_sec(held, 0.6), rel=0.05)
    assert not stopped[end + round(54.0 / release * RATE) + 1 :].any()


def test_the_top_has_no_damper():
    np.testing.assert_array_equal(play([(0.1, 0.2, 90, 100)], 1.0), play([(0.1, 0.9, 90, 100)], 1.0))
    assert not np.array_equal(play([(0.1, 0.2, 89, 100)], 1.0), play([(0.1, 0.9, 89, 100)], 1.0))


def test_the_pedal_holds_notes_until_it_comes_up():
    note = (0.1, 0.3, 60, 90)
    held = play([(0.1, 1.0, 60, 90)], 2.0)
    pedalled = play([note], 2.0, pedal=[(0.0, 0), (0.2, 127), (1.0, 0)])
    np.testing.assert_array_equal(pedalled, held)


def test_half_a_pedal_damps_more_slowly():
    falls = [
        fall_db_sec(play([(0.1, 0.3, 60, 110)], 2.0, pedal=[(0.0, 0), (0.2, 127), (0.5, value)]), 0.5)
        for value in (0, 16, 30, 45, 60)
    ]
    assert falls[0] == pytest.approx(falls[1])
    assert (np.diff(falls[1:]) < -10).all()
    assert falls[4] < 0.4 * falls[0]


def test_a_pedal_catches_what_is_left():
    note = [(0.1, 0.3, 48, 110)]
    let_go = play(note, 2.0, pedal=[(0.0, 0), (0.2, 127), (0.5, 0)])
    caught = play(note, 2.0, pedal=[(0.0, 0), (0.2, 127), (0.5, 0), (0.54, 127)])
    at = round(0.54 * RATE)
    np.testing.assert_array_equal(let_go[:at], caught[:at])
    assert level_db(caught[-RATE // 2 :]) > level_db(let_go[-RATE // 2 :]) + 20
    # what has all but died away dies
    late = play(note, 2.0, pedal=[(0.0, 0), (0.2, 127), (0.5, 0), (0.75, 127)])
    assert not late[-RATE // 2 :].any()


def test_every_path_of_a_pedal_falls_as_its_pressure_says():
    """The fall of a string, computed a sample at a time from the stated rule."""
    rng = np.random.default_rng(3)
    release = PIANO.layers[0].keys["release_db_sec"][60 - LOWEST]
    for _ in range(10):
        values = [127, *rng.integers(0, 80, 30)]
        pedal = [(0.0, 0), (0.2, 127)] + [(0.3 + 0.01 * i, int(v)) for i, v in enumerate(values)]
        held = play([(0.1, 1.5, 60, 127)], 1.0, gain_db=6.0)
        sound = play([(0.1, 0.25, 60, 127)], 1.0, pedal=pedal, gain_db=6.0)
        end = performance([(0.1, 0.25, 60, 127)], 1.0, RATE, pedal).notes["end_sample"][0]
        pressure = np.zeros(RATE)
        for at, value in pedal:
            lifted = min(max((value - 16) / 48, 0.0), 1.0)
            pressure[round(at * RATE) :] = np.ceil((1.0 - lifted) * 4) / 4
        count = np.cumsum(np.append(0.0, pressure[end:]))[:-1]
        caught = round(1000 * 24 / 54) / 1000 * int(54 / release * RATE)
        beyond = count >= caught - 1
        if beyond.any():
            first = int(np.argmax(beyond))
            count[first:] = count[first] + np.arange(len(count) - first)
        wanted = held[end:] * 10 ** (-release / 20 / RATE * count)
        wanted[count >= int(54 / release * RATE) - 1] = 0.0
        np.testing.assert_allclose(sound[end:], wanted, atol=16 / 32768)


def test_a_key_struck_again_takes_the_earlier_sound_away_without_a_click():
    first, again = (0.1, 0.499, 40, 100), (0.5, 0.9, 40, 60)
    both, second = play([first, again], 1.2), play([again], 1.2)
    at = round(0.5 * RATE)
    rest = both - second
    assert np.abs(rest[at + round(0.012 * RATE) + 1 :]).max() <= 1.01 / 32768
    # the earlier sound goes in small steps: none as large as its own have been
    before = np.abs(np.diff(rest[at - 800 : at])).max()
    assert np.abs(np.diff(rest[at - 1 : at + 300])).max() <= before


def test_loudness_follows_velocity_by_the_stated_law():
    velocities = np.array([40, 64, 90, 127])
    for pitch in (36, 60, 84):
        loud = [level_db(play([(0.1, 0.5, pitch, v)], 0.5)[1600:6400]) for v in velocities]
        wanted = 40.0 * np.log10(velocities / 127)
        np.testing.assert_allclose(np.array(loud) - loud[-1], wanted, atol=0.3)


def centroid_hz(pitch, velocity):
    voice = voicing(PIANO, RATE, 0)
    sound, _ = voice.sound(pitch - LOWEST, voice.sound_of[pitch - LOWEST, velocity])
    power = np.abs(np.fft.rfft(sound[: RATE // 2].astype(float))) ** 2
    return (np.fft.rfftfreq(RATE // 2, 1 / RATE) * power).sum() / power.sum()


@pytest.mark.parametrize("pitch", [31, 36, 48, 54, 60, 72, 90])
def test_touch_brightens_by_the_stated_law(pitch):
    loudest = centroid_hz(pitch, 127)
    ratios = np.array([centroid_hz(pitch, v) / loudest for v in (10, 30, 64, 100)])
    # sounds come in steps of a factor of 1.25
    np.testing.assert_allclose(np.log(ratios), np.log(brightening(pitch, [10, 30, 64, 100])), atol=0.14)
    assert (np.diff(ratios) >= 0).all()


def test_a_bass_of_few_partials_is_made_as_dark_as_it_can_be():
    ratios = [centroid_hz(28, v) / centroid_hz(28, 127) for v in range(5, 128, 5)]
    assert (np.diff(ratios) >= 0).all()
    assert float(brightening(28, 5)) < ratios[0] < 0.6


def pitch_hz(sound, near_hz):
    part = sound[1600:17600] * np.hanning(16000)
    spectrum = np.abs(np.fft.rfft(part, 1 << 19))
    hz = np.arange(len(spectrum)) * RATE / (1 << 19)
    window = np.abs(1200 * np.log2(np.maximum(hz, 1e-3) / near_hz)) < 60
    return hz[window][np.argmax(spectrum[window])]


@pytest.mark.parametrize("cents", [-30, 0, 8])
def test_keys_are_in_tune(cents):
    for pitch in (57, 60, 64, 69, 72):
        want = 440.0 * 2.0 ** ((pitch - 69) / 12 + cents / 1200)
        sound = play([(0.0, 2.0, pitch, 100)], 1.2, cents=cents)
        assert abs(1200 * np.log2(pitch_hz(sound, want) / want)) < 2.5, pitch


def test_tuning_moves_all_keys_alike():
    for pitch in (38, 50, 80, 100):
        near = 440.0 * 2.0 ** ((pitch - 69) / 12)
        flat, sharp = (pitch_hz(play([(0.0, 2.0, pitch, 100)], 1.2, cents=c), near) for c in (-20, 20))
        assert 1200 * np.log2(sharp / flat) == pytest.approx(40, abs=1.0)


def test_brightness_is_so_many_db_at_the_top_and_none_below():
    notes = [(0.1, 0.9, 96, 127), (0.1, 0.9, 100, 127), (0.1, 0.9, 33, 90)]

    def bands(brightness_db):
        power = np.abs(np.fft.rfft(play(notes, 1.0, brightness_db=brightness_db))) ** 2
        return 10 * np.log10([power[30:300].sum(), power[7000:7900].sum()])

    plain = bands(0.0)
    for wanted in (-6.0, 3.0, 6.0):
        np.testing.assert_allclose(bands(wanted) - plain, [0.0, wanted], atol=0.7)


def test_stereo_has_low_keys_on_the_left():
    for pitch, left in ((30, True), (100, False)):
        notes = performance([(0.1, 0.5, pitch, 100)], 0.8)
        pcm, _ = render(PIANO, notes, channels=2)
        one, _ = render(PIANO, notes)
        assert pcm.shape == (12800, 2)
        loud = (pcm.astype(float) ** 2).mean(axis=0)
        assert (loud[0] > 1.5 * loud[1]) == left
        assert loud.sum() == pytest.approx(2 * (one.astype(float) ** 2).mean(), rel=0.02)


def test_the_end_of_a_recording_is_faded():
    sound = play([(0.1, 3.0, 50, 127)], 0.5)
    assert np.abs(sound[-3:]).max() < 0.05 * np.abs(sound).max()


def test_a_performance_of_nothing_is_silent():
    assert not play([], 0.5).any()


def test_what_a_piano_lacks_is_said():
    with pytest.raises(UsageError, match="a piano has 21 to 108"):
        play([(0.1, 0.2, 110, 90)], 0.5)
    with pytest.raises(UsageError, match="channels is 3"):
        play([(0.1, 0.2, 60, 90)], 0.5, channels=3)


def test_a_loud_passage_is_turned_down_not_clipped():
    pcm, gain_db = render(
        PIANO, performance([(0.1, 0.9, p, 127) for p in range(30, 90, 3)], 1.0), gain_db=20.0
    )
    assert gain_db < 20.0
    assert np.abs(pcm).max() < 0.99 * 32767
