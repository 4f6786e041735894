"""From a dataset or release to an export: shard for shard, resumed where it stopped.

Each shard's files, and its share of the files of all rows, are written into a hidden folder, and then a
record that says so. When all shards have one, the shares are put together and everything appears.
``export.json`` comes last: an export that has it is whole, and ``SHA256SUMS`` beside it is what
``sha256sum -c`` checks.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pyarrow as pa

from sousa.builders import export
from sousa.builders.export.source import Source, open_source, rows_of
from sousa.generation.columns import SPLITS
from sousa.generation.console import silent
from sousa.generation.corpus import Say
from sousa.generation.errors import RunError, UsageError, not_whole, one_of, raise_all
from sousa.generation.exporting import Format
from sousa.generation.filters import Filter
from sousa.generation.manifest import UNFINISHED, digest_of
from sousa.generation.outside import MANIFEST_BYTES, read_json, status_of
from sousa.generation.runners import LocalRunner, Runner
from sousa.generation.storage import LocalStorage, file_digest
from sousa.generation.text import counted

EXPORT_FORMAT = 1  # another one when files are laid out otherwise
MANIFEST, SUMS = "export.json", "SHA256SUMS"
MOST = 2**31 - 1  # that columns of int32 hold
_OWN, _BEGUN, _PARTS = "own", "own/begun.json", "own/parts"


def make(
    root: str | Path, output: str | Path, to: str, split: str | None = None,
    where: Mapping[str, Any] | None = None, runner: Runner | None = None, say: Say = print,
    progress: Any = silent, plugins: Sequence[str] = (), fill_null: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Export a finished dataset or a release, or finish an export that was begun.

    Args:
        root: dataset or release directory.
        output: directory of the export.
        to: the format, one of :func:`sousa.builders.export.every`.
        split, where, plugins, fill_null: as for :func:`sousa.builders.api.export`.
        runner: where tasks run; by default in processes, one a core.
        say, progress: as of :class:`sousa.generation.console.Console`.

    Returns: what ``export.json`` says, and ``load``, a line of Python.
    Raises: UsageError or RunError; what is finished is kept.
    """
    for path in (root, output):
        status_of(path)  # before it is resolved
    known = export.every()
    problems = [] if to in known else [f"unknown format {one_of(to, known)}"]
    problems += [] if split in (None, *SPLITS) else [f"unknown split {one_of(split, SPLITS)}"]
    if fill_null is not None:
        allowed = f"a whole number from -{MOST} to {MOST}"
        problems += not_whole("--fill-null", fill_null, allowed, -MOST, MOST)
    if Path(root).resolve() in (Path(output).resolve(), *Path(output).resolve().parents):
        problems.append(f"{output} is inside {root}; choose another directory")
    raise_all(problems)
    source = open_source(root, plugins)
    if to not in export.FORMATS and to not in source.corpus.exports:
        others = [*export.FORMATS, *source.corpus.exports]
        raise UsageError(f"{to} is no format for {source.corpus.name}; choose from {', '.join(others)}")
    format_: Format = resolve_name(known[to][0])(source.corpus.title, source.columns, fill_null)
    if fill_null is not None and not format_.fills:
        raise UsageError(f"{to} has no columns of numbers to fill; leave out --fill-null, or export to csv")
    if problem := format_.problem():
        raise UsageError(f"{root} can't be exported to {to}: {problem}")
    chosen = Filter.parse(where or {}, source.columns, source.corpus)
    data = {shard["file"]: shard["sha256"] for shard in source.shards}
    request: dict[str, Any] = {"format": to, "split": split, "where": dict(where or {})}
    request |= {} if fill_null is None else {"fill_null": fill_null}
    identity = digest_of([EXPORT_FORMAT, source.corpus.name, data, request])
    storage = LocalStorage(str(output))
    with storage.locked():
        manifest = _begin(storage, identity, root)
        if manifest:
            say(f"{output} is finished already: all {manifest['files']:,} files are unchanged")
        else:
            tasks = _tasks(format_, source, storage.inside(UNFINISHED), split, chosen)
            _write_all(tasks, storage.inside(UNFINISHED), runner or LocalRunner(), say, progress)
            facts = {"export_format": EXPORT_FORMAT, "corpus": source.corpus.name, **request}
            facts |= {"data_version": source.data_version, "identity": identity}
            manifest = _finish(format_, tasks, storage, facts)
    return manifest | {"load": format_.load(str(output))}


