"""Scores: perfect playing is perfect, each fault lowers its own score, null where not applicable."""

import json

import numpy as np
import pytest

from benchmarks.rudiments import tier_distributions
from sousa.generation.rudiments import definitions, players, scores
from sousa.generation.rudiments.assembly import BOUNCE, BUZZ, GRACE, TAP, play
from sousa.generation.rudiments.score import plan_take

RATE = 44100


def perfect(slug, tempo=0):
    """A take played exactly as written."""
    p = play([plan_take(42, players.player(42, 3), definitions.load()[slug], tempo, 6.0)], RATE)
    p.onset_sample = p.intended_sample.copy()
    p.velocity = p.intended_velocity.copy()
    return p


def score(p, name):
    return scores.exercise_scores(p, RATE)[name][0]


def main(p):
    return (p.kind == TAP) | (p.kind == BUZZ)


PERFECT = ("timing_accuracy", "timing_consistency", "subdivision_evenness", "tempo_stability", "hand_balance")


@pytest.mark.parametrize("slug", ["single_paradiddle", "five_stroke_roll", "flam_accent", "lesson_25"])
def test_perfect_playing_scores_high(slug):
    values = scores.exercise_scores(perfect(slug), RATE)
    for name in PERFECT:
        assert values[name][0] > 99.9, name
    assert values["velocity_control"][0] > 99.9
    assert values["overall_score"][0] > 90


@pytest.mark.parametrize(
    "name, harm",
    [
        ("timing_accuracy", lambda p, z: p.onset_sample.__iadd__(np.where(main(p), int(z * 600), 0))),
        (
            "timing_consistency",
            lambda p, z: p.onset_sample.__iadd__((np.arange(len(p.take)) % 3) * int(z * 300)),
        ),
        ("tempo_stability", lambda p, z: p.onset_sample.__iadd__((p.onset_sample * 0.01 * z).astype(int))),
        (
            "subdivision_evenness",
            lambda p, z: p.onset_sample.__iadd__((np.arange(len(p.take)) % 2) * int(z * 400)),
        ),
        (
            "velocity_control",
            lambda p, z: p.velocity.__iadd__(((np.arange(len(p.take)) % 5) * z * 4).astype(np.int16)),
        ),
        ("hand_balance", lambda p, z: p.velocity.__isub__((p.hand * z * 8).astype(np.int16))),
        ("accent_differentiation", lambda p, z: p.velocity.__isub__((p.accent * z * 10).astype(np.int16))),
        (
            "accent_accuracy",
            lambda p, z: p.velocity.__isub__((p.accent * (p.cycle % 2) * z * 20).astype(np.int16)),
        ),
        ("diddle_quality", lambda p, z: p.velocity.__isub__(((p.diddle == 2) * z * 10).astype(np.int16))),
    ],
)
def test_each_fault_lowers_its_score_step_by_step(name, harm):
    values = []
    for step in (0.0, 1.0, 2.0):
        p = perfect("single_paradiddle")
        harm(p, step)
        values.append(score(p, name))
    assert values[0] > values[1] > values[2]
    assert values[2] > 0


def test_flam_and_drag_widths_have_their_own_scores():
    for slug, name in (("flam", "flam_quality"), ("drag", "drag_quality")):
        values = []
        for wider in (0, 400, 1200):
            p = perfect(slug)
            p.onset_sample -= np.where((p.kind == GRACE) & (p.child == 1), wider, 0)
            values.append(score(p, name))
            assert score(p, "timing_accuracy") > 99.9  # graces are not primaries
        assert values[0] > 99 and values[0] > values[1] > values[2]


def test_buzz_and_roll_scores():
    p = perfect("multiple_bounce_roll")
    whole = score(p, "buzz_quality")
    p.onset_sample += np.where(p.kind == BOUNCE, p.child.astype(int) * 300, 0)
    assert score(p, "buzz_quality") < whole
    p = perfect("single_stroke_roll")
    steady = score(p, "roll_sustain")
    p.velocity = (p.velocity - p.beat * 4).astype(np.int16)
    assert steady > 99 > score(p, "roll_sustain")


def test_accents_are_not_inconsistency():
    """Playing the written accents costs nothing in velocity control."""
    p = perfect("single_paradiddle")
    flat = perfect("single_paradiddle")
    flat.velocity[:] = 68
    assert score(p, "velocity_control") == pytest.approx(100, abs=0.01)
    assert score(p, "accent_differentiation") > score(flat, "accent_differentiation")


def test_weak_hand_index_points_to_the_less_steady_hand():
    for hand, side in ((0, 1), (1, -1)):
        p = perfect("single_paradiddle")
        shake = np.where(p.hand == hand, np.tile([900, -900, 500, -700], len(p.take))[: len(p.take)], 30)
        p.onset_sample += shake
        assert side * (score(p, "weak_hand_index") - 50) > 5


def test_weak_hand_index_finds_the_weaker_hand_of_players():
    forms = definitions.main_forms()
    hits = {tier: [] for tier in range(4)}
    for i in range(40):
        person = players.player(42, i)
        values = scores.exercise_scores(play([plan_take(42, person, f, 0, 6.0) for f in forms], RATE), RATE)
        right_is_weaker = person.dominant_hand == "left"
        hits[person.tier] += list((values["weak_hand_index"] > 50) == right_is_weaker)
    shares = [np.mean(hits[tier]) for tier in range(4)]
    assert min(shares) > 0.6 and shares[0] > 0.8 and shares == sorted(shares, reverse=True)


def test_equal_hands_balance_whatever_the_sticking():
    """A player whose accents are too small is not unbalanced for having them all in one hand."""
    for slug in ("swiss_army_triplet", "lesson_25", "paradiddle_diddle", "flam_tap"):
        p = perfect(slug)
        p.velocity = np.where(p.accent, p.velocity - 18, p.velocity).astype(np.int16)
        assert score(p, "hand_balance") > 99.9, slug


@pytest.mark.parametrize(
    "slug, absent, present",
    [
        (
            "single_stroke_roll",
            ["accent_accuracy", "flam_quality", "diddle_quality", "buzz_quality"],
            ["roll_sustain"],
        ),
        (
            "flam",
            ["accent_differentiation", "drag_quality", "roll_sustain", "diddle_quality"],
            ["flam_quality"],
        ),
        ("flam_paradiddle", ["drag_quality", "roll_sustain"], ["flam_quality", "diddle_quality"]),
        ("drag_paradiddle_1", ["flam_quality"], ["drag_quality", "diddle_quality"]),
        ("multiple_bounce_roll", ["flam_quality", "diddle_quality"], ["buzz_quality", "roll_sustain"]),
    ],
)
def test_null_where_not_applicable(slug, absent, present):
    values = scores.exercise_scores(perfect(slug), RATE)
    assert all(np.isnan(values[name][0]) for name in absent)
    assert not any(np.isnan(values[name][0]) for name in present)


def test_tier_confidence_is_a_probability_that_follows_the_score():
    table = json.loads(scores.DISTRIBUTIONS_FILE.read_text())
    mean, sd = np.array(table["mean"]), np.array(table["sd"])
    posterior = scores.tier_posterior(
        np.array([20.0, 55.0, 70.0, 90.0]), mean, sd, np.array([0.25, 0.35, 0.25, 0.15])
    )
    assert posterior.sum(1) == pytest.approx(1)
    assert posterior.argmax(1).tolist() == [0, 1, 2, 3]


def test_distributions_are_those_of_the_corpus():
    assert json.loads(scores.DISTRIBUTIONS_FILE.read_text()) == tier_distributions.distributions(
        tier_distributions.measure()
    )
