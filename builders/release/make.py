"""From a dataset directory to a release directory: what goes to the Hub, file for file.

The work: every shard is put in place and indexed (any number at once, resumed where it stopped),
the last release is compared, card and croissant are written, and the manifest last: a directory
that has one is whole.
"""

import hashlib
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sousa.builders.hub import remote
from sousa.builders.progress import silent
from sousa.builders.release import card, croissant, layout, opened, versions
from sousa.builders.release.compare import NOTED, compare
from sousa.builders.release.digests import leaf_types
from sousa.builders.release.index import INDEX_SCHEMA
from sousa.builders.release.pack import pack
from sousa.builders.release.source import describe
from sousa.generation import runners
from sousa.generation.columns import schema
from sousa.generation.errors import RunError, UsageError, raise_all
from sousa.generation.manifest import MANIFEST
from sousa.generation.shards import locked, sweep
from sousa.generation.storage import atomic_file, file_digest, write_json

WORK = ".unfinished"
INDEX_GROUP_ROWS = 100_000
MAX_FILES = 24_900  # the Hub's limit is 25,000 large files a commit
_KEPT = ("bytes", "sha256", "rows", "split", "view")


def make(
    root,
    output,
    version,
    previous=None,
    repo=None,
    notes=(),
    workers=0,
    say=print,
    progress=silent,
    token=None,
):
    """Make a release of a finished dataset, or finish one that was begun.

    Args:
        root: dataset directory; output: release directory.
        version: ``X.Y.Z``.
        previous: the release before: a directory or ``org/name[@revision]``; None for a first one.
        repo: where it will be published, for the card; None to leave that open.
        notes: the user's own sentences for the changelog.
        workers: processes; 0 is one a core.
        say: takes a line of text.
        progress: ``progress(title, total)`` gives a context manager whose value is called with rows done.

    Returns: the manifest.
    Raises: UsageError or RunError; what is finished is kept.
    """
    problems = []
    try:
        versions.parse(version)
    except UsageError as error:
        problems.append(str(error))
    if repo is not None and (wrong := layout.repo_problem(repo)):
        problems.append(f"--repo is {wrong}")
    for note in notes:
        if not note.strip() or not note.isprintable():
            problems.append(f"--note is {note!r}; give one line of text")
    if (
        Path(output).resolve() == Path(root).resolve()
        or Path(root).resolve() in Path(output).resolve().parents
    ):
        problems.append(f"{output} is inside the dataset {root}; choose another directory with -o")
    raise_all(problems)
    source = describe(root)
    if len(source.shards) > MAX_FILES:
        raise UsageError(
            f"{root} has {len(source.shards):,} shards; a commit to the Hub takes at most {MAX_FILES:,} files"
        )
    before = opened.find(previous, token=token) if previous is not None else None
    if before and before.manifest["corpus"] != source.corpus:
        raise UsageError(f"{previous} is a release of {before.manifest['corpus']}, not of {source.corpus}")
    if before and versions.parse(before.version) >= versions.parse(version):
        raise UsageError(f"--version {version} is not after {before.version}, the version of {previous}")
    data = [source.config_digest, {name: record["sha256"] for name, record in source.shards.items()}]
    identity = [data, version, repo, list(notes), before and [before.version, _digest_of(before.manifest)]]
    with locked(output):
        whole = _begin(output, identity, data, root)
        if whole:
            say(f"{output} is finished already")
            return whole
        facts = _pack_all(source, Path(output), workers, progress)
        return _finish(source, Path(output), facts, before, version, repo, list(notes), identity)


