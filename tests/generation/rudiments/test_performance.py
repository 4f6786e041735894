"""The performance model: physics, figures, and independence of the batch."""

import numpy as np
import pytest

from sousa.generation.rudiments import definitions, mistakes, players
from sousa.generation.rudiments.assembly import BOUNCE, BUZZ, GRACE, RING_OUT_SEC, STRAY, TAP, play
from sousa.generation.rudiments.score import plan_take, tempo_range

RATE = 44100


def takes_of(profiles, forms=None, tempos=3, seed=42, duration=6.0, mistakes="as_played"):
    forms = forms or definitions.main_forms()
    return [
        plan_take(seed, players.player(seed, p), form, t, duration, mistakes)
        for p in profiles
        for form in forms
        for t in range(tempos)
    ]


@pytest.fixture(scope="module")
def played():
    """All forms and variants by players of every tier."""
    return play(takes_of(range(12), list(definitions.load().values())), RATE)


def arrays_of(p, t):
    rows = slice(p.start[t], p.start[t + 1])
    return {
        name: getattr(p, name)[rows]
        for name in ("onset_sample", "intended_sample", "velocity", "kind", "hand")
    }


def test_a_take_does_not_depend_on_its_batch(played):
    picks = [0, 17, 100, 399]
    alone = [play([played.takes[t]], RATE) for t in picks]
    together = play([played.takes[t] for t in reversed(picks)], RATE)
    for i, t in enumerate(picks):
        for name, values in arrays_of(played, t).items():
            assert (values == arrays_of(alone[i], 0)[name]).all()
            assert (values == arrays_of(together, len(picks) - 1 - i)[name]).all()
        assert played.num_samples[t] == alone[i].num_samples[0]


def test_strokes_are_in_order_and_inside(played):
    steps = np.diff(played.onset_sample)
    assert steps[played.take[1:] == played.take[:-1]].min() > 0
    assert played.onset_sample.min() >= 0.02 * RATE - 1
    last = played.onset_sample[played.start[1:] - 1]
    assert (played.num_samples - last == round(RING_OUT_SEC * RATE)).all()


def test_a_take_in_which_nothing_goes_wrong_is_the_same_without_mistakes():
    made = play(takes_of(range(8)), RATE)
    without = play(takes_of(range(8), mistakes="none"), RATE)
    assert not without.mistake.any() and not len(without.omissions.take)
    wrong = np.bincount(made.take[made.mistake > 0], minlength=len(made.takes)) + np.diff(
        made.omissions.start
    )
    whole = np.flatnonzero(wrong == 0)
    assert 100 < len(whole) < len(made.takes) - 100
    for t in whole.tolist():
        for name, values in arrays_of(made, t).items():
            assert (values == arrays_of(without, t)[name]).all(), name
        rows = [slice(p.start[t], p.start[t + 1]) for p in (made, without)]
        assert (made.variant[rows[0]] == without.variant[rows[1]]).all()


def test_few_mistakes_are_fewer():
    counts = [
        np.count_nonzero(play(takes_of(range(12), tempos=1, mistakes=level), RATE).mistake)
        for level in ("as_played", "few", "none")
    ]
    assert counts[0] > 2 * counts[1] > 0
    assert counts[2] == 0


def test_every_kind_of_mistake_is_made_and_is_what_it_says(played):
    kind = {name: played.mistake == mistakes.number(name) for name in mistakes.HEARD}
    assert all(mask.any() for mask in kind.values())
    assert set(played.omissions.mistake.tolist()) == {mistakes.number(name) for name in mistakes.LEFT_OUT}
    stray = played.kind == STRAY
    assert (stray == (kind["double"] | kind["touch"])).all()
    parent = played.hand[np.flatnonzero(kind["double"]) - 1]
    assert (played.hand[kind["double"]] == parent).all()
    assert (played.hand != played.written_hand)[kind["wrong_hand"]].all()
    assert (played.accent & ~played.accent_played)[kind["missing_accent"]].all()
    assert (~played.accent & played.accent_played)[kind["misplaced_accent"]].all()
    second = np.flatnonzero(kind["collapsed_diddle"])
    second = second[played.kind[second - 1] == TAP]  # with nothing added between the two
    gap_ms = (played.onset_sample[second] - played.onset_sample[second - 1]) * 1000 / RATE
    assert (played.diddle[second] == 2).all() and gap_ms.min() > 19.9 and gap_ms.max() < 44.1
    # takes begin with what is written, with or without its graces
    first = played.start[:-1]
    assert not played.position[first].any() and not played.cycle[first].any()


def test_lead_in_is_whole_beats_and_grid_is_exact(played):
    main = (played.kind == TAP) | (played.kind == BUZZ)
    beat_samples = np.array([60.0 / t.tempo_bpm * RATE for t in played.takes])
    grid = (played.lead_in_beats[played.take] + played.beat) * beat_samples[played.take]
    assert main.any()
    assert np.abs(played.intended_sample - grid)[main].max() <= 0.5 + 1e-6
    assert (played.lead_in_beats >= 1).all()


