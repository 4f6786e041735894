"""SOUSA: labelled music audio, made or read, packaged and published, and models trained on it.

The ``sousa`` command, and the names people import; each is loaded when it is used. ``python sousa.py ...``
in a clone is the same as ``sousa ...`` installed.
"""

import _signal  # built in: an interrupt while ``signal`` is read would already show a traceback

if __name__ == "__main__":  # until main() can say more
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

# in a checkout this file stands beside the folders that a wheel installs under the name sousa
if "__path__" not in globals():
    __path__ = [os.path.dirname(os.path.abspath(__file__))]

if __name__ == "__main__":  # the folders beside this file, whatever is installed
    sys.modules["sousa"] = sys.modules["__main__"]

from sousa.generation import PACKAGE_VERSION as __version__

if TYPE_CHECKING:
    from sousa.builders.api import diff, export, generate, merge, preview, publish, release, validate, verify
    from sousa.builders.hub.load import load
    from sousa.builders.plot import plot

__all__ = [
    "diff", "export", "generate", "load", "merge", "plot", "preview", "publish", "release", "validate",
    "verify",
]  # fmt: skip

STOPPED = "sousa: stopped; run the same command again to go on"
_API, _COMMANDS = "sousa.builders.api", "sousa.builders.commands"
_ELSEWHERE = {"load": "sousa.builders.hub.load", "plot": "sousa.builders.plot"}
_MAKE, _CHECK, _SHARE = "make data", "look and check", "give to others"
_SEARCH, _MODELS, _MORE = "captions and search", "models", "more commands"
# name: where its arguments and its work are, what it does, and its heading; corpora have more
COMMANDS = {
    "generate": ("sousa.builders.generating:generate", "make a dataset", _MAKE),
    "merge": ("sousa.builders.merging:command", "finish a dataset that was made in parts", _MAKE),
    "preview": (f"{_COMMANDS}:preview", "make a page to look at rows and hear them", _CHECK),
    "plot": ("sousa.builders.plot:command", "draw a row with its labels as a picture", _CHECK),
    "open": ("sousa.builders.browse:command", "look at all rows in a browser", _CHECK),
    "validate": (f"{_COMMANDS}:validate", "check a dataset and write its report", _CHECK),
    "verify": (f"{_COMMANDS}:verify", "make rows again and compare them; check files of a release", _CHECK),
    "export": ("sousa.builders.export.command:command", "write rows as files for other tools", _SHARE),
    "release": (f"{_COMMANDS}:release", "make a versioned release of a dataset", _SHARE),
    "publish": (f"{_COMMANDS}:publish", "publish a release on the Hub", _SHARE),
    "diff": (f"{_COMMANDS}:diff", "show what differs between two releases", _SHARE),
    "embed": ("sousa.training.embedding.command:command", "compute vectors of sounds and texts", _SEARCH),
    "project": (
        "sousa.training.projection.command:command", "train text and sound into one space", _SEARCH
    ),
    "search": ("sousa.training.search.command:command", "find sounds by a sentence", _SEARCH),
    "pipeline": (
        "sousa.training.pipeline.command:command", "make a dataset, train on it and evaluate", _MODELS
    ),
    "transcribe": (
        "sousa.training.transcription.command:command", "write down the notes of a recording", _MODELS
    ),
    "completion": ("sousa.generation.completion:command", "print the completion of a shell", _MORE),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(_ELSEWHERE.get(name, _API)), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it lives as long as the process
    try:
        from sousa.generation import ending

        alone, arguments = argv is None, sys.argv[1:] if argv is None else list(argv)
        if alone:
            ending.leave_at_once(f"\n{STOPPED}")
        from sousa.generation import commandline

        return ending.run(lambda: commandline.run(COMMANDS, arguments, __version__, alone), STOPPED, alone)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("sousa"):
            raise
        sys.exit(
            f"sousa: {sys.executable} has no {error.name}; run 'make small' once, then use .venv/bin/sousa"
        )


if __name__ == "__main__":
    sys.exit(main())
