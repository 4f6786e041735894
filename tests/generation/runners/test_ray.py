"""Tasks on a real Ray cluster; two of its machines are this one."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from sousa.generation.errors import RunError, UsageError
from sousa.generation.runners import make_runner, on_ray
from sousa.generation.runners.on_ray import RayRunner
from tests.conftest import ROOT, TINY, run_sousa
from tests.generation.test_shards import shard_digests
from tests.support import ray_cluster

pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster():
    import ray

    with ray_cluster.running() as (made, nodes):
        yield made, nodes
        ray.shutdown()


def refuse(number):
    raise UsageError(f"{number} is odd; give an even one") if number % 2 else RunError("even")


def lose(number):
    os._exit(number)


def content(number, needed):
    return Path(needed.files[0]).read_text()


@dataclass
class Needing:
    files: tuple


def place(number):
    return number, os.environ.get("OMP_NUM_THREADS"), os.getpid()


def test_tasks_run_on_all_machines_and_their_errors_are_those_of_the_task(cluster):
    runner = RayRunner(cluster[0].address)
    assert runner.at_once == 2 and list(runner.run(place, [])) == []
    results = list(runner.run(place, [(number,) for number in range(8)]))
    assert sorted(number for number, *_ in results) == list(range(8))
    assert os.getpid() not in {process for *_, process in results}
    with pytest.raises(UsageError, match=r"^3 is odd; give an even one$"):
        list(runner.run(refuse, [(3,)]))
    with pytest.raises(RunError, match=r"has lost a task 6 times, or is gone itself .*to go on$"):
        list(runner.run(lose, [(1,)]))


def test_files_of_the_user_are_put_where_a_machine_lacks_them(cluster, tmp_path, monkeypatch):
    (tmp_path / "bank.txt").write_text("a drum")
    read = on_ray._content

    def read_and_remove(path):
        content = read(path)
        os.unlink(path)  # as on a machine that has it not
        return content

    monkeypatch.setattr(on_ray, "_content", read_and_remove)
    task = (0, Needing((str(tmp_path / "bank.txt"),)))
    assert list(RayRunner(cluster[0].address).run(content, [task, (1, task[1])])) == ["a drum"] * 2


def test_a_cluster_gives_the_bytes_of_one_process_though_a_machine_is_lost(cluster, tmp_path):
    words = ["-p", "12", "-t", "2", "-a", "2", "--rudiments", "flam,drag", "-q", "--skip-validation", "-o"]
    assert run_sousa("generate", *words, tmp_path / "here", "-w", "1").returncode == 0
    made, (node,) = cluster
    command = [sys.executable, str(ROOT / "sousa.py"), "generate", *words, "there", "--runner", "ray"]
    process = subprocess.Popen(
        [*command, "--address", made.address], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    log = tmp_path / "there" / ".unfinished" / "shards.jsonl"
    while process.poll() is None and not (log.exists() and log.read_text().count("\n") >= 2):
        time.sleep(0.02)
    assert process.poll() is None, process.stderr.read()
    made.remove_node(node, allow_graceful=False)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert len(shard_digests(tmp_path / "there")) == 24
    assert shard_digests(tmp_path / "there") == shard_digests(tmp_path / "here")


def test_a_cluster_that_is_not_there_is_said(sousa, tmp_path):
    options = ("--runner", "ray", "--address", "127.0.0.1:1", "-o", tmp_path / "d")
    done = sousa("generate", *TINY[1:], *options)
    assert done.returncode == 2 and not (tmp_path / "d").exists()
    assert "can't join the Ray cluster at 127.0.0.1:1" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "words, text",
    [
        ({"name": "rai"}, r"--runner is 'rai' \(did you mean ray\?\); choose from local, ray, slurm"),
        ({"address": "here:1"}, "--address is that of a Ray cluster; give --runner ray, not local"),
        ({"name": "ray", "sbatch": "--time=1"}, "--sbatch is for Slurm; give --runner slurm, not ray"),
        ({"name": "ray", "workers": -1}, "workers is -1; give 0"),
    ],
)
def test_what_does_not_fit_together_is_said(words, text):
    with pytest.raises(UsageError, match=text):
        make_runner(**words)
