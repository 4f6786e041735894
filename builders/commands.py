"""The commands that check, show and share datasets: their arguments, and what they say."""

import argparse
import inspect
from collections.abc import Callable
from typing import Any

from sousa.builders import api
from sousa.generation import corpora
from sousa.generation.commandline import names, quiet, runner_of, workers
from sousa.generation.console import Console
from sousa.generation.errors import UsageError
from sousa.generation.filters import value_of
from sousa.generation.outside import expanded
from sousa.generation.text import counted, loading, shell

_EXAMPLES = {
    "validate": """examples:
  sousa validate DATASET
      check it and write validation_report.html beside it
  sousa validate DATASET --all --workers 4
      read the sound of every row and make every row again, in four processes
  sousa validate DATASET --quiet
      for scripts: status 0 where every check has passed""",
    "verify": """examples:
  sousa verify DATASET
      make twenty rows again and compare labels and sound
  sousa verify DATASET --rows 200 --seed 1
      200 rows, the same each time
  sousa verify output/v1.0.0
      check the files of a release against their digests""",
    "preview": """examples:
  sousa preview DATASET
      write DATASET/preview.html with 48 rows
  sousa preview DATASET --where split=test --rows 200 -o test.html
      200 rows of the test split
  sousa preview DATASET --rows 12 --seed 7
      twelve other rows""",
    "release": """examples:
  sousa release DATASET -o output/v1.0.0 --version 1.0.0 --repo ORG/NAME
      the first release
  sousa release DATASET -o output/v1.1.0 --version 1.1.0 --previous output/v1.0.0
      the next one, with a changelog
  sousa release DATASET -o output/v1.0.0 --version 1.0.0 --link --note "first release"
      without copying data files, with a line for the changelog""",
    "publish": """examples:
  sousa publish output/v1.0.0 ORG/NAME --dry-run
      say what would be uploaded
  sousa publish output/v1.0.0 ORG/NAME
      upload it and tag it v1.0.0
  sousa publish output/v1.0.0 ORG/NAME --create-pr
      open a pull request with it""",
    "diff": """examples:
  sousa diff output/v1.0.0 output/v1.1.0
      two releases here
  sousa diff ORG/NAME v1.0.0 v1.1.0
      two releases on the Hub
  sousa diff ORG/NAME@v1.0.0 output/v1.1.0
      the one on the Hub and the one here""",
}


def call(function: Callable, arguments: argparse.Namespace, console: Console, **changes: Any) -> Any:
    """Call a function of the API with those arguments of a command that have the names of its own."""
    options = {**vars(arguments), **changes, "console": console}
    if "workers" in options:
        options["runner"] = runner_of(arguments)
    known = inspect.signature(function).parameters
    return function(**{name: value for name, value in options.items() if name in known})


def plugins(parser: argparse.ArgumentParser) -> None:
    """Add the flag that names files of plug-ins, and what corpora call it; after all others of a command."""
    flags = dict.fromkeys(["--plugin", *(corpus.plugin_flag for corpus in corpora.every())])
    free = [flag for flag in flags if flag.startswith("--") and flag not in parser._option_string_actions]
    about = "run this Python file: plug-ins that the dataset was made with"
    parser.add_argument(*free, dest="plugins", action="append", default=[], metavar="FILE", help=about)


def validate(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa validate DIRECTORY``."""
    parser.epilog = _EXAMPLES["validate"]
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
    parser.epilog = _EXAMPLES["verify"]
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
    parser.epilog = _EXAMPLES["preview"]
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
        where[key] = value_of(value)
    while rest:
        flag, equals, value = rest.pop(0).partition("=")
        if not flag.startswith("--") or not (equals or rest):
            raise UsageError(f"unrecognized argument {flag}")
        where[flag[2:].replace("-", "_")] = value_of(value if equals else rest.pop(0))
    return where


def release(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa release DIRECTORY -o RELEASE --version X.Y.Z``."""
    parser.epilog = _EXAMPLES["release"]
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
    parser.epilog = _EXAMPLES["publish"]
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
            f'load it with: sousa.load("{repo}", revision="{done["tag"]}")'
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
    if what["not_asked"]:
        console.say(f"{what['not_asked']}\nshown is what a new repository would be sent:")
    for sign, files in (("+", what["add"]), ("-", what["delete"])):
        for file in files:
            console.tell(f"  {sign} {file}")
    bound = "" if what["exact"] else "at most "
    new = "" if what["not_asked"] else f"{bound}{what['new_bytes']:,} bytes are new to {repo}; "
    console.tell(
        f"{len(what['add']):,} files of {what['bytes']:,} bytes would be sent, {len(what['delete']):,} "
        f"removed; {new}nothing was changed"
    )


def diff(parser: argparse.ArgumentParser, argv: list[str]) -> Any:
    """``sousa diff RELEASE RELEASE``."""
    parser.epilog = _EXAMPLES["diff"]
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
