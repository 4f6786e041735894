"""The test Hub, through the real clients: what it answers, in LFS and in Xet, and how it fails when told to.

Every client is a process of its own, as the endpoint is read from the environment at import.
"""

import json
import random
import subprocess
import sys
import textwrap
import time

import pytest

from tests.support.hub import Fault, Hub, repository, too_many_requests

PRELUDE = """
import array, json, random, sys
from huggingface_hub import (CommitOperationAdd as Add, CommitOperationDelete as Delete, HfApi, HfFileSystem,
                             hf_hub_download, snapshot_download)
api, D, KIND = HfApi(), "org/data", {"repo_type": "dataset"}
said = {}
def noise(size, seed=1):
    return random.Random(seed).randbytes(size)
def mixed():
    # repeats, text and numbers of four bytes, which Xet packs each in its own way
    numbers = array.array("f", [i / 50 for i in range(60_000)])
    return bytes(900_000) + b"text and " * 20_000 + numbers.tobytes()
def refused(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        return [type(error).__name__, status, str(error)]
"""
BIG = 300_000  # bytes; several chunks of a Xet store


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


class Client:
    """Runs scripts against a Hub; a script leaves its results in ``said``."""

    def __init__(self, hub, cache):
        self.hub, self.cache = hub, cache

    def start(self, script, cache="cache", **environment):
        script = PRELUDE + textwrap.dedent(script) + "\nprint(json.dumps(said))"
        environment = self.hub.environment(self.cache / cache, **environment)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([sys.executable, "-c", script], env=environment, **pipes)

    def __call__(self, script, **options):
        process = self.start(script, **options)
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
        return json.loads(out.splitlines()[-1])


@pytest.fixture(params=["lfs", "xet"])
def hub(request, tmp_path):
    with Hub(tmp_path / "hub", xet=request.param == "xet") as hub:
        hub.create("org/data")
        yield hub


@pytest.fixture
def plain(tmp_path):
    """A Hub where it does not matter how large files travel."""
    with Hub(tmp_path / "hub") as hub:
        hub.create("org/data")
        yield hub


@pytest.fixture
def client(request, tmp_path):
    name = "plain" if "plain" in request.fixturenames else "hub"
    return Client(request.getfixturevalue(name), tmp_path)


