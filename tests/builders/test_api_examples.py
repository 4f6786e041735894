"""The examples in the help of the public functions are what happens, one after the other in one folder."""

import doctest

import pytest

import sousa


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("examples")


@pytest.mark.parametrize(
    "name",
    [
        "generate",
        "merge",
        "load",
        "plot",
        "validate",
        "verify",
        "preview",
        "export",
        "release",
        "diff",
        "publish",
    ],
)
def test_examples(name, place, monkeypatch):
    monkeypatch.chdir(place)
    tests = doctest.DocTestFinder(recurse=False).find(getattr(sousa, name), name, globs={"sousa": sousa})
    (examples,) = [test for test in tests if test.examples]
    said = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=said.append)
    assert not said, "".join(said)


def test_every_public_function_has_one():
    assert {name for name in sousa.__all__ if callable(getattr(sousa, name))} == set(
        test_examples.pytestmark[0].args[1]
    )
