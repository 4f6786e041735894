"""Shared fixtures: real datasets made once a session by the real command."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sousa.generation.rudiments.settings import make_config
from tests.support import skips

ROOT = Path(__file__).parent.parent


def run_sousa(*arguments, cwd=None, preexec=None, **environment):
    """Run the command as a user would; returns the finished process with its texts."""
    return subprocess.run(
        [sys.executable, str(ROOT / "sousa.py"), *map(str, arguments)],
        cwd=cwd or ROOT, capture_output=True, text=True, preexec_fn=preexec,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """In CI a test that is skipped without a known reason has failed; so has a module (below)."""
    return skips.refuse((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    """As above."""
    return skips.refuse((yield))


@pytest.fixture
def sousa():
    """The command line."""
    return run_sousa


@pytest.fixture(scope="session", autouse=True)
def own_caches(tmp_path_factory):
    """No test reads or fills the user's caches."""
    place = tmp_path_factory.mktemp("caches")
    os.environ["SOUSA_CACHE"] = str(place / "sousa")
    os.environ["HF_HOME"] = str(place / "hf")
    os.environ["HF_HUB_OFFLINE"] = "1"
    return place


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """The small size with audio: (directory, the finished process that made it)."""
    root = tmp_path_factory.mktemp("small") / "dataset"
    done = run_sousa("generate", "--size", "small", "-o", root, "--workers", 1)
    assert done.returncode == 0, done.stderr
    return root, done


@pytest.fixture(scope="session")
def small_config():
    """Its configuration."""
    return make_config("small")


TINY_OPTIONS = {
    "profiles": 3, "tempos": 1, "augmentations": 1,
    "rudiments": ["flam", "five_stroke_roll", "multiple_bounce_roll"],
}  # fmt: skip
TINY = ("generate", "-p", 3, "-t", 1, "-a", 1, "--rudiments", "flam,five_stroke_roll,multiple_bounce_roll")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Nine rows with audio and loose files, for tests that damage a copy of it."""
    root = tmp_path_factory.mktemp("tiny") / "dataset"
    done = run_sousa(*TINY, "-o", root, "--workers", 1, "--files")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture(scope="session")
def versions(tmp_path_factory):
    """Two releases: five players, then four, one of them with another label."""
    from tests.support.releases import altered, faster, release

    place = tmp_path_factory.mktemp("versions")
    arguments = [*TINY, "-q", "--skip-validation"]
    for players in (5, 4):
        arguments[arguments.index("-p") + 1] = players
        command = [sys.executable, str(ROOT / "sousa.py"), *map(str, arguments), "-o", f"{place}/d{players}"]
        subprocess.run(command, check=True)
    first = release(place / "d5", place / "v1")
    changed = altered(place / "d4", place / "d4b", faster)
    return first, release(changed, place / "v2", "2.0.0", previous=str(first))


@pytest.fixture(scope="session")
def tones_site(tmp_path_factory):
    """A directory with an installed package that brings a corpus of its own."""
    place = tmp_path_factory.mktemp("tones")
    shutil.copytree(ROOT / "tests" / "support" / "tones_corpus", place / "source")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(place / "site"),
         str(place / "source")],
        check=True,
    )  # fmt: skip
    return place / "site"


@pytest.fixture
def tones(tones_site, monkeypatch):
    """That package installed here, for this process and those it starts; returns its directory."""
    from sousa.generation import corpora

    def forget():
        for function in (corpora.places, corpora.get, corpora._made):
            function.cache_clear()

    monkeypatch.syspath_prepend(str(tones_site))
    monkeypatch.setenv("PYTHONPATH", str(tones_site), prepend=os.pathsep)
    forget()
    yield tones_site
    forget()
