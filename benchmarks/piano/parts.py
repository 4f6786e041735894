"""What each part of making piano rows costs, one after the other for the same pieces, in one process. Run::

    python benchmarks/piano/parts.py [--pieces N] [--repeats N]

CPU milliseconds a row and seconds of audio per CPU second, after a run in which the piano's sounds are made.
``python -m benchmarks piano`` measures whole rows beside FLAC alone; what they cost beyond these parts is
Parquet, digests and tables.
"""

import argparse

from benchmarks.measuring import cost
from benchmarks.piano.suite import shard_of
from sousa.generation.audio import encode
from sousa.generation.piano import labels, pieces
from sousa.generation.piano.corpus import plan  # noqa: F401 - imported before anything is timed
from sousa.generation.piano.renderings import load_piano, rendering
from sousa.generation.piano.sampler import render
from sousa.generation.piano.settings import make_config


def parts_of(config, shard):
    """CPU seconds of each part, made one after the other for the same rows."""
    seed, rate, numbers = config.seed, config.sample_rate, shard.key["pieces"]
    composed = {}

    def compose():
        pieces.score_of.cache_clear()
        composed.update({i: pieces.score_of.__wrapped__(config, i) for i in numbers})

    def perform():
        from sousa.generation.piano.performance import perform, player

        return {
            i: perform(score, player(seed, i, 0, config.tiers), seed, i, 0, rate)
            for i, score in composed.items()
        }

    out = {"composing": cost(compose)[0]}
    out["performing"], played = cost(perform)
    sounds = [(i, rendering(config, i, 0, a)) for i in numbers for a in range(*shard.key["augmentations"])]
    heard = [labels.heard(composed[i], played[i], sound.record) for i, sound in sounds]
    out["MIDI"] = cost(lambda: [labels.midi_file(row, "x") for row in heard])[0]
    out["labels"] = cost(
        lambda: [
            [labels.facts(row) for row in heard], labels.note_lists(heard), labels.pedal_lists(heard),
            labels.beat_lists(heard), labels.chord_lists(heard),
        ]
    )[0]  # fmt: skip

    def sound():
        return [
            render(load_piano(s.piano), played[i], cents=s.cents, brightness_db=s.brightness_db,
                   record=s.record, channels=config.channels, gain_db=s.gain_db)[0]
            for i, s in sounds
        ]  # fmt: skip

    out["sound"], pcm = cost(sound)
    out["FLAC"] = cost(lambda: [encode.encode(one, rate, "flac") for one in pcm])[0]
    return out, sum(len(one) for one in pcm) / rate


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", type=int, default=40, help="(default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="(default: %(default)s)")
    arguments = parser.parse_args()
    config = make_config("medium", augmentations=1)
    shard = shard_of(config, 400, arguments.pieces)
    parts_of(config, shard)
    runs = [parts_of(config, shard) for _ in range(arguments.repeats)]
    shares, length = min(runs, key=lambda parts: sum(parts[0].values()))
    print(f"{shard.rows} rows, {length:,.0f} s of audio")
    for name, spent in {**shares, "all of them": sum(shares.values())}.items():
        each = 1e3 * spent / shard.rows
        print(f"  {name:12s} {each:6.2f} ms a row  {length / spent:9,.0f} s per CPU second")


if __name__ == "__main__":
    main()
