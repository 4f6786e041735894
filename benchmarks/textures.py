"""Speed of the textures corpus: ``python benchmarks/textures.py [--synths] [--memory]``.

The README's own example is made whole, as a user makes it: 125 settings of pop, 10 s each at 16 kHz in
chunks of 2 s, 625 rows, with one process and without validation. CPU seconds are those of the whole command,
start-up, dataset card and label tables included. Beside it stands the way of the earlier DSGenerator, which
took 23-25 CPU seconds for it where that was measured: here its two costs alone are run (each pop filtered
over a whole second, and added sample by sample), on a part of the same settings and scaled up.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
EARLIER_CPU_SEC = (23, 25)
RATE, LENGTH_SEC = 16000, 10


def example(values=5):
    """The example of DSGenerator's README as a configuration of its own kind; values: of each parameter."""
    config = json.loads((ROOT / "benchmarks" / "pop.json").read_text(encoding="utf-8"))
    return config | {"params": [parameter | {"user_nvals": values} for parameter in config["params"]]}


def run(config, place, *options):
    """Make a dataset in a process of its own: ``(CPU seconds, peak memory in MiB)``."""
    file = place / "config.json"
    file.write_text(json.dumps(config))
    out = tempfile.mkdtemp(dir=place)
    command = [sys.executable, str(ROOT / "sousa.py"), "generate", "textures", "--configfile", str(file),
               "--outputpath", out, "--workers", "1", "--quiet", *options]  # fmt: skip
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def earlier_way():
    """CPU seconds of the earlier way of making the example's sound, from a setting of each rate."""
    from scipy.signal import lfilter

    from sousa.generation.textures.synths.pop import peak_filter

    rng = np.random.default_rng(0)
    begin = time.process_time()
    for events_per_sec, cf in ((2.0**rate, 220.0 + 165.0 * rate) for rate in range(5)):
        sound = np.zeros(RATE * LENGTH_SEC)
        for onset in rng.uniform(0, LENGTH_SEC, int(events_per_sec * LENGTH_SEC)):
            gain, first, second = peak_filter(cf, 40.0, RATE)
            noise = np.zeros(RATE)
            noise[:3] = rng.uniform(-1, 1, 3)
            pop = lfilter([gain, 0.0, -gain], [1.0, -first, -second], noise)
            start = round(onset * RATE)
            for i in range(min(len(pop), len(sound) - start)):
                sound[start + i] += pop[i]
    return (time.process_time() - begin) * 25


def table(place):
    """Print the figures of the example under each format."""
    earlier = earlier_way()
    seconds = 125 * LENGTH_SEC
    print(f"{seconds} s of audio, 625 rows; the earlier way, sound alone, here: {earlier:.1f} CPU s")
    print(f"earlier system whole, where it was measured: {EARLIER_CPU_SEC[0]}-{EARLIER_CPU_SEC[1]} CPU s\n")
    print("what is made                      CPU s   x real time   of 23 s   of the earlier way here")
    for name, *options in (
        ("shards alone (WAV)", "--records", "none"),
        ("shards alone (FLAC)", "--records", "none", "--audio-format", "flac"),
        *((f"and {name}", "--records", name) for name in ("params", "nsjson", "tfrecords")),
    ):
        cpu = min(run(example(), place, "--skip-validation", *options)[0] for _ in range(3))
        shares = f"1/{EARLIER_CPU_SEC[0] / cpu:<8.1f}1/{earlier / cpu:.1f}"
        print(f"{name:32} {cpu:6.2f}   {seconds / cpu:11,.0f}   {shares}")
    cpu, _ = run(example(), place)
    print(f"{'and params, then validated':32} {cpu:6.2f}   {seconds / cpu:11,.0f}")


def synths():
    from sousa.generation.textures import synth

    print("synthesizer          16 kHz   44.1 kHz   seconds of audio a CPU second, at its defaults")
    for name in synth.BUILT_IN:
        maker, speeds = synth.get(name), []
        params = {p.name: float(p.default) for p in maker.parameters}
        for rate in (16000, 44100):
            costs = []
            for seed in range(6):  # the first is a warm-up
                begin = time.process_time()
                synth.render(maker, params, 10 * rate, rate, np.random.default_rng(seed))
                costs.append(time.process_time() - begin)
            speeds.append(f"{10 / min(costs):10,.0f}")
        print(f"{name:16} {' '.join(speeds)}")


def memory(place):
    """Print peak memory for datasets of growing length."""
    for length in (10, 40, 160):
        config = {**example(values=3), "examples": length // 10}
        cpu, peak = run(config, place, "--skip-validation", "--records", "params,tfrecords")
        print(f"{27 * length:6,} s of audio: {peak:5.0f} MiB, {cpu:.2f} CPU s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--synths", action="store_true", help="the synthesizers alone")
    parser.add_argument("--memory", action="store_true", help="peak memory")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if arguments.synths:
        return synths()
    with tempfile.TemporaryDirectory() as place:
        (memory if arguments.memory else table)(Path(place))


if __name__ == "__main__":
    main()
