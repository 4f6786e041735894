"""The same corpus with some of its arguments changed.

Conventions: settings, their draws and their splits stay those of the base, so rows of both can be compared
one by one: two sample rates, levels, or values of a fixed parameter differ in nothing else. Changes are text
by name, as on the command line: ``sample_rate=16000``, ``level=rms:-20``, ``Q=20``, ``pops.Q=20``.
"""

from contextlib import suppress
from dataclasses import replace

from sousa.generation.errors import UsageError, collected, one_of, raise_all
from sousa.generation.models import validated
from sousa.generation.textures import synth as synths
from sousa.generation.textures.limits import OVERRIDES
from sousa.generation.textures.options import TexturesOptions
from sousa.generation.textures.schema import check
from sousa.generation.textures.schema.request import Request
from sousa.generation.textures.schema.sounds import declared_range, nyquist_problems
from sousa.generation.textures.settings import Fixed
from sousa.generation.textures.space import rounded

FIELDS = tuple(name for name in OVERRIDES if name != "seed")
_REFUSED = {
    "seed": "another seed draws everything anew, which is another corpus: generate it",
    "splits": "they stay those of the base: generate another corpus",
    "naming": "it follows from the configuration",
}


def derive(config, changes, digest):
    """A Config like that of a base, whose synthesizers are here, with arguments changed.

    Args:
        changes: dict of text by name: a field of FIELDS (``level`` as ``peak`` or ``peak:-3``, ``records``
            with commas, ``shard_mib`` also ``single``), or a parameter that is not swept, with the name of
            its sound and a dot in front where several sounds have it; its value is natural.
        digest: of the base dataset.

    Raises: UsageError naming every problem.
    """
    problems = [] if changes else ["nothing is to be changed; give name=value"]
    request = Request([], {name: getattr(config, name) for name in FIELDS})
    given = {name: _value(name, text) for name, text in changes.items() if name in FIELDS}
    right = validated(TexturesOptions, given, "", problems).plain()
    request.override(right, {name: name for name in FIELDS}, problems)
    request.values |= dict.fromkeys(given.keys() - right.keys())
    check.chunk(request, problems, [])
    sounds = list(config.sounds)
    for name, text in changes.items():
        if name not in FIELDS:
            with collected(problems):
                i, parameter = _find(sounds, name)
                sounds[i] = _changed(sounds[i], parameter, _number(text), name)
    for sound in sounds:
        problems += _unfitting(sound, request.values["sample_rate"], request.values["duration_sec"])
    raise_all(problems)
    derived = replace(config, size="custom", sounds=tuple(sounds), base=digest, **request.values)
    check.whole(derived, problems, [])
    raise_all(problems)
    return derived


def _value(name, text):
    """The value of a field as the command line writes it; what is no number stays text, to be refused."""
    if name == "records":
        return [word.strip() for word in text.split(",") if word.strip()]
    if name in ("level", "audio_format", "layout") or (name, text) == ("shard_mib", "single"):
        return text
    return _number(text)


def _number(text):
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def _parameters(sound):
    """Declared parameters by name and alias."""
    synth = synths.get(sound.synth)
    declared = {p.name: p for p in synth.parameters}
    aliases = getattr(synth, "parameter_aliases", {})
    return declared | {alias: declared[name] for alias, name in aliases.items() if name in declared}


def _find(sounds, name):
    """``(number of the sound, Parameter)`` that a name stands for. Raises: UsageError."""
    if name in _REFUSED:
        raise UsageError(f"{name} can't be changed: {_REFUSED[name]}")
    parameters = [_parameters(sound) for sound in sounds]
    prefixed = {f"{sounds[i].name}.{p}": (i, of[p]) for i, of in enumerate(parameters) for p in of}
    having = [i for i, of in enumerate(parameters) if name in of]
    if name in prefixed:
        return prefixed[name]
    if len(having) == 1:
        return having[0], parameters[having[0]][name]
    if having:
        ways = ", ".join(f"{sounds[i].name}.{name}" for i in having)
        raise UsageError(f"{name} is a parameter of several sounds; say which: {ways}")
    known = [*FIELDS, *(prefixed if len(sounds) > 1 else parameters[0])]
    raise UsageError(f"unknown name {one_of(name, known)}")


def _changed(sound, parameter, value, word):
    """The sound with another value of a parameter. Raises: UsageError when it can't have it."""
    name = parameter.name
    if name in [axis.name for axis in sound.axes]:
        raise UsageError(
            f"{word} can't be changed: it is swept, and its values are the settings; generate another corpus"
        )
    if name in [moving.name for moving in sound.moving]:
        raise UsageError(f"{word} can't be changed: it moves in time, and its draws are named by its curve")
    if not isinstance(value, (int, float)) or not parameter.takes(value):
        raise UsageError(f"{word} is {value}; give a number from {declared_range(parameter)}")
    fixed = {part.name: part for part in sound.fixed}
    before = fixed.get(name, Fixed(name, parameter.default, parameter.default, "natural", ""))
    drawn = {name: rounded(before.natural)} | dict(sound.drawn_as)
    if drawn[name] == rounded(value):
        del drawn[name]
    fixed[name] = Fixed(name, float(value), float(value), "natural", before.user_doc)
    return replace(sound, fixed=tuple(fixed.values()), drawn_as=tuple(sorted(drawn.items())))


def _unfitting(sound, sample_rate, duration_sec):
    """What of a sound does not fit a sample rate or a length of signals."""
    highest = {fixed.name: fixed.natural for fixed in sound.fixed}
    highest |= {part.name: part.ends[1] for part in (*sound.axes, *sound.moving)}
    for p in synths.get(sound.synth).parameters:
        where = f"{p.name} of {sound.name}"
        yield from nyquist_problems(p, highest.get(p.name, p.default), sample_rate, where)
    for moving in sound.moving:
        last = max((time for time, _ in moving.points), default=0.0)
        if duration_sec is not None and last > duration_sec:
            yield (
                f"the curve of {sound.name}.{moving.name} has a point at {last:g} s, and the signal would "
                f"end at {duration_sec:g} s"
            )
