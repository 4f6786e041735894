"""Judging heard strokes: scores as labels have them, and mistakes where they were made."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from sousa.generation.rudiments import definitions
from sousa.generation.rudiments.listening import fitting, standing
from sousa.generation.rudiments.listening.judging import judge, with_hands
from sousa.generation.rudiments.listening.sticking import Sticking
from sousa.generation.rudiments.scores import SKILL_SCORES
from tests.support.heard_rows import heard, rows

EVERYBODY = ("beginner", "intermediate", "advanced", "professional")


def judged(row, known=True):
    strokes, form = heard(row)
    tempo = row["tempo_bpm"] if known else None
    return judge(strokes, fitting.best_fits(strokes, [form], tempo)[0], known)


@pytest.mark.parametrize("known", [True, False], ids=["tempo known", "tempo not known"])
def test_scores_of_perfect_hearing_go_with_the_labels(known):
    some = rows(EVERYBODY, "as_played", profiles=8)[::2]
    of_rows = [judged(row, known).scores for row in some]
    for name, least in (("overall_score", 0.93), ("velocity_control", 0.93), ("timing_consistency", 0.9)):
        label = np.array([row[name] for row in some])
        assert spearmanr(label, [scores[name] for scores in of_rows])[0] > least, name
    assert all(np.isnan(scores["tempo_stability"]) for scores in of_rows) != known


def test_ornaments_are_judged_as_labels_judge_them():
    some = rows(("professional",), "none", profiles=4)
    for name in ("flam_quality", "drag_quality", "buzz_quality"):
        with_it = [row for row in some if row[name] is not None]
        scores = np.array([judged(row).scores[name] for row in with_it])
        np.testing.assert_allclose(scores, [row[name] for row in with_it], atol=2.5, err_msg=name)


def test_scores_apply_where_those_of_labels_do():
    for row in rows(("professional",), "none", profiles=4):
        scores = judged(row).scores
        assert set(scores) >= set(SKILL_SCORES)
        for name in ("flam_quality", "drag_quality", "diddle_quality", "buzz_quality", "accent_accuracy"):
            assert np.isnan(scores[name]) == (row[name] is None), (row["rudiment_slug"], name)


def test_playing_without_mistakes_has_none():
    wrong = [judged(row).num_mistakes for row in rows(("professional",), "none", profiles=4)]
    assert np.mean(wrong) < 0.5


def test_mistakes_are_found_where_they_are():
    strokes, form = heard(
        next(row for row in rows(profiles=4) if row["rudiment_slug"] == "single_paradiddle")
    )
    fit = fitting.best_fits(strokes, [form])[0]
    clean = judge(strokes, fit)
    without = strokes.select(np.delete(np.arange(len(strokes)), 9))
    out = judge(without, fitting.best_fits(without, [form])[0])
    gone = np.flatnonzero(out.omissions.astype(bool))
    assert [out.omissions[i] for i in gone] == ["omission"] and not out.mistakes.astype(bool).any()
    assert out.wanted["time_ms"][gone[0]] == pytest.approx(strokes.time_ms[9], abs=40)

    swapped = replace(strokes, left=np.where(np.arange(len(strokes)) == 12, 1 - strokes.left, strokes.left))
    assert judge(swapped, fit).mistakes[12] == "wrong_hand" and clean.mistakes[12] is None
    unsure = replace(strokes, left=np.where(swapped.left > 0.5, 0.7, 0.3))
    assert judge(unsure, fit).mistakes[12] is None and judge(unsure, fit).hands[12] == clean.hands[12]

    accent = int(np.flatnonzero(strokes.accent > 0.5)[1])
    missed = replace(strokes, accent=np.where(np.arange(len(strokes)) == accent, 0.05, strokes.accent))
    assert judge(missed, fit).mistakes[accent] == "missing_accent"

    extra = np.sort(np.append(np.arange(len(strokes)), 14))
    time = strokes.select(extra).time_ms.copy()
    time[15] += 0.5 * (strokes.time_ms[15] - strokes.time_ms[14])
    added = judge(replace(strokes.select(extra), time_ms=time), fit)
    assert added.num_mistakes == clean.num_mistakes + 1
    assert {added.mistakes[14], added.mistakes[15]} & {"double", "touch"}


def test_most_mistakes_of_players_are_found_again():
    hits, made, told = 0, 0, 0
    for row in rows(EVERYBODY, "as_played", profiles=8)[::2]:
        out = judged(row)
        label = np.array([stroke["mistake"] in KINDS for stroke in row["strokes"]])
        guess = np.isin(out.mistakes, KINDS)
        hits, made, told = hits + (label & guess).sum(), made + label.sum(), told + guess.sum()
    assert hits / made > 0.8 and hits / told > 0.7


KINDS = ("double", "touch", "wrong_hand", "missing_accent", "misplaced_accent", "flat_grace")


def test_percentiles_rise_with_the_score_and_fall_with_the_tier():
    low, high = (standing.percentiles({"overall_score": value}) for value in (40.0, 75.0))
    assert all(low[tier]["overall_score"] <= high[tier]["overall_score"] for tier in low)
    shares = [high[tier]["overall_score"] for tier in EVERYBODY]
    assert shares == sorted(shares, reverse=True)
    assert standing.percentiles({"overall_score": float("nan")})["beginner"] == {}
    # what many have in full is not above them
    perfect = standing.percentiles({"stroke_accuracy": 100.0})["professional"]["stroke_accuracy"]
    assert perfect < 60


def test_one_hand_alone_and_ornaments_without_strokes_are_no_crash():
    strokes, form = heard(rows(profiles=4)[0])
    right = replace(strokes, left=np.zeros(len(strokes)))
    assert judge(right, fitting.best_fits(right, [form])[0]).num_mistakes > 0
    graces = replace(strokes, grace=np.ones(len(strokes)))
    assert fitting.best_fits(graces, [form]) == []
    close = replace(strokes, time_ms=np.arange(len(strokes)) * 20.0)
    fit = fitting.best_fits(close, [form])[0]
    assert form.tempo.min / 1.5 < fit.tempo_bpm < form.tempo.max * 1.5


def test_the_sound_of_the_hands_tells_the_sticking():
    strokes, form = heard(
        next(row for row in rows(profiles=4) if row["rudiment_slug"] == "single_paradiddle")
    )
    rng = np.random.default_rng(0)
    colour = rng.standard_normal((len(strokes), 24)) + 1.5 * strokes.left[:, None] * np.linspace(-1, 1, 24)
    unknown = replace(strokes, left=np.full(len(strokes), 0.5), colour=colour)
    single = definitions.load()["single_stroke_roll"]
    gains = [
        Sticking(unknown).gain(np.arange(len(strokes)), left)
        for left in (strokes.left, 1.0 - strokes.left, np.arange(len(strokes)) % 2)
    ]
    assert gains[0] > gains[2] + 5 and gains[1] > gains[2] + 5
    assert gains[0] > gains[1]  # the brighter hand is the left one in most players
    best = fitting.best_fits(replace(unknown, accent=np.full(len(strokes), 0.5)), [form, single])
    assert best[0].form.slug == "single_paradiddle"
    told = with_hands(unknown, judge(unknown, fitting.best_fits(unknown, [form])[0])).left > 0.5
    right = np.mean(told == (strokes.left > 0.5))
    assert max(right, 1 - right) > 0.85
