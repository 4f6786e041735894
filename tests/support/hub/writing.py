"""The endpoints of the test Hub that change something, and those of the large files on the way there."""

import base64
import hashlib
import json
import re
import time
from fnmatch import fnmatch

from tests.support.hub.protocol import (
    Response,
    answer,
    must_be_there,
    must_discuss,
    must_write,
    ranged,
    route,
    truth,
)
from tests.support.hub.repository import HubError, now


@route("POST", "/api/repos/create")
def create(request):
    must_write(request)
    asked = request.json()
    kind, name = asked.get("type") or "model", f"{asked.get('organization') or request.user}/{asked['name']}"
    url = f"{request.hub.url}/{'' if kind == 'model' else kind + 's/'}{name}"
    private = asked.get("visibility") == "private" or bool(asked.get("private"))
    try:
        request.hub.store.create(kind, name, private, request.user)
    except HubError as error:
        error.extra["url"] = url  # the client reads it where the repository may exist
        raise
    return answer({"url": url, "name": name, "id": name})


@route("DELETE", "/api/repos/delete")
def delete(request):
    asked = request.json()
    kind, name = asked.get("type") or "model", f"{asked.get('organization') or request.user}/{asked['name']}"
    must_be_there(request, kind, name, write=True)
    request.hub.store.delete(kind, name)
    return answer({})


@route("POST", "/api/{kind}/{repo}/preupload/{revision}")
def preupload(request, kind, name, revision):
    repository = must_be_there(request, kind, name, write=True)
    there = repository.commit(repository.resolve(revision)).tree
    lines = []
    if ".gitignore" in there:
        lines = request.hub.store.blobs.read(there[".gitignore"].sha256).decode().split()

    def ignored(path):
        """Folders and patterns of a .gitignore; no more of its language is needed here."""
        return any(path.startswith(line) if line.endswith("/") else fnmatch(path, line) for line in lines)

    told = []
    for asked in request.json()["files"]:
        path = asked["path"]
        mode = "lfs" if repository.wants_lfs(revision, path, asked["size"]) else "regular"
        told.append({"path": path, "uploadMode": mode, "shouldIgnore": ignored(path)})
        if path in there:
            told[-1]["oid"] = there[path].etag
    return answer({"files": told, "commitOid": repository.resolve(revision)})


@route("POST", "/api/{kind}/{repo}/commit/{revision}")
def commit(request, kind, name, revision):
    pull = truth(request.query.get("create_pr"))
    repository = (must_discuss if pull else must_be_there)(request, kind, name, write=True)
    header, operations = None, []
    for line in request.body.splitlines():
        item = json.loads(line)
        key, value = item["key"], item["value"]
        if key == "header":
            header = value
            continue
        if key == "file":
            plain = value.get("encoding") != "base64"
            value["content"] = value["content"].encode() if plain else base64.b64decode(value["content"])
        operations.append((key, value))
    if not header or not header.get("summary"):
        raise HubError(400, "A commit needs a header with a summary")
    about = (header["summary"], header.get("description", ""), request.user, header.get("parentCommit"))
    made, number = repository.change(revision, operations, *about, pull=pull)
    home = f"{request.hub.url}/{'' if kind == 'model' else kind + 's/'}{name}"
    told = {"success": True, "commitOid": made, "commitUrl": f"{home}/commit/{made}", "hookOutput": ""}
    if number:
        told["pullRequestUrl"] = f"{home}/discussions/{number}"
    return answer(told)


@route("POST", "/api/{kind}/{repo}/discussions/{number}/status")
def discussion_status(request, kind, name, number):
    status = request.json()["status"]
    must_discuss(request, kind, name, write=True).change_discussion(number, status=status)
    event = {"id": "0", "type": "status-change", "createdAt": now(), "author": {"name": request.user}}
    return answer({"newStatus": event | {"data": {"status": status}}})


@route("POST", "/api/{kind}/{repo}/discussions/{number}/title")
def discussion_title(request, kind, name, number):
    title = request.json()["title"]
    before = must_discuss(request, kind, name, write=True).change_discussion(number, title=title)["title"]
    event = {"id": "0", "type": "title-change", "createdAt": now(), "author": {"name": request.user}}
    return answer({"newTitle": event | {"data": {"from": before, "to": title}}})


