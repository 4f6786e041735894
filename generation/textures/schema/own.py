"""Our own configurations, in YAML or JSON; tests/data/texture_configs/every_key.yaml has every key.

Conventions: values are natural unless ``units: norm`` is said of a parameter; normalised values are on the
parameter's own scale. A label is the natural value unless ``label`` says otherwise.
"""

from typing import Annotated, Any, ClassVar, Literal

from sousa.generation.models import Model, Number, Text, Whole, at, chosen, number, numbers, shown, validated
from sousa.generation.textures.limits import Duration, Examples, Layout, SampleRate, Seed, ShardMiB
from sousa.generation.textures.schema import request
from sousa.generation.textures.settings import DEFAULT_SHARD_MIB, Splits

DEFAULTS = {
    "seed": request.DEFAULT_SEED, "sample_rate": 44100, "examples": 1, "audio_format": "flac",
    "shard_mib": DEFAULT_SHARD_MIB, "layout": "splits",
}  # fmt: skip
MAX_BOXES = 100  # of a kind: each is compared with every setting
DEFAULT_SHARE = 0.15  # of settings, of validation and test each


class SoundKeys(Model):
    REQUIRED: ClassVar[tuple] = ("synth",)
    name: Text | None = None
    synth: Text | None = None
    parameters: dict[str, Any] | None = None
    enumeration: request.Method | None = None
    settings: Whole | None = None
    points: list[Any] | None = None


class File(SoundKeys):
    """The keys of a single sound may stand beside those of the corpus."""

    REQUIRED: ClassVar[tuple] = ("duration_sec",)
    sounds: list[Any] | None = None
    seed: Seed | None = None
    sample_rate: SampleRate | None = None
    duration_sec: Duration | None = None
    chunk_sec: Number | None = None
    examples: Examples | None = None
    level: Any = None
    splits: Any = None
    audio_format: Literal["flac", "wav"] | None = None
    records: Any = None
    shard_mib: ShardMiB | None = None
    layout: Layout | None = None
    tfrecords: Annotated[str, chosen("single", "shards")] | None = None


class SplitKeys(Model):
    validation: Annotated[Number, request.within(0, 1, "give a share from 0 to 1")] | None = None
    test: Annotated[Number, request.within(0, 1, "give a share from 0 to 1")] | None = None
    interpolation: Any = None
    extrapolation: Any = None


def read(data, problems, notices):
    """What a file asks for; the arguments are those of the reader of DSGenerator's files."""
    file = validated(File, data, "", problems)
    sounds = _sounds(file, data, problems)
    # None where the file gives a wrong value
    values = DEFAULTS | {key: getattr(file, key) for key in DEFAULTS if data.get(key) is not None}
    if "seed" in data and data["seed"] is None:
        values["seed"] = request.drawn_seed("seed", notices)
    if file.tfrecords == "single" or ("shard_mib" in data and data["shard_mib"] is None):
        values["shard_mib"] = None
    values |= {
        "duration_sec": file.duration_sec,
        "chunk_sec": file.duration_sec if data.get("chunk_sec") is None else file.chunk_sec,
        "level": request.level(file.level, "level", problems),
        "splits": _splits(file.splits, problems),
        "records": request.records(file.records, "records", problems),
        "naming": "values" if all(sound.method == "grid" for sound in sounds) else "index",
    }
    return request.Request(sounds, values)


def _sounds(file, data, problems):
    if "sounds" not in data:
        if data.get("synth") is None:
            problems.append("missing key synth (or sounds, a list of them)")
        return [_sound(file, "", file, problems)]
    alone = [key for key in ("synth", "parameters", "points", "name") if key in data]
    if alone:
        problems.append(f"{', '.join(alone)} and sounds are both given; put them into the sounds")
    if file.sounds == []:
        problems.append("sounds is empty; give at least one")
    places = {f"sounds[{i}]": sound for i, sound in enumerate(file.sounds or [])}
    keys = {place: validated(SoundKeys, sound, place, problems) for place, sound in places.items()}
    return [_sound(sound, place, file, problems) for place, sound in keys.items() if sound]


def _sound(keys, place, file, problems):
    """One sound; ``enumeration`` and ``settings`` of the file are those of sounds that say nothing."""
    method = keys.enumeration or file.enumeration or "grid"
    count = keys.settings
    if count is None and method not in ("grid", "list"):
        count = file.settings
    parameters = [
        _parameter(name, value, at(place, f"parameters: {name}"), method, problems)
        for name, value in (keys.parameters or {}).items()
    ]
    points = keys.points and [
        _point(p, at(place, f"points[{i}]"), problems) for i, p in enumerate(keys.points)
    ]
    parameters, points = list(filter(None, parameters)), points and list(filter(None, points))
    return request.SoundRequest(place, keys.name or keys.synth, keys.synth, parameters, method, count, points)


