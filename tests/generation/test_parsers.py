"""The help of every command: headings, groups, defaults and examples, and that the examples can be run."""

import argparse
import re
import shlex

import pytest

from sousa import COMMANDS
from sousa.generation import commandline, corpora, parsers
from sousa.generation.errors import UsageError

KNOWN = commandline.with_those_of_corpora(COMMANDS)
OF_CORPORA = ("generate", "pipeline")
# every command, the verbs of those that have some, and the corpora of those that take one
PATHS = [
    *([name] for name in KNOWN),
    *([name, corpus] for name in OF_CORPORA for corpus in corpora.BUILT_IN),
    *([name, verb] for name in ("banks", "pianos") for verb in ("list", "build", "play")),
    *(["soundfonts", verb] for verb in ("list", "install")),
]
MANY = 12
EXAMPLE = re.compile(r"^  (?:accelerate launch )?(sousa(?:\.py)? .*)\n      (\S.*)$", re.MULTILINE)


def parser_of(words):
    """The parser of a command or of one of its verbs."""
    parser = commandline.parser_of(KNOWN, "1.0", list(words))
    for word in words:
        parser = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices[word]
    return parser


@pytest.fixture(params=PATHS, ids=" ".join)
def parser(request):
    return parser_of(request.param)


def test_every_command_is_listed_once_under_a_heading(sousa):
    done = sousa("--help")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    for name, entry in KNOWN.items():
        assert sum(line.split() == [name, *entry[1].split()] for line in lines) == 1, name
        assert parsers.heading_of(entry) in parsers.HEADINGS
    headings = [line[:-1] for line in lines if line[:-1] in parsers.HEADINGS]
    assert headings == list(parsers.HEADINGS)
    assert "README.md and docs/" in done.stdout and done.stdout.count("\n  sousa ") == 3


def test_without_arguments_the_help_is_shown(sousa):
    done = sousa()
    assert done.returncode == 0 and done.stdout == sousa("--help").stdout and not done.stderr


def test_a_command_without_a_heading_is_listed_last():
    text = parsers.overview({"mine": ("a:b", "do mine"), "generate": ("a:b", "make", "make data")})
    assert text.index("make data:\n  generate  make") < text.index("more commands:\n  mine      do mine")


def test_it_has_three_examples_that_it_understands(parser):
    examples = EXAMPLE.findall(parser.epilog)
    assert len(examples) >= 3 and len(examples) == parser.epilog.count("\n      ")
    for line, about in examples:
        assert about and not about.endswith(".")
        words = shlex.split(line, comments=True)[1:]
        words = words[: next((i for i, word in enumerate(words) if word in (">", ">>")), len(words))]
        top = commandline.parser_of(KNOWN, "1.0", words)
        arguments, rest = top.parse_known_args(words)
        assert callable(arguments.work) and not rest, line


def test_its_defaults_are_shown(parser):
    switches = (argparse._StoreTrueAction, argparse._StoreConstAction, argparse._AppendAction)
    for action in parser._actions:
        if action.default in (None, [], argparse.SUPPRESS, False) or isinstance(action, switches):
            continue
        assert "default" in (action.help or ""), action.option_strings
    for action in parser._actions:
        assert action.help or isinstance(action, argparse._SubParsersAction), action.dest


def test_many_options_are_in_groups(parser):
    ungrouped = parser._optionals._group_actions
    assert len(ungrouped) <= MANY, [action.option_strings for action in ungrouped]


def test_what_has_to_be_given_is_in_the_first_line():
    first = parser_of(["export"]).format_usage()
    assert first == "usage: sousa export [options] --to FORMAT --output DIR directory\n"


def test_an_unknown_command_says_which_is_meant():
    with pytest.raises(UsageError, match=r"unknown command 'previw' \(did you mean preview\?\)"):
        commandline._run(KNOWN, ["previw"], "1.0", False)
