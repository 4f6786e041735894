"""Datasets of textures made in this process, without a card."""

from sousa.generation import make as making
from sousa.generation import reopen
from sousa.generation.runners import LocalRunner
from sousa.generation.storage import LocalStorage
from sousa.generation.textures import Textures, schema
from sousa.generation.textures.options import TexturesOptions
from sousa.generation.validation import checks, report


def config_of(what, **options):
    """The configuration in a file (a path) or of plain data."""
    if isinstance(what, dict):
        return schema.parse(what, "test", TexturesOptions.read(options))[0]
    return schema.read(what, TexturesOptions.read(options))[0]


def size(name, **options):
    """The configuration of a size."""
    options = TexturesOptions.read({"size": name, **options})
    return schema.sized(options.size, options)


def made(root, what, files=False, write_card=None, **options):
    """Make the dataset of a file, of plain data or of a configuration; returns its directory."""
    config = what if hasattr(what, "identity") else config_of(what, **options)
    storage = LocalStorage(str(root))
    making.make(Textures(), config, storage, LocalRunner(1), files, lambda text: None, write_card=write_card)
    return root


def examined(root, making=True, **options):
    """``(Findings, list of Check)`` of a dataset."""
    found = report.examine(reopen.open_dataset(root, making=making), LocalRunner(1), **options)
    return found, checks.run_all(found)


def failing(root, **options):
    """Names of the checks that a dataset fails."""
    return {check.name for check in examined(root, **options)[1] if check.passed is False}
