"""What every performance keeps, whoever plays."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from sousa.generation.piano.performance import counted_beats, deadpan, perform, player
from sousa.generation.piano.performance.perform import KEY_UP_SEC, LEAST_HELD_SEC, SOONEST_SEC
from sousa.generation.piano.played import KINDS, TIERS, sounding_ends
from sousa.generation.piano.score import LEFT, RIGHT, STYLES
from tests.support.piano_scores import note, piece, score

RATE = 44_100


def played(written, tier="professional", performance=0, rate=RATE, piece_index=3, seed=1):
    who = player(seed, piece_index, performance, (tier,))
    return perform(written, who, seed, piece_index, performance, rate)


def odd_scores():
    """Scores at the edges of what there is."""
    fast = [note(k / 8, 1 / 8, 60, RIGHT) for k in range(64)]
    return {
        "one note": score([note(0, 4, 60)], bars=1),
        "the outermost keys": score([note(k, 1, p) for k in range(8) for p in (21, 108)], bars=2),
        "one key, fast": score(fast, bars=2, bpm=180.0),
        "both hands on one key": score(
            [note(k / 2, 0.5, 60, k % 2, 1) for k in range(16)]
            + [note(2, 1, 60, LEFT), note(4, 2, 60, LEFT)],
            bars=2,
        ),
        "left hand alone": score([note(k, 1, 40 + k, LEFT) for k in range(16)], metre="6/8", bars=6),
        "upbeat of half a beat": score(
            [note(k / 2, 0.5, 60 + k) for k in range(20)], metre="3/4", upbeat=0.5, bars=4
        ),
        "a rest at first": score([note(5 + k, 1, 60 + k) for k in range(8)], bars=4),
        "a written change of tempo": score(
            [note(k, 1, 60 + k % 9) for k in range(16)], bars=4, tempi=((8.0, 50.0),)
        ),
        "a chord of ten": score([note(k, 1, 40 + 4 * j, int(j < 5)) for k in range(8) for j in range(10)], 2),
        "trills without room": score([note(k / 4, 0.25, 60 + k % 5, ornament="trill") for k in range(16)], 1),
        "a grace that leads nowhere": score([note(0, 0, 61, ornament="grace"), note(1, 1, 60)], 1),
        "graces on the key of their note": score(
            [n for k in range(4) for n in (note(k, 0, 60, ornament="grace"), note(k, 1, 60))], 1
        ),
    }


CASES = {style: piece(style) for style in STYLES} | odd_scores()


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", CASES)
def test_performances_are_valid(name, tier):
    written = CASES[name]
    for performance in range(4):
        check(written, played(written, tier, performance))


def check(written, p):
    notes, seconds = p.notes, p.notes["onset_sample"] / p.sample_rate
    # every written note is played or missed, and none is both
    of_score = notes["kind"] != KINDS.index("extra")
    assert (notes["note"][~of_score] == -1).all()
    assert sorted({*notes["note"][of_score].tolist(), *p.missed.tolist()}) == list(range(len(written.notes)))
    assert not set(notes["note"].tolist()) & set(p.missed.tolist())
    once = notes["note"][(notes["kind"] == KINDS.index("written")) | (notes["kind"] == KINDS.index("wrong"))]
    assert len(np.unique(once)) == len(once)

    assert (np.lexsort((notes["pitch"], notes["onset_sample"])) == np.arange(len(notes))).all()
    assert notes["pitch"].min() >= 21 and notes["pitch"].max() <= 108
    assert notes["velocity"].min() >= 1 and notes["velocity"].max() <= 127
    first = min(seconds.min(), p.beat_samples[0] / p.sample_rate)
    assert 0.2 - 1e-4 <= first <= 0.6 + 1e-4

    # a key goes up, and stays up, before it is struck again
    held = (notes["key_up_sample"] - notes["onset_sample"]) / p.sample_rate
    assert held.min() >= LEAST_HELD_SEC - 1e-4
    order = np.lexsort((notes["onset_sample"], notes["pitch"]))
    same = np.diff(notes["pitch"][order]) == 0
    again = notes["onset_sample"][order][1:]
    assert (np.diff(seconds[order])[same] >= SOONEST_SEC - 1e-4).all()
    up = (again - notes["key_up_sample"][order][:-1])[same] / p.sample_rate
    assert up.min(initial=1.0) >= KEY_UP_SEC - 1e-4

    assert (notes["end_sample"] >= notes["key_up_sample"]).all()
    ends = sounding_ends(
        notes["onset_sample"], notes["key_up_sample"], notes["pitch"], p.pedal, p.num_samples
    )
    assert (ends == notes["end_sample"]).all()
    room = (p.num_samples - notes["end_sample"].max()) / p.sample_rate
    assert room >= 1.5 - 1e-4 and p.beat_samples[-1] < p.num_samples

    assert p.pedal[0, 0] == 0 and (np.diff(p.pedal[:, 0]) > 0).all() and p.pedal[-1, 0] < p.num_samples
    assert p.pedal[:, 1].min() >= 0 and p.pedal[:, 1].max() <= 127 and p.pedal[-1, 1] < 64
    assert (p.beats == counted_beats(written)).all() and (np.diff(p.beat_samples) > 0).all()


@pytest.mark.parametrize("tier", TIERS)
def test_rates_agree_to_half_a_sample(tier):
    written = piece()
    low, high = (played(written, tier, rate=rate) for rate in (16_000, 44_100))
    key = [p.notes[np.lexsort((p.notes["onset_sample"], p.notes["pitch"]))] for p in (low, high)]
    assert (key[0]["pitch"] == key[1]["pitch"]).all() and (key[0]["velocity"] == key[1]["velocity"]).all()
    # each is rounded to half a sample at its own rate
    allowed = 0.5 / 16_000 + 0.5 / 44_100 + 1e-9
    for name in ("onset_sample", "key_up_sample"):
        assert np.abs(key[0][name] / 16_000 - key[1][name] / 44_100).max() <= allowed
    assert np.abs(low.beat_samples / 16_000 - high.beat_samples / 44_100).max() <= allowed
    assert (low.pedal[:, 1] == high.pedal[:, 1]).all()


def test_a_performance_follows_from_its_coordinates():
    written = piece()
    first, again, other = played(written), played(written), played(written, performance=1)
    assert (first.notes == again.notes).all() and first.num_samples == again.num_samples
    assert first.num_samples != other.num_samples


def tempo_curve(p):
    """Log of the beat lengths before the final ritardando."""
    return np.log(np.diff(p.beat_samples[:-1]))[:-6]


@pytest.mark.parametrize("style", STYLES)
def test_the_tempo_curve_belongs_to_the_piece(style):
    written = piece(style, bars=24)
    curves = [tempo_curve(played(written, performance=k, piece_index=5)) for k in range(6)]
    alike = np.corrcoef(curves)[np.triu_indices(6, 1)]
    assert 0.6 < np.median(alike) < 0.95
    other = [tempo_curve(played(written, piece_index=k)) for k in range(6, 12)]
    assert abs(np.median(np.corrcoef(other)[np.triu_indices(6, 1)])) < 0.4


def test_the_last_beats_slow_down():
    curves = [played(piece(), piece_index=k) for k in range(30)]
    # the last attack is on the fourth beat of the last bar
    steps = np.array([np.diff(p.beat_samples[:-1]) / np.median(np.diff(p.beat_samples)) for p in curves])
    last, before, earlier = np.median(steps[:, -1]), np.median(steps[:, -2]), np.median(steps[:, -9:-6])
    assert last > before > earlier and 1.3 < last < 2.1 and 0.9 < earlier < 1.15


def test_lower_tiers_are_slower_stop_and_err():
    written = piece(bars=32)
    groups = {tier: [played(written, tier, k) for k in range(12)] for tier in TIERS}
    lengths = [np.median([p.num_samples for p in group]) for group in groups.values()]
    assert lengths[0] > lengths[1] > lengths[2]

    def share(group, *kinds):
        wanted = [KINDS.index(kind) for kind in kinds]
        return np.mean(
            [np.isin(p.notes["kind"], wanted).mean() + len(p.missed) / len(p.notes) for p in group]
        )

    mistakes = [share(group, "wrong", "extra") for group in groups.values()]
    assert 0.025 < mistakes[0] < 0.07 and 0.005 < mistakes[1] < 0.03 and mistakes[2] < 0.012
    again = [sum((p.notes["kind"] == KINDS.index("repeated")).sum() for p in g) for g in groups.values()]
    assert again[0] > again[1] and again[2] == 0
    # a stop makes one beat much longer than those around it
    stops = [
        np.mean([(np.exp(tempo_curve(p) - np.median(tempo_curve(p))) > 1.5).sum() for p in group])
        for group in groups.values()
    ]
    assert stops[0] > 3 * max(stops[1], stops[2])


def test_repeated_notes_come_again_after_a_stop():
    written = piece(bars=32)
    seen = 0
    for k in range(12):
        p = played(written, "beginner", k)
        notes = p.notes
        for index in np.unique(notes["note"][notes["kind"] == KINDS.index("repeated")]):
            mine = notes[notes["note"] == index]
            again = mine["kind"] == KINDS.index("repeated")
            assert mine["onset_sample"][again].min() > mine["onset_sample"][~again].max()
            seen += 1
    assert seen > 20


def test_beats_of_upbeats_and_compound_metres():
    notes = [note(0, 1, 60)]
    assert counted_beats(score(notes, bars=2, metre="6/8")).tolist() == [0, 1.5, 3, 4.5, 6]
    assert counted_beats(score(notes, bars=1, metre="3/4", upbeat=1.0)).tolist() == [0, 1, 2, 3, 4]
    assert counted_beats(score(notes, bars=1, metre="3/4", upbeat=0.5)).tolist() == [0.5, 1.5, 2.5, 3.5]
    assert counted_beats(score(notes, bars=1, metre="3/4", upbeat=1.5)).tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]
    # a piece of one bar that is shorter than a beat
    assert counted_beats(score(notes, bars=0, metre="2/2", upbeat=1.2)).tolist() == [0, 1.2]


def test_deadpan_is_exact():
    written = score(
        [note(k / 2, 0.5, 60 + k % 2, k % 2) for k in range(16)], bars=2, bpm=120.0, tempi=((4.0, 60.0),)
    )
    p = deadpan(written, RATE, velocity=70)
    onset = np.where(np.arange(16) <= 8, np.arange(16) / 4, 2 + (np.arange(16) - 8) / 2)
    assert (p.notes["onset_sample"] == np.rint(onset * RATE)).all() and (
        p.notes["note"] == np.arange(16)
    ).all()
    assert (p.notes["key_up_sample"][:-1] == p.notes["onset_sample"][1:]).all()
    assert (p.notes["velocity"] == 70).all() and p.pedal.tolist() == [[0, 0]] and not len(p.missed)
    assert p.beat_samples.tolist() == [round(s * RATE) for s in (0, 0.5, 1, 1.5, 2, 3, 4, 5, 6)]
    assert (p.notes["end_sample"] == p.notes["key_up_sample"]).all()


def test_deadpan_of_graces_and_shared_keys():
    ornaments = note(0, 0, 62, ornament="grace"), note(1, 1, 64, ornament="trill")
    written = score([*ornaments, note(0, 1, 60), note(0, 2, 60, LEFT)], bars=1, bpm=120.0)
    p = deadpan(written, RATE)
    grace = round(0.125 * 0.5 * RATE)
    assert p.notes["onset_sample"].tolist() == [0, grace, grace + RATE // 2] and p.beat_samples[0] == grace
    # one key can be struck once: the longer note is played
    assert [int(i) for i in p.missed] == [int(np.flatnonzero(written.notes["duration_beat"] == 1)[0])]


@pytest.mark.parametrize("name", CASES)
def test_deadpan_is_valid(name):
    written = CASES[name]
    p = deadpan(written, 16_000)
    assert sorted([*p.notes["note"].tolist(), *p.missed.tolist()]) == list(range(len(written.notes)))
    assert (p.notes["key_up_sample"] > p.notes["onset_sample"]).all() and p.notes["onset_sample"].min() >= 0
    order = np.lexsort((p.notes["onset_sample"], p.notes["pitch"]))
    same = np.diff(p.notes["pitch"][order]) == 0
    assert (p.notes["onset_sample"][order][1:] >= p.notes["key_up_sample"][order][:-1])[same].all()


def test_written_loudness_and_pedal_are_followed():
    written = piece("romantic")
    soft = replace(written, dynamics=(replace(written.dynamics[0], velocity=35.0),))
    loud = replace(written, dynamics=(replace(written.dynamics[0], velocity=80.0),))
    means = [
        np.mean([played(w, performance=k).notes["velocity"].mean() for k in range(4)]) for w in (soft, loud)
    ]
    assert 35 < means[1] - means[0] < 50
    down = [
        np.mean([pedal_share(played(piece(style), performance=k)) for k in range(6)])
        for style in ("baroque", "classical", "romantic")
    ]
    assert down[0] < 0.2 < down[1] < 0.6 < down[2]


def pedal_share(p):
    lasting = np.diff(p.pedal[:, 0], append=p.num_samples)
    return lasting[p.pedal[:, 1] >= 64].sum() / p.num_samples


def digest(p):
    data = b"".join(
        np.ascontiguousarray(part).astype("<i8").tobytes()
        for part in (*(p.notes[name] for name in p.notes.dtype.names), p.missed, p.pedal, p.beat_samples)
    )
    return hashlib.sha256(data).hexdigest()[:16]


GOLDEN = {
    "beginner": [
        "cead1343e7c39b0d", "6968c95c9ff3b54a", "51b8de1d7e6d84d9", "1a14eff116278422",
        "282fd1d69a4a2b34", "4d0e80cd3676dd67", "e9cbc2b105274bfc", "bd15de2d6d6e3057",
    ],
    "intermediate": [
        "f13ddb6c01fb663b", "7cadc15d84a42cb0", "431f80ec0418a5a1", "3c56d5386096804f",
        "4ef58747c35e052e", "dcfe2ce45ef4c639", "f98e941951f65e60", "181bdb6e844b7e38",
    ],
    "professional": [
        "4e4a380735dac549", "0909181e1d501ef1", "1e68aa14f2d09a3b", "1c7aefabd0850bc4",
        "688d3219ed237010", "126731e8a2463b35", "aba43aa88111a85f", "206cb9a1d7ae3de1",
    ],
}  # fmt: skip


@pytest.mark.parametrize("tier", TIERS)
def test_golden(tier):
    """Performances are the same on every machine; a change here is a new data version."""
    digests = [digest(played(piece(style), tier, rate=rate)) for style in STYLES for rate in (16_000, RATE)]
    assert digests == GOLDEN[tier]
