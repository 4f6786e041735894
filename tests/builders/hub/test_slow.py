"""A Hub that sends a byte now and then: no transfer goes on for ever, and what came is kept."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.support.hub import Fault, Hub
from tests.support.releases import release

PREFIX = """
import sys
from sousa.builders.hub import remote
from sousa.generation import pace
from sousa.generation.errors import SousaError
remote._PACE._grace_sec = {grace}
pace.SLOWEST = 200_000.0
try:
    {code}
except SousaError as error:
    print(error)
"""
WAYS = {
    "card": ("README.md", "import sousa; sousa.load('org/data')"),
    "whole files": (r"data/.*parquet", "import sousa; sousa.load('org/data', 'custom')"),
    "files of a split": (r"data/.*parquet", "import sousa; sousa.load('org/data', 'custom', split='train')"),
    "stream": (r"data/.*parquet", "import sousa; list(sousa.load('org/data', 'custom', streaming=True, "
                                  "split='train'))"),
    "columns": (r"data/.*parquet", "import sousa; sousa.load('org/data', 'labels')"),
    "an earlier release": ("manifest", "from sousa.builders.release import opened; "
                                       "opened.on_hub('org/data')"),
    "rows of training": (r"data/.*parquet", "from sousa.training import sources as s; f = s.find('org/data', "
                                            "'custom').files[0]; s.read_range(f.path, 0, 50_000)"),
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tiny, tmp_path_factory):
    root = release(tiny, tmp_path_factory.mktemp("slow") / "r")
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def run(hub, place, code, grace=60.0):
    script = PREFIX.format(code=code, grace=grace)
    return subprocess.run(
        [sys.executable, "-c", script], env=hub.environment(place / "cache"), cwd=ROOT, capture_output=True,
        text=True, timeout=600,
    )  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_byte_now_and_then_ends_in_a_sentence(way, files, tmp_path):
    match, code = WAYS[way]
    with Hub(tmp_path / "hub") as hub:
        hub.create("org/data")
        hub.commit("org/data", files)
        hub.faults.add(Fault(f"GET .*{match}", "drip", seconds=0.05))
        made = run(hub, tmp_path, code, 2.0)  # other answers come sooner on a loaded machine too
        assert made.returncode == 0, made.stderr
        sentence = made.stdout.strip()
        assert re.search(r"GET http://\S+: [\d,]+ bytes of the answer came in \d+ s, too slow", sentence)
        assert "run it again when the network is faster" in sentence and "\n" not in sentence
        assert "Traceback" not in made.stderr
        hub.faults.clear()
        again = run(hub, tmp_path, code)
        assert (again.returncode, again.stdout) == (0, ""), again.stderr


def test_an_answer_that_is_long_but_steady_comes_whole(files, tmp_path):
    with Hub(tmp_path / "hub") as hub:
        hub.create("org/data")
        hub.commit("org/data", files)
        hub.faults.add(Fault("GET .*README.md", "slow", seconds=0.5, pieces=20))
        made = run(hub, tmp_path, WAYS["card"][1])
        assert (made.returncode, made.stdout) == (0, ""), made.stderr
