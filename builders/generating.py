"""The command ``sousa generate``."""

import argparse
import re
import time
from collections.abc import Iterable
from typing import Any

from sousa.builders import api
from sousa.generation import corpora
from sousa.generation.commandline import quiet, runner_of, unknown, workers
from sousa.generation.console import Console
from sousa.generation.errors import UsageError, collected
from sousa.generation.options import add_arguments, from_arguments
from sousa.generation.storage import is_address, output_path
from sousa.generation.text import shell, uses


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
            _how(sub, corpus.name)
            sub.set_defaults(parser=sub, rest=[])
    return _generate


def _examples(corpus: str, examples: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"  sousa generate {corpus} {line}\n      {about}" for line, about in examples)


def _how(parser: argparse.ArgumentParser, corpus: str) -> None:
    group: Any = parser.add_argument_group("output and execution")
    flags = ("--output", "-o", "--outputpath")
    about = "directory, or address such as s3://BUCKET/NAME (default: %(default)s)"
    group.add_argument(*flags, default=corpora.place_of(corpus), metavar="DIR", help=about)
    about = "only shards of these numbers, such as 0-99; 'sousa merge' puts the parts together"
    group.add_argument("--shards", metavar="FIRST-LAST", help=about)
    group.add_argument("--files", action="store_true", help="also write each row's audio and MIDI as files")
    workers(parser, group)
    group.add_argument("--dry-run", action="store_true", help="say what would be made, and stop")
    group.add_argument("--skip-validation", action="store_true", help="don't check the dataset at the end")
    quiet(group)


def _generate(arguments: argparse.Namespace, console: Console) -> None:
    from sousa.generation import make, reopen

    begin, corpus, output = time.perf_counter(), corpora.get(arguments.corpus), arguments.output
    problems = unknown(arguments.rest, arguments.parser, _hint)
    runner: Any = None
    with collected(problems):
        runner = runner_of(arguments)
    part = _where(arguments, problems)
    options = corpus.Options.read(from_arguments(corpus.Options, arguments), "command", problems)
    if corpus.answer(options, console.print):
        return
    config = corpus.config(options, console.say)
    if arguments.dry_run:
        _dry_run(arguments, config, part, runner, console)
        return
    if part is not None:
        place = api.storage_of(output)
        missing = make.make_part(corpus, config, place, runner, part, console.say, console.progress)
        shards = f"shards {arguments.shards}" if len(part) > 1 else f"shard {part[0]}"
        left = f"still missing: {make.ranges(missing)}; when all are there: " if missing else "finish with: "
        console.tell(
            f"{shards} in {output} ({time.perf_counter() - begin:.0f} s)\n{left}sousa merge {shell(output)}"
        )
        return
    failed = None
    try:
        stored = api.make(
            corpus, config, output, runner, arguments.files, not arguments.skip_validation, console
        )
    except api.InvalidDatasetError as error:
        failed, stored = error, error.stored
    hours = reopen.seconds_of(stored.storage, stored.records) / 3600
    size = sum(record["bytes"] for record in stored.records) / 1e6
    kind = "h of audio" if config.with_audio else "h without audio"
    console.tell(
        f"{config.num_rows:,} rows, {hours:.2f} {kind}, {size:,.0f} MB in {stored.storage.where} "
        f"({time.perf_counter() - begin:.0f} s)\n"
        f"{make.splits_text(corpus, ((r['split'], r['rows']) for r in stored.records))}\n"
        f"{uses(stored.storage.where)}"
    )
    if failed:
        raise failed


def _where(arguments: argparse.Namespace, problems: list[str]) -> range | None:
    """Numbers of the shards that are asked for, or None; adds what is wrong with where rows go."""
    part, is_part, refused = None, arguments.shards is not None, {}
    with collected(problems):
        part = part_of(arguments.shards)
    files, unchecked = ("--files", arguments.files), ("--skip-validation", arguments.skip_validation)
    if is_address(arguments.output):
        refused = {"needs a directory, and not an address": (files, ("--shards", is_part))}
    else:
        with collected(problems):
            output_path(arguments.output, "--output")
        if is_part:
            refused = {"belongs to 'sousa merge', which finishes what --shards makes": (files, unchecked)}
    problems += [f"{flag} {why}" for why, flags in refused.items() for flag, is_set in flags if is_set]
    return part


def _dry_run(
    arguments: argparse.Namespace, config: Any, part: range | None, runner: Any, console: Console
) -> None:
    """Say what would be made, and whether it can go there."""
    from sousa.generation import make, remote

    corpus = corpora.get(arguments.corpus)
    console.print(make.estimate_text(corpus, config, runner, arguments.files))
    if part is not None:
        make.require_part(part, len(corpus.plan(config)))
        console.print(f"that is all of it; --shards {arguments.shards} would make a part")
    try:
        make.require_place(corpus, config, remote.storage_of(arguments.output))
    except UsageError as error:
        console.print("nothing was made; these rows can't go there:")
        console.warn(f"sousa: {error}")
    else:
        console.print(f"nothing was made; {arguments.output} would hold it")


def part_of(text: str | None) -> range | None:
    """Numbers of shards as the user writes them, ``7`` or ``0-99``; raises UsageError for what is none."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if last < first:
        raise UsageError(f"--shards is {text!r}; give numbers of shards from 0, such as 0-99 or 7")
    return range(first, last + 1)


def _hint(word: str) -> str:
    first = f"; name the corpus first: 'sousa generate {word} ...'" if word in corpora.names() else ""
    return first or corpora.whose_option(word)
