"""Requests made into a Config, and what is checked of it as a whole.

Conventions: as in :mod:`sousa.generation.textures.schema.sounds`. Nothing that grows with the number of
settings is made before their number is known to be sensible.
"""

from collections import Counter

from sousa.generation.models import shown
from sousa.generation.textures import records, space
from sousa.generation.textures.schema import sounds
from sousa.generation.textures.schema.request import AxisRequest
from sousa.generation.textures.settings import Config

MAX_ROWS = 10_000_000
MAX_SETTINGS = 1_000_000


def config(request, size, problems, notices):
    """The Config of a request.

    Args:
        size: name it comes from, or custom; problems, notices: lists that sentences are added to.

    Returns: the Config; None when there are problems.
    """
    rate, chunk_sec = plain_values(request, problems, notices)
    made = [sounds.sound(one, rate, request.duration_sec, problems) for one in request.sounds]
    made = [one for one in made if one is not None]
    twice = [name for name, number in Counter(one.name for one in made).items() if number > 1]
    problems += [f"two sounds are named {name}; give each its own name" for name in twice]
    problems += split_problems(request.splits, made, _asked(request))
    if problems:
        return None
    result = Config(
        size, tuple(made), request.seed, rate, request.duration_sec, chunk_sec, request.examples,
        request.level, request.splits, request.audio_format, tuple(request.records), request.shard_mib,
        request.naming,
    )  # fmt: skip
    found, told = whole(result)
    problems += found
    notices += told
    return None if found else result


def plain_values(request, problems, notices):
    """Check what is not about sounds. Returns: ``(sample_rate, chunk_sec)``, None where they are wrong."""
    return request.sample_rate, _chunk(request, request.sample_rate, problems, notices)


def _chunk(request, rate, problems, notices):
    """The length of a chunk in seconds, or None; its problems and those of the long signal's length."""
    duration, chunk = request.duration_sec, request.chunk_sec
    word = request.word("duration_sec")
    if request.num_chunks is not None and chunk is None:
        chunk = duration and duration / request.num_chunks
    if chunk is None:
        return None
    found, told = chunk_problems(duration, chunk, rate, request.word("chunk_sec"), word)
    problems += found
    notices += told
    return None if found else chunk


def chunk_problems(duration, chunk, rate, chunk_word="chunk_sec", duration_word="duration_sec"):
    """``(problems, notices)`` of the length of chunks; arguments that are not known are None."""
    if chunk <= 0:
        return [f"{chunk_word} is {shown(chunk)}; give more than 0 s"], []
    if rate is not None and round(chunk * rate) < 1:
        return [f"a chunk of {chunk:.12g} s ({chunk_word}) is shorter than one sample at {rate} Hz"], []
    if duration is None:
        return [], []
    if chunk > duration * (1 + 1e-9):
        return [
            f"{chunk_word} is {shown(chunk)}, longer than the signal ({duration_word} {shown(duration)} s); "
            "no row would come of it"
        ], []
    chunks = int(duration / chunk + 1e-9)
    left = duration - chunks * chunk
    if left > 1e-6:
        return [], [
            f"{duration:g} s hold {chunks} chunks of {chunk:g} s; the last {left:.3g} s of each are not used"
        ]
    return [], []


def _asked(request):
    """Names of everything that some sound was meant to sweep."""
    names = {p.name for one in request.sounds for p in one.parameters if isinstance(p, AxisRequest)}
    return names | {name for one in request.sounds for point in one.points or () for name in point}


def split_problems(splits, made, asked=()):
    """Problems with splits that show without settings.

    Args:
        made: sounds; asked: swept parameters that are wrong and have been told, so they may be missing in it.
    """
    found = []
    for word in ("validation", "test"):
        value = getattr(splits, word)
        if not 0 <= value <= 1:
            found.append(f"splits: {word} is {shown(value)}; give a share from 0 to 1")
    if not found and splits.validation + splits.test >= 1:
        found.append(
            f"splits: validation {splits.validation:g} and test {splits.test:g} leave nothing for train; "
            "their sum has to be below 1"
        )
    if not 0 <= splits.interpolation_share <= 1:
        found.append(f"splits: interpolation is {shown(splits.interpolation_share)}; give 0 to 1, or boxes")
    swept = {axis.name for one in made for axis in one.axes}
    for kind in ("interpolation", "extrapolation"):
        for box in getattr(splits, kind):
            unknown = [name for name, _, _ in box if name not in swept]
            if unknown and unknown[0] in asked:
                continue
            if unknown:
                found.append(f"splits: {kind}: {unknown[0]!r} is not swept; " + (
                    f"swept are {', '.join(sorted(swept))}" if swept else "no parameter is"
                ))  # fmt: skip
            elif not any(_applies(box, one) for one in made):
                names = ", ".join(name for name, _, _ in box)
                found.append(f"splits: {kind}: no sound sweeps all of {names}")
            elif kind == "interpolation":
                found += _at_ends(box, made)
    return found


