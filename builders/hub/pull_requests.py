"""A release of more files than a commit takes: put together on a pull request, checked there, and merged.

Readers of the branch see none of it before the merge. Opening the pull request can't be repeated without
opening a second one; every other step is repeated alone when the Hub or the network fails, after a look at
what has arrived. Until its last part is there, the pull request is called unfinished. One that a killed
publishing has left is closed by the next publishing of that version to that branch: its files are sent by
then, and only committed anew.
"""

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sousa.builders.hub import plan, remote
from sousa.builders.release import layout, opened
from sousa.generation.corpus import Say
from sousa.generation.errors import RunError

MERGE_SEC = 60
_MARK = "Unfinished, do not merge: "
_ATTRIBUTES = ".gitattributes"  # the Hub writes there which files it keeps outside git


@dataclass(frozen=True)
class Job:
    """What is published where."""

    api: Any
    release: opened.Release
    repo: str
    branch: str
    what: plan.Plan
    say: Say

    @property
    def title(self) -> str:
        """Version, and the branch if it is not the usual one."""
        return f"Version {self.release.version}" + ("" if self.branch == "main" else f" for {self.branch}")

    def commit(self, message: str, operations: list[Any], parent: str | None, **where: Any) -> Any:
        """Make a commit on top of ``parent``."""
        lines = self.release.manifest["changelog"][-1]["lines"]
        return self.api.create_commit(
            self.repo, operations, commit_message=message, parent_commit=parent, repo_type="dataset",
            commit_description="\n".join(f"- {line}" for line in lines), **where,
        )  # fmt: skip

    def head(self, revision: str) -> str:
        """The commit that a branch or pull request is at."""
        return self.api.dataset_info(self.repo, revision=revision).sha

    def listed(self) -> Iterator[Any]:
        """Pull requests of the repository, newest first."""
        return self.api.get_repo_discussions(self.repo, repo_type="dataset", discussion_type="pull_request")

    def pull_request(self, number: int) -> Any:
        """A pull request as it is now."""
        for pull in self.listed():
            if pull.num == number:
                return pull
        raise remote.TransientError(f"publishing {self.repo}: the Hub does not list pull request {number}")

    def again(self, step: Callable[[], Any], *beyond: type[remote.TransientError]) -> Any:
        """Do a step that can be repeated alone."""
        return remote.patiently(step, self.repo, self.say, beyond)


def close_unfinished(job: Job) -> None:
    """Close pull requests of this version to this branch whose publishing was stopped.

    Raises: TransientError, PullRequestsOff or RunError.
    """
    ours = re.compile(f"(?:{_MARK})?{re.escape(job.title)} in \\d+ commits")
    with remote.hub_errors(job.repo, "publishing"):
        left = [p for p in job.listed() if p.status in ("open", "draft") and ours.fullmatch(p.title)]
        user = job.api.whoami()["name"] if left else None
        for pull in left:
            if pull.author == user:
                job.api.change_discussion_status(job.repo, pull.num, "closed", repo_type="dataset")


def publish(job: Job, parts: list[list[Any]], create_pr: bool) -> tuple[str, str | None]:
    """Show files that are sent: ``(commit, address of the pull request if it is to stay open)``.

    Args:
        parts: operations of each commit.
        create_pr: leave the pull request open.

    Raises: TransientError or RunError; the branch is then as it was, or holds the release.
    """
    title = f"{job.title} in {len(parts)} commits"
    pull = _open(job, _MARK + title, parts[0])
    last = _add_parts(job, pull, parts)
    files = job.again(partial(plan.check_whole, job.api, job.release, job.repo, last))
    _check_others(job, pull.pr_num, files)
    job.again(partial(_finish, job, pull.pr_num, job.title if create_pr else title))
    if create_pr:
        return last, pull.pr_url
    merged = _merge(job, pull.pr_num)
    _check_merged(job, job.again(partial(plan.contents, job.api, job.repo, merged)), files, merged)
    return merged, None


