"""Repositories of the test Hub: files, commits and refs, whole on disk at every moment.

Conventions: a kind is ``dataset``, ``model`` or ``space``; a repository is named ``org/name``. A file is
known by the sha256 of its content; its ``oid`` is the git blob id of what git would hold (for an LFS file the
pointer). A commit is named by the sha1 of its record, 40 hex digits, and holds the full tree.

On disk: ``blobs/<sha256>``; ``repos/<kind>s/<org>/<name>/commits/<id>.json`` and ``.../state.json`` (the
refs). Content comes first, then the commit's record, then the rename of the state: a server killed anywhere
leaves the repository as it was before or after the commit, never between.
"""

import fnmatch
import hashlib
import json
import os
import re
import shutil
import threading
import uuid
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

LFS_SIZE = 10_000_000  # bytes; a larger file goes to LFS whatever its name
LFS_NAMES = ("*.7z", "*.arrow", "*.bin", "*.flac", "*.gz", "*.mp3", "*.npy", "*.npz", "*.ogg", "*.parquet")
LFS_NAMES += ("*.safetensors", "*.tar", "*.wav", "*.zip", "*.zst")
FOLDER_FILES, COMMIT_LFS = 10_000, 25_000  # the most files in a folder, and large ones in a commit
ATTRIBUTES = "".join(f"{name} filter=lfs diff=lfs merge=lfs -text\n" for name in LFS_NAMES).encode()
REPO_ID = re.compile(r"(?!.*(\.\.|--))[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}")
# as git check-ref-format has it
REF_LETTER, REF_NEVER = r"[^\s~^:?*\[\\\x00-\x1f]", r"\.\.|//|@\{|/\.|\.lock(/|$)|\.$|/$|^[./-]"


class HubError(Exception):
    """What the Hub answers instead: a status, a message, and the ``X-Error-Code`` where it sends one."""

    def __init__(self, status, message, code=None, **extra):
        super().__init__(message)
        self.status, self.message, self.code, self.extra = status, message, code, extra


@dataclass(frozen=True)
class File:
    sha256: str
    oid: str
    size: int  # bytes of the content
    lfs: bool

    @property
    def pointer(self):
        lines = (
            "version https://git-lfs.github.com/spec/v1",
            f"oid sha256:{self.sha256}",
            f"size {self.size}",
        )
        return "".join(f"{line}\n" for line in lines).encode()

    @property
    def etag(self):
        return self.sha256 if self.lfs else self.oid


