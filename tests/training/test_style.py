"""Conventions of this package's source that no linter knows."""

import ast
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

FILES = sorted((ROOT / "training").rglob("*.py"))
VAGUE = {"one", "found", "given", "made", "told"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_names_say_the_thing_and_arguments_have_lines_of_their_own(path: Path):
    problems = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = node.arg if isinstance(node, ast.arg) else getattr(node, "id", "")
        if name in VAGUE:
            problems.append(f"line {node.lineno}: {name}")
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            text = ast.get_docstring(node) or ""
            for section in re.findall(r"^ *(?:Args|Attributes):(.*?)(?:\n\n|\Z)", text, re.M | re.S):
                first, *lines = section.splitlines()
                problems += [first] if first else []
                problems += [line for line in lines if re.search(r"[;.] [a-z_]\w*(, [a-z_]\w*)*: ", line)]
    assert not problems, "\n".join(problems)
