"""Composed pieces: notation that holds together, harmony, melody, and what is the same every time."""

import hashlib
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from sousa.generation.piano.composition import Wanted, compose
from sousa.generation.piano.composition.chords import harmony
from sousa.generation.piano.score import (
    COMPLEXITIES,
    KEYS,
    LEFT,
    NOTE,
    ORNAMENTS,
    RIGHT,
    STYLES,
    Score,
    spelt,
    tonic_of,
)
from tests.generation.piano.composed import pieces, tones

EPS = 1e-9
levels = pytest.mark.parametrize("level", COMPLEXITIES)


def text(score):
    """A piece as text, its numbers written in full."""
    notes = [" ".join(repr(value) for value in row) for row in score.notes.tolist()]
    parts = [repr(value) for name, value in vars(score).items() if name != "notes"]
    return "\n".join([*parts, *notes])


def struck(score):
    """Notes that last, without graces."""
    return score.notes[score.notes["duration_beat"] > 0]


def numbers_of_chords(score, onsets):
    """Number of the chord that sounds at each onset; -1 in an upbeat."""
    return np.searchsorted([chord.onset_beat for chord in score.chords], onsets + EPS) - 1


def test_a_few_pieces_are_what_they_were():
    wanted = [
        *(Wanted(level) for level in COMPLEXITIES),
        Wanted("medium", ("Gb major",), ("9/8",), 30, 40, 12.5, 13.0),
        Wanted("complex", ("G# minor",), ("7/8", "5/4"), 400, 500),
    ]
    digests = [hashlib.sha256(text(compose(42, 5, asked)).encode()).hexdigest()[:16] for asked in wanted]
    assert digests == [
        "f0a55385a227fa6f",
        "a2103510aa68cfd2",
        "79d11201437afddf",
        "54583a7523c29c5b",
        "c33f6bb0a799191a",
    ]


def test_a_piece_depends_on_its_seed_and_number_alone():
    late = compose(3, 7, Wanted("medium"))
    for index in range(7):
        assert text(compose(3, index, Wanted("medium"))) != text(late)
    assert text(compose(3, 7, Wanted("medium"))) == text(late)
    assert text(compose(4, 7, Wanted("medium"))) != text(late)
    assert text(compose(3, 7, Wanted("complex"))) != text(late)


@levels
def test_bars_follow_each_other_and_hold_their_notes(level):
    for score in pieces(level):
        assert isinstance(score, Score) and score.complexity == level and score.notes.dtype == NOTE
        assert score.bars[0].onset_beat == 0
        for bar, following in pairwise(score.bars):
            assert bar.onset_beat + bar.length_beat == pytest.approx(following.onset_beat, abs=EPS)
        count, unit = map(int, score.bars[-1].metre.split("/"))
        full = 4 * count / unit
        assert all(bar.length_beat == full for bar in score.bars[1:]) and score.bars[0].length_beat <= full
        starts = np.array([bar.onset_beat for bar in score.bars])
        ends = np.append(starts[1:], score.end_beat)
        bar = np.searchsorted(starts, score.notes["onset_beat"] + EPS) - 1
        assert (score.notes["onset_beat"] + score.notes["duration_beat"] <= ends[bar] + EPS).all()


@levels
def test_voices_are_one_chord_after_the_other(level):
    for score in pieces(level):
        notes = struck(score)
        for hand in (RIGHT, LEFT):
            for voice in np.unique(notes["voice"][notes["hand"] == hand]):
                ends = {}
                for note in notes[(notes["hand"] == hand) & (notes["voice"] == voice)]:
                    ends.setdefault(note["onset_beat"], set()).add(note["onset_beat"] + note["duration_beat"])
                assert all(len(together) == 1 for together in ends.values())
                assert all(max(ends[a]) <= b + EPS for a, b in pairwise(sorted(ends)))


@levels
def test_no_key_is_struck_while_it_is_held(level):
    for score in pieces(level):
        notes = np.sort(struck(score), order=["pitch", "onset_beat"])
        same = notes["pitch"][1:] == notes["pitch"][:-1]
        held = notes["onset_beat"][:-1] + notes["duration_beat"][:-1] > notes["onset_beat"][1:] + EPS
        assert not (same & held).any()
        for grace in score.notes[score.notes["duration_beat"] == 0]:
            mine = notes[notes["pitch"] == grace["pitch"]]
            ends = mine["onset_beat"] + mine["duration_beat"]
            at = grace["onset_beat"]
            assert not ((mine["onset_beat"] <= at) & (ends > at + EPS)).any()


