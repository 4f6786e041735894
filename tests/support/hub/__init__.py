"""A Hub on the loopback interface, for tests with the real clients.

Conventions: repositories are ``org/name`` and datasets unless ``kind`` says otherwise; the token
``hf_writer`` may write everywhere, ``hf_reader`` may only read, any other is refused. All state is under one
directory: a new Hub on the same directory goes on where a killed one stopped.

    with Hub(tmp_path / "hub") as hub:
        subprocess.run([sys.executable, "-c", script], env=hub.environment(tmp_path / "cache"))
        assert hub.refs("org/name")["tags"] == {...}
"""

import os
import threading
from pathlib import Path

from tests.support.hub.faults import Fault, Faults, too_many_requests
from tests.support.hub.repository import Store
from tests.support.hub.server import Handler, Record, Server

__all__ = ["Fault", "Hub", "Record", "too_many_requests"]

# of the caller's environment, what would change what a client does
FOREIGN = ("HF_", "HUGGING", "TRANSFORMERS_", "DATASETS_", "OAUTH_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class Hub:
    """A running server; a context manager.

    Args:
        root: Directory of everything the Hub stores.
        xet: Speak Xet to clients, with a content store of our own; else plain LFS.

    Attributes:
        requests: A ``Record`` for each request since ``clear()``.
        faults: Add a ``Fault`` here.
        client_pid: Process that the faults ``kill_*`` kill.
        page_size: Entries of a page of trees and commits; None: as the real Hub.
        problems: Tracebacks of our own bugs; leaving the context with any raises.
    """

    def __init__(self, root, xet=False):
        self.root = Path(root)
        self.root.mkdir(parents=True, exist_ok=True)
        self.xet = None
        if xet:
            from tests.support.hub.xet import Cas

            self.xet = Cas(self.root / "cas")
        self.store = Store(self.root, self.xet)
        self.faults, self.requests, self.problems = Faults(), [], []
        self.client_pid = self.page_size = None
        self._lock, self._stored = threading.Lock(), self.xet.stored() if xet else 0
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.hub = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.daemon = True
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self.problems and kind is None:
            raise AssertionError("\n".join(self.problems))

    def environment(self, cache, token="hf_writer", **more):
        """The environment of a client that knows this Hub, this cache and nothing else.

        ``more`` is added on top; a value of None removes a variable.
        """
        found = {k: v for k, v in os.environ.items() if not k.upper().startswith(FOREIGN)}
        found |= {"HF_ENDPOINT": self.url, "HF_HOME": str(cache), "HF_HUB_OFFLINE": "0", "NO_PROXY": "*"}
        found |= {"HF_TOKEN": token} if token else {}
        found |= {} if self.xet else {"HF_HUB_DISABLE_XET": "1"}
        for name in ("TELEMETRY", "PROGRESS_BARS", "UPDATE_CHECK", "SYMLINKS_WARNING"):
            found[f"HF_HUB_DISABLE_{name}"] = "1"
        found |= {"HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_UPDATE_DOWNLOAD_COUNTS": "0"}
        found |= {"HF_HUB_ETAG_TIMEOUT": "30", "HF_HUB_DOWNLOAD_TIMEOUT": "30"}
        found |= {name: value for name, value in more.items() if value is not None}
        return {name: value for name, value in found.items() if more.get(name, "") is not None}

    def record(self, method, path, user, bytes_in, wanted):
        """The record of a new request (for the server)."""
        with self._lock:
            record = Record(len(self.requests) + 1, method, path, user, bytes_in, range=wanted)
            self.requests.append(record)
        return record

    def clear(self):
        """Forgets the requests and starts counting anew; faults and contents stay."""
        with self._lock:
            self.requests = []
            self._stored = self.xet.stored() if self.xet else 0

    def asked(self, part):
        """Records whose ``"METHOD /path?query"`` has this part."""
        return [record for record in self.requests if part in f"{record.method} {record.path}"]

    @property
    def bytes_uploaded(self):
        """Bytes of large files since ``clear()``: bodies of LFS uploads, and growth of the Xet store."""
        sent = sum(r.bytes_in for r in self.requests if r.method == "PUT" and r.path.startswith("/lfs/"))
        return sent + (self.xet.stored() - self._stored if self.xet else 0)

    def _at(self, name, kind):
        return self.store.get(kind, name)

    def create(self, name, private=False, kind="dataset"):
        """Makes a repository without a client."""
        with self.store.lock:
            self.store.create(kind, name, private)

    def allow_pull_requests(self, name, allow, kind="dataset"):
        """The switch in the settings of a repository; it is on in a new one."""
        with self.store.lock:
            self._at(name, kind).set_pull_requests(allow)

    def discussions(self, name, kind="dataset"):
        """Facts of each pull request, by number: its status, title, author, target and base."""
        with self.store.lock:
            return self._at(name, kind).state["discussions"]

    def tree(self, name, revision="main", kind="dataset"):
        """``{path: {"oid", "size"}}``; the oid is the sha256 of an LFS file, the git blob id of another."""
        with self.store.lock:
            repository = self._at(name, kind)
            files = repository.commit(repository.resolve(revision)).tree
        return {path: {"oid": file.etag, "size": file.size} for path, file in files.items()}

    def read(self, name, revision, path, kind="dataset"):
        """The bytes of a file."""
        with self.store.lock:
            _, file = self._at(name, kind).file(revision, path)
            return self.store.blobs.read(file.sha256)

    def refs(self, name, kind="dataset"):
        """``{"branches": {name: commit}, "tags": {name: commit}, "pulls": {"refs/pr/1": commit}}``."""
        with self.store.lock:
            state = self._at(name, kind).state
        tags = {tag: about["commit"] for tag, about in state["tags"].items()}
        return {"branches": dict(state["branches"]), "tags": tags, "pulls": dict(state["pulls"])}

    def tag_message(self, name, tag, kind="dataset"):
        with self.store.lock:
            return self._at(name, kind).state["tags"][tag]["message"]

    def commits(self, name, revision="main", kind="dataset"):
        """``Commit`` records, newest first."""
        with self.store.lock:
            return list(self._at(name, kind).history(revision))

    def commit(self, name, files, message="A commit by someone else", revision="main", kind="dataset"):
        """Commits ``{path: bytes, or None to delete}`` as someone else would; returns the commit's id.

        Contents go in as plain LFS or git files, as those of older repositories, in Xet mode too.
        """
        with self.store.lock:
            repository, operations = self._at(name, kind), []
            for path, data in files.items():
                if data is None:
                    operations.append(("deletedFile", {"path": path}))
                elif repository.wants_lfs(revision, path, len(data)):
                    operations.append(("lfsFile", {"path": path, "oid": self.store.blobs.add(data)}))
                else:
                    operations.append(("file", {"path": path, "content": data}))
            return repository.change(revision, operations, message, "", "someone")[0]
