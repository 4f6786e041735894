"""A server of published files, with listings as Zenodo, GitHub and the Hub give them, that can break."""

import hashlib
import json
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def digest(kind, data):
    """Checksum of bytes as catalogues write it."""
    if kind == "git":
        return f"git:{hashlib.sha1(b'blob %d' % len(data) + bytes(1) + data).hexdigest()}"
    return f"{kind}:{hashlib.new(kind, data).hexdigest()}"


@dataclass
class Manner:
    """How the server behaves for a path: for all requests, or for the first ones, one item a request."""

    cut_after: list = field(default_factory=list)  # bytes of each answer before the connection breaks
    statuses: list = field(default_factory=list)  # answered in place of the file
    headers: dict = field(default_factory=dict)  # of those answers
    ranges: bool = True
    version: str | None = '"one"'
    stall_after: int | None = None  # bytes, then nothing more comes
    pause_sec: float = 0.0  # between pieces of 8 KiB


@dataclass
class Publisher:
    """Files by path, how they are served, and what was asked: ``(path, headers)`` of every request."""

    address: str = ""
    files: dict = field(default_factory=dict)
    manners: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def manner(self, path):
        return self.manners.setdefault(path, Manner())

    def zenodo(self, record, files):
        """Publish files as a record; returns nothing."""
        entries = []
        for name, data in files.items():
            self.files[f"/api/records/{record}/files/{name}/content"] = data
            entries.append({"key": name, "size": len(data), "checksum": digest("md5", data)})
        self.files[f"/api/records/{record}"] = json.dumps({"id": int(record), "files": entries}).encode()

    def github(self, repository, revision, files):
        """Publish files as a repository."""
        tree = [{"path": "data", "mode": "040000", "type": "tree", "sha": "0" * 40}]
        for name, data in files.items():
            self.files[f"/{repository}/{revision}/{name}"] = data
            sha = digest("git", data).removeprefix("git:")
            tree.append({"path": name, "mode": "100644", "type": "blob", "sha": sha, "size": len(data)})
        path = f"/repos/{repository}/git/trees/{revision}?recursive=1"
        self.files[path] = json.dumps({"sha": "0" * 40, "tree": tree, "truncated": False}).encode()

    def hub(self, repository, files, commit="c" * 40, revision="main"):
        """Publish files as a dataset of the Hub; those that end with .json are no large files."""
        siblings = []
        for name, data in files.items():
            for place in (commit, revision):
                self.files[f"/datasets/{repository}/resolve/{place}/{name}"] = data
            blob = digest("git", data).removeprefix("git:")
            entry = {"rfilename": name, "size": len(data), "blobId": blob}
            if not name.endswith((".json", ".jsonl")):
                entry["lfs"] = {"sha256": digest("sha256", data).removeprefix("sha256:"), "size": len(data)}
                entry["blobId"] = "1" * 40
            siblings.append(entry)
        path = f"/api/datasets/{repository}/revision/{revision}?blobs=true"
        self.files[path] = json.dumps({"sha": commit, "siblings": siblings}).encode()

    def paths(self):
        return [path for path, _ in self.asked]

    def ranges(self, path):
        return [headers.get("Range") for asked, headers in self.asked if asked == path]


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        publisher = self.server.publisher
        publisher.asked.append((self.path, dict(self.headers)))
        manner, body = publisher.manner(self.path), publisher.files.get(self.path)
        if manner.statuses or body is None:
            self.send_response(manner.statuses.pop(0) if manner.statuses else 404)
            for name, value in manner.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range", manner.version) == manner.version
        begin = int(asked[1]) if asked and manner.ranges and same else 0
        if begin and begin >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        if manner.version:
            self.send_header("ETag", manner.version)
        self.send_header("Content-Length", str(len(body) - begin))
        self.end_headers()
        self._send(publisher, manner, body[begin:])

    def _send(self, publisher, manner, body):
        cut = manner.cut_after.pop(0) if manner.cut_after else len(body)
        try:
            if manner.stall_after is not None:
                self.wfile.write(body[: manner.stall_after])
                publisher.ended.wait(20)
            elif manner.pause_sec:
                for at in range(0, cut, 8192):
                    self.wfile.write(body[at : min(at + 8192, cut)])
                    time.sleep(manner.pause_sec)
            else:
                self.wfile.write(body[:cut])
        except OSError:
            pass  # the other side has gone away, as some tests want


@contextmanager
def publishing():
    """A real server on the loopback interface; gives its Publisher."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.publisher = Publisher(address=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.publisher
    finally:
        server.publisher.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