def test_velocities_stay_off_the_rails(played):
    assert played.velocity.min() >= 1 and played.velocity.max() <= 127
    assert np.mean((played.velocity <= 1) | (played.velocity >= 127)) < 0.001


def test_hands_keep_their_speed_limits(played):
    ms = 1000 / RATE
    parent = played.start[played.take] + played.parent
    flat = played.mistake == mistakes.number("flat_grace")
    assert ((played.onset_sample[parent] - played.onset_sample)[flat] * ms).max() < 5.1
    grace = np.flatnonzero((played.kind == GRACE) & ~flat)
    assert ((played.onset_sample[parent] - played.onset_sample)[grace] * ms).min() >= 6.0
    second = grace[played.child[grace] == 2]
    assert ((played.onset_sample[second] - played.onset_sample[second - 1]) * ms).min() >= 35.0
    bounce = np.flatnonzero(played.kind == BOUNCE)
    assert ((played.onset_sample[bounce] - played.onset_sample[bounce - 1]) * ms).min() >= 20.0


def test_graces_come_from_the_other_hand_and_bounces_from_the_same(played):
    parent = played.start[played.take] + played.parent
    grace, bounce = played.kind == GRACE, played.kind == BOUNCE
    assert (played.hand[grace] != played.hand[parent[grace]]).all()
    assert (played.hand[bounce] == played.hand[parent[bounce]]).all()
    assert (played.kind[parent[bounce]] == BUZZ).all()
    assert (played.take[parent[grace]] == played.take[grace]).all()


def test_flams_have_their_stated_lead(played):
    first = np.flatnonzero((played.kind == GRACE) & (played.child == 1))
    parent = played.start[played.take[first]] + played.parent[first]
    lead_ms = (played.intended_sample[parent] - played.intended_sample[first]) * 1000 / RATE
    flam = parent - first == 1
    stated = np.minimum(28.0, 0.30 * played.slot_ms[first])
    assert np.abs(lead_ms - stated)[flam].max() < 0.03
    assert lead_ms[~flam].min() > 60.0


def test_whole_cycles_nearest_the_duration():
    for take in takes_of([3], tempos=1):
        cycle_sec = float(take.form.cycle_beats) * 60 / take.tempo_bpm
        assert abs(take.num_cycles * cycle_sec - 6.0) <= cycle_sec / 2 + 1e-9 or take.num_cycles == 1
    long = takes_of([3], tempos=1, duration=30.0)
    assert all(27 < t.num_cycles * float(t.form.cycle_beats) * 60 / t.tempo_bpm < 34 for t in long)


def test_tempi_lie_in_the_rudiments_range_and_the_players_comfort():
    for take in takes_of(range(12), list(definitions.load().values()), tempos=5):
        tempo = take.form.tempo
        assert tempo.min <= take.tempo_low_bpm <= take.tempo_bpm <= take.tempo_high_bpm <= tempo.max


def test_better_players_are_given_faster_tempi():
    form = definitions.load()["single_paradiddle"]
    tops = [[] for _ in range(4)]
    for i in range(100):
        person = players.player(42, i)
        tops[person.tier].append(tempo_range(form, person)[1])
    means = [np.mean(t) for t in tops]
    assert means == sorted(means)


def test_first_tempi_stay_when_more_are_asked_for():
    few, many = takes_of([5], tempos=2), takes_of([5], tempos=7)
    assert {(t.form.form, t.tempo_index): t.tempo_bpm for t in few}.items() <= {
        (t.form.form, t.tempo_index): t.tempo_bpm for t in many
    }.items()


def test_timing_is_not_white_noise():
    """Asynchronies persist and intervals alternate, in every tier."""
    forms = [definitions.load()["single_stroke_roll"]]
    p = play(takes_of(range(60), forms, duration=30.0, mistakes="none"), RATE)
    lags = {tier: [] for tier in range(4)}
    for t, take in enumerate(p.takes):
        rows = slice(p.start[t], p.start[t + 1])
        error = (p.onset_sample - p.intended_sample)[rows].astype(float)
        interval = np.diff(error)
        pair = [np.corrcoef(x[1:], x[:-1])[0, 1] for x in (error, interval)]
        lags[take.player.tier].append(pair)
    for tier in range(4):
        persistence, alternation = np.median(lags[tier], axis=0)
        assert persistence > 0.4 and -0.55 < alternation < -0.1


def test_alternating_rudiments_exchange_hands():
    form = definitions.load()["five_stroke_roll"]
    p = play(takes_of([3], [form], tempos=1, mistakes="none"), RATE)
    hands = p.hand.reshape(-1, 5)
    assert (hands[::2] == 1 - hands[1::2]).all()


def test_other_rates_give_the_same_music():
    takes = takes_of([4], tempos=1)
    low, high = play(takes, 16000), play(takes, 48000)
    assert np.abs(low.onset_sample * 3 - high.onset_sample).max() <= 2
    assert (low.velocity == high.velocity).all()
