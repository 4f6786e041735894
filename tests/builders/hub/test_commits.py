"""Releases of more files than a commit takes: several commits, of which no reader of a branch sees any."""

import shutil

import pytest

from sousa.builders.hub import commits
from sousa.builders.release import make, opened
from sousa.generation.errors import UsageError
from tests.builders.hub.conftest import FEW
from tests.support.hub import Fault, Hub, repository
from tests.support.publishing import REPO, Publisher, whole
from tests.support.releases import release


def published(hub):
    """Requests for commits that were answered."""
    return [record for record in hub.asked("/commit/") if record.status == 200]


def pull_requests(hub):
    """Status of each pull request, by number."""
    return {number: about["status"] for number, about in hub.discussions(REPO).items()}


def publish_killed(hub, publisher, number, made, *options):
    """Publish, and kill the publisher when the request of this number is handled."""
    hub.faults.add(Fault(kind="kill_after", number=number))
    process = publisher.start("publish", made, REPO, "-q", *options)
    hub.client_pid = process.pid
    process.communicate(timeout=600)
    assert process.returncode == -9, number
    hub.faults.clear()
    hub.clear()


def test_several_commits_are_one_to_readers_of_the_branch(hub, publisher, versions):
    first, second = versions
    done = publisher("publish", first, REPO)
    assert done.returncode == 0 and "pull request 1 has 1 of " in done.stderr_text, done.stderr_text
    assert len(published(hub)) > 2 and pull_requests(hub) == {"1": "merged"}
    log = hub.commits(REPO)
    assert len(log) == 2 and log[0].title == f"Version 1.0.0 in {len(published(hub))} commits (#1)"
    assert whole(hub, "main", first) and hub.refs(REPO)["tags"] == {"v1.0.0": log[0].id}
    publisher.publish(second)
    assert whole(hub, "main", second) and whole(hub, "v2.0.0", second) and whole(hub, "v1.0.0", first)
    assert len(hub.commits(REPO)) == 3
    hub.clear()
    assert "nothing to do" in publisher("publish", second, REPO).stderr_text and not published(hub)


def test_killed_at_every_request_readers_see_a_whole_release(versions, tmp_path):
    first, second = versions
    with Hub(tmp_path / "before") as hub:
        Publisher(hub, tmp_path / "cache").publish(first)
    shutil.copytree(tmp_path / "before", tmp_path / "trial")
    with Hub(tmp_path / "trial") as hub:
        hub.clear()
        Publisher(hub, tmp_path / "fresh", FEW).publish(second)
        points = [f"{record.method} {record.path}" for record in hub.requests]
    # before the first commit nothing differs from a publishing in one
    begin = next(number for number, point in enumerate(points, 1) if "/commit/" in point)
    for number in range(begin, len(points) + 1):
        shutil.rmtree(tmp_path / "trial")
        shutil.copytree(tmp_path / "before", tmp_path / "trial")
        with Hub(tmp_path / "trial") as hub:
            publisher = Publisher(hub, tmp_path / f"cache{number}", FEW)
            publish_killed(hub, publisher, number, second)
            assert whole(hub, "v1.0.0", first)
            assert whole(hub, "main", first) or whole(hub, "main", second), points[number - 1]
            publisher.publish(second)
            assert whole(hub, "main", second) and whole(hub, "v2.0.0", second) and whole(hub, "v1.0.0", first)
            assert hub.refs(REPO)["tags"]["v2.0.0"] == hub.refs(REPO)["branches"]["main"]
            assert len(hub.commits(REPO)) == 3 and hub.bytes_uploaded == 0
            statuses = list(pull_requests(hub).values())
            assert statuses[-1] == "merged" and set(statuses[:-1]) <= {"closed"}, points[number - 1]


