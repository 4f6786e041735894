"""Corpora of other packages that are broken: each is named when it is asked for, and no other one suffers."""

import argparse
import subprocess
import sys
from types import SimpleNamespace

import pytest

import sousa
from sousa.builders import commands
from sousa.generation import corpora
from sousa.generation.columns import COMMON, Column
from sousa.generation.corpus import Corpus, elsewhere
from sousa.generation.errors import RunError, UsageError
from sousa.generation.options import Options
from tests.conftest import ROOT


class Broken(Corpus):
    """What follows breaks one member of it."""

    name, title, summary, data_version = "broken", "Broken", "nothing", "1.0.0"
    Options = type("Few", (Options,), {"SIZES": {"small": 1}, "__module__": __name__})

    def columns(self, config=None):
        return tuple(Column(name, "string", "", "") for name in COMMON)

    config = restore = plan = rows = lambda self, *arguments: None


def raising():
    raise ImportError("no such library")


MEMBERS = {
    "options of no module": ({"Options": elsewhere("nowhere.options:Options")}, "No module named 'nowhere'"),
    "columns that raise": ({"columns": lambda self, config=None: raising()}, "no such library"),
    "no columns": ({"columns": lambda self, config=None: ()}, "its columns lack sample_id, split"),
    "columns twice": (
        {"columns": lambda self, config=None: (*Broken().columns(), Broken().columns()[0])},
        "its column sample_id is declared twice",
    ),
    "options of another kind": ({"Options": dict}, "its Options are no subclass"),
    "commands in a list": ({"commands": ["x"]}, "its commands is"),
    "half a command": ({"commands": {"x": ("a:b",)}}, "not pairs of texts"),
    "half an example": ({"examples": (("--size small",),)}, "not pairs of texts"),
    "a summary that raises": ({"summary": property(lambda self: raising())}, "no such library"),
    "a flag that is none": ({"plugin_flag": ("--x", "y")}, "its plugin_flag is"),
    "filters that raise": ({"filters": lambda self: raising()}, "no such library"),
    "another name": ({"name": "other"}, "it calls itself 'other'"),
    "no version": ({"data_version": "new"}, "its data_version is 'new'"),
}


@pytest.fixture(params=MEMBERS)
def broken(request, monkeypatch):
    """A registry with a corpus that is broken so; the sentence that says how."""
    members, sentence = MEMBERS[request.param]
    kind = type("Kind", (Broken,), {**members, "__module__": __name__})
    monkeypatch.setattr(sys.modules[__name__], "Kind", kind, raising=False)
    registry = {**corpora.BUILT_IN, "broken": f"{__name__}:Kind"}
    monkeypatch.setattr(corpora, "places", lambda: registry)
    for function in (corpora.get, corpora._made):
        function.cache_clear()
    yield sentence
    for function in (corpora.get, corpora._made):
        function.cache_clear()


def test_it_is_named_when_it_is_asked_for(broken, tmp_path):
    with pytest.raises(RunError, match=f"corpus broken .*{broken}"):
        sousa.generate("broken", tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_others_work_as_before(broken, tmp_path):
    assert [corpus.name for corpus in corpora.usable()] == list(corpora.BUILT_IN)
    with pytest.raises(UsageError, match="unknown key 'sead'"):
        sousa.generate("rudiments", tmp_path / "d", sead=1)
    with pytest.raises(UsageError, match="'configfile'; it is an option of textures"):
        sousa.generate("rudiments", tmp_path / "d", configfile="x")


def test_a_flag_for_plugins_that_is_taken_is_left_out(monkeypatch):
    monkeypatch.setattr(type(corpora.get("textures")), "plugin_flag", "--rows")
    parser = argparse.ArgumentParser()
    commands.verify(parser, ["verify"])
    arguments = parser.parse_args(["x", "--rows", "3", "--plugin", "a.py", "--plugin", "b.py"])
    assert arguments.rows == 3 and arguments.plugins == ["a.py", "b.py"]


def test_commands_go_on_without_it(tmp_path):
    """An installed package whose corpus can't even be imported."""
    package = tmp_path / "site" / "broken-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[sousa.corpora]\nbroken = broken_package:Broken\n")
    (tmp_path / "site" / "broken_package.py").write_text("raise SystemExit('not here')\n")
    environment = {"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin"}

    def run(*words):
        command = [sys.executable, str(ROOT / "sousa.py"), *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    assert run("generate", "--help").returncode == 0
    said = run("generate", "--sead", "1").stderr
    assert "did you mean --seed?" in said and "Traceback" not in said
    done = run("generate", "broken")
    assert done.returncode == 1 and "corpus broken (broken_package:Broken) can't be loaded" in done.stderr


def test_two_packages_with_one_name_are_named_and_a_built_in_corpus_wins(monkeypatch):
    points = [
        SimpleNamespace(name=name, value=f"{package}:Corpus")
        for name, package in (("twice", "one"), ("twice", "two"), ("rudiments", "three"))
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)
    for function in (corpora.places, corpora._made, corpora.get):
        function.cache_clear()
    try:
        assert [corpus.name for corpus in corpora.usable()] == list(corpora.BUILT_IN)
        with pytest.raises(RunError, match=r"two packages \(one:Corpus and two:Corpus\) bring a corpus"):
            corpora.get("twice")
        assert corpora.get("rudiments").title == "SOUSA rudiments"
    finally:
        monkeypatch.undo()
        for function in (corpora.places, corpora._made, corpora.get):
            function.cache_clear()


def test_rows_that_are_made_have_sizes(tones, monkeypatch):
    monkeypatch.setattr(corpora.get("tones").Options, "SIZES", {})
    assert corpora._problem_inside(corpora.get("tones")) == "its Options have no SIZES; name at least one"
