"""The command ``sousa pipeline CORPUS``."""

import argparse
import os
from functools import partial
from pathlib import Path
from typing import Any

from sousa.generation import corpora, extras
from sousa.generation.console import Console
from sousa.generation.options import add_arguments, from_arguments, parsed
from sousa.generation.outside import expanded
from sousa.training.pipeline.words import RUN, SECTIONS, WORDS

_EXAMPLES = """examples:
  sousa pipeline CORPUS --epochs 5 --no-eval --name quick
      a quick run: data, training, no report
  sousa pipeline CORPUS --config my.yaml --epochs 20
      the sections dataset, model, training and evaluation of a file; the command line takes precedence
  sousa pipeline CORPUS --name quick --resume --epochs 10
      continue it
  sousa pipeline CORPUS --eval-only --model-path output/pipeline/quick/run
      only evaluate it

Defaults of model and training are those of the recipe. Further keys of training, such as
--train.weight_decay 0.1, are those of training/train.py --help."""


def command(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa pipeline CORPUS``: a sub-command for each corpus that has a task."""
    parser.description = "Make a dataset, train on it and evaluate, in one directory."
    parser.epilog = _EXAMPLES.replace("CORPUS", corpora.DEFAULT)
    choices = parser.add_subparsers(dest="corpus", metavar="CORPUS", title="corpora", required=True)
    at = argv.index("pipeline") + 1
    named = argv[at] if at < len(argv) and not argv[at].startswith("-") else None
    if named:
        corpora.get(named)  # says which there are
    for corpus in corpora.every():
        about = f"Make {corpus.summary}, train on it and evaluate.".replace("%", "%%")
        sub = choices.add_parser(
            corpus.name, help=about, description=about, epilog=_EXAMPLES.replace("CORPUS", corpus.name)
        )
        if corpus.name == named:
            _arguments(sub, corpus)
            sub.set_defaults(rest=[])
    return _run


def _arguments(parser: argparse.ArgumentParser, corpus: Any) -> None:
    add_arguments(parser, corpus.Options)
    group = parser.add_argument_group("the run")
    group.add_argument("--config", metavar="PATH", help="YAML file; the command line takes precedence")
    for name, flags, metavar, about in RUN:
        group.add_argument(*flags, dest=f"run_{name}", metavar=metavar, help=about)
    about = "continue the run of this name, or the run of a checkpoint"
    group.add_argument("--resume", nargs="?", const=True, metavar="PATH", help=about)
    group.add_argument("--eval-only", action="store_true", help="only evaluate a model that is there")
    group.add_argument(
        "--model-path", metavar="PATH", help="with --eval-only: a run, its model or a checkpoint"
    )
    group.add_argument("--files", action="store_true", help="also write each row's audio and MIDI as files")
    for section in SECTIONS:
        group = parser.add_argument_group(section)
        for word in (word for word in WORDS if word.section == section):
            dest = f"word_{word.names[0]}"
            taken = parser._option_string_actions
            if flags := [flag for flag in word.flags if flag not in taken]:
                group.add_argument(
                    *flags, dest=dest, metavar=word.metavar, help=word.about.replace("%", "%%"),
                    type=partial(parsed, kind=word.kind),
                )  # fmt: skip
            for flag, value, about in word.constants:
                if flag not in taken:
                    group.add_argument(flag, dest=dest, action="store_const", const=value, help=about)


def _run(arguments: argparse.Namespace, console: Console) -> None:
    os.environ.setdefault("GOMP_SPINCOUNT", "0")  # see training/train.py
    try:
        from sousa.training.pipeline import config as configs
        from sousa.training.pipeline import running
    except ImportError as error:
        raise extras.missing("'sousa pipeline'", error) from None
    values = from_arguments(corpora.get(arguments.corpus).Options, arguments)
    options = {name: value for name, value in vars(arguments).items() if value is not None}
    values |= {
        name.partition("_")[2]: options[name] for name in options if name.startswith(("run_", "word_"))
    }
    values |= {name: options[name] for name in ("model_path",) if name in options}
    values |= {name: True for name in ("eval_only", "files") if getattr(arguments, name)}
    path = arguments.config
    if arguments.resume:
        values["resume"] = True
        if arguments.resume is not True:
            place = running.run_of(Path(expanded(arguments.resume)))
            path = path or place.config
            values = {"name": place.root.name, "output_dir": str(place.root.parent)} | values
            values |= {"checkpoint": place.checkpoint} if place.checkpoint else {}
    config = configs.read(arguments.corpus, path, values, arguments.rest, "command")
    root = running.run(config)
    console.tell(f"all of it is in {root}")
