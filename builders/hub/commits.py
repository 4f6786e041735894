"""How the files of a release come into a repository: sent first, then shown by one commit of the branch.

The Hub looks at every file of a commit before it answers, gives up after a minute, and advises fewer than a
hundred files a commit. A release that changes more goes through a pull request (:mod:`pull_requests`), unless
the repository has those switched off: then it is one commit all the same, which the Hub may answer late.

Source of the limits: https://huggingface.co/docs/hub/storage-limits
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sousa.builders.hub import plan, pull_requests, remote
from sousa.builders.release import opened
from sousa.generation.console import Console
from sousa.generation.errors import RunError
from sousa.generation.text import counted

BATCH_BYTES, BATCH_FILES = 256 << 20, 64
COMMIT_FILES = 99
MAX_SMALL_FILE = 10 << 20
BYTES: dict[str, Any] = {"unit": "B", "unit_scale": True}


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
    operations = [*adds.values(), *(CommitOperationDelete(file) for file in what.delete)]
    parts = [operations[at : at + COMMIT_FILES] for at in range(0, len(operations), COMMIT_FILES)]
    job = pull_requests.Job(api, release, repo, branch, what, console.say)
    if create_pr or len(parts) > 1:  # before anything is sent
        try:
            pull_requests.close_unfinished(job)
        except remote.PullRequestsOff as error:
            if create_pr:
                raise
            console.say(f"{error}, or wait for one commit of {counted(len(operations), 'change')}")
            parts = [operations]
    _send(api, release, repo, adds, console.progress, revision=branch, create_pr=create_pr)
    if len(parts) > 1:
        return pull_requests.publish(job, parts, create_pr)
    try:
        with remote.hub_errors(repo, "publishing"):
            made = job.commit(
                f"Version {release.version}", operations, what.commit, revision=branch, create_pr=create_pr
            )
    except remote.TransientError as error:
        if create_pr:  # trying again could open a second one
            raise RunError(f"{error}; see on its page whether the pull request was opened") from None
        raise
    return made.oid, made.pr_url if create_pr else None


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
