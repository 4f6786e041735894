"""Shards written one by one, and FLAC encoding of their sound alone, the bound of any maker of such rows."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measuring import Work

STORED = "stored"  # folder of the shards that the reference encodes again


def written(corpus: str, config: Any, shards: list[Any], place: Path | str) -> list[Path]:
    """Write shards of a corpus into a directory, without a manifest; returns their files."""
    from sousa.generation import corpora
    from sousa.generation.manifest import BEGUN, UNFINISHED
    from sousa.generation.shards import write_shard
    from sousa.generation.storage import LocalStorage

    storage = LocalStorage(str(place))
    if not storage.has_begun():
        storage.write_json(BEGUN, {})
    for shard in shards:
        write_shard(corpora.get(corpus), config, shard, storage)
    return [Path(storage.path(f"{UNFINISHED}/{shard.file}")) for shard in shards]


def rows(
    corpus: str, config: Any, warm: list[Any], shards: list[Any], forget: Callable[[], object] = tuple
) -> Work:
    """Whole rows of some shards, written to Parquet after others; ``forget`` is called before they are."""
    scratch = tempfile.TemporaryDirectory()  # removed when the process ends
    written(corpus, config, warm, scratch.name)

    def work() -> float:
        forget()
        return sound_sec(written(corpus, config, shards, scratch.name))

    return work


def sound_sec(files: list[Path]) -> float:
    """Seconds of sound in shards."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    return sum(pc.sum(pq.read_table(file, columns=["duration_sec"])[0]).as_py() for file in files)


def flac_alone(place: Path) -> Work:
    """Encode every fourth sound of the shards in ``place / STORED`` again. Amount: seconds of sound."""
    import pyarrow.parquet as pq

    from sousa.generation.audio import encode

    sounds = []
    for file in sorted((place / STORED).rglob("*.parquet")):
        cells = pq.read_table(file, columns=["audio"])["audio"][::4]
        sounds += [encode.decode(cell["bytes"].as_py()) for cell in cells]
    encode.encode(*sounds[0], "flac")

    def work() -> float:
        for pcm, rate in sounds:
            encode.encode(pcm, rate, "flac")
        return sum(len(pcm) / rate for pcm, rate in sounds)

    return work
