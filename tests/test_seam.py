"""No code but a corpus's own names it, or a column of it."""

import ast
import re
from functools import cache

import pytest

from sousa.generation import corpora
from tests.conftest import ROOT

# what every corpus has, what the unified schema and roles call things, and words of everyday use
SHARED = {
    "sample_id", "split", "duration_sec", "num_samples", "sample_rate", "data_version", "pcm_digest", "audio",
    "midi", "onset_sample", "tempo_bpm", "velocity", "kind", "name", "role", "natural", "norm", "unit",
    "frame", "seed", "events", "user", "user_name", "params", "curves",
    "start_sample", "gain_db", "index", "bank", "soundfont", "sound", "synth",
}  # fmt: skip
# where a corpus may be named: its folder, its builder's file, and the one line by which it is found
OWN = ("generation/{name}/", "builders/{name}.py")
# studies of one corpus, and settings that people copy
STUDIES = ("tests/", "benchmarks/", "training/examples/", "make.py")
REGISTRY = "generation/corpora.py"


@cache
def files():
    """All Python that is installed, and the scripts beside it: dict of path to source."""
    found = {}
    for folder in ("generation", "builders", "training"):
        found |= {path.relative_to(ROOT).as_posix(): path for path in (ROOT / folder).rglob("*.py")}
    found["sousa.py"] = ROOT / "sousa.py"
    return {name: path.read_text(encoding="utf-8") for name, path in found.items()}


def names_of(corpus):
    """The columns, and fields of records, that this corpus has and no other thing is called by."""
    columns = corpora.get(corpus).columns()
    out = {column.name for column in columns}
    out |= {field.name for column in columns if column.nested for field in column.type}
    return out - SHARED


def said(source):
    """``(line, text)``: every string of a program that is not documentation, and every name it uses."""
    tree = ast.parse(source)
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.lineno, node.value
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node.lineno, " ".join([getattr(node, "module", "") or "", *(n.name for n in node.names)])
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr


@pytest.mark.parametrize("corpus", corpora.BUILT_IN)
def test_no_other_code_names_a_corpus_or_its_columns(corpus):
    columns, named = names_of(corpus), re.compile(rf"\b{corpus}\b")
    own = tuple(place.format(name=corpus) for place in OWN)
    others = tuple(place.format(name=name) for name in corpora.BUILT_IN for place in OWN)
    found = [
        f"{file}:{line}: {text!r}"
        for file, source in files().items()
        if not file.startswith((*own, *STUDIES)) and file != REGISTRY
        for line, text in said(source)
        if named.search(text) or (text in columns and not file.startswith(others))
    ]
    assert not found, "\n".join(found)


def test_the_search_finds_what_it_is_for():
    lines = ("def f(row):", '    """rudiments."""', "    from sousa.generation import rudiments",
             '    return row["skill_tier"]')  # fmt: skip
    source = "\n".join(lines)
    texts = [text for _, text in said(source)]
    assert "skill_tier" in texts and "sousa.generation rudiments" in texts and "rudiments." not in texts
    assert {"skill_tier", "hand", "augmentation_preset"} <= names_of("rudiments")
    assert {"setting_id", "held_out"} <= names_of("textures")
    assert len(files()) > 150
