"""From configuration files to checked settings of a corpus.

Three kinds of files are read: ``dsgenerator`` (both generations of DSGenerator's JSON), ``own`` (ours, YAML
or JSON) and ``generation/textures/presets.yaml`` (ours, with sizes). Each becomes a ``request``; ``sounds``
and ``check`` make a :class:`sousa.generation.textures.settings.Config` of it, or tell all that is wrong at
once.
"""

from functools import cache
from importlib import resources

import yaml

from sousa.generation.errors import UsageError, one_of, raise_all
from sousa.generation.textures.schema import check, dsgenerator, files, own
from sousa.generation.textures.schema.overrides import OPTIONS, override
from sousa.generation.textures.schema.words import shown

PRESETS = ("small", "medium", "full")


def read(path, **overrides):
    """The configuration in a file.

    Args:
        path: of a JSON or YAML file.
        overrides: ``seed``, ``sample_rate`` (Hz), ``audio_format``, ``duration_sec``, ``chunk_sec``,
            ``examples``, ``records`` (names), ``shard_mib`` (or ``"single"``) and ``level`` (``peak``,
            ``peak:-3`` and so on) in place of the file's; None is not given.

    Returns: ``(Config, notices)``: notices are sentences about what is read otherwise than one might think.
    Raises: UsageError naming every problem.
    """
    return parse(files.load(path), str(path), **overrides)


def parse(data, where, **overrides):
    """The same for the plain data of a file; ``where`` begins every problem."""
    return _parse(data, where, "custom", overrides)


def preset(name, **overrides):
    """The Config of a preset: small, medium or full; a smaller one is the beginning of a larger one."""
    if name not in PRESETS:
        raise UsageError(f"unknown preset {one_of(name, PRESETS)}")
    data = dict(_presets())
    data["settings"] = data.pop("presets")[name]
    # other renderings of settings make another corpus of it, as other counts do elsewhere
    custom = overrides.get("examples") is not None
    return _parse(data, "presets.yaml", "custom" if custom else name, overrides)[0]


def counts():
    """How many settings each sound has in the presets: dict of name to number, the smallest first."""
    return _presets()["presets"]


@cache
def _presets():
    return yaml.safe_load(
        resources.files("sousa.generation.textures").joinpath("presets.yaml").read_text("utf-8")
    )


def _parse(data, where, preset_name, overrides):
    problems, notices = [], []
    if not isinstance(data, dict):
        raise UsageError(f"{where} holds {shown(data)}; give a mapping of keys to values")
    kind = dsgenerator if _is_dsgenerator(data) else own
    try:
        request = kind.request(data, problems, notices)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    override(request, overrides, OPTIONS, problems)
    config = check.config(request, preset_name, problems, notices)
    raise_all(text if text.startswith("--") else f"{where}: {text}" for text in problems)
    return config, notices


def _is_dsgenerator(data):
    """Which kind of file it is, by the keys that only one of them has."""
    theirs = data.keys() & (dsgenerator.File.model_fields.keys() - own.File.model_fields.keys())
    ours = data.keys() & (own.File.model_fields.keys() - dsgenerator.File.model_fields.keys())
    return len(theirs) > len(ours)
