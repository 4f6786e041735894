"""What the environment of a process says (the cache, the network, its rank), checked before it is used.

Conventions: what is wrong is a UsageError that names the variable. What is kept outside of what the user
names lies in one directory, the cache: ``$SOUSA_CACHE``, else ``sousa`` in ``$XDG_CACHE_HOME`` or
``~/.cache``.
"""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from sousa.generation.errors import UsageError, raise_all
from sousa.generation.outside import FONT_BYTES, home, opened

_PLACES = ("SOUSA_CACHE", "XDG_CACHE_HOME", "MPLCONFIGDIR")
# of these a tilde is read; by others it would be taken for a folder of that name
_WITH_TILDE = ("SOUSA_CACHE", "MPLCONFIGDIR", "HF_HOME", "HF_HUB_CACHE")
_RANKS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_PORT")
_PROXIES = ("http", "https", "socks5", "socks5h")
_LONGEST_TEMPORARY = 70  # bytes: sockets of worker processes lie in it, and their names have at most 107


class NoCacheError(UsageError):
    """There is no place for a cache."""


def not_absolute(*names: str) -> Iterator[str]:
    """A sentence for each variable that is set and names no whole path."""
    for name in names:
        value = os.environ.get(name)
        if value is None:
            continue
        if not os.path.isabs(os.path.expanduser(value) if name in _WITH_TILDE else value):
            yield f"{name} is {value!r}; give an absolute path, or unset it"


def no_numbers(*names: str) -> Iterator[str]:
    """A sentence for each variable that is set and is no whole number, 0 or more."""
    for name in names:
        value = os.environ.get(name, "0")
        if not re.fullmatch("[0-9]{1,9}", value):
            yield f"{name} is {value!r}; give a whole number, or unset it"


def check() -> None:
    """Look at what every command uses, and keep libraries from what they would do of their own accord.

    Raises: UsageError.
    """
    # an empty home is the root directory to some libraries; other empty ones stand for none
    raise_all(not_absolute("HOME", *(name for name in _PLACES if os.environ.get(name))))
    if bars := [name for name in os.environ if name.startswith("TQDM_")]:
        try:
            import tqdm  # noqa: F401 - it reads them now
        except (TypeError, ValueError) as error:
            raise UsageError(f"{', '.join(bars)}: tqdm can't use this ({error}); unset it") from None
    os.environ["MPLBACKEND"] = "agg"  # pictures go to files, wherever this runs
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # of places that it can't write to
    if not os.environ.get("MPLCONFIGDIR"):
        with suppress(NoCacheError):  # matplotlib then uses a temporary directory
            os.environ["MPLCONFIGDIR"] = str(cache() / "matplotlib")


def cache() -> Path:
    """The directory of what is kept.

    Raises: UsageError, of which NoCacheError says that there is none.
    """
    raise_all(not_absolute(*(name for name in _PLACES[:2] if os.environ.get(name))))
    if own := os.environ.get("SOUSA_CACHE"):
        return Path(os.path.expanduser(own))
    base = os.environ.get("XDG_CACHE_HOME") or ((user := home()) and f"{user}/.cache")
    if not base:
        raise NoCacheError(
            "there is no home directory to keep a cache in; set SOUSA_CACHE to an absolute path"
        )
    return Path(base) / "sousa"


def check_temporary() -> None:
    """Raise UsageError where temporary files of worker processes would lie somewhere unexpected."""
    value = os.environ.get("TMPDIR")
    if value is None:
        return
    import tempfile

    wrong = "is no absolute path" if not os.path.isabs(value) else ""
    wrong = wrong or ("is longer than sockets allow" if len(os.fsencode(value)) > _LONGEST_TEMPORARY else "")
    if not wrong and os.path.realpath(tempfile.gettempdir()) != os.path.realpath(value):
        wrong = "can't be written to"
    if wrong:
        raise UsageError(f"TMPDIR is {value!r}, which {wrong}; name another directory, or unset it")


def rank() -> int:
    """Number of this process among those that a launcher has started, 0 for one alone; raises UsageError."""
    raise_all(no_numbers(*_RANKS))
    return int(os.environ.get("RANK", "0"))


def check_network() -> None:
    """Raise UsageError for a proxy or certificates with which no connection can be made."""
    raise_all([*_wrong_proxies(), *_wrong_certificates()])


def _wrong_proxies() -> Iterator[str]:
    # not above: with them a short command would take half as long again
    from importlib.util import find_spec
    from urllib.request import getproxies

    proxies = getproxies()
    if "*" in proxies.get("no", "").replace(" ", "").split(","):
        return
    for kind in ("http", "https", "all"):
        if not (value := proxies.get(kind)):
            continue
        # a password in it is not shown
        shown = re.sub("//[^/]*@", "//...@", value)
        name = next((n for n, text in os.environ.items() if n.lower() == f"{kind}_proxy" and text), kind)
        allowed = "give http://HOST:PORT, https:// or socks5://, or unset it"
        if not is_address(value if "://" in value else f"http://{value}", _PROXIES):
            yield f"{name} is {shown!r}, which is no proxy that can be used; {allowed}"
        elif value.startswith("socks") and find_spec("socksio") is None:
            yield f"{name} is {shown!r}, which needs the package socksio; install it, or unset {name}"


def _wrong_certificates() -> Iterator[str]:
    import ssl

    file, directory = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file:
        try:
            opened(file, FONT_BYTES).close()
            ssl.create_default_context(cafile=file)
        except OSError as error:  # ssl's own are some too
            reason = error.strerror if not isinstance(error, ssl.SSLError) else "no certificates in it"
            yield f"SSL_CERT_FILE is {file!r}, which can't be used ({reason}); name another file, or unset it"
    elif directory and not os.path.isdir(directory):
        yield f"SSL_CERT_DIR is {directory!r}, which is no directory; name another one, or unset it"


def is_address(text: str, schemes: tuple[str, ...] = ("http", "https")) -> bool:
    """Whether a text is the address of a server."""
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
