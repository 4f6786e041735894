"""What a configuration file asks for, the same for every kind of file, before it is checked as a whole.

Conventions: ``where`` is the place in the file, for sentences; None is what was not given, or what was wrong
and has been reported already. ``words`` are the file's own keys for the names used here.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator

from sousa.generation.errors import one_of
from sousa.generation.models import Model, Number, Text, Whole, chosen, shown, validated
from sousa.generation.textures.settings import METHODS, POLICIES, RECORDS, Level
from sousa.generation.textures.values import SCALES

DEFAULT_SEED = 42
DEFAULT_LEVELS = {"peak": -1.0, "rms": -20.0}  # dB
Method = Annotated[str, chosen(*METHODS)]
Scale = Annotated[str, chosen(*SCALES)]
Units = Annotated[str, chosen("natural", "norm")]


class LabelKeys(Model):
    name: Text | None = None
    min: Number | None = None
    max: Number | None = None
    doc: str | None = None


class AxisKeys(Model):
    """A parameter that is swept; ``label`` is None or LabelKeys once it has been checked."""

    min: Number | None = None
    max: Number | None = None
    count: Whole | None = None
    scale: Scale | None = None
    values: list[Number] | None = None
    units: Units | None = None
    label: Any = None


class FixedKeys(Model):
    REQUIRED: ClassVar[tuple] = ("value",)
    value: Number | None = None
    units: Units | None = None
    doc: str | None = None


class MovingKeys(Model):
    """A parameter that moves in time; ``curve``: sine, random, or pairs of seconds and value."""

    curve: Any = None
    min: Number | None = None
    max: Number | None = None
    cycles: Number | None = None
    points: Whole | None = None
    scale: Scale | None = None


@dataclass
class ParameterRequest:
    """``key``: under which a fixed value is given, empty for a plain number."""

    where: str
    name: str | None
    keys: AxisKeys | FixedKeys | MovingKeys
    key: str = "value"


@dataclass
class SoundRequest:
    """``linear_norm``: normalised values are even in the natural ones, whatever a parameter's scale."""

    where: str
    name: str | None
    synth: str | None
    parameters: list[ParameterRequest]
    method: str = "grid"
    count: int | None = None
    points: list | None = None
    linear_norm: bool = False
    words: Mapping[str, str] = field(default_factory=dict)

    def word(self, name):
        """What the file calls a key."""
        return self.words.get(name, name)


@dataclass
class Request:
    """A request, read from whatever form it had."""

    sounds: list[SoundRequest]
    values: dict[str, Any]  # fields of a Config but its sounds, or num_chunks in place of chunk_sec
    words: dict[str, str] = field(default_factory=dict)
    num_chunks: int | None = None

    def word(self, name):
        """What the user calls a field."""
        return self.words.get(name, name)

    def override(self, options: Mapping[str, Any], words: Mapping[str, str], problems: list[str]) -> None:
        """Put options in place of what the file says.

        Args:
            options: by field, checked one by one; None is not given. ``shard_mib`` may be ``"single"``: one
                file a row.
            words: what the user calls the fields.
            problems: list that sentences are added to.
        """
        given = {name: value for name, value in options.items() if value is not None}
        self.words |= {name: words[name] for name in given}
        for name, read in (("level", level), ("records", records)):
            if name in given:
                given[name] = read(given[name], words[name], problems)
        if given.get("shard_mib") == "single":
            given["shard_mib"] = None
        self.values |= given
        if "chunk_sec" in given:
            self.num_chunks = None


def drawn_seed(word, notices):
    """A seed for a file that says null, with a notice of it, so that the corpus can be made again."""
    seed = secrets.randbelow(2**32)
    notices.append(f"{word} is null: the seed {seed} was drawn; give it to make the same corpus again")
    return seed


def within(low, high, text):
    """A validator of numbers from ``low`` to ``high``; ``text`` says what to give instead of others."""

    def check(value):
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return AfterValidator(check)


class _LevelKeys(Model):
    REQUIRED: ClassVar[tuple] = ("policy",)
    policy: Annotated[str, chosen(*POLICIES)] | None = None
    target_db: Annotated[Number, within(-80, 0, "give -80 to 0 dB")] | None = None


def level(value, place, problems):
    """The Level of ``none``, ``peak``, ``rms``, ``peak:-3`` or a mapping; None with a problem."""
    if value is None:
        value = "peak"
    if isinstance(value, str):
        policy, colon, target = value.partition(":")
        try:
            value = {"policy": policy} | ({"target_db": float(target)} if colon else {})
        except ValueError:
            problems.append(f"{place} is {policy}:{target}; give decibels, such as {policy}:-3")
            return None
    before = len(problems)
    keys = validated(_LevelKeys, value, place, problems)
    if len(problems) > before:
        return None
    if keys.policy != "none":
        target = DEFAULT_LEVELS[keys.policy] if keys.target_db is None else keys.target_db
        return Level(keys.policy, target)
    if keys.target_db is not None:
        problems.append(f"{place}: target_db has no use with policy none; leave it out")
    return Level("none", 0.0)


def records(names, place, problems):
    """Names of record formats, each once; none, alone, for no records."""
    if names in (None, "none", ["none"]):
        return ()
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, (list, tuple)):
        problems.append(f"{place} is {shown(names)}; give a list of {', '.join(RECORDS)}")
        return ()
    problems += [f"{place}: unknown format {one_of(name, RECORDS)}" for name in names if name not in RECORDS]
    return tuple(dict.fromkeys(name for name in names if name in RECORDS))
