"""Faults on demand: which request of the test Hub goes wrong, and how.

A fault is chosen by ``match`` (a pattern searched in ``"METHOD /path?query"``, or a callable of method and
path) and ``nth`` (the first matching request it strikes, counting from 1; None: every one), or by ``number``
(the first request it strikes, counting from 1 since ``Hub.clear()``), and strikes ``times`` times.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

KINDS = ("status", "drop_before", "drop_after", "slow", "drip", "truncate", "kill_before", "kill_after",
         "call")  # fmt: skip


@dataclass
class Fault:
    """One fault.

    kind: ``status`` answers ``status`` with ``headers`` and ``message``, unhandled; ``drop_before`` closes
    the connection unhandled; ``drop_after`` handles the request, then closes the connection without an
    answer; ``slow`` sends the body in ``pieces`` over ``seconds``, ``drip`` a byte every ``seconds``;
    ``truncate`` cuts the body after the fraction ``keep`` and closes; ``kill_before`` and ``kill_after``
    SIGKILL ``Hub.client_pid`` before the handling, or between the handling and the answer; ``call`` runs
    ``call()`` and then handles the request as ever.
    """

    match: str | re.Pattern | Callable = ""
    kind: str = "status"
    nth: int | None = None
    number: int | None = None
    times: int | None = None  # None: once with nth or number, else for ever
    status: int = 503
    headers: dict = field(default_factory=dict)
    message: str = "Asked to fail"
    retry_after: int | None = None  # seconds
    seconds: float = 1.0
    pieces: int = 5
    keep: float = 0.5
    call: Callable | None = None
    seen: int = 0  # matching requests so far
    struck: int = 0

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind: {self.kind!r} is not one of {', '.join(KINDS)}")
        if (self.kind == "call") != (self.call is not None):
            raise ValueError("call: give a callable with kind 'call', and only there")
        if self.times is None and (self.nth or self.number):
            self.times = 1
        if self.retry_after is not None:
            self.headers = {**self.headers, "Retry-After": str(self.retry_after)}

    def matches(self, method, path):
        if callable(self.match):
            return bool(self.match(method, path))
        return re.search(self.match, f"{method} {path}") is not None

    def strikes(self, number, method, path):
        """Whether this request goes wrong; counts it."""
        if not self.matches(method, path):
            return False
        self.seen += 1
        if self.times is not None and self.struck >= self.times:
            return False
        if (self.nth and self.seen < self.nth) or (self.number and number < self.number):
            return False
        self.struck += 1
        return True


class Faults:
    """The faults in force. Calls are made for every fault that says so; of the others the first one acts."""

    def __init__(self):
        self._faults, self._lock = [], threading.Lock()

    def __iter__(self):
        return iter(self._faults)

    def add(self, fault):
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self):
        with self._lock:
            self._faults.clear()

    def striking(self, number, method, path):
        """``(calls to make, the fault that acts or None)`` for this request."""
        with self._lock:
            struck = [fault for fault in self._faults if fault.strikes(number, method, path)]
        others = [fault for fault in struck if fault.kind != "call"]
        return [fault.call for fault in struck if fault.kind == "call"], others[0] if others else None


def too_many_requests(match="", seconds=1, **more):
    """The Hub's rate limit: 429 with its RateLimit headers."""
    headers = {"RateLimit": f'"api";r=0;t={seconds}', "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}
    return Fault(match, "status", status=429, headers=headers, message="Too many requests", **more)
