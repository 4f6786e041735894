"""Shards: files of rows, written whole or not at all, and the directory that they are made in.

Conventions
-----------
A shard is written under a temporary name, synced, renamed, and then recorded with its digest. Whatever kills
the process, a recorded shard is complete; running the same command again makes the missing ones, and the
bytes are those of an uninterrupted run. Everything lies in a hidden folder until all of it is there: a
reader sees a whole dataset or none. While shards are made, each adds a line to a log; the manifest is
written at the beginning and at the end.

Layout of the Parquet files: encoded audio and MIDI are stored plain and uncompressed, so each is
one contiguous range of bytes; other columns are compressed with zstd; page index on.
"""

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from sousa.generation import PACKAGE_VERSION, memory
from sousa.generation.columns import SPLITS, leaves
from sousa.generation.errors import RunError, UsageError
from sousa.generation.manifest import (
    BEGUN,
    FORMAT_VERSION,
    LOG,
    MANIFEST,
    PART_LOG,
    PART_LOGS,
    STEM,
    UNFINISHED,
    ShardFile,
    config_digest,
    read_manifest,
    sealed,
    short,
)
from sousa.generation.storage import SHOWN, LocalStorage

DATA_DIR, CARD = "data", "README.md"
_MOST_TOLD = 6  # settings in which two datasets differ
# Arrow's readers break at 2 GiB of a row group, the Hub's viewer at 286 MiB
MAX_GROUP_BYTES = 100_000_000


@dataclass(frozen=True)
class Shard:
    """One shard of a plan.

    Attributes:
        name: ``split/stem``, the stem of letters, digits, ``_`` and ``-``; its file is
            ``data/split/stem.parquet``.
        split: train, validation or test.
        rows: how many it holds.
        key: coordinates, plain data for the corpus that planned it.

    Raises: RunError for another name or split.
    """

    name: str
    split: str
    rows: int
    key: dict

    def __post_init__(self) -> None:
        if self.split not in SPLITS or not re.fullmatch(f"{self.split}/{STEM}", self.name):
            raise RunError(
                f"a shard of split {self.split!r} is named {self.name!r}; name it split/stem: the split is "
                f"one of {', '.join(SPLITS)}, the stem is letters, digits, _ and -"
            )

    @property
    def file(self) -> str:
        """Path of the shard inside the dataset directory."""
        return f"{DATA_DIR}/{self.name}.parquet"


def parquet_writer(file: Any, schema: pa.Schema) -> pq.ParquetWriter:
    """A Parquet writer with this project's layout; ``file``: path or file object."""
    kinds = leaves(schema)
    plain = [path for path, kind in kinds if pa.types.is_binary(kind)]
    return pq.ParquetWriter(
        file, schema,
        compression={path: "NONE" if path in plain else "ZSTD" for path, _ in kinds},
        use_dictionary=[path for path, kind in kinds if pa.types.is_string(kind)],
        write_statistics=[path for path, _ in kinds if path not in plain],
        write_page_index=True, store_schema=True,
    )  # fmt: skip


def bounded(table: pa.Table) -> Iterator[pa.Table]:
    """A table in parts of at most MAX_GROUP_BYTES each, one row at least."""
    if table.nbytes <= MAX_GROUP_BYTES or len(table) < 2:
        yield table
    else:
        half = len(table) // 2
        yield from bounded(table.slice(0, half))
        yield from bounded(table.slice(half))


@contextmanager
def _native(file: BinaryIO) -> Iterator[Any]:
    """An open, empty file as one that Arrow writes itself: through Python, every page is copied once more.

    Raises: OSError as Python has it, with the system's own words.
    """
    sink: Any = None
    with suppress(OSError):  # a system may not open files by their numbers
        sink = pa.OSFile(f"/dev/fd/{file.fileno()}", "wb")
    if sink is None:
        yield file
        return
    try:
        with sink:
            yield sink
    except OSError as error:
        raise (OSError(error.errno, os.strerror(error.errno)) if error.errno else error) from None


def write_shard(corpus: Any, config: Any, shard: Shard, storage: LocalStorage) -> tuple[str, dict[str, Any]]:
    """Make one shard: a task for runners.

    Returns: ``(name, record)`` for the manifest.
    Raises: RunError when it can't be made or written.
    """
    begin, rows = time.perf_counter(), 0
    if not storage.has_begun():  # whoever hands out the shards writes its manifest first
        raise RunError(
            f"{storage.where} holds no dataset that was begun, as {socket.gethostname()} sees it; name a "
            "directory that all machines share"
        )
    corpus.prepare(config)
    with storage.inside(UNFINISHED).recorded(shard.file) as (file, record):
        with _native(file) as sink, parquet_writer(sink, corpus.schema(config)) as writer:
            for table in corpus.rows(config, shard):
                for part in bounded(table):
                    writer.write_table(part, row_group_size=len(part))
                rows += len(table)
                del table, part  # before the next one is made
                memory.release_unused()
        if not storage.has_begun():
            raise RunError(f"{storage.where} was finished by another run meanwhile, or removed")
        if rows != shard.rows:
            raise RunError(f"shard {shard.name} has {rows} rows instead of {shard.rows}: this is a bug")
    record = {"file": shard.file, "split": shard.split, "rows": rows, **record}
    return shard.name, record | {"seconds": round(time.perf_counter() - begin, 3)}


