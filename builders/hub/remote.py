"""The Hub's client, and its errors as sentences a person can act on."""

import errno
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from traceback import walk_tb
from typing import Any

from sousa.generation import environment
from sousa.generation.corpus import Say
from sousa.generation.errors import RunError, SousaError, first_line, raise_all, told
from sousa.generation.pace import Pace, TooSlow

CONNECT_SEC, ANSWER_SEC = 30.0, 180.0  # the Hub looks at every file of a commit before it answers
ATTEMPTS, FIRST_WAIT_SEC = 5, 1.0
_PACE = Pace(
    ANSWER_SEC, "; run it again when the network is faster: what came of whole files is kept, and it goes on"
)
# how label columns are read in place: they lie side by side, so reading a little ahead saves most requests
READ_AHEAD: dict[str, Any] = {"cache_type": "readahead", "block_size": 1 << 16}
# what clients of the Hub and ``datasets`` read
_PLACES = (
    "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_ASSETS_CACHE",
    "HF_DATASETS_CACHE", "HF_MODULES_CACHE", "HF_XET_CACHE",
)  # fmt: skip
_NUMBERS = ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT")
_OF_THE_DISK = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST,
    errno.ENAMETOOLONG, errno.EIO,
)  # fmt: skip


class TransientError(RunError):
    """A failure that may be over when the same thing is tried again."""

    after_sec: float | None = None  # how long the Hub asks to wait
    given_up = False  # whether the step was repeated as often as is of use


class Changed(TransientError):
    """What a step builds on is no longer there; the step alone does not help again."""


class Unreachable(TransientError):
    """There is no way to the Hub now."""


class Offline(RunError):
    """HF_HUB_OFFLINE forbids to ask the Hub."""


class RepositoryNotFound(RunError):
    """A repository that is not there, or not to be seen."""


class PullRequestsOff(RunError):
    """Discussions and pull requests are switched off in the settings of a repository."""


class FileNotFoundOnHub(RunError):
    """A file that is not there."""


AGAIN = "nothing is lost, run it again"
_LOGIN = "log in with 'hf auth login', or set HF_TOKEN to a token that may write to {owner}"
_NO_FILE = (FileNotFoundOnHub, "it does not hold that file{said}")
_NO_REVISION = "there is no such revision; its tags are on its page on the Hub{said}"
_NOT_THERE = (RepositoryNotFound, "there is no such dataset on the Hub, or the token may not see it")
_CHANGED = (Changed, "somebody else changed it in the meantime{said}")
_FORBIDDEN = (RunError, "the token may not do this{said}; " + _LOGIN)
# of what is forbidden for a reason that the Hub gives, the first that fits
_BY_REASON: tuple[tuple[str, type[RunError], str], ...] = (
    (r"(discussions|pull requests) are disabled", PullRequestsOff,
     "pull requests are switched off there{said}; switch them on in its settings on the Hub"),
    (r"storage|quota|\bspace\b", RunError,
     "the Hub refuses{said}; make room there, or ask its owner for more"),
    (r"\b(token|permi\w+|rights?|authori[sz]\w+|scopes?|access)\b", *_FORBIDDEN),
    ("", RunError, "the Hub refuses{said}"),
)  # fmt: skip
_FAULT = (TransientError, "the Hub has a fault of its own (status {status}); run it again later{said}")
# what is raised for an answer of the Hub, by the name of the client's error, else by status
_ANSWERS: dict[str | int, tuple[type[RunError], str]] = {
    "GatedRepoError": (RunError, "access has to be asked for on its page on the Hub first{said}"),
    "DisabledRepoError": (RunError, "the Hub has disabled this repository{said}"),
    "RevisionNotFoundError": (RunError, _NO_REVISION),
    "RemoteEntryNotFoundError": _NO_FILE, "EntryNotFoundError": _NO_FILE,
    "RepositoryNotFoundError": _NOT_THERE, 404: _NOT_THERE,
    401: (RunError, "the Hub does not accept the token, or there is none{said}; " + _LOGIN),
    403: _FORBIDDEN,
    408: _FAULT, 409: _CHANGED, 412: _CHANGED,
    413: (RunError, "the Hub finds it too large{said}"),
    429: (TransientError, "the Hub asks for fewer requests; wait some minutes and run it again{said}"),
}  # fmt: skip


def check_environment(network: bool = False) -> None:
    """Look at what clients of the Hub and ``datasets`` read from the environment, before they do.

    Args:
        network: also at the way to the Hub.

    Raises: UsageError naming the variables with values that are of no use.
    """
    problems = list(environment.not_absolute(*_PLACES)) + list(environment.no_numbers(*_NUMBERS))
    if environment.home() is None and not os.environ.keys() & {"HF_HOME", "XDG_CACHE_HOME"}:
        problems.append(
            "there is no home directory to keep what is loaded in; set HF_HOME to the absolute path of one"
        )
    if not environment.is_address(endpoint := os.environ.get("HF_ENDPOINT", "https://huggingface.co")):
        problems.append(f"HF_ENDPOINT is {endpoint!r}; give the address of a Hub, http://... or https://...")
    if not re.fullmatch("[!-~]*", os.environ.get("HF_TOKEN", "").strip()):
        problems.append("HF_TOKEN has characters that no token has; set it to a token, or unset it")
    raise_all(problems)
    if network and os.environ.get("HF_HUB_OFFLINE", "").upper() not in ("1", "ON", "YES", "TRUE"):
        environment.check_network()


@contextmanager
def kept(doing: str) -> Iterator[None]:
    """Turn what the disk refuses to ``datasets``, which keeps what it reads in its cache, into RunErrors."""
    check_environment()
    try:
        yield
    except OSError as error:
        if not (text := _of_the_disk(error)):
            raise
        raise RunError(f"{doing}: {text}") from None


