"""From a dataset directory to a release directory: what goes to the Hub, file for file.

The work: every shard is put in place and indexed (any number at once, resumed where it stopped), the last
release is compared, card and croissant are written. All of it lies in a hidden folder until it is whole. It
then appears in this order: the card, which names the data files, croissant, index, data, manifest.
"""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sousa.builders.hub import remote
from sousa.builders.release import card, croissant, layout, opened, versions
from sousa.builders.release.compare import NOTED, compare
from sousa.builders.release.digests import leaf_types
from sousa.builders.release.pack import index_part, pack
from sousa.builders.release.source import Source
from sousa.generation import reopen
from sousa.generation.columns import Classes, having, schema
from sousa.generation.console import silent
from sousa.generation.corpus import Say
from sousa.generation.errors import RunError, UsageError, collected, raise_all
from sousa.generation.manifest import UNFINISHED, UNFINISHED_RELEASE, digest_of, sealed
from sousa.generation.outside import MANIFEST_BYTES, read_json, status_of
from sousa.generation.runners import LocalRunner, Runner
from sousa.generation.storage import LocalStorage
from sousa.generation.tables import groups_of
from sousa.generation.text import is_line

# in the order in which they appear
BESIDE = (layout.CARD, layout.ATTRIBUTION, layout.CROISSANT, layout.INDEX)
_SHOWN = (*BESIDE, "data")
INDEX_GROUP_ROWS = 100_000
# the Hub refuses more files in a folder: https://huggingface.co/docs/hub/storage-limits
MAX_FOLDER_FILES = 10_000
_BEGUN, _RELEASED = f"{UNFINISHED}/{UNFINISHED_RELEASE}", "released.json"
_KEPT = ("bytes", "sha256", "rows", "split", "view")


