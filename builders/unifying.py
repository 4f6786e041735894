"""``sousa unify``: choose captioned rows, and write them as a dataset directory and as JSON."""

import argparse
import time
from pathlib import Path
from typing import Any

from sousa.builders import api
from sousa.generation import corpora
from sousa.generation.captions import index, unified_json
from sousa.generation.captions.settings import config_of
from sousa.generation.commandline import quiet, runner_of, unknown, workers
from sousa.generation.console import Console
from sousa.generation.errors import RunError, collected
from sousa.generation.options import add_arguments, from_arguments
from sousa.generation.storage import output_path, refuse_others_file
from sousa.generation.text import counted, uses

CORPUS = "captions"
JSON = "unified.json"
_OUTPUT = "output/captions"
_OURS = b'"audio_path"'  # what the first object of our files has


_EXAMPLES = """examples:
  sousa unify
      all rows of the corpora in data/raw, as a dataset with unified.json
  sousa unify --datasets clotho,audiocaps --max-samples 1000 --seed 7 -o output/thousand
      a thousand rows of two corpora
  sousa unify --licences redistributable --metadata-only -o output/free --dry-run
      say which rows may be passed on, with or without their sound here"""


def unify(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa unify``: its arguments."""
    parser.description = (
        "Choose rows of corpora with captions, and write them as a dataset directory with a JSON file of the "
        "same rows; or as JSON alone, where the output ends with .json."
    )
    parser.epilog = _EXAMPLES
    add_arguments(parser, corpora.get(CORPUS).Options)
    group: Any = parser.add_argument_group("output and execution")
    about = "directory, or .json file (default: %(default)s)"
    group.add_argument("--output", "-o", default=_OUTPUT, metavar="PATH", help=about)
    group.add_argument("--dry-run", action="store_true", help="say which rows would be chosen, and stop")
    group.add_argument("--continue", action="store_true", help="go on with what is there, as it does anyway")
    group.add_argument("--skip-validation", action="store_true", help="don't check the dataset at the end")
    workers(parser, group)
    quiet(group)
    parser.set_defaults(parser=parser, rest=[])
    return _unify


def _unify(arguments: argparse.Namespace, console: Console) -> None:
    begin, corpus = time.perf_counter(), corpora.get(CORPUS)
    problems = unknown(arguments.rest, arguments.parser, corpora.whose_option)
    output, runner = arguments.output, None
    with collected(problems):
        runner = runner_of(arguments)
    with collected(problems):
        output = output_path(output, "--output")
    alone = output.endswith(".json")
    if alone:
        with collected(problems):
            refuse_others_file(output, _OURS)
    options = corpus.Options.read(from_arguments(corpus.Options, arguments), "command", problems)
    config: Any = config_of(options, console.say, console.progress)
    console.tell(index.account_of(config.chosen).text())
    if arguments.dry_run:
        index.forget(config.chosen)
        console.print(f"nothing was written; {output} would hold {counted(config.num_rows, 'row')}")
        return
    target = Path(output) if alone else Path(output) / JSON
    failed, heard = None, 0
    if not alone:
        try:
            api.make(corpus, config, output, runner, False, not arguments.skip_validation, console)
        except api.InvalidDatasetError as error:
            failed = error
    if config.with_audio:
        with console.progress("writing JSON", config.num_rows) as done:
            heard = unified_json.write(config, target, done)
    index.forget(config.chosen)
    lines = [] if alone else [f"{counted(config.num_rows, 'row')} in {output} ({_seconds(begin)})"]
    lines += [uses(output)] * (not alone)
    if heard:
        lines.append(f"{counted(heard, 'row')} as JSON in {target}")
    elif alone:
        raise RunError(
            f"{target} was not written: no row has its sound, which an audio_path needs; without .json the "
            "output is a dataset directory, which has rows without sound too"
        )
    console.tell("\n".join(lines))
    if failed:
        raise failed


def _seconds(begin: float) -> str:
    return f"{time.perf_counter() - begin:.0f} s"
