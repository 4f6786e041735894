"""What is installed: one name, with every file it needs, whatever lies where it is used."""

import json
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import ROOT
from tests.support import wheels
from tests.support.wheels import run

FOLDERS = ("builders", "dataset_cards", "generation", "training")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the source distribution of this checkout."""
    return wheels.build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def programs(wheel, tmp_path_factory):
    """Programs of a new environment with the wheel, which sees the packages of this one."""
    return wheels.install(wheel, tmp_path_factory.mktemp("venv"))


def test_the_wheel_has_one_name_and_every_file(wheel, tmp_path):
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    inside = {name for name in names if name.startswith("sousa/")}
    others = {name.split("/")[0] for name in names - inside}
    assert len(others) == 1 and others.pop().endswith(".dist-info")
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    files = {path.relative_to(ROOT) for path in files if "__pycache__" not in path.parts}
    assert inside == {f"sousa/{path}" for path in files} | {"sousa/__init__.py", "sousa/py.typed"}
    kinds = {path.suffix for path in files}
    assert kinds >= {".py", ".toml", ".json", ".flac", ".js", ".css", ".html", ".yaml", ".md"}
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, ROOT)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()  # with no source distribution between


def users_folders(place):
    """A folder whose owner has packages of his own with the names of ours."""
    for name in FOLDERS:
        (place / name).mkdir()
        (place / name / "__init__.py").write_text("raise RuntimeError('not the package that was installed')")


def above_a_clone(place):
    """The folder above a clone in its usual folder."""
    (place / "sousa").symlink_to(ROOT)


@pytest.mark.parametrize("prepare", [users_folders, above_a_clone])
def test_the_installed_package_works_anywhere(programs, tmp_path, prepare):
    prepare(tmp_path)
    python = (programs / "python", "-c")
    code = "import sousa, sousa.builders as b, sousa.training as t; from sousa.generation import seeds as s;"
    code += "print(sousa.__file__, b.__file__, t.__file__, s.__file__)"
    files = run(*python, code, cwd=tmp_path).split()
    assert all(Path(file).is_relative_to(programs.parent) for file in files) and len(files) == 4
    made = ("-p", 3, "-t", 1, "--rudiments", "flam", "-w", 1, "-q", "-o", "flams")
    run(programs / "sousa", "generate", *made, cwd=tmp_path)
    code = "import datasets, json; print(json.dumps(datasets.load_dataset('flams').num_rows))"
    assert sum(json.loads(run(*python, code, cwd=tmp_path).splitlines()[-1]).values()) == 3
