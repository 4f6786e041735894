"""A headless Chromium that tests talk to over its debugging pipe: it needs no port and no package."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import threading

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def _pipe():
    """A pipe whose ends are not 3 or 4, which the browser needs: ``(read, write)``."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return moved


class Browser:
    """One page. Use as a context manager.

    Args:
        profile: empty directory for what the browser keeps.
        size: of the window, in pixels.
        flags: further command-line flags.
    """

    def __init__(self, profile, size=(1200, 800), flags=()):
        self.number, self.session, self.events = 0, None, []
        to_browser, self._out = _pipe()
        self._in, from_browser = _pipe()
        command = [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
            "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", f"--user-data-dir={profile}",
            "--autoplay-policy=no-user-gesture-required", "--mute-audio",
            f"--window-size={size[0]},{size[1]}", *flags, "about:blank",
        ]  # fmt: skip

        def ends():  # the browser talks through its descriptors 3 and 4
            os.dup2(to_browser, 3)
            os.dup2(from_browser, 4)

        self.process = subprocess.Popen(
            command, preexec_fn=ends, pass_fds=(3, 4), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        os.close(to_browser)
        os.close(from_browser)
        self._rest = b""
        # a browser that hangs ends the pipe, and so the test, instead of the whole run
        self._alarm = threading.Timer(60, self.process.kill)
        self._alarm.start()
        pages = self.send("Target.getTargets")["targetInfos"]
        page = next(p for p in pages if p["type"] == "page")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=size[0], height=size[1], deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._alarm.cancel()
        self.process.kill()
        self.process.wait()
        os.close(self._out)
        os.close(self._in)

    def send(self, method, **params):
        """Call a method of the DevTools protocol; returns its result. Events on the way are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def _receive(self):
        while b"\0" not in self._rest:
            part = os.read(self._in, 1 << 20)
            assert part, "the browser has gone away"
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        return json.loads(line)

    def open(self, path, place=""):
        """Open a file, and wait until its script has drawn the first row."""
        self.send("Page.navigate", url="about:blank")  # another place in the same file is no new page
        self.send("Page.navigate", url=f"file://{path}{'#' + place if place else ''}")
        while self.evaluate("document.readyState") != "complete":
            pass
        self.evaluate("ready")
        self.settle()

    def evaluate(self, code):
        """Value of an expression in the page; promises are waited for."""
        result = self.send("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def settle(self):
        """Wait for two frames, so that what was changed is on the screen."""
        self.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
        )

    def key(self, key):
        """Press and release a key."""
        text = {"text": key} if len(key) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.settle()

    def mouse(self, kind, x, y, **more):
        """A mouse event: mousePressed, mouseReleased, mouseMoved or mouseWheel."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def screenshot(self, path):
        """Write what is on the screen as PNG."""
        data = self.send("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def complaints(self):
        """Errors of the page, and every address it asked for beside its own: list of texts."""
        self.evaluate("1")
        out = []
        for event in self.events:
            method, params = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                out.append(json.dumps(params["exceptionDetails"]))
            elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
                out.append(params["entry"]["text"])
            elif method == "Network.requestWillBeSent" and params["type"] != "Document":
                out.append(params["request"]["url"][:200])
        return out
