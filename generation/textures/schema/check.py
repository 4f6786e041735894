"""Requests made into a Config, and what is checked of it as a whole.

Conventions: as in :mod:`sousa.generation.textures.schema.sounds`; ``problems`` and ``notices`` are lists that
sentences are added to. Nothing that grows with the number of settings is made before their number is known to
be sensible.
"""

from collections import Counter, defaultdict

from sousa.generation.models import shown
from sousa.generation.textures import memory, records, space, synth
from sousa.generation.textures.schema import sounds
from sousa.generation.textures.schema.request import AxisKeys
from sousa.generation.textures.settings import Config

MAX_ROWS = 10_000_000
MAX_SETTINGS = 1_000_000
MAX_TOLD = 5  # of settings that are the same


def config(request, size, problems, notices):
    """The Config of a request, or None when there are problems; ``size``: name of its size, or custom."""
    values = request.values
    chunk(request, problems, notices)
    rate, duration_sec = values["sample_rate"], values["duration_sec"]
    checked = [sounds.sound(sound, rate, duration_sec, problems) for sound in request.sounds]
    checked = [sound for sound in checked if sound]
    names = Counter(sound.name for sound in checked)
    twice = [name for name, count in names.items() if count > 1]
    problems += [f"two sounds are named {name}; give each its own name" for name in twice]
    # what some sound was meant to sweep, wrong parameters too
    swept = {p.name for sound in request.sounds for p in sound.parameters if isinstance(p.keys, AxisKeys)}
    swept |= {name for sound in request.sounds for point in sound.points or () for name in point}
    _splits(values["splits"], checked, swept, problems)
    if problems:
        return None
    result = Config(size, tuple(checked), **values)
    whole(result, problems, notices)
    return None if problems else result


def chunk(request, problems, notices):
    """Check the length of chunks, and put it into the request where it says their number."""
    values = request.values
    duration, rate = values["duration_sec"], values["sample_rate"]
    if request.num_chunks is not None:
        values["chunk_sec"] = duration and duration / request.num_chunks
    length, word = values["chunk_sec"], request.word("chunk_sec")
    if length is None:
        return
    if length <= 0:
        problems.append(f"{word} is {shown(length)}; give more than 0 s")
    elif rate is not None and round(length * rate) < 1:
        problems.append(f"a chunk of {length:.12g} s ({word}) is shorter than one sample at {rate} Hz")
    elif duration is not None and length > duration * (1 + 1e-9):
        problems.append(
            f"{word} is {shown(length)}, longer than the signal ({request.word('duration_sec')} "
            f"{shown(duration)} s); no row would come of it"
        )
    elif duration is not None:
        count = int(duration / length + 1e-9)
        rest = duration - count * length
        if rest > 1e-6:
            text = f"{duration:g} s hold {count} chunks of {length:g} s"
            notices.append(f"{text}; the last {rest:.3g} s of each are not used")


def _splits(splits, checked, wanted, problems):
    """Problems with splits that show without settings.

    ``wanted``: swept parameters, some of which the ``checked`` sounds may lack because they are wrong.
    """
    if splits.validation + splits.test >= 1:
        problems.append(
            f"splits: validation {splits.validation:g} and test {splits.test:g} leave nothing for train; "
            "their sum has to be below 1"
        )
    share = splits.interpolation_share
    if not 0 <= share <= 1:
        problems.append(f"splits: interpolation is {shown(share)}; give 0 to 1, or boxes")
    swept = sorted({axis.name for sound in checked for axis in sound.axes})
    for kind in ("interpolation", "extrapolation"):
        for box in getattr(splits, kind):
            names = [name for name, _, _ in box]
            unknown = [name for name in names if name not in swept]
            if unknown and unknown[0] not in wanted:
                known = f"swept are {', '.join(swept)}" if swept else "no parameter is"
                problems.append(f"splits: {kind}: {unknown[0]!r} is not swept; {known}")
            elif not unknown and not any(space.in_box(box, sound) for sound in checked):
                problems.append(f"splits: {kind}: no sound sweeps all of {', '.join(names)}")
            elif kind == "interpolation":
                for sound in checked:
                    problems += _at_ends(box, sound) if space.in_box(box, sound) else []


def _at_ends(box, sound):
    axes = {axis.name: axis.ends for axis in sound.axes}
    return [
        f"splits: interpolation: {name} {lowest:g} to {highest:g} reaches an end of {axes[name][0]:g} to "
        f"{axes[name][1]:g} in {sound.name}; stay inside, or call it extrapolation"
        for name, lowest, highest in box
        if lowest <= axes[name][0] or highest >= axes[name][1]
    ]


def whole(config, problems, notices):
    """Check a Config as a whole: its size, settings, their splits, formats of records."""
    total = sum(space.count(sound) for sound in config.sounds)
    rows = total * config.rows_per_setting
    if rows > MAX_ROWS or total > MAX_SETTINGS:
        problems.append(
            f"{rows:,} rows of {total:,} settings are asked for; at most {MAX_ROWS:,} "
            f"rows of {MAX_SETTINGS:,} settings can be made at once"
        )
        return
    too_large = (memory.problem(sound, synth.get(sound.synth), config) for sound in config.sounds)
    problems += [text for text in too_large if text][:MAX_TOLD]
    _same(config, problems)
    by_sound = [[] for _ in config.sounds]
    for setting in config.settings:
        by_sound[setting.sound].append(setting.split)
    for sound, splits in zip(config.sounds, by_sound, strict=True):
        if len(splits) < 3 and config.splits.test + config.splits.validation > 0:
            many = "1 setting: it is" if len(splits) == 1 else f"{len(splits)} settings: they are"
            notices.append(f"{sound.name} has {many} not divided at random")
        if space.TRAIN not in splits:
            problems.append(f"splits leave no setting of {sound.name} for train; make them smaller")
    _boxes(config, problems)
    problems += records.problems(config)


def _same(config, problems):
    """Settings that would be the same sound."""
    by_draws = defaultdict(list)
    for setting in config.settings:
        by_draws[setting.draws].append(setting)
    groups = [group for group in by_draws.values() if len(group) > 1]
    for group in groups[:MAX_TOLD]:
        places = ", ".join(f"{config.sounds[setting.sound].name}[{setting.index}]" for setting in group[:3])
        axes = zip(config.sounds[group[0].sound].axes, group[0].natural, strict=True)
        values = ", ".join(f"{axis.name} {value:g}" for axis, value in axes) or "nothing is swept"
        problems.append(f"settings {places} are the same ({values}); leave all but one out")
    if len(groups) > MAX_TOLD:
        problems.append(f"{len(groups) - MAX_TOLD} more settings are there more than once")


def _boxes(config, problems):
    """Boxes that hold nothing or everything, and shares with nothing to choose from."""
    settings = config.settings
    for kind in ("interpolation", "extrapolation"):
        for box in getattr(config.splits, kind):
            text = ", ".join(f"{name} {lowest:g} to {highest:g}" for name, lowest, highest in box)
            tests = [space.in_box(box, sound) for sound in config.sounds]
            held = [test(setting.natural) for setting in settings if (test := tests[setting.sound])]
            if not any(held):
                problems.append(f"splits: {kind}: no setting has {text}; widen the box or add values")
            elif all(held):
                problems.append(f"splits: {kind}: all settings have {text}; make the box smaller")
    inside = (space.inside(config.sounds[setting.sound], setting.natural) for setting in settings)
    if config.splits.interpolation_share and not any(inside):
        problems.append(
            "splits: interpolation has nothing to choose from: no setting is inside the ends of every axis"
        )
