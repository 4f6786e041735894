"""From a command line to the one command it names.

A command is a function ``command(parser, argv)`` that adds its arguments and gives a function of the parsed
arguments and a :class:`sousa.generation.console.Console`, which does the work and returns an exit status or
None; each sub-command may set a default ``work`` in its place. One that sets the default ``rest``
(``parser.set_defaults(rest=[])``) finds there what its parser does not know; others are not called where
there is any. Only the command that is named is imported.
"""

import argparse
import os
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from sousa.generation import corpora, ending, environment, extras, parsers
from sousa.generation.console import Console
from sousa.generation.errors import SousaError, UsageError, one_of, raise_all, told

if TYPE_CHECKING:
    from sousa.generation.runners import Runner

Commands = Mapping[str, tuple[str, ...]]


def run(commands: Commands, argv: list[str], version: str, alone: bool = False) -> int:
    """Run a command line; returns the exit status.

    Args:
        commands: dict of name to ``module:function``, help and heading; corpora add their own.
        alone: this process is there for the command alone.
    """
    console = Console()
    try:
        environment.check()
        raise_all(
            f"{word!r} is not text in UTF-8 (it has other bytes); rename it, or name another one"
            for word in argv
            if not _is_text(word)
        )
        known = with_those_of_corpora(commands)
        if alone and "_ARGCOMPLETE" in os.environ:  # a shell asks what may come next
            from sousa.generation import completion

            return completion.answer(partial(parser_of, known, version))
        return _run(known, argv, version, alone)
    except SousaError as error:
        if ending.STOPPED.is_set():
            raise KeyboardInterrupt from None
        console.warn(parsers.clipped(f"sousa: {error}"))
        return error.exit_status
    except ModuleNotFoundError as error:
        if not extras.extra_of(error.name):
            raise
        console.warn(f"sousa: {extras.missing('this command', error)}")
        return UsageError.exit_status
    except MemoryError:
        console.warn("sousa: not enough memory; ask for less at once: fewer workers, or shorter rows")
        return 1
    except (OSError, UnicodeError) as error:
        # whatever the system refuses and nobody nearer to it has explained
        console.warn(f"sousa: {told(error)}")
        return 1


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def with_those_of_corpora(commands: Commands) -> Commands:
    """Commands of corpora, then these; of two of one name the latter, or that of the first corpus."""
    out: dict[str, tuple[str, ...]] = {}
    for corpus in corpora.every():
        out |= {name: entry for name, entry in corpus.commands.items() if name not in {**commands, **out}}
    return {**out, **commands}


def parser_of(commands: Commands, version: str, argv: list[str]) -> parsers.Parser:
    """The parser of a command line: of the command that is named with its arguments, of others the names."""
    about = "Labelled music audio: made, packaged, published."
    top = parsers.Parser(
        prog="sousa",
        description=about,
        usage="sousa [-h] [--version] COMMAND ...",
        epilog=parsers.overview(commands),
    )
    top.add_argument("--version", action="version", version=f"sousa {version}")
    choices: Any = top.add_subparsers(
        prog="sousa", required=True, metavar="COMMAND", dest="command", help=argparse.SUPPRESS
    )
    named = _named(argv)
    for name, (place, about, *_) in commands.items():
        about = about.replace("%", "%%")
        parser = choices.add_parser(name, help=about, description=f"{about[:1].upper()}{about[1:]}.")
        if name == named:
            parser.set_defaults(work=resolve_name(place)(parser, argv))
    return top


def _named(argv: list[str]) -> str | None:
    return next((word for word in argv if not word.startswith("-")), None)


def _run(commands: Commands, argv: list[str], version: str, alone: bool) -> int:
    top = parser_of(commands, version, argv)
    if not argv:
        top.print_help()
        return 0
    if argv[0] == (named := _named(argv)) and named not in commands:
        raise UsageError(f"unknown command {one_of(named, commands)}")
    arguments, rest = top.parse_known_args(argv)
    if not hasattr(arguments, "rest"):
        raise_all(unknown(rest, _innermost(top, argv)))
    arguments.rest = rest
    if alone and hasattr(arguments, "workers"):  # it works on rows
        from sousa.generation import lean, memory  # noqa: F401 - lean by being imported

        memory.give_memory_back()
    return arguments.work(arguments, Console(getattr(arguments, "quiet", False))) or 0


def _innermost(parser: argparse.ArgumentParser, argv: list[str]) -> argparse.ArgumentParser:
    for word in argv:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parser = action.choices.get(word, parser)
    return parser


def unknown(
    words: list[str], parser: argparse.ArgumentParser, hint: Callable[[str], str] = lambda word: ""
) -> list[str]:
    """A sentence for each word of a command line that its parser does not know.

    Args:
        words: in order; one after an option is the option's value.
        hint: what to say of one in place of what there is to choose from; empty for nothing.
    """
    flags = [flag for flag in parser._option_string_actions if flag.startswith("--")]
    problems = []
    for before, word in pairwise(["", *words]):
        flag = word.partition("=")[0]
        if word.startswith("-"):
            problems.append(f"unknown option {one_of(flag, flags, hint(flag))}")
        elif not before.startswith("-"):
            problems.append(f"unrecognized argument {word!r}{hint(word)}")
    return problems


def names(text: str | None) -> list[str] | None:
    """A list separated by commas, or None."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def verbs(parser: argparse.ArgumentParser, examples: str) -> Callable[[str, str], argparse.ArgumentParser]:
    """A function that adds a verb of a command, by name and help; all of them show the same examples."""
    choices = parser.add_subparsers(required=True, metavar="VERB", title="verbs")
    parser.epilog = examples

    def add(name: str, about: str) -> argparse.ArgumentParser:
        description = f"{about[:1].upper()}{about[1:]}."
        return choices.add_parser(name, help=about, description=description, epilog=examples)

    return add


def quiet(parser: argparse.ArgumentParser, about: str = "say nothing but errors") -> None:
    """Add ``--quiet``."""
    parser.add_argument("--quiet", "-q", action="store_true", help=about)


def workers(parser: argparse.ArgumentParser, group: Any = None) -> None:
    """Add ``--workers``, to a group where one is named, and options of clusters; see :func:`runner_of`."""
    about = "processes; 0 is one a core (default: 0)"
    (group or parser).add_argument("--workers", "-w", type=int, default=0, metavar="N", help=about)
    cluster(parser)


def cluster(parser: argparse.ArgumentParser) -> None:
    """Add the options of clusters."""
    from sousa.generation import runners

    add = parser.add_argument_group("on a cluster").add_argument
    about = f"where work is done: {', '.join(runners.RUNNERS)} (default: %(default)s)"
    where: Any = add("--runner", default=runners.RUNNERS[0], metavar="NAME", help=about)
    where.completer = lambda **_: list(runners.RUNNERS)
    add("--address", metavar="HOST:PORT", help="of the Ray cluster (default: the one of this machine)")
    about = "options of Slurm's sbatch, such as 'partition=cpu time=60' (default: none)"
    add("--sbatch", metavar="OPTIONS", help=about)


def runner_of(arguments: argparse.Namespace) -> "Runner":
    """The runner of the options of :func:`workers`.

    Raises: UsageError for what is no number of workers, and as :func:`sousa.generation.runners.make_runner`.
    """
    from sousa.generation import runners

    raise_all(runners.workers_problem(arguments.workers, "--workers"))
    return runners.make_runner(arguments.runner, arguments.workers, arguments.address, arguments.sbatch)
