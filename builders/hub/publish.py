"""Publishing: files are sent first, seen by nobody; then one commit; then the tag.

Whatever fails or kills it at whatever moment, a reader of the branch or of a tag sees a whole
release: the old one or the new one. Publishing again looks at what is there and does the rest.
"""

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sousa.builders.hub import dedup, plan, remote
from sousa.builders.release import check, layout, opened, versions
from sousa.generation.console import Console
from sousa.generation.corpus import Say
from sousa.generation.errors import RunError, UsageError, raise_all
from sousa.generation.text import counted, one_line

BATCH_BYTES, BATCH_FILES = 256 << 20, 64
ATTEMPTS = 5
FIRST_WAIT_SEC = 1.0
MAX_SMALL_FILE = 10 << 20
MAX_COUNTED_BYTES = 4 << 30  # above, counting what deduplication saves would take minutes and the disk
_BRANCH = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")
_BYTES = {"unit": "B", "unit_scale": True}


def publish(
    directory: str | Path, repo: str, private: bool, branch: str, create_pr: bool,
    redistribute: Collection[str], token: str | None, console: Console,
) -> dict[str, Any]:  # fmt: skip
    """Publish a release, or finish publishing it; arguments as for :func:`sousa.builders.api.publish`.

    Raises: UsageError or RunError; readers then see what they saw before.
    """
    release, api = opened.read(directory), remote.client(token)
    raise_all(_request_problems(release, repo, branch, redistribute))
    _patiently(api.whoami, repo, console.say)
    check.require(release, console.progress)
    step = partial(_attempt, api, release, repo, private, branch, create_pr, console)
    return _patiently(step, repo, console.say)


def _patiently(step: Callable[[], Any], repo: str, say: Say) -> Any:
    """Do a step again, a few times, while what stops it may pass."""
    for attempt in range(ATTEMPTS):
        try:
            with remote.hub_errors(repo, "publishing"):
                return step()
        except remote.TransientError as error:
            if attempt == ATTEMPTS - 1:
                raise
            wait = error.after_sec if error.after_sec is not None else FIRST_WAIT_SEC * 2**attempt
            say(f"{error}; trying again in {wait:.0f} s")
            time.sleep(wait)


def _request_problems(
    release: opened.Release, repo: str, branch: str, redistribute: Collection[str]
) -> list[str]:
    """What is wrong with a request, as far as the manifest tells."""
    if wrong := layout.repo_problem(repo):
        return [f"the repository is {wrong}"]
    if versions.of_tag(branch) or branch.startswith("refs/") or not _BRANCH.fullmatch(branch):
        return [f"the branch is {branch!r}; give the name of a branch, such as main or next"]
    stated = release.manifest["repo"]
    if stated and stated != repo:
        return [
            f"the card of {release.where} names {stated}, not {repo}; publish it there, or make the "
            f"release again with --repo {repo}"
        ]
    parts = release.manifest["made_of"]
    known = {part["name"] for part in parts} | {part["kind"] for part in parts}
    out = [f"there is no source {name!r} to redistribute; the release has {', '.join(sorted(known))}"
           for name in redistribute if name not in known]  # fmt: skip
    for part in parts:
        stated = ", ".join(dict.fromkeys(filter(None, (part["licence_id"], part["licence"]))))
        named = one_line(f"{part['kind']} {part['name']} ({stated})")
        if part.get("never"):
            out.append(f"the {named} is never passed on; make a dataset without it")
        elif not part["free"] and not {part["name"], part["kind"]} & set(redistribute):
            out.append(
                f"the {named} does not allow passing on what is made of it; if you may, say "
                f"--redistribute {part['name']!r}"
            )
    return out


def _attempt(
    api: Any,
    release: opened.Release,
    repo: str,
    private: bool,
    branch: str,
    create_pr: bool,
    console: Console,
) -> dict[str, Any]:
    state, main = plan.look(api, repo, branch), branch == "main"
    if private and state.exists and not state.private:
        raise UsageError(f"{repo} is there and public; make it private in its settings on the Hub")
    what = plan.make(api, release, repo, state, main)
    tag = f"v{release.version}"
    if what.published:
        console.say(f"{repo} has {tag} already, and it is this release: nothing to do")
        return {"files": 0, "bytes": 0, "commit": what.published, "tag": tag, "pull_request": None}
    if not state.exists:
        api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
    if state.commit is None:
        if not main:
            api.create_branch(repo, branch=branch, repo_type="dataset", exist_ok=True)
        state = plan.look(api, repo, branch)
        what = plan.make(api, release, repo, state, main)
    if what.edited:
        console.say(f"{repo}: {layout.CARD} was edited there; the edit is replaced, and stays in the history")
    done: dict[str, Any] = {"files": len(what.add), "bytes": _size(release, what.add)}
    done |= {"commit": state.commit, "pull_request": None}
    if what.add or what.delete:
        info = _commit(api, release, repo, branch, create_pr, what, console.progress)
        done |= {"commit": info.oid, "pull_request": info.pr_url if create_pr else None}
    # a tag never moves: what it will name is looked at first
    if wrong := plan.differing(release, plan.contents(api, repo, done["commit"])):
        raise RunError(
            f"{repo} at commit {done['commit'][:12]} does not hold {', '.join(wrong[:5])} as the release "
            "does, so it is not tagged; the release changed while it was sent, or the Hub left files out; "
            "run it again"
        )
    if done["pull_request"] or not main:
        return done | {"tag": None}
    message = f"{release.manifest['title']} {release.version}"
    api.create_tag(repo, tag=tag, revision=done["commit"], repo_type="dataset", tag_message=message)
    return done | {"tag": tag}


