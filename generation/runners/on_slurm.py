"""Tasks as one array of jobs on a cluster with Slurm.

Conventions: the tasks are parted into jobs, each of which does its tasks one after the
other on one CPU. Submitit writes and submits the array, and brings back what jobs return; whether a job is
still there is asked of ``squeue``, which every cluster has, where Submitit asks the accounting, which many
have not. Everything lies in a folder of the cache, which all machines have to share as they share the output
directory.

Submitit was chosen over datatrove's executor because that runs pipelines of its own kind and returns nothing
from their tasks, where ours return the records of the manifest.
"""

import logging
import os
import pickle
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation import environment, extras
from sousa.generation.ending import CHECKS_STOP, STOPPED
from sousa.generation.errors import RunError, SousaError, UsageError, first_line, raise_all
from sousa.generation.runners.local import same_modules, workers_problem
from sousa.generation.runners.sending import Call, parted

_JOBS = 1000  # of an array; clusters allow 1001, as Slurm does where nobody has set it
_AT_ONCE = 50  # unless the user says how many
_ROUNDS = 4  # jobs for each of those: results come when a job ends
_MINUTES = 120  # that a job may take, unless the user says how many
_LOOK_SEC = 1.0  # between looks for results
_ASK_SEC = (5.0, 30.0)  # between questions to Slurm, rising while nothing happens
_LATE_SEC = 30.0  # that a result may be seen after its job has ended
_LAST_LINES = 3  # of a job's log that are told
_CHOSEN = (
    "array", "output", "error", "wait", "wrap", "parsable", "job-name", "quiet", "test-only", "hold",
    "clusters", "export", "help", "version", "usage",
)  # fmt: skip


