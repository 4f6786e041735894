"""The two ways a command ends badly, each with one clear sentence for the person at the keyboard."""


class SousaError(Exception):
    """Something the user can act on; printed without a traceback."""

    exit_status = 1


class UsageError(SousaError):
    """The request itself is wrong: nothing was started and nothing was written."""

    exit_status = 2


class RunError(SousaError):
    """The request was fine but could not be finished; what was finished before it is kept."""

    exit_status = 1


def first_line(error):
    """What an exception says, in one line: its first, or the name of its kind when it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def one_of(value, allowed):
    """``'x'; choose one of a, b, c``, with the nearest name first when one is close."""
    import difflib

    allowed = list(allowed)
    near = difflib.get_close_matches(str(value), allowed, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"{value!r}{hint}; choose from {', '.join(allowed)}"


def raise_all(problems):
    """Raise one UsageError naming every problem of a request, if there is any."""
    problems = list(problems)
    if len(problems) == 1:
        raise UsageError(problems[0])
    if problems:
        raise UsageError(f"{len(problems)} problems:\n" + "\n".join(f"  - {text}" for text in problems))
