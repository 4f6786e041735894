"""Ways of reading clips for training, ours and other people's.

The work is the same for all: each clip once, as mono float32, sixteen stacked and padded as a torch tensor.
Clips are FLAC in all of them and decoded by soundfile, so what differs is how they are stored, found and
shuffled. Libraries are used as their documentation shows, with their own defaults for shuffling.
"""

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.measuring import Work

BATCH, BUFFER, SHARD_BYTES = 16, 500, 64 << 20
SECONDS = 5  # the unit of a cost is five seconds of sound


def cells(place: Path) -> Iterable[dict[str, Any]]:
    """The stored clips one by one: ``{"bytes", "path"}``."""
    import pyarrow.parquet as pq

    for path in sorted((place / "dataset" / "data").rglob("*.parquet")):
        yield from pq.read_table(path, columns=["audio"])["audio"].to_pylist()


def stacked(clips: Iterable[Any]) -> float:
    """Stack clips as a training loop gets them. Returns: fives of seconds."""
    import torch

    batch, samples = [], 0
    for clip in clips:
        samples += len(clip)
        batch.append(torch.as_tensor(clip))
        if len(batch) == BATCH:
            torch.nn.utils.rnn.pad_sequence(batch, batch_first=True)
            batch = []
    return samples / 44100 / SECONDS


def decoded(data: bytes) -> Any:
    """Float32 (samples,)."""
    import soundfile

    return soundfile.read(io.BytesIO(data), dtype="float32")[0]


def ours(place: Path, shuffle: bool = True) -> Work:
    from sousa.training.stream import Loader, Rows

    def work() -> float:
        loader = Loader(Rows(place / "dataset", columns=["sample_id"]), BATCH, shuffle=shuffle)
        return stacked(audio for batch in loader for audio in batch["audio"])

    return work


def stock(place: Path, shuffle: bool = False) -> Work:
    import datasets

    from sousa.builders.audio import SoundfileAudio

    datasets.disable_progress_bars()
    files = str(place / "dataset" / "data" / "*" / "*.parquet")

    def work() -> float:
        stream = datasets.load_dataset("parquet", data_files=files, split="train", streaming=True)
        stream = stream.select_columns(["audio", "sample_id"]).cast_column("audio", SoundfileAudio())
        if shuffle:
            stream = stream.shuffle(seed=0, buffer_size=BUFFER)
        return stacked(row["audio"]["array"] for row in stream)

    return work


def folder(place: Path) -> Work:
    """A FLAC file for each clip, through a plain DataLoader."""
    import numpy as np
    from torch.utils.data import DataLoader

    files = sorted((place / "files").glob("*.flac"))

    def read(paths: list[Path]) -> list[Any]:
        return [decoded(path.read_bytes()) for path in paths]

    def work() -> float:
        order = np.random.default_rng(0).permutation(len(files)).tolist()
        loader: Any = DataLoader(files, BATCH, sampler=order, collate_fn=read)
        return stacked(clip for batch in loader for clip in batch)

    return work


def webdataset(place: Path) -> Work:
    import webdataset as wds

    urls = sorted(map(str, (place / "webdataset").glob("*.tar")))

    def work() -> float:
        stream = wds.WebDataset(urls, shardshuffle=len(urls), seed=0).shuffle(BUFFER)
        return stacked(decoded(sample["flac"]) for sample in stream)

    return work


def litdata(place: Path) -> Work:
    from litdata import StreamingDataset

    def work() -> float:
        rows = StreamingDataset(str(place / "litdata"), shuffle=True)
        return stacked(decoded(row["audio"]) for row in rows)

    return work


def mosaic(place: Path) -> Work:
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    clean_stale_shared_memory()

    def work() -> float:
        rows = StreamingDataset(local=str(place / "mosaic"), shuffle=True, batch_size=BATCH)
        return stacked(decoded(row["audio"]) for row in rows)

    return work


def write_webdataset(place: Path) -> None:
    import webdataset as wds

    (place / "webdataset").mkdir()
    with wds.ShardWriter(str(place / "webdataset" / "%05d.tar"), maxsize=SHARD_BYTES, verbose=0) as out:
        for cell in cells(place):
            name = Path(cell["path"]).stem
            label = json.dumps({"sample_id": name}).encode()
            out.write({"__key__": name, "flac": cell["bytes"], "json": label})


def write_litdata(place: Path) -> None:
    from litdata.streaming.cache import Cache

    cache = Cache(str(place / "litdata"), chunk_bytes=SHARD_BYTES)
    for number, cell in enumerate(cells(place)):
        cache[number] = {"audio": cell["bytes"], "sample_id": Path(cell["path"]).stem}
    cache.done()
    cache.merge()


def write_mosaic(place: Path) -> None:
    from streaming import MDSWriter

    columns = {"audio": "bytes", "sample_id": "str"}
    with MDSWriter(out=str(place / "mosaic"), columns=columns, size_limit=SHARD_BYTES) as out:
        for cell in cells(place):
            out.write({"audio": cell["bytes"], "sample_id": Path(cell["path"]).stem})


def write_folder(place: Path) -> None:
    (place / "files").mkdir()
    for cell in cells(place):
        (place / "files" / cell["path"]).write_bytes(cell["bytes"])
