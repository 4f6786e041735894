"""Beams, values and brackets of written scores, as music21 reads them."""

from fractions import Fraction

import numpy as np
import pytest

from sousa.training.transcription import TICKS, musicxml
from sousa.training.transcription.metres import Beats
from sousa.training.transcription.sheet import WRITTEN, Sheet
from sousa.training.transcription.values import pieces, values

music21 = pytest.importorskip("music21")
GROUP = {"2/4": 1, "3/4": 1, "4/4": 1, "2/2": 2, "6/8": Fraction(3, 2), "9/8": Fraction(3, 2),
         "12/8": Fraction(3, 2), "3/8": Fraction(3, 2)}  # quarter notes that a beam may cover  # fmt: skip

FLAGS = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4}


def page(notes, metre, bars, upbeat=0, sharps=0, mode="major"):
    """A sheet of ``(onset, length, pitch, staff, voice)``, times in quarter notes."""
    beats = Beats(np.arange(8.0), metre)
    out = np.zeros(len(notes), dtype=WRITTEN)
    ordered = sorted((Fraction(onset), *others) for onset, *others in notes)
    for row, (onset, length, pitch, staff, voice) in zip(out, ordered, strict=True):
        row["onset"], row["length"] = onset * TICKS, Fraction(length) * TICKS
        row["pitch"], row["staff"], row["voice"] = pitch, staff, voice
        row["spelling"] = (pitch * 7 + 3) % 12 - 3
    whole, lead = beats.bar_ticks, round(upbeat * TICKS)
    ends = [lead + k * whole for k in range(bars)]
    spans = ([(0, lead)] if lead else []) + [(at, whole) for at in ends]
    return Sheet("", out, tuple(spans), metre, sharps, mode, 100.0, beats)


def read(sheet):
    """Parts of a score, through music21."""
    piece = music21.converter.parseData(musicxml.encode(sheet).decode(), format="musicxml")
    return list(piece.parts)


def lines(part):
    """``(measure, notes and rests)`` of each voice in each bar."""
    for measure in part["Measure"]:
        for line in measure.voices or [measure]:
            yield measure, list(line.notesAndRests)


def rhythm(metre, lengths, rests=()):
    """Beams of a bar, as words by note: s(tart), c(ontinue), e(nd), hooks > and <."""
    at, notes = Fraction(0), []
    for i, length in enumerate(map(Fraction, lengths)):
        if i not in rests:
            notes.append((at, length, 72, 0, 1))
        at += length
    short = {"start": "s", "continue": "c", "stop": "e"}
    ((_, events),) = lines(read(page(notes, metre, 1))[0])
    return " ".join(
        "".join(short.get(b.type) or {"right": ">", "left": "<"}[b.direction] for b in event.beams) or "-"
        for event in events
        if event.isNote
    )


@pytest.mark.parametrize(
    ("metre", "lengths", "said"),
    [
        ("2/4", "1/2 1/2 1/2 1/2", "s e s e"),
        ("2/4", "3/4 1/4 1/4 3/4", "s e< s> e"),
        ("2/4", "1/4 1/2 1/4 1", "s> c e< -"),
        ("2/4", "1/4 1/4 1/2 1/3 1/3 1/3", "ss ce e s c e"),
        ("2/4", "1/2 1 1/2", "- - -"),
        ("2/4", "1/8 1/8 1/8 1/8 1/8 1/8 1/4 1", "sss ccc ccc cce ccs cce ee -"),
        ("6/8", "1/2 1/2 1/2 1 1/2", "s c e - -"),
        ("6/8", "3/4 1/4 1/2 1/4 1/4 1/4 1/4 1/4 1/4", "s c< e ss cc cc cc cc ee"),
        ("2/2", "1/2 1/2 1/2 1/2 1/4 1/4 1/4 1/4 1/2 1/2", "s c c e ss cc cc ce c e"),
        ("3/8", "1/2 1/2 1/2", "s c e"),
    ],
)
def test_rhythms_are_beamed_as_usual(metre, lengths, said):
    assert rhythm(metre, lengths.split()) == said


def test_rests_and_bars_part_beams():
    assert rhythm("2/4", ["1/2"] * 4, rests=(1,)) == "- s e"
    assert rhythm("6/8", ["1/2"] * 6, rests=(1,)) == "- - s c e"
    over = page([(0, "7/4", 60, 0, 1), ("7/4", "1/2", 62, 0, 1), ("9/4", "1/4", 64, 0, 1)], "2/4", 2)
    ties = [(e.offset, e.tie and e.tie.type, [b.type for b in e.beams])
            for _, line in lines(read(over)[0]) for e in line if e.isNote]  # fmt: skip
    assert ties[-3:] == [(1.75, "start", []), (0, "stop", ["start", "start"]), (0.25, None, ["stop", "stop"])]


