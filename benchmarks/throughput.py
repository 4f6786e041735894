"""When the stream feeds the GPUs: what a row costs here, and what follows for a node of eight.

    python benchmarks/throughput.py DIR [--rows 1000] [--rows-per-second 100,300,1000] [--json FILE]

DIR is a dataset or release with audio. Rows are read in shuffled order as ``training/train.py`` reads them,
cut or padded to ``--max-sec``, and made batches for a compact network with targets of the corpus's default
task. Measured, in CPU seconds of one process (all of its threads): opening; reading the encoded clips of a
row, decoding, features, collation; then the same from the tests' Hub on the loopback interface, with its
requests and bytes, and from spectrograms that were kept. How fast a GPU takes rows is a parameter,
``--rows-per-second``: nothing here runs on one, nor does it train.

Of a row, let c be the CPU seconds, b the bytes, r the requests; L the seconds until a request is answered
(``--latency-ms``, a parameter too), and 16 the requests that a process has open at once. In batches of B, a
GPU that takes S rows/s needs

    S * (c + L * r * ceil(B / 16) / B) worker processes, S * c cores of CPU and S * b bytes/s.

The stream is what training waits for where a node has less. The formula is compared with loaders of one and
two worker processes, on the disk and on the loopback Hub with L added to each answer: the fastest of
``--repeats``, as other work on a machine only slows them. What other work leaves of the machine is printed
beside it, the cores that workers had; and rows per CPU second of workers, whose start is included, are
compared with 1 / c.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
GPUS = 8  # of a node
STAGES = ("read", "decode", "features", "collate")
REPO = "org/throughput"
NO_REQUESTS = {"requests": 0.0, "requests_to_open": 0, "bytes_to_open": 0}


def numbers(text):
    """Numbers of an option, separated by commas."""
    return [float(part) for part in text.split(",")]


class Clock:
    """CPU seconds of this process by stage."""

    def __init__(self):
        self.seconds = dict.fromkeys(STAGES, 0.0)

    def __call__(self, stage, function, *arguments):
        begin = time.process_time()
        out = function(*arguments)
        self.seconds[stage] += time.process_time() - begin
        return out


def model_for(options):
    """The network of ``training/train.py`` with nothing set but the data, to make batches."""
    import torch

    from sousa.training import config, train

    torch.set_num_threads(1)
    data: Any = {"path": str(options.directory), "train": options.split, "max_sec": options.max_sec}
    return train.make_model(config.Settings(data=data))


def opened(model, source, options, **more):
    """``(rows, CPU seconds, seconds)``: what each rank does before it trains."""
    from sousa.training.batches import rows_for

    begin, cpu = time.perf_counter(), time.process_time()
    rows = rows_for(model, source, options.split, learnt=True, **more)
    return rows, time.process_time() - cpu, time.perf_counter() - begin


def chosen(rows, options):
    """As many rows as were asked for, in random order, again and again where there are fewer."""
    order = np.random.default_rng(0).permutation(len(rows))
    return rows.select(np.resize(order, options.rows))


def decoded(rows, batch, clips):
    """Rows of a batch out of their encoded clips."""
    return [rows._row(0, row, clip) for row, clip in zip(batch, clips, strict=True)]


def stages(model, rows, options):
    """What a row costs in one process, stage by stage: dict of figures."""
    from sousa.training.batches import Collate

    clock, collate = Clock(), Collate(model)
    collate.front_end = partial(clock, "features", model.front_end)
    size, encoded, moved, read_sec = options.batch_size, 0, 0, 0.0
    for first in range(0, len(rows), size):
        batch = range(first, min(first + size, len(rows)))
        begin = time.perf_counter()
        clips = clock("read", rows.encoded, batch)
        read_sec += time.perf_counter() - begin
        items = clock("decode", decoded, rows, batch, clips)
        values = clock("collate", collate, items)["input_values"]
        encoded += sum(map(len, clips))
        moved += values.nbytes
    clock.seconds["collate"] -= clock.seconds["features"]  # which are made in it
    out = {f"{stage}_ms": 1e3 * seconds / len(rows) for stage, seconds in clock.seconds.items()}
    return out | {
        "cpu_ms": sum(out.values()), "bytes": encoded / len(rows), "bytes_to_gpu": moved / len(rows),
        "read_bytes_per_second": encoded / read_sec,
    }  # fmt: skip


def kept_spectra(model, options):
    """What a row costs where its spectrogram was kept, as ``data.spectra: true`` does: dict of figures."""
    from sousa.training.batches import Collate
    from sousa.training.spectra import SpectrumRows

    whole = opened(model, options.directory, options, whole=True)[0]
    whole = whole.select(np.arange(min(options.rows, len(whole))))
    clock, collate, size = Clock(), Collate(model), options.batch_size
    with tempfile.TemporaryDirectory() as place:
        rows = SpectrumRows(whole, model.front_end, model.max_sec, directory=place, quiet=True)
        order, stored = np.resize(np.random.default_rng(0).permutation(len(rows)), options.rows), 0
        for first in range(0, len(order), size):
            items = clock("read", rows.__getitems__, order[first : first + size])
            batch = clock("collate", collate, items)
            stored += sum(item["spectrum"].nbytes // 2 for item in items)  # float16 on the disk
        del rows
    out = {f"{stage}_ms": 1e3 * seconds / len(order) for stage, seconds in clock.seconds.items()}
    moved = batch["input_values"][0].nbytes
    figures = {"cpu_ms": sum(out.values()), "bytes": stored / len(order), "bytes_to_gpu": moved}
    return out | figures | NO_REQUESTS


def loaded(model, rows, options, workers):
    """A loader with workers over the rows: dict of rates, rows/s, by the clock and by CPU time."""
    from sousa.training.batches import Collate
    from sousa.training.stream import Loader

    loader = Loader(rows, options.batch_size, num_workers=workers, collate_fn=Collate(model))
    before, main = resource.getrusage(resource.RUSAGE_CHILDREN), time.process_time()
    batches = iter(loader)
    first, begin = len(next(batches)["valid"]), time.perf_counter()
    for _ in batches:
        pass
    seconds, main = time.perf_counter() - begin, time.process_time() - main
    del batches  # workers end, and their time is counted
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {
        "workers": workers, "rows_per_second": (len(rows) - first) / seconds, "cores": cpu / seconds,
        "rows_per_worker_cpu_second": len(rows) / cpu, "main_ms": 1e3 * main / len(rows),
    }  # fmt: skip


def per_row_seconds(figures, batch_size, latency_sec=0.0):
    """``(CPU seconds, seconds of a worker process)`` that a row takes."""
    from sousa.training.stream import _REQUESTS

    cpu = figures["cpu_ms"] / 1e3
    rounds = math.ceil(batch_size / _REQUESTS) / batch_size
    return cpu, cpu + latency_sec * figures["requests"] * rounds


def compared(figures, runs, options, latency_sec=0.0):
    """The best runs of loaders with what the formula predicts, and ratios of what was measured to it."""
    cpu, wall = per_row_seconds(figures, options.batch_size, latency_sec)
    best = {}
    for run in sorted(runs, key=lambda run: run["rows_per_second"]):
        best[run["workers"]] = run
    for run in best.values():
        run["predicted"] = run["workers"] / wall
        run["ratio"] = run["rows_per_second"] / run["predicted"]
        run["cpu_ratio"] = run["rows_per_worker_cpu_second"] * cpu
    return [best[workers] for workers in sorted(best)]


def in_a_process(options, source, environment=None, ready=lambda: None):
    """What a process says that reads a source: list of dicts; ready is called before it goes on."""
    command = [sys.executable, __file__, str(options.directory), "--source", source, "--split", options.split]
    for name in ("rows", "batch_size", "max_sec", "repeats"):
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    process = subprocess.Popen(
        command, env={**(environment or os.environ), "PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    lines = []
    for line in process.stdout:
        lines.append(line)
        ready()
        process.stdin.write("\n")
        process.stdin.flush()
    if process.wait():
        sys.exit(f"{source}: status {process.returncode}")
    return [json.loads(line) for line in lines]


def tell(figures):
    """In that process: print figures, and go on when they were read."""
    print(json.dumps(figures), flush=True)
    sys.stdin.readline()


def read_source(options):
    """What a process does that reads a source: it tells of opening, of stages, and of loaders."""
    model = model_for(options)
    opened(model, options.directory, options)  # so that imports are no part of what is measured
    rows, cpu, seconds = opened(model, options.source, options)
    tell({"open_cpu_seconds": cpu, "open_seconds": seconds, "rows_opened": len(rows)})
    rows = chosen(rows, options)
    tell(stages(model, rows, options))
    for _ in range(options.repeats):
        for workers in (1, 2):
            tell(loaded(model, rows, options, workers))


def from_disk(options):
    """Figures of the dataset on the disk, and its loaders."""
    begin, figures, *runs = in_a_process(options, str(options.directory))
    figures = begin | figures | NO_REQUESTS
    return figures, compared(figures, runs, options)


def from_hub(options, place):
    """Figures of the same rows on a Hub on the loopback interface, and its loaders."""
    from sousa.builders.release import layout
    from tests.support.hub import Fault, Hub
    from tests.support.publishing import Publisher
    from tests.support.releases import release

    root, latency_sec, counts = options.directory, options.latency_ms / 1e3, []
    if "release_format" not in json.loads((root / layout.MANIFEST).read_text()):
        root = release(root, place / "release")
    with Hub(place / "hub") as hub:
        done = Publisher(hub, place / "publisher")("publish", root, REPO, "-q")
        if done.returncode:
            sys.exit(done.stderr_text)

        def ready():
            counts.append((len(hub.requests), sum(record.bytes_out for record in hub.requests)))
            hub.clear()
            if len(counts) == 2:  # loaders follow
                hub.faults.add(Fault(kind="call", call=partial(time.sleep, latency_sec)))

        hub.clear()
        reader = hub.environment(place / "reader", "hf_reader")
        begin, figures, *runs = in_a_process(options, REPO, reader, ready)
    (to_open, bytes_to_open), (requests, _) = counts[:2]
    figures |= begin | {"requests": requests / options.rows}
    figures |= {"requests_to_open": to_open, "bytes_to_open": bytes_to_open}
    return figures, compared(figures, runs, options, latency_sec)


def needs(name, figures, options):
    """What a GPU needs, for each rate at which it may take rows: list of dicts."""
    latency_sec = options.latency_ms / 1e3 if figures["requests"] else 0.0
    cpu, wall = per_row_seconds(figures, options.batch_size, latency_sec)
    return [
        {
            "source": name, "rows_per_second": rate, "workers": math.ceil(rate * wall), "cores": rate * cpu,
            "megabytes_per_second": rate * figures["bytes"] / 1e6,
            "requests_per_second": rate * figures["requests"],
        }
        for rate in options.rows_per_second
    ]  # fmt: skip


def report(results, options):
    """The tables, as Markdown."""
    from sousa.generation.columns import markdown

    sources = results["sources"]
    costs = []
    for name, figures in sources.items():
        each = [f"{figures[f'{stage}_ms']:.3f}" for stage in STAGES]
        volume = (f"{figures['bytes'] / 1e3:.1f}", f"{figures['requests']:.2f}")
        costs.append((name, *each, f"{figures['cpu_ms']:.3f}", *volume))
    yield "Measured, of a row:"
    head = (*(f"{stage}, CPU ms" for stage in STAGES), "all, CPU ms", "kB", "requests")
    yield markdown(("rows from", *head), costs)
    for name, figures in sources.items():
        if "open_seconds" in figures:
            yield (
                f"{name}: {figures['rows_opened']:,} rows opened in {figures['open_seconds']:.2f} s "
                f"({figures['open_cpu_seconds']:.2f} CPU-s, {figures['requests_to_open']} requests, "
                f"{figures['bytes_to_open'] / 1e6:.2f} MB); clips read at "
                f"{figures['read_bytes_per_second'] / 1e6:,.0f} MB/s"
            )
    yield "Rows/s of loaders; the Hub answers late as given below:"
    checks = [
        (name, run["workers"], f"{run['predicted']:.0f}", f"{run['rows_per_second']:.0f}",
         f"{run['ratio']:.2f}", f"{run['cores']:.2f}", f"{run['cpu_ratio']:.2f}", f"{run['main_ms']:.3f}")
        for name, runs in results["loaders"].items() for run in runs
    ]  # fmt: skip
    head = ("predicted", "measured", "ratio", "cores they had", "ratio in CPU time")
    head += ("main process, CPU ms a row",)
    yield markdown(("rows from", "workers", *head), checks)
    late = f"the Hub answers {options.latency_ms:g} ms late"
    yield f"Needed where a GPU takes so many rows/s, which is assumed, not measured; {late}:"
    lines = [
        (f"{need['rows_per_second']:g}", need["source"], need["workers"], f"{GPUS * need['cores']:.1f}",
         f"{need['megabytes_per_second']:.1f}", f"{GPUS * need['megabytes_per_second']:.0f}",
         f"{GPUS * need['requests_per_second']:.0f}")
        for need in results["needs"]
    ]  # fmt: skip
    of_node = (f"{unit} per {GPUS} GPUs" for unit in ("MB/s", "requests/s"))
    head = ("workers per GPU", f"cores per {GPUS} GPUs", "MB/s per GPU", *of_node)
    yield markdown(("rows/s a GPU", "rows from", *head), lines)
    yield f"Above so many rows/s each, {GPUS} GPUs wait for the stream, where workers have so many cores:"
    # of batches that workers have made, a process takes no more than this
    most = 1e3 / min(run["main_ms"] for runs in results["loaders"].values() for run in runs)
    per_core = [1e3 / figures["cpu_ms"] for figures in sources.values()]
    lines = [
        (f"{cores:g}", *(f"{min(cores / GPUS * rate, most):,.0f}" for rate in per_core))
        for cores in options.cores
    ]
    yield markdown(("cores", *sources), lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("directory", type=lambda text: Path(text).resolve())
    parser.add_argument("--split", default="train")
    parser.add_argument("--rows", type=int, default=1000, help="to read in each measurement")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-sec", type=float, default=7.0, help="clips are cut or padded to it")
    parser.add_argument("--repeats", type=int, default=3, help="of loaders")
    parser.add_argument("--rows-per-second", type=numbers, default=[100, 300, 1000], help="of one GPU")
    parser.add_argument("--cores", type=numbers, default=[16, 64, 128], help="of a node, for workers")
    parser.add_argument("--latency-ms", type=float, default=50.0, help="of each answer of a Hub")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--source", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.source:
        read_source(options)
        return
    results = {"sources": {}, "loaders": {}}
    for name, measure in {"disk": from_disk, "Hub": from_hub}.items():
        with tempfile.TemporaryDirectory() as place:
            arguments = (options, Path(place)) if measure is from_hub else (options,)
            results["sources"][name], results["loaders"][name] = measure(*arguments)
    results["sources"]["kept spectra"] = kept_spectra(model_for(options), options)
    results["needs"] = [
        need for name, figures in results["sources"].items() for need in needs(name, figures, options)
    ]
    print("\n\n".join(report(results, options)))
    if options.json:
        settings = {name: value for name, value in vars(options).items() if name not in ("json", "source")}
        settings["directory"] = options.directory.name
        options.json.write_text(json.dumps({"settings": settings, **results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
