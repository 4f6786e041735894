"""A corpus of another package, from making rows to a released dataset, without a line here that knows it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from types import SimpleNamespace

import pytest

from sousa.generation.manifest import read_manifest
from tests.conftest import ROOT
from tests.support.hub import Hub

REPO = "org/tones"
SOUSA = [sys.executable, str(ROOT / "sousa.py")]


def run(*command, **environment):
    """Run a command to its end; returns what it printed."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def script(text, **environment):
    """Run Python that leaves results in ``said``."""
    source = "import json, datasets, sousa\nsaid = {}\n" + textwrap.dedent(text) + "\nprint(json.dumps(said))"
    return json.loads(run(sys.executable, "-c", source, **environment).splitlines()[-1])


@pytest.fixture(scope="module")
def world(tones_site, tmp_path_factory):
    """Where its package is installed, a dataset of it, and two releases."""
    place, site = tmp_path_factory.mktemp("world"), {"PYTHONPATH": str(tones_site)}
    said = run(*SOUSA, "generate", "tones", "-o", place / "small", "-w", 2, **site)
    run(*SOUSA, "generate", "tones", "--size", "medium", "-o", place / "medium", "-q", **site)
    run(*SOUSA, "release", place / "small", "-o", place / "v1", "--version", "1.0.0", "--repo", REPO, **site)
    run(
        *SOUSA, "release", place / "medium", "-o", place / "v2", "--version", "1.1.0", "--repo", REPO,
        "--previous", place / "v1", **site,
    )  # fmt: skip
    return SimpleNamespace(site=site, place=place, small=place / "small", medium=place / "medium", said=said)


def test_it_has_a_command_like_any_other(world):
    text = run(*SOUSA, "generate", "--help", **world.site)
    assert "tones" in text and "tones that are switched on and off" in text
    text = run(*SOUSA, "generate", "tones", "--help", **world.site)
    assert "small (48 rows), medium (96 rows)" in text and "from 0.2 to 10 s; default: 1.0" in text
    assert "sousa generate tones --size medium" in text
    done = subprocess.run(
        [*SOUSA, "generate", "tones", "--duration", "11", "--sead", "1"],
        capture_output=True, text=True, env={**os.environ, **world.site},
    )  # fmt: skip
    assert done.returncode == 2 and "--sead" in done.stderr and "Traceback" not in done.stderr
    text = run(*SOUSA, "generate", "tones", "--size", "medium", "--dry-run", **world.site)
    assert "96 rows in 8 shards" in text


def test_its_rows_are_checked_by_what_its_columns_say(world):
    assert "48 rows, 0.01 h of audio" in world.said
    report = json.loads((world.small / "validation_report.json").read_text())
    assert report["passed"] and {check["name"] for check in report["checks"]} >= {
        "classes", "scores", "events in row", "no series in two splits", "labels made again", "audio",
    }  # fmt: skip
    assert "48 rows made again" in run(*SOUSA, "verify", world.small, "--all", **world.site)


