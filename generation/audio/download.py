"""Fetching one file over HTTP, going on where an earlier try stopped.

Conventions
-----------
What has come is kept in a part file, whatever stops the transfer, and the next try asks for the rest
(``Range``). Beside it stands where it comes from, and with which version of the file (``ETag``): a
server that named one is asked to go on only if it still has that one (``If-Range``), and a file without
is not of this program. Whether the bytes are right is for the caller to find out, by their digest.
"""

import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from sousa.generation import PACKAGE_VERSION, environment
from sousa.generation.errors import RunError, UsageError
from sousa.generation.outside import read_json
from sousa.generation.pace import Pace, TooSlow
from sousa.generation.storage import explain, write_json

TRIES = 4  # in a row without any new byte
PAUSE_SEC, LONGEST_PAUSE_SEC = 1.0, 60.0  # before the second try, then twice as long each time
LONGEST_WAIT_SEC = 300.0  # that a server may ask for
CONNECT_SEC, READ_SEC = 10.0, 30.0


class _Transient(Exception):
    """The server can't now, or not like this; ``wait_sec``: how long it asks to be left alone."""

    def __init__(self, reason: str, wait_sec: float = 0.0):
        super().__init__(reason)
        self.wait_sec = wait_sec


def fetch(
    address: str,
    part: str | Path,
    limit: int,
    say: Callable[[str], None],
    progress: Any,
    tries: int | None = None,
) -> None:
    """Bring a file into ``part``, adding to what is there.

    Args:
        address: of the file, http or https.
        part: path of the part file.
        limit: most bytes to take.
        say: called with a line of text before another try.
        progress: context manager of (title, total bytes or None, initial=bytes there already) that
            gives a function to call with each number of new bytes.
        tries: how many may fail in a row without any new byte, once the server was reached; None for TRIES.

    Raises: UsageError for an address that is none; RunError when the file can't be had. The part
        file is then kept, for the next call to go on from.
    """
    import httpx2

    environment.check_network()
    part = Path(part)
    _refuse_others(part)
    failures, most = 0, _size(part)
    pace, tries = Pace(whole=True), tries or TRIES
    look = {"User-Agent": f"sousa/{PACKAGE_VERSION}", "Accept-Encoding": "identity"}
    wait = httpx2.Timeout(READ_SEC, connect=CONNECT_SEC)
    trusted = _trusted(*map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR")))
    with httpx2.Client(verify=trusted, follow_redirects=True, timeout=wait, headers=look) as client:
        client.event_hooks["request"].append(pace.watch)
        while True:
            try:
                return _transfer(client, address, part, limit, progress)
            except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
                raise UsageError(
                    f"{address} is no address to fetch from ({error}); give http://... or https://..."
                ) from None
            except (httpx2.TransportError, _Transient) as error:
                reason = str(error) or type(error).__name__
                wait_sec = error.wait_sec if isinstance(error, _Transient) else 0.0
                # without a network there is nothing to wait for
                reached = isinstance(error, _Transient) or _size(part) > 0
            except TooSlow as error:
                raise _left(address, error) from None
            except httpx2.RequestError as error:
                raise RunError(f"can't fetch {address}: {error}") from None
            except OSError as error:  # httpx2 has its own errors for the network: this is the disk
                raise explain(error, part) from None
            failures = 1 if _size(part) > most else failures + 1
            most = max(most, _size(part))
            if failures >= (tries if reached else min(tries, TRIES)):
                raise RunError(f"can't fetch {address}: {reason}")
            if wait_sec > LONGEST_WAIT_SEC:
                raise RunError(
                    f"can't fetch {address}: {reason}, and asks to wait {wait_sec:,.0f} s; run it again then"
                )
            pause = min(PAUSE_SEC * 2 ** (failures - 1), LONGEST_PAUSE_SEC)
            say(f"{_title(part)}: {reason}; going on in {max(pause, wait_sec):.0f} s")
            try:
                pace.wait(pause)
                time.sleep(max(wait_sec - pause, 0.0))  # the server wishes it, which makes it no slower
            except TooSlow:
                raise _left(address, reason) from None


@cache
def _trusted(*places: str | None) -> Any:
    """The certificates that are trusted; reading them takes 30 ms, and files may be thousands."""
    import httpx2

    return httpx2.create_ssl_context()


def _left(address: str, why: object) -> RunError:
    return RunError(
        f"can't fetch {address} ({why}); what came is kept, and the same command goes on from there"
    )


def forget(part: str | Path) -> None:
    """Remove a part file and what is kept beside it."""
    for path in (Path(part), _version_file(part)):
        path.unlink(missing_ok=True)


def _transfer(client: Any, address: str, part: Path, limit: int, progress: Any) -> None:
    """One request, for what is missing; its answer is added to the part file."""
    have = _size(part)
    headers = {"Range": f"bytes={have}-"} if have else {}
    if have and (version := _version(part, address)):
        headers["If-Range"] = version
    with client.stream("GET", address, headers=headers) as answer:
        status, span = answer.status_code, answer.headers.get("content-range", "")
        if status == 416 and have:
            if span == f"bytes */{have}":
                return  # it was all there
            forget(part)
            raise _Transient("the server has less than what was kept of an earlier try")
        if status >= 500 or status in (408, 429):
            wait_sec = _asked_wait(answer.headers.get("retry-after", ""))
            raise _Transient(f"the server answers {status} {answer.reason_phrase}", wait_sec)
        if status not in (200, 206):
            raise RunError(f"can't fetch {address}: the server answers {status} {answer.reason_phrase}")
        if status == 206 and not span.startswith(f"bytes {have}-"):
            forget(part)
            raise _Transient(f"the server sends {span or 'an unnamed range'} instead of bytes from {have}")
        have = have if status == 206 else 0
        if not have:
            forget(part)
            version = answer.headers.get("etag", "")
            # a weak one does not promise the same bytes
            write_json(_version_file(part), [address, "" if version.startswith("W/") else version])
        length = answer.headers.get("content-length", "")
        total = have + int(length) if length.isdigit() else None
        # unbuffered: what has come is in the file, whatever happens next
        with progress(_title(part), total, initial=have) as done, _appended(part) as file:
            for block in answer.iter_raw():
                have += len(block)
                if have > limit:
                    forget(part)
                    raise RunError(f"{answer.url} sends more than the {limit:,} bytes that were expected")
                view = memoryview(block)
                while view:  # a disk that is nearly full takes less than it is given
                    view = view[file.write(view) :]
                done(len(block))


def _asked_wait(text: str) -> float:
    """Seconds of a Retry-After, which may be a date; 0 for none."""
    if text.isdecimal():
        return float(text)
    try:
        return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0.0)
    except (TypeError, ValueError):  # no date, or one without a zone
        return 0.0


def _appended(part: Path) -> BinaryIO:
    """The part file, open for adding to it; never what a link there leads to."""
    handle = os.open(part, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    return os.fdopen(handle, "ab", buffering=0)


def _refuse_others(part: Path) -> None:
    """Refuse to add to what this program did not begin."""
    if not os.path.lexists(part):
        return
    status = os.lstat(part)
    alone = stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_uid == os.geteuid()
    if not alone or _begun(part) is None:
        raise UsageError(f"{part} is there and was not made by this command; remove it")


def _title(part: Path) -> str:
    return part.name.removeprefix(".").removesuffix(".part")


def _size(part: Path) -> int:
    return part.stat().st_size if os.path.lexists(part) else 0


def _version_file(part: str | Path) -> Path:
    return Path(f"{part}.version")


def _version(part: Path, address: str) -> str | None:
    where, version = _begun(part) or ("", "")
    return version if where == address and version else None


def _begun(part: Path) -> tuple[str, str] | None:
    """Address and version of what was begun, None where that is not known."""
    with suppress(OSError, ValueError, TypeError):
        where, version = map(str, read_json(_version_file(part)))
        return where, version
    return None