def random_voice(rng, metre, ticks, staff, voice):
    """Notes on random grids, now and then none."""
    beats = Beats(np.arange(2.0), metre)
    beat, at, out = beats.beat_ticks, 0, []
    while at < ticks:
        part = beat // int(rng.choice((3, 6, 12) if beat % (3 * TICKS // 2) == 0 else (1, 2, 3, 4, 6, 8)))
        for _ in range(beat // part):
            length = part * int(rng.choice((1, 1, 1, 2, 3, 5)))
            if at % part == 0 and at + length <= ticks and rng.random() < 0.85:
                place = Fraction(at, TICKS), Fraction(length, TICKS), int(rng.integers(50, 80)), staff, voice
                out.append(place)
                at += length
            else:
                at += part - at % part
            if at % beat == 0:
                break
    return out


@pytest.mark.parametrize("metre", GROUP)
@pytest.mark.parametrize("seed", range(3))
def test_every_run_of_beams_is_whole_and_inside_a_beat(metre, seed):
    rng = np.random.default_rng(seed)
    beats = Beats(np.arange(2.0), metre)
    bars, upbeat = 6, (0, Fraction(beats.beat_ticks, TICKS))[seed % 2]
    ticks = bars * beats.bar_ticks + round(upbeat * TICKS)
    notes = [note for staff in (0, 1) for voice in (1, 2)
             for note in random_voice(rng, metre, ticks, staff, voice)]  # fmt: skip
    parts = read(page(notes, metre, bars, upbeat))
    seen = 0
    for part in parts:
        for measure, line in lines(part):
            shift = Fraction(beats.bar_ticks, TICKS) - Fraction(measure.duration.quarterLength)
            running, last, before = {}, None, (None, None)
            for event in line:
                here = (Fraction(event.offset) + shift) // GROUP[metre]
                words = {b.number: b.type for b in event.beams} if event.isNote else {}
                assert not words or len(words) == FLAGS[event.duration.type]
                short = event.isNote and event.duration.type in FLAGS
                if short and before == (here, pytest.approx(float(event.offset))):
                    assert words[1] in ("continue", "stop")
                for level in range(1, 6):
                    word = words.get(level)
                    if word == "start":
                        assert level not in running
                        running[level] = here
                        seen += 1
                    elif word in ("continue", "stop"):
                        # of the note before, in the same beat
                        assert running[level] == here and last == pytest.approx(float(event.offset))
                        if word == "stop":
                            del running[level]
                    else:
                        assert level not in running  # neither a rest nor a longer note is inside
                last = float(event.offset + event.duration.quarterLength)
                before = (here, last) if short else (None, None)
            assert not running
    assert seen > 10


@pytest.mark.parametrize("metre", GROUP)
def test_values_show_beats_and_the_middle_of_bars(metre):
    beats = Beats(np.arange(2.0), metre)
    beat, half = beats.beat_ticks, beats.bar_ticks // 2
    for parts in (8, 6) if beat % 2520 else (12, 6):
        places = range(0, beats.bar_ticks + 1, beat // parts)
        for begin, end in ((b, e) for b in places for e in places if b < e):
            for rest in (False, True):
                lengths = pieces(begin, end, beats, rest)
                assert sum(lengths) == end - begin and set(lengths) <= set(values())
                for at, length in zip(np.cumsum([begin, *lengths]).tolist(), lengths, strict=False):
                    inside = at // beat == (at + length - 1) // beat
                    if beats.per_bar == 4 and at < half < at + length:
                        assert at == 0 or (at + length - half == half - at and not rest)
                    if rest and not inside:
                        assert at % beat == 0 and length % beat == 0
                    if inside:  # of one grid with where it begins
                        assert rest is False or values()[length].dots == 0 or length == beat


def test_a_staff_has_the_clef_that_saves_leger_lines_and_its_own_where_none_does():
    high = [(k, 1, 74 if 8 <= k < 16 else 48, 1, 1) for k in range(24)]
    high += [(k, 1, 72, 0, 1) for k in range(24)]
    upper, lower = read(page(high, "4/4", 6))
    signs = [(c.getOffsetInHierarchy(lower), c.sign) for c in lower.recurse().getElementsByClass("Clef")]
    assert signs == [(0, "F"), (8, "G"), (16, "F")]
    assert [c.sign for c in upper.recurse().getElementsByClass("Clef")] == ["G"]
    once = [(k, 1, 64 if k == 9 else 48, 1, 1) for k in range(24)]
    assert [c.sign for c in read(page(once, "4/4", 6))[1].recurse().getElementsByClass("Clef")] == ["F"]


def test_accidentals_hold_for_the_staff_and_end_with_the_bar():
    notes = [(0, 1, 66, 0, 1), (1, 1, 65, 0, 1), (1, 1, 54, 1, 1), (2, 2, 65, 0, 2), (2, 2, 74, 0, 1),
             (4, 1, 66, 0, 1), (5, 1, 66, 0, 1)]  # fmt: skip
    upper, lower = read(page(notes, "4/4", 2))
    shown = sorted(
        (float(n.getOffsetInHierarchy(upper)), n.pitch.midi, n.pitch.accidental.name)
        for n in upper.recurse().notes
        if n.pitch.accidental and n.pitch.accidental.displayStatus
    )
    assert shown == [(0, 66, "sharp"), (1, 65, "natural"), (4, 66, "sharp")]
    assert [n.pitch.accidental.displayStatus for n in lower.recurse().notes] == [True]
