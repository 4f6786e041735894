"""Options of a corpus: declared once, read from the command line, Python, YAML and builders alike.

Conventions: an option is a field of an :class:`Options` class, made by :func:`option`, which says its
default, its limits and what it does. Its flag on the command line is its name without unit (``duration_sec``
is ``--duration``) unless it says otherwise; everywhere else its name, or that of any of its flags, is its
key. What is wrong is said in the words of where it was written.
"""

import argparse
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, PrivateAttr

from sousa.generation.errors import raise_all
from sousa.generation.models import Model, Told, Whole, kind_of, limits_of, named, validated

_UNITS = ("_sec", "_hz", "_mib", "_db")


def option(
    default: Any = None, about: str = "", *, flags: tuple[str, ...] = (),
    switches: dict[str, Any] | None = None, metavar: str = "", group: str = "", unit: str = "", **limits: Any,
) -> Any:  # fmt: skip
    """A field of an Options class.

    Args:
        default: where nothing is given.
        about: what it does, for help and documents.
        flags: on the command line, the first one being the name in messages; its own name by default.
        switches: flags without a value, each with the value it stands for, in place of ``flags``.
        metavar: what stands for the value in help; group: title under which help lists it.
        unit: of a number; limits: ``ge``, ``le``, ``gt`` of a number.
    """
    told: dict[str, Any] = {
        "flags": list(flags),
        "switches": switches or {},
        "metavar": metavar,
        "group": group,
        "unit": unit,
    }
    return Field(default, description=about, json_schema_extra=told, **limits)


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
        """Options from values by name.

        Args:
            values: what was given; None is not given.
            surface: where: command, python or yaml; decides what options are called in messages.
            problems: further problems of the request, to be raised with those of the options.

        Raises: UsageError with every problem.
        """
        problems = [] if problems is None else problems
        names, given = cls.names(), {}
        for name, value in values.items():
            if value is not None:
                given[names.get(name, name)] = value
        out = validated(cls, given, "", problems, lambda name: cls.word(name, surface))
        if out.size is not None and out.size not in cls.SIZES:
            check: Any = named("size", cls.SIZES).func
            try:
                check(out.size)
            except Told as told:
                problems += told.args
        out._surface = surface
        if problems:
            problems += out.further_problems()
        raise_all(problems)
        return out

    def further_problems(self) -> list[str]:
        """What else is wrong with a request of which some options are wrong and left out here."""
        return []

    @classmethod
    def names(cls) -> dict[str, str]:
        """Every name an option is known by, to its own."""
        out = {name: name for name in cls.model_fields}
        for name, field in cls.model_fields.items():
            out |= {flag.lstrip("-").replace("-", "_"): name for flag in flags_of(name, field)}
        return out

    @classmethod
    def word(cls, name: str, surface: str) -> str:
        """What an option is called where it was written."""
        if surface == "command" and name in cls.model_fields:
            return (flags_of(name, cls.model_fields[name]) or [*told_of(cls.model_fields[name])["switches"]])[
                0
            ]
        return f"data.generate: {name}" if surface == "yaml" else name

    def called(self, name: str) -> str:
        """What this option is called where these options were written."""
        return self.word(name, self._surface)

    def plain(self) -> dict[str, Any]:
        """The options that were given, by name."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}


class SeedOptions(Options):
    """Options of a corpus that is made by chance."""

    seed: Annotated[Whole, Field()] = option(42, "seed of every random choice", ge=0, le=2**63 - 1)


def told_of(field: Any) -> dict[str, Any]:
    """What :func:`option` was told of a field beside default and limits."""
    return field.json_schema_extra


def flags_of(name: str, field: Any) -> list[str]:
    """Flags that take the value of an option."""
    told = told_of(field)
    if told["switches"]:
        return []
    stem = next((name.removesuffix(unit) for unit in _UNITS if name.endswith(unit)), name)
    return told["flags"] or [f"--{stem.replace('_', '-')}"]


# --- the command line ---


def add_arguments(parser: argparse.ArgumentParser, kind: type[Options]) -> None:
    """Add the options of a corpus to its command, grouped; what isn't given is not in the result."""
    groups: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        told = told_of(field)
        title = told["group"] or "what to make"
        group = groups.setdefault(title, None) or parser.add_argument_group(title)
        groups[title] = group
        dest, about = f"option_{name}", about_of(kind, name)
        for flag, value in told["switches"].items():
            says = about if value != field.default else "the default"
            group.add_argument(
                flag, dest=dest, action="store_const", const=value, default=argparse.SUPPRESS, help=says
            )
        if flags := flags_of(name, field):
            many: dict[str, Any] = {"action": "append"} if "repeated" in told["metavar"] else {}
            group.add_argument(
                *_short_first(flags), dest=dest, default=argparse.SUPPRESS, help=about.replace("%", "%%"),
                metavar=_metavar(field), **many,
            )  # fmt: skip


_METAVARS = {int: "N", float: "X", list: "NAMES"}


def _metavar(field: Any) -> str:
    usual = _METAVARS.get(kind_of(field.annotation), "NAME")
    return told_of(field)["metavar"].removeprefix("repeated ") or usual


def _short_first(flags: list[str]) -> list[str]:
    return sorted(flags, key=lambda flag: flag.startswith("--"))


def about_of(kind: Any, name: str) -> str:
    """What an option of an Options class, or a field of another Model, does, its limits and its default."""
    field = kind.model_fields[name]
    about, default = field.description or "", field.get_default()
    if name == "size" and issubclass(kind, Options):
        rows = [f"{size} ({count:,} rows)" for size, count in kind.SIZES.items()]
        return f"{about}: {', '.join(rows)} (default: {next(iter(kind.SIZES))})"
    limits = limits_of(kind, name)
    notes = [limits.partition(" number ")[2].removeprefix("of ") or limits] if limits else []
    by_size = getattr(kind, "BY_SIZE", {})
    if name in next(iter(by_size.values()), {}):
        notes.append(f"default by size: {', '.join(str(of[name]) for of in by_size.values())}")
    elif isinstance(default, bool):
        notes += [] if told_of(field)["switches"] else [f"default: {str(default).lower()}"]
    elif default is not None:
        shown = ", ".join(map(str, default)) if isinstance(default, (list, tuple)) else default
        notes.append(f"default: {shown}")
    return about + (f" ({'; '.join(notes)})" if notes else "")


def from_arguments(kind: type[Options], arguments: argparse.Namespace) -> dict[str, Any]:
    """The options given on a command line, as values of their kinds where the texts are such."""
    out = {}
    for name, field in kind.model_fields.items():
        value = getattr(arguments, f"option_{name}", None)
        if value is not None:
            out[name] = parsed(value, kind_of(field.annotation))
    return out


def parsed(text: Any, kind: Any) -> Any:
    """A text from a command line as a value of a kind; unchanged where it is none, so that it is refused."""
    if not isinstance(text, str):
        return text
    if kind is list:
        return [name.strip() for name in text.split(",") if name.strip()]
    for number in {int: (int, float), float: (int, float)}.get(kind, ()):
        try:
            return number(text)
        except ValueError:
            continue
    return text


# --- documents ---


def option_table(kind: type[Options]) -> str:
    """Options as Markdown table rows: ``| option | key | what it does |``."""
    lines = ["| option | key | what it does |", "| --- | --- | --- |"]
    for name, field in kind.model_fields.items():
        flags = flags_of(name, field) or list(told_of(field)["switches"])
        lines.append(f"| `{'`, `'.join(flags)}` | `{name}` | {about_of(kind, name)} |")
    return "\n".join(lines)
