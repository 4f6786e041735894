"""What composed pieces are like, level by level, beside 227 measured pieces of the repertoire. Run::

    python benchmarks/piano/distributions.py [--pieces 400] [--seed 1]

Measured figures are medians over pieces, with the range of 80 % of them in brackets, or shares of everything
counted; they come from the scores of 607 performances, annotated sonatas and mazurkas, and pop songs.
Simple pieces are not meant to be like them: they show how far the levels are apart.
"""

import argparse
import time
from collections import Counter

import left_hand_bars
import numpy as np

from sousa.generation.piano.composition import Wanted, compose
from sousa.generation.piano.score import (
    ARTICULATIONS,
    COMPLEXITIES,
    KEYS,
    LEFT,
    ORNAMENTS,
    RIGHT,
    beat_length,
)

FIGURES = {"": "triad", "6": "6", "64": "64", "7": "7", "65": "65", "43": "43", "2": "2"}
KINDS = {"major": "M", "minor": "m", "dominant7": "V7", "diminished": "dim", "diminished7": "dim7",
         "minor7": "m7", "halfdiminished7": "half-dim", "major7": "M7"}  # fmt: skip
VALUES = {0.25: "1/4", 0.5: "1/2", 1: "1", 0.125: "1/8", 0.167: "1/6", 0.333: "1/3", 2: "2", 0.75: "3/4",
          1.5: "1 1/2"}  # fmt: skip


def shares(counts, names, digits=0):
    """Per cent of each name among everything counted."""
    total = max(sum(counts.values()), 1)
    return ", ".join(f"{label} {100 * counts[name] / total:.{digits}f}" for name, label in names)


def quantiles(values, points=(10, 50, 90), digits=1):
    """Quantiles of values, divided by strokes."""
    return "/".join(f"{v:.{digits}f}" for v in np.percentile(values, points)) if len(values) else "-"


def across(values, digits=1):
    """Median over pieces and the range of 80 % of them."""
    low, middle, high = np.percentile(values, (10, 50, 90))
    return f"{middle:.{digits}f} [{low:.{digits}f}-{high:.{digits}f}]"


def sounding(starts, ends):
    """``(sounding notes, seconds)`` of the stretches between starts and ends."""
    times = np.concatenate([starts, ends])
    steps = np.concatenate([np.ones(len(starts)), -np.ones(len(ends))])
    order = np.lexsort((steps, times))
    return np.cumsum(steps[order])[:-1], np.diff(times[order])


def time_weighted(parts, points):
    """Quantiles of polyphony over time, and the highest."""
    count, length = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(count)
    at = np.cumsum(length[order]) / length.sum()
    last = len(at) - 1
    return "/".join(f"{count[order][min(np.searchsorted(at, p / 100), last)]:.0f}" for p in points)


def pedalled_ends(score):
    """Ends of notes where a pedal is changed with every harmony; a key struck again ends its old sound."""
    notes = score.notes
    changes = np.array([*(chord.onset_beat for chord in score.chords), score.end_beat])
    ends = notes["onset_beat"] + notes["duration_beat"]
    ends = np.maximum(ends, changes[np.searchsorted(changes, ends - 1e-9).clip(max=len(changes) - 1)])
    order = np.lexsort((notes["onset_beat"], notes["pitch"]))
    again = notes["pitch"][order][1:] == notes["pitch"][order][:-1]
    first, following = order[:-1][again], order[1:][again]
    ends[first] = np.minimum(ends[first], notes["onset_beat"][following])
    return ends


