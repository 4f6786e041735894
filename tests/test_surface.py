"""What other packages call is typed, and documented one argument a line."""

import ast
import re
import tomllib

import pytest

from tests.conftest import ROOT

FILES = [p for folder in ("builders", "generation") for p in sorted((ROOT / folder).rglob("*.py"))]
OF_CORPORA = re.compile(r"generation/(rudiments|textures)/(?!synth\.py|values\.py)")
SECTION = re.compile(r"^( *)(?:Args|Attributes):\n((?:\1    .*\n)+)", re.MULTILINE)
JOINED = re.compile(r"^ *`*\w+`*(?:, `*\w+`*)*: .*[;.] `*[a-z]\w*`*(?:, `*\w+`*)*: ", re.MULTILINE)


def functions(path):
    """Public functions and methods of a module."""
    todo = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            todo += node.body
        elif isinstance(node, ast.FunctionDef) and not re.match("_[^_]", node.name):
            yield node


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_public_functions_are_typed(path):
    if OF_CORPORA.match(path.relative_to(ROOT).as_posix()):
        return
    for function in functions(path):
        given = function.args
        arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        bare = [a.arg for a in arguments if a and not a.annotation and a.arg not in ("self", "cls")]
        assert not bare, f"{function.name}: {bare}"
        assert function.returns or function.name == "__init__", function.name


def test_what_is_public_is_type_checked():
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert {"sousa.builders", "sousa.generation"} <= set(checked["packages"]) and checked[
        "disallow_untyped_defs"
    ]
    left_out = [
        p
        for p in FILES
        if any(re.search(e, f"/{p.relative_to(ROOT).as_posix()}") for e in checked["exclude"])
    ]
    assert {p.relative_to(ROOT).parts[1] for p in left_out} <= {"rudiments", "textures", "row_index.py"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_have_one_argument_a_line(path):
    for section in SECTION.findall(path.read_text(encoding="utf-8")):
        assert not JOINED.findall(section[1])
