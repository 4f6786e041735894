"""Publishing: files are sent first, seen by nobody; then one commit of the branch; then the tag.

Whatever fails or kills it at whatever moment, a reader of the branch or of a tag sees a whole
release: the old one or the new one. Publishing again looks at what is there and does the rest.
"""

import re
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

from sousa.builders.hub import commits, dedup, plan, remote
from sousa.builders.release import check, layout, opened, versions
from sousa.generation.console import Console
from sousa.generation.errors import UsageError, raise_all
from sousa.generation.text import counted, one_line

MAX_COUNTED_BYTES = 4 << 30  # above, counting what deduplication saves would take minutes and the disk
_BRANCH = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")


def publish(
    directory: str | Path, repo: str, private: bool, branch: str, create_pr: bool,
    redistribute: Collection[str], token: str | None, console: Console,
) -> dict[str, Any]:  # fmt: skip
    """Publish a release, or finish publishing it; arguments as for :func:`sousa.builders.api.publish`.

    Raises: UsageError or RunError; readers then see what they saw before.
    """
    release, api = opened.read(directory), remote.client(token)
    raise_all(_request_problems(release, repo, branch, redistribute))
    remote.patiently(api.whoami, repo, console.say)
    check.require(release, console.progress)
    step = partial(_attempt, api, release, repo, private, branch, create_pr, console)
    return remote.patiently(step, repo, console.say)


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
    done: dict[str, Any] = {"files": len(what.add), "bytes": commits.size_of(release, what.add)}
    done |= {"commit": state.commit, "pull_request": None}
    if what.add or what.delete:
        commit, pull_request = commits.commit(api, release, repo, branch, create_pr, what, console)
        done |= {"commit": commit, "pull_request": pull_request}
    # a tag never moves: what it will name is looked at first
    plan.check_whole(api, release, repo, done["commit"])
    if done["pull_request"] or not main:
        return done | {"tag": None}
    message = f"{release.manifest['title']} {release.version}"
    api.create_tag(repo, tag=tag, revision=done["commit"], repo_type="dataset", tag_message=message)
    return done | {"tag": tag}


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
    out: dict[str, Any] = {"add": what.add, "delete": what.delete, "not_asked": not_asked}
    out["bytes"] = commits.size_of(release, what.add)
    known = set(state.files.values())
    fresh = [f for f in what.add if release.manifest["files"].get(f, {}).get("sha256") not in known]
    large = commits.large_of(release, fresh)
    out |= {"published": bool(what.published), "exact": not large}
    out["new_bytes"] = commits.size_of(release, fresh)
    if not large or not dedup.available() or commits.size_of(release, large) > MAX_COUNTED_BYTES:
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
    total = commits.size_of(release, large) + sum(Path(file).stat().st_size for file in before)
    with console.progress("comparing", total, **commits.BYTES) as done:
        new = dedup.new_bytes(before, [Path(release.where) / file for file in large], done)
    return out | {"new_bytes": out["new_bytes"] - commits.size_of(release, large) + new, "exact": True}
