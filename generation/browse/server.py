"""Answers a browser on this machine, and nobody else.

Conventions: it listens on loopback, reads and never writes, and answers only requests that name a loopback
host, so that no page of another site can read the dataset through its visitor's browser.
"""

import io
import mimetypes
import re
import sys
from dataclasses import dataclass, field, replace
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sousa.generation.browse import pages
from sousa.generation.browse.listing import Listing
from sousa.generation.errors import RunError, UsageError
from sousa.generation.filters import Filter
from sousa.generation.preview import choose
from sousa.generation.preview import page as preview
from sousa.generation.reopen import rows_at

HOST = "127.0.0.1"
_HOSTS = (HOST, "localhost")
_PREVIEW_ROWS, _PREVIEW_SEED = 24, 42
_FILES = {"report": "validation_report.html", "card": "README.md"}
_HTML = "text/html; charset=utf-8"
# what a page may load: pictures inside it, and sounds from here
_POLICY = (
    "default-src 'none'; img-src data:; media-src 'self'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
# a preview's own policy stands in it: it has scripts, and loads nothing
_POLICY_OF_ROWS = "frame-ancestors 'none'; base-uri 'none'"


class Browse(ThreadingHTTPServer):
    """A dataset on loopback; ``serve_forever`` answers until ``shutdown``.

    Args:
        path: of the dataset, as the user named it.
        port: 0 for a free one.

    Raises: OSError when the port can't be had.
    """

    daemon_threads = True

    def __init__(self, listing: Listing, path: str, port: int = 0):
        self.listing, self.path, self.reading = listing, path, Lock()
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """Of the first page."""
        return f"http://{HOST}:{self.server_port}/"

    def file(self, name: str) -> Path:
        """Where one of the linked files is."""
        return self.listing.source.storage.path(_FILES[name])

    @property
    def kept(self) -> list[str]:
        """The links whose pages exist."""
        return ["preview", *(name for name in _FILES if self.file(name).is_file())]

    @cached_property
    def preview_page(self) -> bytes:
        """An even selection of rows."""
        source = self.listing.source
        return self.rows_page(choose.choose(source, Filter([]), _PREVIEW_ROWS, _PREVIEW_SEED))

    def rows_page(self, numbers: list[int]) -> bytes:
        """A preview of rows."""
        page = io.BytesIO()
        preview.compose(page, self.listing.source, numbers)
        return page.getvalue()

    def sound(self, number: int) -> tuple[bytes, str]:
        """The encoded sound of a row, and its type.

        Raises: UsageError where there is none.
        """
        source = self.listing.source
        if not 0 <= number < source.facts["num_rows"] or "audio" not in {c.name for c in source.columns}:
            raise UsageError(f"there is no sound of a row {number}")
        (row,) = next(rows_at(source.storage, source.records, [number], ["audio"])).to_pylist()
        if not row["audio"] or not row["audio"]["bytes"]:
            raise UsageError(f"row {number} has no sound")
        kind = mimetypes.guess_type(row["audio"]["path"] or "")[0] or ""
        kind = kind.replace("x-", "") if kind.startswith("audio/") else "application/octet-stream"
        return row["audio"]["bytes"], kind

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that has gone away is no fault."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


@dataclass(frozen=True)
class _Answer:
    """What is sent: ``kind`` is its media type, ``policy`` what the page may load."""

    data: bytes
    kind: str = _HTML
    policy: str = _POLICY
    status: int = HTTPStatus.OK
    more: dict[str, str] = field(default_factory=dict)


class _Handler(BaseHTTPRequestHandler):
    server: Browse
    protocol_version = "HTTP/1.1"
    timeout = 30.0  # for a browser that reads no further

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        try:
            host = re.sub(r":\d+$", "", self.headers.get("Host", "")).lower()
            site, mode = (self.headers.get(f"Sec-Fetch-{name}", "") for name in ("Site", "Mode"))
            if host not in _HOSTS or (site == "cross-site" and mode != "navigate"):
                words = "this page is for this machine alone; open it as localhost"
                answer = _problem(words, HTTPStatus.FORBIDDEN)
            else:
                address = urlsplit(self.path)
                with self.server.reading:  # a row group may be large
                    answer = self._answer(address.path, dict(parse_qsl(address.query)))
        except UsageError as error:
            answer = _problem(str(error), HTTPStatus.NOT_FOUND)
        except ValueError:
            answer = _problem("this address can't be read", HTTPStatus.BAD_REQUEST)
        except RunError as error:
            answer = _problem(str(error), HTTPStatus.INTERNAL_SERVER_ERROR)
        self._send(answer)

    def _answer(self, path: str, request: dict[str, str]) -> _Answer:
        server = self.server
        if path == "/":
            try:
                part = server.listing.part(request)
            except UsageError as error:
                return _problem(str(error), HTTPStatus.BAD_REQUEST, "These rows can't be chosen")
            return _Answer(pages.first_page(server.listing, part, server.kept, server.path).encode())
        if path == "/preview":
            return _Answer(server.preview_page, policy=_POLICY_OF_ROWS)
        if path == "/report" and server.file("report").is_file():
            return _Answer(server.file("report").read_bytes())
        if path == "/card" and server.file("card").is_file():
            card = server.file("card").read_text(encoding="utf-8", errors="replace")
            card = re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.DOTALL)  # which the Hub reads
            return _Answer(pages.text_page("Dataset card", card).encode())
        if match := re.fullmatch(r"/row/(\d{1,15})", path):
            numbers = server.listing.renditions(int(match[1]))
            return _Answer(server.rows_page(numbers), policy=_POLICY_OF_ROWS)
        if match := re.fullmatch(r"/audio/(\d{1,15})", path):
            return self._part(*server.sound(int(match[1])))
        raise UsageError(f"there is no page {path}")

    def _part(self, data: bytes, kind: str) -> _Answer:
        """A sound, or the part of it that a player asks for."""
        whole = _Answer(data, kind, more={"Accept-Ranges": "bytes"})
        asked = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", self.headers.get("Range", ""))
        if not asked or asked.groups() == ("", ""):
            return whole
        first, last = asked.groups()
        begin = int(first) if first else max(len(data) - int(last), 0)
        end = min(int(last), len(data) - 1) if first and last else len(data) - 1
        if first and last and int(last) < begin:
            return whole  # which is no range
        if begin > end:
            where, status = f"bytes */{len(data)}", HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            return replace(whole, data=b"", status=status, more={"Content-Range": where})
        where = f"bytes {begin}-{end}/{len(data)}"
        more = {**whole.more, "Content-Range": where}
        return replace(whole, data=data[begin : end + 1], status=HTTPStatus.PARTIAL_CONTENT, more=more)

    def _send(self, answer: _Answer) -> None:
        self.send_response(answer.status)
        headers = {
            "Content-Type": answer.kind, "Content-Length": str(len(answer.data)),
            "Content-Security-Policy": answer.policy, "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin", **answer.more,
        }  # fmt: skip
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.data)

    def log_message(self, *_: object) -> None:
        """Requests are not logged."""


def _problem(words: str, status: HTTPStatus, title: str = "") -> _Answer:
    return _Answer(pages.problem_page(title or status.phrase, words).encode(), status=status)
