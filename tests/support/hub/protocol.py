"""What the endpoints of the test Hub are made of.

Conventions: an endpoint is a function of a ``Request`` and the pieces of its address, unquoted, and returns a
``Response``; ``HubError`` becomes an error answer. ``user`` is ``writer``, ``reader`` or None.
"""

import json
import re
from dataclasses import dataclass, field
from urllib.parse import quote

from tests.support.hub.repository import HubError

ROUTES = []


@dataclass
class Request:
    hub: object
    method: str
    path: str  # without the query
    query: dict  # name: last value
    headers: object
    body: bytes
    user: str | None

    def json(self):
        return json.loads(self.body or b"{}")


@dataclass
class Response:
    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)


def route(methods, pattern):
    """An endpoint at ``pattern``: ``{kind}`` is datasets, models or spaces, ``{repo}`` is org/name (the
    argument ``name``), ``{x}`` one piece and ``{x*}`` the rest of the address.
    """
    pattern = pattern.replace("{kind}", "(?P<kind>dataset|model|space)s")
    pattern = pattern.replace("{repo}", "(?P<name>[^/]+/[^/]+?)")
    pattern = re.sub(r"\{([a-z]+)\*\}", r"(?P<\1>.*)", pattern)
    pattern = re.compile(re.sub(r"\{([a-z]+)\}", r"(?P<\1>[^/]+)", pattern))

    def keep(function):
        ROUTES.append((methods.split(), pattern, function))
        return function

    return keep


def answer(value, status=200, **headers):
    return Response(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


def must_write(request):
    if request.user is None:
        raise HubError(401, "Invalid username or password.")
    if request.user != "writer":
        raise HubError(403, "Forbidden: you must use a write token to upload to a repository.")


def must_be_there(request, kind, name, write=False):
    repository = request.hub.store.get(kind, name, request.user)
    if write:
        must_write(request)
    return repository


def must_discuss(request, kind, name, write=False):
    """The repository, unless its pull requests are switched off."""
    repository = must_be_there(request, kind, name, write)
    if not repository.state.get("pull_requests", True):
        raise HubError(403, "Discussions are disabled for this repo")
    return repository


def page(request, items, size):
    """One page of items, with the Link to the next."""
    start = int(request.query.get("cursor", 0))
    headers = {}
    if start + size < len(items):
        query = {**request.query, "cursor": start + size}
        query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
        headers["Link"] = f'<{request.hub.url}{request.path}?{query}>; rel="next"'
    return answer(items[start : start + size], **headers)


def truth(value):
    return str(value).lower() in ("1", "true")


def ranged(request, size, read, headers):
    """The whole body, or the part that one ``Range`` asks for."""
    headers = {"Content-Type": "application/octet-stream", **headers}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
    if request.method == "HEAD":
        return Response(200, b"", {**headers, "Content-Length": str(size)})
    if not asked or asked[0] == "bytes=-":
        return Response(200, read(0, size), headers)
    start = int(asked[1]) if asked[1] else max(size - int(asked[2]), 0)
    end = min(int(asked[2]) + 1, size) if asked[1] and asked[2] else size
    if start >= size or start >= end:
        raise HubError(416, "Range not satisfiable", headers={"Content-Range": f"bytes */{size}"})
    return Response(206, read(start, end), {**headers, "Content-Range": f"bytes {start}-{end - 1}/{size}"})
