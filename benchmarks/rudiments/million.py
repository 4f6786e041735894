"""What a million rows cost, from making them to reading one of them.

    python benchmarks/rudiments/million.py DIR [--rows 1000000] [--workers 2]

DIR is empty or new, with room for 15 GB. Rows of rudiments are made with labels and MIDI and without sound,
validated, made a release (by hard links), read by our streams, and loaded by stock ``datasets``. Each step is
a process of its own; printed are its seconds, its CPU seconds, the peak of the memory of all its processes
(shared pages counted once), and what it says itself. What is there already is kept: a run that was stopped
goes on, and is no measurement. It needs the environment for training.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.watching import Watch

ROOT = Path(__file__).resolve().parents[2]
PER_PLAYER = 40 * 5  # rudiments, and tempi of each


def timed(function, numbers):
    """Seconds of a call for each number, sorted."""
    times = []
    for number in numbers:
        begin = time.perf_counter()
        function(number)
        times.append(time.perf_counter() - begin)
    return sorted(times)


def text_of(times):
    """Median and maximum of seconds."""
    return f"{times[len(times) // 2] * 1e3:.1f} ms (slowest of {len(times)}: {times[-1] * 1e3:.0f})"


def labels(place):
    """Labels by our streams: opened, at random, and shuffled."""
    from sousa.training.stream import Loader, open_rows

    begin = time.perf_counter()
    rows = open_rows(place / "release", "train", columns=["skill_tier", "overall_score"], audio=None)
    opened = time.perf_counter() - begin
    times = timed(rows.__getitem__, random.Random(0).sample(range(len(rows)), 200))
    begin, seen = time.perf_counter(), 0
    for batch in Loader(rows, batch_size=64, seed=0):
        seen += len(batch["sample_id"])
        if seen >= 64_000:
            break
    rate = seen / (time.perf_counter() - begin)
    return f"{len(rows):,} rows opened in {opened:.1f} s, one in {text_of(times)}, {rate:,.0f}/s shuffled"


def rows(place):
    """Whole rows with MIDI, as ``sousa open`` and ``sousa plot`` read them."""
    from sousa.generation.reopen import open_dataset, rows_at

    begin = time.perf_counter()
    stored = open_dataset(place / "dataset")
    opened = time.perf_counter() - begin

    def one(number):
        next(iter(rows_at(stored.storage, stored.records, [number])))

    times = timed(one, random.Random(0).sample(range(stored.manifest["num_rows"]), 50))
    return f"opened in {opened:.1f} s, one in {text_of(times)}"


def stock(place):
    """The release by stock ``datasets``: streamed, and built."""
    import datasets

    datasets.disable_progress_bars()
    release, begin = str(place / "release"), time.perf_counter()
    next(iter(datasets.load_dataset(release, split="train", streaming=True)))
    streamed, begin = time.perf_counter() - begin, time.perf_counter()
    data = datasets.load_dataset(release, split="train", cache_dir=str(place / "cache"))
    built = time.perf_counter() - begin
    times = timed(data.__getitem__, random.Random(0).sample(range(len(data)), 200))
    return f"first row streamed after {streamed:.1f} s, built in {built:.0f} s, one in {text_of(times)}"


READING = {"labels": labels, "rows": rows, "datasets": stock}


def measured(name, command):
    """Run a command, print what it costs and its last line, and return the former as a dict."""
    watch = Watch(
        subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    )
    watch.wait()
    lines, out = watch.process.stdout.read().strip().splitlines(), watch.costs()
    if watch.process.returncode:
        sys.exit(f"{name}: status {watch.process.returncode}; {lines[-1:]}")
    cost = f"{out['seconds']:,.0f} s, {out['cpu_seconds']:,.0f} CPU-s, {out['peak_mib']:,.0f} MiB"
    print(f"{name:<9} {cost}" + f"; {lines[-1]}" * (name in READING), flush=True)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--step", choices=READING, help="this one alone, in this process")
    options = parser.parse_args()
    place = options.directory.resolve()
    if options.step:
        print(READING[options.step](place))
        return
    data, release, workers = place / "dataset", place / "release", ["-w", str(options.workers)]
    size = ["-p", str(options.rows // PER_PLAYER), "-t", "5", "-a", "1", "--no-audio", "--skip-validation"]
    commands = {
        "make": ["sousa.py", "generate", *size, "-o", str(data), *workers],
        "validate": ["sousa.py", "validate", str(data), *workers],
        "release": ["sousa.py", "release", str(data), "-o", str(release), "--version", "1.0.0", "--link"],
    } | {name: [__file__, str(place), "--step", name] for name in READING}
    results = {name: measured(name, command) for name, command in commands.items()}
    files = [path for path in data.rglob("*") if path.is_file()]
    most = max(sum(path.is_file() for path in folder.iterdir()) for folder in (data / "data").iterdir())
    size_gb = sum(path.stat().st_size for path in files) / 1e9
    rate = options.rows / results["make"]["seconds"]
    print(f"{len(files):,} files, {most:,} in a folder, {size_gb:.2f} GB; {rate:,.0f} rows/s made")
    (place / "million.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
