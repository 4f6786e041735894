"""Tasks in jobs of a real Slurm, which runs on this machine alone."""

import os
import subprocess
import sys
import time

import pytest

from sousa.generation.errors import RunError, UsageError
from sousa.generation.runners import on_slurm
from sousa.generation.runners.on_slurm import SlurmRunner
from tests.conftest import ROOT, TINY, run_sousa
from tests.generation.test_shards import shard_digests
from tests.support import slurm

pytest.importorskip("submitit")
if slurm.lacking():
    pytest.skip(f"{', '.join(slurm.lacking())} not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with slurm.running(tmp_path_factory.mktemp("slurm")) as environment:
        if environment is None:
            pytest.skip("the daemons of Slurm do not start here")
        yield environment


OPTIONS = ("--runner", "slurm", "--sbatch", "partition=all time=10")


def test_jobs_give_the_bytes_of_one_process(cluster, tiny, tmp_path):
    done = run_sousa(*TINY, "-o", "d", "--skip-validation", *OPTIONS, cwd=tmp_path, **cluster)
    assert done.returncode == 0, done.stderr
    assert shard_digests(tmp_path / "d") == shard_digests(tiny)
    assert not list((tmp_path / "cache").glob("sousa/slurm/*"))


def fail(number):
    time.sleep(0.5)
    if number == 1:
        raise UsageError("this one fails")
    return number


def test_what_other_jobs_have_made_is_kept_when_one_fails(cluster, monkeypatch):
    for name, value in cluster.items():
        monkeypatch.setenv(name, value)
    results = []
    with pytest.raises(UsageError, match="this one fails"):
        for result in SlurmRunner("partition=all").run(fail, [(number,) for number in range(4)]):
            results.append(result)
    assert 0 in results and 1 not in results


def test_a_job_that_is_killed_is_said(cluster, monkeypatch):
    for name, value in cluster.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(on_slurm, "_LATE_SEC", 2.0)
    with pytest.raises(RunError, match=r"Slurm's job \d+ ended without a result.*; see .*run the same"):
        list(SlurmRunner().run(os._exit, [(3,)]))


def test_a_stop_keeps_what_is_finished_and_leaves_no_job(cluster, tmp_path):
    root = tmp_path / "d"
    command = [sys.executable, str(ROOT / "sousa.py"), "generate", "-p", "60", "-t", "1", "-o", str(root)]
    process = subprocess.Popen(
        [*command, "--skip-validation", "-q", *OPTIONS], env={**os.environ, **cluster},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    log = root / ".unfinished" / "shards.jsonl"
    while process.poll() is None and not (log.exists() and log.read_text()):
        time.sleep(0.1)
    process.terminate()
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 143 and "stopped; run the same command again to go on" in errors
    assert 1 <= log.read_text().count("\n") < 60
    for _ in range(60):  # the last one may be ending
        left = subprocess.run(["squeue", "--noheader"], env={**os.environ, **cluster}, capture_output=True)
        if not left.stdout:
            break
        time.sleep(0.5)
    assert left.stdout == b""


def test_a_partition_that_is_not_there_is_said(cluster, tmp_path):
    options = (*OPTIONS[:2], "--sbatch", "partition=none")
    done = run_sousa(*TINY, "-o", tmp_path / "d", *options, **cluster)
    assert done.returncode == 1 and "Slurm did not take the jobs" in done.stderr
    assert "name what it wants with --sbatch" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "text, said",
    [
        ("-p cpu", "--sbatch has '-p'; write whole options, such as partition=cpu"),
        ("--array=1-2", "--sbatch has '--array=1-2', which is chosen for you; leave it out"),
        ("--comment='", "which can't be read"),
    ],
)
def test_options_that_are_none_are_refused(text, said):
    with pytest.raises(UsageError) as caught:
        SlurmRunner(text)
    assert said in str(caught.value)