def _begin(storage: LocalStorage, identity: str, root: str | Path) -> dict[str, Any] | None:
    """Make sure the directory is free or holds this very export; returns its facts when it is finished."""
    output, hidden = storage.root, storage.inside(UNFINISHED)
    if storage.path(MANIFEST).exists():
        manifest = _read(storage, MANIFEST)
        if manifest.get("identity") != identity:
            raise UsageError(f"{output} holds another export, or other files; choose another directory")
        storage.sweep()
        storage.remove(UNFINISHED)  # killed between the last two steps
        _check(storage, manifest)
        return manifest
    if hidden.path(_BEGUN).exists():
        if _read(hidden, _BEGUN) != {"identity": identity}:
            raise UsageError(
                f"{output} holds an unfinished export of other rows or to another format than {root} now; "
                "delete it, or choose another directory"
            )
        storage.sweep()
    elif set(storage.entries()) - {UNFINISHED} or hidden.entries():
        raise UsageError(f"{output} holds other files; choose an empty or new directory")
    hidden.write_json(_BEGUN, {"identity": identity})
    return None


def _read(storage: LocalStorage, file: str) -> dict[str, Any]:
    try:
        data = read_json(storage.path(file), MANIFEST_BYTES)
    except (OSError, ValueError) as error:
        raise RunError(
            f"{storage.path(file)} can't be read ({error}); delete {storage.root} and export again"
        ) from None
    return data if isinstance(data, dict) else {}


def _check(storage: LocalStorage, manifest: dict[str, Any]) -> None:
    """Raise RunError unless every file of a finished export is as it was written."""
    try:
        file = SUMS
        wrong = None if file_digest(storage.path(SUMS)) == manifest.get("sums") else f"{SUMS} was changed"
        with open(storage.path(SUMS), encoding="utf-8") as lines:
            for line in lines if wrong is None else ():
                digest, _, file = line.rstrip("\n").partition("  ")
                if file_digest(storage.path(file)) != digest:
                    wrong = f"{file} was changed"
                    break
    except OSError as error:
        wrong = f"{file} can't be read ({error.strerror})"
    if wrong:
        raise RunError(f"{storage.root} is finished, but {wrong}; delete it and export again")


def _tasks(
    format_: Format, source: Source, hidden: LocalStorage, split: str | None, chosen: Filter
) -> list[tuple[Any, ...]]:
    tasks, first = [], 0
    for number, shard in enumerate(source.shards):
        if split in (None, shard["split"]):
            tasks.append((format_, source.storage, shard, first, chosen, hidden, f"{_PARTS}/{number:06}"))
        first += shard["rows"]
    return tasks


def _write_all(
    tasks: list[tuple[Any, ...]], hidden: LocalStorage, runner: Runner, say: Say, progress: Any
) -> None:
    todo = [task for task in tasks if not hidden.path(f"{task[-1]}.json").exists()]
    if len(todo) < len(tasks):
        say(f"already there: {len(tasks) - len(todo)} of {counted(len(tasks), 'shard')}")
    with progress("exporting", sum(task[2]["rows"] for task in todo)) as done:
        for rows in runner.run(write_shard, todo):
            done(rows)