@levels
def test_notes_stand_in_order_and_are_spelt_as_they_sound(level):
    for score in pieces(level):
        notes = score.notes
        order = [(n["onset_beat"], n["hand"], n["duration_beat"] > 0, -n["pitch"]) for n in notes]
        lasting = [key for key in order if key[2]]
        assert lasting == sorted(lasting) and [k[:3] for k in order] == sorted(k[:3] for k in order)
        assert not ((notes["fifths"].astype(int) * 7 - notes["pitch"]) % 12).any()
        assert all(abs(spelt(int(fifths))[1]) <= 2 for fifths in np.unique(notes["fifths"]))
        assert ((notes["pitch"] >= 21) & (notes["pitch"] <= 108)).all()


@levels
def test_hands_can_play_it(level):
    spans = Counter()
    crossed = total = 0
    for score in pieces(level):
        notes = struck(score)
        for hand in (RIGHT, LEFT):
            mine = notes[notes["hand"] == hand]
            for onset in np.unique(mine["onset_beat"]):
                chord = mine[mine["onset_beat"] == onset]
                span = int(chord["pitch"].max() - chord["pitch"].min())
                assert len(chord) <= 5
                assert span <= 16 or (chord["ornament"] == ORNAMENTS.index("arpeggio")).all()
                spans[span <= 12] += 1
        right, left = notes[notes["hand"] == RIGHT], notes[notes["hand"] == LEFT]
        for note in left[:: max(len(left) // 20, 1)]:
            at = note["onset_beat"] + EPS
            above = right[(right["onset_beat"] <= at) & (right["onset_beat"] + right["duration_beat"] > at)]
            total += len(above) > 0
            crossed += len(above) > 0 and above["pitch"].min() < note["pitch"]
        seconds = np.diff(np.unique(right["onset_beat"])) * 60 / score.tempo_bpm
        assert seconds.min() > 0.057
    assert spans[True] > 0.97 * spans.total()
    assert crossed < 0.03 * total


@levels
def test_chords_fill_the_piece_and_are_what_is_played(level):
    inside = Counter()
    for score in pieces(level):
        upbeat = score.bars[1].onset_beat if score.bars[0].length_beat < score.bars[1].length_beat else 0.0
        assert score.chords[0].onset_beat == upbeat
        for chord, following in pairwise(score.chords):
            assert chord.onset_beat + chord.duration_beat == pytest.approx(following.onset_beat, abs=EPS)
            assert (chord.numeral, chord.key) != (following.numeral, following.key)
        last = score.chords[-1]
        assert last.onset_beat + last.duration_beat == pytest.approx(score.end_beat, abs=EPS)
        left = struck(score)[struck(score)["hand"] == LEFT]
        for number, note in zip(numbers_of_chords(score, left["onset_beat"]), left, strict=True):
            inside["left", int(note["pitch"]) % 12 in tones(score.chords[number])] += 1
        melody = score.notes[score.notes["melody"]]
        for number, note in zip(numbers_of_chords(score, melody["onset_beat"]), melody, strict=True):
            if number >= 0 and abs(note["onset_beat"] - score.chords[number].onset_beat) < EPS:
                inside["melody", int(note["pitch"]) % 12 in tones(score.chords[number])] += 1
        for chord in score.chords:
            basses = left["pitch"][np.abs(left["onset_beat"] - chord.onset_beat) < EPS]
            if len(basses):
                inside["bass", int(basses.min()) % 12 == chord.bass] += 1
            assert chord.bass in tones(chord)
    for what, least in (("left", 0.92), ("melody", 0.98), ("bass", 0.995)):
        assert inside[what, True] > least * (inside[what, True] + inside[what, False]), what


def test_numerals_say_the_chord():
    # numeral in a key: root, bass, quality, spelt from the root up
    for numeral, key, expected in (
        ("I", "C major", "C C major C E G"),
        ("V65", "D major", "A C# dominant7 A C# E G"),
        ("V7/V", "Bb major", "C C dominant7 C E G Bb"),
        ("viio7", "C minor", "B B diminished7 B D F Ab"),
        ("viio43/V", "A minor", "D# A diminished7 D# F# A C"),
        ("V7/III", "E minor", "D D dominant7 D F# A C"),
        ("iiø65", "G minor", "A C halfdiminished7 A C Eb G"),
        ("bII6", "F# minor", "G B major G B D"),
        ("VI", "Eb minor", "Cb Cb major Cb Eb Gb"),
        ("V", "G# minor", "D# D# major D# F## A#"),
        ("iv6", "F major", "Bb Db minor Bb Db F"),
        ("IVM7", "E major", "A A major7 A C# E G#"),
        ("ii2", "C major", "D C minor7 D F A C"),
        ("Vsus4", "Db major", "Ab Ab sus4 Ab Db Eb"),
        ("bVII", "A major", "G G major G B D"),
    ):
        chord = harmony(numeral, key)
        assert f"{named(chord.tones[0])} {named(chord.bass)} {chord.quality} " + " ".join(
            map(named, chord.tones)
        ) == expected, numeral  # fmt: skip


def named(fifths):
    """Name of a spelling."""
    name, alteration = spelt(fifths)
    return name + ("#" if alteration > 0 else "b") * abs(alteration)


@levels
def test_phrases_end_as_they_say(level):
    ends = Counter()
    for score in pieces(level):
        assert score.phrases[0].onset_beat == 0 and score.phrases[-1].end_beat == score.end_beat
        for phrase, following in pairwise(score.phrases):
            assert phrase.end_beat == following.onset_beat
        assert score.phrases[-1].cadence == "PAC"
        melody = score.notes[score.notes["melody"]]
        for phrase in score.phrases:
            inside = [number for number, chord in enumerate(score.chords)
                      if phrase.onset_beat - EPS <= chord.onset_beat < phrase.end_beat - EPS]  # fmt: skip
            number = inside[-1] if inside else 0
            chord, before = score.chords[number], score.chords[number - 1] if number else None
            ends[phrase.cadence] += 1
            at_end = melody["pitch"][np.abs(melody["onset_beat"] - chord.onset_beat) < EPS]
            final = chord.numeral.rstrip("6")
            if phrase.cadence in ("PAC", "IAC"):
                assert final in ("I", "i") and before.numeral[0] in "Vv"
            elif phrase.cadence == "HC":
                assert final == "V"
            else:
                assert final in ("vi", "VI", "bVI") and before.numeral[0] == "V"
            if phrase.cadence == "PAC":
                assert chord.bass == tonic_of(chord.key)
                assert at_end.tolist() == [] or int(at_end[0]) % 12 == tonic_of(chord.key)
        assert int(melody["pitch"][-1]) % 12 == tonic_of(score.keys[0][1])
    assert set(ends) == {"PAC", "HC", "IAC", "DC"} and ends["PAC"] > ends["HC"] > ends["IAC"] > ends["DC"]


@levels
def test_notes_outside_the_chord_move_on_by_step(level):
    moves = Counter()
    for score in pieces(level):
        melody = score.notes[score.notes["melody"]]
        numbers = numbers_of_chords(score, melody["onset_beat"])
        for number, note, following in zip(numbers, melody, melody[1:], strict=False):
            if number >= 0 and int(note["pitch"]) % 12 not in tones(score.chords[number]):
                moves[abs(int(following["pitch"]) - int(note["pitch"])) <= 2] += 1
    assert moves[True] > 0.93 * moves.total()


@levels
def test_melody_and_bass_seldom_move_in_parallel_fifths_and_octaves(level):
    parallel = total = 0
    for score in pieces(level):
        notes = struck(score)
        before = None
        for chord in score.chords:
            now = notes[np.abs(notes["onset_beat"] - chord.onset_beat) < EPS]
            top, low = now["pitch"][now["melody"]], now["pitch"][now["hand"] == LEFT]
            if len(top) and len(low):
                pair = int(top[0]), int(low.min())
                if before and before[0] != pair[0] and before[1] != pair[1]:
                    gap = (pair[0] - pair[1]) % 12
                    parallel += gap in (0, 7) and gap == (before[0] - before[1]) % 12
                    total += 1
                before = pair
            else:
                before = None
    assert parallel < 0.08 * total


def test_phrases_come_again():
    again = total = 0
    for score in pieces("medium"):
        melody = score.notes[score.notes["melody"]]
        rhythms = []
        for phrase in score.phrases:
            start = max(phrase.onset_beat, score.chords[0].onset_beat)
            bar = score.bars[-1].length_beat
            onsets = melody["onset_beat"]
            inside = (onsets >= start - EPS) & (onsets < start + 2 * bar - EPS)
            rhythms.append(tuple(np.round(onsets[inside] - start, 6)))
        if len(rhythms) > 1:
            again += len(set(rhythms)) < len(rhythms)
            total += 1
    assert again > 0.6 * total


@levels
def test_local_keys_are_keys_and_come_home(level):
    for score in pieces(level):
        assert all(key in KEYS for _, key in score.keys) and score.keys[0][0] == 0
        assert score.keys[-1][1] == score.keys[0][1]
        assert all(a[0] < b[0] and a[1] != b[1] for a, b in pairwise(score.keys))
        for chord in score.chords:
            key = [name for onset, name in score.keys if onset <= chord.onset_beat + EPS][-1]
            assert chord.key == key


def test_slurs_dynamics_and_styles():
    styles = set()
    for level in COMPLEXITIES:
        for score in pieces(level):
            styles.add(score.style)
            slurs = Counter(score.notes["slur"][score.notes["slur"] >= 0].tolist())
            assert all(count > 1 for count in slurs.values())
            for slur in slurs:
                assert len(set(score.notes["hand"][score.notes["slur"] == slur])) == 1
            onsets = [dynamic.onset_beat for dynamic in score.dynamics]
            assert onsets[0] == 0 and onsets == sorted(onsets) and onsets[-1] < score.end_beat
            assert not score.dynamics[-1].hairpin
            assert all(25 <= dynamic.velocity <= 100 for dynamic in score.dynamics)
    assert styles == set(STYLES)
