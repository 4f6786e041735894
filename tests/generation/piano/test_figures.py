"""Measures of performances give what was put in."""

from dataclasses import replace

import numpy as np
import pytest

from sousa.generation.piano.performance import deadpan, perform, player
from sousa.generation.piano.played import TIERS, sounding_ends
from sousa.generation.piano.score import LEFT, RIGHT
from sousa.generation.piano.validation import figures
from tests.support.piano_scores import note, piece, score

RATE = 100_000  # a sample is .01 ms


def changed(written, edit, pedal=None):
    """A deadpan performance with its notes edited by a function, measured."""
    p = deadpan(written, RATE)
    notes = p.notes.copy()
    source = written.notes[notes["note"]]
    edit(notes, source)
    notes["onset_sample"] += RATE  # room for what is early
    notes["key_up_sample"] += RATE
    moves = p.pedal if pedal is None else (pedal * [RATE, 1]).astype(np.int64)
    longest = p.num_samples + RATE
    notes = notes[np.lexsort((notes["pitch"], notes["onset_sample"]))]
    notes["end_sample"] = sounding_ends(
        notes["onset_sample"], notes["key_up_sample"], notes["pitch"], moves, longest
    )
    p = replace(p, notes=notes, pedal=moves, beat_samples=p.beat_samples + RATE, num_samples=longest)
    return figures.measure(figures.of(written, p))


