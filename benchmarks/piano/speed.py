"""How fast piano rows are made, on one core, and how much memory it takes.

Prints seconds of audio per CPU second (user + system) of this process: whole rows, that is composing,
performing, labels, MIDI, sound, FLAC and Parquet, after a warm-up in which the piano's sounds are made; the
share of each part; and the cost of FLAC encoding alone, measured in the same run, which bounds what any
generator with this output can reach. Run::

    python benchmarks/piano/speed.py [--augmentations N] [--pieces N] [--repeats N]
"""

import argparse
import resource
import tempfile
import time

import pyarrow.parquet as pq

from sousa.generation.audio import encode
from sousa.generation.manifest import UNFINISHED
from sousa.generation.piano import Piano, corpus, labels, pieces
from sousa.generation.piano.renderings import load_piano, rendering
from sousa.generation.piano.sampler import render
from sousa.generation.piano.settings import make_config
from sousa.generation.shards import Shard, write_shard
from sousa.generation.storage import LocalStorage


def shard_of(config, first, count):
    """A shard of so many train pieces from a number on, with all their renderings."""
    chosen = [i for i in range(first, first + 2 * count) if pieces.split_of(config, i) == "train"][:count]
    key = {"pieces": chosen, "performance": 0, "augmentations": [0, config.augmentations]}
    return Shard(f"train/p{first}", "train", len(chosen) * config.augmentations, key)


def cost(work):
    """``(CPU seconds, result)``."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


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
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--augmentations", type=int, default=1)
    parser.add_argument("--pieces", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    config = make_config("medium", augmentations=arguments.augmentations)
    first, second = (shard_of(config, start, arguments.pieces) for start in (0, 400))
    with tempfile.TemporaryDirectory() as root:
        storage = LocalStorage(root)
        warm, _ = cost(lambda: write_shard(Piano(), config, first, storage))
        # what the second shard needs of the piano is made too
        write_shard(Piano(), config, second, storage)
        seconds = []
        for _ in range(arguments.repeats):
            for cached in (pieces.score_of, pieces.performance_of):
                cached.cache_clear()
            seconds.append(cost(lambda: write_shard(Piano(), config, second, storage))[0])
        column = pq.read_table(storage.path(f"{UNFINISHED}/{second.file}"), columns=["duration_sec"])
        audio = sum(column["duration_sec"].to_pylist())
    print(f"{second.rows} rows, {audio:,.0f} s of audio ({config.augmentations} renderings each)")
    print(f"cold: {first.rows} rows in {warm:.2f} CPU s, the piano's sounds included")
    print(f"warm: {min(seconds):.2f} CPU s: {audio / min(seconds):,.0f} s of audio per CPU second")
    shares, length = min((parts_of(config, second) for _ in range(arguments.repeats)),
                         key=lambda parts: sum(parts[0].values()))  # fmt: skip
    for name, spent in shares.items():
        each = 1e3 * spent / second.rows
        print(f"  {name:12s} {each:6.1f} ms a row  {length / spent:9,.0f} s per CPU second")
    print(f"whole rows take {min(seconds) / shares['FLAC']:.2f} times FLAC alone")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    assert corpus.plan  # imported before anything is timed
    main()
