"""Publishing to a Hub on the loopback interface: nothing is ever half there, and errors are sentences."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from builders.release import layout, opened
from generation.shards import file_digest
from tests.conftest import ROOT, TINY
from tests.hub import Fault, Hub
from tests.releases import altered, faster, release, with_other_card

REPO = "org/sousa"


class Publisher:
    """Runs the command against a Hub."""

    def __init__(self, hub, cache):
        self.hub, self.cache = hub, cache

    def start(self, *arguments, token="hf_writer", **environment):
        command = [sys.executable, str(ROOT / "sousa.py"), *map(str, arguments)]
        environment = self.hub.environment(self.cache, token, **environment)
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __call__(self, *arguments, **options):
        process = self.start(*arguments, **options)
        process.stdout_text, process.stderr_text = process.communicate(timeout=120)
        assert "hf_writer" not in process.stdout_text + process.stderr_text
        assert "Traceback" not in process.stderr_text, process.stderr_text
        return process

    def publish(self, made, *options, **more):
        done = self("publish", made, REPO, "-q", *options, **more)
        assert done.returncode == 0, done.stderr_text
        return done

    def refused(self, made, *options, status=1, **more):
        done = self("publish", made, REPO, *options, **more)
        assert done.returncode == status, done.stderr_text
        return done.stderr_text


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """Two releases: five players, then four, one of them with another label."""
    place = tmp_path_factory.mktemp("versions")
    arguments = [*TINY, "-q", "--skip-validation"]
    for players in (5, 4):
        arguments[arguments.index("-p") + 1] = players
        command = [sys.executable, str(ROOT / "sousa.py"), *map(str, arguments), "-o", f"{place}/d{players}"]
        subprocess.run(command, check=True)
    first = release(place / "d5", place / "v1")
    changed = altered(place / "d4", place / "d4b", faster)
    return first, release(changed, place / "v2", "2.0.0", previous=str(first))


@pytest.fixture(params=["lfs", "xet"])
def hub(request, tmp_path):
    with Hub(tmp_path / "hub", xet=request.param == "xet") as hub:
        yield hub


@pytest.fixture
def publisher(hub, tmp_path):
    return Publisher(hub, tmp_path / "cache")


def whole(hub, revision, made):
    """Whether a revision is exactly a release: every file, and no other."""
    manifest = json.loads((made / "manifest.json").read_text())
    tree = hub.tree(REPO, revision)
    tree.pop(".gitattributes")
    return tree.keys() == {*manifest["files"], layout.MANIFEST} and all(
        hub.read(REPO, revision, file) == (made / file).read_bytes() for file in tree
    )


def test_a_release_is_published_in_one_commit_and_tagged(hub, publisher, versions):
    first, second = versions
    done = publisher("publish", first, REPO)
    assert done.returncode == 0, done.stderr_text
    assert 'load_dataset("org/sousa", revision="v1.0.0")' in done.stdout_text
    head = hub.refs(REPO)["branches"]["main"]
    assert hub.refs(REPO)["tags"] == {"v1.0.0": head} and whole(hub, "v1.0.0", first)
    assert len(hub.commits(REPO)) == 2 and hub.commits(REPO)[0].title == "Version 1.0.0"
    hub.clear()
    again = publisher("publish", first, REPO)
    assert "nothing to do" in again.stderr_text and hub.bytes_uploaded == 0
    assert not [r for r in hub.requests if r.method not in ("GET", "HEAD")]
    hub.clear()
    publisher.publish(second)
    refs = hub.refs(REPO)
    assert (
        refs["tags"] == {"v1.0.0": head, "v2.0.0": refs["branches"]["main"]} and len(hub.commits(REPO)) == 3
    )
    assert whole(hub, "v1.0.0", first) and whole(hub, "main", second)
    assert "p00004_t0-0_a0.parquet" not in str(hub.tree(REPO))  # the file of the fifth player is gone
    manifest = json.loads((second / "manifest.json").read_text())["files"]
    old = {fact["sha256"] for fact in json.loads((first / "manifest.json").read_text())["files"].values()}
    fresh = sum(
        f["bytes"] for name, f in manifest.items() if name.endswith("parquet") and f["sha256"] not in old
    )
    assert 0 < hub.bytes_uploaded <= fresh


def kill_points(hub, publisher, made):
    """Requests of an undisturbed publishing."""
    hub.clear()
    publisher.publish(made)
    return [(r.method, r.path) for r in hub.requests]


@pytest.mark.parametrize("xet", [False, True], ids=["lfs", "xet"])
def test_killed_at_every_request_readers_see_a_whole_release(versions, tmp_path, xet):
    first, second = versions
    with Hub(tmp_path / "before", xet=xet) as hub:
        Publisher(hub, tmp_path / "cache").publish(first)
    shutil.copytree(tmp_path / "before", tmp_path / "trial")
    with Hub(tmp_path / "trial", xet=xet) as hub:
        points = kill_points(hub, Publisher(hub, tmp_path / "fresh"), second)
        once = hub.bytes_uploaded
    # killed after a request and before the next one is the same to the Hub
    for number in range(len(points) + 1):
        shutil.rmtree(tmp_path / "trial")
        shutil.copytree(tmp_path / "before", tmp_path / "trial")
        with Hub(tmp_path / "trial", xet=xet) as hub:
            publisher = Publisher(hub, tmp_path / f"cache{number}")
            kind = "kill_after" if number else "kill_before"
            hub.faults.add(Fault(kind=kind, number=max(number, 1)))
            process = publisher.start("publish", second, REPO, "-q")
            hub.client_pid = process.pid
            process.communicate(timeout=120)
            assert process.returncode == -9, (number, points)
            refs = hub.refs(REPO)
            assert whole(hub, "v1.0.0", first)
            assert whole(hub, "main", first) or whole(hub, "main", second), points[number - 1]
            assert "v2.0.0" not in refs["tags"] or whole(hub, "v2.0.0", second)
            sent = stored(hub)
            hub.faults.clear()
            hub.clear()
            publisher.publish(second)
            assert whole(hub, "main", second) and whole(hub, "v2.0.0", second) and whole(hub, "v1.0.0", first)
            assert hub.refs(REPO)["tags"]["v2.0.0"] == hub.refs(REPO)["branches"]["main"]
            assert len(hub.commits(REPO)) == 3
            if not xet:  # what was stored before the kill is not sent again, everything else is
                assert hub.bytes_uploaded == once - sent, points[number - 1]


def stored(hub):
    """Bytes of large files that arrived whole since ``clear()``."""
    arrived = [r for r in hub.requests if r.method == "PUT" and (r.status == 200 or r.fault)]
    return sum(r.bytes_in for r in arrived if r.path.startswith("/lfs/"))


@pytest.mark.parametrize(
    "fault, said",
    [
        (Fault("/commit/", "status", nth=1, status=500), "fault of its own (status 500)"),
        (Fault("/commit/", "drop_before", nth=1), "can't be reached"),
        (Fault("/commit/", "drop_after", nth=1), "can't be reached"),
        (Fault("/tag/", "status", nth=1, status=503), "fault of its own (status 503)"),
        (Fault("/tag/", "drop_after", nth=1), "can't be reached"),
        (Fault("/refs", "status", nth=1, status=429, retry_after=0), "asks for fewer requests"),
        (Fault("GET .*/tree/", "truncate", nth=1), ""),
        (Fault("PUT /lfs/", "drop_before", nth=1), ""),
        (Fault("PUT /lfs/", "status", nth=1, status=503), ""),
        (Fault("/preupload/", "slow", nth=1, seconds=0.3), ""),
        (Fault("/validate-yaml", "drop_before", nth=1), ""),
    ],
    ids=lambda value: f"{value.match} {value.kind}" if isinstance(value, Fault) else "",
)
def test_passing_faults_are_waited_out(versions, tmp_path, fault, said):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        hub.faults.add(fault)
        done = Publisher(hub, tmp_path / "cache")("publish", first, REPO)
        assert done.returncode == 0, done.stderr_text
        assert said in done.stderr_text and fault.struck == 1
        assert whole(hub, "main", first) and whole(hub, "v1.0.0", first)
        assert len(hub.commits(REPO)) == 2  # never twice, also when the answer was lost


def test_lasting_faults_end_with_a_sentence(versions, tmp_path):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        hub.create(REPO)
        for fault, said in (
            (Fault("/commit/", "status", status=403), "the token may not do this"),
            (Fault("/commit/", "status", status=413), "too large"),
            (Fault("/commit/", "status", status=418), "refuses with status 418"),
        ):
            hub.faults.add(fault)
            assert said in publisher.refused(first)
            hub.faults.clear()
            assert len(hub.commits(REPO)) == 1 and not hub.refs(REPO)["tags"]


def test_tokens(versions, tmp_path):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        said = publisher.refused(first, token=None)
        assert "no token" in said or "does not accept the token, or there is none" in said
        assert "hf auth login" in said
        said = publisher.refused(first, token="hf_of_nobody")
        assert "does not accept the token" in said and "hf_of_nobody" not in said
        hub.create(REPO)
        said = publisher.refused(first, token="hf_reader")
        assert "the token may not do this" in said and "HF_TOKEN to a token that may write to org" in said
        assert "HF_HUB_OFFLINE is set" in publisher.refused(first, HF_HUB_OFFLINE="1")
        assert len(hub.commits(REPO)) == 1


def test_the_hub_out_of_reach(versions, tmp_path):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        done = publisher("diff", "org/nothing@v1.0.0", first)
        assert done.returncode == 1 and "no such dataset on the Hub" in done.stderr_text
        url = hub.url
    done = publisher("diff", f"{REPO}@v1.0.0", first, HF_ENDPOINT=url)
    assert done.returncode == 1 and "can't be reached" in done.stderr_text


def test_rivals(versions, tmp_path):
    """Somebody else commits or tags between our look and our commit."""
    first, second = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        publisher.publish(first)
        edit = Fault("/commit/", "call", nth=1, call=lambda: hub.commit(REPO, {"notes.md": b"by hand"}))
        hub.faults.add(edit)
        done = publisher("publish", second, REPO)
        assert done.returncode == 0 and "somebody else changed it in the meantime" in done.stderr_text
        assert hub.read(REPO, "main", "notes.md") == b"by hand"  # theirs is kept, ours is whole beside it
        assert {f: v["oid"] for f, v in hub.tree(REPO).items() if f.startswith("data/")} == {
            f: file_digest(second / f) for f in map(str, hub.tree(REPO)) if f.startswith("data/")
        }
        assert [c.title for c in hub.commits(REPO)[:2]] == ["Version 2.0.0", "A commit by someone else"]


def test_what_must_not_be_published_is_refused(versions, tmp_path):
    first, second = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        publisher.publish(first)
        before = hub.refs(REPO)

        changed = tmp_path / "changed"
        shutil.copytree(first, changed)
        (changed / "README.md").write_text((changed / "README.md").read_text() + "more")
        assert "README.md has" in publisher.refused(changed)
        shutil.copytree(first, tmp_path / "script")
        (tmp_path / "script" / "sousa.py").write_text("")
        assert "scripts make a dataset unloadable" in publisher.refused(tmp_path / "script")
        short = tmp_path / "short"
        shutil.copytree(second, short)
        next((short / "data").rglob("*.parquet")).unlink()
        assert "is missing" in publisher.refused(short)

        # version 1.0.0 again, with other content
        other = release(altered(tmp_path_of(versions, "d5"), tmp_path / "d", faster), tmp_path / "other")
        assert "a tag never moves" in publisher.refused(other)
        # a version that says less than what changed
        manifest = json.loads((second / "manifest.json").read_text())
        low = tmp_path / "low"
        shutil.copytree(second, low)
        text = (low / "README.md").read_text().replace("2.0.0", "1.0.1")
        (low / "README.md").write_text(text)
        manifest["version"] = "1.0.1"
        manifest["files"]["README.md"] = {
            "bytes": len(text.encode()),
            "sha256": file_digest(low / "README.md"),
        }
        (low / "manifest.json").write_text(json.dumps(opened.sealed(manifest)))
        said = publisher.refused(low)
        assert "version 1.0.1 can't follow 1.0.0" in said and "--version 2.0.0" in said
        assert "3 rows removed" in said or "1 rows with other labels" in said
        # one that was not made after the last release
        alone = release(tmp_path_of(versions, "d4b"), tmp_path / "alone", "2.0.0")
        assert "made after none" in publisher.refused(alone)
        assert "--previous org/sousa" in publisher.refused(alone)
        assert hub.refs(REPO) == before and whole(hub, "main", first)

        assert "'sousa'; give org/name" in publisher("publish", first, "sousa").stderr_text
        assert "the Hub does not allow" in publisher("publish", first, "org/a--b").stderr_text
        for wrong in ("v1.0.0", "refs/pr/1", "a b", "../x", ""):
            assert "--revision is" in publisher.refused(first, "--revision", wrong, status=2)
        assert "there and public" in publisher.refused(second, "--private", status=2)
        assert "not a finished release" in publisher.refused(tmp_path, status=2)


def tmp_path_of(versions, name):
    return versions[0].parent / name


def test_a_repository_with_other_things_in_it_is_left_alone(versions, tmp_path):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        hub.create(REPO)
        hub.commit(REPO, {"data/train-00000-of-00001.parquet": b"PAR1", "LICENSE": b"mine"})
        said = publisher.refused(first)
        assert "data/train-00000-of-00001.parquet, which no release put there" in said
        hub.commit(REPO, {"data/train-00000-of-00001.parquet": None, "sousa.py": b"print()"})
        assert "sousa.py, which no release put there" in publisher.refused(first)
        hub.commit(REPO, {"sousa.py": None})
        publisher.publish(first)
        assert hub.read(REPO, "main", "LICENSE") == b"mine"


def test_an_interrupted_release_is_finished_before_the_next(versions, tmp_path):
    first, second = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        hub.faults.add(Fault("/tag/", "status", status=403))
        publisher.refused(first)
        hub.faults.clear()
        assert "holds version 1.0.0 without its tag" in publisher.refused(second)
        hub.clear()
        publisher.publish(first)
        assert hub.bytes_uploaded == 0 and "v1.0.0" in hub.refs(REPO)["tags"]
        publisher.publish(second)
        assert whole(hub, "v2.0.0", second)


def test_branches_and_pull_requests(versions, tmp_path):
    first, second = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        publisher.publish(first)
        main = hub.refs(REPO)["branches"]["main"]
        done = publisher("publish", second, REPO, "--revision", "next")
        assert done.returncode == 0 and "no tag, which is for main" in done.stdout_text
        assert whole(hub, "next", second) and hub.refs(REPO)["branches"]["main"] == main
        done = publisher("publish", second, REPO, "--create-pr")
        assert done.returncode == 0 and "pull request: " in done.stdout_text, done.stderr_text
        refs = hub.refs(REPO)
        assert list(refs["pulls"]) == ["refs/pr/1"] and whole(hub, "refs/pr/1", second)
        assert refs["branches"]["main"] == main and list(refs["tags"]) == ["v1.0.0"]
        publisher.publish(second)
        assert whole(hub, "main", second) and "v2.0.0" in hub.refs(REPO)["tags"]


def test_private(versions, tmp_path):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        publisher.publish(first, "--private")
        done = publisher("diff", f"{REPO}@v1.0.0", first, token=None)
        assert done.returncode == 1 and "the token may not see it" in done.stderr_text
        assert "nothing differs" in publisher("diff", f"{REPO}@v1.0.0", first).stdout_text


def test_a_dry_run_says_the_bytes_and_changes_nothing(hub, publisher, versions):
    first, second = versions
    done = publisher("publish", first, REPO, "--dry-run", "-q", token=None)
    assert done.returncode == 0 and not [r for r in hub.requests if r.method not in ("GET", "HEAD")]
    assert publisher("publish", first, REPO, "--dry-run").returncode == 0
    publisher.publish(first)
    said = publisher("publish", first, REPO, "--dry-run").stdout_text
    assert "holds this very release already" in said
    hub.clear()
    dry = publisher("publish", second, REPO, "--dry-run").stdout_text
    same = publisher("publish", second, REPO, "--dry-run", "--previous", first).stdout_text
    assert same == dry and "1 removed" in dry and "- data/custom/" in dry
    assert not [r for r in hub.requests if r.method not in ("GET", "HEAD") and "xet" not in r.path]
    stated = int(dry.split("; ")[1].removeprefix("at most ").split(" bytes are new")[0].replace(",", ""))
    hub.clear()
    publisher.publish(second)
    small = sum((second / f).stat().st_size for f in ("README.md", "manifest.json", "croissant.json"))
    if hub.xet:
        assert abs(hub.bytes_uploaded + small - stated) < 0.02 * stated
    else:
        assert "at most" in dry and stated == hub.bytes_uploaded + small


def test_the_card_alone_uploads_no_data(hub, publisher, versions, tmp_path, monkeypatch):
    first, _ = versions
    publisher.publish(first)
    with_other_card(tmp_path, monkeypatch)
    second = release(tmp_path_of(versions, "d5"), tmp_path / "v2", "1.0.1", previous=str(first))
    hub.clear()
    publisher.publish(second)
    assert hub.bytes_uploaded == 0 and whole(hub, "v1.0.1", second)


def test_rows_that_may_not_be_passed_on(tmp_path, sousa):
    """A user's own noise files, of which no licence is known."""
    (tmp_path / "noise").mkdir()
    noise = np.random.default_rng(0).standard_normal(44100 * 4) * 0.1
    soundfile.write(tmp_path / "noise" / "street.wav", noise, 44100)
    done = sousa("generate", "-p", 3, "-t", 1, "-a", 1, "--rudiments", "flam", "--presets", "lo_fi", "-q",
                 "--noise-files", tmp_path / "noise", "-o", tmp_path / "d", "--skip-validation")  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = release(tmp_path / "d", tmp_path / "r")
    assert "street" in (made / "README.md").read_text()
    assert "license: other" in (made / "README.md").read_text()
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        said = publisher.refused(made, status=2)
        assert "the noise street.wav" in said and "--redistribute 'street.wav'" in said and not hub.requests
        said = publisher.refused(made, "--redistribute", "streets", status=2)
        assert "--redistribute names 'streets'" in said
        publisher.publish(made, "--redistribute", "street.wav")
        assert whole(hub, "v1.0.0", made)


