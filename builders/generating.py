"""The command ``sousa generate``."""

import argparse
import time
from collections.abc import Iterable
from typing import Any

from sousa.builders import api
from sousa.generation import corpora
from sousa.generation.commandline import quiet, unknown, workers
from sousa.generation.console import Console
from sousa.generation.errors import UsageError, collected
from sousa.generation.options import add_arguments, from_arguments
from sousa.generation.runners import LocalRunner, workers_problem
from sousa.generation.storage import LocalStorage, output_path
from sousa.generation.text import uses


def generate(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa generate [CORPUS]``: a sub-command for each corpus; without a name it makes the default one."""
    at = argv.index("generate") + 1
    if at == len(argv) or (argv[at].startswith("-") and argv[at] not in ("-h", "--help")):
        argv.insert(at, corpora.DEFAULT)
    about = "Make a dataset. 'sousa generate CORPUS --help' shows the options of a corpus"
    parser.description = f"{about}; without a name it is {corpora.DEFAULT}."
    listed = [_examples(corpus.name, corpus.examples[:1]) for corpus in corpora.every()]
    parser.epilog = "\n".join(["examples:", *filter(None, listed)])
    choices = parser.add_subparsers(dest="corpus", metavar="CORPUS", title="corpora", required=True)
    named = argv[at]
    if not named.startswith("-"):
        corpora.get(named)  # says which there are
    for corpus in corpora.every():
        summary = corpus.summary.replace("%", "%%")
        sub = choices.add_parser(corpus.name, help=summary, description=f"Make {summary}.")
        if corpus.examples:
            sub.epilog = f"examples:\n{_examples(corpus.name, corpus.examples)}"
        if corpus.name == named:
            add_arguments(sub, corpus.Options)
            _how(sub.add_argument_group("output and execution"), corpus.name)
            sub.set_defaults(parser=sub, rest=[])
    return _generate


def _examples(corpus: str, examples: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"  sousa generate {corpus} {line}\n      {about}" for line, about in examples)


def _how(group: Any, corpus: str) -> None:
    flags = ("--output", "-o", "--outputpath")
    about = "directory (default: %(default)s)"
    group.add_argument(*flags, default=corpora.place_of(corpus), metavar="DIR", help=about)
    group.add_argument("--files", action="store_true", help="also write each row's audio and MIDI as files")
    workers(group)
    group.add_argument("--dry-run", action="store_true", help="say what would be made, and stop")
    group.add_argument("--skip-validation", action="store_true", help="don't check the dataset at the end")
    quiet(group)


def _generate(arguments: argparse.Namespace, console: Console) -> None:
    from sousa.generation import make, reopen

    begin, corpus, output = time.perf_counter(), corpora.get(arguments.corpus), arguments.output
    problems = unknown(arguments.rest, arguments.parser, _hint)
    problems += workers_problem(arguments.workers, "--workers")
    with collected(problems):
        output_path(output, "--output")
    options = corpus.Options.read(from_arguments(corpus.Options, arguments), "command", problems)
    if corpus.answer(options, console.print):
        return
    config = corpus.config(options, console.say)
    if arguments.dry_run:
        estimate = make.estimate_text(corpus, config, LocalRunner(arguments.workers), arguments.files)
        console.print(estimate)
        try:
            make.require_place(corpus, config, LocalStorage(output))
        except UsageError as error:
            console.print("nothing was made; these rows can't go there:")
            console.warn(f"sousa: {error}")
        else:
            console.print(f"nothing was made; {output} would hold it")
        return
    failed = None
    try:
        stored = api.make(
            corpus, config, output, arguments.workers, arguments.files, not arguments.skip_validation, console
        )
    except api.InvalidDatasetError as error:
        failed, stored = error, error.stored
    hours = reopen.seconds_of(stored.storage.root, stored.records) / 3600
    size = sum(record["bytes"] for record in stored.records) / 1e6
    kind = "h of audio" if config.with_audio else "h without audio"
    console.tell(
        f"{config.num_rows:,} rows, {hours:.2f} {kind}, {size:,.0f} MB in {stored.storage.root} "
        f"({time.perf_counter() - begin:.0f} s)\n"
        f"{make.splits_text(corpus, ((r['split'], r['rows']) for r in stored.records))}\n"
        f"{uses(stored.storage.root)}"
    )
    if failed:
        raise failed


def _hint(word: str) -> str:
    first = f"; name the corpus first: 'sousa generate {word} ...'" if word in corpora.names() else ""
    return first or corpora.whose_option(word)
