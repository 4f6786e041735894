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
    from sousa.builders.api import diff, export, generate, preview, publish, release, validate, verify
    from sousa.builders.hub.load import load
    from sousa.builders.plot import plot

__all__ = [
    "diff", "export", "generate", "load", "plot", "preview", "publish", "release", "validate", "verify"
]  # fmt: skip

STOPPED = "sousa: stopped; run the same command again to go on"
_API, _COMMANDS = "sousa.builders.api", "sousa.builders.commands"
_ELSEWHERE = {"load": "sousa.builders.hub.load", "plot": "sousa.builders.plot"}
# name: where its arguments and its work are, and what it does; corpora have more
COMMANDS = {
    "generate": (f"{_COMMANDS}:generate", "make a dataset"),
    "validate": (f"{_COMMANDS}:validate", "check a dataset and write its report"),
    "verify": (f"{_COMMANDS}:verify", "make rows again and compare them; check the files of a release"),
    "preview": (f"{_COMMANDS}:preview", "make a page to look at rows and hear them"),
    "plot": ("sousa.builders.plot:command", "draw a row with its labels as a picture", _CHECK),
    "release": (f"{_COMMANDS}:release", "make a dataset a versioned release for the Hub"),
    "publish": (f"{_COMMANDS}:publish", "publish a release on the Hub"),
    "export": ("sousa.builders.export.command:command", "lay rows out as files for other tools"),
    "diff": (f"{_COMMANDS}:diff", "what differs between two releases"),
    "pipeline": ("sousa.training.pipeline.command:command", "make a dataset, train on it and evaluate"),
    "project": ("sousa.training.projection.command:command", "train text and sound into one space"),
    "search": ("sousa.training.search.command:command", "find sounds by a sentence"),
    "embed": ("sousa.training.embedding.command:command", "put sounds and texts of rows into vectors"),
    "transcribe": ("sousa.training.transcription.command:command", "write down the notes of a recording"),
}


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
