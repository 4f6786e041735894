"""Tasks on a Ray cluster.

Conventions: what all tasks share is put into Ray's object store once, and so are files that machines lack,
such as instruments that this user has built. No more tasks are handed in than run at once, so an interrupt
waits for those in hand alone. A task whose worker or machine is lost runs again elsewhere; it writes a whole
file or none, and the same one.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sousa.generation import extras
from sousa.generation.ending import CHECKS_STOP, STOPPED
from sousa.generation.errors import RunError, UsageError, first_line, raise_all
from sousa.generation.runners.local import import_variables, workers_problem
from sousa.generation.runners.sending import Call, files_of, parted, put_files

_RETRIES = 5  # of a task whose worker is lost
_WAIT_SEC = 0.2
_CONNECT_SEC = 10.0


@dataclass(frozen=True)
class RayRunner:
    """Tasks on a Ray cluster, each with one CPU.

    Args:
        address: ``HOST:PORT`` of its head, ``ray://HOST:PORT`` of a client's server, or ``auto``; None for
            the cluster that this machine is part of, else one of this machine alone.
        workers: tasks at once; 0 for as many as the cluster has CPUs.
        gpus: that each task has for itself.

    Raises: UsageError where Ray is not installed.
    """

    address: str | None = None
    workers: int = 0
    gpus: int = 0

    def __post_init__(self) -> None:
        raise_all(workers_problem(self.workers))
        try:
            import ray  # noqa: F401
        except ImportError as error:
            raise extras.missing("--runner ray", error) from None
        _require_listener(self.address or os.environ.get("RAY_ADDRESS"))

    @property
    def at_once(self) -> int:
        """How many tasks run at once; it joins the cluster."""
        return self.workers or max(int(_joined(self.address).cluster_resources().get("CPU", 1)), 1)

    def run(self, function: Callable, tasks: Sequence[tuple]) -> Iterator[Any]:
        """Do tasks; see :class:`sousa.generation.runners.Runner`."""
        if not tasks:
            return
        ray = _joined(self.address)
        from ray import exceptions

        shared, todo = parted(tasks)
        todo.reverse()
        running: set[Any] = set()
        try:
            CHECKS_STOP.set()
            call, paths = ray.put(Call(function, shared)), [str(path) for path in files_of(shared)]
            sent = [ray.put(_content(path)) for path in paths]  # each machine fetches what it lacks
            work = ray.remote(num_cpus=1, num_gpus=self.gpus, max_retries=_RETRIES)(_work)
            while (todo and not STOPPED.is_set()) or running:
                # asked each time: machines join and leave
                while todo and not STOPPED.is_set() and len(running) < self.at_once:
                    running.add(work.remote(call, paths, sent, todo.pop()))
                done, rest = ray.wait([*running], timeout=_WAIT_SEC)
                running = set(rest)
                for reference in done:
                    yield ray.get(reference)
            if STOPPED.is_set():
                raise KeyboardInterrupt
        except exceptions.RayTaskError as error:
            raise _as_raised(error) from None
        except (exceptions.RayError, ConnectionError) as error:
            raise RunError(
                f"the Ray cluster has lost a task {_RETRIES + 1} times, or is gone itself "
                f"({first_line(error)}); run the same again to go on"
            ) from None
        finally:
            CHECKS_STOP.clear()
            with suppress(exceptions.RayError, ConnectionError):
                for reference in running:
                    ray.cancel(reference)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _work(call: Call, paths: list[str], sent: list[Any], own: tuple) -> Any:
    """A task, in a worker of the cluster."""
    import ray

    for path, reference in zip(paths, sent, strict=True):
        if not os.path.exists(path):
            put_files({path: ray.get(reference)})
    return call(own)


def _as_raised(error: Any) -> BaseException:
    """What a task has raised, as it was raised there."""
    cause = error.cause
    if isinstance(cause, ModuleNotFoundError) or "failed to import" in str(error):
        return RunError(
            f"a machine of the Ray cluster can't import what it is to do ({first_line(cause)}); install the "
            "same sousa on every machine"
        )
    return cause if isinstance(cause, Exception) else RunError(first_line(error))


def _require_listener(address: str | None) -> None:
    """Refuse an address where nobody listens: Ray itself would wait for it for minutes."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SEC).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _no_cluster(address, error) from None


def _no_cluster(address: str | None, error: BaseException) -> UsageError:
    where = f"the Ray cluster at {address}" if address else "a Ray cluster"
    return UsageError(
        f"{socket.gethostname()} can't join {where} ({first_line(error)}); start one with 'ray start "
        "--head', or give the address of its head"
    )


def _joined(address: str | None) -> Any:
    """Ray, connected."""
    import ray

    if ray.is_initialized():
        here = ray.get_runtime_context().gcs_address
        if address and ":" in address and "://" not in address and address != here:
            raise UsageError(f"this process works on the Ray cluster at {here} already, not on {address}")
        return ray
    # no statistics of use are sent from a cluster that is started here
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # a task that needs more memory than there is would be tried for ever
    os.environ.setdefault("RAY_task_oom_retries", str(_RETRIES))
    before = signal.getsignal(signal.SIGTERM)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        try:
            ray.init(address=address or os.environ.get("RAY_ADDRESS") or "auto", **quiet)
        except ConnectionError:
            if address or os.environ.get("RAY_ADDRESS"):
                raise
            ray.init(include_dashboard=False, runtime_env={"env_vars": import_variables()}, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError, TimeoutError) as error:
        raise _no_cluster(address, error) from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # ours finishes what is in hand
    return ray
