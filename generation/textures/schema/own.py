"""Our own configurations, in YAML or JSON; tests/data/texture_configs/every_key.yaml has every key.

Conventions: values are natural unless ``units: norm`` is said of a parameter; normalised values are on the
parameter's own scale. A label is the natural value unless ``label`` says otherwise.
"""

from typing import Annotated, Any, ClassVar, Literal

from sousa.generation.errors import one_of
from sousa.generation.models import (
    Model,
    Number,
    Text,
    Whole,
    at,
    chosen,
    number,
    numbers,
    shown,
    validated,
)
from sousa.generation.textures.options import Duration, Examples, SampleRate, Seed, ShardMiB
from sousa.generation.textures.schema.request import (
    DEFAULT_SEED,
    AxisRequest,
    FixedRequest,
    MovingRequest,
    Request,
    SoundRequest,
    drawn_seed,
)
from sousa.generation.textures.settings import DEFAULT_SHARD_MIB, METHODS, POLICIES, RECORDS, Level, Splits
from sousa.generation.textures.values import SCALES

Method = Annotated[str, chosen(*METHODS)]
Scale = Annotated[str, chosen(*SCALES)]
Units = Annotated[str, chosen("natural", "norm")]
LEVELS = {"none": 0.0, "peak": -1.0, "rms": -20.0}


class SoundKeys(Model):
    REQUIRED: ClassVar[tuple] = ("synth",)
    name: Text | None = None
    synth: Text | None = None
    parameters: dict[str, Any] | None = None
    enumeration: Method | None = None
    settings: Whole | None = None
    points: list[Any] | None = None


class File(Model):
    REQUIRED: ClassVar[tuple] = ("duration_sec",)
    name: Text | None = None
    synth: Text | None = None
    sounds: list[Any] | None = None
    parameters: dict[str, Any] | None = None
    enumeration: Method | None = None
    settings: Whole | None = None
    points: list[Any] | None = None
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
    tfrecords: Annotated[str, chosen("single", "shards")] | None = None


class AxisKeys(Model):
    min: Number | None = None
    max: Number | None = None
    count: Whole | None = None
    scale: Scale | None = None
    values: list[Number] | None = None
    units: Units | None = None
    label: Any = None


class LabelKeys(Model):
    name: Text | None = None
    min: Number | None = None
    max: Number | None = None
    doc: str | None = None


class FixedKeys(Model):
    REQUIRED: ClassVar[tuple] = ("value",)
    value: Number | None = None
    units: Units | None = None
    doc: str | None = None


class MovingKeys(Model):
    curve: Any = None
    min: Number | None = None
    max: Number | None = None
    cycles: Number | None = None
    points: Whole | None = None
    scale: Scale | None = None


class LevelKeys(Model):
    REQUIRED: ClassVar[tuple] = ("policy",)
    policy: Annotated[str, chosen(*POLICIES)] | None = None
    target_db: Number | None = None


class SplitKeys(Model):
    validation: Number | None = None
    test: Number | None = None
    interpolation: Any = None
    extrapolation: Any = None


def request(data, problems, notices):
    """What a file asks for; the arguments are those of :func:`dsgenerator.request`."""
    file = validated(File, data, "", problems)
    null_seed = file.given("seed") and file.seed is None and data["seed"] is None
    single = file.tfrecords == "single" or (file.given("shard_mib") and data["shard_mib"] is None)
    chunk = file.duration_sec if data.get("chunk_sec") is None else file.chunk_sec
    sounds = _sounds(file, data, problems)
    grids = all(one.method == "grid" for one in sounds)
    return Request(
        sounds=sounds,
        seed=drawn_seed("seed", notices) if null_seed else _default(file, data, "seed", DEFAULT_SEED),
        sample_rate=_default(file, data, "sample_rate", 44100),
        duration_sec=file.duration_sec,
        chunk_sec=chunk,
        examples=_default(file, data, "examples", 1),
        level=level(file.level, "level", problems),
        splits=_splits(file.splits, problems),
        audio_format=_default(file, data, "audio_format", "flac"),
        records=records(file.records, "records", problems),
        shard_mib=None if single else _default(file, data, "shard_mib", DEFAULT_SHARD_MIB),
        naming="values" if grids else "index",
    )


