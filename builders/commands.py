"""The commands that make, check, show and share datasets: their arguments, and what they say."""

import argparse
import inspect
import time
from collections.abc import Callable
from typing import Any

from sousa.builders import api
from sousa.generation import corpora
from sousa.generation.commandline import names, quiet, unknown, workers
from sousa.generation.console import Console
from sousa.generation.errors import UsageError, collected, raise_all
from sousa.generation.options import add_arguments, from_arguments, parsed
from sousa.generation.outside import expanded
from sousa.generation.runners import LocalRunner, workers_problem
from sousa.generation.storage import output_path
from sousa.generation.text import counted, loading, shell


def call(function: Callable, arguments: argparse.Namespace, console: Console, **changes: Any) -> Any:
    """Call a function of the API with those arguments of a command that have the names of its own."""
    raise_all(workers_problem(getattr(arguments, "workers", 0), "--workers"))
    options = {**vars(arguments), **changes, "console": console}
    known = inspect.signature(function).parameters
    return function(**{name: value for name, value in options.items() if name in known})


def generate(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa generate [CORPUS]``: a sub-command for each corpus; without a name it makes the default one."""
    at = argv.index("generate") + 1
    if at == len(argv) or (argv[at].startswith("-") and argv[at] not in ("-h", "--help")):
        argv.insert(at, corpora.DEFAULT)
    about = "Make a dataset. 'sousa generate CORPUS --help' shows the options of a corpus"
    parser.description = f"{about}; without a name it is {corpora.DEFAULT}."
    choices = parser.add_subparsers(dest="corpus", metavar="CORPUS", title="corpora", required=True)
    named = argv[at]
    if not named.startswith("-"):
        corpora.get(named)  # says which there are
    for corpus in corpora.every():
        lines = [f"  sousa generate {corpus.name} {line}\n      {about}" for line, about in corpus.examples]
        sub = choices.add_parser(
            corpus.name, help=corpus.summary.replace("%", "%%"), description=f"Make {corpus.summary}.",
            epilog="\n".join(["examples:", *lines]) if lines else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        if corpus.name == named:
            add_arguments(sub, corpus.Options)
            _how(sub.add_argument_group("output and execution"))
            sub.set_defaults(parser=sub, rest=[])
    return _generate


def _how(group: Any) -> None:
    flags = ("--output", "-o", "--outputpath")
    group.add_argument(
        *flags, default="output/dataset", metavar="DIR", help="directory (default: %(default)s)"
    )
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
        told = make.estimate_text(corpus, config, LocalRunner(arguments.workers), arguments.files)
        console.print(f"{told}\nnothing was made; {output} would hold it")
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
        f"load them with: {loading(stored.storage.root)}"
    )
    if failed:
        raise failed


def _hint(word: str) -> str:
    first = f"; name the corpus first: 'sousa generate {word} ...'" if word in corpora.names() else ""
    return first or corpora.whose_option(word)


def plugins(parser: argparse.ArgumentParser) -> None:
    """Add the flag that names files of plug-ins, and what corpora call it; after all others of a command."""
    flags = dict.fromkeys(["--plugin", *(corpus.plugin_flag for corpus in corpora.every())])
    free = [flag for flag in flags if flag.startswith("--") and flag not in parser._option_string_actions]
    about = "run this Python file: plug-ins that the dataset was made with"
    parser.add_argument(*free, dest="plugins", action="append", default=[], metavar="FILE", help=about)


def validate(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa validate DIRECTORY``."""
    parser.add_argument("directory", help="a finished dataset")
    about = "read MIDI and audio of every row, and make every row again"
    parser.add_argument("--all", dest="everything", action="store_true", help=about)
    workers(parser)
    quiet(parser)
    plugins(parser)
    return _validate


def _validate(arguments: argparse.Namespace, console: Console) -> int:
    report = call(api.validate, arguments, console)
    console.tell(report["text"])
    if report["not_written"]:
        console.say(f"the report could not be kept: {report['not_written']}")
    else:
        console.tell(f"report: {arguments.directory}/validation_report.html")
    if failed := [check["name"] for check in report["checks"] if check["passed"] is False]:
        console.warn(f"sousa: {arguments.directory} is not valid: {', '.join(failed)}")
    return 0 if report["passed"] else 1


def verify(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa verify DIRECTORY``."""
    add = parser.add_argument
    add("directory", help="a finished dataset or release")
    add("--rows", type=int, default=20, help="how many, chosen at random (default: 20)")
    add("--all", dest="everything", action="store_true", help="all rows")
    add("--seed", type=int, help="choose the same rows each time")
    quiet(parser)
    plugins(parser)
    return _verify


def _verify(arguments: argparse.Namespace, console: Console) -> None:
    from sousa.builders.release import opened

    count = call(api.verify, arguments, console)
    if opened.is_release(expanded(arguments.directory)):
        version = opened.read(arguments.directory).version
        console.tell(f"version {version}: all {count:,} files are unchanged")
    else:
        console.tell(f"{counted(count, 'row')} made again: every label and every audio sample is the same")


def preview(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa preview DIRECTORY``; filters of the dataset's corpus may be written as options of their own."""
    add = parser.add_argument
    add("directory", help="a finished dataset")
    add("--output", "-o", metavar="FILE", help="page to write (default: DIRECTORY/preview.html)")
    add("--rows", type=int, default=48, help="how many, evenly chosen (default: 48)")
    add_where(parser)
    add("--seed", type=int, default=42, help="another seed chooses other rows (default: 42)")
    quiet(parser)
    plugins(parser)
    parser.set_defaults(rest=[])
    return _preview


def _preview(arguments: argparse.Namespace, console: Console) -> None:
    path, rows, size = call(api.preview, arguments, console, where=conditions(arguments))
    console.tell(f"{path}: {counted(rows, 'row')}, {size / 1e6:,.1f} MB; open it in a browser")


def add_where(parser: argparse.ArgumentParser) -> None:
    """Add ``--where``; a command with it leaves what its parser does not know to :func:`conditions`."""
    parser.add_argument(
        "--where", action="append", default=[], metavar="FILTER=VALUES",
        help="only rows with one of these names, separated by commas, or in the range LOW,HIGH or LOW,null; "
        "may be repeated, and --FILTER VALUES does the same",
    )  # fmt: skip


def conditions(arguments: argparse.Namespace) -> dict[str, Any]:
    """Filters of a command line, as :mod:`sousa.generation.filters` has them."""
    where, rest = {}, arguments.rest
    for text in arguments.where:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--where is {text!r}; write FILTER=VALUES")
        where[key] = _names_or_range(value)
    while rest:
        flag, equals, value = rest.pop(0).partition("=")
        if not flag.startswith("--") or not (equals or rest):
            raise UsageError(f"unrecognized argument {flag}")
        where[flag[2:].replace("-", "_")] = _names_or_range(value if equals else rest.pop(0))
    return where


def _names_or_range(text: str) -> Any:
    """Names separated by commas, or the two numbers of a range, of which one may be null."""
    values = [None if value == "null" else parsed(value, float) for value in names(text) or []]
    ends = [value for value in values if not isinstance(value, str)]
    return values if len(values) == len(ends) == 2 else names(text)


def release(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa release DIRECTORY -o RELEASE --version X.Y.Z``."""
    add = parser.add_argument
    add("directory", help="a finished dataset, as 'sousa generate' makes it")
    add("--output", "-o", required=True, metavar="RELEASE", help="directory of the release")
    add("--version", required=True, metavar="X.Y.Z", help="of the release, such as 1.0.0")
    add(
        "--previous", metavar="RELEASE",
        help="the release before: a directory, or org/name or org/name@v1.0.0 on the Hub",
    )  # fmt: skip
    add("--repo", metavar="ORG/NAME", help="where it will be published, for the card")
    add("--link", action="store_true", help="hard-link data files instead of copying them")
    add("--note", dest="notes", action="append", default=[], metavar="TEXT", help="a line for the changelog")
    workers(parser)
    quiet(parser)
    plugins(parser)
    return _release


def _release(arguments: argparse.Namespace, console: Console) -> None:
    manifest = call(api.release, arguments, console)
    output, first = arguments.output, next(iter(manifest["views"]))
    for line in manifest["changelog"][-1]["lines"]:
        console.tell(f"  {line}")
    size = sum(fact["bytes"] for fact in manifest["files"].values()) / 1e6
    console.tell(
        f"version {manifest['version']}: {manifest['num_rows']:,} rows, {len(manifest['files']) + 1:,} "
        f"files, {size:,.0f} MB in {output}\n"
        f"configs: {', '.join(manifest['views'])}\n"
        f"look at it with: {loading(output, first)}\n"
        f"publish it with: sousa publish {shell(output)} {manifest['repo'] or 'ORG/NAME'}"
    )


def publish(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa publish RELEASE ORG/NAME``."""
    add = parser.add_argument
    add("directory", metavar="release", help="a finished release, as 'sousa release' makes it")
    add("repo", metavar="ORG/NAME", help="dataset repository on the Hub; made if there is none")
    add("--private", action="store_true", help="make a new repository private")
    add(
        "--revision", dest="branch", default="main", metavar="BRANCH",
        help="publish to this branch; the version's tag is set on main only (default: main)",
    )  # fmt: skip
    add("--create-pr", action="store_true", help="open a pull request; publish again to tag it")
    add("--dry-run", action="store_true", help="say what would be uploaded, and stop")
    add(
        "--previous", metavar="RELEASE",
        help="with --dry-run: a directory with the last release, to count deduplicated bytes without "
        "fetching it",
    )  # fmt: skip
    add(
        "--redistribute", metavar="NAMES",
        help="publish these sources, separated by commas, although their licences do not allow it: you "
        "confirm that you may",
    )  # fmt: skip
    quiet(parser)
    return _publish


def _publish(arguments: argparse.Namespace, console: Console) -> None:
    repo, named = arguments.repo, names(arguments.redistribute) or []
    if arguments.previous and not arguments.dry_run:
        raise UsageError(
            "--previous belongs to --dry-run; the changelog was settled by 'sousa release --previous'"
        )
    if arguments.dry_run:
        return _dry_run(arguments, named, console)
    done = call(api.publish, arguments, console, redistribute=named)
    if done["pull_request"]:
        console.tell(f"pull request: {done['pull_request']}\nonce it is merged, publish again to set the tag")
    elif done["tag"]:
        console.tell(
            f"{repo} {done['tag']}: {done['files']:,} files sent, commit {done['commit'][:12]}\n"
            f'load it with: datasets.load_dataset("{repo}", revision="{done["tag"]}")'
        )
    else:
        console.tell(
            f"{repo}, branch {arguments.branch}: {done['files']:,} files sent; no tag, which is for main"
        )


def _dry_run(arguments: argparse.Namespace, named: list[str], console: Console) -> None:
    from sousa.builders.hub import publish as hub

    repo, root = arguments.repo, expanded(arguments.directory)
    what = hub.dry_run(root, repo, arguments.branch, arguments.previous, named, console)
    if what["published"]:
        console.tell(f"{repo} holds this very release already: nothing would be done")
        return
    for sign, files in (("+", what["add"]), ("-", what["delete"])):
        for file in files:
            console.tell(f"  {sign} {file}")
    bound = "" if what["exact"] else "at most "
    console.tell(
        f"{len(what['add']):,} files of {what['bytes']:,} bytes would be sent, {len(what['delete']):,} "
        f"removed; {bound}{what['new_bytes']:,} bytes are new to {repo}; nothing was changed"
    )


def diff(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa diff RELEASE RELEASE``."""
    parser.add_argument(
        "releases", nargs="+", metavar="RELEASE",
        help="two releases: directories, or org/name@v1.0.0 on the Hub; or one repository of the Hub and two "
        "of its revisions",
    )  # fmt: skip
    quiet(parser, "no progress")
    return _diff


def _diff(arguments: argparse.Namespace, console: Console) -> None:
    from sousa.builders.release import opened, versions

    releases = arguments.releases
    if len(releases) not in (2, 3):
        raise UsageError(
            f"{len(releases)} arguments; give two releases (directories or org/name@v1.0.0), or a repository "
            "of the Hub and two of its revisions"
        )
    if len(releases) == 3:
        releases = [f"{releases[0]}@{revision}" for revision in releases[1:]]
    old, new = map(opened.find, releases)
    changes = api.diff(*releases, console=console)
    console.print(f"{old.where}, version {old.version}  ->  {new.where}, version {new.version}")
    for line in changes.lines() or ["nothing differs"]:
        console.print(f"  {line}")
    if changes and versions.parse(old.version) < versions.parse(new.version):
        problem = versions.problem(new.version, changes, old.version)
        verdict = f"but {problem}" if problem else "as the version says"
        console.print(f"a {changes.level} change, {verdict}")
    elif changes:
        after = versions.following(old.version, changes.level)
        console.print(f"a {changes.level} change: the version after {old.version} would be {after}")
