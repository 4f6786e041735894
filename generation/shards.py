"""Shards: files of rows, written whole or not at all, and the manifest that says which exist.

Conventions
-----------
A shard is written under a temporary name, synced, renamed, and then recorded in ``manifest.json``
with its digest. Whatever kills the process, a recorded shard is complete; running the same command
again makes the missing ones, and the bytes are those of an uninterrupted run.

Layout of the Parquet files: encoded audio and MIDI are stored plain and uncompressed, so each is
one contiguous range of bytes; other columns are compressed with zstd; page index on.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sousa.generation import DATA_VERSION, FORMAT_VERSION
from sousa.generation.columns import leaves
from sousa.generation.errors import RunError, UsageError
from sousa.generation.manifest import MANIFEST, read_manifest, short

DATA_DIR = "data"
_OWN_TEMPORARY = re.compile(r"^\..+\.\d+\.tmp$")


@dataclass(frozen=True)
class Shard:
    """One shard of a plan.

    Attributes:
        name: ``split/stem``; its file is ``data/split/stem.parquet``.
        split: train, validation or test.
        rows: how many it holds.
        key: coordinates, plain data for the corpus that planned it.
    """

    name: str
    split: str
    rows: int
    key: dict

    @property
    def file(self):
        """Path of the shard inside the dataset directory."""
        return f"{DATA_DIR}/{self.name}.parquet"


def explain(error, path):
    """A RunError for an operating-system error while writing ``path``."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RunError(
            f"no space left while writing {path}; free some and run the same command again to go on"
        )
    return RunError(f"can't write {path}: {error.strerror or error}")


