"""Pages are there for everybody: axe finds no fault in what is generated and in the documentation."""

import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.axe import faults
from tests.support.browser import needs_chromium
from tests.support.pages import ROOT

pytestmark = needs_chromium


@pytest.fixture
def served(tmp_path):
    """The documentation as a site on loopback: (address, its folder)."""
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--quiet",
        "--strict",
        "--site-dir",
        tmp_path / "site",
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    handler = partial(_Quiet, directory=tmp_path / "site")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path / "site"
    server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_documentation(served):
    address, site = served
    pages = sorted(page.parent.relative_to(site).as_posix() for page in site.rglob("index.html"))
    assert faults([f"{address}/{page}/" for page in pages]) == []


def test_preview_and_validation_report(sousa, tiny, tmp_path):
    place = tmp_path / "tiny"
    shutil.copytree(tiny, place)
    for command in ("preview", "validate"):
        done = sousa(command, place, "-q")
        assert done.returncode == 0, done.stderr
    assert faults([f"file://{place}/{name}.html" for name in ("preview", "validation_report")]) == []