def git_oid(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def lfs_file(sha256, size):
    file = File(sha256, "", size, True)
    return File(sha256, git_oid(file.pointer), size, True)


@dataclass(frozen=True)
class Commit:
    id: str
    parent: str | None
    title: str
    message: str
    author: str
    date: str  # UTC, ISO 8601
    tree: dict  # path: File


def write_whole(path, data):
    """The file is there with all its bytes, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    temporary.write_bytes(data)
    os.replace(temporary, path)


class Blobs:
    """Contents by sha256. ``elsewhere``, if given, also has contents (the Xet store)."""

    def __init__(self, root, elsewhere=None):
        self.root, self.elsewhere = root, elsewhere

    def add(self, data):
        sha256 = hashlib.sha256(data).hexdigest()
        if not (self.root / sha256).exists():
            write_whole(self.root / sha256, data)
        return sha256

    def xet_hash(self, sha256):
        return self.elsewhere and self.elsewhere.hash_of(sha256)

    def size(self, sha256):
        """Bytes, or None where the content is not here."""
        path = self.root / sha256
        if path.exists():
            return path.stat().st_size
        return self.elsewhere.size(sha256) if self.xet_hash(sha256) else None

    def read(self, sha256, start=0, end=None):
        path = self.root / sha256
        if path.exists():
            with path.open("rb") as file:
                file.seek(start)
                return file.read() if end is None else file.read(end - start)
        return self.elsewhere.read(self.xet_hash(sha256), start, end)


def missing_repository(known_user):
    # the real Hub does not tell a stranger whether the repository exists
    if known_user:
        return HubError(404, "Repository not found", "RepoNotFound")
    return HubError(401, "Invalid username or password.", "RepoNotFound")


def check_ref_name(name):
    wrong = re.search(REF_NEVER, name) or not re.fullmatch(f"{REF_LETTER}+", name)
    if wrong or name == "HEAD" or re.fullmatch("[0-9a-f]{40}", name):
        raise HubError(400, f"Invalid reference name: {name!r}")


def check_path(path):
    parts = path.split("/")
    if not path or any(part in ("", ".", "..", ".git") for part in parts) or "\0" in path:
        raise HubError(400, f"Invalid path in repo: {path!r}")


def check_limits(tree, operations=()):
    """Refuses what the real Hub refuses: too many files in a folder, or large files in a commit."""
    files = Counter(path.rpartition("/")[0] for path in tree)
    if full := [f"/{folder}/" for folder, count in files.items() if count > FOLDER_FILES]:
        text = f"Each directory in your git repo can only contain up to {FOLDER_FILES} files."
        raise HubError(400, f"Too many files per directory. {text} Offending directories: {', '.join(full)}")
    if sum(key == "lfsFile" for key, _ in operations) > COMMIT_LFS:
        raise HubError(400, f"A commit takes at most {COMMIT_LFS} LFS files")


class Repository:
    """One repository; every method is called under the store's lock."""

    def __init__(self, directory, kind, name, blobs):
        self.directory, self.kind, self.name, self.blobs = directory, kind, name, blobs
        self._commits = {}
        state = directory / "state.json"
        self.state = json.loads(state.read_text()) if state.exists() else None

    def create(self, private, author):
        date = now()
        self.state = {"private": private, "created": date, "branches": {}, "tags": {}, "pulls": {}}
        self.state["discussions"] = {}
        tree = {".gitattributes": self.regular(ATTRIBUTES)}
        self._move("branches", "main", self._record(None, tree, "initial commit", "", author, date))

    def record_path(self, commit_id):
        return self.directory / "commits" / f"{commit_id}.json"

    def _save(self, state):
        write_whole(self.directory / "state.json", json.dumps(state).encode())
        self.state = state

    def _move(self, group, name, commit):
        self._save({**self.state, group: {**self.state[group], name: commit}})

    def _drop(self, group, name):
        kept = {key: value for key, value in self.state[group].items() if key != name}
        self._save({**self.state, group: kept})

    def _record(self, parent, tree, title, message, author, date=None):
        record = {"parent": parent, "title": title, "message": message, "author": author}
        record["date"] = date or now()
        record["tree"] = {path: asdict(file) for path, file in sorted(tree.items())}
        data = json.dumps(record, sort_keys=True).encode()
        commit = hashlib.sha1(data).hexdigest()
        write_whole(self.record_path(commit), data)
        return commit

    def regular(self, data):
        return File(self.blobs.add(data), git_oid(data), len(data), False)

    def commit(self, commit_id):
        if commit_id not in self._commits:
            record = json.loads(self.record_path(commit_id).read_text())
            tree = {path: File(**file) for path, file in record.pop("tree").items()}
            self._commits[commit_id] = Commit(id=commit_id, tree=tree, **record)
        return self._commits[commit_id]

    def resolve(self, revision):
        """The commit id of a branch, tag, pull request or commit."""
        name = re.sub("^refs/(heads|tags)/", "", revision)
        if commit := self.state["branches"].get(name) or self.state["pulls"].get(revision):
            return commit
        if tag := self.state["tags"].get(name):
            return tag["commit"]
        if re.fullmatch("[0-9a-f]{40}", revision) and self.record_path(revision).exists():
            return revision
        raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")

    def history(self, revision):
        """Commits, newest first."""
        commit_id = self.resolve(revision)
        while commit_id:
            yield self.commit(commit_id)
            commit_id = self.commit(commit_id).parent

    def file(self, revision, path):
        commit = self.commit(self.resolve(revision))
        if path not in commit.tree:
            raise HubError(404, "Entry not found", "EntryNotFound")
        return commit, commit.tree[path]

    def wants_lfs(self, revision, path, size):
        tree = self.commit(self.resolve(revision)).tree
        rules = self.blobs.read(tree[".gitattributes"].sha256).decode() if ".gitattributes" in tree else ""
        patterns = [line.split()[0] for line in rules.splitlines() if "filter=lfs" in line]
        names = (path, path.rsplit("/", 1)[-1])
        return size > LFS_SIZE or any(fnmatch.fnmatch(name, rule) for rule in patterns for name in names)

    def change(self, revision, operations, title, message, author, parent=None, pull=False):
        """Applies (key, value) operations as one commit; returns (commit id, pull request's number or None).

        Everything is checked before anything is written.
        """
        group, name = "branches", re.sub("^refs/heads/", "", revision)
        if revision in self.state["pulls"]:
            group, name = "pulls", revision
        elif name not in self.state["branches"]:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        base = self.state[group][name]
        if parent and pull:
            base = self.resolve(parent)
        elif parent and parent != base:
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        tree = dict(self.commit(base).tree)
        contents = {}
        for key, value in operations:
            self._apply(tree, contents, key, value)
        folders = {path[:at] for path in tree for at in range(len(path)) if path[at] == "/"}
        if clash := sorted(folders & set(tree)):
            raise HubError(400, f"Both a file and a folder: {clash[0]!r}")
        check_limits(tree, operations)
        for data in contents.values():
            self.blobs.add(data)
        commit = self._record(base, tree, title, message, author)
        if not pull:
            self._move(group, name, commit)
            return commit, None
        number = len(self.state["pulls"]) + 1
        about = {"title": title, "author": author, "status": "open", "target": name, "base": base}
        self._save(
            {
                **self.state,
                "pulls": {**self.state["pulls"], f"refs/pr/{number}": commit},
                "discussions": {**self.state["discussions"], str(number): about | {"date": now()}},
            }
        )
        return commit, number

    def change_discussion(self, number, branches=None, **changes):
        """Changes facts of a pull request, and branches with it; returns the facts before."""
        about = self.state["discussions"].get(number)
        if not about:
            raise HubError(404, "Discussion not found")
        if "status" in changes and about["status"] == "merged":
            raise HubError(400, "This pull request has been merged")
        changed = {**self.state["discussions"], number: about | changes}
        self._save({**self.state, "discussions": changed, "branches": branches or self.state["branches"]})
        return about

    def set_pull_requests(self, allow):
        self._save({**self.state, "pull_requests": allow})

    def merge(self, number, author):
        """Makes one commit of a pull request on its branch, over what has come there meanwhile."""
        about = self.state["discussions"].get(number, {"status": "closed"})
        if about["status"] != "open":
            raise HubError(400, "This pull request can't be merged")
        head = self.state["branches"][about["target"]]
        base, tree = self.commit(about["base"]).tree, dict(self.commit(head).tree)
        pulled = self.commit(self.state["pulls"][f"refs/pr/{number}"]).tree
        for path in base.keys() | pulled.keys():
            if base.get(path) == pulled.get(path):
                continue
            if tree.get(path) not in (base.get(path), pulled.get(path)):
                raise HubError(409, "This pull request has merge conflicts")
            tree.pop(path, None)
            tree |= {path: pulled[path]} if path in pulled else {}
        check_limits(tree)
        commit = self._record(head, tree, f"{about['title']} (#{number})", "", author)
        branches = {**self.state["branches"], about["target"]: commit}
        self.change_discussion(number, branches, status="merged")

    def _apply(self, tree, contents, key, value):
        path = value["path"].rstrip("/") if key == "deletedFolder" else value["path"]
        check_path(path)
        if key == "file":
            data = value["content"]
            tree[path] = File(hashlib.sha256(data).hexdigest(), git_oid(data), len(data), False)
            contents[path] = data
        elif key == "lfsFile":
            size = self.blobs.size(value["oid"])
            if size is None:
                raise HubError(400, f"The LFS file {path!r} was not uploaded: no object {value['oid']}")
            if value.get("size", size) != size:
                raise HubError(400, f"The LFS file {path!r} has {size} bytes, not {value['size']}")
            tree[path] = lfs_file(value["oid"], size)
        elif key in ("deletedFile", "deletedFolder"):
            gone = [name for name in tree if name == path] if key == "deletedFile" else []
            if key == "deletedFolder":
                gone = [name for name in tree if name.startswith(path + "/")]
            if not gone:
                raise HubError(404, f"A file with this name doesn't exist: {path!r}", "EntryNotFound")
            for name in gone:
                del tree[name]
        else:
            raise HubError(400, f"Unknown operation: {key!r}")

    def add_branch(self, name, revision):
        check_ref_name(name)
        if name in self.state["branches"]:
            raise HubError(409, f"Reference already exists: refs/heads/{name}")
        self._move("branches", name, self.resolve(revision))

    def drop_branch(self, name):
        if name == "main":
            raise HubError(400, "The main branch cannot be deleted")
        if name not in self.state["branches"]:
            raise HubError(404, f"Reference not found: refs/heads/{name}", "RevisionNotFound")
        self._drop("branches", name)

    def add_tag(self, name, revision, message):
        check_ref_name(name)
        if name in self.state["tags"]:
            raise HubError(409, f"Tag reference exists already: refs/tags/{name}")
        self._move("tags", name, {"commit": self.resolve(revision), "message": message})

    def drop_tag(self, name):
        if name not in self.state["tags"]:
            raise HubError(404, f"Tag not found: refs/tags/{name}", "RevisionNotFound")
        self._drop("tags", name)


class Store:
    """All repositories under one directory and one lock."""

    def __init__(self, root, elsewhere=None):
        self.root = Path(root)
        self.blobs = Blobs(self.root / "blobs", elsewhere)
        self.lock = threading.RLock()
        self._open = {}

    def _at(self, kind, name):
        key = (kind, name)
        if key not in self._open:
            self._open[key] = Repository(self.root / "repos" / f"{kind}s" / name, kind, name, self.blobs)
        return self._open[key]

    def get(self, kind, name, user="writer"):
        repository = self._at(kind, name) if REPO_ID.fullmatch(name) else None
        if not repository or not repository.state or (repository.state["private"] and not user):
            raise missing_repository(user)
        return repository

    def create(self, kind, name, private=False, author="writer"):
        if not REPO_ID.fullmatch(name):
            raise HubError(400, f"Invalid repository name: {name!r}")
        repository = self._at(kind, name)
        if repository.state:
            raise HubError(409, f"You already created this {kind} repo")
        repository.create(private, author)
        return repository

    def delete(self, kind, name):
        repository = self.get(kind, name)
        # the state goes first: without it the repository is not there, whatever else is
        (repository.directory / "state.json").unlink()
        shutil.rmtree(repository.directory)
        del self._open[kind, name]


def now():
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
