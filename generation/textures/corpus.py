"""The textures corpus: from a configuration to shards, and from settings to rows.

Conventions
-----------
A long signal is rendered for each (setting, example) and cut into chunks; a row is a chunk. Its bytes are
a function of the corpus seed, the synthesizer and its version, the natural values or curves of all
parameters, the example and the chunk, the sample rate, the lengths and the level: not of the grid the setting
lies on, the order, or the workers. A *shard* is all rows of a block of settings of one sound in one split.

Audio is rounded to 16 bits once: 1.0 is 32767, and what is beyond full scale is cut off and counted.
"""

import math
from collections.abc import Iterator
from functools import partial
from itertools import groupby, islice, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation import seeds
from sousa.generation.audio import encode
from sousa.generation.columns import SPLITS, Column, schema
from sousa.generation.errors import RunError
from sousa.generation.shards import Shard
from sousa.generation.textures import Textures, names, synth
from sousa.generation.textures.columns import columns
from sousa.generation.textures.settings import FRAME_RATE_HZ, Config
from sousa.generation.textures.values import Curve

FIRST_BLOCK, BLOCK = 24, 240  # settings: where blocks end, so that shards of small corpora are in larger ones
ROWS_PER_BLOCK = 4800  # settings with many rows share a block with fewer
ROWS_PER_GROUP = 120
GROUP_BYTES = 64_000_000  # of sound before encoding: long rows come in smaller groups
FULL_SCALE = 32767


def columns_of(config: Config | None = None) -> tuple[Column, ...]:
    """Columns of the rows; see :meth:`sousa.generation.corpus.Corpus.columns`."""
    return columns((("*", ""),) if config is None else config.swept)


