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

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The documentation as a site; a warning is an error."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", folder]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture
def address(site):
    """Where the site is served on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_the_site_has_every_page_and_the_public_functions(site):
    html = (site / "reference" / "python" / "index.html").read_text()
    for name in ("generate", "validate", "publish", "load", "UsageError"):
        assert f">{name}<" in html or f".{name}" in html, name
    assert len(list(site.rglob("index.html"))) == len(list(DOCS.rglob("*.md")))


@needs_chromium
def test_documentation(site, address):
    pages = sorted(page.parent.relative_to(site).as_posix() for page in site.rglob("index.html"))
    assert faults([f"{address}/{page}/" for page in pages]) == []


@needs_chromium
def test_preview_and_validation_report(sousa, tiny, tmp_path):
    place = tmp_path / "tiny"
    shutil.copytree(tiny, place)
    for command in ("preview", "validate"):
        done = sousa(command, place, "-q")
        assert done.returncode == 0, done.stderr
    assert faults([f"file://{place}/{name}.html" for name in ("preview", "validation_report")]) == []
