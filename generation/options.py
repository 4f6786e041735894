"""Options of a corpus: declared once, read from the command line, Python, YAML and builders alike.

Conventions: an option is a field of an :class:`Options` class, made by :func:`option`, which says its
default, its limits and what it does. Its flag on the command line is its name without unit (``duration_sec``
is ``--duration``) unless it says otherwise; everywhere else its name, or that of any of its flags, is its
key. What is wrong is said in the words of where it was written.
"""

import argparse
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from typing import Any, ClassVar

from pydantic import Field, PrivateAttr

from sousa.generation.errors import RunError, one_of, raise_all
from sousa.generation.models import Model, Whole, kind_of, limits_of, names_of, validated, words_of

# titles under which help lists options of corpora that have them
GROUPS = ("what to make", "size and seed", "how it sounds", "audio format")
_, SIZE, SOUND, FORMAT = GROUPS
_UNITS = ("_sec", "_hz", "_mib", "_db")
# what the command, ``sousa.generate`` and the builders of ``datasets`` call something else
RESERVED = {
    "address", "base_path", "cache_dir", "check", "config_id", "config_name", "console", "corpus", "data_dir",
    "data_files", "dataset_name", "description", "dry_run", "features", "files", "h", "hash", "help", "info",
    "name", "o", "output", "outputpath", "q", "quiet", "repo_id", "runner", "sbatch", "shards",
    "skip_validation", "storage_options", "token", "use_auth_token", "version", "w", "workers",
    "writer_batch_size",
}  # fmt: skip


def option(
    default: Any = None, about: str = "", *, flags: tuple[str, ...] = (),
    switches: dict[str, Any] | None = None, switch: str = "", metavar: str = "", repeated: bool = False,
    several: bool = False, command_only: bool = False, group: str = GROUPS[0], unit: str = "",
    **limits: Any,
) -> Any:  # fmt: skip
    """A field of an Options class.

    Args:
        about: what it does, for help and documents.
        flags: on the command line, the first one being the name in messages; its own name by default.
        switches: flags without a value, each with the value it stands for, in place of ``flags``.
        switch: what a switch does, where ``about`` says what the values of the key are.
        metavar: what stands for the value in help.
        repeated: the flag is given once for each element of a list.
        several: the flag takes elements of a list that are separated by blanks, too.
        command_only: it prints information in place of making a dataset; only the command has it.
        group: title under which help lists it.
        unit: of a number.
        limits: ``ge``, ``le`` and ``gt`` of a number.
    """
    extra: dict[str, Any] = {
        "flags": list(flags), "switches": switches or {}, "switch": switch, "metavar": metavar,
        "repeated": repeated, "several": several, "command_only": command_only, "group": group, "unit": unit,
    }  # fmt: skip
    return Field(default, description=about, json_schema_extra=extra, **limits)


def flags_of(name: str, field: Any) -> list[str]:
    """Flags of an option: its switches, or those that take its value."""
    extra = field.json_schema_extra
    stem = next((name.removesuffix(unit) for unit in _UNITS if name.endswith(unit)), name)
    return list(extra["switches"]) or extra["flags"] or [f"--{stem.replace('_', '-')}"]


def _key(flag: str) -> str:
    return flag.lstrip("-").replace("-", "_")


