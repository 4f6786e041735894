"""No module imports itself by way of others, at the top of a file, in a function, or for types alone."""

import ast

from tests.conftest import ROOT


def imports():
    """Dict of module to the modules that it imports, all of this project."""
    files = {"sousa": ROOT / "sousa.py"}
    for folder in ("generation", "builders", "training"):
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            files[".".join(["sousa", *parts]).removesuffix(".__init__")] = path
    out = {}
    for module, path in files.items():
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                within = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= within & files.keys() or {node.module}
                names |= {node.module} if within - files.keys() else set()
        out[module] = names & files.keys() - {module}
    return out


def circles(graph):
    """The modules that lie on circles: those that stay when what imports, or is imported by, none is gone."""
    graph = dict(graph)
    while True:
        imported = set().union(*graph.values())
        ends = {name for name, others in graph.items() if not others & graph.keys() or name not in imported}
        if not ends:
            return graph
        graph = {name: others - ends for name, others in graph.items() if name not in ends}


def test_no_module_imports_itself_by_way_of_others():
    graph = imports()
    assert len(graph) > 150 and "sousa.generation.corpora" in graph["sousa.generation.commandline"]
    assert not circles(graph)


def test_circles_are_found():
    graph = {"a": {"b", "d"}, "b": {"c"}, "c": {"b"}, "d": set(), "e": {"a"}}
    assert circles(graph) == {"b": {"c"}, "c": {"b"}}