@route("POST", "/api/{kind}/{repo}/discussions/{number}/merge")
def merge(request, kind, name, number):
    must_discuss(request, kind, name, write=True).merge(number, request.user)
    return answer({})


@route("POST DELETE", "/api/{kind}/{repo}/branch/{branch}")
def branch(request, kind, name, branch):
    repository = must_be_there(request, kind, name, write=True)
    if request.method == "POST":
        repository.add_branch(branch, request.json().get("startingPoint") or "main")
    else:
        repository.drop_branch(branch)
    return answer({})


@route("POST DELETE", "/api/{kind}/{repo}/tag/{revision}")
def tag(request, kind, name, revision):
    repository = must_be_there(request, kind, name, write=True)
    if request.method == "POST":
        repository.add_tag(request.json()["tag"], revision, request.json().get("message") or "")
    else:
        repository.drop_tag(revision)
    return answer({})


@route("GET", "/api/{kind}/{repo}/xet-(?P<scope>read|write)-token/{revision}")
def xet_token(request, kind, name, scope, revision):
    must_be_there(request, kind, name, write=scope == "write")
    if not request.hub.xet:
        raise HubError(404, "Not found")
    url, token, end = f"{request.hub.url}/cas", f"xet_{scope}_{request.user}", int(time.time()) + 3600
    names = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(end)}
    return answer({"casUrl": url, "accessToken": token, "exp": end}, **names)


@route("POST", "/(?:(?P<kind>dataset|space)s/)?(?P<name>[^/]+/[^/]+?)\\.git/info/lfs/objects/batch")
def lfs_batch(request, kind, name):
    asked = request.json()
    upload = asked["operation"] == "upload"
    must_be_there(request, kind or "model", name, write=upload)
    told = []
    for item in asked["objects"]:
        sha256, size = item["oid"], request.hub.store.blobs.size(item["oid"])
        told.append({"oid": sha256, "size": item["size"]})
        href = {"href": f"{request.hub.url}/lfs/{sha256}?user={request.user}"}
        if upload and size is None:
            told[-1]["actions"] = {"upload": href, "verify": {"href": f"{request.hub.url}/lfs-verify"}}
        elif not upload and size is None:
            told[-1]["error"] = {"code": 404, "message": "Object does not exist"}
        elif not upload:
            told[-1]["actions"] = {"download": href}
    return answer({"transfer": "basic", "objects": told, "hash_algo": "sha256"})


@route("PUT GET", "/lfs/(?P<sha256>[0-9a-f]{64})")
def lfs_object(request, sha256):
    blobs = request.hub.store.blobs
    if request.method == "PUT":
        if hashlib.sha256(request.body).hexdigest() != sha256:
            raise HubError(400, "The content does not have this sha256")
        blobs.add(request.body)
        return Response()
    if blobs.size(sha256) is None:
        raise HubError(404, "Object does not exist")
    return ranged(request, blobs.size(sha256), lambda start, end: blobs.read(sha256, start, end), {})


@route("POST", "/lfs-verify")
def lfs_verify(request):
    asked = request.json()
    if request.hub.store.blobs.size(asked["oid"]) != asked["size"]:
        raise HubError(404, "Object does not exist")
    return answer({})


@route("GET POST PUT", "/cas/{path*}")
def content_store(request, path):
    if not request.hub.xet:
        raise HubError(404, "Not found")
    token = re.fullmatch(r"Bearer xet_(read|write)_(\w+)", request.headers.get("Authorization", ""))
    # the addresses that the store itself gives out are their own permission, as signed ones are
    if not token and not path.startswith(("grants/", "fetch/")):
        raise HubError(401, "No token of the content store")
    may_write = bool(token) and token[1] == "write"
    about = (request.method, path, request.headers, request.body, f"{request.hub.url}/cas", may_write)
    status, headers, body = request.hub.xet.handle(*about)
    if path.startswith("fetch/"):
        return ranged(request, len(body), lambda start, end: body[start:end], headers)
    return Response(status, body, headers)