def _applies(box, one):
    return {name for name, _, _ in box} <= {axis.name for axis in one.axes}


def _at_ends(box, made):
    found = []
    for one in made:
        for name, lowest, highest in box if _applies(box, one) else ():
            axis = next(axis for axis in one.axes if axis.name == name)
            ends = sorted((axis.minimum, axis.maximum))
            if lowest <= ends[0] or highest >= ends[1]:
                found.append(
                    f"splits: interpolation: {name} {lowest:g} to {highest:g} reaches an end of {ends[0]:g} "
                    f"to {ends[1]:g} in {one.name}; stay inside, or call it extrapolation"
                )
    return found


def whole(made):
    """``(problems, notices)`` of a Config as a whole: size, settings, their splits, formats of records."""
    total = sum(space.count(one) for one in made.sounds)
    rows = total * made.rows_per_setting
    if rows > MAX_ROWS or total > MAX_SETTINGS:
        return [
            f"{rows:,} rows of {total:,} settings are asked for; at most {MAX_ROWS:,} "
            f"rows of {MAX_SETTINGS:,} settings can be made at once"
        ], []
    found, notices = _twice(made), []
    for number, one in enumerate(made.sounds):
        own = [setting for setting in made.settings if setting.sound == number]
        if len(own) < 3 and made.splits.test + made.splits.validation > 0:
            many = "1 setting: it is" if len(own) == 1 else f"{len(own)} settings: they are"
            notices.append(f"{one.name} has {many} not divided at random")
        if not any(setting.split == space.TRAIN for setting in own):
            found.append(f"splits leave no setting of {one.name} for train; make them smaller")
    return found + _boxes(made) + records.problems(made), notices


def _twice(made):
    """Settings that would be the same sound."""
    found = {}
    for setting in made.settings:
        found.setdefault(setting.draws, []).append(setting)
    problems = []
    for same in found.values():
        if len(same) > 1:
            places = ", ".join(f"{made.sounds[one.sound].name}[{one.index}]" for one in same[:3])
            values = ", ".join(
                f"{axis.name} {value:g}"
                for axis, value in zip(made.sounds[same[0].sound].axes, same[0].natural, strict=True)
            )
            problems.append(
                f"settings {places} are the same ({values or 'nothing is swept'}); leave all but one out"
            )
    if len(problems) > 5:
        return [*problems[:5], f"{len(problems) - 5} more settings are there more than once"]
    return problems


def _boxes(made):
    """Boxes that hold nothing or everything, and shares with nothing to choose from."""
    found = []
    for kind in ("interpolation", "extrapolation"):
        for box in getattr(made.splits, kind):
            text = ", ".join(f"{name} {lowest:g} to {highest:g}" for name, lowest, highest in box)
            held = [h for setting in made.settings if (h := _holds(made, box, setting)) is not None]
            if not any(held):
                found.append(f"splits: {kind}: no setting has {text}; widen the box or add values")
            elif all(held):
                found.append(f"splits: {kind}: all settings have {text}; make the box smaller")
    inner = any(space.inside(made.sounds[one.sound], one.natural) for one in made.settings)
    if made.splits.interpolation_share and not inner:
        found.append(
            "splits: interpolation has nothing to choose from: no setting is inside the ends of every axis"
        )
    return found


def _holds(made, box, setting):
    """Whether a box holds a setting; None when it does not apply to its sound."""
    one = made.sounds[setting.sound]
    if not _applies(box, one):
        return None
    values = dict(zip((axis.name for axis in one.axes), setting.natural, strict=True))
    return all(lowest <= values[name] <= highest for name, lowest, highest in box)
