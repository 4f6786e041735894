"""The pull request on which a release of several commits is put together: its title, rivals, settings."""

import shutil

import pytest

from sousa.builders.hub import remote
from tests.builders.hub.conftest import FEW
from tests.builders.hub.test_commits import publish_killed, pull_requests
from tests.support.hub import Fault, Hub
from tests.support.publishing import REPO, Publisher, whole

MARK = "Unfinished, do not merge: "


def titles(hub, status="open"):
    """Titles of pull requests, by number."""
    return {n: about["title"] for n, about in hub.discussions(REPO).items() if about["status"] == status}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data/custom/test/more.parquet": b"rows"}, "also holds data/custom/test/more.parquet"),
        ({"notes.txt": b"other notes"}, "holds with other content notes.txt"),
        ({"notes.txt": None}, "lacks notes.txt"),
    ],
    ids=["added", "changed", "removed"],
)
def test_what_comes_in_at_the_moment_of_the_merge_is_never_tagged(hub, publisher, versions, change, said):
    first, _ = versions
    hub.create(REPO)
    hub.commit(REPO, {"notes.txt": b"notes"})
    hub.faults.add(Fault("/merge", "call", nth=1, call=lambda: hub.commit(REPO, change)))
    refused = publisher.refused(first)
    assert said in refused and "so it is not tagged; undo there what does not belong" in refused
    assert not hub.refs(REPO)["tags"] and pull_requests(hub) == {"1": "merged"}
    if added := [file for file in change if file.startswith("data/")]:
        assert added[0] in publisher.refused(first) and not hub.refs(REPO)["tags"]
        hub.commit(REPO, dict.fromkeys(added))
    publisher.publish(first)
    assert hub.refs(REPO)["tags"] == {"v1.0.0": hub.refs(REPO)["branches"]["main"]}
    assert not set(change) & set(hub.tree(REPO, "v1.0.0")) or "notes.txt" in change


def test_what_comes_in_with_a_merge_whose_answer_is_lost_is_not_tagged_either(hub, publisher, versions):
    first, _ = versions
    hub.create(REPO)
    hub.faults.add(Fault("/merge", "call", nth=1, call=lambda: hub.commit(REPO, {"notes.txt": b"notes"})))
    hub.faults.add(Fault("/merge", "drop_after", nth=1))
    assert "also holds notes.txt, so it is not tagged" in publisher.refused(first)
    assert not hub.refs(REPO)["tags"] and pull_requests(hub) == {"1": "merged"}


def test_what_others_commit_to_the_pull_request_is_not_merged(hub, publisher, versions):
    first, _ = versions
    hub.create(REPO)
    intrude = lambda: hub.commit(REPO, {"data/more.parquet": b"rows"}, revision="refs/pr/1")  # noqa: E731
    hub.faults.add(Fault("/commit/refs", "drop_after", nth=1))
    hub.faults.add(Fault("GET /api/datasets/org/sousa/revision/refs", "call", nth=1, call=intrude))
    refused = publisher.refused(first)
    assert "somebody else committed to pull request 1: it also holds data/more.parquet" in refused
    assert len(hub.commits(REPO)) == 1 and titles(hub)["1"].startswith(MARK)
    publisher.publish(first)
    assert whole(hub, "v1.0.0", first) and pull_requests(hub) == {"1": "closed", "2": "merged"}


