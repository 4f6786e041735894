"""From generating to two published versions, read back by the stock clients: the whole way of a release."""

import json
import subprocess
import sys
import textwrap

import pytest

from tests.conftest import ROOT
from tests.support.hub import Hub

REPO = "org/sousa"
PRELUDE = """
import hashlib, json, sys
import datasets
said = {}
def digests(dataset):
    if "audio" in dataset.features:
        dataset = dataset.cast_column("audio", datasets.Audio(decode=False))
    sha = hashlib.sha256
    return {row["sample_id"]: sha(repr(sorted(row.items())).encode()).hexdigest() for row in dataset}
"""


class Machine:
    """A user's machine: a cache of its own, the command, and scripts that leave results in ``said``."""

    def __init__(self, hub, cache, token="hf_writer"):
        self.environment = hub.environment(cache, token)

    def run(self, command):
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sousa(self, *arguments):
        return self.run([sys.executable, str(ROOT / "sousa.py"), *map(str, arguments)])

    def script(self, text):
        out = self.run([sys.executable, "-c", PRELUDE + textwrap.dedent(text) + "\nprint(json.dumps(said))"])
        return json.loads(out.splitlines()[-1])


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """The small size with two more players."""
    root = tmp_path_factory.mktemp("grown") / "d"
    options = ("-p", "12", "-t", "3", "-a", "1", "-q", "--skip-validation", "-w", "1")
    subprocess.run(
        [sys.executable, str(ROOT / "sousa.py"), "generate", *options, "-o", str(root)], check=True
    )
    return root


@pytest.fixture(scope="module", params=["lfs", "xet"])
def world(request, small, grown, tmp_path_factory):
    """Both versions published, one with two more players; what each step printed."""
    place = tmp_path_factory.mktemp("world")
    with Hub(place / "hub", xet=request.param == "xet") as hub:
        author = Machine(hub, place / "author")
        steps = [author.sousa("release", small[0], "-o", place / "v1", "--version", "1.0.0", "--repo", REPO)]
        steps.append(author.sousa("publish", place / "v1", REPO))
        options = ("--version", "1.1.0", "--repo", REPO, "--previous", REPO, "--note", "Two more players.")
        steps.append(author.sousa("release", grown, "-o", place / "v2", *options))
        hub.clear()
        steps.append(author.sousa("publish", place / "v2", REPO))
        yield hub, place, steps, hub.bytes_uploaded


def test_both_versions_load_and_differ_as_the_changelog_says(world, small, tmp_path):
    hub, place, steps, sent = world
    user = Machine(hub, tmp_path / "user", token=None)
    said = user.script(
        f"""
        for tag in ("v1.0.0", "v1.1.0"):
            for config in ("small", "custom") if tag == "v1.1.0" else ("small",):
                loaded = datasets.load_dataset("{REPO}", config, revision=tag)
                said[f"{{tag}} {{config}}"] = {{name: digests(part) for name, part in loaded.items()}}
                said[f"{{tag}} version"] = str(loaded["train"].info.version)
        said["default"] = len(datasets.load_dataset("{REPO}", split="train"))
        said["local"] = {{n: digests(p) for n, p in datasets.load_dataset("{place}/v2", "custom").items()}}
        stream = datasets.load_dataset("{REPO}", "small", split="train", streaming=True, revision="v1.0.0")
        said["streamed"] = digests(stream)
        said["midi"] = digests(datasets.load_dataset("{REPO}", "small-midi", split="test", streaming=True))
        """
    )
    assert said["v1.0.0 small"] == said["v1.1.0 small"]
    assert [said["v1.0.0 version"], said["v1.1.0 version"]] == ["1.0.0", "1.1.0"]
    assert said["streamed"] == said["v1.0.0 small"]["train"] and said["local"] == said["v1.1.0 custom"]
    assert len(said["midi"]) == 120 and said["default"] == len(said["v1.1.0 custom"]["train"])
    before = {name for part in said["v1.0.0 small"].values() for name in part}
    after = {name for part in said["v1.1.0 custom"].values() for name in part}
    assert len(before) == 1200 and before < after and len(after - before) == 240
    log = json.loads((place / "v2" / "manifest.json").read_text())["changelog"][-1]
    assert log["lines"][0] == "Two more players."
    assert log["lines"][1].startswith("240 rows added") and "configs added: custom" in " ".join(log["lines"])
    assert "240 rows added" in steps[2] and "240 rows added" in (place / "v2" / "README.md").read_text()
    diff = user.sousa("diff", REPO, "v1.0.0", "v1.1.0")
    assert "240 rows added" in diff and "a minor change, as the version says" in diff
    new = sum(p.stat().st_size for p in (place / "v2" / "data" / "custom").rglob("*.parquet"))
    assert sent < 1.02 * new + 200_000  # the new players and the row index, no row of the first version


