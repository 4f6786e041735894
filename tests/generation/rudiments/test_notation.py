"""Sticking and rhythm notation: reads what drummers write, refuses the rest, prints it back."""

import random
from fractions import Fraction

import pytest

from sousa.generation.rudiments.definitions import load
from sousa.generation.rudiments.notation import (
    NotationError,
    Stroke,
    format_rhythm,
    format_sticking,
    parse_rhythm,
    parse_sticking,
)


def test_reads_every_mark():
    strokes = parse_sticking("lR> L llR1 R2 Lz rL>")
    assert strokes == (
        Stroke("R", graces=1, accent=True),
        Stroke("L"),
        Stroke("R", graces=2, diddle=1),
        Stroke("R", diddle=2),
        Stroke("L", buzz=True),
        Stroke("L", graces=1, accent=True),
    )


def test_all_rudiments_round_trip():
    for form in load().values():
        assert parse_sticking(format_sticking(form.strokes)) == form.strokes
        rhythm = (form.onsets, form.lengths, form.lead_beats)
        assert parse_rhythm(format_rhythm(*rhythm)) == rhythm


def test_random_stickings_round_trip():
    rng = random.Random(1)
    for _ in range(500):
        strokes = []
        while len(strokes) < 8:
            hand, accent = rng.choice("LR"), rng.random() < 0.4
            if rng.random() < 0.3:
                strokes += [Stroke(hand, rng.randrange(3), accent, 1), Stroke(hand, 0, rng.random() < 0.2, 2)]
            else:
                strokes.append(Stroke(hand, rng.randrange(3), accent, 0, rng.random() < 0.2))
        text = format_sticking(strokes)
        assert parse_sticking(text) == tuple(strokes)
        assert format_sticking(parse_sticking(text)) == text


def test_marks_are_read_in_any_order():
    assert parse_sticking("R1> R2") == parse_sticking("R>1 R2")


@pytest.mark.parametrize(
    "text, part",
    [
        ("", "at least one stroke"),
        ("R X", "stroke 2 ('X')"),
        ("rR", "graces are played by the other hand"),
        ("lllR", "at most two graces"),
        ("lrR", "graces are played by the other hand"),
        ("R>>", "mark > is given twice"),
        ("R12", "not both"),
        ("R1z R2", "can't be part of a diddle"),
        ("R1 L2", "followed by a second of the same hand"),
        ("R R2", "must follow a first of the same hand"),
        ("R1", "followed by a second"),
    ],
)
def test_bad_stickings_are_refused(text, part):
    with pytest.raises(NotationError) as error:
        parse_sticking(text)
    assert part in str(error.value)


def test_all_problems_are_named_at_once():
    with pytest.raises(NotationError) as error:
        parse_sticking("rR X R>>")
    for part in ("stroke 1", "stroke 2", "stroke 3"):
        assert part in str(error.value)


def test_rhythm_positions_are_exact():
    onsets, lengths, total = parse_rhythm("3x1/6 r1/4 1/4")
    assert onsets == (0, Fraction(1, 6), Fraction(1, 3), Fraction(3, 4))
    assert lengths == (Fraction(1, 6),) * 3 + (Fraction(1, 4),)
    assert total == 1


@pytest.mark.parametrize("text", ["", "1/0", "0x1/4", "x1/4", "1/4 -1/8", "r1/4 1/4", "0", "abc"])
def test_bad_rhythms_are_refused(text):
    with pytest.raises(NotationError):
        parse_rhythm(text)
