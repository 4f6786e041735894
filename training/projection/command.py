"""The command ``sousa project``, and ``accelerate launch sousa.py project`` on several devices."""

import argparse
import os
import re
from pathlib import Path
from typing import Any

from sousa.generation import extras
from sousa.generation.commandline import quiet
from sousa.generation.console import Console
from sousa.generation.errors import UsageError
from sousa.generation.outside import expanded

_EXAMPLES = """examples:
  sousa project --data-dir output/embeddings --audio-encoder musicnn --text-encoder minilm
      heads for these two encoders, and a report
  sousa project --checkpoint-dir output/projection --resume --epochs 40
      go on with a run, or finish one that was stopped
  sousa project --eval-only output/projection --data-dir output/other --split test
      the report alone, of other data
  accelerate launch sousa.py project --data-dir output/embeddings
      on all devices of this machine: sounds of all of them are told apart together"""


def command(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa project``."""
    from sousa.training.projection.settings import add_arguments

    parser.description = "Train text and sound into one space, over vectors that 'sousa embed' made."
    parser.epilog = _EXAMPLES
    add = parser.add_argument_group("what to do").add_argument
    add("--config", metavar="PATH", help="YAML file of these keys; the command line takes precedence")
    about = "continue the run in --checkpoint-dir, or the run at this path"
    add("--resume", nargs="?", const=True, metavar="PATH", help=about)
    add("--eval-only", metavar="MODEL", help="only evaluate this run, model or checkpoint")
    about = "with --eval-only: evaluate by a published protocol, mteb-song-describer or its valid subset"
    add("--protocol", metavar="NAME", help=about)
    add_arguments(parser)
    quiet(parser)
    return _project


def _project(arguments: argparse.Namespace, console: Console) -> None:
    os.environ.setdefault("GOMP_SPINCOUNT", "0")  # see training/train.py
    from sousa.training.projection import settings as keys

    values, path = keys.from_arguments(arguments), arguments.config
    if isinstance(arguments.resume, str):
        root = run_of(Path(expanded(arguments.resume)))
        values = keys.stored(root) | {"output": str(root)} | values
    elif arguments.resume:
        root = Path(expanded(values.get("output", keys.OUTPUT)))
        if (root / "settings.yaml").is_file():
            # a run that is gone on with need not be described again
            values = keys.stored(root) | values
    problems = []
    if arguments.protocol and not arguments.eval_only:
        problems.append("--protocol measures a model that is there; name it with --eval-only")
    settings = keys.checked(values, path, problems, "command")
    try:
        from sousa.training.projection import running
    except ImportError as error:
        raise extras.missing("'sousa project'", error) from None
    if arguments.eval_only:
        running.evaluate_only(settings, arguments.eval_only, arguments.protocol, console)
    else:
        running.run(settings, bool(arguments.resume), console)


def run_of(path: Path) -> Path:
    """The run that a path names: itself, or the one that a checkpoint or model is of."""
    inside = path.name == "model" or re.fullmatch(r"checkpoint-\d+", path.name)
    root = path.parent if inside else path
    if not (root / "settings.yaml").is_file():
        raise UsageError(f"--resume {path} is no run of 'sousa project' and no checkpoint of one")
    return root
