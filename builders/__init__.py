"""Packaging: shards as Hugging Face datasets. Imports ``generation``, never the other way.

``sousa.builders.Unified``, the builder of each corpus (``Rudiments``) and of each published corpus that rows
are read from (``SongDescriber``) are there when they are asked for.
"""

from pkgutil import resolve_name
from typing import Any


def __getattr__(name: str) -> Any:
    if name[:1].isupper():  # importing datasets takes a second, and registered packages are looked for
        from sousa.generation import corpora

        if name == "Unified":
            from sousa.builders.unified import Unified

            return Unified
        from sousa.builders.base import builder, class_name

        for known in corpora.names():
            if class_name(known) == name:
                return builder(known)
        for corpus in corpora.every():  # of what corpora are read from
            if place := corpus.published().get(name):
                return resolve_name(place)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    from sousa.builders.base import class_name
    from sousa.generation import corpora

    published = [name for corpus in corpora.every() for name in corpus.published()]
    return ["Unified", *map(class_name, corpora.names()), *published]
