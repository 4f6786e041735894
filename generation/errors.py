"""The two ways a command ends badly, each with clear sentences for the person at the keyboard."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from numbers import Integral

from sousa.generation.text import one_line


class SousaError(Exception):
    """Something the user can act on; printed without a traceback."""

    exit_status = 1


class UsageError(SousaError):
    """The request itself is wrong: nothing was started and nothing was written.

    Attributes:
        problems: list of sentences, everything that is wrong with it.
    """

    exit_status = 2

    def __init__(self, *problems: str):
        self.problems = list(problems)
        several = f"{len(problems)} problems:\n" + "\n".join(f"  - {text}" for text in problems)
        super().__init__(problems[0] if len(problems) == 1 else several)


class RunError(SousaError):
    """The request was fine but could not be finished; what was finished before it is kept."""


def first_line(error: BaseException) -> str:
    """What an exception says, in one line: its first, or the name of its kind when it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def told(error: BaseException) -> str:
    """An error of the operating system or of a text's encoding as a person reads it, with the path."""
    if isinstance(error, OSError) and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}" if error.filename else error.strerror
    return first_line(error)


def one_of(value: object, allowed: Iterable[str], about: str = "") -> str:
    """``'x'; choose from a, b, c``, with the nearest name first when one is close; ``about`` in its place."""
    if about:
        return f"{value!r}{about}"
    import difflib  # seldom needed, and a good part of a short command's time

    allowed = list(allowed)
    near = difflib.get_close_matches(str(value), allowed, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return one_line(f"{value!r}{hint}; choose from {', '.join(allowed)}")


def not_whole(name: str, value: object, allowed: str, least: int, most: int | None = None) -> list[str]:
    """A list of a sentence that says what is ``allowed``, unless a value is a whole number in its range."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if whole and least <= int(value) and (most is None or int(value) <= most):  # type: ignore[call-overload]
        return []
    return [f"{name} is {value!r}; give {allowed}"]


def not_a_seed(seed: object) -> list[str]:
    """As :func:`not_whole`, of a seed."""
    return not_whole("seed", seed, "a whole number from 0 to 2^63 - 1", 0, 2**63 - 1)


@contextmanager
def collected(problems: list[str]) -> Iterator[None]:
    """Add the problems of a UsageError that is raised meanwhile to others."""
    try:
        yield
    except UsageError as error:
        problems += error.problems


def raise_all(problems: Iterable[str]) -> None:
    """Raise one UsageError with every problem of a request, if there is any."""
    if problems := list(problems):
        raise UsageError(*problems)