def make(
    root: str | Path, output: str | Path, version: str, previous: str | None = None, repo: str | None = None,
    notes: Sequence[str] = (), runner: Runner | None = None, say: Say = print, progress: Any = silent,
    token: str | None = None, plugins: Sequence[str] = (), link: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Make a release of a finished dataset, or finish one that was begun.

    Args:
        root: dataset directory.
        output: release directory.
        version, previous, repo, notes, token, plugins, link: as for :func:`sousa.builders.api.release`.
        runner: where tasks run; by default in processes, one a core.
        say: takes a line of text.
        progress: ``progress(title, total)`` gives a context manager whose value is called with rows done.

    Returns: the manifest.
    Raises: UsageError or RunError; what is finished is kept.
    """
    _refuse_wrong_request(Path(root), Path(output), version, repo, notes)
    stored = reopen.open_dataset(root, plugins=plugins)
    source = Source(stored.storage, stored.manifest, stored.corpus, stored.config, stored.current)
    shards = source.manifest["shards"]
    _refuse_full_folders(root, layout.placed(source.views, shards))
    before = opened.find(previous, token) if previous is not None else None
    if before and before.manifest["corpus"] != source.corpus.name:
        raise UsageError(
            f"{previous} is a release of {before.manifest['corpus']}, not of {source.corpus.name}"
        )
    if before and versions.parse(before.version) >= versions.parse(version):
        raise UsageError(f"version {version} is not after {before.version}, the version of {previous}")
    data = [source.manifest["config_digest"], {name: shard["sha256"] for name, shard in shards.items()}]
    last = before and [before.version, digest_of(before.manifest)]
    identity = digest_of([data, version, repo, list(notes), last])
    storage = LocalStorage(str(output))
    with storage.locked():
        manifest = _begin(storage, identity, digest_of(data), root)
        if manifest:
            say(f"{output} is finished already")
            return manifest
        hidden = LocalStorage(str(storage.path(UNFINISHED)))
        files = _pack_all(source, hidden, runner or LocalRunner(), progress, link)
        manifest = _describe(source, hidden, files, before, version, repo, list(notes), identity)
        storage.show(UNFINISHED, _SHOWN)
        storage.write_json(layout.MANIFEST, manifest)
        storage.remove(UNFINISHED)
        return manifest


def _refuse_wrong_request(root: Path, output: Path, version: str, repo: str | None, notes: Any) -> None:
    for path in (root, output):
        status_of(path)  # before it is resolved
    problems: list[str] = []
    for check in (lambda: versions.parse(version), _day):
        with collected(problems):
            check()
    if repo is not None and (wrong := layout.repo_problem(repo)):
        problems.append(f"the repository is {wrong}")
    wrong_notes = [note for note in notes if not is_line(note)]
    problems += [f"the note is {note!r}; give one line of text" for note in wrong_notes]
    if root.resolve() in (output.resolve(), *output.resolve().parents):
        problems.append(f"{output} is inside the dataset {root}; choose another directory")
    raise_all(problems)


def _refuse_full_folders(root: str | Path, files: Iterable[str]) -> None:
    """Raise UsageError where the Hub would do so, after hours of sending."""
    for folder, count in Counter(file.rpartition("/")[0] for file in files).items():
        if count > MAX_FOLDER_FILES:
            raise UsageError(
                f"{root} has {count:,} shards for the folder {folder}; the Hub takes at most "
                f"{MAX_FOLDER_FILES:,} files in a folder; make several smaller datasets of it"
            )


def _begin(storage: LocalStorage, identity: str, data: str, root: str | Path) -> dict[str, Any] | None:
    """Make sure the directory is free or holds this very release; returns its manifest when finished.

    What is packed, of digest ``data``, may go on under another ``identity``, such as another version.
    """
    output = storage.root
    if storage.path(layout.MANIFEST).exists():
        manifest = opened.read(output).manifest
        if manifest["identity"] != identity:
            raise UsageError(
                f"{output} holds another release (version {manifest['version']}); choose another directory"
            )
        storage.sweep()
        storage.remove(UNFINISHED)  # killed between the last two steps
        records = [{"file": file, **entry} for file, entry in manifest["files"].items()]
        if wrong := [problem for record in records if (problem := storage.damage(record))]:
            raise RunError(f"{output} is finished, but {wrong[0]}; delete it and make the release again")
        return manifest
    try:
        begun = read_json(storage.path(_BEGUN), MANIFEST_BYTES)
    except FileNotFoundError:
        begun = None
    except (OSError, ValueError) as error:
        raise RunError(
            f"{storage.path(_BEGUN)} can't be read ({error}); delete {output} and make the release again"
        ) from None
    if begun is None and (set(storage.entries()) - {UNFINISHED} or storage.inside(UNFINISHED).entries()):
        raise UsageError(f"{output} holds other files, or a dataset; choose an empty or new directory")
    if begun not in (None, data):
        raise UsageError(
            f"{output} holds an unfinished release of other data than {root} has now; delete it, or "
            "choose another directory"
        )
    storage.sweep()
    storage.hide(UNFINISHED)  # killed while it appeared
    storage.write_json(_BEGUN, data)
    return None


def _pack_all(
    source: Source, hidden: LocalStorage, runner: Runner, progress: Any, link: bool
) -> dict[str, Any]:
    """Put every shard in place; returns dict of file to record, in order of names."""
    files = layout.placed(source.views, source.manifest["shards"])
    # what an attempt with other views has put elsewhere
    for stray in hidden.path("data").rglob("*.parquet"):
        if stray.relative_to(hidden.root).as_posix() not in files:
            stray.unlink()
    classes = frozenset(column.name for column in having(source.columns, Classes))
    tasks = [
        (source.storage, record, hidden, file, source.digest_column, classes, link)
        for file, record in files.items()
    ]
    with progress("packing", sum(record["rows"] for record in files.values())) as done:
        for file, sizes in runner.run(pack, tasks):
            files[file]["columns_bytes"] = sizes
            done(files[file]["rows"])
    return files


def _write_index(hidden: LocalStorage, files: Sequence[str]) -> None:
    with hidden.writing(layout.INDEX) as file, pq.ParquetWriter(
        file, layout.INDEX_SCHEMA, compression="zstd", use_dictionary=["file", "view", "split"]
    ) as writer:  # fmt: skip
        held: list[pa.Table] = []
        for i, name in enumerate(files):
            held.append(pq.read_table(hidden.path(index_part(name))).replace_schema_metadata(None))
            # a row group for each shard would make a footer larger than the index
            if sum(map(len, held)) >= INDEX_GROUP_ROWS or i == len(files) - 1:
                writer.write_table(pa.concat_tables(held))
                held = []


def _describe(
    source: Source, hidden: LocalStorage, files: dict[str, Any], before: opened.Release | None,
    version: str, repo: str | None, notes: list[str], identity: str,
) -> dict[str, Any]:  # fmt: skip
    """Write what stands beside the data; returns the manifest."""
    _write_index(hidden, list(files))
    packaging = source.packaging
    manifest = {
        "release_format": layout.RELEASE_FORMAT, "corpus": source.corpus.name, "title": source.corpus.title,
        "version": version, "data_version": source.data_version, "released": _date(hidden),
        "repo": repo, "identity": identity, "config": source.manifest["config"],
        "config_digest": source.manifest["config_digest"],
        "num_rows": sum(record["rows"] for record in files.values()),
        "sample_rate": source.config.sample_rate, "digest_column": source.digest_column,
        "columns": leaf_types(schema(source.columns, source.config.sample_rate), without=("audio",)),
        "views": {
            view.name: {"folders": list(view.folders), "columns": view.columns and list(view.columns)}
            for view in source.configs
        },
        "made_of": [part.record() for part in packaging.made_of], "provenance": dict(packaging.provenance),
        "previous": before and before.version, "notes": notes,
        "changelog": list(before.manifest["changelog"]) if before else [],
        "files": {file: {key: record[key] for key in _KEPT} for file, record in files.items()},
        "card_text": card.neutral_digest(source, files, repo),
    }  # fmt: skip
    lines = notes + ["First release."] * (before is None)
    if before:
        with remote.hub_errors(before.where, "reading"):
            changes = compare(before, opened.directory(hidden.root, manifest), details=True)
        if problem := versions.problem(version, changes, before.version):
            raise UsageError(problem)
        lines += [line for line in changes.lines() if line != NOTED]
    manifest["changelog"].append({"version": version, "released": manifest["released"], "lines": lines})
    card.write(hidden, *card.release_card(source, files, manifest))
    hidden.write_json(layout.CROISSANT, croissant.describe(source, manifest))
    _attribute(source, hidden)
    for name in BESIDE:
        if hidden.path(name).exists():
            record = hidden.record(name)
            manifest["files"][name] = {"bytes": record["bytes"], "sha256": record["sha256"]}
    return sealed(manifest)


def _attribute(source: Source, hidden: LocalStorage) -> None:
    """Write who is to be named, where the corpus says that somebody is."""
    names = source.corpus.attributed_by
    if names:
        groups = groups_of(source.storage, source.records, names)
        rows = (row for group in groups for row in group.to_pylist())
        with hidden.writing(layout.ATTRIBUTION) as file:
            file.writelines(f"{line}\n".encode() for line in source.corpus.attribution(rows))


def _day() -> date:
    """The day of a release: that of ``$SOURCE_DATE_EPOCH``, as reproducible-builds.org has it, else today.

    Raises: UsageError when that is no time.
    """
    stamp = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        return (datetime.fromtimestamp(int(stamp), UTC) if stamp else datetime.now()).date()
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"SOURCE_DATE_EPOCH is {stamp!r}; give whole seconds since 1970, in years 1 to 9999, or unset it"
        ) from None


def _date(hidden: LocalStorage) -> str:
    """The day this release was first finished up to here: kept when it goes on after a stop."""
    kept = hidden.path(_RELEASED)
    if kept.exists():
        return read_json(kept, MANIFEST_BYTES)
    today = _day().isoformat()
    hidden.write_json(_RELEASED, today)
    return today
