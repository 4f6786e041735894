"""Forms laid over strokes: what was played is found, whatever the tempo and wherever the recording begins."""

from dataclasses import replace

import numpy as np
import pytest

from sousa.generation.rudiments import definitions
from sousa.generation.rudiments.listening import fitting
from tests.support.heard_rows import heard, rows


def best(strokes, form, **options):
    return fitting.best_fits(strokes, [form], **options)[0]


@pytest.mark.parametrize("row", rows(profiles=4)[:40], ids=lambda row: row["rudiment_slug"])
def test_tempo_lead_hand_and_grid_of_each_rudiment(row):
    strokes, form = heard(row)
    fit = best(strokes, form)
    assert fit.tempo_bpm == pytest.approx(row["tempo_bpm"], rel=0.02)
    assert not np.isnan(fit.beats).any() and (np.diff(fit.beats) > 0).all()
    # half a cycle away the hands are exchanged, and the same is written
    cycle, begin = float(form.cycle_beats), row["lead_in_sample"] * 1000.0 / row["sample_rate"]
    shift = ((fit.first_ms - begin) / fit.beat_ms) % cycle
    same = {0.0, cycle} if fit.lead_hand == row["lead_hand"] else {cycle / 2}
    if form.number in (1, 4, 6):  # rolls of equal strokes, in which more places are alike
        same = set(np.arange(0.0, cycle + 0.1, float(form.slots[0])))
    assert min(abs(shift - place) for place in same) < 0.2


def test_most_rudiments_are_told_from_all_others_by_what_is_heard_alone():
    forms = definitions.main_forms()
    right = []
    for row in rows(profiles=4)[::3]:
        strokes, form = heard(row)
        right.append(fitting.best_fits(strokes, forms)[0].form.slug == form.slug)
    assert np.mean(right) > 0.85


@pytest.mark.parametrize("slug", ["single_paradiddle", "flam_accent", "nine_stroke_roll", "single_ratamacue"])
def test_slower_playing_is_a_slower_tempo_and_nothing_else(slug):
    strokes, form = heard(next(row for row in rows(profiles=4) if row["rudiment_slug"] == slug))
    fit = best(strokes, form)
    slow = best(replace(strokes, time_ms=strokes.time_ms * 1.04), form)
    assert slow.tempo_bpm == pytest.approx(fit.tempo_bpm / 1.04, rel=0.01)
    np.testing.assert_allclose(np.diff(slow.beats), np.diff(fit.beats))


@pytest.mark.parametrize("slug", ["single_paradiddle", "flam_accent", "triple_paradiddle"])
def test_a_recording_may_begin_anywhere(slug):
    strokes, form = heard(next(row for row in rows(profiles=4) if row["rudiment_slug"] == slug))
    whole = best(strokes, form)
    for first in (3, 7):
        later = strokes.select(np.arange(first, len(strokes)))
        fit = best(later, form)
        assert fit.tempo_bpm == pytest.approx(whole.tempo_bpm, rel=0.02)
        # every stroke at the same place of the cycle
        cycle = float(form.cycle_beats)
        skipped = np.count_nonzero(strokes.is_primary[:first])
        moved = (whole.beats[skipped:] - fit.beats) % cycle
        expected = (0.0, cycle) if fit.lead_hand == whole.lead_hand else (cycle / 2,)
        assert min(np.abs(moved - place).max() for place in expected) < 1e-6


def test_a_known_tempo_is_kept():
    row = rows(profiles=4)[0]
    strokes, form = heard(row)
    assert best(strokes, form, tempo_bpm=float(row["tempo_bpm"])).tempo_bpm == row["tempo_bpm"]


def test_few_strokes_say_nothing():
    strokes, form = heard(rows(profiles=4)[0])
    assert fitting.best_fits(strokes.select(np.arange(3)), [form]) == []
    assert fitting.best_fits(strokes.select(np.arange(0)), [form]) == []


def test_strokes_left_out_and_added_do_not_move_the_others():
    strokes, form = heard(
        next(row for row in rows(profiles=4) if row["rudiment_slug"] == "single_paradiddle")
    )
    whole = best(strokes, form)
    gone = np.delete(np.arange(len(strokes)), [9, 20])
    fit = best(strokes.select(gone), form)
    np.testing.assert_allclose((fit.beats - whole.beats[gone]) % float(form.cycle_beats), 0.0, atol=1e-6)
