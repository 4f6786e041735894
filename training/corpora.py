"""The corpora that training can make: from the options under ``data.generate`` to a dataset.

Conventions: ``corpus`` names the corpus, rudiments where it is left out; the other keys are options of
``sousa generate CORPUS`` by name. A relative ``configfile`` is looked for in the working directory and then
in the directory that holds the package ``training``, so that the files shipped with it are found from
anywhere.
"""

import inspect
import os
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from tqdm import tqdm

from sousa.generation.errors import UsageError, one_of, raise_all
from sousa.generation.options import CORPORA
from sousa.training import sources

_SYNONYMS = {
    "rudiments": {"presets": "acoustic_presets", "duration": "duration_sec"},
    "textures": {"duration": "duration_sec", "chunk": "chunk_sec"},
}
_OF_TEXTURES = ("configfile", "preset", "seed", "sample_rate", "audio_format", "duration_sec", "chunk_sec",
                "examples", "level")  # fmt: skip
_HOME = Path(__file__).resolve().parent.parent


def config(options):
    """The corpus to make, from options by name.

    Args:
        options: dict, see the module's conventions.

    Returns: the Config of that corpus.
    Raises: UsageError naming every problem.
    """
    options = {name: value for name, value in options.items() if value is not None}  # null takes a key back
    corpus = options.pop("corpus", "rudiments")
    if corpus not in CORPORA:
        raise UsageError(f"data.generate: unknown corpus {one_of(corpus, CORPORA)}")
    options = {_SYNONYMS[corpus].get(name, name): value for name, value in options.items()}
    known = _OF_TEXTURES if corpus == "textures" else _rudiment_options()
    if corpus == "rudiments" and "configfile" in options:
        raise UsageError("data.generate: configfile is for corpus: textures; add that, or leave it out")
    raise_all(f"data.generate: unknown key {one_of(name, known)}" for name in options if name not in known)
    return _textures(options) if corpus == "textures" else _rudiments(options)


def _rudiment_options():
    from sousa.generation.rudiments.settings import make_config

    return [*inspect.signature(make_config).parameters]


def _rudiments(options):
    from sousa.generation.rudiments.settings import make_config

    return make_config(**options)


def _textures(options):
    from sousa.generation.textures import schema

    path, preset = options.pop("configfile", None), options.pop("preset", None)
    if (path is None) == (preset is None):
        raise UsageError(
            "data.generate: a textures corpus needs either configfile, the path of a file that says what to "
            "make, or preset, the name of one that is built in"
        )
    if preset is not None:
        return schema.preset(preset, **options)
    return schema.read(config_file(path), **options)[0]


def config_file(path):
    """Where a configuration file lies: in the working directory, or beside the package ``training``.

    Raises: UsageError for what is no path.
    """
    if not isinstance(path, str) or not path:
        raise UsageError(f"data.generate: configfile is {path!r}; give the path of a file")
    path = os.path.expanduser(path)
    shipped = _HOME / path
    return str(shipped) if not os.path.exists(path) and shipped.exists() else path


def found_anywhere(options):
    """Options whose ``configfile`` is found from every directory; those of the package stay as they are."""
    path = (options or {}).get("configfile")
    if not isinstance(path, str) or (_HOME / path).exists():
        return options
    return {**options, "configfile": os.path.abspath(os.path.expanduser(path))}


def name_of(source):
    """Name of the corpus of a Config; None for anything else."""
    from sousa.generation.rudiments import settings as rudiments
    from sousa.generation.textures import settings as textures

    kinds = {"rudiments": rudiments.Config, "textures": textures.Config}
    return next((name for name, kind in kinds.items() if isinstance(source, kind)), None)


def schema(wanted):
    """Arrow schema of the rows of a Config."""
    return import_module(f"sousa.generation.{name_of(wanted)}.corpus").corpus_schema(wanted)


@contextmanager
def _progress_bar(title, total):
    with tqdm(total=total, desc=title, unit=" rows", mininterval=1.0) as bar:
        yield bar.update


def ready(data):
    """Where rows are read: a source, made first where ``generate`` says how, or a Config to make live.

    Args:
        data: a :class:`sousa.training.config.Data`.

    Raises: UsageError when the directory holds something else; RunError when it can't be made.
    """
    if data.generate is None:
        return sources.find(data.path, data.name, data.revision)
    wanted = config(data.generate)
    if data.live:
        return wanted
    from sousa.builders.release.source import write_card
    from sousa.generation.manifest import config_digest, read_manifest

    path = os.path.expanduser(data.path)
    manifest = read_manifest(path) if os.path.isdir(path) else None
    if manifest is None or not manifest["complete"]:
        print(f"making {wanted.num_rows:,} rows in {path}", flush=True)
        generate = import_module(f"sousa.generation.{name_of(wanted)}.generate").generate
        generate(wanted, path, say=lambda text: None, progress=_progress_bar, write_card=write_card)
    elif manifest["config_digest"] != config_digest(wanted.identity()):
        raise UsageError(
            f"{path} holds another dataset than data.generate asks for; name another data.path, or leave "
            "data.generate out to train on what is there"
        )
    return sources.find(path, data.name)