def _digest_of(data):
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _begin(output, identity, data, root):
    """Make sure the directory is free or holds this very release; returns its manifest when finished.

    Args:
        identity: of the release; data: of what is packed, which may go on under another version.
    """
    output = Path(output)
    work = output / WORK / "release.json"
    if (output / MANIFEST).exists():
        manifest = opened.read(output).manifest
        if manifest["identity"] != _digest_of(identity):
            raise UsageError(
                f"{output} holds another release (version {manifest['version']}); choose another directory "
                "with -o"
            )
        sweep(output)
        shutil.rmtree(output / WORK, ignore_errors=True)  # killed between the last two steps
        return manifest
    try:
        begun = json.loads(work.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if any(path.name != WORK for path in output.iterdir()):
            raise UsageError(
                f"{output} holds other files; choose an empty or new directory with -o"
            ) from None
    except (OSError, ValueError) as error:
        raise RunError(
            f"{work} can't be read ({error}); delete {output} and make the release again"
        ) from None
    else:
        if begun != _digest_of(data):
            raise UsageError(
                f"{output} holds an unfinished release of other data than {root} has now; delete it, or "
                "choose another directory with -o"
            )
    sweep(output)
    write_json(work, _digest_of(data))
    return None


def _pack_all(source, output, workers, progress):
    """Put every shard in place; returns dict of file to facts, in order of names."""
    places = layout.files(source)
    tasks, rows = [], {}
    for name, (file, view, _) in places.items():
        record = source.shards[name]
        tasks.append(
            (str(source.root / record["file"]), record, str(output), file, view,
             str(_part(output, file)), source.digest_column)
        )  # fmt: skip
        rows[file] = record["rows"]
    facts = {}
    with progress("packing", sum(rows.values())) as done:
        for file, fact in runners.run(pack, tasks, workers):
            facts[file] = fact
            done(fact["rows"])
    return dict(sorted(facts.items()))


def _part(output, file):
    return output / WORK / (file.removeprefix("data/").replace("/", "-") + ".index")


def _finish(source, output, facts, before, version, repo, notes, identity):
    with atomic_file(output / layout.INDEX) as file, pq.ParquetWriter(
        file, INDEX_SCHEMA, compression="zstd", use_dictionary=["file", "view", "split"]
    ) as writer:  # fmt: skip
        held = []
        for name in facts:
            held.append(pq.read_table(_part(output, name)).replace_schema_metadata(None))
            # a row group for each shard would make a footer larger than the index
            if sum(map(len, held)) >= INDEX_GROUP_ROWS:
                writer.write_table(pa.concat_tables(held))
                held = []
        if held:
            writer.write_table(pa.concat_tables(held))
    names = [column.name for column in source.columns]
    manifest = {
        "release_format": opened.RELEASE_FORMAT, "corpus": source.corpus, "title": source.title,
        "version": version, "data_version": source.data_version, "released": _date(output), "repo": repo,
        "identity": _digest_of(identity), "config": source.config, "config_digest": source.config_digest,
        "num_rows": sum(fact["rows"] for fact in facts.values()), "sample_rate": source.sample_rate,
        "digest_column": source.digest_column,
        "columns": leaf_types(schema(source.columns, source.sample_rate), without=("audio",)),
        "views": {
            view.name: {"folders": list(view.folders), "columns": view.columns and list(view.columns)}
            for view in layout.views(source.views, names)
        },
        "made_of": [part.record() for part in source.made_of], "provenance": source.provenance,
        "previous": before and before.version, "notes": notes,
        "changelog": [*(before.manifest["changelog"] if before else [])],
        "files": {name: {k: fact[k] for k in _KEPT} for name, fact in facts.items()},
    }  # fmt: skip
    lines = notes + ["First release."] * (before is None)
    counted = card.figures(source)
    manifest["card_text"] = card.neutral_digest(source, facts, repo, counted)
    if before:
        new = opened.directory(output, manifest)
        with remote.hub_errors(before.where, "reading"):
            changes = compare(before, new, details=True)
        problem = versions.problem(version, changes, before.version)
        if problem:
            raise UsageError(problem)
        lines += [line for line in changes.lines() if line != NOTED]
    manifest["changelog"].append({"version": version, "released": manifest["released"], "lines": lines})
    card.write_release_card(source, output, facts, manifest, counted)
    croissant.write(source, output, manifest)
    for name in (layout.CARD, layout.CROISSANT, layout.INDEX):
        path = output / name
        manifest["files"][name] = {"bytes": path.stat().st_size, "sha256": file_digest(path)}
    manifest = opened.sealed(manifest)
    write_json(output / MANIFEST, manifest)
    shutil.rmtree(output / WORK)
    return manifest


def _date(output):
    """The day this release was first finished up to here: kept when it goes on after a stop."""
    kept = output / WORK / "released.json"
    if kept.exists():
        return json.loads(kept.read_text(encoding="utf-8"))
    stamp = os.environ.get("SOURCE_DATE_EPOCH")  # as reproducible-builds.org has it
    now = datetime.fromtimestamp(int(stamp), UTC) if stamp else datetime.now()
    today = now.date().isoformat()
    write_json(kept, today)
    return today
