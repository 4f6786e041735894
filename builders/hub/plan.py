"""What publishing a release takes: what to send and delete, or why it must not be.

Decided from three things alone: the release, the repository as it is at one commit, and its tags.
So it can be decided again after any failure, and an interrupted publishing goes on by starting anew.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sousa.builders.hub import remote
from sousa.builders.release import layout, opened, versions
from sousa.builders.release.compare import compare
from sousa.generation.errors import RunError
from sousa.generation.outside import MANIFEST_BYTES, YAML_BYTES, read
from sousa.generation.storage import file_digest


@dataclass(frozen=True)
class State:
    """A repository at one moment."""

    exists: bool = False
    private: bool = False
    commit: str | None = None  # head of the branch, None without such a branch
    files: dict[str, str] = field(default_factory=dict)  # of it, to SHA-256 (large ones) or git object id
    tags: dict[str, str] = field(default_factory=dict)  # to commits


@dataclass(frozen=True)
class Plan:
    """What is to be done."""

    add: list[str]  # files to send, in order
    delete: list[str]  # files to remove
    commit: str | None  # that it builds on, None for a new repository
    published: str | None  # commit of the tag, when that is there and holds this very release
    last: opened.Release | None  # the release before
    edited: bool = False  # whether the card was edited on the Hub after the last release
    kept: dict[str, str] = field(default_factory=dict)  # other files that stay, as in State.files


def look(api: Any, repo: str, branch: str) -> State:
    """The State of a repository's branch.

    Raises: RunError.
    """
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    with remote.hub_errors(repo, "reading"):
        try:
            refs = api.list_repo_refs(repo, repo_type="dataset")
        except RepositoryNotFoundError:
            return State()
        tags = {ref.name: ref.target_commit for ref in refs.tags}
        try:
            info = api.dataset_info(repo, revision=branch)
        except RevisionNotFoundError:
            return State(True, bool(api.dataset_info(repo).private), tags=tags)
        return State(True, bool(info.private), info.sha, contents(api, repo, info.sha), tags)


def contents(api: Any, repo: str, commit: str) -> dict[str, str]:
    """Files of a commit: dict of name to SHA-256, or git object id for small ones."""
    entries = api.list_repo_tree(repo, repo_type="dataset", revision=commit, recursive=True)
    return {e.path: (e.lfs.sha256 if e.lfs else e.blob_id) for e in entries if hasattr(e, "blob_id")}


def content_id(release: opened.Release, file: str, like: str) -> str:
    """SHA-256 of a file of a release, or its git object id, whichever kind ``like`` is."""
    path, entry = Path(release.where) / file, release.manifest["files"].get(file)
    if len(like) == 64:
        return entry["sha256"] if entry else file_digest(path)
    data = read(path, MANIFEST_BYTES)
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def differing(release: opened.Release, files: Mapping[str, str]) -> list[str]:
    """Files of a release that a commit does not hold with this content, in order of names."""
    wanted = [*release.manifest["files"], layout.MANIFEST]
    return sorted(f for f in wanted if f not in files or files[f] != content_id(release, f, files[f]))


def check_whole(api: Any, release: opened.Release, repo: str, commit: str) -> dict[str, str]:
    """Look whether a commit holds every file of a release; its files, as ``contents`` has them.

    Raises: RunError.
    """
    files = contents(api, repo, commit)
    if wrong := differing(release, files):
        raise RunError(
            f"{repo} at commit {commit[:12]} does not hold {', '.join(wrong[:5])} as the release "
            "does, so it is not tagged; the release changed while it was sent, or the Hub left files out; "
            "run it again"
        )
    return files


def make(api: Any, release: opened.Release, repo: str, state: State, main: bool = True) -> Plan:
    """The Plan for a release; branches that are not ``main`` have no tags of their own.

    Raises: RunError naming why the release must not be published.
    """
    if tagged := state.tags.get(f"v{release.version}"):
        with remote.hub_errors(repo, "reading"):
            there = contents(api, repo, tagged)
        if differing(release, there):
            raise RunError(
                f"{repo} has version {release.version} already, with other content, and a tag never moves; "
                f"make this release with a new --version and --previous {repo}"
            )
        if main:
            return Plan([], [], state.commit, tagged, None)
    head = _head(api, repo, state)
    if main and head and head.version != release.version and f"v{head.version}" not in state.tags:
        raise RunError(
            f"{repo} holds version {head.version} without its tag: publishing it was interrupted; publish "
            "that release again first, which takes moments"
        )
    tags = {version: tag for tag in state.tags if (version := versions.of_tag(tag))}
    last = opened.on_hub(repo, tags[max(tags)], api.token) if tags and not tagged else None
    if last:
        _refuse_wrong_version(release, last, repo)
    stale, edited = _stale(api, release, state, [known for known in (last, head) if known], repo)
    gone = {*release.manifest["files"], layout.MANIFEST, *stale}
    kept = {file: content for file, content in state.files.items() if file not in gone}
    return Plan(differing(release, state.files), stale, state.commit, None, last, edited, kept)


def _head(api: Any, repo: str, state: State) -> opened.Release | None:
    if layout.MANIFEST not in state.files:
        return None
    try:
        return opened.on_hub(repo, state.commit, api.token)
    except remote.TransientError:
        raise
    except RunError:
        return None  # somebody else's manifest.json


def _refuse_wrong_version(release: opened.Release, last: opened.Release, repo: str) -> None:
    if versions.parse(release.version) <= versions.parse(last.version):
        raise RunError(
            f"{repo} is at version {last.version}; {release.version} is not after it; make the release again "
            f"with --previous {repo}"
        )
    corpus, last_corpus = release.manifest["corpus"], last.manifest["corpus"]
    if corpus != last_corpus:
        raise RunError(f"{repo} holds {last_corpus}, this is a release of {corpus}")
    if release.manifest["previous"] != last.version:
        raise RunError(
            f"the last release of {repo} is {last.version}, but this one was made after "
            f"{release.manifest['previous'] or 'none'}, so its changelog would lose that; make it again with "
            f"--previous {repo}"
        )
    with remote.hub_errors(repo, "reading"):
        changes = compare(last, release)
    if problem := versions.problem(release.version, changes, last.version):
        raise RunError(problem)


def _stale(
    api: Any, release: opened.Release, state: State, before: Sequence[opened.Release], repo: str
) -> tuple[list[str], bool]:
    """What to do with files there: ``(files to remove, whether the card was edited)``.

    Files that are not of the releases ``before`` are kept, or refused when they are in the way.
    """
    ours = {*release.manifest["files"], layout.MANIFEST}
    theirs = {file for known in before for file in (*known.manifest["files"], layout.MANIFEST)}
    in_the_way = {f"{repo.split('/')[1]}.py", ".gitignore", ".huggingface.yaml", "dataset_infos.json", *ours}
    card = b""
    if layout.CARD in state.files:
        with remote.hub_errors(repo, "reading"):
            path = api.hf_hub_download(repo, layout.CARD, repo_type="dataset", revision=state.commit)
        card = read(path, YAML_BYTES)
    text = card.decode(errors="replace")
    if not (text.split("---", 2)[-1] if text.startswith("---") else text).strip():
        in_the_way.discard(layout.CARD)  # it says nothing: the Hub makes such a card for a new repository
    strangers = [file for file in state.files if file not in theirs]
    wrong = [file for file in strangers if file.startswith("data/") or file in in_the_way]
    if wrong:
        raise RunError(
            f"{repo} holds {', '.join(wrong[:5])}{' and more' if len(wrong) > 5 else ''}, which no release "
            "put there and which would be overwritten, or loaded with it, or keep it from loading; delete it "
            f"there first ('hf repos delete-files {repo} FILE --repo-type dataset') or choose another "
            "repository"
        )
    cards = {known.manifest["files"].get(layout.CARD, {}).get("sha256") for known in before}
    edited = bool(before) and layout.CARD in state.files and hashlib.sha256(card).hexdigest() not in cards
    return sorted(file for file in state.files if file in theirs - ours), edited