def chords(count=40, fingers=2):
    right = [
        note(k, 1, 72 + 4 * j, RIGHT, melody=j == fingers - 1) for k in range(count) for j in range(fingers)
    ]
    return score([*right, *(note(k, 1, 48, LEFT) for k in range(count))], bars=count // 4, bpm=60.0)


def test_chords():
    rng = np.random.default_rng(1)

    def edit(notes, source):
        left = source["hand"] == LEFT
        shift = np.where(left, 20.0, 0.0) - np.where(source["melody"], 8.0, 0.0)
        hand = 10.0 * rng.standard_normal(40)[source["onset_beat"].astype(int)]
        notes["onset_sample"] += np.rint(100 * (shift + np.where(left, hand, 0.0))).astype(int)
        notes["velocity"] = np.where(source["melody"], 80, 60)

    got = changed(chords(), edit)
    assert got["left_after_right_ms"] == pytest.approx(24.0, abs=4.0)
    assert got["hands_sd_ms"] == pytest.approx(10.0, rel=0.3)
    assert got["hands_robust_sd_ms"] == pytest.approx(10.0, rel=0.4)
    assert got["chord_range_right_ms"] == pytest.approx(8.0, abs=0.1)
    assert got["lead_right_ms"] == pytest.approx(8.0, abs=0.1) and got["melody_louder"] == pytest.approx(20.0)
    assert got["lead_ms"] == pytest.approx(18.0, abs=3.0)
    assert got["finger_right_sd_ms"] == 0.0 and abs(got["hands_lag1"]) < 0.4


def test_tempo_and_runs():
    written = score([note(k / 4, 0.25, 60 + k % 12) for k in range(256)], bars=16, bpm=120.0)
    rng = np.random.default_rng(2)
    steps = 0.125 * (1.0 + 0.1 * np.repeat(rng.standard_normal(64), 4))

    def rubato(notes, source):
        notes["onset_sample"] = np.rint(RATE * np.concatenate([[0.0], np.cumsum(steps)[:-1]]))
        notes["key_up_sample"] = notes["onset_sample"] + 5000

    got = changed(written, rubato)
    assert got["beat_cv"] == pytest.approx(steps.std() / steps.mean(), rel=0.05)
    assert abs(got["beat_lag1"]) < 0.3 and got["run_lag1"] > 0.6

    def scatter(notes, source):
        notes["onset_sample"] += np.rint(1000.0 * rng.standard_normal(len(notes))).astype(int)

    got = changed(written, scatter)
    # of nine points, a parabola takes away a quarter of the variance of the middle one
    assert got["run_residual_ms"] == pytest.approx(10.0 * (1 - 0.2554) ** 0.5, rel=0.15)
    assert got["run_residual_100_150_ms"] == got["run_residual_ms"]
    assert got["run_lag1"] == pytest.approx(-0.5, abs=0.12)


def test_velocity():
    written = piece(bars=32)
    rng = np.random.default_rng(3)

    def edit(notes, source):
        level = 60.0 + 6.0 * (source["pitch"] - 72) / 12 + 10.0 * (source["hand"] == RIGHT)
        notes["velocity"] = np.rint(level + 2.0 * rng.standard_normal(len(notes)))

    got = changed(written, edit)
    assert got["velocity_per_octave_right"] == pytest.approx(6.0, abs=0.7)
    assert got["velocity_per_octave_left"] == pytest.approx(6.0, abs=1.2)
    assert got["velocity_right"] - got["velocity_left"] == pytest.approx(20.0, abs=2.0)
    assert got["velocity_per_octave_step"] == pytest.approx(6.0, abs=1.5)
    assert got["velocity_in_bar_sd_right"] == pytest.approx(2.7, abs=0.6)


def test_articulation():
    written = piece(bars=32)

    def edit(notes, source):
        ratio = np.where(source["slur"] >= 0, 1.1, np.where(source["articulation"] == 1, 0.25, 0.7))
        length = (notes["key_up_sample"] - notes["onset_sample"]) * ratio
        notes["key_up_sample"] = notes["onset_sample"] + np.rint(length).astype(int)

    got = changed(written, edit)
    assert got["ratio_slurred_p50"] == pytest.approx(1.1, abs=0.02)
    assert got["ratio_staccato_p50"] == pytest.approx(0.25, abs=0.02)
    assert got["ratio_unmarked_p50"] == pytest.approx(0.7, abs=0.02)
    assert got["overlap_share_slurred"] == 1.0 and got["overlap_share_unmarked"] == 0.0
    assert got["ratio_right_p90"] == pytest.approx(1.1, abs=0.02)


def test_repeated_keys():
    written = score([note(k, 1, 60) for k in range(16)], bars=4, bpm=60.0)

    def edit(notes, source):
        notes["key_up_sample"] -= 20_000

    assert changed(written, edit)["repeat_gap_ms"] == pytest.approx(200.0)


def test_pedal():
    written = piece(bars=16, bpm=60.0)
    # up .05 s before each bar's first attack, which is at 1 + 4 k, and down .1 s after it
    moves = [(0.0, 0.0)]
    for bar in range(16):
        at = 1.0 + 4.0 * bar
        moves += [(at - 0.05, 10.0), (at + 0.10, 127.0)] if bar else [(at + 0.10, 127.0)]
    moves.append((66.0, 0.0))
    got = changed(written, lambda notes, source: None, np.array(moves))
    assert got["presses_per_bar"] == 1.0 and got["stroke_sec"] == pytest.approx(3.85, abs=0.01)
    assert got["pedal_share"] == pytest.approx(15 * 3.85 / 65.0 + 3.9 / 65.0, abs=0.02)
    assert got["pedal_release_ms"] == pytest.approx(-50.0, abs=1.0)
    assert got["pedal_press_ms"] == pytest.approx(100.0, abs=1.0) and got["pedal_gap_ms"] == pytest.approx(
        150.0
    )
    assert got["pedal_change_below_20"] == 1.0 and got["pedal_legato_share"] > 0.9


def test_ranges():
    assert all(r.low is None or r.low < r.median < r.high for r in figures.REFERENCES.values())
    reference = figures.REFERENCES["beat_cv"]
    assert reference.holds(0.1) is True and reference.holds(0.5) is False
    assert figures.REFERENCES["velocity_p50"].holds(0.0) is None
    got = figures.summary([{"beat_cv": 0.1}, {"beat_cv": 0.3}, {"beat_cv": 0.2, "unknown": 1.0}])
    assert got == {"beat_cv": (pytest.approx(0.12), 0.2, pytest.approx(0.28), 3)}


@pytest.mark.parametrize("tier", TIERS)
def test_any_performance_can_be_measured(tier):
    few = [note(0, 0, 60, ornament="grace")], [note(0, 1, 60)], [note(3, 1, 60), note(0, 1, 40, LEFT)]
    pieces = [*(score(notes, bars=1) for notes in few), piece("baroque", bars=1), piece("romantic", bars=40)]
    for index, written in enumerate(pieces):
        p = perform(written, player(1, index, 0, (tier,)), 1, index, 0, 16_000)
        for marks in ({}, None):
            played = figures.of(written, p)
            got = figures.measure(replace(played, marks=marks) if marks is not None else played)
            assert all(np.isfinite(value) for value in got.values())
    assert len(got) > 90
