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
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation import seeds
from sousa.generation.audio import encode
from sousa.generation.columns import SPLITS, schema
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
RENDERED = ("events", "num_events", "gain_db", "peak_db", "rms_db", "clipped_samples", "pcm_digest", "audio")


def swept(config):
    """Parameters that some sound sweeps: list of ``(name, unit)``, in order."""
    units = {}
    for sound in config.sounds:
        declared = {p.name: p for p in synth.get(sound.synth).parameters}
        for axis in sound.axes:
            units.setdefault(axis.name, []).append(declared[axis.name].unit)
    # one column for parameters of several synthesizers that share a name
    return [(name, found[0] if len(set(found)) == 1 else "") for name, found in units.items()]


def _edges(count, rows_per_setting):
    most = max(1, ROWS_PER_BLOCK // rows_per_setting)
    first, block = min(FIRST_BLOCK, most), min(BLOCK, most)
    edges = [0, first, *range(block, count + block, block)]
    return [edge for edge in sorted(set(edges)) if edge < count] + [count]


def plan(config):
    """All shards of a configuration, in the order of their rows: list of Shard.

    A shard's key holds ``settings``: positions in ``config.settings``.
    """
    by_sound = {}
    for position, setting in enumerate(config.settings):
        by_sound.setdefault(setting.sound, []).append((position, setting))
    shards = []
    for index, members in by_sound.items():
        name = config.sounds[index].synth
        for first, end in pairwise(_edges(len(members), config.rows_per_setting)):
            for split in SPLITS:
                own = [p for p, setting in members[first:end] if setting.split == split]
                if own:
                    stem = f"{index:03d}_{name}_{first:06d}"
                    rows = len(own) * config.rows_per_setting
                    shards.append(Shard(f"{split}/{stem}", split, rows, {"settings": own}))
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
    size = group_rows(config)
    for first in range(0, len(rows), size):
        part = zip(*rows[first : first + size], strict=True)
        yield pa.table(dict(zip(Textures.address, map(list, part), strict=True)))


def rows(config: Config, shard: Shard) -> Iterator[pa.Table]:
    """Rows of a shard as Arrow tables, one a row group, in order; each long signal is rendered once."""
    wanted, size, held = schema(columns(swept(config)), config.sample_rate), group_rows(config), []
    for position in shard.key["settings"]:
        for example in range(config.examples):
            for row in make_rows(config, position, example):
                held.append(row)
                if len(held) == size:
                    yield pa.Table.from_pylist(held, wanted)
                    held = []
    if held:
        yield pa.Table.from_pylist(held, wanted)


def remake(config: Config, addresses: pa.Table, render: bool = True) -> pa.Table:
    """Rows of addresses, in their order; see :class:`sousa.generation.corpus.Generated`.

    Raises: RunError for an address that the configuration has not.
    """
    places = _positions(config)
    signals: dict[tuple, dict[int, list[int]]] = {}  # of each signal, the places of its chunks
    wanted = zip(*(addresses[name].to_pylist() for name in Textures.address), strict=True)
    for at, (sound, setting, example, chunk) in enumerate(wanted):
        key = (places.get((sound, setting)), example)
        if key[0] is None or example not in range(config.examples) or chunk not in range(config.chunks):
            raise RunError(f"there is no row {chunk} of example {example} of setting {setting} of {sound}")
        signals.setdefault(key, {}).setdefault(chunk, []).append(at)
    made: list[Any] = [None] * len(addresses)
    for (position, example), chunks in signals.items():
        if render:
            only = next(iter(chunks)) if len(chunks) == 1 else None
            rows_ = make_rows(config, position, example, only)
        else:
            rows_ = label_rows(config, position, example)
        for row in rows_:
            for at in chunks.get(row["chunk_index"], ()):
                made[at] = row
    return pa.Table.from_pylist(made, schema(columns(swept(config)), config.sample_rate))


def _positions(config: Config) -> dict[tuple[str, int], int]:
    """Places of settings by name of the sound and number of the setting."""
    return {(config.sounds[s.sound].name, s.index): at for at, s in enumerate(config.settings)}


@dataclass(frozen=True)
class Signal:
    """A long signal after its gain.

    Attributes:
        audio: float64 (samples,), not yet rounded; gain_db: what was applied.
        onsets: int64 or None; details: dict of arrays, one value an onset.
    """

    audio: np.ndarray
    gain_db: float
    onsets: np.ndarray | None
    details: dict


def render_signal(config, setting, example):
    """Render the long signal of a setting.

    Returns: Signal, as long as all its chunks.
    Raises: RunError when the synthesizer fails or breaks its promise.
    """
    sound = config.sounds[setting.sound]
    rng = seeds.stream(config.seed, "textures", setting.draws, example)
    audio, onsets, details = synth.render(
        synth.get(sound.synth), setting.params, config.long_samples, config.sample_rate, rng
    )
    audio = audio[: config.chunks * config.chunk_samples].astype(np.float64)
    gain_db = _gain_db(audio, config.level)
    if gain_db:
        audio *= _nine_digits(10.0 ** (gain_db / 20.0))
    return Signal(audio, gain_db, onsets, details)


def _gain_db(audio, level):
    """The gain a policy asks for, dB, 4 decimals; 0 for silence, which no gain changes."""
    if level.policy == "none":
        return 0.0
    size = _peak(audio) if level.policy == "peak" else math.sqrt(np.dot(audio, audio) / len(audio))
    return round(level.target_db - 20.0 * math.log10(size), 4) if size > 0 else 0.0


def make_rows(config, position, example, only_chunk=None):
    """Rows of one example of a setting, in order.

    Args:
        position: in ``config.settings``; only_chunk: make this chunk's row alone.

    Yields: dicts of the corpus's columns.
    """
    signal = render_signal(config, config.settings[position], example)
    for row in label_rows(config, position, example):
        if only_chunk in (None, row["chunk_index"]):
            own = _chunk_columns(config, signal, row["start_sample"])
            path = f"{row['sample_id']}.{config.audio_format}"
            yield {**row, **own, "audio": {"bytes": own["audio"], "path": path}}


def label_rows(config, position, example):
    """The same without what only rendering tells, ``RENDERED``; takes no time.

    Yields: dicts of the corpus's other columns.
    """
    setting = config.settings[position]
    shared = setting_columns(config, position, example)
    for chunk in range(config.chunks):
        start = chunk * config.chunk_samples
        yield {
            "sample_id": shared["setting_id"] + names.suffix(config, example, chunk), **shared,
            "chunk_index": chunk, "start_sample": start, "curves": curves(config, setting, start),
        }  # fmt: skip


def setting_columns(config, position, example):
    """What all rows of one example of a setting have in common: dict of columns."""
    setting = config.settings[position]
    sound = config.sounds[setting.sound]
    axes = {axis.name: axis for axis in sound.axes}
    fixed = {one.name for one in sound.fixed}
    user = dict(zip(axes, setting.user, strict=True))
    params, flat = [], {f"param_{name}": None for name, _ in swept(config)}
    for parameter in synth.get(sound.synth).parameters:
        name, value = parameter.name, setting.params[parameter.name]
        moving = isinstance(value, Curve)
        role = "swept" if name in axes else "moving" if moving else "fixed" if name in fixed else "default"
        norm = None if moving else _norm(parameter, value)
        params.append({
            "name": name, "role": role, "natural": None if moving else value, "norm": norm,
            "unit": parameter.unit, "user_name": axes[name].user_name if name in axes else None,
            "user": user.get(name),
        })  # fmt: skip
        if name in axes:
            flat[f"param_{name}"] = value
    return {
        "setting_id": config.setting_ids[position], "sound": sound.name, "synth": sound.synth,
        "synth_version": sound.synth_version, "split": setting.split, "held_out": setting.held_out,
        "setting_index": setting.index, "example_index": example, "duration_sec": config.chunk_samples
        / config.sample_rate, "num_samples": config.chunk_samples, "sample_rate": config.sample_rate,
        "params": params, "level_policy": config.level.policy, "seed": config.seed, "draws": setting.draws,
        "data_version": Textures.data_version, **flat,
    }  # fmt: skip


def _nine_digits(value):
    # powers and logarithms differ in the last digit from one processor to the next
    return float(f"{value:.9g}")


def _norm(parameter, natural):
    return round(float(parameter.norm(natural)), 9)  # for the same reason


def _chunk_columns(config, signal, start):
    audio = signal.audio[start : start + config.chunk_samples]
    steps = audio * FULL_SCALE
    np.rint(steps, out=steps)
    clipped = 0
    if _peak(steps) > FULL_SCALE:
        clipped = int(np.count_nonzero(np.abs(steps) > FULL_SCALE))
        np.clip(steps, -FULL_SCALE, FULL_SCALE, out=steps)
    pcm = steps.astype(np.int16)
    data, digest = encode.encode_and_digest(pcm, config.sample_rate, config.audio_format)
    events = _events(signal, start, config.chunk_samples)
    return {
        "events": events, "num_events": None if events is None else len(events), "gain_db": signal.gain_db,
        "peak_db": _db(_peak(audio)), "rms_db": _db(math.sqrt(np.dot(audio, audio) / len(audio))),
        "clipped_samples": clipped, "pcm_digest": digest,
        "audio": data,
    }  # fmt: skip


def _peak(values):
    return max(values.max(), -values.min())


def _db(size):
    return round(20.0 * math.log10(size), 3) if size > 0 else None


def _events(signal, start, size):
    if signal.onsets is None:
        return None
    first, end = np.searchsorted(signal.onsets, [start, start + size])
    onsets = (signal.onsets[first:end] - start).tolist()
    kinds, velocities = (signal.details.get(name) for name in ("kind", "velocity"))
    return [
        {
            "onset_sample": onset,
            "kind": None if kinds is None else str(kinds[first + i]),
            "velocity": None if velocities is None else int(velocities[first + i]),
        }
        for i, onset in enumerate(onsets)
    ]


def frame_times(config):
    """Middles of the frames of a row, seconds from its beginning: as many as begin in it, 75 a second."""
    count = -(-config.chunk_samples * FRAME_RATE_HZ // config.sample_rate)
    return (np.arange(count) + 0.5) / FRAME_RATE_HZ


def curves(config, setting, start):
    """Frames of the parameters that move, of a row that begins at sample ``start``: list of dicts."""
    sound, out = config.sounds[setting.sound], []
    for parameter in synth.get(sound.synth).parameters:
        value = setting.params[parameter.name]
        if isinstance(value, Curve):
            natural = value.at(start / config.sample_rate + frame_times(config))
            norm = parameter.norm(natural)
            out += [
                {"name": parameter.name, "frame": i, "natural": _nine_digits(a), "norm": round(b, 9)}
                for i, (a, b) in enumerate(zip(natural.tolist(), norm.tolist(), strict=True))
            ]
    return out


def splits(config: Config) -> dict[str, Any]:
    """The settings of each split, and which of the test settings are held out how."""
    lists: dict[str, Any] = {split: [] for split in SPLITS}
    held_out: dict[str, list[str]] = {}
    for setting, name in zip(config.settings, config.setting_ids, strict=True):
        lists[setting.split].append(name)
        if setting.held_out:
            held_out.setdefault(setting.held_out, []).append(name)
    return {**lists, "held_out": held_out}
