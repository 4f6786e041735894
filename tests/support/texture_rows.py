"""What tests of texture records share: small corpora whose rows are put together by hand.

The sound is noise, and the parameters are those of two synthesizers made up here: records say what is in
the rows, so no renderer is needed to test them.
"""

import hashlib
from itertools import product

import numpy as np
import pyarrow as pa

from sousa.generation import columns as declared
from sousa.generation.audio.encode import encode_and_digest
from sousa.generation.textures import settings, synth
from sousa.generation.textures.columns import columns
from sousa.generation.textures.values import Curve, Parameter, at

RATE = 16000


class Ping:
    """Not rendered here: only its parameters are used."""

    name, version, about = "test_ping", "1.2.0", "Nothing."
    parameters = (
        Parameter("cf", 20, 20000, 440, "Hz", "pitch of each", "log", nyquist=True),
        Parameter("rate", 0.1, 50, 2, "events/s", "how many a second", "log", varying=True),
        Parameter("irregularity", 0, 1, 0.25, "", "how uneven", varying=True),
        Parameter("shift", -10, 10, -3, "st", "how far away"),
    )

    def render(self, params, samples, rate, rng):
        raise NotImplementedError


class Hum(Ping):
    """One without events."""

    name = "test_hum"
    parameters = (Parameter("depth", 0, 4, 1, "m", "how deep"),)


synth.add(Ping())
synth.add(Hum())


def axis(name="cf", user=(0.0, 1.0), natural=(200.0, 800.0), count=3, **other):
    own = {
        "name": name, "user_name": f"my {name}", "user_doc": f"about {name}", "user_min": user[0],
        "user_max": user[1], "minimum": natural[0], "maximum": natural[1], "count": count,
        "scale": "linear", "values": None, "units": "natural",
        "given_min": natural[0], "given_max": natural[1],
    }  # fmt: skip
    return settings.Axis(**own | other)


def moving(name="irregularity", low=0.2, high=0.8, cycles=1.0):
    return settings.Moving(name, "sine", (), low, high, cycles, 2, "linear")


def sound(name="Ping_0001", axes=None, fixed=(), moved=(), kind="test_ping"):
    axes = (axis(),) if axes is None else axes
    return settings.Sound(name, kind, Ping.version, tuple(axes), tuple(fixed), tuple(moved), "grid", None, ())


def config(*sounds, records=("params",), **other):
    own = {
        "size": "custom", "sounds": sounds or (sound(),), "seed": 7, "sample_rate": RATE,
        "duration_sec": 1.0, "chunk_sec": 0.5, "examples": 1, "level": settings.Level("none", 0.0),
        "splits": settings.Splits(0.2, 0.2, 0.0, (), ()), "audio_format": "flac", "records": tuple(records),
        "shard_mib": None, "naming": "values",
    }  # fmt: skip
    return settings.Config(**own | other)


def curve(moved, duration_sec):
    """Half a sine wave or more, drawn as straight lines between 13 points."""
    times = np.linspace(0, duration_sec, 13)
    wave = np.sin(2 * np.pi * moved.cycles * times / duration_sec)
    middle, half = (moved.minimum + moved.maximum) / 2, (moved.maximum - moved.minimum) / 2
    return Curve(tuple(times), tuple(middle + half * wave))


def rows(config):
    """Rows of a corpus, as dicts of all columns; of five settings one is for validation, one a test."""
    for one in config.sounds:
        parameters = synth.get(one.synth).parameters
        axes = [np.arange(axis.count) / max(axis.count - 1, 1) for axis in one.axes]
        for index, shares in enumerate(product(*axes)):
            for example, chunk in product(range(config.examples), range(config.chunks)):
                yield _row(config, one, parameters, index, shares, example, chunk)


def _row(config, one, parameters, index, shares, example, chunk):
    split, held_out = {3: ("validation", None), 4: ("test", "random")}.get(index % 5, ("train", None))
    swept = {axis.name: (axis, share) for axis, share in zip(one.axes, shares, strict=True)}
    moved = {m.name: m for m in one.moving}
    fixed = {f.name: f.natural for f in one.fixed}
    params, curves = [], []
    start = chunk * config.chunk_samples
    for p in parameters:
        own = {"name": p.name, "unit": p.unit, "role": "default", "natural": p.default}
        if p.name in swept:
            axis, share = swept[p.name]
            own |= {
                "role": "swept", "user_name": axis.user_name,
                "natural": axis.minimum + share * (axis.maximum - axis.minimum),
                "user": axis.user_min + share * (axis.user_max - axis.user_min),
            }  # fmt: skip
        elif p.name in fixed:
            own |= {"role": "fixed", "natural": fixed[p.name]}
        elif p.name in moved:
            own |= {"role": "moving", "natural": None}
            frames = np.arange(-(-config.chunk_samples * 75 // config.sample_rate))
            line = curve(moved[p.name], config.duration_sec)
            natural = at(line, start / config.sample_rate + (frames + 0.5) / 75)
            curves += [
                {"name": p.name, "frame": int(f), "natural": float(v), "norm": float(p.norm(v))}
                for f, v in zip(frames, natural, strict=True)
            ]
        own["norm"] = None if own["natural"] is None else float(p.norm(own["natural"]))
        params.append(own)
    name = f"{one.name}--{index:03d} of them--x-{example:02d}--v-{chunk:03d}"
    rng = np.random.default_rng(list(name.encode()))
    pcm = rng.integers(-32768, 32768, size=(config.chunk_samples, 1), dtype=np.int16)
    data, digest = encode_and_digest(pcm, config.sample_rate, config.audio_format)
    onsets = None
    if one.synth == Ping.name:  # some rows have no events
        onsets = np.sort(rng.integers(config.chunk_samples, size=rng.integers(0, 6))).tolist()
    return {
        "sample_id": name, "setting_id": f"{one.name}-{index}", "sound": one.name, "synth": one.synth,
        "synth_version": one.synth_version, "split": split, "held_out": held_out, "setting_index": index,
        "example_index": example, "chunk_index": chunk, "start_sample": start,
        "duration_sec": config.chunk_samples / config.sample_rate, "num_samples": config.chunk_samples,
        "sample_rate": config.sample_rate, "params": params, "curves": curves,
        "events": onsets and [{"onset_sample": o, "kind": None, "velocity": None} for o in onsets],
        "num_events": None if onsets is None else len(onsets), "level_policy": "none", "gain_db": 0.0,
        "seed": config.seed, "pcm_digest": digest,
        "audio": {"bytes": data, "path": f"{name}.{config.audio_format}"},
    }  # fmt: skip


def tables(config, group=7, made=None):
    """Arrow tables of all rows, a few rows each."""
    made = list(rows(config)) if made is None else made
    swept = dict.fromkeys((axis.name, "") for one in config.sounds for axis in one.axes)
    schema = declared.schema(columns(tuple(swept)), config.sample_rate)
    missing = {field.name: None for field in schema}
    whole = pa.Table.from_pylist([missing | row for row in made], schema=schema)
    return [whole.slice(i, group) for i in range(0, len(whole), group)]


def contents(folder):
    """Every file below a folder: dict of name to SHA-256."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
