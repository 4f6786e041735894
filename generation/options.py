"""Options of a corpus: declared once, read from the command line, Python, YAML and builders alike.

Conventions: an option is a field of an :class:`Options` class, made by :func:`option`, which says its
default, its limits and what it does. Its flag on the command line is its name without unit (``duration_sec``
is ``--duration``) unless it says otherwise; everywhere else its name, or that of any of its flags, is its
key. What is wrong is said in the words of where it was written.
"""

import argparse
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, partial
from typing import Any, ClassVar

from pydantic import Field, PrivateAttr

from sousa.generation.errors import one_of, raise_all
from sousa.generation.models import Model, Whole, kind_of, limits_of, validated

_UNITS = ("_sec", "_hz", "_mib", "_db")


def option(
    default: Any = None, about: str = "", *, flags: tuple[str, ...] = (),
    switches: dict[str, Any] | None = None, switch: str = "", metavar: str = "", group: str = "what to make",
    unit: str = "", **limits: Any,
) -> Any:  # fmt: skip
    """A field of an Options class.

    Args:
        about: what it does, for help and documents.
        flags: on the command line, the first one being the name in messages; its own name by default.
        switches: flags without a value, each with the value it stands for, in place of ``flags``.
        switch: what a switch does, where ``about`` says what the values of the key are.
        metavar: what stands for the value in help, after ``repeated`` where the flag may be given again.
        group: title under which help lists it; unit, limits (``ge``, ``le``, ``gt``): of a number.
    """
    extra: dict[str, Any] = {
        "flags": list(flags), "switches": switches or {}, "metavar": metavar, "group": group, "unit": unit,
        "switch": switch,
    }  # fmt: skip
    return Field(default, description=about, json_schema_extra=extra, **limits)


