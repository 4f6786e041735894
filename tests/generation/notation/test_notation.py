"""Keys, spellings, hands and voices of notes whose answers are known."""

import time

import numpy as np
import pytest

from sousa.generation.notation import hands, keys, voices
from sousa.generation.piano.score import KEYS

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11)


@pytest.mark.parametrize("mode", keys.MODES)
@pytest.mark.parametrize("sharps", range(keys.FEWEST, keys.MOST + 1))
def test_every_key_is_found_from_its_scale_and_triad(sharps, mode):
    root = keys.tonic(sharps, mode)
    scale = [root + step for step in (MAJOR if mode == "major" else MINOR)]
    triad = [scale[0], scale[2], scale[4], scale[0]]
    pitch = np.array([48 + p for p in (*scale, *triad)])
    duration = np.array([1.0] * len(scale) + [2.0] * len(triad))
    assert keys.of_notes(pitch, duration) == (sharps, mode)
    assert keys.of_notes(pitch, duration, sharps) == (sharps, mode)
    assert keys.name(sharps, mode) in KEYS and KEYS[keys.name(sharps, mode)] == sharps
    # each letter once, on the line of fifths around the tonic
    spelt = keys.spell(np.array(scale), sharps, mode)
    assert len(set((spelt + 1) % 7)) == 7 and list(spelt * 7 % 12) == [p % 12 for p in scale]


def test_signatures_that_sound_alike_are_one():
    assert [keys.within(sharps) for sharps in (6, 7, -7, 5, -6)] == [-6, -5, 5, 5, -6]


def test_hands_follow_lines_that_cross_the_middle():
    # a melody that falls below middle C over a bass that stays lower, and rises again
    melody = [72, 71, 69, 67, 65, 62, 59, 57, 59, 62, 65, 69]
    bass = [48, 43, 45, 40, 41, 38, 36, 41, 43, 45, 48, 48]
    onset = np.repeat(np.arange(12) * 0.5, 2)
    pitch = np.array([part for pair in zip(bass, melody, strict=True) for part in pair])
    hand = hands.split(onset, onset + 0.5, pitch)
    assert hand.reshape(-1, 2).tolist() == [[hands.LEFT, hands.RIGHT]] * 12
    assert (pitch.reshape(-1, 2)[:, 1] < 60).any()  # a fixed split would be wrong


def test_a_wide_chord_is_shared():
    pitch = np.array([36, 43, 60, 64, 67, 72])
    hand = hands.split(np.zeros(6), np.ones(6), pitch)
    assert hand.tolist() == [1, 1, 0, 0, 0, 0]


def test_no_notes_have_no_hands():
    assert len(hands.split(np.zeros(0), np.zeros(0), np.zeros(0))) == 0


def test_voices_keep_chords_and_held_notes_apart():
    # a held top note over two moving chords
    onset, duration = np.array([0, 0, 0, 1, 1]), np.array([2, 1, 1, 1, 1])
    voice = voices.assign(onset, duration, np.array([76, 64, 67, 62, 65]))
    assert voice.tolist() == [1, 2, 2, 2, 2]


def test_voices_are_no_more_than_asked_for():
    onset = np.arange(6) * 0.25
    voice = voices.assign(onset, np.full(6, 4.0), np.arange(60, 66), most=2)
    assert set(voice.tolist()) == {1, 2}


def test_hands_are_found_in_time_proportional_to_the_notes():
    # notes so near each other that each is within a chord's reach of the one before
    times = []
    for count in (500, 4000):
        onset = np.arange(count) * 0.02
        begin = time.process_time()
        split = hands.split(onset, onset + 0.1, 48 + np.arange(count) * 7 % 24)
        times.append(time.process_time() - begin)
        assert {hands.LEFT, hands.RIGHT} == set(split.tolist())
    assert times[1] < 24 * times[0]