def test_files_commits_and_refs(hub, client):
    said = client("""
        said["user"] = api.whoami()["name"]
        said["url"] = str(api.create_repo("org/other", **KIND))
        said["again"] = refused(api.create_repo, "org/other", **KIND)
        api.create_repo("org/other", exist_ok=True, **KIND)
        api.delete_repo("org/other", **KIND)
        said["gone"] = refused(api.dataset_info, "org/other")
        first = api.upload_file(path_or_fileobj=b"one", path_in_repo="old.txt", repo_id=D, **KIND)
        big, base = noise(300_000), api.dataset_info(D).sha
        adds = [Add("data/a.parquet", big), Add("README.md", b"---\\nlicense: mit\\n---\\nA card")]
        on_base = dict(commit_message="release", parent_commit=base, **KIND)
        made = api.create_commit(D, [*adds, Delete("old.txt")], **on_base)
        said["stale"] = refused(api.create_commit, D, [Add("b.txt", b"b")], **on_base)
        api.create_tag(D, tag="v1.0.0", revision=made.oid, tag_message="the first", **KIND)
        said["tagged"] = refused(api.create_tag, D, tag="v1.0.0", **KIND)
        said["bad tag"] = refused(api.create_tag, D, tag="v1..0", **KIND)
        api.create_branch(D, branch="side", **KIND)
        pull = api.upload_file(path_or_fileobj=b"p", path_in_repo="p.txt", repo_id=D, create_pr=True, **KIND)
        said["pull"] = [pull.pr_revision, pull.pr_num]
        api.upload_file(path_or_fileobj=b"q", path_in_repo="q.txt", repo_id=D, revision="refs/pr/1", **KIND)
        refs = api.list_repo_refs(D, include_pull_requests=True, **KIND)
        said["refs"] = {kind: {ref.name: ref.target_commit for ref in getattr(refs, kind)}
                        for kind in ("branches", "tags", "pull_requests")}
        said["log"] = [[c.commit_id, c.title] for c in api.list_repo_commits(D, **KIND)]
        said["tree"] = [f.path for f in api.list_repo_tree(D, recursive=True, expand=True, **KIND)]
        info = api.get_paths_info(D, ["data/a.parquet", "data", "none"], expand=True, **KIND)
        said["info"] = [[f.path, f.last_commit.title] for f in info]
        said["lfs"] = [info[0].size, info[0].lfs.sha256, info[0].lfs.pointer_size, bool(info[0].xet_hash)]
        said["card"] = api.dataset_info(D).card_data.license
        said["missing"] = refused(hf_hub_download, D, "none", **KIND)
        said["no revision"] = refused(api.list_repo_commits, D, revision="none", **KIND)
        said["made"], said["base"] = made.oid, base
    """)
    assert said["user"] == "writer" and said["url"] == f"{hub.url}/datasets/org/other"
    assert said["again"][1] == 409 and said["gone"][:2] == ["RepositoryNotFoundError", 404]
    assert said["stale"][1] == 412 and "A commit has happened since" in said["stale"][2]
    assert said["tagged"][1] == 409 and said["bad tag"][1] == 400
    assert said["pull"] == ["refs/pr/1", 1]
    assert said["missing"][:2] == ["RemoteEntryNotFoundError", 404]
    assert said["no revision"][:2] == ["RevisionNotFoundError", 404]
    refs = hub.refs("org/data")
    assert refs["branches"] == {"main": said["made"], "side": said["made"]} == said["refs"]["branches"]
    assert refs["tags"] == {"v1.0.0": said["made"]} == said["refs"]["tags"]
    assert refs["pulls"] == said["refs"]["pull_requests"]
    assert hub.tag_message("org/data", "v1.0.0") == "the first"
    assert [c.title for c in hub.commits("org/data")] == [title for _, title in said["log"]]
    assert said["log"][0] == [said["made"], "release"] and said["log"][1][0] == said["base"]
    assert said["tree"] == [".gitattributes", "README.md", "data", "data/a.parquet"]
    assert said["info"] == [["data/a.parquet", "release"], ["data", "release"]]
    tree = hub.tree("org/data")
    assert sorted(tree) == [".gitattributes", "README.md", "data/a.parquet"]
    assert said["lfs"] == [BIG, tree["data/a.parquet"]["oid"], 131, hub.xet is not None]
    assert said["card"] == "mit"
    assert hub.read("org/data", "main", "data/a.parquet") == noise(BIG)
    assert hub.read("org/data", said["base"], "old.txt") == b"one"
    assert hub.read("org/data", "refs/pr/1", "q.txt") == b"q"


def test_reading_back(hub, client):
    client("""
        big = noise(300_000)
        adds = [Add("data/a.parquet", big), Add("data/b.parquet", mixed()), Add("notes.txt", b"notes")]
        api.create_commit(D, adds, commit_message="one", **KIND)
        api.create_tag(D, tag="v1", **KIND)
        api.upload_file(path_or_fileobj=big[:1000], path_in_repo="data/a.parquet", repo_id=D, **KIND)
    """)
    said = client(
        """
        from pathlib import Path
        place = Path(snapshot_download(D, revision="v1", **KIND))
        said["same"] = [(place / "data/a.parquet").read_bytes() == noise(300_000),
                        (place / "data/b.parquet").read_bytes() == mixed(),
                        (place / "notes.txt").read_bytes() == b"notes",
                        Path(hf_hub_download(D, "data/a.parquet", **KIND)).stat().st_size == 1000]
        fs = HfFileSystem()
        said["glob"] = fs.glob(f"datasets/{D}@v1/data/*.parquet")
        with fs.open(f"datasets/{D}@v1/data/a.parquet", block_size=1000) as file:
            file.seek(150_000)
            said["range"] = file.read(100) == noise(300_000)[150_000:150_100]
        said["end"] = fs.cat_file(f"datasets/{D}@v1/data/b.parquet", start=-10) == mixed()[-10:]
        """,
        cache="another",
        token="hf_reader",
    )
    assert said["same"] == [True] * 4 and said["range"] and said["end"]
    assert [path.rsplit("/", 1)[1] for path in said["glob"]] == ["a.parquet", "b.parquet"]
    partial = [r for r in hub.asked("/resolve/v1/data/a.parquet") if r.range]
    assert partial and all(r.status == 206 and r.bytes_out < 3000 for r in partial)