def sync_directory(path):
    """Make renames in a directory last."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def atomic_file(path):
    """Open a temporary file for binary writing; it becomes ``path`` when the block ends well.

    Raises: RunError when it can't be written; ``path`` is then untouched.
    """
    path = Path(path)
    work = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(work, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(work, path)
        sync_directory(path.parent)
    except OSError as error:
        raise explain(error, path) from None
    finally:
        with suppress(OSError):
            work.unlink(missing_ok=True)


def write_json(path, data):
    """Write JSON atomically."""
    with atomic_file(path) as file:
        file.write((json.dumps(data, indent=1) + "\n").encode())


def sweep(root):
    """Remove the temporary files that a killed run has left below a directory."""
    for stale in Path(root).rglob(".*.tmp"):
        if _OWN_TEMPORARY.match(stale.name) and stale.is_file():
            stale.unlink(missing_ok=True)


@contextmanager
def locked(root):
    """Hold a directory, making it if need be; one process at a time.

    Raises: UsageError when another holds it, or it can't be written.
    """
    with ExitStack() as held:
        try:
            Path(root).mkdir(parents=True, exist_ok=True)
            # the directory itself is locked: nothing to leave behind
            handle = os.open(root, os.O_RDONLY)
            held.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileExistsError:
            raise UsageError(f"{root} is a file, not a directory; name another with -o") from None
        except BlockingIOError:
            raise UsageError(
                f"another sousa is writing to {root}; wait for it or choose another -o"
            ) from None
        except OSError as error:
            raise UsageError(
                f"can't write to {root}: {error.strerror or error}; choose another with -o"
            ) from None
        yield


class _Hashing:
    """A file that also digests what is written to it in order."""

    def __init__(self, file):
        self.file, self.sha, self.size, self.closed = file, hashlib.sha256(), 0, False

    def write(self, data):
        self.sha.update(data)
        self.size += len(data)
        return self.file.write(data)

    def tell(self):
        return self.size

    def flush(self):
        self.file.flush()

    def close(self):
        self.closed = True

    def writable(self):
        return True

    def readable(self):
        return False

    def seekable(self):
        return False


def parquet_writer(file, schema):
    """A Parquet writer with this project's layout.

    Args:
        file: path or file object.
        schema: Arrow schema; binary leaves are stored plain and uncompressed.
    """
    kinds = leaves(schema)
    plain = [path for path, kind in kinds if pa.types.is_binary(kind)]
    return pq.ParquetWriter(
        file, schema,
        compression={path: "NONE" if path in plain else "ZSTD" for path, _ in kinds},
        use_dictionary=[path for path, kind in kinds if pa.types.is_string(kind)],
        write_statistics=[path for path, _ in kinds if path not in plain],
        write_page_index=True, store_schema=True,
    )  # fmt: skip


def write_shard(make_tables, schema, config, shard, root):
    """Make one shard: the task that runners run.

    Args:
        make_tables: function of (config, shard) giving Arrow tables, one a row group.

    Returns: ``(name, record)`` for the manifest.
    Raises: RunError when it can't be written.
    """
    begin = time.perf_counter()
    path = Path(root) / shard.file
    rows = 0
    with atomic_file(path) as file:
        hashing = _Hashing(file)
        with parquet_writer(hashing, schema) as writer:
            for table in make_tables(config, shard):
                writer.write_table(table, row_group_size=len(table))
                rows += len(table)
    if rows != shard.rows:
        raise RunError(f"shard {shard.name} has {rows} rows instead of {shard.rows}: this is a bug")
    seconds = round(time.perf_counter() - begin, 3)
    return shard.name, {
        "file": shard.file, "split": shard.split, "rows": rows, "bytes": hashing.size,
        "sha256": hashing.sha.hexdigest(), "seconds": seconds,
    }  # fmt: skip


def file_digest(path):
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_record(root, file):
    """Record of a file beside the shards: path in the dataset, size, SHA-256."""
    path = Path(root) / file
    return {"file": file, "bytes": path.stat().st_size, "sha256": file_digest(path)}


def damage(root, record):
    """What is wrong with a recorded file, or None."""
    path = Path(root) / record["file"]
    try:
        if not path.exists():
            return f"{record['file']} is missing"
        if path.stat().st_size != record["bytes"]:
            return f"{record['file']} has {path.stat().st_size} bytes instead of {record['bytes']}"
        if file_digest(path) != record["sha256"]:
            return f"{record['file']} does not match its digest"
    except OSError as error:
        return f"{record['file']} can't be read ({error.strerror})"
    return None


def config_digest(identity):
    """SHA-256 of a configuration's identity."""
    text = json.dumps({**identity, "format_version": FORMAT_VERSION}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    """A dataset directory being made: its manifest, its lock, and the way to finish it.

    Use as a context manager. Raises UsageError when the directory belongs to something else.
    """

    def __init__(self, root, config, shards):
        self.root, self.shards = Path(root), shards
        self.identity = config.identity()
        self.digest = config_digest(self.identity)
        self.preset = config.preset
        self._lock = locked(self.root)

    def __enter__(self):
        with ExitStack() as held:
            held.enter_context(self._lock)
            old = read_manifest(self.root)
            if old is None and self._strangers():
                raise UsageError(
                    f"{self.root} holds other files, not a dataset; choose an empty or new directory with -o"
                )
            if old is not None:
                self._refuse_other(old)
            sweep(self.root)
            self.records = dict((old or {}).get("shards", {}))
            # of formats that an earlier run made; they stay true if this one is stopped
            self.kept = {name: old[name] for name in ("records",) if name in (old or {})}
            held.pop_all()
        return self

    def __exit__(self, *details):
        self._lock.__exit__(*details)

    def _strangers(self):
        # killed before its first manifest, a run leaves only the temporary one
        return [p for p in self.root.iterdir() if not _OWN_TEMPORARY.match(p.name)]

    def _refuse_other(self, old):
        if old.get("config_digest") == self.digest:
            return
        theirs, ours = old.get("config", {}), self.identity
        differing = [
            f"{key}: {short(theirs.get(key))} there, {short(ours.get(key))} now"
            for key in ours
            if json.dumps(theirs.get(key)) != json.dumps(ours.get(key))
        ]
        if old.get("format_version") != FORMAT_VERSION:
            differing.append(f"format_version: {old.get('format_version')} there, {FORMAT_VERSION} now")
        differing = differing or ["its manifest was changed by hand"]
        raise UsageError(
            f"{self.root} holds a dataset made with other settings ({'; '.join(differing)}); "
            "choose another directory with -o, or delete this one"
        )

    def missing(self):
        """Shards still to be made, and what was wrong with recorded ones: ``(shards, problems)``."""
        wanted = {shard.name: (shard.file, shard.rows, shard.split) for shard in self.shards}
        self.records = {
            name: record
            for name, record in self.records.items()
            if wanted.get(name) == (record["file"], record["rows"], record["split"])
        }
        problems = {name: damage(self.root, record) for name, record in self.records.items()}
        for name, problem in problems.items():
            if problem:
                del self.records[name]
        todo = [shard for shard in self.shards if shard.name not in self.records]
        return todo, [problem for problem in problems.values() if problem]

    def record(self, name, entry):
        """Add a finished shard, and write the manifest."""
        self.records[name] = entry
        self.write(complete=False)

    def write(self, complete, **extra):
        """Write the manifest; ``complete`` when everything beside the shards is there too.

        Args:
            extra: further facts about the dataset, plain data.
        """
        order = {shard.name: i for i, shard in enumerate(self.shards)}
        write_json(
            self.root / MANIFEST,
            {
                "format_version": FORMAT_VERSION, "data_version": DATA_VERSION, "preset": self.preset,
                "config": self.identity, "config_digest": self.digest, "complete": complete,
                "num_shards": len(self.shards), "num_rows": sum(shard.rows for shard in self.shards),
                **self.kept, **extra,
                "shards": dict(sorted(self.records.items(), key=lambda item: order[item[0]])),
            },
        )  # fmt: skip