def _point(values, place, problems):
    if not isinstance(values, dict) or not values:
        problems.append(f"{place} is {shown(values)}; give values by names of parameters")
        return None
    point = {str(name): number(value, at(place, name), problems) for name, value in values.items()}
    return None if None in point.values() else point


def _parameter(name, value, place, method, problems):
    if not isinstance(value, dict):
        keys = request.FixedKeys.model_construct(value=number(value, place, problems))
        return request.ParameterRequest(place, name, keys, key="")
    if "value" in value:
        return request.ParameterRequest(place, name, validated(request.FixedKeys, value, place, problems))
    if "curve" in value:
        return _moving(name, value, place, problems)
    keys = validated(request.AxisKeys, value, place, problems)
    ends = [key for key in ("min", "max", "count") if key in value]
    if "values" in value and ends:
        problems.append(f"{place}: values and {', '.join(ends)} are both given; choose one way")
    elif value.get("values") is None:
        missing = [key for key in ("min", "max") if value.get(key) is None]
        if missing:
            problems.append(f"{place}: missing {', '.join(missing)} (or values, value, curve)")
        if method == "grid" and value.get("count") is None:
            problems.append(f"{place}: missing key count: how many values")
    if keys.label is not None:
        label = keys.label = validated(request.LabelKeys, keys.label, at(place, "label"), problems)
        if label and (label.min is None) != (label.max is None):
            problems.append(f"{at(place, 'label')}: give both min and max, or neither for natural values")
    return request.ParameterRequest(place, name, keys)


def _moving(name, value, place, problems):
    keys = validated(request.MovingKeys, value, place, problems)
    if isinstance(keys.curve, list):
        idle = [key for key in ("min", "max", "cycles", "points") if key in value]
        if idle:
            problems.append(f"{place}: {', '.join(idle)} have no use beside points of a curve")
        keys.curve = [_pair(p, at(place, f"curve[{i}]"), problems) for i, p in enumerate(keys.curve)]
        return None if None in keys.curve else request.ParameterRequest(place, name, keys)
    sizes = {"sine": "cycles", "random": "points"}
    if not isinstance(keys.curve, str) or keys.curve not in sizes:
        text = f"is {shown(keys.curve)}; give [seconds, value] pairs, sine, or random"
        problems.append(f"{at(place, 'curve')} {text}")
        return None
    size = sizes.pop(keys.curve)
    missing = [key for key in ("min", "max", size) if value.get(key) is None]
    if missing:
        problems.append(f"{place}: missing {', '.join(missing)} of the curve {keys.curve}")
    idle = [key for key in sizes.values() if key in value]
    problems += [f"{place}: {key} has no use with the curve {keys.curve}" for key in idle]
    return request.ParameterRequest(place, name, keys)


def _pair(value, place, problems):
    if not isinstance(value, list) or len(value) != 2:
        problems.append(f"{place} is {shown(value)}; give two numbers")
        return None
    pair = numbers(value, place, problems)
    return pair and tuple(pair)


def _splits(value, problems):
    keys = (None if value is None else validated(SplitKeys, value, "splits", problems)) or SplitKeys()
    share, inside = 0.0, keys.interpolation
    if not isinstance(inside, (dict, list, type(None))):
        share, inside = number(inside, "splits: interpolation", problems) or 0.0, None
    inner = _boxes(inside, "splits: interpolation", problems)
    outer = _boxes(keys.extrapolation, "splits: extrapolation", problems)
    shares = [DEFAULT_SHARE if value is None else value for value in (keys.validation, keys.test)]
    return Splits(*shares, share, inner, outer)


def _boxes(value, place, problems):
    """Boxes of a list of mappings, or of a single one; None: no box."""
    if value is None:
        return ()
    listed, boxes = isinstance(value, list), []
    if listed and len(value) > MAX_BOXES:
        problems.append(f"{place} has {len(value):,} boxes; give at most {MAX_BOXES}")
        return ()
    for i, box in enumerate(value if listed else [value]):
        where = f"{place}[{i}]" if listed else place
        if not isinstance(box, dict) or not box:
            problems.append(f"{where} is {shown(box)}; give [lowest, highest] by names of parameters")
            continue
        pairs = {name: _pair(ends, at(where, name), problems) for name, ends in box.items()}
        sides = [(str(name), *pair) for name, pair in pairs.items() if pair and pair[0] <= pair[1]]
        problems += [
            f"{at(where, name)} is {shown(pair[0])} to {shown(pair[1])}; give the lower one first"
            for name, pair in pairs.items()
            if pair and pair[0] > pair[1]
        ]
        boxes.append(tuple(sides))
    return tuple(filter(None, boxes))