def test_only_new_content_is_sent(hub, client):
    content, upload = "big = noise(3_000_000)", 'api.preupload_lfs_files(D, [Add("a.parquet", big)], **KIND)'
    client(f"{content}; {upload}")
    assert BIG * 10 <= hub.bytes_uploaded < BIG * 10.1
    assert list(hub.tree("org/data")) == [".gitattributes"]  # nothing is seen before the commit
    hub.clear()
    commit = f'{content}; api.create_commit(D, [Add("a.parquet", big)], commit_message="one", **KIND)'
    client(f"{content}; {upload}", cache="another")
    client(commit, cache="another")
    assert hub.bytes_uploaded == 0
    assert not [r for r in hub.requests if r.method == "PUT"]
    client(commit)
    assert len(hub.commits("org/data")) == 2  # a file that is there already makes no commit
    hub.clear()
    # Xet finds the known chunks in a file that was changed, in a client that has never seen them
    client("""
        big = noise(3_000_000)
        big = big[:1_500_000] + b"new" * 1000 + big[1_500_000:]
        api.upload_file(path_or_fileobj=big, path_in_repo="a.parquet", repo_id=D, **KIND)
    """, cache="third")  # fmt: skip
    assert (3_000 < hub.bytes_uploaded < 300_000) if hub.xet else hub.bytes_uploaded == 3_003_000
    assert hub.read("org/data", "main", "a.parquet")[1_500_000:1_500_003] == b"new"


def test_datasets(hub, client):
    said = client("""
        from datasets import Dataset, DatasetDict, load_dataset
        parts = {"train": Dataset.from_dict({"x": list(range(500))}), "test": Dataset.from_dict({"x": [1]})}
        pushed = DatasetDict(parts).push_to_hub(D, "small")
        api.create_tag(D, tag="v1", **KIND)
        DatasetDict({"train": Dataset.from_dict({"x": [7]})}).push_to_hub(D, "small")
        said["old"] = sum(load_dataset(D, "small", revision="v1")["train"]["x"])
        said["new"] = load_dataset(D, "small")["train"]["x"][:]
        stream = load_dataset(D, "small", revision="v1", split="train", streaming=True)
        said["stream"] = sum(row["x"] for row in stream)
    """)
    assert said == {"old": 124750, "new": [7], "stream": 124750}


def test_who_may_do_what(plain, client):
    plain.create("org/secret", private=True)
    attempt = """
        upload = dict(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=D, **KIND)
        said["write"], said["who"] = refused(api.upload_file, **upload), refused(api.whoami)
        said["tag"] = refused(api.create_tag, D, tag="v1", **KIND)
        said["read"], said["secret"] = refused(api.dataset_info, D), refused(api.dataset_info, "org/secret")
        said["none"] = refused(api.dataset_info, "org/none")
    """
    said = client(attempt, token="hf_reader")
    assert said["write"][:2] == ["HfHubHTTPError", 403] and "you must use a write token" in said["write"][2]
    assert said["tag"][1] == 403 and said["none"][:2] == ["RepositoryNotFoundError", 404]
    assert said["who"] is said["read"] is said["secret"] is None
    said = client(attempt, token=None)
    assert said["write"][1] == 401 and said["who"][0] == "LocalTokenNotFoundError" and said["read"] is None
    assert said["secret"][:2] == said["none"][:2] == ["RepositoryNotFoundError", 401]
    said = client(attempt, token="hf_stranger")
    assert {said[what][1] for what in said} == {401}
    assert {record.user for record in plain.requests} == {"reader", None}


def test_long_listings(plain, client):
    plain.commit("org/data", {f"d{i % 3}/{i:02}.txt": b"x" for i in range(20)})
    for number in range(5):
        plain.commit("org/data", {"count": b"%d" % number})
    plain.page_size = 4
    said = client("""
        said["tree"] = [f.path for f in api.list_repo_tree(D, recursive=True, **KIND)]
        said["log"] = len(api.list_repo_commits(D, **KIND))
        said["folder"] = [f.path for f in api.list_repo_tree(D, "d1", **KIND)]
        said["no folder"] = refused(lambda: list(api.list_repo_tree(D, "none", **KIND)))
    """)
    assert len(said["tree"]) == len(set(said["tree"])) == 25 and said["log"] == 7
    assert said["folder"] == [f"d1/{i:02}.txt" for i in range(20) if i % 3 == 1]
    assert said["no folder"][:2] == ["RemoteEntryNotFoundError", 404]


