"""What publishing a release takes: what to send and delete, or why it must not be.

Decided from three things alone: the release, the repository as it is at one commit, and its tags.
So it can be decided again after any failure, and an interrupted publishing goes on by starting anew.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from builders.hub import remote
from builders.release import layout, versions
from builders.release.compare import compare
from generation.errors import RunError


@dataclass(frozen=True)
class State:
    """A repository at one moment.

    Attributes:
        commit: head of the branch, or None when there is no such repository or branch.
        files: dict of file at that commit to the SHA-256 (large files) or git object id of its content.
        tags: dict of tag to commit.
        private: whether it is.
        exists: whether there is such a repository.
    """

    commit: str | None
    files: dict
    tags: dict
    private: bool
    exists: bool


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        add: files to send, in order; delete: files to remove; both may be empty.
        commit: commit it builds on, or None for a new repository.
        published: the tag is there already and holds this very release.
        last: the release before, or None.
    """

    add: list
    delete: list
    commit: str | None
    published: bool
    last: object


def look(api, repo, branch):
    """The State of a repository's branch.

    Raises: RunError.
    """
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    with remote.hub_errors(repo, "reading"):
        try:
            refs = api.list_repo_refs(repo, repo_type="dataset")
        except RepositoryNotFoundError as error:
            if error.response.status_code == 401 and api.token is not None:
                raise
            return State(None, {}, {}, False, False)
        tags = {ref.name: ref.target_commit for ref in refs.tags}
        try:
            info = api.dataset_info(repo, revision=branch)
        except RevisionNotFoundError:
            info = api.dataset_info(repo)
            return State(None, {}, tags, bool(info.private), True)
        return State(info.sha, contents(api, repo, info.sha), tags, bool(info.private), True)


def contents(api, repo, commit):
    """Files of a commit: dict of name to SHA-256, or git object id for small ones."""
    entries = api.list_repo_tree(repo, repo_type="dataset", revision=commit, recursive=True)
    return {e.path: (e.lfs.sha256 if e.lfs else e.blob_id) for e in entries if hasattr(e, "blob_id")}


def git_id(path):
    """Git's object id of a file's content."""
    data = Path(path).read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def differing(release, files):
    """Files of a release that a commit does not hold with this content, in order of names."""
    wanted = dict.fromkeys([*release.manifest["files"], layout.MANIFEST])
    out = []
    for file in wanted:
        path, there = Path(release.where) / file, files.get(file)
        fact = release.manifest["files"].get(file)
        if there is None or (there != (fact or {}).get("sha256") and there != git_id_of(path, there)):
            out.append(file)
    return sorted(out)


def git_id_of(path, like):
    """The git object id of a file if ``like`` is one; large files are named by SHA-256 instead."""
    return git_id(path) if len(like) == 40 else None


def make(api, release, repo, state):
    """The Plan for a release.

    Raises: RunError naming why the release must not be published.
    """
    version = release.version
    tag = f"v{version}"
    if tag in state.tags:
        with remote.hub_errors(repo, "reading"):
            there = contents(api, repo, state.tags[tag])
        if differing(release, there):
            raise RunError(
                f"{repo} has version {version} already, with other content, and a tag never moves; make this "
                f"release with a new --version and --previous {repo}"
            )
        return Plan([], [], state.commit, True, None)
    _refuse_untagged(api, release, repo, state)
    last = _last(api, repo, state)
    if last:
        _refuse_wrong_version(release, last, repo)
    stale = _stale(release, state, last, repo)
    return Plan(differing(release, state.files), stale, state.commit, False, last)


def _last(api, repo, state):
    """The newest release of a repository, or None."""
    tags = {versions.of_tag(tag): tag for tag in state.tags if versions.of_tag(tag)}
    return remote.release(repo, tags[max(tags)], api.token) if tags else None


def _refuse_untagged(api, release, repo, state):
    """A release that was committed but never tagged has to be finished before another one follows."""
    if layout.MANIFEST not in state.files or state.commit in state.tags.values():
        return
    there = remote.release(repo, state.commit, api.token)
    if there.version != release.version and f"v{there.version}" not in state.tags:
        raise RunError(
            f"{repo} holds version {there.version} without its tag: publishing it was interrupted; publish "
            "that release again first, which takes moments"
        )


def _refuse_wrong_version(release, last, repo):
    if versions.parse(release.version) <= versions.parse(last.version):
        raise RunError(
            f"{repo} is at version {last.version}; {release.version} is not after it; make the release again "
            f"with --previous {repo}"
        )
    if release.manifest["corpus"] != last.manifest["corpus"]:
        raise RunError(
            f"{repo} holds {last.manifest['corpus']}, this is a release of {release.manifest['corpus']}"
        )
    if release.manifest["previous"] != last.version:
        raise RunError(
            f"the last release of {repo} is {last.version}, but this one was made after "
            f"{release.manifest['previous'] or 'none'}, so its changelog would lose that; make it again with "
            f"--previous {repo}"
        )
    problem = versions.problem(release.version, compare(last, release), last.version)
    if problem:
        raise RunError(problem)


def _stale(release, state, last, repo):
    """Files of the last release to remove; files that no release put there are in the way or kept."""
    ours = {*release.manifest["files"], layout.MANIFEST}
    theirs = set(last.manifest["files"]) if last else set()
    name = repo.split("/")[1]
    strangers = [file for file in state.files if file not in ours | theirs]
    wrong = [f for f in strangers if f.startswith("data/") or f == f"{name}.py"]
    if wrong:
        raise RunError(
            f"{repo} holds {', '.join(wrong[:5])}{' and more' if len(wrong) > 5 else ''}, which no release "
            "put there and which would be loaded with it or keep it from loading; delete it there first "
            f"('hf repos delete-files {repo} FILE --repo-type dataset') or choose another repository"
        )
    return sorted(file for file in state.files if file in theirs - ours)
