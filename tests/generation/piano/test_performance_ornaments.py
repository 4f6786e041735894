"""Ornaments, articulation, pedal and mistakes of performances."""

import numpy as np
import pytest

from sousa.generation.piano.performance import pedal, perform, player
from sousa.generation.piano.performance.ornaments import neighbour
from sousa.generation.piano.played import KINDS, TIERS
from sousa.generation.piano.score import LEFT, RIGHT
from tests.support.piano_scores import note, piece, score

RATE = 44_100


def played(written, performance=0, tier="professional", piece_index=2):
    return perform(written, player(1, piece_index, performance, (tier,)), 1, piece_index, performance, RATE)


def of_note(p, written, **wanted):
    """Notes that are heard for each written note with these values."""
    chosen = np.ones(len(written.notes), dtype=bool)
    for name, value in wanted.items():
        chosen &= written.notes[name] == value
    return [p.notes[p.notes["note"] == i] for i in np.flatnonzero(chosen)]


@pytest.mark.parametrize(
    ("key", "pitch", "up", "wanted"),
    [
        ("C major", 64, True, 65), ("C major", 60, True, 62), ("C major", 60, False, 59),
        ("A minor", 69, False, 68), ("Gb major", 66, True, 68), ("F# minor", 73, True, 74),
        ("C major", 61, True, 62),
    ],
)  # fmt: skip
def test_neighbours_are_of_the_key(key, pitch, up, wanted):
    assert neighbour(key, pitch, up) == wanted


@pytest.mark.parametrize("style", ["baroque", "romantic"])
def test_trills_alternate_and_end_on_the_note(style):
    written = score([note(0, 4, 67, ornament="trill"), note(4, 4, 60)], 2, bpm=90.0, style=style)
    first = []
    for k in range(20):
        (trill,) = of_note(played(written, k), written, pitch=67)
        assert (trill["kind"] == KINDS.index("ornament")).all() and len(trill) >= 15
        assert set(trill["pitch"].tolist()) == {67, 69} and trill["pitch"][-1] == 67
        assert (np.diff(trill["pitch"].astype(int)) != 0).all()
        steps = np.diff(trill["onset_sample"]) / RATE
        assert (
            8.5 < 1 / steps.mean() < 17 and (trill["key_up_sample"][:-1] <= trill["onset_sample"][1:]).all()
        )
        first.append(trill["pitch"][0] == 69)
    assert np.mean(first) > 0.6 if style == "baroque" else np.mean(first) < 0.5


def test_mordents_and_turns():
    written = score(
        [note(0, 2, 67, ornament="mordent"), note(2, 2, 72, ornament="turn"), note(4, 1, 60)], 2, bpm=80.0
    )
    p = played(written)
    mordent, turn = of_note(p, written, pitch=67)[0], of_note(p, written, pitch=72)[0]
    assert mordent["pitch"].tolist() == [67, 65, 67] and turn["pitch"].tolist() == [74, 72, 71, 72]


def test_graces_are_played_in_order_before_their_note():
    graces = [note(2, 0, pitch, ornament="grace") for pitch in (74, 72)]
    written = score([note(k, 1, 67) for k in range(6)] + graces, 2, bpm=70.0)
    lengths = []
    for k in range(40):
        p = played(written, k)
        if len(p.missed):
            continue
        heard = [group[0] for group in of_note(p, written, duration_beat=0.0)]
        (main,) = of_note(p, written, onset_beat=2.0, duration_beat=1.0)
        assert heard[0]["pitch"] == 74
        assert heard[0]["onset_sample"] < heard[1]["onset_sample"] < main["onset_sample"][0]
        lengths.append((main["onset_sample"][0] - heard[1]["onset_sample"]) / RATE)
    assert 0.04 < np.median(lengths) < 0.11