class Options(Model):
    """What a corpus can be asked for. A subclass declares SIZES, and fields, each by :func:`option`.

    Names and flags differ from each other and are not RESERVED; names of sizes are of lower-case letters,
    digits and ``_``, and not ``custom``. Raises: RunError when a class is defined that is otherwise.
    """

    # rows of each size, the default first; a smaller one is inside each larger one; none where rows are read
    SIZES: ClassVar[Mapping[str, int]] = {}
    # options whose default goes by the size: dict of size to dict of option to value
    BY_SIZE: ClassVar[Mapping[str, Mapping[str, int]]] = {}

    size: str | None = option(None, "how many rows", flags=("--size", "--preset"), group=SIZE)

    _surface: str = PrivateAttr("python")
    _wrong: frozenset[str] = PrivateAttr(frozenset())

    @classmethod
    def __pydantic_init_subclass__(cls, **arguments: Any) -> None:
        super().__pydantic_init_subclass__(**arguments)
        fields: Any = cls.model_fields
        bare = [name for name, field in fields.items() if not field.json_schema_extra]
        words = [w for name in fields.keys() - bare for w in {name, *map(_key, flags_of(name, fields[name]))}]
        for names, advice in (
            (bare, "declare it by option()"),
            ([word for word in words if word in RESERVED or words.count(word) > 1], "this name is taken"),
            ([size for size in cls.SIZES if size == "custom" or not re.fullmatch("[a-z0-9_]+", size)],
             "a size is named by lower-case letters, digits and _, and not custom"),
        ):  # fmt: skip
            if names:
                raise RunError(f"{cls.__name__} can't have {names[0]!r}: {advice}")

    @classmethod
    def read(
        cls, values: Mapping[str, Any], surface: str = "python", problems: list[str] | None = None,
        hint: Callable[[str], str] = lambda name: "",
    ) -> Any:  # fmt: skip
        """Options from values by name; None is not given.

        Args:
            surface: command, python or yaml: decides what options are called in messages.
            problems: further problems of the request, to be raised with those of the options.
            hint: what to say of an unknown name in place of what there is to choose from; empty for nothing.

        Raises: UsageError with every problem.
        """
        problems, names, known = problems or [], cls.names(), cls.known(surface)
        by_name: dict[str, Any] = {}
        for name, value in values.items():
            if value is not None and names.get(name, name) in by_name:
                problems.append(f"{name} and {names[name]} are one option; leave one of them out")
            by_name |= {} if value is None else {names.get(name, name): value}
        for name in [name for name in by_name if name not in known]:
            del by_name[name]
            place, about = "data.generate: " if surface == "yaml" else "", cls._switch(name) or hint(name)
            problems.append(f"{place}unknown key {one_of(name, known, about)}")
        options = validated(cls, by_name, "", problems, lambda name: cls.word(name, surface))
        if options.size not in (None, *cls.SIZES):
            problems.append(f"unknown size {one_of(options.size, cls.SIZES)}")
        options._surface, options._wrong = surface, frozenset(by_name.keys() - options.model_fields_set)
        if problems:
            problems += options.further_problems()
        raise_all(problems)
        return options

    @classmethod
    def _switch(cls, word: str) -> str:
        """What to write in place of the name of a switch of the command; empty where there is none."""
        fields: Any = cls.model_fields
        for name, field in fields.items():
            for flag, value in field.json_schema_extra["switches"].items():
                if _key(flag) == word:
                    return f"; write {name}: {value!r}"
        return ""

    def further_problems(self) -> list[str]:
        """Further problems of a request whose invalid options were dropped."""
        return []

    def sure(self, *names: str) -> bool:
        """Whether none of these options was given a value that is wrong, and so left out here."""
        return self._wrong.isdisjoint(names)

    @classmethod
    def known(cls, surface: str = "python") -> list[str]:
        """The options that can be given there."""
        fields: Any = cls.model_fields
        command = surface == "command"
        return [
            name for name in fields
            if (command or not fields[name].json_schema_extra["command_only"])
            and (name != "size" or cls.SIZES)
        ]  # fmt: skip

    @classmethod
    def names(cls) -> dict[str, str]:
        """Every name an option is known by, to its own."""
        fields: Any = cls.model_fields
        out = {name: name for name in fields}
        for name, field in fields.items():
            if not field.json_schema_extra["switches"]:
                out |= {_key(flag): name for flag in flags_of(name, field)}
        return out

    @classmethod
    def flags(cls) -> list[str]:
        """Every flag of the command line."""
        return [flag for name, field in cls.model_fields.items() for flag in flags_of(name, field)]

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
    """Options of a corpus that is generated from a random seed."""

    seed: Whole = option(42, "seed of every random choice", ge=0, le=2**63 - 1, group=SIZE)


_METAVARS = {int: "N", float: "X", list: "NAMES"}


def add_arguments(parser: argparse.ArgumentParser, kind: type[Options]) -> None:
    """Add the options of a corpus to its command, grouped."""
    group = cache(parser.add_argument_group)
    fields: Any = kind.model_fields
    for name in kind.known("command"):
        field = fields[name]
        extra, value_kind = field.json_schema_extra, kind_of(field.annotation)
        add: Any = partial(group(extra["group"]).add_argument, dest=f"option_{name}")
        about = about_of(kind, name).replace("%", "%%")
        for flag, value in extra["switches"].items():
            meaning = "the default" if value == field.default else extra["switch"] or field.description
            add(flag, action="store_const", const=value, help=meaning.replace("%", "%%"))
        if not extra["switches"]:
            flags = sorted(flags_of(name, field), key=lambda flag: flag.startswith("--"))
            take: Any = {"type": partial(parsed, kind=value_kind)}
            if extra["repeated"]:
                take = {"action": "append"}
            elif extra["several"]:
                take |= {"nargs": "+", "action": "extend"}
            metavar = extra["metavar"] or _METAVARS.get(value_kind, "NAME")
            add(*flags, help=about, metavar=metavar, **take).completer = partial(_values, kind, name)


def _values(kind: type[Options], name: str, prefix: str, **more: Any) -> list[str]:
    """What a shell may complete the value of an option by; names are separated by commas."""
    field: Any = kind.model_fields[name]
    if name == "size":
        return list(kind.SIZES)
    before = prefix[: prefix.rfind(",") + 1]
    return words_of(field.annotation) or [f"{before}{word}" for word in names_of(field)]


def from_arguments(kind: type[Options], arguments: argparse.Namespace) -> dict[str, Any]:
    """The options given on a command line."""
    values = {name: getattr(arguments, f"option_{name}", None) for name in kind.model_fields}
    fields: Any = kind.model_fields
    for name, value in values.items():
        if value is not None and fields[name].json_schema_extra["several"]:
            values[name] = [part for parts in value for part in parts]
    return {name: value for name, value in values.items() if value is not None}


def parsed(text: Any, kind: Any) -> Any:
    """Command-line text as a value of ``kind``; unchanged where it is none, so that validation rejects it."""
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
        asks = isinstance(extra := field.json_schema_extra, dict) and extra.get("command_only")
        notes += [] if asks else [f"default: {str(default).lower()}"]
    elif default is not None:
        shown = ", ".join(map(str, default)) if isinstance(default, (list, tuple)) else default
        notes.append(f"default: {shown}")
    return about + (f" ({'; '.join(notes)})" if notes else "")


def option_table(kind: type[Options]) -> str:
    """Options as Markdown table rows: ``| option | key | what it does |``."""
    lines = ["| option | key | what it does |", "| --- | --- | --- |"]
    for name in kind.known("command"):
        field = kind.model_fields[name]
        key = f"`{name}` " * (name in kind.known())
        lines.append(f"| `{'`, `'.join(flags_of(name, field))}` | {key}| {about_of(kind, name)} |")
    return "\n".join(lines)