class Store:
    """A dataset directory being made: its lock, its log, its manifest, and the way to finish it.

    Use as a context manager. Raises UsageError when the directory belongs to something else.

    Args:
        package: name and version of what makes the rows.
        part: numbers of the shards that this run makes; None for all. Several runs that make parts may
            work in one directory at once, and none of them finishes it.
    """

    def __init__(
        self, storage: LocalStorage, config: Any, shards: list[Shard],
        package: tuple[str, str] = ("sousa", PACKAGE_VERSION), part: range | None = None,
    ):  # fmt: skip
        self.storage, self.config, self.shards, self.package = storage, config, shards, package
        self.identity = config.identity()
        self.digest = config_digest(self.identity)
        self.place = storage.inside(UNFINISHED)  # where the files lie now
        self.records: dict[str, dict[str, Any]] = {}
        self.facts: dict[str, Any] = {}  # what an earlier run has put beside the shards
        self.names = set(self._manifest(False))  # of the manifest itself
        self.part, self.log = part, LOG
        if part is not None:
            self.log = PART_LOG.format(UNFINISHED, part[0], part[-1], self.digest)

    def __enter__(self) -> "Store":
        with ExitStack() as held:
            held.enter_context(self.storage.locked(shared=self.part is not None))
            if old := self.require_own():
                self.facts = {name: old[name] for name in old.keys() - self.names}
            if self.part is None:
                self.storage.sweep()
            if old and old["complete"]:
                if self.part is not None:
                    raise UsageError(
                        f"{self.storage.where} is finished already; leave --shards out to mend it"
                    )
                self.records, self.place = dict(old["shards"]), self.storage
                self.storage.remove(UNFINISHED)  # of a run that went on after another had finished
            elif self.part is not None:
                self.records = self._logged()
            else:
                if self.storage.path(MANIFEST).exists():  # as earlier versions left it: all of it lies here
                    self._mark_shown()
                self.storage.hide(UNFINISHED)
                self.records = self._logged()
            self._lock = held.pop_all()
        return self

    def __exit__(self, *details: Any) -> None:
        self._lock.__exit__(*details)

    def require_own(self) -> dict[str, Any] | None:
        """The manifest that is there, None for an empty or new directory.

        Raises: UsageError when the directory belongs to something else.
        """
        old = read_manifest(self.storage.root)
        if old and not old["complete"] and self.part is None and not self._has_rows():
            return None  # begun, perhaps with other settings, and nothing is lost with it
        others = set(self.storage.entries()) - {UNFINISHED} or self.place.entries()
        if old is None and others and self.part is not None:
            old = read_manifest(self.storage.root)  # another run has begun it meanwhile
        if old:
            self._refuse_other(old)
        elif others:
            raise UsageError(
                f"{self.storage.where} holds other files, not a dataset; choose an empty or new directory"
            )
        return old

    def _has_rows(self) -> bool:
        """Whether an unfinished dataset has shards, recorded or not."""
        shards = (place.path(DATA_DIR).rglob("*.parquet") for place in (self.place, self.storage))
        return any(map(any, shards)) or bool(self._logged())

    def _refuse_other(self, old: dict[str, Any]) -> None:
        if old["config_digest"] == self.digest:
            return
        theirs, ours = old["config"], self.identity
        if old["format_version"] != FORMAT_VERSION or theirs.get("data_version") != ours["data_version"]:
            raise UsageError(
                f"{self.storage.where} holds a dataset of data version {theirs.get('data_version')}, and "
                f"this sousa makes {ours['data_version']}; {other_version(old)}, or choose another directory"
            )
        differing = [
            f"{key}: {short(theirs.get(key))} there, {short(ours.get(key))} now"
            for key in ours
            if json.dumps(theirs.get(key)) != json.dumps(ours.get(key))
        ]
        # a digest says no more than the settings that it follows from
        plain = [text for text in differing if not text.partition(":")[0].endswith("digest")] or differing
        differing = plain[:_MOST_TOLD] + [f"and {len(plain) - _MOST_TOLD} more"] * (len(plain) > _MOST_TOLD)
        raise UsageError(
            f"{self.storage.where} holds a dataset made with other settings "
            f"({'; '.join(differing or ['its manifest was changed by hand'])}); choose another directory, "
            "or delete this one"
        )

    def _logged(self) -> dict[str, dict[str, Any]]:
        return logged(self.storage, self.digest)

    def missing(self) -> tuple[list[Shard], list[str]]:
        """Shards still to be made, of all or of its part, and what was wrong with recorded ones."""
        wanted = {(s.name, s.file, s.rows, s.split) for s in self.shards}
        fitting = {n: r for n, r in self.records.items() if (n, r["file"], r["rows"], r["split"]) in wanted}
        shards = self.shards if self.part is None else [self.shards[number] for number in self.part]
        looked_at = {shard.name for shard in shards}
        fitting = {name: record for name, record in fitting.items() if name in looked_at}
        damaged = {name: text for name, record in fitting.items() if (text := self.place.damage(record))}
        self.records = {name: record for name, record in fitting.items() if name not in damaged}
        return [shard for shard in shards if shard.name not in self.records], list(damaged.values())

    def begin(self) -> None:
        """Write the manifest of an unfinished dataset, and hide what there is of it."""
        if self.part is not None:
            if not self.place.path(MANIFEST).exists():
                self.place.write_json(MANIFEST, self._manifest(False))
            if now := read_manifest(self.storage.root):  # another run may have written it at the same time
                self._refuse_other(now)
            return
        self.storage.write_json(BEGUN, self._manifest(False))
        if self.place == self.storage:
            self._mark_shown()
            self.place = self.storage.inside(UNFINISHED)
        self.storage.remove(MANIFEST)
        self.storage.hide(UNFINISHED)
        with self.storage.writing(LOG) as file:
            file.writelines(f"{_line(*item)}\n".encode() for item in self.records.items())

    def _mark_shown(self) -> None:
        shown = [name for name in _at_top(self.storage) if name[0] != "."]
        self.storage.write_json(f"{UNFINISHED}/{SHOWN}", shown)

    def record(self, name: str, entry: dict[str, Any]) -> None:
        """Add a finished shard."""
        self.records[name] = entry
        self.storage.append(self.log, _line(name, entry))

    def finish(self, views: dict[str, str], facts: dict[str, Any]) -> None:
        """Show everything, and write the manifest; ``views``: of each shard the smallest size that has it."""
        for name, record in self.records.items():
            record["view"] = views[name]
        if self.place != self.storage:
            self.storage.show(UNFINISHED, _at_top(self.place))
        self.facts = facts
        self.storage.write_json(MANIFEST, self._manifest(True))
        self.storage.remove(UNFINISHED)
        self.storage.publish()

    def _manifest(self, complete: bool) -> dict[str, Any]:
        shards = {s.name: self.records[s.name] for s in self.shards} if complete and self.records else {}
        return sealed({
            "format_version": FORMAT_VERSION, "data_version": self.identity["data_version"],
            "package": self.package[0], "package_version": self.package[1], "size": self.config.size,
            "config": self.identity, "config_digest": self.digest, "complete": complete,
            "num_shards": len(self.shards), "num_rows": sum(shard.rows for shard in self.shards),
            **self.facts, "shards": shards,
        })  # fmt: skip


