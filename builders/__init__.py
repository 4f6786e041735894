"""Packaging: shards as Hugging Face datasets. Imports ``generation``, never the other way.

``sousa.builders.Unified`` and the builder of each corpus (of ``song_describer``: ``SongDescriber``) are there
when they are asked for.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name[:1].isupper():  # importing datasets takes a second, and registered packages are looked for
        from sousa.generation import corpora

        if name == "Unified":
            from sousa.builders.unified import Unified

            return Unified
        from sousa.builders.base import builder, class_name

        for corpus in corpora.names():
            if class_name(corpus) == name:
                return builder(corpus)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
