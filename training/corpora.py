"""The corpora that training can make: from the options under ``data.generate`` to a dataset.

Conventions: ``corpus`` names the corpus, the default one where it is left out; the other keys are options of
``sousa generate CORPUS`` by any of their names. An option that names a file is looked for in the working
directory and then in the directory that holds the package ``training``, so that the files shipped with it are
found from anywhere.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sousa.generation import corpora
from sousa.generation.console import Console
from sousa.generation.corpus import Config
from sousa.generation.errors import UsageError
from sousa.generation.manifest import read_manifest
from sousa.generation.models import kind_of
from sousa.generation.options import parsed
from sousa.generation.outside import expanded
from sousa.training import sources

_HOME = Path(__file__).resolve().parent.parent


def config(options: Mapping[str, Any]) -> Config:
    """What to make, from options by name; UsageError naming every problem."""
    corpus, texts = _corpus(options)
    names, values = corpus.Options.names(), {}
    for key, value in options.items():
        if key in names:
            kind = kind_of(corpus.Options.model_fields[names[key]].annotation)
            path, there = _HOME / str(value), os.path.exists(expanded(str(value)))
            shipped = key in texts and os.path.isfile(path) and not there
            values[names[key]] = str(path) if shipped else parsed(value, kind)
        elif key != "corpus":
            values[str(key)] = value
    # null takes a key back
    return corpus.config(corpus.Options.read(values, "yaml", hint=corpora.whose_option), lambda text: None)


def _corpus(options: Mapping[str, Any]) -> tuple[Any, set[str]]:
    """``(corpus that options are of, keys of its options that are texts)``."""
    try:
        corpus = corpora.get(str(options.get("corpus") or corpora.DEFAULT))
    except UsageError as error:
        raise UsageError(*(f"data.generate: {problem}" for problem in error.problems)) from None
    names, fields = corpus.Options.names(), corpus.Options.model_fields
    return corpus, {key for key, name in names.items() if kind_of(fields[name].annotation) is str}


def with_absolute_paths(options: Mapping[str, Any] | None) -> Any:
    """Options whose files are found from every directory; those of the package stay as they are."""
    if not options:
        return options
    try:
        texts = _corpus(options)[1]
    except UsageError:
        return options
    out = dict(options)
    for key in texts & set(options):
        path = os.path.abspath(expanded(str(options[key])))
        if not isinstance(options[key], str) or os.path.isfile(_HOME / options[key]):
            continue  # no text, or of the package
        if os.path.exists(path):
            out[key] = path
    return out


def source_of(data: Any) -> sources.Source:
    """The source of a :class:`sousa.training.config.Data`: a dataset, or the configuration of one to make."""
    if data.generate is None:
        return sources.find(data.path, data.name, data.revision)
    return sources.find(config(data.generate))


def prepared_source(data: Any) -> sources.Source:
    """The source of a :class:`sousa.training.config.Data`, made first unless its rows are made live.

    Raises: UsageError when the directory holds something else; RunError when it can't be made.
    """
    source = source_of(data)
    if not isinstance(source, sources.Live) or data.live:
        return source
    from sousa.builders import api

    path, wish = expanded(data.path), source.config
    manifest = read_manifest(path) if os.path.isdir(path) else None
    if manifest is None or not manifest["complete"]:
        Console().print(f"making {wish.num_rows:,} rows in {path}")
        api.make(source.known.corpus, wish, path, console=Console())
    elif _asked(manifest["config"]) != _asked(wish.identity()):
        raise UsageError(
            f"{path} holds another dataset than data.generate asks for; name another data.path, or leave "
            "data.generate out to train on what is there"
        )
    return sources.find(path, data.name)


def _asked(identity: Mapping[str, Any]) -> Any:
    """What an identity says but for the version of its rows, as it is stored."""
    return json.loads(json.dumps({key: value for key, value in identity.items() if key != "data_version"}))