class Level:
    """Counts over the pieces of a level."""

    def __init__(self):
        self.count = {
            name: Counter()
            for name in ("accidentals", "mode", "metres", "styles", "intervals", "kinds", "figures",
                         "cadences", "left bars", "right bars", "ornaments", "articulations",
                         "right attacks", "left attacks", "right values", "left values", "phrase bars",
                         "strong", "parallels", "local keys")
        }  # fmt: skip
        self.values = {
            name: []
            for name in ("tempo", "rate", "window", "outside", "right span", "left span", "chord", "changes",
                         "right pitch", "left pitch", "duration", "velocity", "slurred", "most")
        }  # fmt: skip
        self.parts, self.pedalled = [], []
        self.bars = self.labels = self.applied = 0

    def add(self, score):
        """Count a piece."""
        count, values = self.count, self.values
        notes = score.notes[score.notes["duration_beat"] > 0]
        beat_sec = 60 / score.tempo_bpm
        key = score.keys[0][1]
        metre = score.bars[0].metre
        count["accidentals"][min(abs(KEYS[key]), 5)] += 1
        count["mode"][key.split()[1]] += 1
        count["metres"][metre] += 1
        count["styles"][score.style] += 1
        values["tempo"].append(score.tempo_bpm / beat_length(metre))
        duration = score.end_beat * beat_sec
        values["duration"].append(duration)
        values["rate"].append(len(notes) / duration)
        onset_sec = notes["onset_beat"] * beat_sec
        inside = np.searchsorted(onset_sec, onset_sec + 1) - np.arange(len(onset_sec))
        values["window"].append(np.percentile(inside, 95))
        signature = {(KEYS[key] + fifths) * 7 % 12 for fifths in range(-1, 6)}
        values["outside"].append(100 * np.mean([pitch % 12 not in signature for pitch in notes["pitch"]]))
        ends = notes["onset_beat"] + notes["duration_beat"]
        self.parts.append(sounding(onset_sec, ends * beat_sec))
        if score.style == "romantic":
            part = sounding(score.notes["onset_beat"] * beat_sec, pedalled_ends(score) * beat_sec)
            self.pedalled.append(part)
            values["most"].append(part[0].max())
        self._hands(score, notes)
        self._line(score, notes)
        self._harmony(score)
        self.bars += len(score.bars)
        count["ornaments"].update(ORNAMENTS[o] for o in score.notes["ornament"])
        count["articulations"].update(ARTICULATIONS[a] for a in notes["articulation"])
        values["slurred"].append(100 * np.mean(notes["slur"][notes["melody"]] >= 0))
        values["velocity"] += [dynamic.velocity for dynamic in score.dynamics]

    def _hands(self, score, notes):
        for hand, name in ((RIGHT, "right"), (LEFT, "left")):
            mine = notes[notes["hand"] == hand]
            onsets, index = np.unique(mine["onset_beat"], return_inverse=True)
            self.count[f"{name} attacks"].update(np.minimum(np.bincount(index), 4).tolist())
            top, bottom = np.full(len(onsets), 0), np.full(len(onsets), 200)
            np.maximum.at(top, index, mine["pitch"])
            np.minimum.at(bottom, index, mine["pitch"])
            self.values[f"{name} span"] += (top - bottom)[top > bottom].tolist()
            self.count[f"{name} values"].update(np.round(np.diff(onsets), 3).tolist())
            self.values[f"{name} pitch"] += mine["pitch"].tolist()
            for bar in score.bars[score.bars[0].length_beat < score.bars[-1].length_beat :]:
                inside = mine[(mine["onset_beat"] >= bar.onset_beat)
                              & (mine["onset_beat"] < bar.onset_beat + bar.length_beat)]  # fmt: skip
                if hand == LEFT:
                    kind = left_hand_bars.kind(inside["onset_beat"], inside["duration_beat"], inside["pitch"])
                    self.count["left bars"][kind] += 1
                elif bar.metre in ("4/4", "3/4", "2/4", "6/8"):
                    steps = np.diff([*np.unique(inside["onset_beat"]), bar.onset_beat + bar.length_beat])
                    self.count["right bars"][bar.metre, " ".join(f"{s:.3g}" for s in steps)] += 1

    def _line(self, score, notes):
        line = notes[notes["melody"]]
        chords = score.chords
        starts = np.array([chord.onset_beat for chord in chords])
        steps = np.diff(line["pitch"].astype(int))
        self.count["intervals"].update(steps.tolist())
        at = np.searchsorted(starts, line["onset_beat"] + 1e-9) - 1
        beat = beat_length(score.bars[0].metre)
        basses = notes[notes["hand"] == LEFT]
        before = None
        for note, number in zip(line, at, strict=True):
            place = note["onset_beat"] - starts[0]
            if place >= 0 and abs(place % score.bars[-1].length_beat % beat) < 1e-9:
                tones = left_hand_bars.tones(chords[number])
                self.count["strong"][int(note["pitch"]) % 12 in tones] += 1
            if number >= 0 and abs(note["onset_beat"] - starts[number]) < 1e-9:
                under = basses[np.abs(basses["onset_beat"] - note["onset_beat"]) < 1e-9]
                if not len(under):
                    before = None
                    continue
                here = int(note["pitch"]), int(under["pitch"].min())
                if before:
                    moved = here[0] != before[0] and here[1] != before[1]
                    gap, old = (here[0] - here[1]) % 12, (before[0] - before[1]) % 12
                    self.count["parallels"][bool(moved and gap == old and gap in (0, 7))] += 1
                before = here

    def _harmony(self, score):
        for chord in score.chords:
            base, _, of = chord.numeral.partition("/")
            self.labels += 1
            self.applied += bool(of)
            self.count["kinds"][chord.quality] += 1
            digits = base.lstrip("bIViv#oøM+").replace("sus2", "").replace("sus4", "")
            self.count["figures"][digits] += 1
            self.values["chord"].append(chord.duration_beat)
            home = score.keys[0][1]
            self.count["local keys"][chord.key == home] += 1
        self.count["cadences"].update(phrase.cadence for phrase in score.phrases)
        bar = score.bars[-1].length_beat
        self.count["phrase bars"].update(round((p.end_beat - p.onset_beat) / bar) for p in score.phrases)
        self.values["changes"].append(32 * (len(score.keys) - 1) / len(score.bars))


