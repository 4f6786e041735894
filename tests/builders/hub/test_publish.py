"""Publishing to a Hub on the loopback interface: nothing is ever half there."""

import json
import shutil

import pytest

from tests.support.hub import Fault, Hub
from tests.support.publishing import REPO, Publisher, tmp_path_of, whole
from tests.support.releases import release, with_other_card


@pytest.fixture(params=["lfs", "xet"])
def hub(request, tmp_path):
    with Hub(tmp_path / "hub", xet=request.param == "xet") as hub:
        yield hub


@pytest.fixture
def publisher(hub, tmp_path):
    return Publisher(hub, tmp_path / "cache")


def test_a_release_is_published_in_one_commit_and_tagged(hub, publisher, versions):
    first, second = versions
    done = publisher("publish", first, REPO)
    assert done.returncode == 0, done.stderr_text
    assert 'sousa.load("org/sousa", revision="v1.0.0")' in done.stdout_text
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
            process.communicate(timeout=600)
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
    small = sum(path.stat().st_size for path in second.iterdir() if path.is_file())
    if hub.xet:
        assert abs(hub.bytes_uploaded + small - stated) < 0.02 * stated
    else:
        assert "at most" in dry and stated == hub.bytes_uploaded + small


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set, so the Hub is not asked"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}, "the Hub can't be reached"),
    ],
)
def test_a_dry_run_without_the_hub_assumes_a_new_repository(variables, said, versions, sousa):
    done = sousa("publish", versions[0], REPO, "--dry-run", **variables)
    assert done.returncode == 0, done.stderr
    assert said in done.stderr and "shown is what a new repository would be sent" in done.stderr
    files = [path for path in versions[0].rglob("*") if path.is_file()]
    assert f"{len(files):,} files of " in done.stdout and "nothing was changed" in done.stdout
    assert "are new to" not in done.stdout


def test_the_card_alone_uploads_no_data(hub, publisher, versions, tmp_path, monkeypatch):
    first, _ = versions
    publisher.publish(first)
    with_other_card(tmp_path, monkeypatch)
    second = release(tmp_path_of(versions, "d5"), tmp_path / "v2", "1.0.1", previous=str(first))
    hub.clear()
    publisher.publish(second)
    assert hub.bytes_uploaded == 0 and whole(hub, "v1.0.1", second)


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
