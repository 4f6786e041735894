"""What can be asked of composed pieces, and how levels differ."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from sousa.generation.piano.composition import Wanted, compose, metres, problems, progressions
from sousa.generation.piano.composition.chords import harmony
from sousa.generation.piano.composition.tables import table, weighted
from sousa.generation.piano.score import ARTICULATIONS, COMPLEXITIES, KEYS, LEFT, ORNAMENTS, RIGHT
from tests.generation.piano.composed import pieces

levels = pytest.mark.parametrize("level", COMPLEXITIES)


def duration(score):
    """Seconds at the written tempo."""
    assert score.tempi == ()
    return score.end_beat * 60 / score.tempo_bpm


@pytest.mark.parametrize("key", KEYS)
def test_each_key_can_be_asked_for(key):
    for index, level in enumerate(COMPLEXITIES):
        score = compose(1, index, Wanted(level, (key,)))
        assert score.keys[0] == (0.0, key) and key in score.title


def test_some_keys_can_be_asked_for():
    drawn = {compose(1, i, Wanted("medium", ("A minor", "E major"))).keys[0][1] for i in range(40)}
    assert drawn == {"A minor", "E major"}


@pytest.mark.parametrize("metre", metres())
def test_each_metre_can_be_asked_for(metre):
    for index, level in enumerate(COMPLEXITIES):
        assert compose(1, index, Wanted(level, (), (metre,))).bars[-1].metre == metre


def test_some_metres_can_be_asked_for():
    drawn = {compose(1, i, Wanted("simple", (), ("2/4", "12/8"))).bars[0].metre for i in range(120)}
    assert drawn == {"2/4", "12/8"}


def test_without_wishes_there_are_all_keys_and_metres():
    scores = [score for level in COMPLEXITIES for score in pieces(level)]
    scores += [compose(2, i, Wanted("complex")) for i in range(160)]
    assert {score.keys[0][1] for score in scores} == set(KEYS)
    assert {score.bars[0].metre for score in scores} == set(metres())


LIMITS = [
    (level, *limits)
    for level in COMPLEXITIES
    for limits in (
        (10, 50, 5.0, 30.0),  # the ones people ask for first
        (10, 10, 5.0, 8.0),
        (60, 64, 20.0, 20.0),
        (None, 20, 10.0, None),
        (None, None, 3.0, 3.5),
        (30, None, None, 9.0),
        (4, 5, 2.0, 4.0),
        (None, 25, None, None),
        (220, 230, 60.0, 61.0),
        (None, None, None, 6.0),
        (None, None, 90.0, None),
        (300, None, None, None),
    )
]


@pytest.mark.parametrize("level, min_notes, max_notes, min_sec, max_sec", LIMITS)
def test_limits_are_kept(level, min_notes, max_notes, min_sec, max_sec):
    wanted = Wanted(level, (), (), min_notes, max_notes, min_sec, max_sec)
    assert problems(wanted) == []
    for index in range(4):
        score = compose(1, index, wanted)
        assert (min_notes or 0) <= len(score.notes) <= (max_notes or 10**6)
        assert (min_sec or 0) - 1e-6 <= duration(score) <= (max_sec or 10**6) + 1e-6
        lasting = score.notes[score.notes["duration_beat"] > 0]
        assert lasting["duration_beat"].min() * 60 / score.tempo_bpm > 0.04
        assert lasting["melody"].any()


def test_any_limits_without_problems_are_kept():
    rng = np.random.default_rng(5)
    met = 0
    for number in range(200):
        notes = sorted(rng.integers(4, 300, 2).tolist())
        seconds = sorted(np.round(rng.uniform(2, 60, 2), 2).tolist())
        level = COMPLEXITIES[number % 3]
        names = (metres()[number % len(metres())],) if number % 2 else ()
        wanted = Wanted(level, (), names, *notes, *seconds)
        if problems(wanted):
            continue
        met += 1
        score = compose(1, number, wanted)
        assert notes[0] <= len(score.notes) <= notes[1]
        assert seconds[0] - 1e-6 <= duration(score) <= seconds[1] + 1e-6
        assert not names or score.bars[0].metre == names[0]
    assert met > 80


def test_limits_move_pieces():
    def means(**limits):
        scores = [compose(1, i, Wanted("medium", **limits)) for i in range(30)]
        return np.mean([len(score.notes) for score in scores]), np.mean([duration(score) for score in scores])

    notes, seconds = means()
    assert means(max_notes=60)[0] <= 60 < notes < 320 <= means(min_notes=320)[0]
    assert means(max_duration_sec=10)[1] <= 10 < seconds < 60 <= means(min_duration_sec=60)[1]


@pytest.mark.parametrize(
    "wanted, said",
    [
        (Wanted("hard"), "complexity is 'hard'; choose from simple"),
        (Wanted("simple", ("H major",)), "a key is 'H major'"),
        (Wanted("simple", (), ("4/3",)), "a metre is '4/3'"),
        (Wanted("simple", (), (), 50, 10), "min_notes is 50, above max_notes 10; exchange them"),
        (Wanted("simple", (), (), None, None, 9.0, 3.0), "min_duration_sec is 9, above max_duration_sec 3"),
        (Wanted("simple", (), (), None, 3), "max_notes is 3; the shortest piece has 4 notes"),
        (Wanted("simple", (), ("12/8",), None, None, None, 1.5), "two bars in 12/8 take 2 s"),
        (Wanted("simple", (), (), 200, None, None, 20.0), "than simple pieces have room for in 20 s (80)"),
        (Wanted("simple", (), (), None, 10, 60.0, None), "max_notes is 10, too few to fill 60 s (30)"),
    ],
)
def test_what_cant_be_met_is_said(wanted, said):
    sentences = problems(wanted)
    assert len(sentences) == 1 and said in sentences[0]


def test_all_problems_are_said_together():
    assert len(problems(Wanted("simple", ("H", "C major"), ("1/1",), 9, 8, 7, 6))) == 4


def share(level, what):
    """Mean of something over the pieces of a level."""
    return float(np.mean([what(score) for score in pieces(level)]))


def rising(what, least=0.0):
    """Assert that something grows from level to level."""
    simple, medium, hard = (share(level, what) for level in COMPLEXITIES)
    assert simple + least < medium and medium + least < hard, (simple, medium, hard)


def outside(score):
    key = score.keys[0][1]
    signature = {(KEYS[key] + fifths) * 7 % 12 for fifths in range(-1, 6)}
    return np.mean([int(pitch) % 12 not in signature for pitch in score.notes["pitch"]])


def most_at_once(score):
    notes = score.notes
    steps = [(onset, 1) for onset in notes["onset_beat"]] + [
        (end, -1) for end in notes["onset_beat"] + notes["duration_beat"]
    ]
    return max(np.cumsum([step for _, step in sorted(steps)]))


def test_levels_differ_in_what_they_claim():
    rising(lambda s: len(s.notes) / duration(s), 1.0)  # notes a second
    rising(outside, 0.01)  # chromatic notes
    rising(lambda s: np.mean(["/" in c.numeral for c in s.chords]), 0.02)  # applied chords
    rising(lambda s: len({c.numeral for c in s.chords}), 0.5)
    rising(lambda s: -np.mean([c.duration_beat for c in s.chords]), 0.05)  # harmonic rhythm
    rising(lambda s: np.sum(s.notes["ornament"] > 0) / len(s.bars), 0.05)
    rising(lambda s: len(s.keys) - 1, 0.1)  # changes of key
    rising(lambda s: abs(KEYS[s.keys[0][1]]), 0.2)  # accidentals
    rising(lambda s: np.mean(s.notes["duration_beat"] < 0.5), 0.1)  # semiquavers and triplets
    rising(lambda s: len(np.unique(s.notes["duration_beat"])), 0.5)
    rising(lambda s: np.ptp(s.notes["pitch"]), 1)
    rising(lambda s: np.mean(s.notes["voice"] == 2), 0.01)  # second voices


def test_simple_pieces_are_simple():
    for score in pieces("simple"):
        assert len(score.keys) == 1 and not any("/" in chord.numeral for chord in score.chords)
        assert not any(set(chord.numeral) & set("6432") for chord in score.chords)  # root position
        assert not score.notes["ornament"].any() and score.notes["duration_beat"].min() > 0
        assert (score.notes["duration_beat"] * 4 % 1 == 0).all()
        right = score.notes[score.notes["hand"] == RIGHT]
        assert len(np.unique(right["onset_beat"])) == len(right)  # single notes


def test_complex_pieces_have_what_they_claim():
    ornaments, kinds, values, articulations = Counter(), Counter(), set(), Counter()
    voices, modulating = set(), 0
    for score in pieces("complex"):
        ornaments.update(score.notes["ornament"].tolist())
        kinds.update(chord.quality for chord in score.chords)
        values |= {round(float(value), 3) for value in score.notes["duration_beat"]}
        voices |= set(zip(score.notes["hand"].tolist(), score.notes["voice"].tolist(), strict=True))
        articulations.update(score.notes["articulation"].tolist())
        modulating += len(score.keys) > 1
    assert set(ornaments) == set(range(len(ORNAMENTS)))
    assert {0.125, 0.25, 0.333, 0.5, 0.75, 1.0, 1.5} <= values
    assert voices == {(RIGHT, 1), (RIGHT, 2), (LEFT, 1), (LEFT, 2)}
    assert {"dominant7", "diminished7", "halfdiminished7", "minor7", "diminished"} <= set(kinds)
    assert modulating > 0.4 * len(pieces("complex"))
    assert {ARTICULATIONS.index(name) for name in ("staccato", "accent", "tenuto")} < set(articulations)


def test_romantic_pieces_go_beyond_ten_sounds_under_a_pedal():
    most = []
    for score in pieces("complex"):
        if score.style == "romantic":
            notes = score.notes
            bars = np.searchsorted([chord.onset_beat for chord in score.chords], notes["onset_beat"] + 1e-9)
            most.append(max(len(set(notes["pitch"][bars == bar])) for bar in np.unique(bars)))
    assert np.mean(np.array(most) > 10) > 0.4 and max(most) >= 15


@levels
def test_figures_of_melodies_are_near_the_measured_ones(level):
    steps = np.concatenate([np.diff(s.notes["pitch"][s.notes["melody"]].astype(int)) for s in pieces(level)])
    size = np.abs(steps)
    assert 0.4 < np.mean((size == 1) | (size == 2)) < 0.6  # measured: .45
    assert np.mean((steps < 0) & (size < 3)) > np.mean((steps > 0) & (size < 3))
    assert 0.02 < np.mean(size == 0) < 0.12  # measured: .064
    assert np.mean(size > 12) < 0.03  # measured: .02


def test_harmony_follows_the_tables():
    rows = table("harmony")["classical"]
    for mode, level in product(("major", "minor"), COMPLEXITIES):
        known = progressions.known(level)
        for numeral in known & set(rows[mode]):
            following = progressions.row(level, mode, numeral).things
            assert following and set(following) <= set(rows[mode]) & known, (mode, level, numeral)
            harmony(numeral, f"C {mode}")
        for kind, key in product(("PAC", "IAC", "HC", "DC"), ("C",)):
            tonic = "I" if mode == "major" else "i"
            assert progressions.cadences(level, mode, kind, tonic, 2).things, (level, kind, key)
    named = {name for mode in ("major", "minor") for text in rows[mode].values() for name in weighted(text)}
    assert named <= progressions.known("complex")


@levels
def test_progressions_go_where_their_tables_say(level):
    rows = table("harmony")["classical"]
    told = Counter()
    for score in pieces(level):
        if score.style == "popular":
            continue
        for chord, following in zip(score.chords, score.chords[1:], strict=False):
            if chord.key == following.key:
                mode = chord.key.split()[1]
                told[following.numeral in weighted(rows[mode].get(chord.numeral, ""))] += 1
    assert told[True] > 0.85 * told.total()


@levels
def test_no_piece_is_longer_than_the_longest(level):
    longest = {"min_duration_sec": 1800.0}
    for wanted in (
        Wanted(level, **longest),
        Wanted(level, min_notes=7000),
        Wanted(level, min_duration_sec=1000.0),
    ):
        assert not problems(wanted) and wanted.durations()[1] <= 1800.0
    assert duration(compose(1, 0, Wanted(level, **longest))) == pytest.approx(1800.0, rel=0.02)


@pytest.mark.parametrize(
    "limits, said",
    [
        ({"min_duration_sec": 1e5}, "min_duration_sec is 100,000; give at most 1,800"),
        ({"max_duration_sec": 1801}, "max_duration_sec is 1,801; give at most 1,800"),
        ({"max_notes": 10**7}, "max_notes is 10,000,000; give at most 20,000"),
        ({"min_notes": 10**7}, "min_notes is 10,000,000; give at most 20,000"),
        ({"min_notes": 20_000}, "min_notes is 20000, more than simple pieces have room for in 1800 s (7200); "
         "lower it"),
    ],
)  # fmt: skip
def test_limits_beyond_any_piece_are_refused(limits, said):
    assert problems(Wanted("simple", **limits)) == [said]
