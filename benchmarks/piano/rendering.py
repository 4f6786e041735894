"""How fast performances become sound, beside FLAC alone, and how much memory it takes. Run::

    python benchmarks/piano/rendering.py [--pieces 30] [--rate 16000] [--piano NAME] [--markdown]

Pieces are composed and performed; then each is rendered and encoded, and what was rendered is encoded again
alone. CPU seconds of this process; of several runs of a piece the fastest, as other work on the machine only
ever makes one slower. A row for each level, one for passages of so many notes a second under a pedal, and one
for each kind of acoustics.
"""

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from sousa.generation.audio import acoustics, encode, named_acoustics, rooms
from sousa.generation.columns import markdown
from sousa.generation.piano import sampler
from sousa.generation.piano.composition import Wanted, compose
from sousa.generation.piano.performance import perform, player
from sousa.generation.piano.played import NOTE, Performance, sounding_ends
from sousa.generation.piano.score import COMPLEXITIES

RUNS = 7
DENSITIES, PASSAGE_SEC = (2, 4, 8, 16), 30


def fastest(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest of some runs."""
    times = []
    for _ in range(RUNS):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def passage(density: int, rate: int) -> Performance:
    """Notes at random, so many a second, under a pedal that is changed each second."""
    rng = np.random.default_rng(density)
    count, size = density * PASSAGE_SEC, PASSAGE_SEC * rate
    notes = np.zeros(count, dtype=NOTE)
    notes["onset_sample"] = np.sort(rng.integers(rate // 2, size - rate, count))
    notes["pitch"] = np.clip(np.rint(rng.normal(62, 12, count)), 21, 108)
    notes["velocity"] = np.clip(rng.normal(64, 15, count), 1, 127)
    notes["key_up_sample"] = notes["onset_sample"] + rate * rng.gamma(2.0, 0.2, count)
    for pitch in set(notes["pitch"].tolist()):
        same = np.flatnonzero(notes["pitch"] == pitch)
        again = notes["onset_sample"][same[1:]] - 1
        notes["key_up_sample"][same[:-1]] = np.minimum(notes["key_up_sample"][same[:-1]], again)
    values = np.array([127, 60, 0, 0, 60, 127])
    at = np.arange(1, PASSAGE_SEC)[:, None] * rate + np.arange(len(values)) * (rate // 25)
    pedal = np.stack([at.ravel(), np.tile(values, PASSAGE_SEC - 1)], axis=1)
    pedal = np.concatenate([[[0, 0]], pedal])
    notes["end_sample"] = sounding_ends(
        notes["onset_sample"], notes["key_up_sample"], notes["pitch"], pedal, size
    )
    none = np.zeros(0)
    return Performance(notes, none, pedal, none, none, size, rate)


def cost(piano: sampler.Piano, performances: list[Performance], **options: Any) -> list[str]:
    """A row of the table: what some performances cost."""
    seconds = spent = alone = notes = 0.0
    for performance in performances:
        pcm, _ = sampler.render(piano, performance, **options)

        def whole(performance=performance):
            made, _ = sampler.render(piano, performance, **options)
            encode.encode(made, performance.sample_rate, "flac")

        spent += fastest(whole)
        alone += fastest(lambda pcm=pcm, rate=performance.sample_rate: encode.encode(pcm, rate, "flac"))
        seconds += performance.num_samples / performance.sample_rate
        notes += len(performance.notes)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    per_sec = [f"{notes / seconds:.1f}", f"{seconds / spent:,.0f}", f"{seconds / alone:,.0f}"]
    return [*per_sec, f"{spent / alone:.2f}", f"{memory}"]


def record_of(name: str, rate: int) -> dict:
    """A record of acoustics, drawn."""
    rng = np.random.default_rng(0)

    def draw(_: str) -> float:
        return float(rng.random())

    ranges = named_acoustics.load()[name]
    linear = acoustics.session_record(ranges, draw, rooms.pool(name))
    return {**linear, **acoustics.row_record(ranges, draw, rate)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", type=int, default=30, help="composed pieces (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=16000, help="sample rate in Hz (default: %(default)s)")
    parser.add_argument("--piano", default=sampler.DEFAULT, help="name of a piano (default: the shipped one)")
    parser.add_argument("--markdown", action="store_true", help="print a table in Markdown")
    args = parser.parse_args()
    piano, pieces = sampler.by_name(args.piano), {level: [] for level in COMPLEXITIES}
    for index in range(args.pieces):
        score = compose(0, index, Wanted(COMPLEXITIES[index % 3]))
        who = player(0, index, 0, ("professional",))
        pieces[score.complexity].append(perform(score, who, 0, index, 0, args.rate))
    rows = [[f"{level} pieces", *cost(piano, played)] for level, played in pieces.items()]
    rows += [[f"{n} notes a second", *cost(piano, [passage(n, args.rate)])] for n in DENSITIES]
    some = [played for level in pieces.values() for played in level[:2]]
    rows.append(["six of the pieces", *cost(piano, some)])
    rows.append(["with brightness", *cost(piano, some, brightness_db=3.0)])
    rows.append(["in stereo", *cost(piano, some, channels=2)])
    for name in named_acoustics.names():
        if name != named_acoustics.CLEAN:
            rows.append([name, *cost(piano, some, record=record_of(name, args.rate))])
    head = ("", "notes/s", "audio s per CPU s", "FLAC alone", "ratio", "peak MB")
    if args.markdown:
        print(markdown(head, rows))
    else:
        for row in (head, *rows):
            print(f"{row[0]:22} {row[1]:>8} {row[2]:>18} {row[3]:>11} {row[4]:>6} {row[5]:>8}")


if __name__ == "__main__":
    main()