def test_files_changed_or_left_out_on_the_way_are_never_tagged(versions, tmp_path):
    first, _ = versions
    made = tmp_path / "made"
    shutil.copytree(first, made)
    shard = next((made / "data").rglob("*.parquet"))
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")

        def damage():
            with open(shard, "r+b") as file:  # in place, as through another link to it
                file.seek(1000)
                file.write(b"other")

        hub.faults.add(Fault("POST /api/repos/create", "call", nth=1, call=damage))
        said = publisher.refused(made)
        assert f"{shard.name} changed while it was sent" in said and len(hub.commits(REPO)) == 1
        hub.commit(REPO, {".gitignore": b"data/\n"})
        assert ".gitignore, which no release put there" in publisher.refused(first)
        hub.commit(REPO, {".gitignore": None})
        late = Fault("/preupload/", "call", nth=1, call=lambda: hub.commit(REPO, {".gitignore": b"data/\n"}))
        hub.faults.add(late)
        assert ".gitignore, which no release put there" in publisher.refused(first)
        assert not hub.refs(REPO)["tags"] and layout.MANIFEST not in hub.tree(REPO)


def test_a_card_of_somebody_else_is_kept_and_an_edit_is_told(versions, tmp_path):
    first, second = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        hub.create(REPO)
        hub.commit(REPO, {"README.md": b"---\nlicense: mit\n---\n# My other data\n"})
        assert "README.md, which no release put there" in publisher.refused(first)
        hub.commit(REPO, {"README.md": b"---\nlicense: mit\n---\n", ".huggingface.yaml": b"configs: []"})
        assert ".huggingface.yaml, which no release put there" in publisher.refused(first)
        hub.commit(REPO, {".huggingface.yaml": None})
        publisher.publish(first)  # a card that says nothing is the Hub's own
        text = hub.read(REPO, "main", "README.md") + b"by hand"
        hub.commit(REPO, {"README.md": text})
        done = publisher("publish", second, REPO)
        assert done.returncode == 0 and "README.md was edited there" in done.stderr_text
        assert whole(hub, "main", second)


