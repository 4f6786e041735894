"""Embedding in other processes and on a Ray cluster: the same bytes, or the machine that differs is named."""

import re
import shutil
import socket
import subprocess
import sys

import pytest

from sousa.generation.errors import RunError
from sousa.generation.runners import LocalRunner
from sousa.training.embedding import elsewhere
from sousa.training.embedding.command import embed
from sousa.training.embedding.layout import Embeddings
from tests.conftest import ROOT
from tests.training.embedding.conftest import unified
from tests.training.embedding.test_embed import bytes_of


@pytest.fixture(scope="module")
def json_file(tmp_path_factory):
    return unified(tmp_path_factory.mktemp("elsewhere") / "sounds")[0]


@pytest.fixture(scope="module")
def here(tmp_path_factory, json_file, encoders):
    """What one process makes."""
    place = tmp_path_factory.mktemp("here")
    made(place, json_file, encoders)
    return bytes_of(place)


def made(place, json_file, encoders, **options):
    words = {"encoders": encoders["ast"], "text": encoders["bert"], "shard_rows": 3}
    return embed(output=place, dataset_file=json_file, **words, **options)


def test_other_processes_give_the_same_bytes_and_make_what_is_lost(tmp_path, json_file, encoders, here):
    result = made(tmp_path, json_file, encoders, runner=LocalRunner(2))
    assert sum(result.rows.values()) == 12 and bytes_of(tmp_path) == here
    # a shard that was lost is made again
    (tmp_path / "audio" / "ast" / "train-00001.parquet").unlink()
    made(tmp_path, json_file, encoders, runner=LocalRunner(2))
    assert bytes_of(tmp_path) == here


def test_failures_come_back_too(tmp_path, json_file, encoders):
    lacking = tmp_path / "sounds"
    file, entries = unified(lacking)
    for number in (1, 4):
        (lacking / f"{number}.wav").unlink()
    out = made(tmp_path / "out", file, encoders, runner=LocalRunner(2))
    assert out.failures["ast"] == 2
    assert {failure.sample_id for failure in Embeddings(tmp_path / "out").failures()} == {
        entries[1]["id"], entries[4]["id"],
    }  # fmt: skip


def test_a_machine_with_other_rows_or_weights_is_named(tmp_path, encoders):
    class Changed:
        """A runner whose machines find something else under the same names."""

        at_once = 1

        def run(self, function, tasks):
            changes[0]()
            for task in tasks:
                yield function(*task)

    forget = elsewhere._rows.cache_clear, elsewhere._tower.cache_clear
    file, _ = unified(tmp_path / "sounds")
    weights = tmp_path / "ast"
    shutil.copytree(encoders["ast"].partition("=")[2], weights)
    changes = [lambda: file.write_text(file.read_text().replace("calm", "loud"))]
    words = {"encoders": f"ast={weights}", "text": ()}
    host = re.escape(socket.gethostname())
    with pytest.raises(RunError, match=f"^{host} finds other rows in .*unified.json; give what all"):
        embed(output=tmp_path / "one", dataset_file=file, runner=Changed(), **words)
    for clear in forget:
        clear()
    changes = [lambda: _other_weights(weights)]
    with pytest.raises(RunError, match=f"^{host} has other weights of ast; give a directory"):
        embed(output=tmp_path / "two", dataset_file=file, runner=Changed(), **words)
    assert not list((tmp_path / "two").rglob("ast/*.parquet"))


def _other_weights(place):
    from safetensors.torch import load_file, save_file

    path = place / "model.safetensors"
    state = load_file(path)
    name = sorted(state)[0]
    state[name] = state[name] + 1
    save_file(state, path, {"format": "pt"})


def test_names_of_files_are_whole_paths_and_others_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.json").touch()
    assert elsewhere.placed(("rows.json", "org/name")) == (str(tmp_path / "rows.json"), "org/name")


def test_a_cluster_gives_the_same_bytes(tmp_path, json_file, encoders, here):
    from tests.support import ray_cluster

    with ray_cluster.running() as (cluster, _):
        words = [
            "embed", "--dataset-file", json_file, "--encoders", encoders["ast"], "--text", encoders["bert"],
            "--shard-rows", "3", "--runner", "ray", "--address", cluster.address, "-o", tmp_path / "out",
        ]  # fmt: skip
        command = [sys.executable, str(ROOT / "sousa.py"), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    assert bytes_of(tmp_path / "out") == here


def test_what_belongs_to_no_cluster_is_refused(tmp_path, json_file, sousa):
    done = sousa("embed", "--dataset-file", json_file, "--address", "here:1", "-o", tmp_path / "out")
    assert done.returncode == 2 and "--address is that of a Ray cluster; give --runner ray" in done.stderr
    done = sousa("embed", "--dataset-file", json_file, "-w", "0", "-o", tmp_path / "out")
    assert done.returncode == 2 and "--workers is 0; give 1 or more" in done.stderr