@dataclass(frozen=True)
class SlurmRunner:
    """Tasks in jobs of Slurm.

    Args:
        sbatch: options of ``sbatch``, with or without their dashes: ``partition=cpu time=60``.
        workers: jobs at once; 0 for 50.

    Raises: UsageError where Slurm or Submitit is not here, or the options can't be used.
    """

    sbatch: str = ""
    workers: int = 0

    def __post_init__(self) -> None:
        raise_all([*workers_problem(self.workers), *_wrong_options(self.sbatch)])
        for program in ("sbatch", "squeue", "scancel"):
            if shutil.which(program) is None:
                raise UsageError(
                    f"--runner slurm needs {program}, which is not here; type the command on a machine of "
                    "the cluster from which jobs are submitted"
                )
        try:
            import submitit  # noqa: F401
        except ImportError as error:
            raise extras.missing("--runner slurm", error) from None

    @property
    def at_once(self) -> int:
        """How many jobs run at once, at most."""
        return self.workers or _AT_ONCE

    def run(self, function: Callable, tasks: Sequence[tuple]) -> Iterator[Any]:
        """Do tasks; see :class:`sousa.generation.runners.Runner`."""
        if not tasks:
            return
        shared, own = parted(tasks)
        each = -(-len(own) // min(_ROUNDS * self.at_once, _JOBS))
        parts = [own[i : i + each] for i in range(0, len(own), each)]
        root = environment.cache() / "slurm"
        root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="jobs-", dir=root))
        jobs: list[Any] = []
        try:
            CHECKS_STOP.set()  # from now on a signal is waited for: an array is never left behind
            jobs += self._submitted(folder, Call(function, shared), parts)
            yield from _collected(jobs)
            if STOPPED.is_set():
                shutil.rmtree(folder, ignore_errors=True)
                raise KeyboardInterrupt
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            CHECKS_STOP.clear()
            if jobs:
                subprocess.run(["scancel", _array(jobs[0])], check=False)

    def _submitted(self, folder: Path, call: Call, parts: Sequence[list[tuple]]) -> list[Any]:
        """Hand an array of jobs in; returns its jobs."""
        import submitit
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        logging.getLogger("submitit").setLevel(logging.ERROR)
        executor = submitit.SlurmExecutor(folder=folder)
        more = {"time": _MINUTES, "cpus_per_task": 1} | dict(_options(self.sbatch))
        if "no_requeue" not in more:
            more["requeue"] = True  # on another machine when this one is lost
        executor.update_parameters(
            job_name="sousa",
            nodes=1,
            array_parallelism=self.at_once,
            use_srun=False,
            additional_parameters=more,
        )
        path = folder / "call.pickle"
        path.write_bytes(pickle.dumps(call))  # once, and not with each job
        try:
            with same_modules():
                if len(parts) == 1:
                    return [executor.submit(_do, str(path), parts[0])]
                with executor.batch():
                    jobs = [executor.submit(_do, str(path), part) for part in parts]
                return jobs
        except (FailedJobError, FailedSubmissionError, subprocess.CalledProcessError, OSError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise RunError(
                f"Slurm did not take the jobs ({first_line(error)}); see 'sinfo' for its partitions, and "
                "name what it wants with --sbatch"
            ) from None


def _options(text: str) -> Iterator[tuple[str, Any]]:
    """Options of ``sbatch`` by name; True for one without a value."""
    for word in shlex.split(text):
        name, equals, value = word.removeprefix("--").partition("=")
        yield name.replace("-", "_"), value if equals else True


def _wrong_options(text: str) -> Iterator[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        yield f"--sbatch is {text!r}, which can't be read ({error}); write it as for sbatch"
        return
    for word in words:
        name = word.removeprefix("--").partition("=")[0]
        if not re.fullmatch("[a-z][a-z0-9-]+", name):
            yield f"--sbatch has {word!r}; write whole options, such as partition=cpu"
        elif name in _CHOSEN:
            yield f"--sbatch has {word!r}, which is chosen for you; leave it out"


def _do(path: str, part: list[tuple]) -> tuple[list[Any], SousaError | None]:
    """The tasks of a job: their results, and what went wrong with the one after them.

    Args:
        path: of the pickled :class:`sousa.generation.runners.sending.Call`, which this user has written.
        part: own arguments of each task.
    """
    call, results = pickle.loads(Path(path).read_bytes()), []
    for own in part:
        try:
            results.append(call(own))
        except SousaError as error:
            return results, error
    return results, None


def _array(job: Any) -> str:
    return job.job_id.partition("_")[0]


def _collected(jobs: list[Any]) -> Iterator[Any]:
    """Results of an array's jobs as they come; when one fails or a stop is asked for, of those that run."""
    array, failure = _array(jobs[0]), None
    waiting, stopping, gone_since = list(jobs), False, dict[str, float]()
    here, asked, pause = {array}, -np.inf, _ASK_SEC[0]
    while waiting:
        if (STOPPED.is_set() or failure) and not stopping:
            stopping = True
            subprocess.run(["scancel", "--state=PENDING", array], check=False)
        if time.monotonic() - asked > pause:
            here, asked, pause = _alive(array), time.monotonic(), min(1.5 * pause, _ASK_SEC[1])
        for job in list(waiting):
            if job.paths.result_pickle.exists():
                waiting.remove(job)
                pause = _ASK_SEC[0]
                try:
                    yield from _results(job)
                except SousaError as error:
                    failure = failure or error
            elif job.job_id in here or array in here:
                gone_since.pop(job.job_id, None)
            elif time.monotonic() - gone_since.setdefault(job.job_id, time.monotonic()) > _LATE_SEC:
                waiting.remove(job)
                failure = failure or (None if stopping else RunError(_ended(job)))
        time.sleep(_LOOK_SEC if waiting else 0)
    if failure:
        raise failure


def _results(job: Any) -> Iterator[Any]:
    error = job.exception()
    if error is not None:
        raise RunError(_ended(job))
    results, problem = job.result()
    yield from results
    if problem is not None:
        raise problem


def _ended(job: Any) -> str:
    """What to say of a job without a result."""
    lines = ""
    for path in (job.paths.stderr, job.paths.stdout):
        if path.exists():
            text = path.read_text(encoding="utf-8", errors="replace").split("\n")
            lines = lines or " / ".join([line.strip() for line in text if line.strip()][-_LAST_LINES:])
    told = f" ({lines})" if lines else ""
    return (
        f"Slurm's job {job.job_id} ended without a result{told}; see {job.paths.stderr}, then run the same "
        "again to go on, perhaps with more --time or --mem in --sbatch"
    )


def _alive(array: str) -> set[str]:
    """Identifiers of the jobs of an array that wait or run; that of the array where Slurm is silent."""
    command = ["squeue", "--noheader", "--array", "--format=%i", f"--jobs={array}"]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SQUEUE_")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=plain)
    if done.returncode:
        return set() if "Invalid job id" in done.stderr else {array}
    return {line.strip() for line in done.stdout.splitlines()}
