"""Repeat the tests that can race, with a busy loop on every core.

    python -m pytest -p tests.support.races --times 200

A test can race when it, a function of its module that it calls, or a fixture of it starts processes or
servers, sends signals, reads pipes or opens a browser. Paths of tests and ``-n`` work as usual.
"""

import inspect
import os
import re
import subprocess
import sys

import pytest

_RACING = re.compile(
    r"Popen|signal\.|\bkill|SIGTERM|SIGINT|os\.pipe|[Tt]hread|[Hh]ub\(|\bhub\b|[Bb]rowser|chromium|\bserver"
    r"|\bstart\(|workers|\"-w\"|\btimeout"
)


def pytest_addoption(parser):
    """How often."""
    parser.addoption("--times", type=int, default=200, help="how often each test that can race is run")


def pytest_generate_tests(metafunc):
    """As many tests as repetitions."""
    metafunc.fixturenames.append("repetition")
    metafunc.parametrize("repetition", range(metafunc.config.getoption("--times")))


@pytest.fixture
def repetition(request):
    """Number of this run of a test."""
    return request.param


def pytest_collection_modifyitems(config, items):
    """Only tests that can race, all once before any twice."""
    known = {}
    for item in items:
        if item.function not in known:
            known[item.function] = bool(_RACING.search(_source(item)))
    racing = [item for item in items if known[item.function]]
    items[:] = sorted(racing, key=lambda item: item.callspec.params["repetition"])


def _source(item):
    functions, text = [item.function], ""
    for function in functions:
        text += (source := inspect.getsource(inspect.unwrap(function)))
        for word in set(re.findall(r"\w+", source)):
            other = vars(item.module).get(word)
            if (
                inspect.isfunction(other)
                and other.__module__ == item.module.__name__
                and other not in functions
            ):
                functions.append(other)
    return f"{text} {' '.join(item.fixturenames)}"


_loops = []


def pytest_sessionstart(session):
    """Keep every core busy."""
    if not hasattr(session.config, "workerinput"):
        loop = [sys.executable, "-c", "while True: pass"]
        _loops.extend(subprocess.Popen(loop) for _ in range(os.cpu_count() or 1))


def pytest_sessionfinish(session):
    """Stop that."""
    for loop in _loops:
        loop.kill()
