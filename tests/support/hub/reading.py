"""The endpoints of the test Hub that change nothing: who, what, which files, and their bytes."""

import hashlib
import json
import re
from urllib.parse import parse_qs

import yaml

from tests.support.hub.protocol import answer, must_be_there, must_discuss, page, ranged, route, truth
from tests.support.hub.repository import HubError

COMMITS_PAGE, DISCUSSIONS_PAGE = 50, 10  # commits, or discussions, of an answer


def front_matter(text):
    """The YAML head of a card as (mapping or None, message of what is wrong or None)."""
    head = re.match(r"\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(\r?\n|$)", text, re.DOTALL)
    if not head:
        return None, None
    try:
        data = yaml.safe_load(head[1])
    except yaml.YAMLError as error:
        return None, str(error)
    if data is not None and not isinstance(data, dict):
        return None, "YAML metadata should be a mapping"
    return data, None


def file_entry(request, path, file):
    entry = {"type": "file", "path": path, "size": file.size, "oid": file.oid}
    if file.lfs:
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": len(file.pointer)}
        if xet := request.hub.store.blobs.xet_hash(file.sha256):
            entry["xetHash"] = xet
    return entry


def folders(tree):
    """{folder: oid} of a tree; the oid changes with anything inside."""
    inside = {}
    for path, file in sorted(tree.items()):
        for at in (index for index, letter in enumerate(path) if letter == "/"):
            inside.setdefault(path[:at], hashlib.sha1()).update(f"{path} {file.oid}\n".encode())
    return {folder: digest.hexdigest() for folder, digest in inside.items()}


def entries(request, tree):
    found = {
        path: {"type": "directory", "path": path, "size": 0, "oid": oid}
        for path, oid in folders(tree).items()
    }
    found |= {path: file_entry(request, path, file) for path, file in tree.items()}
    return found


def expand(request, repository, revision, chosen):
    """Puts ``lastCommit`` into entries: the newest commit in which the entry differs from its parent."""
    wanted = {entry["path"]: entry for entry in chosen}
    for commit in repository.history(revision):
        before = {}
        if commit.parent:
            parent = repository.commit(commit.parent).tree
            before = {path: file.oid for path, file in parent.items()} | folders(parent)
        for path in [path for path, entry in wanted.items() if before.get(path) != entry["oid"]]:
            entry = wanted.pop(path)
            entry["lastCommit"] = {"id": commit.id, "title": commit.title, "date": commit.date}


@route("GET", "/api/whoami-v2")
def whoami(request):
    if not request.user:
        raise HubError(401, "Invalid username or password.")
    role = {"writer": "write", "reader": "read"}[request.user]
    auth = {"type": "access_token", "accessToken": {"displayName": request.user, "role": role}}
    orgs = [{"type": "org", "name": "org", "fullname": "Org", "roleInOrg": role}]
    return answer({"type": "user", "id": request.user, "name": request.user, "orgs": orgs, "auth": auth})


@route("GET", "/api/agent-harnesses")
def agent_harnesses(request):
    return answer({"standardEnvVars": [], "harnesses": {}})


@route("POST", "/api/validate-yaml")
def validate_yaml(request):
    data, wrong = front_matter(request.json()["content"])
    if wrong:
        return answer({"errors": [{"message": wrong}], "warnings": []}, 400)
    warnings = [] if data else [{"message": "empty or missing yaml metadata in repo card"}]
    return answer({"errors": [], "warnings": warnings})


@route("GET", "/api/{kind}/{repo}(?:/revision/{revision})?")
def info(request, kind, name, revision):
    repository = must_be_there(request, kind, name)
    commit = repository.commit(repository.resolve(revision or "main"))
    siblings = []
    for path, file in sorted(commit.tree.items()):
        siblings.append({"rfilename": path})
        if truth(request.query.get("blobs")):
            siblings[-1] |= {"size": file.size, "blobId": file.oid}
            if file.lfs:
                lfs = {"sha256": file.sha256, "size": file.size, "pointerSize": len(file.pointer)}
                siblings[-1]["lfs"] = lfs
    card = commit.tree.get("README.md")
    data = front_matter(repository.blobs.read(card.sha256).decode())[0] if card else None
    about = {"_id": name, "id": name, "author": name.split("/")[0], "sha": commit.id, "siblings": siblings}
    about |= {"createdAt": repository.state["created"], "lastModified": commit.date}
    about |= {"private": repository.state["private"], "gated": False, "disabled": False}
    about |= {"tags": [], "likes": 0, "downloads": 0}
    # dates of a card are not JSON
    about["cardData"] = json.loads(json.dumps(data, default=str))
    return answer(about)