def write_shard(
    format_: Format, storage: LocalStorage, shard: dict[str, Any], first: int, chosen: Filter,
    hidden: LocalStorage, part: str,
) -> int:  # fmt: skip
    """Write what a shard gives: a task for runners; returns how many rows the shard has.

    Args:
        first: number of its first row.
        chosen: which of its rows are exported.
        hidden: where the export is made.
        part: what the names of the shard's shares begin with.

    Raises: RunError when it is damaged or something can't be written.
    """
    if problem := storage.damage(shard):
        raise RunError(f"{storage.root}: {problem}; make or get it again")
    rows, files, size, shares = 0, 0, 0, {SUMS: f"{part}-0"}
    with ExitStack() as held:
        texts = {SUMS: held.enter_context(hidden.writing(shares[SUMS]))}
        for table, numbers in rows_of(storage, shard, first, format_.reads(), chosen):
            table = format_.filled(table)
            for i, number in enumerate(numbers):
                row = table.slice(i, 1).to_pylist()[0]  # one at a time, because sound is large
                for file, content in format_.files(row, number).items():
                    with hidden.writing(file) as opened:
                        opened.write(content)
                    texts[SUMS].write(_sum(hashlib.sha256(content).hexdigest(), file))
                    files, size = files + 1, size + len(content)
                for file, text in format_.lines(row, number).items():
                    if file not in texts:
                        shares[file] = f"{part}-{len(shares)}"
                        texts[file] = held.enter_context(hidden.writing(shares[file]))
                    texts[file].write(text.encode())
            rows += len(numbers)
    hidden.write_json(f"{part}.json", {"rows": rows, "files": files, "bytes": size, "shares": shares})
    return shard["rows"]


def _sum(digest: str, file: str) -> bytes:
    return f"{digest}  {file}\n".encode()


def _finish(
    format_: Format, tasks: list[tuple[Any, ...]], storage: LocalStorage, facts: dict[str, Any]
) -> dict[str, Any]:
    """Put the shares together, show everything, and say that it is whole; returns the export's facts."""
    hidden, output = storage.inside(UNFINISHED), storage.root
    if not hidden.path(f"{_OWN}/{MANIFEST}").exists():
        parts = [_read(hidden, f"{task[-1]}.json") for task in tasks]
        if not (rows := sum(part["rows"] for part in parts)):
            storage.remove(UNFINISHED)
            raise UsageError("no row passes --split and --where, so there is nothing to export")
        together = sorted({file for part in parts for file in part["shares"]} - {SUMS})
        for file in together:
            _join(hidden, file, format_.head(file), parts)
        together += format_.finish(lambda columns: _groups(tasks, columns), hidden)
        _join(hidden, SUMS, "", parts, [_sum(file_digest(hidden.path(file)), file) for file in together])
        size = sum(part["bytes"] for part in parts)
        size += sum(hidden.path(file).stat().st_size for file in together)
        facts |= {"rows": rows, "files": sum(part["files"] for part in parts) + len(together), "bytes": size}
        notes = [*format_.notes(), *_on_fill(format_)]
        facts |= {"notes": notes, "sums": file_digest(hidden.path(SUMS))}
        hidden.write_json(f"{_OWN}/{MANIFEST}", facts)
    manifest = _read(hidden, f"{_OWN}/{MANIFEST}")
    names = set(hidden.entries()) - {_OWN}
    if taken := names & set(storage.entries()):
        raise RunError(f"{output} holds a file {min(taken)} that is not of this export; take it away")
    for name in sorted(names):
        storage.move(f"{UNFINISHED}/{name}", name)
    storage.write_json(MANIFEST, manifest)
    storage.remove(UNFINISHED)
    return manifest


def _on_fill(format_: Format) -> list[str]:
    return [] if format_.fill is None else [f"numbers that do not apply or are not known are {format_.fill}"]


def _join(
    hidden: LocalStorage, file: str, head: str, parts: list[dict[str, Any]], tail: Sequence[bytes] = ()
) -> None:
    with hidden.writing(file) as whole:
        whole.write(head.encode())
        for part in parts:
            if file in part["shares"]:
                with open(hidden.path(part["shares"][file]), "rb") as share:
                    shutil.copyfileobj(share, whole, 1 << 20)
        whole.writelines(tail)


def _groups(tasks: list[tuple[Any, ...]], columns: Sequence[str]) -> Iterator[tuple[str, pa.Table, Any]]:
    for format_, storage, shard, first, chosen, _, _ in tasks:
        for table, numbers in rows_of(storage, shard, first, columns, chosen):
            if numbers:
                yield shard["split"], format_.filled(table), numbers