def test_small_fetches_its_own_files_alone(world, tmp_path):
    hub, _, _, _ = world
    user = Machine(hub, tmp_path / "user", token=None)
    hub.clear()
    user.script(f'said["rows"] = len(datasets.load_dataset("{REPO}", "small", split="train"))')
    fetched = {
        r.path.split("/data/")[1].split("?")[0]
        for r in hub.requests
        if "/resolve/" in r.path and "/data/" in r.path
    }
    assert fetched and all(path.startswith("small/") for path in fetched)


TIERS = ["beginner", "intermediate", "advanced", "professional"]


def test_classes_are_numbered_in_their_order_however_they_are_read(world, tmp_path):
    hub, place, _, _ = world
    user = Machine(hub, tmp_path / "user", token=None)
    said = user.script(
        LOAD
        + f"""
import pyarrow.dataset as pds
stored = pds.dataset("{place}/v1/data").to_table(columns=["sample_id", "skill_tier", "split"]).to_pylist()
stored = {{row["sample_id"]: row["skill_tier"] for row in stored if row["split"] == "test"}}
fixed = {{"revision": "v1.0.0", "split": "test"}}
ways = {{
    "stock": datasets.load_dataset("{REPO}", "small", **fixed),
    "streamed": datasets.load_dataset("{REPO}", "small", streaming=True, **fixed),
    "directory": datasets.load_dataset("{place}/v1", "small", split="test"),
    "part": sousa.load("{REPO}", "small", **fixed),
    "in place": sousa.load("{REPO}", "labels", **fixed),
    "part of a directory": sousa.load("{place}/v1", "small", split="test"),
}}
for name, way in ways.items():
    feature = way.features["skill_tier"]
    way = way.select_columns(["sample_id", "skill_tier"])
    same = {{row["sample_id"]: feature.int2str(row["skill_tier"]) for row in way}} == stored
    said[name] = [feature.names, same]
said["rows"] = len(stored)
"""
    )
    assert said.pop("rows") == 120
    assert said == {name: [TIERS, True] for name in said} and len(said) == 6


LOAD = f"""
import sys; sys.path.insert(0, "{ROOT}")
import numpy as np
import sousa
"""


def test_sousa_load_fetches_the_split_or_the_columns_asked_for(world, tmp_path):
    hub, place, _, _ = world
    user = Machine(hub, tmp_path / "user", token=None)
    hub.clear()
    said = user.script(
        LOAD
        + f"""
part = sousa.load("{REPO}", "small", split="test", revision="v1.0.0")
row = part[5]["audio"]
said["rows"], said["kind"] = len(part), type(part).__module__
said["audio"] = [len(row["array"]), row["sampling_rate"], float(np.abs(row["array"]).max())]
said["names"] = part["sample_id"][:3]
said["version"] = str(part.info.version)
"""
    )
    assert said["rows"] == 120 and said["kind"] == "datasets.arrow_dataset" and said["version"] == "1.0.0"
    assert said["audio"][1] == 44100 and 0.01 < said["audio"][2] <= 1.0
    paths = [r.path for r in hub.requests if "/data/" in r.path and "/resolve/" in r.path]
    assert all("data/small/test/" in path for path in paths)
    split = sum(p.stat().st_size for p in (place / "v2" / "data" / "small" / "test").rglob("*.parquet"))
    assert 0.95 * split < sum(r.bytes_out for r in hub.requests) < 1.05 * split
    hub.clear()
    said = user.script(
        LOAD
        + f"""
whole = sousa.load("{REPO}", "labels")
said["rows"] = {{name: len(part) for name, part in whole.items()}}
said["columns"] = whole["train"].column_names
said["some"] = len(sousa.load("{REPO}", "labels", split="train[:7]"))
stream = sousa.load("{REPO}", "small", split="test", streaming=True)
said["stream"] = next(iter(stream))["audio"]["array"].shape
said["local"] = len(sousa.load("{place}/v2", "small-midi", split="validation"))
"""
    )
    assert sum(said["rows"].values()) == 1440 and "audio" not in said["columns"] and said["some"] == 7
    assert said["local"] == 240 and len(said["stream"]) == 1
    total = sum(p.stat().st_size for p in (place / "v2" / "data").rglob("*.parquet"))
    if not hub.xet:  # where ranges are the Hub's own
        labels = [r for r in hub.requests if "/resolve/" in r.path and r.range]
        assert 0 < sum(r.bytes_out for r in labels) < 0.35 * total


