"""The row index of a release: out of the way of those who look for its rows, and as it was before."""

import json
from pathlib import Path

import pyarrow.dataset
import pyarrow.parquet
import pytest

import sousa
from sousa.builders.release import check, layout, opened
from sousa.generation.errors import RunError
from sousa.generation.manifest import sealed
from sousa.generation.storage import LocalStorage
from tests.conftest import run_sousa
from tests.support.hub import Hub
from tests.support.publishing import REPO, Publisher, whole
from tests.support.releases import of_format_1, release

ROWS = 9


@pytest.fixture(scope="module")
def made(tiny, tmp_path_factory):
    return release(tiny, tmp_path_factory.mktemp("r") / "v1")


@pytest.fixture
def before(made, tmp_path):
    return of_format_1(made, tmp_path / "before")


def test_whoever_looks_for_parquet_files_finds_the_rows_alone(made):
    files = sorted(made.glob("**/*.parquet"))
    assert sum(pyarrow.parquet.read_metadata(file).num_rows for file in files) == ROWS
    folder = pyarrow.dataset.dataset(made, format="parquet", exclude_invalid_files=True)
    assert folder.count_rows() == ROWS and "sample_id" in folder.schema.names
    assert folder.schema.names == pyarrow.dataset.dataset(made / "data", format="parquet").schema.names
    from datasets.packaged_modules import _EXTENSION_TO_MODULE as GUESSED

    assert Path(layout.INDEX).suffix not in GUESSED


def test_a_release_of_before_is_verified_loaded_and_compared(tiny, made, before, tmp_path):
    assert check.problems(opened.read(before)) == []
    assert "all 6 files are unchanged" in run_sousa("verify", before).stdout
    assert opened.read(before).index().equals(opened.read(made).index())
    rows = sousa.load(before, decoder="none", cache_dir=str(tmp_path / "c"))
    assert sum(map(len, rows.values())) == ROWS
    same = run_sousa("release", tiny, "-o", before, "--version", "1.0.0")
    assert same.returncode == 0 and "is finished already" in same.stderr
    second = release(tiny, tmp_path / "v2", "1.0.1", previous=str(before), notes=["Another index."])
    changelog = json.loads((second / "manifest.json").read_text())["changelog"]
    assert changelog[-1]["lines"] == ["Another index."]
    (before / "row_index.parquet").unlink()
    assert "row_index.parquet is missing" in run_sousa("verify", before, "-q").stderr


def test_what_is_wrong_with_an_index_names_its_file(made, before):
    for root, name in ((made, "_row_index.pq"), (before, "row_index.parquet")):
        release = opened.read(root)
        lost = next(iter(layout.data_files(release.manifest)))
        del release.manifest["files"][lost]
        assert f"{name} does not list the rows of the data files" in check._index(release)


def test_a_release_of_before_is_published_and_the_next_takes_its_index_away(tiny, before, tmp_path):
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        publisher.publish(before)
        assert whole(hub, "v1.0.0", before)
        second = release(tiny, tmp_path / "v2", "1.0.1", previous=str(before), notes=["Another index."])
        publisher.publish(second)
        assert whole(hub, "main", second) and "row_index.parquet" not in hub.tree(REPO, "main")


def test_an_unfinished_release_of_before_goes_on(tiny, made, tmp_path, monkeypatch):
    output, done, move = tmp_path / "r", [], LocalStorage.move

    def dying(self, source, target):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(target)
        move(self, source, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(LocalStorage, "move", dying)
        release(tiny, output)
    shown = output / ".unfinished" / "shown.json"
    assert done[-1] == layout.INDEX and layout.INDEX in shown.read_text()
    (output / layout.INDEX).rename(output / "row_index.parquet")
    shown.write_text(shown.read_text().replace(layout.INDEX, "row_index.parquet"))
    release(tiny, output)
    names = {p.relative_to(output).as_posix() for p in output.rglob("*")}
    assert names == {p.relative_to(made).as_posix() for p in made.rglob("*")}
    assert check.problems(opened.read(output)) == []


@pytest.mark.parametrize("release_format", [0, 3, -1])
def test_a_format_that_is_not_known_is_refused(before, release_format):
    manifest = json.loads((before / "manifest.json").read_text())
    sealed_again = sealed(manifest | {"release_format": release_format})
    (before / "manifest.json").write_text(json.dumps(sealed_again))
    said = rf"release format {release_format}, this sousa knows up to 2; use a newer sousa"
    with pytest.raises(RunError, match=said):
        opened.read(before)
