"""What ``sousa release``, ``publish`` and ``diff`` do with their options."""

from pathlib import Path

from sousa.generation.errors import UsageError


def release(arguments, print_, say, progress):
    """Make a release.

    Args:
        arguments: as parsed; print_: takes lines for the user; say: takes lines about what goes on;
        progress: see :func:`sousa.builders.release.make.make`.
    """
    from sousa.builders.release import make

    manifest = make.make(
        Path(arguments.directory).expanduser(), Path(arguments.output).expanduser(), arguments.version,
        arguments.previous, arguments.repo, arguments.note, arguments.workers, say, progress,
    )  # fmt: skip
    output, first = arguments.output, next(iter(manifest["views"]))
    for line in manifest["changelog"][-1]["lines"]:
        print_(f"  {line}")
    size = sum(fact["bytes"] for fact in manifest["files"].values()) / 1e6
    print_(
        f"version {manifest['version']}: {manifest['num_rows']:,} rows, {len(manifest['files']) + 1:,} "
        f"files, {size:,.0f} MB in {output}\n"
        f"configs: {', '.join(manifest['views'])}\n"
        f'look at it with: datasets.load_dataset("{output}", "{first}")\n'
        f"publish it with: sousa publish {output} {manifest['repo'] or 'ORG/NAME'}"
    )


def publish(arguments, print_, say, progress):
    """Publish a release, or say what that would do."""
    from sousa.builders.hub import publish as hub

    path, repo = Path(arguments.release).expanduser(), arguments.repo
    named = [name.strip() for name in (arguments.redistribute or "").split(",") if name.strip()]
    if arguments.previous and not arguments.dry_run:
        raise UsageError(
            "--previous belongs to --dry-run; the changelog was settled by 'sousa release --previous'"
        )
    if arguments.dry_run:
        what = hub.dry_run(path, repo, arguments.revision, arguments.previous, named, None, say, progress)
        if what["published"]:
            print_(f"{repo} holds this very release already: nothing would be done")
            return
        for file in what["add"]:
            print_(f"  + {file}")
        for file in what["delete"]:
            print_(f"  - {file}")
        bound = "" if what["exact"] else "at most "
        print_(
            f"{len(what['add']):,} files of {what['bytes']:,} bytes would be sent, {len(what['delete']):,} "
            f"removed; {bound}{what['new_bytes']:,} bytes are new to {repo}; nothing was changed"
        )
        return
    done = hub.publish(
        path, repo, arguments.private, arguments.revision, arguments.create_pr, named, None, say, progress
    )
    if done["pull_request"]:
        print_(f"pull request: {done['pull_request']}\nonce it is merged, publish again to set the tag")
    elif done["tag"]:
        print_(
            f"{repo} {done['tag']}: {done['files']:,} files sent, commit {done['commit'][:12]}\n"
            f'load it with: datasets.load_dataset("{repo}", revision="{done["tag"]}")'
        )
    else:
        print_(
            f"{repo}, branch {arguments.revision}: {done['files']:,} files sent; no tag, which is for main"
        )


def diff(arguments, print_, progress):
    """Print what differs between two releases."""
    from sousa.builders.hub import remote
    from sousa.builders.release import opened, versions
    from sousa.builders.release.compare import compare

    names = arguments.releases
    if len(names) == 3:
        old, new = (opened.find(names[0], revision) for revision in names[1:])
    elif len(names) == 2:
        old, new = (opened.find(name) for name in names)
    else:
        raise UsageError(
            f"{len(names)} arguments; give two releases (directories or org/name@v1.0.0), or a repository of "
            "the Hub and two of its revisions"
        )
    with remote.hub_errors(f"{old.where} and {new.where}", "comparing"), progress("comparing", None) as done:
        changes = compare(old, new, details=True, progress=done)
    print_(f"{old.where}, version {old.version}  ->  {new.where}, version {new.version}")
    for line in changes.lines():
        print_(f"  {line}")
    if not changes:
        print_("  nothing differs")
    elif versions.parse(old.version) < versions.parse(new.version):
        problem = versions.problem(new.version, changes, old.version)
        print_(f"a {changes.level} change" + (f", but {problem}" if problem else ", as the version says"))
    else:
        after = versions.following(old.version, changes.level)
        print_(f"a {changes.level} change: the version after {old.version} would be {after}")
