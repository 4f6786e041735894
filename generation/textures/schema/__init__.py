"""From configuration files to checked settings of a corpus.

Three kinds of files are read: ``dsgenerator`` (both generations of DSGenerator's JSON), ``own`` (ours, YAML
or JSON) and ``generation/textures/sizes.yaml`` (ours, with sizes). Each becomes a ``request``; ``sounds``
and ``check`` make a :class:`sousa.generation.textures.settings.Config` of it, or report all errors together.
"""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from sousa.generation.errors import UsageError, raise_all
from sousa.generation.models import shown
from sousa.generation.options import Options
from sousa.generation.textures.dsgenerator import config as dsgenerator
from sousa.generation.textures.limits import OVERRIDES
from sousa.generation.textures.schema import check, files, own
from sousa.generation.textures.settings import Config


def read(path: str | Path, options: Options | None = None) -> tuple[Config, list[str]]:
    """The configuration in a file.

    Args:
        path: of a JSON or YAML file.
        options: those named in :data:`sousa.generation.textures.limits.OVERRIDES` stand in place of what it
            says.

    Returns: ``(Config, notices)``: notices are sentences about what is read otherwise than one might think.
    Raises: UsageError naming every problem.
    """
    return parse(files.load(path), str(path), options)


def sized(name: str, options: Options | None = None) -> Config:
    """The configuration of a size; a smaller one is the beginning of a larger one."""
    data = dict(_sizes())
    data["settings"] = data.pop("sizes")[name]
    # other renderings of settings make another corpus of it, as other counts do elsewhere
    custom = getattr(options, "examples", None) is not None
    return parse(data, "sizes.yaml", options, "custom" if custom else name)[0]


def counts() -> dict[str, int]:
    """How many settings each sound has in the sizes: dict of name to number, the smallest first."""
    return _sizes()["sizes"]


@cache
def _sizes() -> dict[str, Any]:
    sizes = resources.files("sousa.generation.textures").joinpath("sizes.yaml")
    return yaml.safe_load(sizes.read_text("utf-8"))


def parse(
    data: Any, where: str, options: Options | None = None, size_name: str = "custom"
) -> tuple[Config, list[str]]:
    """The same for the plain data of a file; ``where`` begins every problem."""
    problems: list[str] = []
    notices: list[str] = []
    if not isinstance(data, dict):
        raise UsageError(f"{where} holds {shown(data)}; give a mapping of keys to values")
    # the kind of file that has more of its keys
    kind = max((own, dsgenerator), key=lambda kind: len(data.keys() & kind.File.model_fields.keys()))
    try:
        request = kind.read(data, problems, notices)
    except UsageError as error:
        raise UsageError(*(f"{where}: {text}" for text in error.problems)) from None
    file_problems = len(problems)
    words = {name: options.called(name) if options else name for name in OVERRIDES}
    request.override({name: getattr(options, name, None) for name in OVERRIDES}, words, problems)
    config = check.config(request, size_name, problems, notices)
    outside = tuple(words[name] for name in OVERRIDES if getattr(options, name, None) is not None)
    raise_all(
        text if i >= file_problems and outside and text.startswith(outside) else f"{where}: {text}"
        for i, text in enumerate(problems)
    )
    assert config is not None
    return config, notices
