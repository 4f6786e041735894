"""The registry of corpora: built in, and of other packages. There is no other list of them."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pkgutil import resolve_name
from typing import Any

from sousa.generation import PACKAGE_VERSION, licences
from sousa.generation.corpus import Corpus, is_generated
from sousa.generation.errors import RunError, UsageError, first_line, one_of

GROUP = "sousa.corpora"
DEFAULT = "rudiments"
BUILT_IN = {
    "rudiments": "sousa.generation.rudiments:Rudiments",
    "textures": "sousa.generation.textures:Textures",
    "piano": "sousa.generation.piano:Piano",
    "captions": "sousa.generation.captions:Captions",
}
_NEEDED = ("name", "title", "summary", "data_version", "Options")
# what the command line and training read of every corpus, whichever is asked for
_KINDS: tuple[tuple[type | tuple[type, ...], tuple[str, ...]], ...] = (
    (str, ("title", "summary", "builder", "plugin_flag")),
    ((list, tuple), ("examples", "preload")), (Mapping, ("commands", "tasks")),
)  # fmt: skip


def place_of(corpus: str) -> str:
    """Where a dataset of a corpus is made unless a directory is named."""
    return f"output/{corpus}"


@cache
def places() -> dict[str, str]:
    """Where each corpus is: dict of name to ``module:attribute``, the built-in ones first."""
    from importlib.metadata import entry_points

    out = dict(BUILT_IN)
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        other = out.setdefault(point.name, point.value)
        if other != point.value and point.name not in BUILT_IN:
            out[point.name] = f"{other} and {point.value}"
    return out


def names() -> list[str]:
    """Names of all corpora."""
    return list(places())


@cache
def get(name: str) -> Corpus:
    """A corpus; raises UsageError where there is none of this name, RunError when it can't be used."""
    corpus = _made(name)
    if name not in BUILT_IN and (problem := _problem_inside(corpus)):
        raise RunError(f"corpus {name} ({places()[name]}) can't be used: {problem}")
    return corpus


@cache
def _made(name: str) -> Corpus:
    """A corpus, of whose class nothing has been asked yet that may import more."""
    if (place := places().get(name)) is None:
        raise UsageError(f"unknown corpus {one_of(name, places())}")
    if " and " in place:
        raise RunError(f"two packages ({place}) bring a corpus named {name}; uninstall one of them")
    try:
        corpus = resolve_name(place)()
        problem = problem_with(corpus, name)
    except (Exception, SystemExit) as error:  # whatever another package does
        if name in BUILT_IN:
            raise
        raise RunError(f"corpus {name} ({place}) can't be loaded: {first_line(error)}") from None
    if problem:
        raise RunError(f"corpus {name} ({place}) can't be used: {problem}")
    return corpus


def problem_with(corpus: Any, name: str) -> str | None:
    """Why an object is no corpus of this name, or None."""
    if Corpus not in type(corpus).__mro__:
        return f"{type(corpus).__name__} is no subclass of Generated or Corpus of sousa.generation.corpus"
    # asked of the class first, where that imports nothing
    needed = [*_NEEDED, *["address"] * is_generated(corpus)]
    if missing := [m for m in needed if not hasattr(type(corpus), m) and not hasattr(corpus, m)]:
        return f"it has no {', '.join(missing)}"
    if corpus.name != name or not re.fullmatch("[a-z][a-z0-9_]*", name):
        return f"it calls itself {corpus.name!r}; lower-case letters, digits and _ are allowed"
    if not re.fullmatch(r"\d+\.\d+\.\d+", str(corpus.data_version)):
        return f"its data_version is {corpus.data_version!r}; give text such as 1.0.0"
    for kind, members in _KINDS:
        if wrong := [member for member in members if not isinstance(getattr(corpus, member), kind)]:
            return f"its {wrong[0]} is {getattr(corpus, wrong[0])!r}, which is of another type"
    sizes: list[tuple[Any, tuple[int, ...]]] = [(pair, (2,)) for pair in corpus.examples]
    sizes += [(entry, (2, 3)) for entry in corpus.commands.values()]
    texts = [part for entry, _ in sizes for part in entry] + list(corpus.commands)
    wrong_size = any(len(entry) not in allowed for entry, allowed in sizes)
    if wrong_size or not all(isinstance(text, str) for text in texts):
        return "its examples and commands are not pairs of texts"
    return None


def _problem_inside(corpus: Corpus) -> str | None:
    """What is wrong with the options and columns of a corpus, or None."""
    from sousa.generation.columns import COMMON
    from sousa.generation.options import Options

    try:
        if not issubclass(corpus.Options, Options):
            return "its Options are no subclass of sousa.generation.options.Options"
        sizes, columns = corpus.Options.SIZES, [column.name for column in corpus.columns()]
        corpus.filters()
    except (Exception, SystemExit) as error:  # whatever another package does
        return first_line(error)
    if not sizes and is_generated(corpus):
        return "its Options have no SIZES; name at least one"
    if missing := [name for name in COMMON if name not in columns]:
        return f"its columns lack {', '.join(missing)}"
    if twice := [name for name in columns if columns.count(name) > 1]:
        return f"its column {twice[0]} is declared twice"
    return None


def whose_option(name: str) -> str:
    """Which corpora have an option, by any of its names or flags: the end of a sentence, empty for none."""
    options = {c.name: c.Options for c in usable()}
    having = [c for c, of in options.items() if of.names().get(name) in of.known() or name in of.flags()]
    return f"; it is an option of {', '.join(having)}" if having else ""


def usable() -> Iterator[Corpus]:
    """All corpora; one of another package that can't be used is passed over."""
    return _without_broken(get)


def every() -> Iterator[Corpus]:
    """All corpora, of which nothing has been asked yet that may import more."""
    return _without_broken(_made)


def _without_broken(find: Callable[[str], Corpus]) -> Iterator[Corpus]:
    for name in places():
        with suppress(RunError):
            yield find(name)


def package_of(name: str) -> tuple[str, str]:
    """``(name, version)`` of the package that brings a corpus."""
    package = None if name in BUILT_IN else licences.package_of(GROUP, name)
    return (package.name, package.version) if package else ("sousa", PACKAGE_VERSION)