def test_a_commit_is_all_or_nothing(plain, client):
    plain.commit("org/data", {"here.txt": b"here"})
    before = plain.refs("org/data"), plain.tree("org/data")
    said = client("""
        import httpx2, os
        url = f"{os.environ['HF_ENDPOINT']}/api/datasets/{D}/commit/main"
        def post(key, **value):
            new = {"path": "new.txt", "content": "eA==", "encoding": "base64"}
            lines = [{"key": "header", "value": {"summary": "s"}}, {"key": "file", "value": new},
                     {"key": key, "value": value}]
            headers = {"Authorization": "Bearer hf_writer"}
            return httpx2.post(url, content="\\n".join(map(json.dumps, lines)), headers=headers).status_code
        said["status"] = [
            post("lfsFile", path="a.bin", algo="sha256", oid="0" * 64, size=1),
            post("deletedFile", path="none"),
            post("file", path="../up", content=""),
            post("file", path="here.txt/below", content=""),
        ]
        said["delete"] = refused(api.delete_file, "none", D, **KIND)
    """)
    assert said["status"] == [400, 404, 400, 400] and said["delete"][1] == 404
    assert (plain.refs("org/data"), plain.tree("org/data")) == before


def test_a_hub_goes_on_from_its_directory(hub, client, tmp_path):
    client("""
        made = api.create_commit(D, [Add("a.parquet", noise(300_000))], commit_message="one", **KIND)
        api.create_tag(D, tag="v1", tag_message="m", **KIND)
    """)
    with Hub(tmp_path / "hub", xet=hub.xet is not None) as again:
        assert again.refs("org/data") == hub.refs("org/data")
        assert again.tag_message("org/data", "v1") == "m"
        assert again.read("org/data", "v1", "a.parquet") == noise(BIG)


def test_a_server_that_dies_in_a_commit(plain, client, tmp_path, monkeypatch):
    plain.commit("org/data", {"old.txt": b"old"})
    before = plain.refs("org/data"), plain.tree("org/data")
    whole = repository.write_whole

    def dies_before_the_state(path, data):
        if path.name == "state.json":
            raise OSError("killed")
        whole(path, data)

    monkeypatch.setattr(repository, "write_whole", dies_before_the_state)
    with pytest.raises(OSError, match="killed"):
        plain.commit("org/data", {"old.txt": None, "new.txt": b"new"})
    with Hub(tmp_path / "hub") as again:
        assert (again.refs("org/data"), again.tree("org/data")) == before


def test_several_clients_at_once(hub, client):
    script = """
        adds = [Add(f"NAME{seed}.parquet", noise(300_000, seed)) for seed in range(3)]
        api.create_commit(D, adds, commit_message="NAME", **KIND)
    """
    started = [client.start(script.replace("NAME", name), cache=name) for name in "xy"]
    for process in started:
        _, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
    assert sorted(commit.title for commit in hub.commits("org/data")[:2]) == ["x", "y"]
    assert {f"{name}{seed}.parquet" for name in "xy" for seed in range(3)} < set(hub.tree("org/data"))
    assert hub.read("org/data", "main", "y2.parquet") == noise(BIG, 2)


UPLOAD = """
api.upload_file(path_or_fileobj=noise(300_000), path_in_repo="a.parquet", repo_id=D, **KIND)
"""
DOWNLOAD = """
from pathlib import Path
said["same"] = Path(hf_hub_download(D, "a.parquet", **KIND)).read_bytes() == noise(300_000)
"""


def test_a_server_error_is_tried_again(plain, client):
    plain.faults.add(Fault("PUT /lfs/", status=500, nth=1))
    plain.faults.add(Fault("POST /lfs-verify", status=503, nth=1, retry_after=0))
    client(UPLOAD)
    assert [r.status for r in plain.asked("PUT /lfs/")] == [500, 200]
    assert [r.status for r in plain.asked("POST /lfs-verify")] == [503, 200]
    assert plain.asked("PUT /lfs/")[0].fault == "status"
    assert plain.read("org/data", "main", "a.parquet") == noise(BIG)


def test_a_rate_limit_is_waited_for(plain, client):
    plain.faults.add(too_many_requests("preupload", seconds=1, times=1))
    client(UPLOAD)
    assert [r.status for r in plain.asked("preupload")] == [429, 200]


def test_other_answers_on_demand(plain, client):
    plain.faults.add(Fault("commit/main", status=412, message="A commit has happened since", times=1))
    plain.faults.add(Fault("/tag/", status=409, message="Tag exists"))
    said = client(f"""
        said["commit"] = refused(lambda: {UPLOAD.strip()})
        said["tag"] = refused(api.create_tag, D, tag="v1", **KIND)
    """)
    assert said["commit"][1] == 412 and said["tag"][1] == 409 and "Tag exists" in said["tag"][2]
    assert len(plain.commits("org/data")) == 1


