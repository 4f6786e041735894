"""Tasks as one array of jobs on a cluster with Slurm.

Conventions: the tasks are parted into at most ``_JOBS`` jobs, each of which does its tasks one after the
other on one CPU. Submitit writes and submits the array, and brings back what jobs return; whether a job is
still there is asked of ``squeue``, which every cluster has, where Submitit asks the accounting, which many
have not. Everything lies in a folder of the cache, which all machines have to share as they share the output
directory.

Submitit was chosen over datatrove's executor because that runs pipelines of its own kind and returns nothing
from their tasks, where ours return the records of the manifest.
"""

import logging
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

from sousa.generation import environment, extras
from sousa.generation.ending import CHECKS_STOP, STOPPED
from sousa.generation.errors import RunError, SousaError, UsageError, first_line, raise_all
from sousa.generation.runners.local import same_modules, workers_problem
from sousa.generation.runners.sending import Call, parted

_JOBS = 1000  # of an array; clusters allow 1001, as Slurm does where nobody has set it
_AT_ONCE = 100  # unless the user says how many
_MINUTES = 120  # that a job may take, unless the user says how many
_LOOK_SEC, _LATE_SEC = 1.0, 30.0  # between looks; that a result may be seen after its job has ended
_LAST_LINES = 3  # of a job's log that are told
_CHOSEN = ("array", "output", "error", "wait", "wrap", "parsable", "job-name")


@dataclass(frozen=True)
class SlurmRunner:
    """Tasks in jobs of Slurm.

    Args:
        sbatch: options of ``sbatch``, with or without their dashes: ``partition=cpu time=60``.
        workers: jobs at once; 0 for 100.

    Raises: UsageError where Slurm or Submitit is not here, or the options are none.
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
        each = -(-len(own) // _JOBS)
        parts = [own[i : i + each] for i in range(0, len(own), each)]
        root = environment.cache() / "slurm"
        root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="jobs-", dir=root))
        waiting = self._submitted(folder, Call(function, shared), parts)
        array = waiting[0].job_id.partition("_")[0]
        stopping, gone_since = False, dict[str, float]()
        try:
            CHECKS_STOP.set()
            while waiting:
                if STOPPED.is_set() and not stopping:
                    stopping = True  # those that run are waited for
                    subprocess.run(["scancel", "--state=PENDING", array], check=False)
                here = _alive(array)
                for job in list(waiting):
                    if job.paths.result_pickle.exists():
                        waiting.remove(job)
                        yield from _results(job)
                    elif job.job_id not in here and array not in here:
                        since = gone_since.setdefault(job.job_id, time.monotonic())
                        if stopping:
                            waiting.remove(job)
                        elif time.monotonic() - since > _LATE_SEC:
                            raise RunError(_ended(job))
                time.sleep(_LOOK_SEC if waiting else 0)
            if STOPPED.is_set():
                raise KeyboardInterrupt
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            CHECKS_STOP.clear()
            if waiting:
                subprocess.run(["scancel", array], check=False)

    def _submitted(self, folder: Path, call: Call, parts: Sequence[list[tuple]]) -> list[Any]:
        """Hand an array of jobs in; returns its jobs."""
        import submitit
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        logging.getLogger("submitit").setLevel(logging.ERROR)
        executor = submitit.SlurmExecutor(folder=folder)
        more = dict(_options(self.sbatch))
        executor.update_parameters(
            job_name="sousa", time=_MINUTES, nodes=1, cpus_per_task=1, array_parallelism=self.at_once,
            use_srun=False, additional_parameters={"requeue": True, **more},
        )  # fmt: skip
        try:
            with same_modules():
                if len(parts) == 1:
                    return [executor.submit(_do, call, parts[0])]
                with executor.batch():
                    jobs = [executor.submit(_do, call, part) for part in parts]
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
        yield name, value if equals else True


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


def _do(call: Call, part: list[tuple]) -> tuple[list[Any], SousaError | None]:
    """The tasks of a job: their results, and what went wrong with the one after them."""
    results: list[Any] = []
    for own in part:
        try:
            results.append(call(own))
        except SousaError as error:
            return results, error
    return results, None


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
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return set() if "Invalid job id" in done.stderr else {array}
    return {line.strip() for line in done.stdout.splitlines()}
