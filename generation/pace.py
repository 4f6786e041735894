"""How slowly bytes may come over a network: one rule for every transfer.

Conventions: a client's timeouts are for each read, and a byte now and then keeps them from ever passing.
Here the time that is spent waiting for the other side is added up, and ends a transfer when it is more than a
grace and what the bytes that came take at the slowest rate that is of use. Time that this program takes is
not counted, so a stream may be read as slowly as anybody likes.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from sousa.generation.errors import RunError

GRACE_SEC, SLOWEST = 60.0, 32_768.0  # bytes a second
_asked = threading.local()  # what the request of this thread is for: connections are used again by others


class TooSlow(RunError):
    """A transfer that would not end in any sensible time."""


class Pace:
    """The rule for a client of httpx2: ``client.event_hooks["request"].append(pace.watch)``.

    Args:
        grace_sec: before anything has to have come, by default GRACE_SEC.
        advice: to the user, after the sentence.
        whole: the client is for one file, however many requests it takes; else each request counts anew.
    """

    def __init__(self, grace_sec: float | None = None, advice: str = "", whole: bool = False):
        self._grace_sec, self._advice, self._whole = grace_sec, advice, whole
        self.waited, self.came, self._address = 0.0, 0, ""

    def watch(self, request: Any) -> None:
        """A hook for requests: what is read over their connections is counted."""

        def trace(event: str, about: dict[str, Any]) -> None:
            if event.endswith(("connect_tcp.complete", "start_tls.complete")):
                pace = self if self._whole else Pace(self._grace_sec, self._advice)
                pace._count(about["return_value"])

        request.extensions["trace"] = trace
        _asked.address = f"{request.method} {request.url.copy_with(query=None)}"

    def wait(self, seconds: float) -> None:
        """Wait, as for the other side; raises TooSlow."""
        self._require(seconds, 0)
        time.sleep(seconds)

    def _count(self, connection: Any) -> None:
        read, write = connection.read, connection.write

        def counted(function: Callable, *arguments: Any, **more: Any) -> bytes:
            begin, data = time.monotonic(), b""
            try:
                data = function(*arguments, **more)
            finally:
                self.waited += time.monotonic() - begin
            self._require(0.0, len(data))
            return data

        def anew(*arguments: Any, **more: Any) -> None:
            self._address = getattr(_asked, "address", self._address)
            if not self._whole:
                self.waited, self.came = 0.0, 0
            write(*arguments, **more)

        connection.read = lambda *arguments, **more: counted(read, *arguments, **more)
        connection.write = anew

    def _require(self, waited: float, came: int) -> None:
        self.waited, self.came = self.waited + waited, self.came + came
        grace = GRACE_SEC if self._grace_sec is None else self._grace_sec
        if self.waited > grace + self.came / SLOWEST:
            raise TooSlow(
                f"{self._address}: {self.came:,} bytes of the answer came in {self.waited:.0f} s, too slow"
                f"{self._advice}"
            )
