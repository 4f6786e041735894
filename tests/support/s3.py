"""A server of S3 on this machine, for tests: moto's, in an environment of its own."""

import contextlib
import re
import socket
import subprocess
import time
import urllib.request

from tests.conftest import ROOT

SERVER = ROOT / ".venv-servers" / "bin" / "moto_server"
BUCKET = "corpora"


class Server:
    """A running server with an empty bucket; ``environment``: with which programs find it."""

    def __init__(self, port):
        self.address = f"http://127.0.0.1:{port}"
        self.environment = {
            "AWS_ENDPOINT_URL": self.address, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip

    def ask(self, path="", method="GET", data=None):
        """Content of an object, or what the server says."""
        request = urllib.request.Request(f"{self.address}/{BUCKET}{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def keys(self, prefix=""):
        """Names of objects, but for those without content that stand for folders."""
        listing = self.ask(f"?list-type=2&prefix={prefix}").decode()
        return [key for key in re.findall("<Key>([^<]*)", listing) if not key.endswith("/")]


@contextlib.contextmanager
def running(folder):
    """Start a server; gives a Server and its process."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    with open(folder / "s3.log", "wb") as log:
        process = subprocess.Popen([SERVER, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log)
    server = Server(port)
    try:
        for _ in range(120):
            with contextlib.suppress(OSError):
                server.ask(method="PUT")
                break
            time.sleep(0.25)
        yield server, process
    finally:
        process.kill()
        process.wait()