def test_dropped_connections(plain, client):
    """Before the handling nothing has happened, after it everything has; the client sees the same."""
    script = f"said['error'] = refused(lambda: {UPLOAD.strip()})"
    plain.faults.add(Fault("POST .*/commit/", "drop_before", nth=1))
    assert client(script)["error"][0] == "RemoteProtocolError"
    assert len(plain.commits("org/data")) == 1
    plain.faults.add(Fault("POST .*/commit/", "drop_after", nth=1))
    assert client(script)["error"][0] == "RemoteProtocolError"
    assert len(plain.commits("org/data")) == 2
    assert [r.status for r in plain.asked("/commit/")] == [None, None]


def test_slow_and_short_bodies(plain, client):
    plain.commit("org/data", {"a.parquet": noise(BIG)})
    plain.faults.add(Fault("GET .*/resolve/", "slow", seconds=1, times=1))
    begin = time.monotonic()
    assert client(DOWNLOAD)["same"]
    assert time.monotonic() - begin > 1
    plain.clear()
    plain.faults.add(Fault("GET .*/resolve/", "truncate", keep=0.25, times=1))
    assert client(DOWNLOAD, cache="another")["same"]
    first, second = plain.asked("GET /datasets/org/data/resolve/")
    assert first.bytes_out == BIG // 4 and first.fault == "truncate"
    assert second.status == 200 and second.bytes_out == BIG  # the client begins again


@pytest.mark.parametrize("kind", ["kill_before", "kill_after"])
def test_a_killed_client(hub, client, kind):
    hub.faults.add(Fault("POST .*/commit/", kind))
    process = client.start(UPLOAD)
    hub.client_pid = process.pid
    process.communicate(timeout=600)
    assert process.returncode == -9
    assert len(hub.commits("org/data")) == (1 if kind == "kill_before" else 2)
    hub.faults.clear()
    hub.clear()
    client(UPLOAD)
    assert hub.bytes_uploaded == 0 and len(hub.commits("org/data")) == 2


def test_a_request_by_its_number(plain, client):
    client(UPLOAD)
    last = plain.requests[-1]
    assert "/commit/" in last.path and [r.number for r in plain.requests] == list(range(1, last.number + 1))
    plain.clear()
    plain.faults.add(Fault(number=1, kind="drop_before"))
    plain.faults.add(Fault(match=lambda method, path: method == "PUT", kind="drop_before"))
    client(UPLOAD)  # the first request is tried again; no PUT, as the content is there
    assert [r.fault for r in plain.requests[:2]] == ["drop_before", None]


def test_a_rival_commit(hub, client):
    rival = []
    hub.faults.add(
        Fault("/commit/", "call", nth=1, call=lambda: rival.append(hub.commit("org/data", {"r": b"r"})))
    )
    said = client("""
        base = api.dataset_info(D).sha
        commit = dict(commit_message="one", parent_commit=base, **KIND)
        said["late"] = refused(api.create_commit, D, [Add("a.parquet", noise(300_000))], **commit)
    """)
    assert said["late"][1] == 412
    assert hub.commits("org/data")[0].id == rival[0] and hub.commits("org/data")[0].author == "someone"
    assert sorted(hub.tree("org/data")) == [".gitattributes", "r"]
    assert hub.asked("/commit/")[0].fault == "call"
    client(UPLOAD)
    assert [c.id for c in hub.commits("org/data")][1] == rival[0]


def test_faults_are_checked():
    with pytest.raises(ValueError, match="kind: 'explode' is not one of status, drop_before"):
        Fault("x", "explode")
    with pytest.raises(ValueError, match="call"):
        Fault("x", "call")


def test_the_environment_is_hermetic(plain, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", "elsewhere")
    monkeypatch.setenv("https_proxy", "http://proxy")
    found = plain.environment(tmp_path, token=None, HF_XET_CACHE="here", HF_UPDATE_DOWNLOAD_COUNTS=None)
    assert found["HF_HUB_OFFLINE"] == "0" and found["HF_ENDPOINT"] == plain.url
    assert found["HF_XET_CACHE"] == "here"
    assert not {"HF_HUB_CACHE", "https_proxy", "HF_TOKEN", "HF_UPDATE_DOWNLOAD_COUNTS"} & set(found)