def test_killed_and_resumed_it_gives_the_same_bytes(world, tmp_path):
    command = [*SOUSA, "generate", "tones", "--size", "medium", "-o", str(tmp_path / "d"), "-w", "2", "-q"]
    # long rows, so that there is time to be killed in
    command += ["--duration", "10", "--skip-validation"]
    environment = {**os.environ, **world.site}
    whole = [
        *command[: command.index("-o") + 1],
        str(tmp_path / "whole"),
        *command[command.index("-o") + 2 :],
    ]
    run(*whole, **world.site)
    for _ in range(3):
        process = subprocess.Popen(command, env=environment, start_new_session=True)
        time.sleep(random.uniform(0.4, 1.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    log = tmp_path / "d" / ".unfinished" / "shards.jsonl"
    kept = log.read_bytes().count(b"\n") if log.exists() else 0
    command.remove("-q")
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert not kept or f"already there: {kept} of 8 shards" in done.stderr
    manifests = [read_manifest(tmp_path / name) for name in ("d", "whole")]
    digests = [[record["sha256"] for record in manifest["shards"].values()] for manifest in manifests]
    assert digests[0] == digests[1]


def test_workers_and_sizes_do_not_change_its_rows(world):
    small, medium = (read_manifest(root)["shards"] for root in (world.small, world.medium))
    assert small.keys() < medium.keys()
    assert all(medium[name]["sha256"] == record["sha256"] for name, record in small.items())


def test_a_damaged_row_is_found(world, tmp_path):
    shutil.copytree(world.small, tmp_path / "d")
    victim = next((tmp_path / "d" / "data").rglob("*.parquet"))
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    for command in ("validate", "verify"):
        done = subprocess.run(
            [*SOUSA, command, str(tmp_path / "d"), "-q", *(["--all"] if command == "verify" else [])],
            capture_output=True, text=True, env={**os.environ, **world.site},
        )  # fmt: skip
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr


def test_its_rows_can_be_looked_at(world):
    run(*SOUSA, "preview", world.small, "-q", **world.site)
    page = (world.small / "preview.html").read_text()
    assert "tone-00000" in page and "evenness" in page and "100 where the pulses are in time" in page


def test_it_is_released_published_and_loaded_by_name_and_tag(world, tmp_path):
    card = (world.place / "v2" / "README.md").read_text()
    assert json.loads((world.small / "pitches" / "hz.json").read_text())[0] == 220
    assert "- tones" in card and "{A. Stranger}" in card
    assert "48 rows added" in card and "license: cc0-1.0" in card and "- corpus tones: CC0-1.0" in card
    with Hub(tmp_path / "hub") as hub:
        author = hub.environment(tmp_path / "author", "hf_writer") | world.site
        for version in ("v1", "v2"):
            run(*SOUSA, "publish", world.place / version, REPO, "-q", **author)
        # a reader has neither the package nor a token
        reader = hub.environment(tmp_path / "reader", None)
        said = script(
            f"""
            for tag, config in (("v1.0.0", "small"), ("v1.1.0", "small"), ("v1.1.0", "medium")):
                loaded = datasets.load_dataset("{REPO}", config, revision=tag)
                said[f"{{tag}} {{config}}"] = sum(part.num_rows for part in loaded.values())
            train = loaded["train"]
            said["names"] = train.features["wave"].names
            said["waves"] = sorted(set(train["wave"]))
            stream = datasets.load_dataset("{REPO}", "medium", split="train", streaming=True)
            said["streamed"] = [stream.features["wave"].names]
            said["streamed"].append(next(iter(stream.select_columns(["sample_id"])))["sample_id"])
            row = sousa.load("{REPO}", "medium", split="train")[0]
            said["sound"] = [row["audio"]["sampling_rate"], len(row["audio"]["array"])]
            """,
            **reader,
        )
    assert [said[f"{key}"] for key in ("v1.0.0 small", "v1.1.0 small", "v1.1.0 medium")] == [48, 48, 96]
    assert said["names"] == ["sine", "square", "saw"] and said["waves"] == [0, 1, 2]
    assert said["streamed"] == [said["names"], "tone-00000"] and said["sound"] == [16000, 16000]


def test_it_has_a_builder_and_is_in_the_unified_one(world, tmp_path):
    said = script(
        f"""
        import numpy as np
        from sousa.builders import Tones, Unified
        made = Tones(config_name="small", cache_dir="{tmp_path}", seed=42)
        made.download_and_prepare()
        rows = made.as_dataset(split="train")
        said["made"] = [rows.num_rows, rows.features["wave"].names]
        streamed = Tones(config_name="small", data_dir="{world.small}").as_streaming_dataset(split="test")
        said["streamed"] = [row["sample_id"] for row in streamed.select_columns(["sample_id"])]
        unified = Unified(config_name="small", data_dir="{world.small}").as_streaming_dataset(split="train")
        row = next(iter(unified))
        said["unified"] = [row[name] for name in ("dataset", "sample_id", "label", "group_id")]
        said["unified"].append(len(row["events"]))
        """,
        **world.site,
    )
    assert said["made"] == [24, ["sine", "square", "saw"]]
    assert len(said["streamed"]) == 12 and said["streamed"][0] == "tone-00036"
    assert said["unified"] == ["tones", "tones/tone-00000", "sine", "tones/0", 4]
