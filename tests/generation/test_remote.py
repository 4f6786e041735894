"""Datasets made in an object store, over the protocol of S3."""

import os
import subprocess
import sys
import time

import pyarrow.dataset
import pyarrow.fs
import pytest

from sousa.generation.errors import UsageError
from sousa.generation.remote import storage_of
from sousa.generation.storage import LocalStorage
from tests.conftest import ROOT, TINY
from tests.support import s3

if not s3.SERVER.exists():
    pytest.skip("the server of S3 is not installed; 'make test' does that", allow_module_level=True)


@pytest.fixture
def server(tmp_path):
    with s3.running(tmp_path) as (server, _):
        yield server


def same_as(server, root, name):
    """Whether the shards and label tables at an address are those of a directory."""
    files = [path for folder in ("data", "labels") for path in (root / folder).rglob("*.parquet")]
    stored = {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
    keys = [key.removeprefix(f"{name}/") for key in server.keys(f"{name}/")]
    made = {key: server.ask(f"/{name}/{key}") for key in keys if key.endswith(".parquet")}
    return made == stored


@pytest.mark.parametrize("workers", [1, 2])
def test_the_bytes_are_those_of_a_directory(server, tiny, sousa, workers):
    command = (*TINY, "-o", "s3://corpora/one", "-w", workers)
    done = sousa(*command, **server.environment)
    assert done.returncode == 0, done.stderr
    assert "checks passed" in done.stderr and "MB in s3://corpora/one (" in done.stdout
    # loose files, which a directory can have, change a column of one table
    made = {key for key in server.keys("one/") if key.startswith("one/data/")}
    assert made == {f"one/{path.relative_to(tiny).as_posix()}" for path in tiny.glob("data/*/*.parquet")}
    for key in made:
        assert server.ask(f"/{key}") == (tiny / key.removeprefix("one/")).read_bytes()
    others = {key.removeprefix("one/").partition("/")[0] for key in server.keys("one/")} - {"data", "labels"}
    assert others == {"README.md", "manifest.json", "splits.json", *(
        f"validation_report.{kind}" for kind in ("html", "json", "txt"))}  # fmt: skip
    store = pyarrow.fs.S3FileSystem(
        endpoint_override=server.address, region="us-east-1", access_key="key", secret_key="secret"
    )
    assert pyarrow.dataset.dataset("corpora/one/data", filesystem=store).count_rows() == 9


def test_a_killed_run_goes_on_and_nothing_is_whole_before_the_end(server, sousa, tmp_path):
    words = ["-p", "40", "-t", "1", "--rudiments", "flam,drag", "--skip-validation", "-w", "1", "-q"]
    assert sousa("generate", *words, "-o", tmp_path / "here").returncode == 0
    command = [sys.executable, str(ROOT / "sousa.py"), "generate", *words, "-o", "s3://corpora/many"]
    process = subprocess.Popen(command, env={**os.environ, **server.environment})
    while process.poll() is None and len(server.keys("many/data/")) < 3:
        time.sleep(0.02)
    process.kill()
    process.wait()
    begun = server.keys("many/")
    assert "many/.unfinished/manifest.json" in begun and "many/manifest.json" not in begun
    done = sousa("generate", *words[:-1], "-o", "s3://corpora/many", **server.environment)
    assert done.returncode == 0 and "already there: " in done.stderr
    assert same_as(server, tmp_path / "here", "many")
    assert not [key for key in server.keys("many/") if ".unfinished" in key]
    done = sousa("generate", *words, "--seed", 1, "-o", "s3://corpora/many", **server.environment)
    assert done.returncode == 2 and "many holds a dataset made with other settings" in done.stderr


def test_a_missing_shard_is_made_again_on_another_machine(server, tiny, sousa, tmp_path):
    command = (*TINY, "-o", "s3://corpora/one", "--skip-validation", "-q")
    assert sousa(*command, **server.environment).returncode == 0
    key = next(key for key in server.keys("one/data/"))
    server.ask(f"/{key}", "DELETE")
    elsewhere = server.environment | {"SOUSA_CACHE": str(tmp_path / "other")}
    done = sousa(*command[:-1], **elsewhere)
    assert done.returncode == 0 and "is missing: making it again" in done.stderr
    assert server.ask(f"/{key}") == (tiny / key.removeprefix("one/")).read_bytes()


def test_what_is_no_dataset_is_left_alone(server, sousa):
    server.ask("/mine/notes.txt", "PUT", b"kept")
    for flags in ((), ("--dry-run",)):
        done = sousa(*TINY, "-o", "s3://corpora/mine", *flags, **server.environment)
        assert "s3://corpora/mine holds other files, not a dataset" in done.stderr
    assert server.keys("mine/") == ["mine/notes.txt"]


def test_a_store_that_does_not_answer_is_said(tmp_path, sousa):
    with s3.running(tmp_path) as (server, process):
        process.kill()
        process.wait()
        done = sousa(*TINY, "-o", "s3://corpora/one", "-q", **server.environment)
    assert done.returncode in (1, 2) and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("sousa: s3://corpora/one")


@pytest.mark.parametrize(
    "address",
    ["s3://bucket", "s3://", "s3://key:secret@bucket/name", "s3://bucket/name?a=b", "odd://bucket/x"],
)
def test_addresses_that_can_not_be_used(address):
    with pytest.raises(UsageError) as caught:
        storage_of(address)
    assert "secret" not in str(caught.value)


def test_what_needs_a_directory_refuses_an_address(sousa, tmp_path):
    done = sousa(*TINY, "-o", "s3://corpora/one", "--files", "--shards", "0-1", cwd=tmp_path)
    assert done.returncode == 2
    assert all(
        f"{flag} needs a directory, and not an address" in done.stderr for flag in ("--files", "--shards")
    )
    done = sousa("export", "dataset", "--to", "csv", "-o", "s3://corpora/csv", cwd=tmp_path)
    assert (
        done.returncode == 2 and "output is the address 's3://corpora/csv'; name a directory" in done.stderr
    )
    assert not any(tmp_path.iterdir())


def test_a_path_is_a_directory():
    assert type(storage_of("output/rudiments")) is LocalStorage