def _of_the_disk(error: OSError) -> str | None:
    if error.errno not in _OF_THE_DISK or not error.filename:
        return None
    return f"{told(error)}; make that possible, or name another place with HF_HOME or HF_DATASETS_CACHE"


@contextmanager
def hub_errors(repo: str, doing: str) -> Iterator[None]:
    """Turn what the Hub and the network raise while ``doing``, such as publishing, into RunErrors.

    Raises: TransientError or RunError.
    """
    check_environment(network=True)
    try:
        yield
    except Exception as error:
        if isinstance(error, SousaError) and not isinstance(error, TooSlow):
            raise
        causes = list(_chain(error))
        if slow := next((cause for cause in causes if isinstance(cause, TooSlow)), None):
            raise TransientError(f"{doing} {repo}: {slow}") from None
        answered = [c for c in causes if getattr(getattr(c, "response", None), "status_code", None)]
        sentence = _sentence(causes, repo)
        if sentence is None:
            raise
        kind, text = sentence
        if kind is RepositoryNotFound and doing != "publishing":
            text += "; nor is there such a directory here"
        raised = kind(f"{doing} {repo}: {text}")
        if isinstance(raised, TransientError) and answered:
            with suppress(KeyError, TypeError, ValueError):
                raised.after_sec = min(max(float(answered[0].response.headers["Retry-After"]), 0.0), 120.0)
        raise raised from None


def patiently(
    step: Callable[[], Any], repo: str, say: Say, beyond: tuple[type[TransientError], ...] = ()
) -> Any:
    """Do a step of publishing again, a few times, while what stops it may pass.

    Args:
        beyond: errors that doing this step alone again does not help against.

    Raises: TransientError, when it did not pass, or RunError.
    """
    for attempt in range(ATTEMPTS):
        try:
            with hub_errors(repo, "publishing"):
                return step()
        except TransientError as error:
            error.given_up |= attempt == ATTEMPTS - 1
            if error.given_up or isinstance(error, beyond):
                raise
            wait = error.after_sec if error.after_sec is not None else FIRST_WAIT_SEC * 2**attempt
            say(f"{error}; trying again in {wait:.0f} s")
            time.sleep(wait)


def _chain(error: BaseException | None) -> Iterator[Any]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _sentence(causes: list[Any], repo: str) -> tuple[type[RunError], str] | None:
    """What to raise for an error and what caused it, and its text; None when it is not the Hub's doing."""
    from httpx2 import HTTPError, TransportError
    from huggingface_hub import errors as hub
    from huggingface_hub.constants import ENDPOINT

    owner, error = repo.split("/")[0], causes[0]
    for cause in causes:
        if isinstance(cause, hub.OfflineModeIsEnabled):
            return Offline, "HF_HUB_OFFLINE is set, so the Hub is not asked; unset it"
        if isinstance(cause, hub.LocalTokenNotFoundError):
            return RunError, f"no token; {_LOGIN.format(owner=owner)}"
        if isinstance(cause, hub.HFValidationError):
            return RunError, f"this is no name of a dataset on the Hub ({first_line(cause)})"
        response: Any = getattr(cause, "response", None)
        if status := getattr(response, "status_code", None):
            other = _FAULT if status >= 500 else (RunError, "the Hub refuses with status {status}{said}")
            kind, text = _ANSWERS.get(type(cause).__name__) or _ANSWERS.get(status, other)
            reason = response.headers.get("X-Error-Message") or getattr(cause, "server_message", None) or ""
            if (kind, text) == _FORBIDDEN and reason:
                fitting = (row[1:] for row in _BY_REASON if re.search(row[0], reason, re.IGNORECASE))
                kind, text = next(fitting)
            said = f" (the Hub says: {' '.join(str(reason).split())[:200]})" if reason else ""
            return kind, text.format(said=said, status=status, owner=owner)
    for cause in causes:
        if isinstance(cause, (TransportError, ConnectionError, TimeoutError)):
            return Unreachable, f"the Hub can't be reached ({first_line(cause)[:200]}); {AGAIN}"
    for cause in causes:
        if isinstance(cause, OSError) and (refused := _of_the_disk(cause)):
            return RunError, refused
    files = [frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)]
    of_client = any("huggingface_hub" in Path(file).parts for file in files)
    if isinstance(error, (NotImplementedError, RecursionError)) or not of_client:
        return None
    if isinstance(error, (RuntimeError, OSError)):
        # what hf_xet raises carries no type of its own
        return TransientError, f"the transfer failed ({first_line(error)[:200]}); {AGAIN}"
    if isinstance(error, (ValueError, TypeError, LookupError, HTTPError)):
        name = type(error).__name__
        return TransientError, f"{ENDPOINT} does not answer as the Hub does ({name}); try again"
    return None


def client(token: str | None = None) -> Any:
    """The Hub's client, which waits long for an answer but not for ever."""
    from huggingface_hub import HfApi

    _watch()
    return HfApi(token=token)


def file_system(token: str | None = None) -> Any:
    """The Hub's files, read with the same patience."""
    from huggingface_hub import HfFileSystem  # made once in each process

    _watch()
    return HfFileSystem(token=token)


def _watch() -> None:
    """Have the session that all of the Hub's clients in this process share wait no longer than is of use."""
    from httpx2 import Timeout
    from huggingface_hub import get_session

    session = get_session()
    if session.timeout == Timeout(None):
        session.timeout = Timeout(CONNECT_SEC, read=ANSWER_SEC, write=ANSWER_SEC, pool=None)
    hooks = session.event_hooks
    if _PACE.watch not in hooks["request"]:
        session.event_hooks = hooks | {"request": [*hooks["request"], _PACE.watch]}
