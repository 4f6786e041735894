"""A headless Chromium for tests of pages: Playwright drives the system's own."""

import threading

import psutil
import pytest
from playwright.sync_api import sync_playwright

from make import chromium

needs_chromium = pytest.mark.skipif(chromium() is None, reason="no Chromium here")
FLAGS = (
    "--disable-gpu", "--disable-sync", "--disable-quic", "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip


class Browser:
    """One page. Use as a context manager; ``page`` is Playwright's.

    Args:
        profile: empty directory for what the browser keeps.
        size: of the window, in pixels.
    """

    def __init__(self, profile, size=(1200, 800)):
        self.profile, self._complaints = str(profile), []
        self._playwright = sync_playwright().start()
        self._context = self._playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium(), args=FLAGS, viewport={"width": size[0], "height": size[1]}
        )
        # a page that hangs ends its test, instead of holding up the whole run
        self._alarm = threading.Timer(60, self._kill)
        self._alarm.start()
        self.page = self._context.pages[0]
        self.page.on("pageerror", lambda error: self._complaints.append(str(error)))
        self.page.on("console", lambda line: line.type == "error" and self._complaints.append(line.text))
        self.page.on("request", lambda it: it.is_navigation_request() or self._complaints.append(it.url))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._alarm.cancel()
        self._context.close()
        self._playwright.stop()

    def _kill(self):
        for process in psutil.Process().children(recursive=True):
            if f"--user-data-dir={self.profile}" in process.cmdline():
                process.kill()

    def open(self, path, place=""):
        """Open a file, and wait until its script has drawn the first row."""
        self.page.goto("about:blank")  # another place in the same file is no new page
        self.page.goto(f"file://{path}{'#' + place if place else ''}")
        self.evaluate("ready")
        self.settle()

    def evaluate(self, code):
        """Value of an expression in the page; promises are waited for."""
        return self.page.evaluate(code)

    def settle(self):
        """Wait for two frames, so that what was changed is on the screen."""
        self.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
        )

    def key(self, key):
        """Press and release a key."""
        self.page.keyboard.press(key)
        self.settle()

    def complaints(self):
        """Errors of the page, and every address it asked for beside its own: list of texts."""
        self.settle()  # what happened before is told by then
        return self._complaints
