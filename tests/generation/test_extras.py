"""What is said where a package is missing that only some commands need."""

import re
import subprocess
import sys
import tomllib

import pytest

from sousa.generation import extras
from tests.conftest import ROOT

# modules whose package is called otherwise
PACKAGES = {"sklearn": "scikit-learn", "tensorflow": "tensorflow-cpu"}


def test_extras_are_those_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra, modules in extras.EXTRAS.items():
        packages = {re.split("[^a-z_0-9-]", line)[0] for line in project["optional-dependencies"][extra]}
        assert {PACKAGES.get(module, module) for module in modules} == packages - {"sousa"}, extra


def test_what_is_missing_is_named_with_its_extra():
    error = ModuleNotFoundError("No module named 'music21.stream'", name="music21.stream")
    problem = extras.missing("this", error)
    assert str(problem) == f"this needs music21; install it with: {extras.how_to_install('scores')}"
    assert isinstance(problem, ImportError) and problem.name == "music21.stream"
    assert str(extras.missing("that", problem)) == str(problem).replace("this", "that")
    broken = extras.missing("this", ImportError("cannot import name 'x' from 'torch'", name="torch"))
    assert "needs torch that works (cannot import name 'x' from 'torch')" in str(broken)


def test_a_clone_is_installed_from_where_it_is(monkeypatch, tmp_path):
    assert extras.how_to_install("lora") == f"pip install -e '{ROOT}[lora]'"
    monkeypatch.setattr(extras, "__file__", str(tmp_path / "sousa" / "generation" / "extras.py"))
    assert extras.how_to_install("lora") == "pip install 'sousa[lora]'"


@pytest.mark.parametrize("error", [ModuleNotFoundError("x", name="sousa.x"), ImportError("x")])
def test_other_errors_are_left_as_they_are(error):
    with pytest.raises(ImportError) as raised:
        extras.missing("this", error)
    assert raised.value is error


def without(package, code, *arguments):
    """Run Python code where a package can't be imported."""
    script = f"import sys\nsys.modules[{package!r}] = None\n{code}"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, cwd=ROOT
    )


COMMANDS = {
    "embed": ["output/dataset"], "project": [], "search": ["calm"], "transcribe": ["a.wav"],
    "pipeline": ["textures"],
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_to_install(name):
    package = "transformers" if name == "pipeline" else "torch"
    done = without(package, "import sousa; sys.exit(sousa.main(sys.argv[1:]))", name, *COMMANDS[name])
    assert done.returncode == 2, done.stderr
    command = re.escape(extras.how_to_install("training"))
    assert re.fullmatch(rf"sousa: 'sousa {name}' needs \w+; install it with: {command}\n", done.stderr)


@pytest.mark.parametrize("module", ["config", "dataset", "evaluate", "features", "rows", "stream", "train"])
def test_so_does_a_module(module):
    package = "transformers" if module == "config" else "torch"
    done = without(package, f"import sousa.training.{module}")
    last = done.stderr.splitlines()[-1]
    assert f"needs {package}; install it with: {extras.how_to_install('training')}" in last
    code = f"try:\n    import sousa.training.{module}\nexcept ImportError as error:\n    print(error.name)"
    assert without(package, code).stdout.startswith(package)


@pytest.mark.parametrize("program", ["train", "evaluate"])
def test_so_does_a_program(program):
    code = f"import runpy; runpy.run_path('training/{program}.py', run_name='__main__')"
    done = without("torch", code)
    assert done.returncode == 1
    assert done.stderr == (
        f"training/{program}.py needs torch; install it with: {extras.how_to_install('training')}\n"
    )
