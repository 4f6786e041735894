"""The corpora that training can make: from the options under ``data.generate`` to a dataset.

Conventions: ``corpus`` names the corpus, the default one where it is left out; the other keys are options of
``sousa generate CORPUS`` by any of their names. An option that names a file is looked for in the working
directory and then in the directory that holds the package ``training``, so that the files shipped with it are
found from anywhere.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sousa.generation import corpora
from sousa.generation.console import Console
from sousa.generation.corpus import Config
from sousa.generation.errors import UsageError, one_of
from sousa.generation.manifest import config_digest, read_manifest
from sousa.generation.models import kind_of
from sousa.generation.options import parsed
from sousa.training import sources

_HOME = Path(__file__).resolve().parent.parent
_KEY = "data.generate"


def config(options: Mapping[str, Any]) -> Config:
    """What to make, from options by name; see the module's conventions.

    Raises: UsageError naming every problem.
    """
    corpus, values, unknown = _read(options)
    problems = [
        f"{_KEY}: unknown key {one_of(key, corpus.Options.model_fields)}{_elsewhere(key)}" for key in unknown
    ]
    values = {name: _here(value) if _is_text(corpus, name) else value for name, value in values.items()}
    return corpus.config(corpus.Options.read(values, "yaml", problems), lambda text: None)


def _read(options: Mapping[str, Any]) -> tuple[Any, dict[str, Any], list[str]]:
    """``(corpus, values by the names of options, keys that are none)``."""
    options = {
        str(key): value for key, value in options.items() if value is not None
    }  # null takes a key back
    try:
        corpus = corpora.get(str(options.pop("corpus", corpora.DEFAULT)))
    except UsageError as error:
        raise UsageError(*(f"{_KEY}: {problem}" for problem in error.problems)) from None
    names, fields = corpus.Options.names(), corpus.Options.model_fields
    values = {names[key]: value for key, value in options.items() if key in names}
    values = {name: parsed(value, kind_of(fields[name].annotation)) for name, value in values.items()}
    return corpus, values, [key for key in options if key not in names]


def _elsewhere(key: str) -> str:
    others = [other.name for other in corpora.every() if key in other.Options.names()]
    return f"; it is an option of {', '.join(others)}" if others else ""


def _is_text(corpus: Any, name: str) -> bool:
    return kind_of(corpus.Options.model_fields[name].annotation) is str


def _here(text: Any) -> Any:
    """A path of a file that is beside the package and not here, made whole; else the text as it is."""
    if not isinstance(text, str) or not text:
        return text
    shipped = _HOME / text
    return str(shipped) if not os.path.exists(os.path.expanduser(text)) and shipped.is_file() else text


def found_anywhere(options: Mapping[str, Any] | None) -> Any:
    """Options whose files are found from every directory; those of the package stay as they are."""
    if not options:
        return options
    try:
        corpus = _read(options)[0]
    except UsageError:
        return options
    names, out = corpus.Options.names(), dict(options)
    for key, value in options.items():
        if key in names and _is_text(corpus, names[key]) and isinstance(value, str):
            path = os.path.abspath(os.path.expanduser(value))
            out[key] = path if os.path.exists(path) and not (_HOME / value).is_file() else value
    return out


def wanted(data: Any) -> sources.Source:
    """The source of a :class:`sousa.training.config.Data`: a dataset, or the configuration of one to make."""
    if data.generate is None:
        return sources.find(data.path, data.name, data.revision)
    return sources.find(config(data.generate))


def ready(data: Any) -> sources.Source:
    """The source of a :class:`sousa.training.config.Data`, made first unless its rows are made live.

    Raises: UsageError when the directory holds something else; RunError when it can't be made.
    """
    source = wanted(data)
    if not isinstance(source, sources.Live) or data.live:
        return source
    from sousa.builders import api

    path, wish = os.path.expanduser(data.path), source.config
    manifest = read_manifest(path) if os.path.isdir(path) else None
    if manifest is None or not manifest["complete"]:
        print(f"making {wish.num_rows:,} rows in {path}", flush=True)
        api.make(source.known.corpus, wish, path, workers=0, files=False, check=False, console=Console())
    elif manifest["config_digest"] != config_digest(wish.identity()):
        raise UsageError(
            f"{path} holds another dataset than data.generate asks for; name another data.path, or leave "
            "data.generate out to train on what is there"
        )
    return sources.find(path, data.name)
