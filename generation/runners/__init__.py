"""Where tasks run. A plan decides what is done; a runner only decides where, and how many at once.

A task is a call of a module-level function with picklable arguments, so it can run in this process or in
others, here or on another machine, and gives the same result. It changes none of them: several tasks get the
same objects. Runners on several machines need an output directory that all of them see under one path.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from sousa.generation.errors import UsageError, one_of
from sousa.generation.runners.local import LocalRunner, workers_problem

RUNNERS = ("local", "ray", "slurm")
__all__ = ["RUNNERS", "LocalRunner", "Runner", "make_runner", "workers_problem"]


class Runner(Protocol):
    """What generic code knows of where its tasks run."""

    @property
    def at_once(self) -> int:
        """How many tasks run at once."""

    def run(self, function: Callable, tasks: Sequence[tuple]) -> Iterator[Any]:
        """Call ``function(*task)`` for each task; yield results as they come.

        On an interrupt, tasks in other processes are finished and yielded before KeyboardInterrupt goes
        on; a task in this process is given up.

        Raises: RunError when a worker dies or can't start.
        """


def make_runner(
    name: str = "local", workers: int = 0, address: str | None = None, sbatch: str | None = None,
    gpus: int = 0,
) -> Runner:  # fmt: skip
    """The runner of this name, with what belongs to it on a command line.

    Args:
        name: one of RUNNERS.
        workers: tasks at once; 0 for as many as there are cores.
        address: of a Ray cluster.
        sbatch: options of Slurm's ``sbatch``, with or without their dashes.
        gpus: of each task on a Ray cluster; for Slurm they are among the options.

    Raises: UsageError for what does not fit together or is not there.
    """
    if name not in RUNNERS:
        raise UsageError(f"--runner is {one_of(name, RUNNERS)}")
    if address is not None and name != "ray":
        raise UsageError(
            f"--address is that of a Ray cluster; give --runner ray, not {name}, or leave it out"
        )
    if sbatch and name != "slurm":
        raise UsageError(f"--sbatch is for Slurm; give --runner slurm, not {name}, or leave it out")
    if name == "ray":
        from sousa.generation.runners.on_ray import RayRunner

        return RayRunner(address, workers, gpus)
    if name == "slurm":
        from sousa.generation.runners.on_slurm import SlurmRunner

        return SlurmRunner(sbatch or "", workers)
    return LocalRunner(workers)
