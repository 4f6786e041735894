"""The textures corpus: from a configuration to shards, and from settings to rows.

Conventions
-----------
A long signal is rendered for each (setting, example) and cut into chunks; a row is a chunk. Its bytes are
a function of the corpus seed, the synthesizer and its version, the natural values or curves of all
parameters, the example and the chunk, the sample rate, the lengths and the level: not of the grid the setting
lies on, the order, or the workers. A *shard* is all rows of a block of settings of one sound in one split.

Audio is rounded to 16 bits once: 1.0 is 32767, and what is beyond full scale is cut off and counted.

A signal is kept as its synthesizer gives it, float32, and worked on a block at a time; labels are Arrow
arrays from the first, because a Python object for each event of an hour would cost more than its sound.
"""

import math
from collections.abc import Iterator
from functools import cache, partial
from itertools import groupby, islice, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from sousa.generation import seeds
from sousa.generation.audio import encode
from sousa.generation.columns import SPLITS, Column, arrow_type, schema
from sousa.generation.errors import RunError
from sousa.generation.shards import Shard
from sousa.generation.textures import Textures, names, synth
from sousa.generation.textures.columns import CURVE, EVENT, columns
from sousa.generation.textures.memory import GROUP_BYTES
from sousa.generation.textures.settings import FRAME_RATE_HZ, Config
from sousa.generation.textures.values import Curve

FIRST_BLOCK, BLOCK = 24, 240  # settings: where blocks end, so that shards of small corpora are in larger ones
ROWS_PER_BLOCK = 4800  # settings with many rows share a block with fewer
ROWS_PER_GROUP = 120
FULL_SCALE = 32767
_BLOCK = 2**20  # samples
_EVENT, _CURVE = (arrow_type(kind).value_type for kind in (EVENT, CURVE))


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
    groups = iter(lambda: list(islice(made, group_rows(config))), [])
    yield from map(partial(table, config), groups)  # which keeps no group beside its table


def table(config: Config, rows: list[dict]) -> pa.Table:
    """Rows as :func:`make_rows` gives them, as a table with all columns; what they lack is null."""
    fields = schema(columns_of(config), config.sample_rate)
    columns = [_column([row.get(field.name) for row in rows], field) for field in fields]
    return pa.Table.from_arrays(columns, schema=fields)


def _column(values, field):
    """A column of values; arrays and sound are not made into Python objects or copied on the way."""
    if field.name == "audio" and None not in values:
        sounds = [value["bytes"] for value in values]
        ends = np.cumsum([0, *map(len, sounds)]).astype(np.int32)
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(sounds))]
        data = pa.Array.from_buffers(pa.binary(), len(sounds), buffers)
        paths = pa.array([value["path"] for value in values], pa.string())
        return pa.StructArray.from_arrays([data, paths], fields=list(field.type))
    records = [value for value in values if isinstance(value, pa.Array)]
    if not records:
        return pa.array(values, field.type)
    ends = np.cumsum([0, *(0 if value is None else len(value) for value in values)]).astype(np.int32)
    unknown = pa.array([value is None for value in values]) if None in values else None
    return pa.ListArray.from_arrays(ends, pa.concat_arrays(records), field.type, mask=unknown)


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
    return table(config, made)


def render_signal(config, setting, example):
    """Render the long signal of a setting.

    Returns: audio, float32 (samples,), as long as all its chunks, before the gain; the gain, dB; onsets,
        int64 or None; details, dict of arrays, one value an onset.
    Raises: RunError when the synthesizer fails or breaks its promise.
    """
    rng = seeds.stream(config.seed, "textures", setting.draws, example)
    synthesizer = synth.get(config.sounds[setting.sound].synth)
    audio, onsets, details = synth.render(
        synthesizer, setting.params, config.long_samples, config.sample_rate, rng
    )
    audio = audio[: config.chunks * config.chunk_samples]
    level, gain_db = config.level, 0.0
    size = 0.0 if level.policy == "none" else _peak(audio) if level.policy == "peak" else _rms(audio)
    if size > 0:  # no gain changes silence
        gain_db = round(level.target_db - 20.0 * math.log10(size), 4)
    return audio, gain_db, onsets, details


