"""A small font in a Debian package, and a server of it that breaks when told to."""

import hashlib
import io
import random
import re
import tarfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MEMBER = "usr/share/sounds/sf2/Fake.sf2"
FAKE = b"RIFF\x00\x00\x00\x00sfbk" + random.Random(1).randbytes(300_000)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def ar(files):
    """An ``ar`` archive of ``{name: bytes}``."""
    out = b"!<arch>\n"
    for name, data in files.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data
        out += b"\n" * (len(data) % 2)
    return out


def tar_xz(entries):
    """A packed tar of ``(name, bytes)``; a text instead of bytes is the target of a link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        for name, data in entries:
            entry = tarfile.TarInfo(f"./{name}")
            if isinstance(data, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, data
                archive.addfile(entry)
            else:
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def make_deb(font=FAKE, data_name="data.tar.xz"):
    data = tar_xz([("usr/share/doc/fake/copyright", b"MIT"), ("usr/alias.sf2", MEMBER), (MEMBER, font)])
    return ar({"debian-binary": b"2.0\n", "control.tar.xz": tar_xz([("control", b"x")]), data_name: data})


DEB = make_deb()


@dataclass
class Site:
    """A server of one file, and how it behaves; ``asked`` has the headers of each request."""

    body: bytes = DEB
    cut_after: list = field(default_factory=list)  # bytes of each answer before the connection breaks
    statuses: list = field(default_factory=list)  # answered first, one a request
    ranges: bool = True
    version: str | None = '"one"'
    asked: list = field(default_factory=list)
    address: str = ""

    def ranges_asked(self):
        return [headers.get("Range") for headers in self.asked]


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        site = self.server.site
        site.asked.append(dict(self.headers))
        if site.statuses:
            self.send_response(site.statuses.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range", site.version) == site.version
        begin = int(asked[1]) if asked and site.ranges and same else 0
        if begin >= len(site.body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(site.body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(site.body) - 1}/{len(site.body)}")
        if site.version:
            self.send_header("ETag", site.version)
        body = site.body[begin:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: site.cut_after.pop(0)] if site.cut_after else body)


@contextmanager
def serving():
    """A real server on the loopback interface; gives its Site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.site = Site(address=f"http://127.0.0.1:{server.server_port}/fake_1_all.deb")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
