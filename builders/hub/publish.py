"""Publishing: files are sent first, seen by nobody; then one commit; then the tag.

Whatever fails or kills it at whatever moment, a reader of the branch or of a tag sees a whole
release: the old one or the new one. Publishing again looks at what is there and does the rest.
"""

import time
from pathlib import Path

from builders.hub import dedup, plan, remote
from builders.release import check, opened
from generation.errors import RunError, UsageError, raise_all

BATCH_BYTES, BATCH_FILES = 256 << 20, 64
ATTEMPTS = 5
FIRST_WAIT_SEC = 1.0
MAX_SMALL_FILE = 10 << 20


def publish(path, repo, private=False, branch="main", create_pr=False, redistribute=(), token=None,
            say=print, progress=None):  # fmt: skip
    """Publish a release, or finish publishing it.

    Args:
        path: release directory; repo: ``org/name``.
        private: a new repository is made private.
        branch: to publish to; the tag is set on main only.
        create_pr: open a pull request in place of changing the branch.
        redistribute: names of sources that the user may pass on though their licences don't say so.
        token: of the Hub, None for the one in the usual places.
        say: takes a line of text.
        progress: ``progress(title, total, **look)`` gives a context manager whose value is called with
            numbers of bytes.

    Returns: dict of ``sent_bytes``, ``files``, ``commit``, ``tag`` and ``pull_request``.
    Raises: UsageError or RunError; readers then see what they saw before.
    """
    from huggingface_hub import HfApi

    release = checked(path, repo, redistribute, progress)
    api = HfApi(token=token)
    with remote.hub_errors(repo, "publishing"):
        api.whoami()
    for attempt in range(ATTEMPTS):
        try:
            return _attempt(api, release, repo, private, branch, create_pr, say, progress)
        except remote.Passing as error:
            if attempt == ATTEMPTS - 1:
                raise
            wait = error.after_sec if error.after_sec is not None else FIRST_WAIT_SEC * 2**attempt
            say(f"{error}; trying again in {wait:.0f} s")
            time.sleep(wait)
    return None


def checked(path, repo, redistribute=(), progress=None):
    """A release directory that may be published.

    Raises: UsageError or RunError naming everything that is wrong.
    """
    release = opened.read(path)
    if not opened.HUB_ID.fullmatch(repo) or "@" in repo:
        raise UsageError(f"{repo!r} is not of the form org/name")
    stated = release.manifest["repo"]
    if stated and stated != repo:
        raise UsageError(
            f"the card of {path} speaks of {stated}, not of {repo}; publish it there, or make the release "
            f"again with --repo {repo}"
        )
    if f"{repo.split('/')[1]}.py" in release.manifest["files"]:
        raise UsageError(f"a dataset {repo} that holds a {repo.split('/')[1]}.py can't be loaded")
    raise_all(_licence_problems(release, redistribute))
    size = sum(fact["bytes"] for fact in release.manifest["files"].values())
    with progress("checking", size, unit="B", unit_scale=True) as done:
        found = check.problems(release, done)
    if found:
        raise RunError(
            f"{path} is not what 'sousa release' made:\n{check.as_text(found)}\n"
            "delete it and make the release again"
        )
    return release


def _licence_problems(release, redistribute):
    parts = release.manifest["made_of"]
    known = {part["name"] for part in parts} | {part["kind"] for part in parts}
    out = [f"--redistribute names {name!r}; the release has {', '.join(sorted(known))}"
           for name in redistribute if name not in known]  # fmt: skip
    shut = [p for p in parts if not p["free"] and not {p["name"], p["kind"]} & set(redistribute)]
    for part in shut:
        stated = ", ".join(filter(None, (part["licence_id"], part["licence"])))
        out.append(
            f"the {part['kind']} {part['name']} ({stated}) does not allow passing on what is made of it; if "
            f"you may, say --redistribute {part['name']!r}"
        )
    return out


