"""A server of small corpora, and the command that fetches them from it."""

import pytest

from sousa.generation import commandline, ending
from sousa.generation.audio import download
from tests.support import small_catalogue
from tests.support.publisher import publishing

COMMANDS = {"download": ("sousa.generation.captions.downloads.command:download", "fetch corpora")}


def run(*words):
    """The command, in this process; returns its exit status."""
    return ending.run(
        lambda: commandline.run(COMMANDS, ["download", *map(str, words)], "0"), "stopped", alone=False
    )


@pytest.fixture
def publisher():
    with publishing() as publisher:
        yield publisher


@pytest.fixture
def catalogue(publisher, tmp_path):
    return small_catalogue.publish(publisher, tmp_path)


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch):
    monkeypatch.setattr(download, "PAUSE_SEC", 0.01)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)


@pytest.fixture
def fetch(catalogue, tmp_path):
    """The command over the small catalogue, into the folder ``raw``."""
    return lambda *words: run("--catalogue", catalogue, "-o", tmp_path / "raw", *words)


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "raw"
