"""How the files of a release come into a repository: sent first, then shown by one commit of the branch.

The Hub looks at every file of a commit before it answers, gives up after a minute, and advises fewer than a
hundred files a commit. A release that changes more is put together on a pull request, in several commits, and
merged when it is whole: to readers of the branch that is one commit too.

Source of the limits: https://huggingface.co/docs/hub/storage-limits
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sousa.builders.hub import plan, remote
from sousa.builders.release import opened
from sousa.generation.console import Console
from sousa.generation.errors import RunError

BATCH_BYTES, BATCH_FILES = 256 << 20, 64
COMMIT_FILES = 99
MERGE_SEC = 60
MAX_SMALL_FILE = 10 << 20
BYTES: dict[str, Any] = {"unit": "B", "unit_scale": True}
_UNFINISHED = re.compile(r"Version \d+\.\d+\.\d+ in \d+ commits")


def size_of(release: opened.Release, files: Iterable[str]) -> int:
    """Bytes of files of a release."""
    return sum((Path(release.where) / file).stat().st_size for file in files)


def large_of(release: opened.Release, files: Iterable[str]) -> list[str]:
    """Files that the Hub stores in pieces, each once, and not in git."""
    return [f for f in files if f.endswith(".parquet") or size_of(release, [f]) > MAX_SMALL_FILE]


def batches(release: opened.Release, files: Sequence[str]) -> Iterator[list[str]]:
    """Files in groups that are sent together."""
    group: list[str] = []
    size = 0
    for file in files:
        more = size_of(release, [file])
        if group and (len(group) == BATCH_FILES or size + more > BATCH_BYTES):
            yield group
            group, size = [], 0
        group.append(file)
        size += more
    if group:
        yield group


def commit(
    api: Any, release: opened.Release, repo: str, branch: str, create_pr: bool, what: plan.Plan,
    console: Console,
) -> tuple[str, str | None]:  # fmt: skip
    """Send files, then show them: ``(commit, address of the pull request that was asked for, or None)``.

    Raises: TransientError or RunError; the branch is then as it was, or holds the release.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    adds = {file: CommitOperationAdd(file, str(Path(release.where) / file)) for file in what.add}
    _send(api, release, repo, adds, console.progress, revision=branch, create_pr=create_pr)
    operations = [*adds.values(), *(CommitOperationDelete(file) for file in what.delete)]
    parts = [operations[at : at + COMMIT_FILES] for at in range(0, len(operations), COMMIT_FILES)]
    title = f"Version {release.version}"
    about = {
        "repo_type": "dataset",
        "commit_description": "\n".join(f"- {line}" for line in release.manifest["changelog"][-1]["lines"]),
    }
    several = len(parts) > 1
    if several and not create_pr:
        _close_unfinished(api, repo)
        title += f" in {len(parts)} commits"
    try:
        with remote.hub_errors(repo, "publishing"):
            first = api.create_commit(
                repo, parts[0], commit_message=title, parent_commit=what.commit, revision=branch,
                create_pr=create_pr or several, **about,
            )  # fmt: skip
            last = first
            for number, part in enumerate(parts[1:], 2):
                console.say(f"{repo}: pull request {first.pr_num} has {number - 1} of {len(parts)} commits")
                message = f"Version {release.version}, part {number} of {len(parts)}"
                last = api.create_commit(
                    repo, part, commit_message=message, parent_commit=last.oid, revision=first.pr_revision,
                    **about,
                )  # fmt: skip
    except remote.TransientError as error:
        if create_pr:  # trying again could open a second one
            raise RunError(f"{error}; see on its page whether the pull request was opened") from None
        raise
    if create_pr or not several:
        return last.oid, first.pr_url if create_pr else None
    check_whole(api, release, repo, last.oid)  # before anybody sees it
    return _merge(api, repo, branch, first.pr_num, what.commit), None


def check_whole(api: Any, release: opened.Release, repo: str, commit: str) -> None:
    """Look whether a commit holds every file of a release.

    Raises: RunError.
    """
    if wrong := plan.differing(release, plan.contents(api, repo, commit)):
        raise RunError(
            f"{repo} at commit {commit[:12]} does not hold {', '.join(wrong[:5])} as the release "
            "does, so it is not tagged; the release changed while it was sent, or the Hub left files out; "
            "run it again"
        )


def _send(
    api: Any, release: opened.Release, repo: str, adds: dict[str, Any], progress: Any, **where: Any
) -> None:
    """Send large files, which no reader sees before they are committed."""
    large = large_of(release, adds)
    with progress("sending", size_of(release, large), **BYTES) as done:
        for group in batches(release, large):
            api.preupload_lfs_files(
                repo, [adds[file] for file in group], repo_type="dataset", free_memory=False, **where
            )
            done(size_of(release, group))
    for file, add in adds.items():  # files of a release may be links to a dataset that changed
        info, entry = add.upload_info, release.manifest["files"].get(file)
        if entry and info.is_hashed and info.sha256.hex() != entry["sha256"]:
            raise RunError(f"{release.where}/{file} changed while it was sent; nothing was published")


def _pull_requests(api: Any, repo: str) -> list[Any]:
    """Pull requests that are neither merged nor closed."""
    listed = api.get_repo_discussions(repo, repo_type="dataset", discussion_type="pull_request")
    return [pull for pull in listed if pull.status in ("open", "draft")]


def _close_unfinished(api: Any, repo: str) -> None:
    """Close pull requests of a publishing that was stopped: what they hold is sent, and committed anew."""
    user = api.whoami()["name"]
    for pull in _pull_requests(api, repo):
        if pull.author == user and _UNFINISHED.fullmatch(pull.title):
            api.change_discussion_status(repo, pull.num, "closed", repo_type="dataset")


def _merge(api: Any, repo: str, branch: str, number: int, before: str | None) -> str:
    """Merge a pull request into a branch that is still at the commit ``before``; returns the new one."""

    def head() -> str:
        return api.dataset_info(repo, revision=branch).sha

    if any(pull.num == number and pull.status == "draft" for pull in _pull_requests(api, repo)):
        api.change_discussion_status(repo, number, "open", repo_type="dataset")
    if head() != before:
        raise remote.TransientError(f"publishing {repo}: somebody else changed it in the meantime")
    api.merge_pull_request(repo, number, repo_type="dataset")
    deadline = time.monotonic() + MERGE_SEC
    while (merged := head()) == before:  # the Hub may answer before it has merged
        if time.monotonic() > deadline:
            raise remote.TransientError(f"publishing {repo}: the Hub has not merged pull request {number}")
        time.sleep(1)
    return merged
