"""Tasks in processes of this machine."""

import multiprocessing
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from typing import Any

from sousa.generation import environment
from sousa.generation.ending import CHECKS_STOP, STOPPED
from sousa.generation.errors import RunError, not_whole, raise_all
from sousa.generation.runners.sending import joined, parted

# room for open files beside those that are open already: 2 workers were seen to take 14 more, 8 took 22
_FILES, _FILES_A_WORKER = 16, 3


def workers_problem(workers: int, name: str = "workers") -> list[str]:
    """What is wrong with a number of workers, called ``name`` by the user: a list of no or one sentence."""
    return not_whole(name, workers, "0 (one a core) or more", 0)


@dataclass(frozen=True)
class LocalRunner:
    """Tasks in ``workers`` processes of this machine, 0 for one a core; in this one where one is enough.

    Raises: UsageError for a number of workers that is none, and where several have no place for their
        temporary files.
    """

    workers: int = 0

    def __post_init__(self) -> None:
        raise_all(workers_problem(self.workers))
        if self.at_once > 1:
            environment.check_temporary()

    @property
    def at_once(self) -> int:
        if self.workers:
            return self.workers
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    def run(self, function: Callable, tasks: Sequence[tuple]) -> Iterator[Any]:
        workers = min(self.at_once, max(len(tasks), 1))
        try:
            CHECKS_STOP.set()
            yield from _here(function, tasks) if workers == 1 else _elsewhere(function, tasks, workers)
            if STOPPED.is_set():
                raise KeyboardInterrupt
        finally:
            CHECKS_STOP.clear()


_SHARED: dict[int, Any] = {}  # in a worker: arguments of all tasks, by their place


def _call(function: Callable, own: tuple) -> Any:
    return function(*joined(_SHARED, own))


def _start_worker(lifeline: Any, shared: dict[int, Any]) -> None:
    _SHARED.update(shared)
    # both reach the whole group; the parent decides, so that tasks in hand are finished
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        lifeline.send_bytes(b"started")
    except OSError:  # the parent was killed meanwhile
        os._exit(1)
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()


def _end_with_parent(lifeline: Any) -> None:
    # the other end is held by the parent alone: it closes when that is killed, however
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _here(function: Callable, tasks: Sequence[tuple]) -> Iterator[Any]:
    for task in tasks:
        CHECKS_STOP.clear()
        if STOPPED.is_set():
            raise KeyboardInterrupt
        result = function(*task)
        CHECKS_STOP.set()
        yield result


def import_variables() -> dict[str, str]:
    """Variables with which another Python imports what this one does."""
    return {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONSAFEPATH": "1"}


@contextmanager
def same_modules() -> Iterator[None]:
    """A Python that is started meanwhile imports what this one does.

    Otherwise the fork server looks into the working directory first, and then for what is installed: a clone
    would work with the code of another version.
    """
    names = import_variables()
    before = {name: os.environ.get(name) for name in names}
    os.environ |= names
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _require_files(workers: int) -> None:
    """Refuse workers whose pipes this process can't open; multiprocessing fails halfway then."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    needed = len(os.listdir("/dev/fd")) + _FILES + _FILES_A_WORKER * workers
    if limit < needed and limit != resource.RLIM_INFINITY:
        raise RunError(
            f"this process may open {limit} files, and {workers} workers need {needed}; raise the limit with "
            f"'ulimit -n {needed}', or use one worker"
        )


def _elsewhere(function: Callable, tasks: Sequence[tuple], workers: int) -> Iterator[Any]:
    _require_files(workers)
    # forkserver: children start clean, with no threads or libraries of this process
    context = multiprocessing.get_context("forkserver")
    # imported once for all workers: where the function and its arguments come from
    modules = {function.__module__, *(type(part).__module__ for part in tasks[0])}
    modules |= {module for part in tasks[0] for module in getattr(part, "preload", ())}
    context.set_forkserver_preload(["sousa.generation.lean", *sorted(modules - {"builtins"})])
    # it must outlive a signal to the whole group, or its workers would seem to have died; the tracker that it
    # starts with would unblock signals when it is started itself
    with same_modules():
        resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        with same_modules():
            forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    shared, queue = parted(tasks)
    queue.reverse()
    lifeline, held = context.Pipe()
    with held, lifeline, ProcessPoolExecutor(workers, context, _start_worker, (lifeline, shared)) as pool:
        running: set[Future[Any]] = set()
        interrupted = False
        try:
            while (queue and not interrupted) or running:
                interrupted = interrupted or STOPPED.is_set()
                while queue and not interrupted and len(running) < workers:
                    running.add(pool.submit(_call, function, queue.pop()))
                try:
                    done, running = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                except KeyboardInterrupt:  # of a program whose handlers don't call stop()
                    interrupted = True
                    continue
                for future in done:
                    yield future.result()
        except BrokenProcessPool:
            if not held.poll():
                raise RunError(
                    "no worker process could start: each imports the script that runs, so that has to call "
                    'this under if __name__ == "__main__": and not at its top level; or use one worker'
                ) from None
            raise RunError(
                "a worker process was killed (out of memory?); run the same again to go on, with fewer "
                "workers if memory is short"
            ) from None
        if interrupted:
            raise KeyboardInterrupt
