"""How a program ends: with the status of its work, whichever signals come and whoever reads its output.

Conventions: SIGINT and SIGTERM ask a program to stop; it says so in one line and ends with status 128 + the
signal's number. A reader of stdout or stderr that has gone away, or a full disk behind it, changes nothing.
"""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED = threading.Event()
CHECKS_STOP = threading.Event()  # a runner looks at STOPPED before it goes on
_number: int = signal.SIGINT  # the last that came


def stop(stopped: bool = True) -> bool:
    """Ask a runner to end after the tasks in hand; for signal handlers.

    Returns: whether it will. If False, the handler may raise KeyboardInterrupt: raised while a result is
    being recorded it would lose that, and raised while Python runs a callback it would itself be lost.
    """
    if stopped:
        STOPPED.set()
    else:
        STOPPED.clear()
    return CHECKS_STOP.is_set()


def on_signal(number: int, frame: Any = None) -> None:
    """A handler that stops a program where nothing is lost."""
    global _number
    _number = number
    if stop():
        return
    while frame is not None:
        if os.path.basename(frame.f_code.co_filename) == "soundfile.py":
            return _send_again()  # it may be called by C, which drops exceptions
        frame = frame.f_back
    raise KeyboardInterrupt


def leave_at_once(text: str = "", status: int | None = None) -> None:
    """End on a signal without ado: for the time before and after a program's work.

    Args:
        text: line to say.
        status: to end with, None for that of the signal.
    """

    def leave(number: int, frame: Any) -> None:
        with suppress(OSError):
            os.write(2, f"{text}\n".encode() if text else b"")
        os._exit(128 + number if status is None else status)

    _handle(leave)


def _handle(handler: Any) -> list[Any]:
    """Set the handler of both signals; returns those before."""
    if threading.current_thread() is not threading.main_thread():
        return []
    # a launcher of several ranks ends them by SIGTERM, also those that wait for another one in C
    numbers = _SIGNALS[: 1 if "RANK" in os.environ else 2]
    return [signal.signal(number, handler) for number in numbers]


def run(work: Callable[[], int], stopped: str, alone: bool = True) -> int:
    """Do the work of a program; returns the exit status.

    Args:
        stopped: what to say when a signal stops it.
        alone: the process ends after this; otherwise handlers are left as they were.
    """
    stop(False)
    before, lost, printed = _handle(on_signal), sys.unraisablehook, sys.excepthook
    sys.unraisablehook, sys.excepthook = _again, _print_error
    status = 1
    try:
        with _forgiving():
            try:
                status = work()
            except (KeyboardInterrupt, Exception) as error:
                # whatever else falls over by a stop is that stop
                if not STOPPED.is_set() and not isinstance(error, KeyboardInterrupt):
                    raise
                _handle(signal.SIG_IGN)  # it is said once
                status = 128 + _number
                print(f"\n{stopped}", file=sys.stderr, flush=True)
            except SystemExit as ended:  # of the parser of arguments
                status = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
                raise
    finally:
        sys.unraisablehook, sys.excepthook = lost, printed
        if alone:
            leave_at_once(status=status)
            atexit.register(_flush)
        else:
            stop(False)  # what this process does next is not stopped
            for number, handler in zip(_SIGNALS, before, strict=False):
                signal.signal(number, handler)
        _flush()
    return status


def _print_error(kind: type[BaseException], *rest: Any) -> None:
    """Print an exception, but for a stop: Cython prints what it drops, before it says that it does."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, *rest)


def _again(unraisable: Any) -> None:
    """Send a signal again whose exception was raised where Python drops it."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        _send_again()
    else:
        sys.__unraisablehook__(unraisable)


def _send_again() -> None:
    timer = threading.Timer(0.02, os.kill, (os.getpid(), _number))
    timer.daemon = True
    timer.start()


class Forgiving:
    """A stream that drops what can't be written."""

    def __init__(self, stream: TextIO):
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            return self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self.stream.flush()


@contextmanager
def _forgiving() -> Iterator[None]:
    """Streams that take whatever is written, also where their encoding has no such character."""
    before = sys.stdout, sys.stderr
    for stream in before:
        with suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.stdout, sys.stderr = Forgiving(before[0]), Forgiving(before[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _flush() -> None:
    """Write what is waiting: what can't be would make Python change the status when it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError, AttributeError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
                stream.flush()
