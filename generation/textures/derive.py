"""The same corpus with some of its arguments changed.

Conventions: settings, their draws and their splits stay those of the base, so rows of both can be compared
one by one: two sample rates, levels, or values of a fixed parameter differ in nothing else. Changes are text
by name, as on the command line: ``sample_rate=16000``, ``level=rms:-20``, ``Q=20``, ``pops.Q=20``.
"""

from dataclasses import replace

from sousa.generation.errors import RunError, UsageError, one_of, raise_all
from sousa.generation.models import validated
from sousa.generation.textures import synth as synths
from sousa.generation.textures.options import TexturesOptions
from sousa.generation.textures.schema import check
from sousa.generation.textures.schema.overrides import override
from sousa.generation.textures.schema.request import Request
from sousa.generation.textures.schema.sounds import nyquist_problem, told
from sousa.generation.textures.settings import Fixed
from sousa.generation.textures.space import rounded

FIELDS = (
    "sample_rate", "level", "audio_format", "records", "shard_mib", "examples", "duration_sec", "chunk_sec",
)  # fmt: skip
_REFUSED = {
    "seed": "another seed draws everything anew, which is another corpus: generate it",
    "splits": "they stay those of the base: generate another corpus",
    "naming": "it follows from the configuration",
}


def derive(config, changes, digest):
    """A Config like another one, with arguments changed.

    Args:
        config: of the base.
        changes: dict of text by name: a field of FIELDS (``level`` as ``peak`` or ``peak:-3``, ``records``
            with commas, ``shard_mib`` also ``single``), or a parameter that is not swept, with the name of
            its sound and a dot in front where several sounds have it; its value is natural.
        digest: of the base dataset.

    Raises: UsageError naming every problem.
    """
    problems = [] if changes else ["nothing is to be changed; give name=value"]
    request = _request(config)
    values = {name: _value(name, text) for name, text in changes.items() if name in FIELDS}
    right = validated(TexturesOptions, values, "", problems).plain()
    override(request, right, {name: name for name in FIELDS}, problems)
    for name in values.keys() - right.keys():
        setattr(request, name, None)
    sample_rate, chunk_sec = check.plain_values(request, problems, [])
    sounds = list(config.sounds)
    problems += [text for one in sounds if (text := _other_version(one))]
    for name, text in changes.items():
        if name not in FIELDS:
            _change_parameter(sounds, name, text, problems)
    for one in sounds:
        problems += _unfitting(one, sample_rate, request.duration_sec)
    raise_all(problems)
    kept = {name: getattr(request, name) for name in FIELDS}
    made = replace(
        config, size="custom", sounds=tuple(sounds), base=digest, **{**kept, "chunk_sec": chunk_sec}
    )
    raise_all(check.whole(made)[0])
    return made


def _request(config):
    """The request that the plain values of a Config came from."""
    return Request(
        [], config.seed, config.sample_rate, config.duration_sec, config.chunk_sec, config.examples,
        config.level, config.splits, config.audio_format, config.records, config.shard_mib, config.naming,
    )  # fmt: skip


def _value(name, text):
    """The value of a field as the command line writes it; what is no number stays text, to be refused."""
    if name == "records":
        return [one.strip() for one in text.split(",") if one.strip()]
    if name in ("level", "audio_format") or (name, text) == ("shard_mib", "single"):
        return text
    return _number(text)


def _number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _other_version(sound):
    """Why a sound of the base can't be made again, or None."""
    try:
        version = synths.get(sound.synth).version
    except (UsageError, RunError) as error:
        return f"{sound.name} can't be made again: {error}"
    if version != sound.synth_version:
        return (
            f"{sound.name} was made with version {sound.synth_version} of {sound.synth}, and {version} is "
            "here; install that version, or generate another corpus"
        )
    return None


def _parameters(sound):
    """Declared parameters by name; none when the synthesizer is not there, which is said elsewhere."""
    try:
        synth = synths.get(sound.synth)
    except (UsageError, RunError):
        return {}
    others = getattr(synth, "parameter_aliases", {})
    declared = {p.name: p for p in synth.parameters}
    return declared | {alias: declared[name] for alias, name in others.items() if name in declared}


def _change_parameter(sounds, name, text, problems):
    """Give one parameter of one sound another value, in the list ``sounds``."""
    if name in _REFUSED:
        problems.append(f"{name} can't be changed: {_REFUSED[name]}")
        return
    prefixed = {f"{one.name}.{p}": (i, p) for i, one in enumerate(sounds) for p in _parameters(one)}
    having = [i for i, one in enumerate(sounds) if name in _parameters(one)]
    if name in prefixed:
        i, short = prefixed[name]
    elif len(having) == 1:
        i, short = having[0], name
    elif having:
        ways = ", ".join(f"{sounds[i].name}.{name}" for i in having)
        problems.append(f"{name} is a parameter of several sounds; say which: {ways}")
        return
    else:
        known = [*FIELDS, *(prefixed if len(sounds) > 1 else _parameters(sounds[0]))]
        problems.append(f"unknown name {one_of(name, known)}")
        return
    changed = _changed(sounds[i], _parameters(sounds[i])[short], _number(text), name)
    if isinstance(changed, str):
        problems.append(changed)
    else:
        sounds[i] = changed


def _changed(sound, parameter, value, word):
    """The sound with another value of a parameter, or why it can't have it."""
    name = parameter.name
    if name in [axis.name for axis in sound.axes]:
        return (
            f"{word} can't be changed: it is swept, and its values are the settings; generate another corpus"
        )
    if name in [one.name for one in sound.moving]:
        return f"{word} can't be changed: it moves in time, and its draws are named by its curve"
    if not isinstance(value, (int, float)) or not parameter.minimum <= value <= parameter.maximum:
        low, high = told(parameter, parameter.minimum), told(parameter, parameter.maximum)
        return f"{word} is {value}; give a number from {low} to {high}"
    before = next((one for one in sound.fixed if one.name == name), None)
    drawn = dict(sound.drawn_as)
    drawn.setdefault(name, rounded(before.natural if before else parameter.default))
    if drawn[name] == rounded(value):
        del drawn[name]
    fixed = Fixed(name, float(value), float(value), "natural", before.user_doc if before else "")
    others = [fixed if one.name == name else one for one in sound.fixed]
    return replace(
        sound, fixed=tuple(others if before else [*others, fixed]), drawn_as=tuple(sorted(drawn.items()))
    )


def _unfitting(sound, sample_rate, duration_sec):
    """What of a sound does not fit a sample rate or a length of signals."""
    swept = {axis.name: max(axis.minimum, axis.maximum) for axis in sound.axes}
    fixed = {one.name: one.natural for one in sound.fixed}
    moving = {one.name: max(one.minimum, one.maximum) for one in sound.moving}
    found = []
    for parameter in {p.name: p for p in _parameters(sound).values()}.values():
        highest = {parameter.name: parameter.default, **fixed, **moving, **swept}[parameter.name]
        found.append(nyquist_problem(parameter, highest, sample_rate, f"{parameter.name} of {sound.name}"))
    for one in sound.moving:
        last = max((time for time, _ in one.points), default=0.0)
        if duration_sec is not None and last > duration_sec:
            found.append(
                f"the curve of {sound.name}.{one.name} has a point at {last:g} s, and the signal would end "
                f"at {duration_sec:g} s"
            )
    return [text for text in found if text]
