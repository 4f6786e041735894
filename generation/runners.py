"""Where shard tasks run. The plan decides what is done; a runner only decides how many at once.

A task is a call of a module-level function with picklable arguments, so it can run in this process
or in others and gives the same result.
"""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from sousa.generation.errors import RunError


def worker_count(workers):
    """Number of processes meant by ``--workers``: 0 is one a core this process may use."""
    if workers:
        return workers
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# where a user's synthesizers are; the fork server may be older than the wish for them
_PASSED_ON = ("SOUSA_SYNTH_FILES",)


def _start_worker(lifeline, environment):
    for name in _PASSED_ON:
        os.environ.pop(name, None)
    os.environ.update(environment)
    # Ctrl-C reaches the whole group; the parent decides, so that shards in hand are finished
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()


def _end_with_parent(lifeline):
    # the other end is held by the parent alone: it closes when that is killed, however
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


_STOPPED = threading.Event()
_HEEDED = threading.Event()  # run() looks at _STOPPED before it goes on


def stop(stopped=True):
    """Ask :func:`run` to end after the tasks in hand; for signal handlers.

    Returns: whether it will. When not, the handler has to raise KeyboardInterrupt itself; when so, it
    must not: raised while a result is being recorded it would lose that, and raised while Python runs
    a callback of its own it would itself be lost.
    """
    if stopped:
        _STOPPED.set()
    else:
        _STOPPED.clear()
    return _HEEDED.is_set()


def run(function, tasks, workers):
    """Call ``function(*task)`` for each task; yield results as they come.

    On an interrupt, tasks in other processes are finished and yielded before KeyboardInterrupt goes
    on; a task in this process is given up.

    Raises: RunError when a worker process dies.
    """
    workers = min(worker_count(workers), max(len(tasks), 1))
    try:
        _HEEDED.set()
        yield from _here(function, tasks) if workers == 1 else _elsewhere(function, tasks, workers)
        if _STOPPED.is_set():
            raise KeyboardInterrupt
    finally:
        _HEEDED.clear()


def _here(function, tasks):
    for task in tasks:
        _HEEDED.clear()
        if _STOPPED.is_set():
            raise KeyboardInterrupt
        result = function(*task)
        _HEEDED.set()
        yield result


def _elsewhere(function, tasks, workers):
    # forkserver: children start clean, with no threads or libraries of this process
    context = multiprocessing.get_context("forkserver")
    called = [function, *(part for part in tasks[0] if callable(part))]
    context.set_forkserver_preload(sorted({one.__module__ for one in called}))
    queue = list(reversed(tasks))
    lifeline, held = context.Pipe(duplex=False)
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    with (
        held,
        lifeline,
        ProcessPoolExecutor(
            workers, context, initializer=_start_worker, initargs=(lifeline, environment)
        ) as pool,
    ):
        running, interrupted = set(), False
        try:
            while (queue and not interrupted) or running:
                interrupted = interrupted or _STOPPED.is_set()
                while queue and not interrupted and len(running) < workers:
                    running.add(pool.submit(function, *queue.pop()))
                try:
                    done, running = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                except KeyboardInterrupt:  # of a program whose handlers don't call stop()
                    interrupted = True
                    continue
                for future in done:
                    yield future.result()
        except BrokenProcessPool:
            raise RunError(
                "a worker process was killed (out of memory?); run the same command again to go on, "
                "with fewer --workers if memory is short"
            ) from None
        if interrupted:
            raise KeyboardInterrupt
