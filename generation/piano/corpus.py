"""The piano corpus: from a configuration to shards, and from coordinates to rows.

Conventions
-----------
A row is addressed by (piece, performance, augmentation) under a seed; it is the same row in every size that
contains it. A *shard* is all rows of one split of a block of pieces, for one performance of each and one
block of augmentations. Blocks end where sizes end, so a smaller size's shards are among a larger one's, byte
for byte. In a shard the renderings of a performance follow each other: it is composed and played once.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

import pyarrow as pa

from sousa.generation.audio import encode
from sousa.generation.audio.named_acoustics import CLEAN
from sousa.generation.columns import SPLITS, schema
from sousa.generation.corpus import Estimate
from sousa.generation.piano import Piano, labels
from sousa.generation.piano.columns import columns
from sousa.generation.piano.pieces import (
    level_of,
    performance_of,
    piece_id,
    piece_indices,
    score_of,
    split_of,
)
from sousa.generation.piano.renderings import load_piano, rendering, sound_columns
from sousa.generation.piano.sampler import render as play
from sousa.generation.piano.score import COMPLEXITIES
from sousa.generation.piano.settings import Config
from sousa.generation.shards import Shard
from sousa.generation.text import counted

_ADDRESS_SCHEMA = pa.schema([(name, pa.int32()) for name in Piano.address])
SMALL_BLOCKS, BLOCK = 200, 200  # pieces up to here are in blocks of a quarter of it; then in whole ones
AUGMENTATION_BLOCKS = (0, 1, 2)  # first augmentations of blocks; then one for each four
ROWS_PER_GROUP = 64
GROUP_BYTES = 256_000_000  # of sound before encoding: long pieces come in smaller groups
LONGEST_SEC = 120.0  # of a composed piece that is not asked to be longer, as played
SLOWEST = 2.5  # how much longer than written a beginner takes
# Bytes of FLAC a second and channel at 16 kHz of clean and of augmented rows, measured on 400 rows
FLAC_BYTES_PER_SEC = {"clean": 12_500, "augmented": 15_500}
LABEL_BYTES_PER_SEC, ROW_BYTES = 900, 2_500
_COUNTED_PIECES = 12  # of each level, performed for an estimate


def _block(index: int) -> int:
    """First number of the block of a piece."""
    size = SMALL_BLOCKS // 4 if index < SMALL_BLOCKS else BLOCK
    return index // size * size


def plan(config: Config) -> list[Shard]:
    """All shards of a configuration, in the order of their rows: list of Shard.

    A shard's key holds ``pieces``, ``performance`` and ``augmentations`` (first, one past the last).
    """
    groups: dict[tuple[int, str], list[int]] = {}
    for index in piece_indices(config):
        groups.setdefault((_block(index), split_of(config, index)), []).append(index)
    edges = (*AUGMENTATION_BLOCKS, *range(AUGMENTATION_BLOCKS[-1] + 4, config.augmentations + 4, 4))
    blocks = [(a, min(b, config.augmentations)) for a, b in pairwise(edges) if a < config.augmentations]
    return [
        Shard(
            f"{split}/p{block:06}_v{performance}_a{first}-{end - 1}",
            split,
            len(members) * (end - first),
            {"pieces": members, "performance": performance, "augmentations": [first, end]},
        )
        for performance in range(config.performances)
        for first, end in blocks
        for (block, split), members in groups.items()
    ]


def addresses(config: Config, shard: Shard) -> Iterator[pa.Table]:
    """Addresses of the rows of a shard, a table for each row group, in order."""
    performance = shard.key["performance"]
    rows = [
        (piece, performance, augmentation)
        for piece in shard.key["pieces"]
        for augmentation in range(*shard.key["augmentations"])
    ]
    size = _group_rows(config)
    for at in range(0, len(rows), size):
        part = rows[at : at + size]
        yield pa.table([list(values) for values in zip(*part, strict=True)], schema=_ADDRESS_SCHEMA)


@lru_cache(maxsize=8)
def _group_rows(config: Config) -> int:
    # asked for by every shard: the scores of the user are all read for it
    seconds = LONGEST_SEC
    if config.scores:
        seconds = SLOWEST * max(_written_sec(config, index) for index in range(config.samples))
    elif config.max_duration_sec or config.min_duration_sec:
        longest = max(config.max_duration_sec or 0.0, config.min_duration_sec or 0.0)
        seconds = SLOWEST * longest if config.max_duration_sec else max(seconds, 2 * SLOWEST * longest)
    sound = seconds * config.sample_rate * config.channels * 2 * config.with_audio
    return max(1, min(ROWS_PER_GROUP, int(GROUP_BYTES / sound) if sound else ROWS_PER_GROUP))


def remake(config: Config, rows: pa.Table, render: bool = True) -> pa.Table:
    """Rows of addresses, in their order; see :class:`sousa.generation.corpus.Generated`."""
    coordinates = list(zip(*(rows[name].to_pylist() for name in Piano.address), strict=True))
    made = []
    # renderings of one performance one after the other: they share it
    order = sorted(range(len(coordinates)), key=coordinates.__getitem__)
    for piece, number, augmentation in (coordinates[i] for i in order):
        made.append(_row(config, piece, number, augmentation, render))
    table = _table(config, made)
    return table if order == list(range(len(order))) else table.take(pa.array(_inverse(order)))


def _inverse(order: list[int]) -> list[int]:
    out = [0] * len(order)
    for place, i in enumerate(order):
        out[i] = place
    return out


def _row(config: Config, piece: int, number: int, augmentation: int, render: bool) -> Any:
    """``(Heard, flat columns)`` of a row."""
    score = score_of(config, piece)
    tier, performance = performance_of(config, piece, number)
    sound = rendering(config, piece, number, augmentation) if config.with_audio else None
    heard = labels.heard(score, performance, sound.record if sound else None)
    group = f"{piece_id(config, piece)}_v{number}"
    row = {
        **labels.facts(heard),
        "sample_id": f"{group}_a{augmentation}",
        "piece_id": piece_id(config, piece),
        "split": split_of(config, piece),
        "skill_tier": tier,
        "sample_rate": config.sample_rate,
        "score_licence": (config.score_licence or score.licence or "not stated") if config.scores else None,
        "seed": config.seed,
        "piece_index": piece,
        "performance_index": number,
        "augmentation_index": augmentation,
        "augmentation_group_id": group,
        "augmentation_preset": sound.acoustics if sound else CLEAN,
        "data_version": Piano.data_version,
        # named after the performance: renderings that don't move it have the same file
        "midi": labels.midi_file(heard, f"{score.title} ({group})"),
    }
    rendered: dict[str, Any] = {}
    if sound and render:
        pcm, rendered["gain_db"] = play(
            load_piano(sound.piano), performance, cents=sound.cents, brightness_db=sound.brightness_db,
            record=sound.record, channels=config.channels, gain_db=sound.gain_db,
        )  # fmt: skip
        data, rendered["pcm_digest"] = encode.encode_and_digest(pcm, config.sample_rate, config.audio_format)
        rendered["audio"] = {"bytes": data, "path": f"{row['sample_id']}.{config.audio_format}"}
    said = sound_columns(sound)  # after rendering, which measures levels for the record
    return heard, row | rendered | (said if render else said | {"aug_record": None})


def _table(config: Config, made: list[Any]) -> pa.Table:
    heard, rows = [row for row, _ in made], [row for _, row in made]
    lists = {
        "notes": labels.note_lists(heard), "pedal": labels.pedal_lists(heard),
        "beats": labels.beat_lists(heard), "chords": labels.chord_lists(heard),
        "missed_notes": labels.missed_lists(heard),
    }  # fmt: skip
    wanted = schema(columns(config.with_audio), config.sample_rate)
    arrays = [
        lists[field.name] if field.name in lists else _array(field, [row.get(field.name) for row in rows])
        for field in wanted
    ]
    return pa.Table.from_arrays(arrays, schema=wanted)


def _array(field: pa.Field, values: list[Any]) -> pa.Array:
    if field.name != "audio" or None in values:
        return pa.array(values, field.type)
    # much faster than from dicts
    parts = [pa.array([value[part.name] for value in values], part.type) for part in field.type]
    return pa.StructArray.from_arrays(parts, fields=list(field.type))


def estimate(config: Config) -> Estimate:
    """What a configuration will make; lengths are those of some pieces, performed."""
    seconds, levels = [], config.complexity or ("",)
    for level in levels:
        of_level = [i for i in piece_indices(config)[: 40 * len(levels)] if level in ("", level_of(i))]
        some = [performance_of(config, i, 0)[1] for i in of_level[:_COUNTED_PIECES]]
        if some:
            seconds.append(sum(p.num_samples / p.sample_rate for p in some) / len(some))
    total = sum(seconds) / len(seconds) * config.num_rows
    rate: float = 2 * config.sample_rate * config.channels
    if config.audio_format == "flac":
        clean = (CLEAN in config.acoustics) / (config.augmentations if config.acoustics[1:] else 1)
        rate = FLAC_BYTES_PER_SEC["clean"] * clean + FLAC_BYTES_PER_SEC["augmented"] * (1.0 - clean)
        rate = rate * config.sample_rate / 16000 * config.channels
    sound = int(total * rate * config.with_audio)
    num_bytes = sound + int(total * LABEL_BYTES_PER_SEC) + config.num_rows * ROW_BYTES
    about = (
        f"{counted(config.num_rows, 'row')} ({counted(config.samples, 'piece')}; performances of each: "
        f"{config.performances}, renderings of these: {config.augmentations})"
    )
    return Estimate(total, num_bytes, about, loose_bytes=sound + config.num_rows * 8192)


def _written_sec(config: Config, index: int) -> float:
    """Length of a piece as written."""
    score = score_of(config, index)
    at = [0.0, *(beat for beat, _ in score.tempi), score.end_beat]
    tempi = [score.tempo_bpm, *(bpm for _, bpm in score.tempi)]
    return sum((b - a) * 60.0 / bpm for (a, b), bpm in zip(pairwise(at), tempi, strict=True))


def splits(config: Config) -> dict[str, Any]:
    """The pieces of each split, and how many of each level."""
    indices = piece_indices(config)
    out: dict[str, Any] = {
        split: [piece_id(config, i) for i in indices if split_of(config, i) == split] for split in SPLITS
    }
    if not config.scores:
        out["pieces_by_complexity"] = {
            split: {
                level: sum(split_of(config, i) == split and level_of(i) == level for i in indices)
                for level in COMPLEXITIES
            }
            for split in SPLITS
        }
    out["held_out_piano"] = config.pianos[-1].name if len(config.pianos) > 1 else None
    return out


def beside(config: Config, storage: Any, shards: Any, earlier: Any, progress: Any) -> dict[str, Any]:
    """What the pianos are, for the manifest: releases go by their licences."""
    return {"pianos": [load_piano(ref).about() for ref in dict.fromkeys(config.pianos)]}