def _default(file, data, key, value):
    """A field, its default where the file does not give it, None where it gives it wrong."""
    return value if data.get(key) is None else getattr(file, key)


def level(given, place, problems):
    """The Level of ``none``, ``peak``, ``rms``, ``peak:-3`` or a mapping; None with a problem."""
    if given is None:
        return Level("peak", LEVELS["peak"])
    if isinstance(given, str):
        policy, _, target = given.partition(":")
        given = {"policy": policy}
        if target:
            try:
                given["target_db"] = float(target)
            except ValueError:
                problems.append(f"{place} is {policy}:{target}; give decibels, such as {policy}:-3")
                return None
    before = len(problems)
    keys = validated(LevelKeys, given, place, problems)
    if len(problems) > before:
        return None
    if keys.policy == "none":
        if keys.target_db is not None:
            problems.append(f"{place}: target_db has no use with policy none; leave it out")
        return Level("none", 0.0)
    target = LEVELS[keys.policy] if keys.target_db is None else keys.target_db
    if not -80 <= target <= 0:
        problems.append(f"{at(place, 'target_db')} is {shown(target)}; give -80 to 0 dB")
        return None
    return Level(keys.policy, target)


def records(given, place, problems):
    """Names of record formats, each once; none, alone, for no records."""
    if given in (None, "none", ["none"]):
        return ()
    given = [given] if isinstance(given, str) else given
    if not isinstance(given, (list, tuple)):
        problems.append(f"{place} is {shown(given)}; give a list of {', '.join(RECORDS)}")
        return ()
    wrong = [one for one in given if one not in RECORDS]
    problems += [f"{place}: unknown format {one_of(one, RECORDS)}" for one in wrong]
    return tuple(dict.fromkeys(one for one in given if one not in wrong))


# --- sounds ---


def _sounds(file, data, problems):
    if "sounds" not in data:
        if data.get("synth") is None:
            problems.append("missing key synth (or sounds, a list of them)")
        return [_sound(file, "", file, problems)]
    alone = [key for key in ("synth", "parameters", "points", "name") if key in data]
    if alone:
        problems.append(f"{', '.join(alone)} and sounds are both given; put them into the sounds")
    if file.sounds is not None and not file.sounds:
        problems.append("sounds is empty; give at least one")
    made = []
    for i, one in enumerate(file.sounds or []):
        keys = validated(SoundKeys, one, f"sounds[{i}]", problems)
        if keys is not None:
            made.append(_sound(keys, f"sounds[{i}]", file, problems))
    return made


def _sound(keys, place, file, problems):
    """One sound; ``enumeration`` and ``settings`` of the file are those of sounds that say nothing."""
    method = keys.enumeration or file.enumeration or "grid"
    count = file.settings if keys.settings is None else keys.settings
    if keys.settings is None and method in ("grid", "list") and keys is not file:
        count = None  # meant for the other sounds
    wanted = []
    for name, given in (keys.parameters or {}).items():
        one = _parameter(name, given, at(place, f"parameters: {name}"), problems)
        if one is not None:
            wanted.append(one)
    points = None
    if keys.points is not None:
        points = [one for one in (_point(p, i, place, problems) for i, p in enumerate(keys.points)) if one]
    return SoundRequest(place, keys.name or keys.synth, keys.synth, wanted, method, count, points)


def _point(given, i, place, problems):
    where = at(place, f"points[{i}]")
    if not isinstance(given, dict) or not given:
        problems.append(f"{where} is {shown(given)}; give values by names of parameters")
        return None
    before = len(problems)
    point = {}
    for name, value in given.items():
        point[str(name)] = number(value, at(where, name), problems)
    return point if len(problems) == before else None


