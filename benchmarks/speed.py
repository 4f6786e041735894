"""How fast rudiments are made, on one core, and how much memory it takes.

Prints CPU seconds (user + system) of this process for shards of the medium size: labels and MIDI
to Parquet, and labels, audio, FLAC and Parquet; beside them, measured in the same run, the cost of
FLAC encoding alone, which bounds what any generator with this output can reach. Then the whole
``sousa generate`` command for the small and the medium size, with peak memory. Run::

    python benchmarks/speed.py [--memory] [--acoustics] [--shards N]

``--acoustics`` makes them in one process, without validation; ``--shards`` writes records and makes no rows.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from sousa.generation import corpora
from sousa.generation.audio import encode, named_acoustics
from sousa.generation.manifest import UNFINISHED
from sousa.generation.shards import Shard, Store, write_shard
from sousa.generation.storage import LocalStorage

SHARDS = 8


def shard_cost(root, **options):
    """CPU seconds, rows and files of some shards of the medium size, after a warm-up on others."""
    corpus, storage = corpora.get(corpora.DEFAULT), LocalStorage(str(root))
    config = corpus.config(corpus.Options.read({"size": "medium", **options}), print)
    shards = [s for s in corpus.plan(config) if s.key["augmentation"] == 0]
    for shard in shards[:2]:
        write_shard(corpus, config, shard, storage)
    begin, rows, files = time.process_time(), 0, []
    for shard in shards[2 : 2 + SHARDS]:
        rows += write_shard(corpus, config, shard, storage)[1]["rows"]
        files.append(storage.path(f"{UNFINISHED}/{shard.file}"))
    return time.process_time() - begin, rows, files


def flac_cost(files):
    """CPU seconds of encoding the audio of these shards again, and its length in seconds."""
    cells = (cell for file in files for cell in pq.read_table(file, columns=["audio"])["audio"].to_pylist())
    sounds = [encode.decode(cell["bytes"]) for cell in cells]
    begin = time.process_time()
    for pcm, rate in sounds:
        encode.encode(pcm, rate, "flac")
    return time.process_time() - begin, sum(len(pcm) / rate for pcm, rate in sounds)


def record_cost(root, count):
    """Wall and CPU seconds of recording so many shards one by one, and seconds of the manifest at the end."""
    corpus, storage = corpora.get(corpora.DEFAULT), LocalStorage(str(root))
    config = corpus.config(corpus.Options.read({"with_audio": False}), print)
    shards = [Shard(f"train/p{i:05d}_t0-4_a0", "train", 120, {}) for i in range(count)]
    entry = {"split": "train", "rows": 120, "bytes": 1, "sha256": "0" * 64, "seconds": 1.0}
    with Store(storage, config, shards) as store:
        store.begin()
        wall, cpu = time.perf_counter(), time.process_time()
        for shard in shards:
            store.record(shard.name, {"file": shard.file, **entry})
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        begin = time.perf_counter()
        store.finish({shard.name: "custom" for shard in shards}, {})
        return wall, cpu, time.perf_counter() - begin


def command_cost(size, root, *options):
    """CPU seconds, wall seconds and peak MiB of the whole command in one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = time.perf_counter()
    arguments = ("generate", "--size", size, "-o", str(root), "-q", "-w", "1", *options)
    command = [sys.executable, "-c", _MEASURED, *arguments]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, time.perf_counter() - wall, float(out.split()[-1])


_MEASURED = """
import resource, sys
import sousa
status = sousa.main(sys.argv[1:])
try:  # on Linux ru_maxrss of a child starts at the memory of its parent
    lines = open("/proc/self/status").read().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(peak)
sys.exit(status)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", action="store_true", help="also the whole command, small and medium")
    parser.add_argument("--acoustics", action="store_true", help="also the small size in all acoustics")
    parser.add_argument("--shards", type=int, metavar="N", help="also the records of so many shards")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        cpu, rows, _ = shard_cost(Path(place) / "labels", with_audio=False)
        print(f"labels, MIDI, Parquet: {rows / cpu:,.0f} performances per CPU-second ({rows:,} in {cpu:.2f})")
        cpu, rows, files = shard_cost(Path(place) / "audio")
        encode_cpu, seconds = flac_cost(files)
        print(
            f"labels + audio + FLAC + Parquet: {seconds / cpu:,.0f} s of audio per CPU-second "
            f"({seconds:,.0f} s in {cpu:.2f} s); FLAC encoding alone {seconds / encode_cpu:,.0f}, "
            f"ratio of all to encoding {cpu / encode_cpu:.2f}"
        )
        if arguments.shards:
            wall, cpu, last = record_cost(Path(place) / "records", arguments.shards)
            print(
                f"{arguments.shards:,} shards recorded one by one: {1000 * wall / arguments.shards:.1f} ms "
                f"each ({1000 * cpu / arguments.shards:.2f} CPU ms), the manifest at the end {last:.1f} s"
            )
        if arguments.acoustics:
            root = Path(place) / "acoustics"
            every = ("-a", str(len(named_acoustics.names())))
            cpu, wall, peak = command_cost("small", root, "--skip-validation", *every)
            files = sorted((root / "data").rglob("*.parquet"))
            seconds = sum(pc.sum(pq.read_table(f, columns=["duration_sec"])[0]).as_py() for f in files)
            again_cpu, again_seconds = flac_cost(files[:: len(files) // SHARDS])
            alone = again_seconds / again_cpu
            print(
                f"small in all acoustics: {seconds / cpu:,.0f} s of audio per CPU-second "
                f"({seconds / 3600:.1f} h in {cpu:.0f} CPU s, {wall:.0f} s), peak {peak:.0f} MiB; "
                f"FLAC encoding alone {alone:,.0f}, ratio of all to encoding {alone * cpu / seconds:.2f}"
            )
        if arguments.memory:
            for size in ("small", "medium"):
                for options in ([], ["--skip-validation"]):
                    root = Path(place) / f"{size}{len(options)}"
                    cpu, wall, peak = command_cost(size, root, *options)
                    name = " ".join(["sousa generate --size", size, *options])
                    print(f"{name}: {cpu:.1f} CPU s, {wall:.1f} s, peak {peak:.0f} MiB")


if __name__ == "__main__":
    main()
