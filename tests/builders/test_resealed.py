"""Manifests that somebody changed and sealed again: whatever is in them, one sentence and no traceback."""

import copy
import json
import random
import shutil

import pytest

from sousa.builders.release import opened
from sousa.generation.errors import SousaError
from sousa.generation.manifest import config_digest, sealed
from sousa.generation.reopen import open_dataset
from tests.conftest import run_sousa

VALUES = (None, 5, -1, 10**18, 1.5, float("inf"), "x", "\0", [], {}, [1], True, [[1, 2]], {"a": 1})
TRIES = 300


@pytest.fixture(scope="module")
def textures(tmp_path_factory):
    root = tmp_path_factory.mktemp("textures") / "dataset"
    done = run_sousa("generate", "textures", "-o", root, "--workers", 1, "-q")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture(scope="module")
def release(tiny, tmp_path_factory):
    root = tmp_path_factory.mktemp("release") / "v1"
    done = run_sousa("release", tiny, "-o", root, "--version", "1.0.0", "-q")
    assert done.returncode == 0, done.stderr
    return root


def places(value, at=()):
    """Every place in plain data; of a list the first two elements."""
    inside = value.items() if isinstance(value, dict) else list(enumerate(value))[:2]
    for key, part in inside:
        yield (*at, key)
        if isinstance(part, (dict, list)):
            yield from places(part, (*at, key))


def changed(manifest, at, value):
    manifest = copy.deepcopy(manifest)
    target = manifest
    for key in at[:-1]:
        target = target[key]
    target[at[-1]] = value
    if "shards" in manifest and isinstance(manifest["config"], dict):
        manifest["config_digest"] = config_digest(manifest["config"], manifest["format_version"])
    return sealed(manifest)


@pytest.mark.parametrize("name", ["tiny", "textures", "release"])
def test_manifests_of_any_content(name, request, tmp_path):
    root = shutil.copytree(request.getfixturevalue(name), tmp_path / "copy")
    manifest = json.loads((root / "manifest.json").read_text())
    opens = opened.read if name == "release" else open_dataset
    start = {"config": manifest["config"]} if name != "release" else manifest
    choices, refused = random.Random(1), 0
    for at, value in choices.sample([(at, v) for at in places(start) for v in VALUES], TRIES):
        (root / "manifest.json").write_text(json.dumps(changed(manifest, at, value)))
        try:
            opens(root)
        except SousaError as error:
            refused += 1
            assert 20 < len(str(error)) < 800 and "\n" not in str(error), (at, value)
    assert refused > TRIES / 3
    (root / "manifest.json").write_text(json.dumps(changed(manifest, ("config",), manifest["config"])))
    opens(root)  # as it was
