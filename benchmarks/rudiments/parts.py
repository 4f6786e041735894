"""What each part of making rows of rudiments costs, for the same shards, in one process. Run::

    python benchmarks/rudiments/parts.py [--acoustics] [--repeats N]

CPU milliseconds a row and the share of whole rows, for clean rows of the medium size or, with
``--acoustics``, for all takes of a player in the small size in all acoustics. Drums are made anew in each
run, as for each player; recorded sounds and definitions have been read before. ``python -m benchmarks``
measures whole rows beside FLAC alone.
"""

import argparse
import json
import tempfile

from benchmarks.measuring import cost
from benchmarks.rudiments import suite
from benchmarks.shards import written
from sousa.generation.audio import accompaniment, acoustics, drums, encode
from sousa.generation.rudiments import corpus, definitions
from sousa.generation.rudiments.assembly import play
from sousa.generation.rudiments.renderings import rendering

PARTS = ("labels and MIDI", "drums", "mixing, effects, rounding", "FLAC and MD5")


def parts_of(config, shard):
    """``(CPU seconds of each part, rows)`` of a shard."""
    out, rows = (
        dict.fromkeys(("labels and MIDI", "drums", "mixing, effects, rounding", "FLAC and MD5"), 0.0),
        0,
    )
    for table in corpus.addresses(config, shard):
        spent, _ = cost(lambda table=table: corpus.remake(config, table, render=False))
        out["labels and MIDI"] += spent
        profiles, slugs, variants, tempi = (table[name].to_pylist() for name in table.column_names[:4])
        forms = [definitions.load()[name] for name in map(definitions.form_name, slugs, variants)]
        takes = [corpus.take_of(config, *address) for address in zip(profiles, forms, tempi, strict=True)]
        p = play(takes, config.sample_rate)
        for i, take in enumerate(takes):
            sound = rendering(config, take, shard.key["augmentation"])
            span = slice(p.start[i], p.start[i + 1])
            strokes = (
                p.onset_sample[span],
                p.velocity[span],
                drums.variant_of(p.variant[span], p.hand[span]),
            )
            beats = corpus.beats_of(p, i, config) if accompaniment.heard(sound.record) else None
            bank, setup = corpus.load_bank(sound.bank), json.loads(sound.setup)

            def drum(bank=bank, setup=setup, sound=sound, strokes=strokes):
                voice = drums.voice(bank, setup, sound.record, config.sample_rate, config.channels)
                for velocity, variant in {*zip(strokes[1].tolist(), strokes[2].tolist(), strict=True)}:
                    voice.sound(int(voice.layer_of[velocity]), variant)
                return voice

            spent, voice = cost(drum)
            out["drums"] += spent
            size = int(p.num_samples[i])
            spent, (pcm, _) = cost(
                lambda: acoustics.perform(sound.record, voice, strokes, size, sound.gain_db, beats)  # noqa: B023
            )
            out["mixing, effects, rounding"] += spent
            spent, _ = cost(lambda pcm=pcm: encode.encode_and_digest(pcm, config.sample_rate, "flac"))
            out["FLAC and MD5"] += spent
            rows += 1
    return out, rows


def run(config, shards):
    """CPU seconds of all parts of some shards, and of whole rows."""
    drums._kept_voice.cache_clear()
    parts, rows = zip(*(parts_of(config, shard) for shard in shards), strict=True)
    out = {name: sum(part[name] for part in parts) for name in parts[0]}
    drums._kept_voice.cache_clear()
    with tempfile.TemporaryDirectory() as place:
        whole, _ = cost(lambda: written("rudiments", config, shards, place))
    out["Parquet, digests and tables"] = whole - sum(out.values())
    return {**out, "whole rows": whole}, sum(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--acoustics", action="store_true", help="in all acoustics (default: clean rows)")
    parser.add_argument("--repeats", type=int, default=3, help="(default: %(default)s)")
    arguments = parser.parse_args()
    config = suite.config_of(augmentations=suite.ACOUSTICS if arguments.acoustics else 1)
    choose = suite.shards_in_acoustics if arguments.acoustics else suite.clean_shards
    warm, *shards = choose(config)
    run(config, [warm])
    runs = [run(config, shards) for _ in range(arguments.repeats)]
    parts, rows = min(runs, key=lambda each: each[0]["whole rows"])
    print(f"{rows:,} rows")
    for name, spent in parts.items():
        print(f"  {name:28s} {1e3 * spent / rows:6.2f} ms a row  {spent / parts['whole rows']:6.1%}")


if __name__ == "__main__":
    main()