def test_a_candidate_on_a_branch_may_be_made_again(versions, tmp_path):
    first, second = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        publisher.publish(first)
        publisher.publish(second, "--revision", "next")
        again = release(
            tmp_path_of(versions, "d4b"), tmp_path / "again", "2.0.0", previous=str(first), notes=["Better."]
        )
        publisher.publish(again, "--revision", "next")
        assert whole(hub, "next", again) and list(hub.refs(REPO)["tags"]) == ["v1.0.0"]
        publisher.publish(again)
        publisher.publish(first, "--revision", "old")  # a version that is tagged, on another branch
        assert whole(hub, "old", first) and whole(hub, "main", again)
        done = publisher("publish", first, REPO)
        assert done.returncode == 0 and hub.refs(REPO)["tags"]["v1.0.0"][:12] in done.stdout_text


def test_a_pull_request_is_opened_once(versions, tmp_path):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        hub.create(REPO)
        hub.faults.add(Fault("/commit/", "drop_after", nth=1))
        assert "see on its page whether the pull request was opened" in publisher.refused(
            first, "--create-pr"
        )
        assert list(hub.refs(REPO)["pulls"]) == ["refs/pr/1"]


def test_the_first_request_is_waited_for_too_and_reading_in_place_has_sentences(versions, tmp_path):
    first, second = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        hub.faults.add(Fault("/whoami", "status", nth=1, status=503, retry_after=0))
        publisher.publish(first)
        publisher.publish(second)
        for kind, said in (("drop_before", "can't be reached"), ("status", "the token may not do this")):
            hub.faults.add(Fault("GET .*/resolve/.*parquet", kind, status=403))
            done = publisher("diff", REPO, "v1.0.0", "v2.0.0", "-q")
            assert done.returncode == 1 and said in done.stderr_text
            hub.faults.clear()


@pytest.mark.parametrize("body", [b"<html>log in</html>", b"", b"[]", b"{}", b"null"])
def test_something_else_than_a_hub(versions, tmp_path, body):
    """A proxy or a login page that answers everything."""
    import http.server
    import threading

    class Everything(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_HEAD = do_GET

        def log_message(self, *_):
            pass

    first, _ = versions
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Everything)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        url = f"http://127.0.0.1:{server.server_port}"
        done = publisher("diff", f"{REPO}@v1.0.0", first, "-q", HF_ENDPOINT=url)
        assert done.returncode == 1 and "does not answer as the Hub does" in done.stderr_text, (
            done.stderr_text
        )
    server.shutdown()
    server.server_close()