@route("GET", "/api/{kind}/{repo}/tree/{revision}(?:/{folder*})?")
def tree(request, kind, name, revision, folder):
    repository = must_be_there(request, kind, name)
    found = entries(request, repository.commit(repository.resolve(revision)).tree)
    folder = (folder or "").strip("/")
    if folder and found.get(folder, {}).get("type") != "directory":
        raise HubError(404, f"{folder} does not exist on {revision!r}", "EntryNotFound")
    inside = folder + "/" if folder else ""
    chosen = [found[path] for path in sorted(found) if path.startswith(inside)]
    if not truth(request.query.get("recursive")):
        chosen = [entry for entry in chosen if "/" not in entry["path"][len(inside) :]]
    expanded = truth(request.query.get("expand"))
    if expanded:
        expand(request, repository, revision, chosen)
    return page(request, chosen, request.hub.page_size or (50 if expanded else 1000))


@route("POST", "/api/{kind}/{repo}/paths-info/{revision}")
def paths_info(request, kind, name, revision):
    repository = must_be_there(request, kind, name)
    found = entries(request, repository.commit(repository.resolve(revision)).tree)
    form = parse_qs(request.body.decode())
    if request.headers.get("Content-Type", "").startswith("application/json"):
        form = {key: value if isinstance(value, list) else [value] for key, value in request.json().items()}
    chosen = [found[path] for path in dict.fromkeys(form.get("paths", [])) if path in found]
    if truth(form.get("expand", ["0"])[0]):
        expand(request, repository, revision, chosen)
    return answer(chosen)


@route("GET", "/api/{kind}/{repo}/refs")
def refs(request, kind, name):
    state = must_be_there(request, kind, name).state

    def listed(prefix, commits):
        return [{"name": n, "ref": f"{prefix}{n}", "targetCommit": commit} for n, commit in commits.items()]

    tags = {tag: about["commit"] for tag, about in state["tags"].items()}
    found = {
        "branches": listed("refs/heads/", state["branches"]),
        "tags": listed("refs/tags/", tags),
        "converts": [],
    }
    if truth(request.query.get("include_prs")):
        found["pullRequests"] = listed("", state["pulls"])
    return answer(found)


@route("GET", "/api/{kind}/{repo}/discussions")
def discussions(request, kind, name):
    """Pull requests, which are all the discussions there are here."""
    state = must_discuss(request, kind, name).state
    listed = [
        {
            "num": int(number), "title": about["title"], "status": about["status"], "isPullRequest": True,
            "author": {"name": about["author"]}, "createdAt": about["date"],
            "repo": {"name": name, "type": kind},
        }
        for number, about in reversed(state["discussions"].items())
    ]  # fmt: skip
    start, size = DISCUSSIONS_PAGE * int(request.query.get("p", 0)), DISCUSSIONS_PAGE
    return answer({"discussions": listed[start : start + size], "count": len(listed), "start": start})


@route("GET", "/api/{kind}/{repo}/commits/{revision}")
def commits(request, kind, name, revision):
    found = [
        {"id": c.id, "title": c.title, "message": c.message, "date": c.date, "authors": [{"user": c.author}]}
        for c in must_be_there(request, kind, name).history(revision)
    ]
    return page(request, found, request.hub.page_size or COMMITS_PAGE)


@route("HEAD GET", "/(?:(?P<kind>dataset|space)s/)?(?P<name>[^/]+/[^/]+)/resolve/{revision}/{path*}")
def resolve(request, kind, name, revision, path):
    kind = kind or "model"
    repository = must_be_there(request, kind, name)
    commit, file = repository.file(revision, path)
    headers = {"ETag": f'"{file.etag}"', "X-Repo-Commit": commit.id, "Accept-Ranges": "bytes"}
    headers |= {"X-Linked-Size": str(file.size), "X-Linked-Etag": f'"{file.etag}"'}
    if xet := file.lfs and repository.blobs.xet_hash(file.sha256):
        headers["X-Xet-Hash"] = xet
        token = f"{request.hub.url}/api/{kind}s/{name}/xet-read-token/{commit.id}"
        headers["Link"] = f'<{token}>; rel="xet-auth"'
    return ranged(
        request, file.size, lambda start, end: repository.blobs.read(file.sha256, start, end), headers
    )