def _size(release: opened.Release, files: Iterable[str]) -> int:
    return sum((Path(release.where) / file).stat().st_size for file in files)


def _large(release: opened.Release, files: Iterable[str]) -> list[str]:
    """Files that the Hub stores in pieces, each once, and not in git."""
    return [f for f in files if f.endswith(".parquet") or _size(release, [f]) > MAX_SMALL_FILE]


def batches(release: opened.Release, files: Sequence[str]) -> Iterator[list[str]]:
    """Files in groups that are sent together."""
    group: list[str] = []
    for file in files:
        full = len(group) == BATCH_FILES or _size(release, [*group, file]) > BATCH_BYTES
        if group and full:
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _commit(
    api: Any, release: opened.Release, repo: str, branch: str, create_pr: bool, what: plan.Plan, progress: Any
) -> Any:
    """Send files, then make the one commit that shows them."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    where = {"repo_type": "dataset", "revision": branch, "create_pr": create_pr}
    adds = {file: CommitOperationAdd(file, str(Path(release.where) / file)) for file in what.add}
    large = _large(release, what.add)
    with progress("sending", _size(release, large), **_BYTES) as done:
        for group in batches(release, large):
            api.preupload_lfs_files(repo, [adds[file] for file in group], free_memory=False, **where)
            done(_size(release, group))
    for file, add in adds.items():  # files of a release may be links to a dataset that changed
        info, entry = add.upload_info, release.manifest["files"].get(file)
        if entry and info.is_hashed and info.sha256.hex() != entry["sha256"]:
            raise RunError(f"{release.where}/{file} changed while it was sent; nothing was published")
    last = release.manifest["changelog"][-1]
    try:
        with remote.hub_errors(repo, "publishing"):
            return api.create_commit(
                repo, [*adds.values(), *(CommitOperationDelete(file) for file in what.delete)],
                commit_message=f"Version {release.version}",
                commit_description="\n".join(f"- {line}" for line in last["lines"]),
                parent_commit=what.commit, **where,
            )  # fmt: skip
    except remote.TransientError as error:
        if create_pr:  # trying again could open a second one
            raise RunError(f"{error}; see on its page whether the pull request was opened") from None
        raise


def dry_run(
    directory: str | Path, repo: str, branch: str, previous: str | None,
    redistribute: Collection[str], console: Console,
) -> dict[str, Any]:  # fmt: skip
    """Find out what publishing would do, and change nothing.

    Args:
        previous: directory with the last release, to count deduplicated bytes without fetching it.
        (the others as for :func:`sousa.builders.api.publish`)

    Returns: dict of ``add``, ``delete`` (lists of files), ``bytes`` (of the files), ``new_bytes`` (that would
        be sent after deduplication), ``exact`` (False when that is at most so many), ``published``, and
        ``not_asked``: why the Hub could not be asked, so that a new repository is assumed; None where it was.
    """
    release = opened.read(directory)
    raise_all(_request_problems(release, repo, branch, redistribute))
    check.require(release, console.progress)
    api = remote.client()
    not_asked = None
    try:
        state = plan.look(api, repo, branch)
    except (remote.Unreachable, remote.Offline) as error:
        state, not_asked = plan.State(), str(error).removesuffix(f"; {remote.AGAIN}")
    what = plan.make(api, release, repo, state, branch == "main")
    out: dict[str, Any] = {"add": what.add, "delete": what.delete, "bytes": _size(release, what.add)}
    out["not_asked"] = not_asked
    known = set(state.files.values())
    fresh = [f for f in what.add if release.manifest["files"].get(f, {}).get("sha256") not in known]
    large = _large(release, fresh)
    out |= {"published": bool(what.published), "new_bytes": _size(release, fresh), "exact": not large}
    if not large or not dedup.available() or _size(release, large) > MAX_COUNTED_BYTES:
        return out
    old = opened.read(previous) if previous else what.last
    if previous and not (old and what.last and old.manifest["files"] == what.last.manifest["files"]):
        is_at = f"version {what.last.version}, the last one of {repo}" if what.last else f"in {repo}"
        raise UsageError(f"the release in {previous} is not {is_at}")
    changed = [file for file in large if old and file in old.manifest["files"]]
    if old and changed and not previous:
        size = sum(old.manifest["files"][file]["bytes"] for file in changed)
        fetched = f"{counted(len(changed), 'file')} of version {old.version} ({size / 1e6:,.0f} MB)"
        console.say(f"fetching {fetched} to compare with")
    before = [old.local(file) for file in changed] if old else []
    total = _size(release, large) + sum(Path(file).stat().st_size for file in before)
    with console.progress("comparing", total, **_BYTES) as done:
        new = dedup.new_bytes(before, [Path(release.where) / file for file in large], done)
    return out | {"new_bytes": out["new_bytes"] - _size(release, large) + new, "exact": True}