def logged(storage: LocalStorage, digest: str) -> dict[str, dict[str, Any]]:
    """Records of the shards in the logs of an unfinished dataset, by name: those of all runs that made parts.

    Of several records of a name the last one counts; a line that was cut short is left out.

    Args:
        digest: of the settings; what runs with others have logged is left out.
    """
    records = {}
    found = (re.fullmatch(PART_LOGS, name) for name in sorted(storage.inside(UNFINISHED).entries()))
    logs = [f"{UNFINISHED}/{log[0]}" for log in found if log and digest.startswith(log[1])]
    for log in [*logs, LOG]:
        for line in storage.lines(log):
            with suppress(ValueError, TypeError, RecursionError):
                name, record = json.loads(line)
                ShardFile.model_validate(record)
                records[str(name)] = record
    return records


def other_version(manifest: dict[str, Any]) -> str:
    """Which version of the package makes the rows of a dataset."""
    version = manifest.get("package_version", manifest["config"].get("data_version"))
    return f"use the version that made it, {manifest.get('package', 'sousa')} {version}"


def _at_top(storage: LocalStorage) -> list[str]:
    """Names at the top of a dataset or of its hidden folder, in the order in which they appear.

    The card comes first, because it names the files that are data, and those come last.
    """
    names = set(storage.entries()) - {UNFINISHED, MANIFEST, SHOWN}
    names = {name for name in names if not re.fullmatch(f"{PART_LOGS}|{Path(LOG).name}", name)}
    return sorted(names, key=lambda name: (name == DATA_DIR, name != CARD, name))


def _line(name: str, record: dict[str, Any]) -> str:
    return json.dumps([name, record], separators=(",", ":"))
