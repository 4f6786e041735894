"""The HTTP side of the test Hub: one request read, made to fail if asked to, handled, recorded, answered.

Conventions: requests are numbered from 1 since ``Hub.clear()`` in the order in which they have arrived
whole; ``bytes_in`` is the body received, ``bytes_out`` the body sent. What a client asks about itself
(telemetry, the list of agents) is answered but neither recorded nor numbered, so that numbers do not depend
on the machine.
"""

import os
import re
import signal
import socket
import time
import traceback
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.support.hub import reading, writing  # noqa: F401 (they fill ROUTES)
from tests.support.hub.protocol import ROUTES, Request, answer
from tests.support.hub.repository import HubError

TOKENS = {"hf_writer": "writer", "hf_reader": "reader"}
UNRECORDED = re.compile("/v1/telemetry|/api/agent-harnesses|/api/telemetry/.*")
PATIENCE = 120  # seconds that a fault waits for Hub.client_pid


@dataclass
class Record:
    number: int
    method: str
    path: str  # with the query
    user: str | None
    bytes_in: int
    status: int | None = None  # None: no answer was sent
    bytes_out: int = 0
    fault: str | None = None  # the kind of the fault that struck
    range: str | None = None  # the Range header


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A client that goes away (some are killed here) is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # headers and body leave in two writes; without this the second waits for the client's delayed ACK
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        hub = self.server.hub
        body = self.read_body()
        if body is None:
            self.close_connection = True
            return
        split = urlsplit(self.path)
        query = dict(parse_qsl(split.query, keep_blank_values=True))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        user = TOKENS.get(token) or query.get("user")
        if token.startswith("xet_"):
            user = token.rsplit("_", 1)[1]
        request = Request(hub, self.command, split.path, query, self.headers, body, user)
        if UNRECORDED.fullmatch(split.path):
            self.send(respond(request))
            return
        record = hub.record(self.command, self.path, user, len(body), self.headers.get("Range"))
        calls, fault = hub.faults.striking(record.number, self.command, self.path)
        record.fault = fault.kind if fault else "call" if calls else None
        for call in calls:
            call()
        kind = fault.kind if fault else None
        if kind == "kill_before":
            kill(hub)
        if kind in ("drop_before", "kill_before"):
            self.drop()
            return
        if kind == "status":
            response = error(HubError(fault.status, fault.message, headers=fault.headers))
        elif token and token not in TOKENS and not token.startswith("xet_"):
            response = error(HubError(401, "Invalid credentials in Authorization header"))
        else:
            response = respond(request)
        if kind == "kill_after":
            kill(hub)
        if kind in ("drop_after", "kill_after"):
            self.drop()
            return
        self.send(response, record, fault)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def read_body(self):
        """The body, or None when the client was killed while it sent one."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            return body if len(body) == size else None
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def drop(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def send(self, response, record=None, fault=None):
        body = b"" if self.command == "HEAD" else response.body
        if record:
            record.status = response.status
        self.send_response(response.status)
        for name, value in {"Content-Length": str(len(body)), **response.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        pieces = [body]
        if fault and fault.kind == "truncate":
            pieces = [body[: int(len(body) * fault.keep)]]
        elif fault and fault.kind == "slow":
            step = max(1, -(-len(body) // fault.pieces))
            pieces = [body[at : at + step] for at in range(0, len(body), step)] or [b""]
        elif fault and fault.kind == "drip":
            pieces = [body[at : at + 1] for at in range(len(body))]
        for piece in pieces:
            if fault and fault.kind in ("slow", "drip"):
                time.sleep(fault.seconds / (len(pieces) if fault.kind == "slow" else 1))
            self.wfile.write(piece)
            self.wfile.flush()
            if record:
                record.bytes_out += len(piece)
        if fault and fault.kind == "truncate":
            self.drop()


def kill(hub):
    """SIGKILLs the client, once the test has told who it is."""
    deadline = time.monotonic() + PATIENCE
    while hub.client_pid is None and time.monotonic() < deadline:
        time.sleep(0.005)
    if hub.client_pid is None:
        hub.problems.append("A fault had to kill the client, but Hub.client_pid is not set")
        return
    os.kill(hub.client_pid, signal.SIGKILL)


def error(problem):
    headers = {"X-Error-Message": problem.message.encode("latin-1", "replace").decode("latin-1")}
    if problem.code:
        headers["X-Error-Code"] = problem.code
    extra = dict(problem.extra)
    headers |= extra.pop("headers", {})
    return answer({"error": problem.message, **extra}, problem.status, **headers)


def respond(request):
    """The answer of the route; a bug of ours is a 500 and a line in ``Hub.problems``."""
    try:
        for methods, pattern, function in ROUTES:
            found = pattern.fullmatch(request.path) if request.method in methods else None
            if found:
                pieces = {name: value and unquote(value) for name, value in found.groupdict().items()}
                if request.path.startswith("/cas/"):
                    return function(request, **pieces)
                with request.hub.store.lock:
                    return function(request, **pieces)
        raise HubError(404, "Sorry, we can't find the page you are looking for.")
    except HubError as problem:
        return error(problem)
    except Exception:
        request.hub.problems.append(traceback.format_exc())
        return error(HubError(500, "Internal Error - We're working hard to fix this as soon as possible!"))