class Options(Model):
    """What a corpus can be asked for. A subclass declares fields and SIZES."""

    # rows of each size, the default first; a smaller one is inside each larger one
    SIZES: ClassVar[Mapping[str, int]] = {}
    # options whose default goes by the size: dict of size to dict of option to value
    BY_SIZE: ClassVar[Mapping[str, Mapping[str, int]]] = {}

    size: str | None = option(None, "how many rows", flags=("--size", "--preset"))

    _surface: str = PrivateAttr("python")

    @classmethod
    def read(
        cls, values: Mapping[str, Any], surface: str = "python", problems: list[str] | None = None
    ) -> Any:
        """Options from values by name; None is not given.

        Args:
            surface: command, python or yaml: decides what options are called in messages.
            problems: further problems of the request, to be raised with those of the options.

        Raises: UsageError with every problem.
        """
        problems, names = problems or [], cls.names()
        by_name = {names.get(name, name): value for name, value in values.items() if value is not None}
        options = validated(cls, by_name, "", problems, lambda name: cls.word(name, surface))
        if options.size not in (None, *cls.SIZES):
            problems.append(f"unknown size {one_of(options.size, cls.SIZES)}")
        options._surface = surface
        if problems:
            problems += options.further_problems()
        raise_all(problems)
        return options

    def further_problems(self) -> list[str]:
        """What else is wrong with a request of which some options are wrong and left out here."""
        return []

    @classmethod
    def names(cls) -> dict[str, str]:
        """Every name an option is known by, to its own."""
        fields: Any = cls.model_fields
        out = {name: name for name in fields}
        for name, field in fields.items():
            if not field.json_schema_extra["switches"]:
                out |= {flag.lstrip("-").replace("-", "_"): name for flag in flags_of(name, field)}
        return out

    @classmethod
    def word(cls, name: str, surface: str) -> str:
        """What an option is called where it was written."""
        if surface == "command" and name in cls.model_fields:
            return flags_of(name, cls.model_fields[name])[0]
        return f"data.generate: {name}" if surface == "yaml" else name

    def called(self, name: str) -> str:
        """What this option is called where these options were written."""
        return self.word(name, self._surface)

    def plain(self) -> dict[str, Any]:
        """The options that were given, by name."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}


class SeedOptions(Options):
    """Options of a corpus that is made by chance."""

    seed: Whole = option(42, "seed of every random choice", ge=0, le=2**63 - 1)


def flags_of(name: str, field: Any) -> list[str]:
    """Flags of an option: its switches, or those that take its value."""
    extra = field.json_schema_extra
    stem = next((name.removesuffix(unit) for unit in _UNITS if name.endswith(unit)), name)
    return list(extra["switches"]) or extra["flags"] or [f"--{stem.replace('_', '-')}"]


_METAVARS = {int: "N", float: "X", list: "NAMES"}


def add_arguments(parser: argparse.ArgumentParser, kind: type[Options]) -> None:
    """Add the options of a corpus to its command, grouped."""
    group = cache(parser.add_argument_group)
    fields: Any = kind.model_fields
    for name, field in fields.items():
        extra, value_kind = field.json_schema_extra, kind_of(field.annotation)
        add: Any = partial(group(extra["group"]).add_argument, dest=f"option_{name}")
        about = about_of(kind, name).replace("%", "%%")
        for flag, value in extra["switches"].items():
            meaning = "the default" if value == field.default else extra["switch"] or field.description
            add(flag, action="store_const", const=value, help=meaning.replace("%", "%%"))
        if not extra["switches"]:
            flags = sorted(flags_of(name, field), key=lambda flag: flag.startswith("--"))
            _, repeated, metavar = extra["metavar"].rpartition("repeated ")
            take = {"action": "append"} if repeated else {"type": partial(parsed, kind=value_kind)}
            add(*flags, help=about, metavar=metavar or _METAVARS.get(value_kind, "NAME"), **take)


def from_arguments(kind: type[Options], arguments: argparse.Namespace) -> dict[str, Any]:
    """The options given on a command line."""
    values = {name: getattr(arguments, f"option_{name}", None) for name in kind.model_fields}
    return {name: value for name, value in values.items() if value is not None}


def parsed(text: Any, kind: Any) -> Any:
    """A text from a command line as a value of a kind; unchanged where it is none, so that it is refused."""
    if not isinstance(text, str):
        return text
    if kind is list:
        return [name.strip() for name in text.split(",") if name.strip()]
    for number in {int: (int, float), float: (int, float)}.get(kind, ()):
        with suppress(ValueError):
            return number(text)
    return text


def about_of(kind: Any, name: str) -> str:
    """What an option of an Options class, or a field of another Model, does, its limits and its default."""
    field = kind.model_fields[name]
    about, default = field.description or "", field.get_default()
    if name == "size" and issubclass(kind, Options):
        rows = [f"{size} ({count:,} rows)" for size, count in kind.SIZES.items()]
        return f"{about}: {', '.join(rows)} (default: {next(iter(kind.SIZES))})"
    limits, by_size = limits_of(kind, name), getattr(kind, "BY_SIZE", {})
    notes = [limits.partition(" number ")[2].removeprefix("of ") or limits] if limits else []
    if name in next(iter(by_size.values()), {}):
        notes.append(f"default by size: {', '.join(str(of[name]) for of in by_size.values())}")
    elif isinstance(default, bool):
        notes.append(f"default: {str(default).lower()}")
    elif default is not None:
        shown = ", ".join(map(str, default)) if isinstance(default, (list, tuple)) else default
        notes.append(f"default: {shown}")
    return about + (f" ({'; '.join(notes)})" if notes else "")


def option_table(kind: type[Options]) -> str:
    """Options as Markdown table rows: ``| option | key | what it does |``."""
    lines = ["| option | key | what it does |", "| --- | --- | --- |"]
    for name, field in kind.model_fields.items():
        lines.append(f"| `{'`, `'.join(flags_of(name, field))}` | `{name}` | {about_of(kind, name)} |")
    return "\n".join(lines)
