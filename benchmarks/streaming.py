"""What it costs to read clips in a shuffled order: our stream, stock datasets, a folder of files.

    python benchmarks/streaming.py [--rows 2000] [--seconds 5] [--repeats 3]

Makes the rows (clean, about ``--seconds`` long) in a temporary directory, then reads all of them with each
reader in a process of its own, in turn, ``--repeats`` times over, so that what else the machine does hits all
alike. The work is the same for all: mono float32 in batches of 16, padded, as torch tensors, and the row's
name. Reported are CPU milliseconds per five seconds of audio (all threads, after imports, opening and
indexing included), their ratio to decoding bytes that are in memory already, seconds to the first row, and
the peak of resident memory.
"""

import argparse
import io
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BATCH, BUFFER, FILES = 16, 500, "data/*/*.parquet"


def batches(clips):
    """Stack clips sixteen at a time, as a training loop would get them."""
    import torch

    batch = []
    for clip in clips:
        batch.append(torch.from_numpy(clip))
        if len(batch) == BATCH:
            torch.nn.utils.rnn.pad_sequence(batch, batch_first=True)
            batch = []
        yield len(clip)


def stored(root):
    """The cells of the column audio, one by one."""
    import pyarrow.parquet as pq

    for path in sorted(Path(root).glob(FILES)):
        yield from pq.read_table(path, columns=["audio"])["audio"].to_pylist()


def floor(root):
    """Decoding alone; the bytes are read before the clock starts."""
    import soundfile

    files = [io.BytesIO(cell["bytes"]) for cell in stored(root)]
    yield None
    yield from batches(soundfile.read(file, dtype="float32")[0] for file in files)


def ours(root, shuffle=True):
    from sousa.training.stream import Loader, Rows

    yield None
    loader = Loader(Rows(root, columns=["sample_id"]), BATCH, shuffle=shuffle)
    # the first row is what is waited for, not the first batch
    first = loader.dataset[int(loader.order.rows(0)[0])]
    yield -len(first["audio"])
    yield from batches(audio for batch in loader for audio in batch["audio"])


def stock(root, soundfile=True, shuffle=False):
    import datasets

    from sousa.builders.audio import SoundfileAudio

    datasets.disable_progress_bars()
    yield None
    stream = datasets.load_dataset("parquet", data_files=f"{root}/{FILES}", split="train", streaming=True)
    stream = stream.select_columns(["audio", "sample_id"])
    stream = stream.cast_column("audio", SoundfileAudio() if soundfile else datasets.Audio())
    if shuffle:
        stream = stream.shuffle(seed=0, buffer_size=BUFFER)
    sounds = (row["audio"] for row in stream)
    if soundfile:
        yield from batches(sound["array"] for sound in sounds)
    else:
        yield from batches(sound.get_all_samples().data.mean(0).numpy() for sound in sounds)


def folder(root):
    """A FLAC file for each row, through a plain torch DataLoader."""
    import numpy as np
    import soundfile
    from torch.utils.data import DataLoader

    def read(paths):
        return [soundfile.read(path, dtype="float32")[0] for path in paths]

    files = sorted(map(str, Path(root, "files").glob("*.flac")))
    yield None
    order = np.random.default_rng(0).permutation(len(files)).tolist()
    loader = DataLoader(files, BATCH, sampler=order, collate_fn=read)
    yield from batches(clip for batch in loader for clip in batch)


# generators of the directory: a first value when the clock may start, then the samples of each clip
READERS = {
    "decode bytes in memory": floor,
    "sousa stream, global shuffle": ours,
    "sousa stream, in order": partial(ours, shuffle=False),
    "folder of FLAC files, random": folder,
    "datasets streaming, soundfile": stock,
    "datasets streaming + shuffle(500), soundfile": partial(stock, shuffle=True),
    "datasets streaming, torchcodec": partial(stock, soundfile=False),
    "datasets streaming + shuffle(500), torchcodec": partial(stock, soundfile=False, shuffle=True),
}


def measure(name, root):
    """Read everything once: dict of figures."""
    import soundfile  # noqa: F401
    import torch

    torch.set_num_threads(1)
    reader = READERS[name](root)
    next(reader)  # imports and what is made beforehand
    cpu, begin, first, samples = time.process_time(), time.perf_counter(), None, 0
    for size in reader:
        first = time.perf_counter() - begin if first is None else first
        samples += max(size, 0)
    cpu = (time.process_time() - cpu) * 1e3 / (samples / 44100 / 5)
    # getrusage would count the memory of the program that started this one
    peak_kb = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    return {"cpu": cpu, "first": first, "rss": peak_kb / 1024, "seconds": samples / 44100}


def make(root, rows, seconds):
    """The dataset, and a folder of its clips."""
    # lead-in and ring-out add about a second
    options = ["-p", max(rows // 40, 1), "-t", 1, "-a", 1, "--duration", max(seconds - 0.95, 1.0)]
    command = [sys.executable, str(ROOT / "sousa.py"), "generate", "-o", str(root), "-q", "--skip-validation"]
    subprocess.run([*command, *map(str, options)], check=True)
    (root / "files").mkdir()
    for cell in stored(root):
        (root / "files" / cell["path"]).write_bytes(cell["bytes"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    from sousa.builders.audio import torchcodec_works
    from sousa.generation.columns import markdown

    runs = {name: [] for name in READERS if "torchcodec" not in name or torchcodec_works()}
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "dataset"
        make(root, arguments.rows, arguments.seconds)
        # a fresh process for each
        with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
            for _ in range(arguments.repeats):
                for name, figures in runs.items():
                    figures.append(pool.submit(measure, name, root).result())
    middle = {
        name: {key: statistics.median(run[key] for run in figures) for key in figures[0]}
        for name, figures in runs.items()
    }
    base, rows = middle["decode bytes in memory"], []
    seconds = base["seconds"]
    for name, run in middle.items():
        if abs(run["seconds"] - seconds) > 1:
            sys.exit(f"{name} read {run['seconds']:.0f} s of {seconds:.0f} s")
        cpu = (f"{run['cpu']:.2f}", f"{run['cpu'] / base['cpu']:.2f}")
        rows.append((name, *cpu, f"{run['first']:.3f}", f"{run['rss']:.0f}"))
    print(f"{arguments.rows:,} rows, {seconds / arguments.rows:.2f} s each; median of {arguments.repeats}")
    print(markdown(("reader", "CPU ms / 5 s", "over decoding", "first row, s", "peak RSS, MB"), rows))


if __name__ == "__main__":
    main()
