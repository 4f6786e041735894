"""How well beats, bars and metres are found in notes: composed pieces, as written and as players play them.

The true notes are given, so that no model's mistakes count. Of each piece: F of beats and of downbeats
(mir_eval, within 70 ms, from the first note on), whether the metre is the written one, and at which multiple
of the written tempo the beats are. Run::

    python benchmarks/piano/beats.py [--pieces 20] [--seed 7] [--complexity simple,medium,complex]
        [--tiers deadpan,professional] [--scores DIR] [--each]

``--scores`` takes MusicXML and MIDI files in place of composed pieces; ``--each`` shows every piece.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import mir_eval
import numpy as np

from sousa.generation.errors import UsageError
from sousa.generation.piano.composition import Wanted, compose
from sousa.generation.piano.performance import deadpan, perform, player
from sousa.generation.piano.score import COMPLEXITIES, Score, beat_length
from sousa.generation.piano.scores import read_score
from sousa.training.transcription import beats, metres, notes_of

RATE = 16_000
BEFORE_SEC = 0.05  # beats sooner than this before the first note can't be known


def pieces(arguments: argparse.Namespace) -> Iterator[tuple[str, int, Score]]:
    """``(group, number, score)`` of each piece."""
    if arguments.scores:
        for index, file in enumerate(sorted(Path(arguments.scores).rglob("*"))):
            if file.is_file():
                try:
                    score = read_score(file)
                except UsageError as error:
                    print(f"left out: {error}", file=sys.stderr)
                else:
                    yield "scores", index, score
        return
    for level in arguments.complexity.split(","):
        for index in range(arguments.pieces):
            yield level, index, compose(arguments.seed, index, Wanted(level))


def measured(score: Score, tier: str, seed: int, index: int) -> dict[str, float]:
    """Figures of one performance."""
    if tier == "deadpan":
        played = deadpan(score, RATE)
    else:
        played = perform(score, player(seed, index, 0, (tier,)), seed, index, 0, RATE)
    notes = played.notes
    heard = notes_of(notes["onset_sample"] / RATE, notes["key_up_sample"] / RATE, notes["pitch"],
                     notes["velocity"])  # fmt: skip
    start = time.process_time()
    onsets = beats.onsets_of(heard)
    found = metres.beats_of(heard, onsets, *beats.track(onsets))
    spent = time.process_time() - start
    true = played.beat_samples / RATE
    bars = np.array([bar.onset_beat for bar in score.bars])
    bars = bars[score.bars[0].length_beat < score.bars[-1].length_beat - 1e-6 :]  # an upbeat has no downbeat
    down = true[np.isin(np.round(played.beats, 6), np.round(bars, 6))]
    first, last = heard["onset_sec"][0] - BEFORE_SEC, heard["onset_sec"][-1] + BEFORE_SEC

    def f_measure(reference: np.ndarray, estimate: np.ndarray) -> float:
        inside = [part[(part >= first) & (part <= last)] for part in (reference, estimate)]
        return float(mir_eval.beat.f_measure(*inside))

    metre = score.bars[-1].metre
    alike = {metre, {"2/2": "4/4", "3/8": "3/4"}.get(metre, metre)}
    ratio = float(np.median(np.diff(true[:-1]))) / float(np.median(np.diff(found.sec)))
    return {
        "beats": f_measure(true, found.sec),
        "downbeats": f_measure(down, found.sec[found.first_bar :: found.per_bar]),
        "metre": float(found.metre in alike),
        "ratio": ratio,
        "cpu_sec": spent,
        "bpm": score.tempo_bpm / beat_length(metre),
        "said": metre + ">" + found.metre,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--pieces", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--complexity", default=",".join(COMPLEXITIES))
    parser.add_argument("--tiers", default="deadpan,professional")
    parser.add_argument("--scores")
    parser.add_argument("--each", action="store_true")
    arguments = parser.parse_args()
    rows: dict[tuple[str, str], list[dict[str, float]]] = {}
    for group, index, score in pieces(arguments):
        for tier in arguments.tiers.split(","):
            row = measured(score, tier, arguments.seed, index)
            rows.setdefault((group, tier), []).append(row)
            if arguments.each:
                print(
                    f"  {group} {index} {tier}: {row['said']}, {row['bpm']:.0f} a minute x "
                    f"{row['ratio']:.2f}, beats {row['beats']:.3f}, downbeats {row['downbeats']:.3f}"
                )
    for (group, tier), each in rows.items():
        ratio = np.array([row["ratio"] for row in each])
        right = np.abs(np.log2(ratio)) < 0.2
        mean = {name: np.mean([row[name] for row in each])
                for name in ("beats", "downbeats", "metre", "cpu_sec")}  # fmt: skip
        print(
            f"{group} {tier}, {len(each)} pieces: beats {mean['beats']:.3f}, "
            f"downbeats {mean['downbeats']:.3f}, metre {mean['metre']:.2f}, tempo right {right.mean():.2f} "
            f"(slower {(ratio < 2**-0.2).mean():.2f}, faster {(ratio > 2**0.2).mean():.2f}), "
            f"{mean['cpu_sec']:.2f} CPU-s a piece"
        )


if __name__ == "__main__":
    main()
