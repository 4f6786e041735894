"""Reading from the Hub, and its errors as sentences a person can act on."""

import json
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb

from sousa.generation.errors import RunError

CONNECT_SEC, ANSWER_SEC = 30.0, 180.0  # a commit of thousands of files is answered late
_LOGIN = "log in with 'hf auth login', or set HF_TOKEN to a token that may write to {owner}"


class Passing(RunError):
    """A failure that may be over when the same thing is tried again.

    Attributes:
        after_sec: how long the Hub asks to wait, or None.
    """

    after_sec = None


class NotThere(RunError):
    """A repository that is not there, or not to be seen."""


class Absent(RunError):
    """A file that is not there."""


@contextmanager
def hub_errors(repo, doing):
    """Turn what the Hub and the network raise into RunErrors.

    Args:
        repo: ``org/name``; doing: what was being done, such as ``publishing``.

    Raises: Passing or RunError.
    """
    try:
        yield
    except Exception as error:
        sentence = _sentence(error, repo)
        if sentence is None:
            raise
        kind, text, after = sentence
        if kind is NotThere and doing != "publishing":
            text += "; nor is there such a directory here"
        raised = kind(f"{doing} {repo}: {text}")
        if isinstance(raised, Passing):
            raised.after_sec = after
        raise raised from None


def _chain(error):
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _sentence(error, repo):
    """``(kind, text, seconds to wait)`` for an error, or None for one that is not the Hub's doing."""
    from httpx2 import HTTPError, TransportError
    from huggingface_hub import errors as hub
    from huggingface_hub.constants import ENDPOINT

    if isinstance(error, RunError):
        return None
    for one in _chain(error):
        if isinstance(one, hub.OfflineModeIsEnabled):
            return RunError, "HF_HUB_OFFLINE is set, so the Hub is not asked; unset it", None
        if isinstance(one, hub.LocalTokenNotFoundError):
            return RunError, f"no token; {_login(repo)}", None
        if isinstance(one, hub.HFValidationError):
            return RunError, f"this is no name of a dataset on the Hub ({str(one).splitlines()[0]})", None
        response = getattr(one, "response", None)
        if response is not None and getattr(response, "status_code", None):
            return _status(response, one, repo)
    for one in _chain(error):
        if isinstance(one, (TransportError, ConnectionError, TimeoutError)):
            return Passing, f"the Hub can't be reached ({_short(one)}); nothing is lost, run it again", None
    if isinstance(error, (NotImplementedError, RecursionError)) or not _of_the_client(error):
        return None
    if isinstance(error, (RuntimeError, OSError)):
        # what hf_xet raises carries no type of its own
        return Passing, f"the transfer failed ({_short(error)}); nothing is lost, run it again", None
    if isinstance(error, (ValueError, TypeError, LookupError, HTTPError)):
        return (
            Passing,
            f"{ENDPOINT} does not answer as the Hub does ({type(error).__name__}); try again",
            None,
        )
    return None


def _of_the_client(error):
    """Whether an error comes out of the Hub's client library, and not out of this program."""
    files = [frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)]
    return any("huggingface_hub" in Path(file).parts for file in files)


def _login(repo):
    return _LOGIN.format(owner=repo.split("/")[0])


def _short(error):
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__


def _status(response, error, repo):
    status, name = response.status_code, type(error).__name__
    said = response.headers.get("X-Error-Message") or getattr(error, "server_message", None) or ""
    said = f" (the Hub says: {' '.join(str(said).split())[:200]})" if said else ""
    if name == "GatedRepoError":
        return RunError, f"access has to be asked for on its page on the Hub first{said}", None
    if name == "DisabledRepoError":
        return RunError, f"the Hub has disabled this repository{said}", None
    if name == "RevisionNotFoundError":
        return RunError, f"there is no such revision; its tags are on its page on the Hub{said}", None
    if name in ("RemoteEntryNotFoundError", "EntryNotFoundError"):
        return Absent, f"it does not hold that file{said}", None
    if status == 401 and name != "RepositoryNotFoundError":
        return RunError, f"the Hub does not accept the token, or there is none; {_login(repo)}", None
    if status == 403:
        return RunError, f"the token may not do this{said}; {_login(repo)}", None
    if status == 404 or name == "RepositoryNotFoundError":
        return NotThere, "there is no such dataset on the Hub, or the token may not see it", None
    if status in (409, 412):
        return Passing, f"somebody else changed it in the meantime{said}", None
    if status == 413:
        return RunError, f"the Hub finds it too large{said}", None
    after = _seconds(response.headers.get("Retry-After"))
    if status == 429:
        return Passing, f"the Hub asks for fewer requests; wait some minutes and run it again{said}", after
    if status >= 500 or status == 408:
        return Passing, f"the Hub has a fault of its own (status {status}); run it again later{said}", after
    return RunError, f"the Hub refuses with status {status}{said}", None


def _seconds(text):
    try:
        return min(max(float(text), 0.0), 120.0)
    except (TypeError, ValueError):
        return None


def client(token=None):
    """The Hub's client, which waits long for an answer but not for ever."""
    from httpx2 import Timeout
    from huggingface_hub import HfApi, get_session

    session = get_session()
    if session.timeout == Timeout(None):
        session.timeout = Timeout(CONNECT_SEC, read=ANSWER_SEC, write=ANSWER_SEC, pool=None)
    return HfApi(token=token)


def release(repo, revision=None, token=None):
    """A release on the Hub.

    Args:
        repo: ``org/name``; revision: tag, branch or commit, None for main.

    Returns: :class:`sousa.builders.release.opened.Release`.
    Raises: RunError when there is none.
    """
    from huggingface_hub import HfFileSystem

    from sousa.builders.release import layout, opened

    api = client(token)
    with hub_errors(repo, "reading"):
        commit = api.dataset_info(repo, revision=revision).sha

    def local(file):
        with hub_errors(repo, "reading"):
            return api.hf_hub_download(repo, file, repo_type="dataset", revision=commit)

    def open_(file):
        with hub_errors(repo, "reading"):
            return HfFileSystem(token=token).open(f"datasets/{repo}@{commit}/{file}", "rb", cache_type="none")

    where = f"{repo}@{revision}" if revision else repo
    try:
        manifest = json.loads(Path(local(layout.MANIFEST)).read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        manifest = None
    except Absent:
        raise RunError(f"{where} is no release of sousa: it holds no {layout.MANIFEST}") from None
    return opened.Release(where, opened.check_manifest(manifest, where), local, open_)