def _open(job: Job, title: str, part: list[Any]) -> Any:
    """Open the pull request with the first part."""
    with remote.hub_errors(job.repo, "publishing"):
        pull = job.commit(title, part, job.what.commit, revision=job.branch, create_pr=True)
    if pull.pr_num is None:  # the client makes no commit of what is there by now
        raise remote.Changed(f"publishing {job.repo}: somebody else changed it in the meantime")
    return pull


def _add_parts(job: Job, pull: Any, parts: list[list[Any]]) -> str:
    """Commit the other parts; returns the last commit."""
    last = pull.oid
    for number, part in enumerate(parts[1:], 2):
        job.say(f"{job.repo}: pull request {pull.pr_num} has {number - 1} of {len(parts)} commits")
        message = f"Version {job.release.version}, part {number} of {len(parts)}"
        last = job.again(_Part(job, pull.pr_revision, message, part, last))
    return last


class _Part:
    """The commit of one part: made once, also when its answer is lost."""

    def __init__(self, job: Job, revision: str, message: str, part: list[Any], parent: str) -> None:
        self.job, self.revision, self.message, self.part, self.parent = job, revision, message, part, parent
        self.tried = False

    def __call__(self) -> str:
        if self.tried and (head := self.job.head(self.revision)) != self.parent:
            return head
        self.tried = True
        return self.job.commit(self.message, self.part, self.parent, revision=self.revision).oid


def _finish(job: Job, number: int, title: str) -> None:
    """Have the page of the pull request say that it is whole."""
    pull = job.pull_request(number)
    if pull.status == "draft":
        job.api.change_discussion_status(job.repo, number, "open", repo_type="dataset")
    if pull.title != title:
        job.api.rename_discussion(job.repo, number, title, repo_type="dataset")


def _merge(job: Job, number: int) -> str:
    """Merge into a branch that is still what was built on; returns the new commit."""

    def step() -> None:
        if job.pull_request(number).status == "merged":  # the answer was lost
            return
        if job.head(job.branch) != job.what.commit:
            raise remote.Changed(f"publishing {job.repo}: somebody else changed it in the meantime")
        job.api.merge_pull_request(job.repo, number, repo_type="dataset")

    job.again(step, remote.Changed)
    deadline = time.monotonic() + MERGE_SEC
    while True:  # the Hub may answer before it has merged
        done = job.again(partial(job.pull_request, number)).status == "merged"
        merged = job.again(partial(job.head, job.branch))
        if done and merged != job.what.commit:
            return merged
        if time.monotonic() > deadline:
            raise remote.TransientError(
                f"publishing {job.repo}: the Hub has not merged pull request {number}"
            )
        time.sleep(1)


def _check_others(job: Job, number: int, files: Mapping[str, str]) -> None:
    """Look whether a pull request leaves all files alone that are not of the release."""
    ours = {*job.release.manifest["files"], layout.MANIFEST}
    others = {file: content for file, content in files.items() if file not in ours}
    if said := _differences(job.what.kept, others, {_ATTRIBUTES}):
        raise RunError(
            f"{job.repo}: somebody else committed to pull request {number}: it {said}; nothing was merged; "
            "run it again"
        )


def _check_merged(job: Job, files: Mapping[str, str], planned: Mapping[str, str], commit: str) -> None:
    """Look whether what was merged is what the pull request held: a tag never moves."""
    if said := _differences(planned, files):
        raise RunError(
            f"{job.repo}: somebody else changed {job.branch} while the release was merged: commit "
            f"{commit[:12]} {said}, so it is not tagged; undo there what does not belong to the release "
            f"('hf repos delete-files {job.repo} FILE --repo-type dataset'), then publish it again, which "
            "takes moments"
        )


def _differences(planned: Mapping[str, str], files: Mapping[str, str], but: Collection[str] = ()) -> str:
    """How files of a commit differ from what was planned, as the end of a sentence; empty if they do not."""
    here, there = files.keys() - {*but}, planned.keys() - {*but}
    groups = {
        "also holds": here - there,
        "lacks": there - here,
        "holds with other content": {file for file in here & there if files[file] != planned[file]},
    }
    return ", ".join(
        f"{verb} {', '.join(sorted(names)[:5])}{' and more' if len(names) > 5 else ''}"
        for verb, names in groups.items() if names
    )  # fmt: skip