def test_a_pull_request_that_was_asked_for_is_unfinished_until_its_last_part(versions, tmp_path):
    first, second = versions
    with Hub(tmp_path / "before") as hub:
        Publisher(hub, tmp_path / "cache").publish(first)
    shutil.copytree(tmp_path / "before", tmp_path / "trial")
    with Hub(tmp_path / "trial") as hub:
        hub.clear()
        Publisher(hub, tmp_path / "fresh", FEW).publish(second, "--create-pr")
        points = [f"{record.method} {record.path}" for record in hub.requests]
        assert titles(hub) == {"1": "Version 2.0.0"} and whole(hub, "refs/pr/1", second)
    begin = next(number for number, point in enumerate(points, 1) if "/commit/" in point)
    for number in range(begin, len(points) + 1):
        shutil.rmtree(tmp_path / "trial")
        shutil.copytree(tmp_path / "before", tmp_path / "trial")
        with Hub(tmp_path / "trial") as hub:
            publisher = Publisher(hub, tmp_path / f"cache{number}", FEW)
            publish_killed(hub, publisher, number, second, "--create-pr")
            for pull, title in titles(hub).items():
                assert title.startswith(MARK) or whole(hub, f"refs/pr/{pull}", second), points[number - 1]
            publisher.publish(second, "--create-pr")
            assert titles(hub) and set(titles(hub).values()) == {"Version 2.0.0"}, points[number - 1]
            assert all(whole(hub, f"refs/pr/{pull}", second) for pull in titles(hub))
            assert whole(hub, "main", first) and list(hub.refs(REPO)["tags"]) == ["v1.0.0"]


def test_a_fault_of_a_part_that_lasts_is_not_waited_for_twice(hub, publisher, versions):
    first, _ = versions
    hub.create(REPO)
    hub.faults.add(Fault("/commit/refs", "status", status=503, retry_after=0))
    assert "fault of its own (status 503)" in publisher.refused(first)
    assert len(hub.asked("/commit/refs")) == remote.ATTEMPTS and len(hub.commits(REPO)) == 1
    assert titles(hub)["1"].startswith(MARK)
    hub.faults.clear()
    publisher.publish(first)
    assert whole(hub, "v1.0.0", first) and pull_requests(hub) == {"1": "closed", "2": "merged"}


@pytest.mark.parametrize("where", ["/commit/main", "/commit/refs"])
def test_faults_do_not_leave_a_second_pull_request_open(hub, publisher, versions, where):
    first, _ = versions
    hub.create(REPO)
    hub.faults.add(Fault(where, "drop_after", nth=1))
    publisher.publish(first, "--create-pr")
    assert list(titles(hub).values()) == ["Version 1.0.0"] and not titles(hub, "merged")
    assert len(hub.discussions(REPO)) == (2 if where.endswith("main") else 1)


def test_only_what_a_stopped_publishing_of_the_same_left_is_closed(hub, publisher, versions):
    first, _ = versions
    hub.create(REPO)
    left = {
        MARK + "Version 1.0.0 in 7 commits": "closed",
        "Version 1.0.0 in 7 commits": "closed",
        "Version 1.0.0": "open",
        MARK + "Version 1.0.1 in 7 commits": "open",
        MARK + "Version 1.0.0 for next in 7 commits": "open",
        "Version 1.0.0 in 7 commits of another kind": "open",
    }
    operation = [("file", {"path": "notes.txt", "content": b"notes"})]
    with hub.store.lock:
        repository = hub.store.get("dataset", REPO)
        for title in left:
            repository.change("main", operation, title, "", "writer", pull=True)
        repository.change("main", operation, MARK + "Version 1.0.0 in 7 commits", "", "someone", pull=True)
    publisher.publish(first)
    assert list(pull_requests(hub).values()) == [*left.values(), "open", "merged"]


def test_the_account_is_asked_for_only_where_a_pull_request_is_to_be_judged(hub, publisher, versions):
    first, _ = versions
    publisher.publish(first)
    assert len(hub.asked("/api/whoami-v2")) == 1  # whether the token is one


def test_without_pull_requests_it_is_one_commit(hub, publisher, versions):
    first, second = versions
    hub.create(REPO)
    hub.allow_pull_requests(REPO, False)
    done = publisher("publish", first, REPO)
    assert done.returncode == 0, done.stderr_text
    assert "pull requests are switched off there" in done.stderr_text
    assert "or wait for one commit of" in done.stderr_text
    assert whole(hub, "v1.0.0", first) and len(hub.commits(REPO)) == 2 and not hub.discussions(REPO)
    hub.clear()
    said = publisher.refused(second, "--create-pr")
    assert "pull requests are switched off there" in said and "switch them on in its settings" in said
    assert whole(hub, "main", first) and hub.bytes_uploaded == 0