def _attempt(api, release, repo, private, branch, create_pr, say, progress):
    state = plan.look(api, repo, branch)
    if private and state.exists and not state.private:
        raise UsageError(f"--private: {repo} is there and public; change that in its settings on the Hub")
    what = plan.make(api, release, repo, state)
    tag = f"v{release.version}"
    done = {
        "files": 0,
        "sent_bytes": 0,
        "commit": state.commit,
        "tag": tag,
        "pull_request": None,
    }
    if what.published:
        say(f"{repo} has {tag} already, and it is this release: nothing to do")
        return done
    with remote.hub_errors(repo, "publishing"):
        if not state.exists:
            api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        if state.commit is None and branch != "main":
            api.create_branch(repo, branch=branch, repo_type="dataset", exist_ok=True)
    if state.commit is None:
        state = plan.look(api, repo, branch)
        what = plan.make(api, release, repo, state)
    if what.add or what.delete:
        info = _commit(api, release, repo, branch, create_pr, what, progress)
        done |= {
            "commit": info.oid, "files": len(what.add), "pull_request": info.pr_url if create_pr else None,
            "sent_bytes": _size(release, what.add),
        }  # fmt: skip
    if done["pull_request"] or branch != "main":
        return done | {"tag": None}
    with remote.hub_errors(repo, "publishing"):
        api.create_tag(
            repo, tag=tag, revision=done["commit"], repo_type="dataset",
            tag_message=f"{release.manifest['title']} {release.version}",
        )  # fmt: skip
    return done


def _size(release, files):
    return sum(_bytes(release, file) for file in files)


def _bytes(release, file):
    return (Path(release.where) / file).stat().st_size


def batches(release, files):
    """Files in groups that are sent together."""
    group, size = [], 0
    for file in files:
        more = _bytes(release, file)
        if group and (size + more > BATCH_BYTES or len(group) == BATCH_FILES):
            yield group
            group, size = [], 0
        group.append(file)
        size += more
    if group:
        yield group


def _commit(api, release, repo, branch, create_pr, what, progress):
    """Send files, then make the one commit that shows them."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    where = {"repo_type": "dataset", "revision": branch, "create_pr": create_pr}
    adds = {file: CommitOperationAdd(file, str(Path(release.where) / file)) for file in what.add}
    large = [file for file in what.add if file.endswith(".parquet") or _bytes(release, file) > MAX_SMALL_FILE]
    with remote.hub_errors(repo, "publishing"):
        with progress("sending", _size(release, large), unit="B", unit_scale=True) as done:
            for group in batches(release, large):
                api.preupload_lfs_files(repo, [adds[file] for file in group], free_memory=False, **where)
                done(_size(release, group))
        last = release.manifest["changelog"][-1]
        return api.create_commit(
            repo, [*adds.values(), *(CommitOperationDelete(file) for file in what.delete)],
            commit_message=f"Version {release.version}",
            commit_description="\n".join(f"- {line}" for line in last["lines"]),
            parent_commit=what.commit, **where,
        )  # fmt: skip


def dry_run(path, repo, branch="main", previous=None, redistribute=(), token=None, say=print, progress=None):
    """Find out what publishing would do, and change nothing.

    Args:
        previous: directory with the last release, to count deduplicated bytes without fetching it.
        (the others as in :func:`publish`)

    Returns: dict of ``add``, ``delete`` (lists of files), ``bytes`` (of the files), ``new_bytes`` (that would
        be sent after deduplication) and ``exact`` (False when that is at most so many).
    """
    from huggingface_hub import HfApi

    release = checked(path, repo, redistribute, progress)
    api = HfApi(token=token)
    state = plan.look(api, repo, branch)
    what = plan.make(api, release, repo, state)
    out = {
        "add": what.add,
        "delete": what.delete,
        "bytes": _size(release, what.add),
        "published": what.published,
    }
    known = set(state.files.values())
    fresh = [f for f in what.add if release.manifest["files"].get(f, {}).get("sha256") not in known]
    changed = [file for file in fresh if what.last and file in what.last.manifest["files"]]
    changed = [file for file in changed if file.endswith(".parquet")]
    rest = _size(release, [file for file in fresh if file not in changed])
    if not changed or not dedup.available():
        return out | {"new_bytes": rest + _size(release, changed), "exact": not changed}
    old = opened.read(previous) if previous else what.last
    if previous and old.manifest["files"] != what.last.manifest["files"]:
        raise UsageError(f"--previous {previous} is not version {what.last.version}, the last one of {repo}")
    if not previous:
        size = sum(old.manifest["files"][file]["bytes"] for file in changed)
        say(f"fetching {len(changed)} files of version {old.version} ({size / 1e6:,.0f} MB) to compare with")
    before = [old.local(file) for file in changed]
    total = _size(release, changed) + sum(Path(one).stat().st_size for one in before)
    with progress("comparing", total, unit="B", unit_scale=True) as done:
        new = dedup.new_bytes(before, [Path(release.where) / file for file in changed], done)
    return out | {"new_bytes": rest + new, "exact": True}