def test_chords_are_broken_upwards_over_both_hands():
    chord = [note(4, 4, pitch, int(pitch < 60), ornament="arpeggio") for pitch in (48, 55, 64, 67, 72)]
    written = score([note(0, 4, 60), *chord], 2, bpm=80.0)
    steps = []
    for k in range(30):
        heard = played(written, k).notes
        heard = heard[heard["note"] > 0]
        order = np.argsort(heard["pitch"])
        assert (np.diff(heard["onset_sample"][order]) > 0).all()
        steps.append(np.diff(heard["onset_sample"][order]).mean() / RATE)
    assert 0.03 < np.median(steps) < 0.12


def test_touch_follows_the_marks():
    written = piece(bars=32)
    lengths = {}
    notes = written.notes
    marks = {
        "staccato": notes["articulation"] == 1,
        "plain": (notes["articulation"] == 0) & (notes["slur"] < 0) & (notes["hand"] == LEFT),
        "slurred": notes["slur"] >= 0,
    }
    plain = notes["ornament"] == 0
    for name, chosen in marks.items():
        ratios = []
        for k in range(6):
            p = played(written, k)
            heard = p.notes[(p.notes["kind"] == 0) & (chosen & plain)[p.notes["note"]]]
            source = notes[heard["note"]]
            ends = np.interp(source["onset_beat"] + source["duration_beat"], p.beats, p.beat_samples)
            full = ends - np.interp(source["onset_beat"], p.beats, p.beat_samples)
            ratios.append((heard["key_up_sample"] - heard["onset_sample"]) / full)
        lengths[name] = np.median(np.concatenate(ratios))
    assert 0.15 < lengths["staccato"] < 0.4 < lengths["plain"] < lengths["slurred"] < 1.1


def test_wrong_and_extra_notes_are_beside_the_right_ones():
    written = piece(bars=32)
    seen = 0
    for k in range(10):
        p = played(written, k, TIERS[0])
        notes = p.notes
        wrong = notes[notes["kind"] == KINDS.index("wrong")]
        away = np.abs(wrong["pitch"] - written.notes["pitch"][wrong["note"]])
        assert set(away.tolist()) <= {1, 2}
        assert (notes["note"][notes["kind"] == KINDS.index("extra")] == -1).all()
        seen += len(wrong)
    assert seen > 20


def test_the_melody_is_louder_and_leads():
    written = piece("romantic", bars=32)
    louder, earlier = [], []
    for k in range(8):
        p = played(written, k)
        notes = p.notes[p.notes["kind"] == 0]
        melody = written.notes["melody"][notes["note"]] & (notes["hand"] == RIGHT)
        place = written.notes["onset_beat"][notes["note"]]
        for beat in np.arange(0.0, 128.0, 2.0):
            here = place == beat
            if (here & melody).any() and (here & ~melody).any():
                louder.append(
                    notes["velocity"][here & melody].mean() - notes["velocity"][here & ~melody].mean()
                )
                onset = notes["onset_sample"] / RATE
                earlier.append(onset[here & ~melody].mean() - onset[here & melody].mean())
    assert 6 < np.mean(louder) < 19 and 0 < np.median(earlier) < 0.022


def test_the_curve_crosses_where_the_strokes_say():
    down, up = np.array([0.5, 1.5, 1.9]), np.array([1.3, 1.75, 4.0])
    rng = np.random.default_rng(0)
    messages = pedal.curve(down, up, 5.0, rng)
    assert messages[0].tolist() == [0, 0] and (np.diff(messages[:, 0]) > 0).all()
    state = messages[:, 1] >= 64
    edges = np.flatnonzero(np.diff(state.astype(int)))
    times = messages[edges + 1, 0]
    assert np.abs(times[::2] - down).max() < 0.03 and np.abs(times[1::2] - up).max() < 0.03
    partial = (messages[:, 1] > 15) & (messages[:, 1] < 112)
    assert partial.mean() > 0.3  # it is a curve, not a switch
    assert pedal.is_down(down, up, np.array([0.0, 0.6, 1.4, 1.6, 3.9, 4.1])).tolist() == [0, 1, 0, 1, 1, 0]
    assert pedal.curve(np.zeros(0), np.zeros(0), 1.0, rng).tolist() == [[0, 0]]
