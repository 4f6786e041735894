"""Random streams: addressed, independent, the same everywhere."""

import ast
import os
import subprocess
import sys

import numpy as np
import pytest

from sousa.generation import seeds
from tests.conftest import ROOT


def test_this_machine_draws_the_published_numbers():
    assert seeds.self_check()


def test_streams_depend_on_every_part_of_their_name():
    names = [(1, "a", 2), (1, "a", 3), (2, "a", 2), (1, "b", 2), (1, "a", "2"), (1, "a2"), (1, "a", 2, 0)]
    first = [seeds.stream(*name).random() for name in names]
    assert len(set(first)) == len(names)
    assert first == [seeds.stream(*name).random() for name in names]


def test_streams_do_not_depend_on_the_hash_seed():
    code = "from generation import seeds; print(seeds.probe_digest())"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": s},
        ).stdout
        for s in ("0", "1", "random")
    }
    assert seen == {seeds.probe_digest() + "\n"}


def test_numpy_integers_name_the_same_stream():
    assert seeds.stream(1, np.int64(7)).random() == seeds.stream(1, 7).random()


def _called(path):
    """Methods that a module calls, but for functions of NumPy itself."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if not (isinstance(owner, ast.Name) and owner.id == "np"):
                yield node.func.attr


def test_every_kind_of_draw_is_checked():
    kinds = {name for name in dir(np.random.Generator) if not name.startswith("_")} - {"spawn"}
    used = {name for path in (ROOT / "generation").rglob("*.py") for name in _called(path)} & kinds
    assert (
        {"poisson", "standard_t", "choice", "integers"} <= used <= {kind.__name__ for kind in seeds._PROBES}
    )


@pytest.mark.parametrize("kind", seeds._PROBES, ids=lambda kind: kind.__name__)
def test_a_draw_of_one_kind_that_differs_is_noticed(kind, monkeypatch):
    def other(rng, drawn=seeds._PROBES[kind]):
        return [*drawn(rng)[:-1], drawn(rng)[-1][::-1]]

    monkeypatch.setitem(seeds._PROBES, kind, other)
    assert not seeds.self_check()


def test_a_changed_generator_is_noticed(monkeypatch):
    monkeypatch.setattr(seeds, "_DOMAIN", b"other")
    assert not seeds.self_check()


def test_uniforms_are_uniform_and_addressed():
    many = np.array([seeds.uniforms(3, 5, "x", i) for i in range(2000)])
    assert many.shape == (2000, 5) and many.min() >= 0 and many.max() < 1
    assert np.abs(many.mean(0) - 0.5).max() < 0.03 and np.abs(many.var(0) - 1 / 12).max() < 0.01
    assert np.abs(np.corrcoef(many.T) - np.eye(5)).max() < 0.1
    assert seeds.uniforms(3, 2, "x", 7) == seeds.uniforms(3, 20, "x", 7)[:2]
    assert len(set(seeds.uniforms(3, 20, "x", 7))) == 20
