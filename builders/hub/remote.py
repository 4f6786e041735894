"""The Hub's client, and its errors as sentences a person can act on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from typing import Any

from sousa.generation.errors import RunError

CONNECT_SEC, ANSWER_SEC = 30.0, 180.0  # a commit of thousands of files is answered late
_LOGIN = "log in with 'hf auth login', or set HF_TOKEN to a token that may write to {owner}"


class TransientError(RunError):
    """A failure that may be over when the same thing is tried again.

    Attributes:
        after_sec: how long the Hub asks to wait, or None.
    """

    after_sec: float | None = None


class RepositoryNotFound(RunError):
    """A repository that is not there, or not to be seen."""


class FileNotFoundOnHub(RunError):
    """A file that is not there."""


@contextmanager
def hub_errors(repo: str, doing: str) -> Iterator[None]:
    """Turn what the Hub and the network raise into RunErrors.

    Args:
        repo: ``org/name``; doing: what was being done, such as ``publishing``.

    Raises: TransientError or RunError.
    """
    try:
        yield
    except Exception as error:
        sentence = _sentence(error, repo)
        if sentence is None:
            raise
        kind, text = sentence
        if kind is RepositoryNotFound and doing != "publishing":
            text += "; nor is there such a directory here"
        raised = kind(f"{doing} {repo}: {text}")
        if isinstance(raised, TransientError):
            raised.after_sec = _seconds_to_wait(error)
        raise raised from None


def _chain(error: BaseException | None) -> Iterator[Any]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _answer(error: Any) -> Any:
    """The Hub's answer that an error is about, or None."""
    response = getattr(error, "response", None)
    return response if getattr(response, "status_code", None) else None


def _sentence(error: Exception, repo: str) -> tuple[type[RunError], str] | None:
    """What to raise for an error, and its text; None for one that is not the Hub's doing."""
    from httpx2 import HTTPError, TransportError
    from huggingface_hub import errors as hub
    from huggingface_hub.constants import ENDPOINT

    if isinstance(error, RunError):
        return None
    for cause in _chain(error):
        if isinstance(cause, hub.OfflineModeIsEnabled):
            return RunError, "HF_HUB_OFFLINE is set, so the Hub is not asked; unset it"
        if isinstance(cause, hub.LocalTokenNotFoundError):
            return RunError, f"no token; {_login(repo)}"
        if isinstance(cause, hub.HFValidationError):
            return RunError, f"this is no name of a dataset on the Hub ({str(cause).splitlines()[0]})"
        if (response := _answer(cause)) is not None:
            return _status(response, cause, repo)
    for cause in _chain(error):
        if isinstance(cause, (TransportError, ConnectionError, TimeoutError)):
            return (
                TransientError,
                f"the Hub can't be reached ({_short(cause)}); nothing is lost, run it again",
            )
    if isinstance(error, (NotImplementedError, RecursionError)) or not _of_the_client(error):
        return None
    if isinstance(error, (RuntimeError, OSError)):
        # what hf_xet raises carries no type of its own
        return TransientError, f"the transfer failed ({_short(error)}); nothing is lost, run it again"
    if isinstance(error, (ValueError, TypeError, LookupError, HTTPError)):
        kind = type(error).__name__
        return TransientError, f"{ENDPOINT} does not answer as the Hub does ({kind}); try again"
    return None


def _of_the_client(error: Exception) -> bool:
    """Whether an error comes out of the Hub's client library, and not out of this program."""
    files = [frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)]
    return any("huggingface_hub" in Path(file).parts for file in files)


def _login(repo: str) -> str:
    return _LOGIN.format(owner=repo.split("/")[0])


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__


def _status(response: Any, error: Any, repo: str) -> tuple[type[RunError], str]:
    status, name = response.status_code, type(error).__name__
    said = response.headers.get("X-Error-Message") or getattr(error, "server_message", None) or ""
    said = f" (the Hub says: {' '.join(str(said).split())[:200]})" if said else ""
    if name == "GatedRepoError":
        return RunError, f"access has to be asked for on its page on the Hub first{said}"
    if name == "DisabledRepoError":
        return RunError, f"the Hub has disabled this repository{said}"
    if name == "RevisionNotFoundError":
        return RunError, f"there is no such revision; its tags are on its page on the Hub{said}"
    if name in ("RemoteEntryNotFoundError", "EntryNotFoundError"):
        return FileNotFoundOnHub, f"it does not hold that file{said}"
    if status == 401 and name != "RepositoryNotFoundError":
        return RunError, f"the Hub does not accept the token, or there is none; {_login(repo)}"
    if status == 403:
        return RunError, f"the token may not do this{said}; {_login(repo)}"
    if status == 404 or name == "RepositoryNotFoundError":
        return RepositoryNotFound, "there is no such dataset on the Hub, or the token may not see it"
    if status in (409, 412):
        return TransientError, f"somebody else changed it in the meantime{said}"
    if status == 413:
        return RunError, f"the Hub finds it too large{said}"
    if status == 429:
        return TransientError, f"the Hub asks for fewer requests; wait some minutes and run it again{said}"
    if status >= 500 or status == 408:
        return TransientError, f"the Hub has a fault of its own (status {status}); run it again later{said}"
    return RunError, f"the Hub refuses with status {status}{said}"


def _seconds_to_wait(error: Exception) -> float | None:
    """How long the Hub asks to wait, 120 s at most, or None."""
    answers = [answer for cause in _chain(error) if (answer := _answer(cause)) is not None]
    try:
        return min(max(float(answers[0].headers["Retry-After"]), 0.0), 120.0)
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def client(token: str | None = None) -> Any:
    """The Hub's client, which waits long for an answer but not for ever."""
    from httpx2 import Timeout
    from huggingface_hub import HfApi, get_session

    session = get_session()
    if session.timeout == Timeout(None):
        session.timeout = Timeout(CONNECT_SEC, read=ANSWER_SEC, write=ANSWER_SEC, pool=None)
    return HfApi(token=token)