def plan(config):
    """All shards of a configuration, in the order of their rows: list of Shard.

    A shard's key holds ``settings``: positions in ``config.settings``.

    Raises: RunError when a synthesizer is not here.
    """
    most = max(1, ROWS_PER_BLOCK // config.rows_per_setting)
    first_block, block = min(FIRST_BLOCK, most), min(BLOCK, most)
    shards = []
    for number, members in groupby(enumerate(config.settings), key=lambda pair: pair[1].sound):
        settings, name = list(members), config.sounds[number].synth
        edges = {0, min(first_block, len(settings)), *range(block, len(settings), block), len(settings)}
        for first, end in pairwise(sorted(edges)):
            for split in SPLITS:
                positions = [p for p, setting in settings[first:end] if setting.split == split]
                if positions:
                    rows, key = len(positions) * config.rows_per_setting, {"settings": positions}
                    shards.append(Shard(f"{split}/{number:03d}_{name}_{first:06d}", split, rows, key))
    return shards


def group_rows(config: Config) -> int:
    """Rows of a row group."""
    return max(1, min(ROWS_PER_GROUP, GROUP_BYTES // (2 * config.chunk_samples)))


def addresses(config: Config, shard: Shard) -> Iterator[pa.Table]:
    """Addresses of the rows of a shard, a table for each row group, in order."""
    rows = [
        (config.sounds[config.settings[position].sound].name, config.settings[position].index, example, chunk)
        for position in shard.key["settings"]
        for example in range(config.examples)
        for chunk in range(config.chunks)
    ]
    table = pa.table([list(column) for column in zip(*rows, strict=True)], names=Textures.address)
    size = group_rows(config)
    for first in range(0, len(rows), size):
        yield table.slice(first, size)


def rows(config: Config, shard: Shard) -> Iterator[pa.Table]:
    """Rows of a shard as Arrow tables, one a row group, in order; each long signal is rendered once."""
    made = (
        row
        for position in shard.key["settings"]
        for example in range(config.examples)
        for row in make_rows(config, position, example)
    )
    while group := list(islice(made, group_rows(config))):
        yield _table(config, group)


def _table(config, rows_):
    return pa.Table.from_pylist(rows_, schema(columns_of(config), config.sample_rate))


def remake(config: Config, addresses: pa.Table, render: bool = True) -> pa.Table:
    """Rows of addresses, in their order; see :class:`sousa.generation.corpus.Generated`.

    Raises: RunError for an address that the configuration has not.
    """
    places = config.positions
    signals: dict[tuple, dict[int, list[int]]] = {}  # of each signal, the places of its chunks
    wanted = zip(*(addresses[name].to_pylist() for name in Textures.address), strict=True)
    for at, (sound, setting, example, chunk) in enumerate(wanted):
        key = (places.get((sound, setting)), example)
        if key[0] is None or example not in range(config.examples) or chunk not in range(config.chunks):
            raise RunError(f"there is no row {chunk} of example {example} of setting {setting} of {sound}")
        signals.setdefault(key, {}).setdefault(chunk, []).append(at)
    made: list[Any] = [None] * len(addresses)
    for (position, example), chunks in signals.items():
        kind = partial(make_rows, chunks=chunks) if render else label_rows
        for row in kind(config, position, example):
            for at in chunks.get(row["chunk_index"], ()):
                made[at] = row
    return _table(config, made)


def render_signal(config, setting, example):
    """Render the long signal of a setting.

    Returns: audio, float64 (samples,), as long as all its chunks and not yet rounded; the gain that was
        applied, dB; onsets, int64 or None; details, dict of arrays, one value an onset.
    Raises: RunError when the synthesizer fails or breaks its promise.
    """
    rng = seeds.stream(config.seed, "textures", setting.draws, example)
    synthesizer = synth.get(config.sounds[setting.sound].synth)
    audio, onsets, details = synth.render(
        synthesizer, setting.params, config.long_samples, config.sample_rate, rng
    )
    audio = audio[: config.chunks * config.chunk_samples].astype(np.float64)
    level, gain_db = config.level, 0.0
    size = 0.0 if level.policy == "none" else _peak(audio) if level.policy == "peak" else _rms(audio)
    if size > 0:  # no gain changes silence
        gain_db = round(level.target_db - 20.0 * math.log10(size), 4)
    if gain_db:
        audio *= _nine_digits(10.0 ** (gain_db / 20.0))
    return audio, gain_db, onsets, details


def make_rows(config, position, example, chunks=None):
    """Rows of one example of a setting, in order: dicts of the corpus's columns.

    ``position``: in ``config.settings``; ``chunks``: numbers of the chunks to make, all by default.
    """
    signal = render_signal(config, config.settings[position], example)
    for row in label_rows(config, position, example):
        if chunks is None or row["chunk_index"] in chunks:
            rendered = _rendered_columns(config, signal, row["start_sample"])
            path = f"{row['sample_id']}.{config.audio_format}"
            yield {**row, **rendered, "audio": {"bytes": rendered["audio"], "path": path}}


def label_rows(config, position, example):
    """The same without the columns that only rendering tells; takes no time."""
    setting = config.settings[position]
    sound = config.sounds[setting.sound]
    axes = {axis.name: (axis, label) for axis, label in zip(sound.axes, setting.user, strict=True)}
    fixed = {part.name for part in sound.fixed}
    params, flat = [], {f"param_{name}": None for name, _ in config.swept}
    for parameter in config.parameters[sound.synth]:
        name, value = parameter.name, setting.params[parameter.name]
        axis, user = axes.get(name, (None, None))
        moves = isinstance(value, Curve)
        role = "moving" if moves else "swept" if axis else "fixed" if name in fixed else "default"
        params.append({
            "name": name, "role": role, "natural": None if moves else value,
            "norm": None if moves else round(float(parameter.norm(value)), 9),  # as in _nine_digits
            "unit": parameter.unit, "user_name": axis and axis.user_name, "user": user,
        })  # fmt: skip
        if axis:
            flat[f"param_{name}"] = value
    shared = {
        "setting_id": config.setting_ids[position], "sound": sound.name, "synth": sound.synth,
        "synth_version": sound.synth_version, "split": setting.split, "held_out": setting.held_out,
        "setting_index": setting.index, "example_index": example, "duration_sec": config.chunk_samples
        / config.sample_rate, "num_samples": config.chunk_samples, "sample_rate": config.sample_rate,
        "params": params, "level_policy": config.level.policy, "seed": config.seed, "draws": setting.draws,
        "data_version": Textures.data_version, **flat,
    }  # fmt: skip
    for chunk in range(config.chunks):
        start = chunk * config.chunk_samples
        yield {
            "sample_id": shared["setting_id"] + names.suffix(config, example, chunk), **shared,
            "chunk_index": chunk, "start_sample": start, "curves": _curves(config, setting, start),
        }  # fmt: skip


def _rendered_columns(config, signal, start):
    whole, gain_db, onsets, details = signal
    audio = whole[start : start + config.chunk_samples]
    steps = audio * FULL_SCALE
    np.rint(steps, out=steps)
    clipped = 0
    if _peak(steps) > FULL_SCALE:
        clipped = int(np.count_nonzero(np.abs(steps) > FULL_SCALE))
        np.clip(steps, -FULL_SCALE, FULL_SCALE, out=steps)
    pcm = steps.astype(np.int16)
    data, digest = encode.encode_and_digest(pcm, config.sample_rate, config.audio_format)
    events = _events(onsets, details, start, config.chunk_samples)
    return {
        "events": events, "num_events": None if events is None else len(events), "gain_db": gain_db,
        "peak_db": _db(_peak(audio)), "rms_db": _db(_rms(audio)), "clipped_samples": clipped,
        "pcm_digest": digest, "audio": data,
    }  # fmt: skip


def _peak(values):
    return max(values.max(), -values.min())


def _rms(values):
    return math.sqrt(np.dot(values, values) / len(values))


def _db(size):
    return round(20.0 * math.log10(size), 3) if size > 0 else None


def _nine_digits(value):
    # powers and logarithms differ in the last digit from one processor to the next
    return float(f"{value:.9g}")


def _events(onsets, details, start, size):
    if onsets is None:
        return None
    first, end = np.searchsorted(onsets, [start, start + size])
    onsets = (onsets[first:end] - start).tolist()
    kinds, velocities = (
        details[name][first:end] if name in details else [None] * len(onsets) for name in ("kind", "velocity")
    )
    return [
        {"onset_sample": onset, "kind": kind and str(kind), "velocity": velocity and int(velocity)}
        for onset, kind, velocity in zip(onsets, kinds, velocities, strict=True)
    ]


def _curves(config, setting, start):
    """Frames of the parameters that move, of a row that begins at sample ``start``: list of dicts."""
    # middles of the frames that begin in the row
    count = -(-config.chunk_samples * FRAME_RATE_HZ // config.sample_rate)
    seconds = start / config.sample_rate + (np.arange(count) + 0.5) / FRAME_RATE_HZ
    frames = []
    for parameter in config.parameters[config.sounds[setting.sound].synth]:
        value = setting.params[parameter.name]
        if isinstance(value, Curve):
            natural = value.at(seconds)
            norm = parameter.norm(natural)
            frames += [
                {"name": parameter.name, "frame": i, "natural": _nine_digits(a), "norm": round(b, 9)}
                for i, (a, b) in enumerate(zip(natural.tolist(), norm.tolist(), strict=True))
            ]
    return frames


def splits(config: Config) -> dict[str, Any]:
    """The settings of each split, and which of the test settings are held out how."""
    lists: dict[str, Any] = {split: [] for split in SPLITS}
    held_out: dict[str, list[str]] = {}
    for setting, name in zip(config.settings, config.setting_ids, strict=True):
        lists[setting.split].append(name)
        if setting.held_out:
            held_out.setdefault(setting.held_out, []).append(name)
    return {**lists, "held_out": held_out}
