"""The benchmark of publishing: its readers end with it, and what they saw decides its exit status."""

import importlib.util

import pytest

from tests.conftest import ROOT

pytest.importorskip("psutil")


@pytest.fixture(scope="module")
def publication():
    path = ROOT / "benchmarks" / "rudiments" / "publication.py"
    spec = importlib.util.spec_from_file_location("publication_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readers_end_when_a_publisher_fails(publication, tmp_path, monkeypatch):
    (tmp_path / "stop").touch()  # of the run before, as what its readers saw
    (tmp_path / "seen.jsonl").write_text('{"revision": "main", "saw": "half"}\n')
    waits = (
        "import pathlib, sys, time\nwhile not (pathlib.Path(sys.argv[1]) / 'stop').exists(): time.sleep(0.05)"
    )
    (tmp_path / "reader.py").write_text(waits)
    monkeypatch.setattr(publication, "__file__", str(tmp_path / "reader.py"))
    failed = pytest.raises(SystemExit, match="publish: status 3")
    with failed, publication.reading(tmp_path, None) as reader:
        assert reader.process.poll() is None and not (tmp_path / "seen.jsonl").exists()
        publication.finished(publication.start(["-c", "raise SystemExit(3)"]), "publish")
    assert reader.process.returncode == 0


@pytest.mark.parametrize(
    "saw", ["main half", "main 1.0.0+half", "main error refused", "v1.0.0 1.1.0", "v1.0.0 none"]
)
def test_what_is_not_whole_fails(publication, saw):
    right = {"main 1.0.0": 4, "main 1.1.0": 2, "v1.0.0 1.0.0": 6, "v1.1.0 none": 3, "v1.1.0 1.1.0": 1}
    publication.check_seen(right)
    with pytest.raises(SystemExit, match=r"readers saw .*: .* \(2 times\)"):
        publication.check_seen(right | {saw: 2})