def report(levels, seconds):
    """Lines of ``(what, measured, text of each level)``."""

    def each(what, measured, text):
        rows.append((what, measured, [text(level) for level in levels.values()]))

    def counted(what, measured, name, names, digits=0):
        each(what, measured, lambda level: shares(level.count[name], names, digits))

    def named(*names):
        return [(name, str(name)) for name in names]

    rows = []
    rows.append(("CPU ms for a piece", "-", [f"{ms:.2f}" for ms in seconds]))
    each("duration, s", "256 [91-513]", lambda v: across(v.values["duration"]))
    counted("accidentals of the key %", "0 18, 1 27, 2 18, 3 19, 4 16, 5+ 14", "accidentals",
            [(0, "0"), (1, "1"), (2, "2"), (3, "3"), (4, "4"), (5, "5+")])  # fmt: skip
    counted("mode %", "minor 11 Mozart, 28 Beethoven, 49 Chopin, 44 pop", "mode", named("minor"))
    counted("metre %", "4/4 29, 3/4 19, 2/4 19, 6/8 10, 2/2 8, 3/8 5, 12/8 3, 9/8 3", "metres",
            named("4/4", "3/4", "2/4", "6/8", "2/2", "3/8", "12/8", "9/8", "5/4", "7/8"))  # fmt: skip
    counted("style %", "-", "styles", named("baroque", "classical", "romantic", "popular"))
    each("beats a minute, p5/50/95", "34/101/241", lambda v: quantiles(v.values["tempo"], (5, 50, 95), 0))
    each("notes a second", "9.0 [4.7-15.3]; pop 4.2 [3.3-5.8]", lambda v: across(v.values["rate"]))
    each("notes in 1 s, p95", "15", lambda v: across(v.values["window"], 0))
    each("keys down, p50/90/99/100", "2/4/6/7", lambda v: time_weighted(v.parts, (50, 90, 99, 100)))
    each("romantic, with pedal, p50/90/99/100", "Chopin 5/11/18/25",
         lambda v: time_weighted(v.pedalled, (50, 90, 99, 100)))  # fmt: skip
    each("their pieces beyond 10 %", "-", lambda v: f"{100 * np.mean(np.array(v.values['most']) > 10):.0f}")
    each("RH pitch p5/50/95", "60/71/82", lambda v: quantiles(v.values["right pitch"], (5, 50, 95), 0))
    each("LH pitch p5/50/95", "41/54/65", lambda v: quantiles(v.values["left pitch"], (5, 50, 95), 0))
    each("outside the signature %", "13.4 [7.6-20.5]", lambda v: across(v.values["outside"]))
    attacks = [(1, "1"), (2, "2"), (3, "3"), (4, "4+")]
    counted("RH notes an attack %", "1 77, 2 17, 3 4.5, 4+ 1.1", "right attacks", attacks, 1)
    counted("LH notes an attack %", "1 75, 2 19, 3 4.7, 4+ 1.2", "left attacks", attacks, 1)
    points = (10, 25, 50, 75, 90, 95, 99)
    each("RH span p10/25/50/75/90/95/99", "3/5/9/12/12/12/16",
         lambda v: quantiles(v.values["right span"], points, 0))  # fmt: skip
    each("LH span p10/25/50/75/90/95/99", "3/4/9/12/12/15/23",
         lambda v: quantiles(v.values["left span"], points, 0))  # fmt: skip

    def intervals(level):
        sizes = Counter(min(abs(step), 13) for step in level.count["intervals"].elements())
        return shares(sizes, [*named(0, 1, 2, 3, 4, 5, 7, 12), (13, ">12")])

    each("top line, semitones %", "0 6.4, 1 21, 2 24, 3 12, 4 7, 5 7, 7 4, 12 4.4, >12 2", intervals)

    def steps(level):
        total = level.count["intervals"].total()
        down, up = (sum(level.count["intervals"][s * n] for n in (1, 2)) for s in (-1, 1))
        return f"{100 * down / total:.1f} : {100 * up / total:.1f}"

    each("steps down : up %", "25.3 : 19.9", steps)
    values = [(0.25, "s"), (0.5, "e"), (1, "q"), (0.125, "z"), (0.167, "1/6"), (0.333, "1/3"), (2, "h"),
              (0.75, "e."), (1.5, "q.")]  # fmt: skip
    counted("RH onset to onset %", "s 38, e 25, q 8, z 6.5, 1/6 6.1, 1/3 5.9, h 1.6, e. 1.5, q. 1.5",
            "right values", values)  # fmt: skip
    counted("LH onset to onset %", "s 34, e 31, q 12, z 3.5, 1/6 4, 1/3 5, h 2.5", "left values", values)
    for metre, measured in (("4/4", "16ths 12, 8ths 6, w 4, triplets 3.4, h h 2.7, quarters 2.3"),
                            ("3/4", "8ths 14, h. 12, quarters 9, h q 4.4"),
                            ("2/4", "16ths 18, 8ths 10, quarters 5.6, q. e 3.4"),
                            ("6/8", "8ths 15, 16ths 14, q e 8, q. 6")):  # fmt: skip

        def bars(level, metre=metre):
            counts = Counter({text: n for (m, text), n in level.count["right bars"].items() if m == metre})
            total = max(counts.total(), 1)
            return "; ".join(f"{text} {100 * n / total:.0f}" for text, n in counts.most_common(4))

        each(f"RH bars in {metre} %", measured, bars)
    counted("LH bars %", "mixed 18, broken 15, moving chords 9, sparse 9, run 6, held note 6, octaves 6, "
            "Alberti 6, held chord 6, line 5, stride 4, empty 4, repeated chord 3, repeated note 1.4",
            "left bars", named(*left_hand_bars.KINDS))  # fmt: skip
    counted("chords %", "M 51 46 39, V7 20 22 31, m 16 18 18, dim 6 6 2, dim7 3 5 4, m7 1.5, half-dim 1; "
            "pop M 50 m 32 sus 7 m7 4 M7 3", "kinds", list(KINDS.items()))  # fmt: skip
    counted("figures %", "triad 47 43 47, 6 25 24 9, 7 12 12 29, 65 6, 43 5, 2 3, 64 3", "figures",
            list(FIGURES.items()))  # fmt: skip
    each("applied %", "11 Mozart, 19 Beethoven, 25 Chopin", lambda v: f"{100 * v.applied / v.labels:.1f}")
    each("harmony, quarters p10/25/50/75/90", ".5/1/1/2/3",
         lambda v: quantiles(v.values["chord"], (10, 25, 50, 75, 90)))  # fmt: skip
    counted("cadences %", "PAC 47 45 62, HC 36 30 19, IAC 6 21 16, other 11 4 3", "cadences",
            named("PAC", "HC", "IAC", "DC"))  # fmt: skip
    counted("phrases, bars %", "4 and 8 the commonest", "phrase bars", named(2, 3, 4, 5, 6, 7, 8, 9, 10))
    each("changes of key in 32 bars", "1.2 Mozart, .9 Beethoven and Chopin, 3.7 Schumann",
         lambda v: across(v.values["changes"]) + f", mean {np.mean(v.values['changes']):.2f}")  # fmt: skip
    counted("chords in the home key %", "60 53 40 52", "local keys", [(True, "home")])
    counted("strong beats in the chord %", "-", "strong", [(True, "in")], 1)
    counted("parallel 5ths, 8ves with the bass %", "-", "parallels", [(True, "parallel")], 1)
    each("in 100 bars", "grace 6, trill .9, arpeggio 2.6 chords", lambda v: ", ".join(
        f"{name} {100 * v.count['ornaments'][name] / v.bars:.1f}" for name in ORNAMENTS[1:]))  # fmt: skip
    each("melody slurred %", "-", lambda v: f"{np.mean(v.values['slurred']):.0f}")
    counted("articulation %", "-", "articulations", named("staccato", "accent", "tenuto"))
    each("dynamics p5/50/95", "bars of the repertoire 31 apart", lambda v: quantiles(
        v.values["velocity"], (5, 50, 95), 0))  # fmt: skip
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", type=int, default=400, help="of each level (default: 400)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    levels, seconds = {}, []
    for name in COMPLEXITIES:
        levels[name] = Level()
        scores = [compose(options.seed, i, Wanted(name)) for i in range(options.pieces)]
        start = time.process_time()
        for i in range(options.pieces):
            compose(options.seed, i, Wanted(name))
        seconds.append(1000 * (time.process_time() - start) / options.pieces)
        for score in scores:
            levels[name].add(score)
    for what, measured, texts in report(levels, seconds):
        print(f"{what}\n    {'measured':9} {measured}")
        for name, text in zip(levels, texts, strict=True):
            print(f"    {name:9} {text}")


if __name__ == "__main__":
    main()