@pytest.mark.parametrize(
    ("fault", "opened"),
    [
        (Fault("/commit/main", "drop_after", nth=1), 2),
        (Fault("/commit/refs", "status", nth=2, status=504), 1),
        (Fault("/commit/refs", "drop_after", nth=1), 1),
        (Fault("GET .*/tree/", "status", nth=2, status=503), 1),
        (Fault("/title", "drop_after", nth=1), 1),
        (Fault("/merge", "drop_before", nth=1), 1),
        (Fault("/merge", "drop_after", nth=1), 1),
        (Fault("/merge", "status", nth=1, status=409), 2),
    ],
    ids=lambda value: f"{value.match} {value.kind}" if isinstance(value, Fault) else "",
)
def test_passing_faults_are_waited_out(hub, publisher, versions, fault, opened):
    """Only what can't be repeated alone is begun anew, on a second pull request."""
    first, _ = versions
    hub.faults.add(fault)
    done = publisher("publish", first, REPO)
    assert done.returncode == 0 and fault.struck == 1, done.stderr_text
    assert whole(hub, "main", first) and whole(hub, "v1.0.0", first) and len(hub.commits(REPO)) == 2
    assert list(pull_requests(hub).values()) == ["closed"] * (opened - 1) + ["merged"]
    parts = hub.discussions(REPO)[str(opened)]["title"].split()[-2]
    made = [record for record in hub.asked("/commit/refs%2Fpr%2F") if f"pr%2F{opened}" in record.path]
    resent = fault.match == "/commit/refs" and fault.kind == "status"
    assert len(made) == int(parts) - 1 + resent  # what arrived is not committed again


def test_what_somebody_else_commits_meanwhile_is_seen(hub, publisher, versions):
    first, _ = versions
    hub.create(REPO)
    note = Fault("/commit/refs", "call", nth=1, call=lambda: hub.commit(REPO, {"notes.txt": b"of someone"}))
    hub.faults.add(note)
    done = publisher("publish", first, REPO)
    assert done.returncode == 0 and "somebody else changed it in the meantime" in done.stderr_text
    assert hub.read(REPO, "v1.0.0", "notes.txt") == b"of someone"
    assert pull_requests(hub) == {"1": "closed", "2": "merged"}


def test_pull_requests_of_others_are_left_alone(hub, publisher, versions):
    first, second = versions
    publisher.publish(first)
    publisher.publish(second, "--create-pr")
    assert whole(hub, "refs/pr/2", second) and whole(hub, "main", first)
    publisher.publish(second)
    assert pull_requests(hub) == {"1": "merged", "2": "open", "3": "merged"}


def test_another_branch_gets_one_commit_too(hub, publisher, versions):
    first, second = versions
    publisher.publish(first)
    main = hub.refs(REPO)["branches"]["main"]
    publisher.publish(second, "--revision", "next")
    assert whole(hub, "next", second) and len(hub.commits(REPO, "next")) == 3
    assert hub.refs(REPO)["branches"]["main"] == main and pull_requests(hub) == {"1": "merged", "2": "merged"}


def test_groups_that_are_sent_together_are_bounded(versions, monkeypatch):
    made = opened.read(versions[0])
    files = sorted(made.manifest["files"])
    largest = max(commits.size_of(made, [file]) for file in files)
    monkeypatch.setattr(commits, "BATCH_BYTES", 2 * largest)
    monkeypatch.setattr(commits, "BATCH_FILES", 3)
    groups = list(commits.batches(made, files))
    assert [file for group in groups for file in group] == files and len(groups) > 1
    assert all(len(group) <= 3 and commits.size_of(made, group) <= 2 * largest for group in groups)


def test_a_folder_that_the_hub_would_refuse_is_refused_before_anything_is_made(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(make, "MAX_FOLDER_FILES", 1)
    with pytest.raises(UsageError, match=r"shards for the folder data/\w+/train; the Hub takes at most 1 "):
        release(tiny, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_what_the_hub_refuses_before_a_merge_leaves_the_branch_as_it_was(
    hub, publisher, versions, monkeypatch
):
    first, second = versions
    publisher.publish(first)
    monkeypatch.setattr(repository, "FOLDER_FILES", 1)
    assert "Too many files per directory" in publisher.refused(second)
    assert whole(hub, "main", first) and list(hub.refs(REPO)["tags"]) == ["v1.0.0"]