def make_rows(config, position, example, chunks=None):
    """Rows of one example of a setting, in order: dicts of the corpus's columns, events and curves as arrays.

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
    factor = _nine_digits(10.0 ** (gain_db / 20.0)) if gain_db else 1.0
    pcm, clipped, peak, power = np.empty(len(audio), np.int16), 0, 0.0, 0.0
    for block, rounded in zip(_blocks(audio), _blocks(pcm), strict=True):
        steps = block.astype(np.float64)
        steps *= factor
        peak, power = max(peak, _peak(steps)), power + np.dot(steps, steps)
        steps *= FULL_SCALE
        np.rint(steps, out=steps)
        if _peak(steps) > FULL_SCALE:
            clipped += int(np.count_nonzero(np.abs(steps) > FULL_SCALE))
            np.clip(steps, -FULL_SCALE, FULL_SCALE, out=steps)
        rounded[:] = steps
    data, digest = encode.encode_and_digest(pcm, config.sample_rate, config.audio_format)
    events = _events(onsets, details, start, config.chunk_samples)
    return {
        "events": events, "num_events": None if events is None else len(events), "gain_db": gain_db,
        "peak_db": _db(peak), "rms_db": _db(math.sqrt(power / len(audio))), "clipped_samples": clipped,
        "pcm_digest": digest, "audio": data,
    }  # fmt: skip


def _blocks(values):
    return (values[first : first + _BLOCK] for first in range(0, len(values), _BLOCK))


def _peak(values):
    return float(max(values.max(), -values.min()))


def _rms(values):
    doubles = (block.astype(np.float64) for block in _blocks(values))
    return math.sqrt(sum(np.dot(block, block) for block in doubles) / len(values))


def _db(size):
    return round(20.0 * math.log10(size), 3) if size > 0 else None


def _nine_digits(value):
    # powers and logarithms differ in the last digit from one processor to the next
    return float(f"{value:.9g}")


def _events(onsets, details, start, size):
    if onsets is None:
        return None
    first, end = np.searchsorted(onsets, [start, start + size])
    values = {"onset_sample": onsets[first:end] - start}
    values |= {name: np.asarray(of_all[first:end]) for name, of_all in details.items()}
    return _records(_EVENT, values, int(end - first))


def _records(kind, values, size):
    """An Arrow array of structs; ``values``: dict of arrays or lists by field, null where there are none."""
    given = [(values.get(field.name), field.type) for field in kind]
    arrays = [pa.nulls(size, type_) if part is None else pa.array(part, type_) for part, type_ in given]
    return pa.StructArray.from_arrays(arrays, fields=list(kind))


def _curves(config, setting, start):
    """Frames of the parameters that move, of a row that begins at sample ``start``: an array of structs."""
    synthesizer = config.parameters[config.sounds[setting.sound].synth]
    moving = [(p, setting.params[p.name]) for p in synthesizer if isinstance(setting.params[p.name], Curve)]
    if not moving:
        return _no_curves()
    # middles of the frames that begin in the row
    count = -(-config.chunk_samples * FRAME_RATE_HZ // config.sample_rate)
    seconds = start / config.sample_rate + (np.arange(count) + 0.5) / FRAME_RATE_HZ
    curves = []
    for parameter, curve in moving:
        natural = curve.at(seconds)
        norm = parameter.norm(natural)
        values = {
            "name": [parameter.name] * count, "frame": np.arange(count),
            "natural": [_nine_digits(a) for a in natural.tolist()],
            "norm": [round(b, 9) for b in norm.tolist()],
        }  # fmt: skip
        curves.append(_records(_CURVE, values, count))
    return pa.concat_arrays(curves)


@cache
def _no_curves():
    return _records(_CURVE, {}, 0)


def splits(config: Config) -> dict[str, Any]:
    """The settings of each split, and which of the test settings are held out how."""
    lists: dict[str, Any] = {split: [] for split in SPLITS}
    held_out: dict[str, list[str]] = {}
    for setting, name in zip(config.settings, config.setting_ids, strict=True):
        lists[setting.split].append(name)
        if setting.held_out:
            held_out.setdefault(setting.held_out, []).append(name)
    return {**lists, "held_out": held_out}