def _parameter(name, given, place, problems):
    if not isinstance(given, dict):
        return FixedRequest(place, name, number(given, place, problems), "natural")
    if "value" in given:
        keys = validated(FixedKeys, given, place, problems)
        return FixedRequest(place, name, keys.value, keys.units or "natural", keys.doc or "", "value")
    if "curve" in given:
        return _moving(name, given, place, problems)
    keys = validated(AxisKeys, given, place, problems)
    ends = [key for key in ("min", "max", "count") if key in given]
    if "values" in given and ends:
        problems.append(f"{place}: values and {', '.join(ends)} are both given; choose one way")
    elif "values" not in given:
        missing = [key for key in ("min", "max") if given.get(key) is None]
        if missing:
            problems.append(f"{place}: missing {', '.join(missing)} (or values, value, curve)")
    label = (
        LabelKeys() if keys.label is None else validated(LabelKeys, keys.label, at(place, "label"), problems)
    )
    label = label or LabelKeys()
    if (label.min is None) != (label.max is None):
        problems.append(f"{at(place, 'label')}: give both min and max, or neither for natural values")
    return AxisRequest(
        place, name, keys.min, keys.max, keys.count, keys.scale, keys.units or "natural", keys.values,
        label.name, label.doc or "", label.min, label.max,
    )  # fmt: skip


def _moving(name, given, place, problems):
    keys = validated(MovingKeys, given, place, problems)
    curve = keys.curve
    if isinstance(curve, list):
        idle = [key for key in ("min", "max", "cycles", "points") if key in given]
        if idle:
            problems.append(f"{place}: {', '.join(idle)} have no use beside points of a curve")
        pairs = [
            one for one in (_pair(p, at(place, f"curve[{i}]"), problems) for i, p in enumerate(curve)) if one
        ]
        if len(pairs) < len(curve):
            return None
        return MovingRequest(place, name, "points", pairs, None, None, None, None, keys.scale)
    if curve not in ("sine", "random"):
        problems.append(
            f"{at(place, 'curve')} is {shown(curve)}; give [seconds, value] pairs, sine, or random"
        )
        return None
    size = {"sine": "cycles", "random": "points"}
    missing = [key for key in ("min", "max", size[curve]) if given.get(key) is None]
    if missing:
        problems.append(f"{place}: missing {', '.join(missing)} of the curve {curve}")
    idle = [key for key in size.values() if key != size[curve] and key in given]
    if idle:
        problems.append(f"{place}: {', '.join(idle)} has no use with the curve {curve}")
    return MovingRequest(place, name, curve, [], keys.min, keys.max, keys.cycles, keys.points, keys.scale)


def _pair(given, place, problems):
    if not isinstance(given, list) or len(given) != 2:
        problems.append(f"{place} is {shown(given)}; give two numbers")
        return None
    found = numbers(given, place, problems)
    return found and tuple(found)


# --- splits ---


def _splits(given, problems):
    keys = SplitKeys() if given is None else validated(SplitKeys, given, "splits", problems)
    keys = keys or SplitKeys()
    share, inner = 0.0, ()
    if isinstance(keys.interpolation, (dict, list)):
        inner = _boxes(keys.interpolation, "splits: interpolation", problems)
    elif keys.interpolation is not None:
        share = number(keys.interpolation, "splits: interpolation", problems) or 0.0
    outer = ()
    if keys.extrapolation is not None:
        outer = _boxes(keys.extrapolation, "splits: extrapolation", problems)
    shares = [0.15 if value is None else value for value in (keys.validation, keys.test)]
    return Splits(*shares, share, inner, outer)


def _boxes(given, place, problems):
    many = isinstance(given, list)
    boxes = [
        _box(one, f"{place}[{i}]" if many else place, problems)
        for i, one in enumerate(given if many else [given])
    ]
    return tuple(box for box in boxes if box)


def _box(given, place, problems):
    if not isinstance(given, dict) or not given:
        problems.append(f"{place} is {shown(given)}; give [lowest, highest] by names of parameters")
        return None
    sides = []
    for name, ends in given.items():
        pair = _pair(ends, at(place, name), problems)
        if pair and pair[0] > pair[1]:
            problems.append(
                f"{at(place, name)} is {shown(pair[0])} to {shown(pair[1])}; give the lower one first"
            )
        elif pair:
            sides.append((str(name), *pair))
    return tuple(sides)