def test_what_is_not_there_is_said_before_anything_is_fetched(world, tmp_path):
    hub, _, _, _ = world
    user = Machine(hub, tmp_path / "user", token=None)
    said = user.script(
        LOAD
        + f"""
def why(*arguments, **more):
    try:
        sousa.load(*arguments, **more)
    except Exception as error:
        return f"{{type(error).__name__}}: {{error}}"
said["config"] = why("{REPO}", "smal")
said["split"] = why("{REPO}", "small", split="tset")
said["repo"] = why("org/nothing")
said["revision"] = why("{REPO}", revision="v9.9.9")
said["decoder"] = why("{REPO}", decoder="ffmpeg")
"""
    )
    assert said["config"].startswith("UsageError") and "did you mean small?" in said["config"]
    assert "did you mean test?" in said["split"] and "choose from auto, soundfile" in said["decoder"]
    assert "loading org/nothing: there is no such dataset on the Hub" in said["repo"]
    assert "nor is there such a directory here" in said["repo"]
    assert "there is no such revision" in said["revision"]


def test_the_rows_are_those_of_the_dataset_to_the_bit(world, small, tmp_path):
    """By digest of decoded sound, through the Hub."""
    hub, _, _, _ = world
    user = Machine(hub, tmp_path / "user", token=None)
    said = user.script(
        LOAD
        + f"""
part = sousa.load("{REPO}", "small", split="validation", revision="v1.0.0", decoder="soundfile")
wrong = []
for row in part:
    pcm = np.rint(row["audio"]["array"] * 32768).astype("<i2")
    if hashlib.md5(pcm.tobytes()).hexdigest() != row["pcm_digest"]:
        wrong.append(row["sample_id"])
said["rows"], said["wrong"] = len(part), wrong
"""
    )
    assert said == {"rows": 240, "wrong": []}


def test_what_was_loaded_loads_again_offline_and_stock_is_not_disturbed(world, tmp_path):
    hub, _, _, _ = world
    user = Machine(hub, tmp_path / "user", token=None)
    script = f"""
said["labels"] = sousa.load("{REPO}", "labels", split="test", revision="v1.0.0")["sample_id"][:]
said["part"] = len(sousa.load("{REPO}", "small", split="test", revision="v1.0.0")[7]["audio"]["array"])
"""
    online = user.script(LOAD + script)
    user.script(f'said["rows"] = len(datasets.load_dataset("{REPO}", "labels", split="train"))')
    user.environment["HF_HUB_OFFLINE"] = "1"
    assert user.script(LOAD + script) == online and len(online["labels"]) == 120
    stock = user.script(f'said["rows"] = len(datasets.load_dataset("{REPO}", "labels", split="train"))')
    assert (
        stock["rows"] > 840
    )  # all of the newest version: the part that sousa.load kept is not mistaken for it


def test_offline_no_other_version_stands_for_the_one_that_is_asked_for(world, tmp_path):
    """Whether its card was seen before or not; stock datasets gives the latest that it has."""
    hub, _, _, _ = world
    user = Machine(hub, tmp_path / "user", token=None)
    user.script(
        LOAD
        + f"""
from huggingface_hub import hf_hub_download
sousa.load("{REPO}", "small", revision="v1.1.0")
hf_hub_download("{REPO}", "README.md", repo_type="dataset", revision="v1.0.0")
"""
    )
    user.environment["HF_HUB_OFFLINE"] = "1"
    said = user.script(
        LOAD
        + f"""
import sousa.generation.errors
def why(revision):
    try:
        return len(sousa.load("{REPO}", "small", revision=revision)["test"])
    except sousa.generation.errors.RunError as error:
        return str(error)
for revision in ("v1.0.0", "v1.1.0", "v9.9.9"):
    said[revision] = why(revision)
"""
    )
    assert said["v1.1.0"] == 120
    for revision in ("v1.0.0", "v9.9.9"):
        assert f"HF_HUB_OFFLINE is set, and {revision} is not in the cache" in said[revision]
        assert "v1.1.0" in said[revision]


def test_further_arguments_are_those_of_load_dataset(world, tmp_path):
    hub, _, _, _ = world
    user = Machine(hub, tmp_path / "user", token=None)
    said = user.script(
        LOAD
        + f"""
some = sousa.load("{REPO}", "labels", split="test", revision="v1.0.0", columns=["sample_id", "tempo_bpm"])
said["columns"] = some.column_names
fast = sousa.load("{REPO}", "labels", split="test", revision="v1.0.0", filters=[("tempo_bpm", ">", 100)])
said["fast"] = [len(fast), min(fast["tempo_bpm"])]
try:
    sousa.load("{REPO}", "labels", split="train[:x]", nonsense=1)
except Exception as error:
    said["why"] = type(error).__name__
"""
    )
    assert said["columns"] == ["sample_id", "tempo_bpm"] and said["why"] in ("ValueError", "TypeError")
    assert 0 < said["fast"][0] < 120 and said["fast"][1] > 100
