"""The plan of captioned rows, and the rows: chosen before, and read with their sounds."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.captions import index, sounds
from sousa.generation.captions.columns import columns
from sousa.generation.captions.settings import Config
from sousa.generation.columns import SPLITS, schema
from sousa.generation.corpus import Estimate
from sousa.generation.errors import RunError
from sousa.generation.shards import Shard
from sousa.generation.storage import LocalStorage, copied
from sousa.generation.tables import groups_of
from sousa.generation.text import counted

SHARD_ROWS, SHARD_ROWS_WITHOUT_SOUND = 200, 20_000
_BLOCK_ROWS = 16  # whose sounds are in memory together
_LICENSED = ("dataset", "licence", "num_samples")
_MAGIC = {b"fLaC": ".flac", b"RIFF": ".wav", b"OggS": ".ogg", b"FORM": ".aiff"}
_SEC, _BYTES = 60.0, 2_000_000  # of a sound, about


def plan(config: Config) -> list[Shard]:
    """All shards, by split."""
    shards, begin = [], 0
    most = SHARD_ROWS if config.with_audio else SHARD_ROWS_WITHOUT_SOUND
    for split, rows in zip(SPLITS, config.rows, strict=True):
        for number, first in enumerate(range(0, rows, most)):
            key = {"begin": begin + first}
            shards.append(Shard(f"{split}/{number:05}", split, min(most, rows - first), key))
        begin += rows
    return shards


def rows(config: Config, shard: Shard) -> Iterator[pa.Table]:
    """Rows of a shard, with their sounds.

    Raises: RunError when a sound is no longer the one that was chosen.
    """
    step = _BLOCK_ROWS if config.with_audio else index.BATCH_ROWS
    for table in index.read(config.chosen, shard.key["begin"], shard.rows):
        for first in range(0, len(table), step):
            yield _rows(config, table.slice(first, step))


def _rows(config: Config, table: pa.Table) -> pa.Table:
    from sousa.generation.captions import Captions

    wanted = schema(columns(config.with_audio), config.sample_rate)
    count, samples, rate = len(table), table["num_samples"], table["sample_rate"]
    seconds = [s and s / r for s, r in zip(samples.to_pylist(), rate.to_pylist(), strict=True)]
    made = {
        "duration_sec": pa.array(seconds, pa.float64()),
        "data_version": pa.array([Captions.data_version] * count, pa.string()),
    }
    if config.with_audio:
        names = ("sample_id", "folder", "audio_at", "file_sha256")
        places = zip(*(table[name].to_pylist() for name in names), strict=True)
        made["audio"] = pa.array([_sound(config, *place) for place in places], wanted.field("audio").type)
    values = [made[name] if name in made else table[name] for name in wanted.names]
    return pa.table(values, schema=wanted)


def _sound(
    config: Config, name: str, folder: str, audio_at: str, sha256: str | None
) -> dict[str, Any] | None:
    """The file of a row's sound, which has to be the one that was measured."""
    if sha256 is None:
        return None
    data = sounds.sound_bytes(Path(config.root) / folder, audio_at)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise RunError(
            f"the sound of {name} ({folder}/{audio_at}) has changed while the dataset was made; run the same "
            "command again"
        )
    return {"bytes": data, "path": name + ending(data)}


def ending(data: bytes) -> str:
    """The ending of a sound's file, by what it begins with."""
    return _MAGIC.get(data[:4], ".mp3")


def estimate(config: Config) -> Estimate:
    """What a configuration will make, about."""
    about = f"{counted(config.num_rows, 'row')} of {', '.join(config.datasets)}"
    heard = config.num_rows * config.with_audio
    return Estimate(_SEC * heard, 2_000 * config.num_rows + _BYTES * heard, about, 1, _BYTES * heard)


def beside(config: Config, storage: LocalStorage, shards: Any, earlier: Any, progress: Any) -> dict[str, Any]:
    """The rejected rows as a table, and the account for the manifest."""
    kept = index.place(config.chosen)
    account = index.account_of(config.chosen)
    copied(kept.path(index.REJECTED), storage.path(index.REJECTED))
    facts = {"account": account.rows, "left_out": account.left_out}
    return facts | {"sounds": sounds_of(groups_of(storage, shards, _LICENSED))}


def sounds_of(groups: Iterable[pa.Table]) -> list[dict[str, Any]]:
    """How many sounds there are of each corpus under each licence, by rows with the columns _LICENSED."""
    counts: Counter[tuple[str, str | None]] = Counter()
    for group in groups:
        heard = group.filter(pc.is_valid(group["num_samples"]))
        counts.update(zip(heard["dataset"].to_pylist(), heard["licence"].to_pylist(), strict=True))
    order = sorted(counts, key=lambda key: (key[0], key[1] or ""))
    return [{"dataset": name, "licence": licence, "rows": counts[name, licence]} for name, licence in order]
