"""The embeddings directory: vectors of sounds and of texts, as files that are written once and read often.

Conventions
-----------
::

    manifest.json                         what was embedded, by which encoders, and a record of each file
    rows/train-00000.parquet              the rows: columns as the dataset declares them, without sound
    audio/clap/train-00000.parquet        a row a window, see :func:`audio_schema`
    text/minilm/train-00000.parquet       a row a text, see :func:`text_schema`
    failures.jsonl                        rows that an encoder could not take: sample_id, encoder, reason

A *part* is a folder of shards of one kind: ``rows``, ``audio/NAME`` or ``text/NAME``; shards of the same name
are of the same rows in every part, in the same order. A vector is float16 and neither zero nor infinite: a
row that has none is not in the part at all, and is in ``failures.jsonl``.

A shard is written whole and then recorded; whatever ends the process, running the same command again makes
the missing ones, and the bytes of the directory, but for the times in its log, are those of an uninterrupted
run. There is no manifest before everything is there. Encoders can be added to a directory later.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from sousa.generation.columns import SPLITS
from sousa.generation.errors import RunError, UsageError, first_line, one_of
from sousa.generation.manifest import File, digest_of, first_problem, sealed, short
from sousa.generation.outside import MANIFEST_BYTES, expanded, parse_json, read, read_json
from sousa.generation.parquet import parquet_table
from sousa.generation.storage import LocalStorage

FORMAT = 1
MANIFEST, FAILURES, UNFINISHED = "manifest.json", "failures.jsonl", ".unfinished"
LOG_FILE = "embed.log"  # what was said while it was made
_BESIDE = ("model", "revision", "licence", "versions")  # weights are known by their digest
_LOG, _PLAN = f"{UNFINISHED}/shards.jsonl", f"{UNFINISHED}/plan.json"
ROWS, AUDIO, TEXT = "rows", "audio", "text"
KINDS = (AUDIO, TEXT)


def audio_schema(dim: int) -> pa.Schema:
    """Columns of windows; ``start_sec`` and ``end_sec`` are seconds in the sound."""
    return pa.schema([
        ("sample_id", pa.string()), ("window", pa.int32()), ("start_sec", pa.float64()),
        ("end_sec", pa.float64()), ("embedding", pa.list_(pa.float16(), dim)),
    ])  # fmt: skip


def text_schema(dim: int) -> pa.Schema:
    """Columns of texts.

    ``number`` is 0 for a row's own text and 1, 2, … for further ones; ``start_sec`` and ``end_sec`` say which
    part of the sound it is about, null for all of it.
    """
    return pa.schema([
        ("sample_id", pa.string()), ("number", pa.int32()), ("text", pa.string()), ("source", pa.string()),
        ("language", pa.string()), ("start_sec", pa.float64()), ("end_sec", pa.float64()),
        ("embedding", pa.list_(pa.float16(), dim)),
    ])  # fmt: skip


def vectors(table: pa.Table) -> np.ndarray:
    """The vectors of a table: float32 (rows, dim)."""
    column = table["embedding"].combine_chunks()
    values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    return values.reshape(len(table), column.type.list_size)


def column_of(values: np.ndarray) -> pa.Array:
    """Vectors as a column: float (rows, dim) to a list of float16 each.

    Raises: RunError for vectors of zeros, and for values that float16 does not hold.
    """
    halves = _halves(values)
    if problem := next(filter(None, map(vector_problem, halves)), None):
        raise RunError(f"a vector {problem}, and is not stored: this is a bug")
    return pa.FixedSizeListArray.from_arrays(pa.array(halves.reshape(-1)), halves.shape[1])


def vector_problem(vector: np.ndarray) -> str | None:
    """Why a vector can't be stored as float16, or None."""
    halves = _halves(vector)
    if not np.isfinite(halves).all():
        return "has values that are not finite"
    return None if halves.any() else "is all zeros"


def _halves(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # it is looked for
        return np.ascontiguousarray(values, np.float16)


@dataclass(frozen=True)
class Failure:
    """A row that an encoder could not take."""

    sample_id: str
    encoder: str
    reason: str


class Writer:
    """An embeddings directory being made: its lock, its log, and the way to finish it. A context manager.

    Args:
        storage: the directory.
        plan: what decides the rows, as plain data.
        encoders: what decides the vectors, by name: plain data with a ``kind`` of KINDS.
        shards: names of all shards.
        retry: shards with failures are made again.

    Attributes:
        records: of shards that are there, by part and name.

    Raises: UsageError when the directory belongs to something else, or was made of other rows, or has
        vectors of another encoder under one of the names.
    """

    def __init__(
        self,
        storage: LocalStorage,
        plan: dict[str, Any],
        encoders: Mapping[str, dict[str, Any]],
        shards: Sequence[str],
        retry: bool = False,
    ):
        self.storage, self.plan, self.shards = storage, plan, list(shards)
        self.encoders, self.retry = dict(encoders), retry
        self.records: dict[str, dict[str, Any]] = {}
        self._failures: dict[str, list[Failure]] = {}
        self._finished: dict[str, Any] | None = None

    def __enter__(self) -> "Writer":
        self._lock = self.storage.locked()
        self._lock.__enter__()
        try:
            self._take_over()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *details: Any) -> None:
        self._lock.__exit__(*details)

    def _take_over(self) -> None:
        """Find what an earlier run has left."""
        root = self.storage.root
        begun = self._json(_PLAN)
        if self.storage.path(MANIFEST).exists():
            self._finished = read_manifest(root)
            theirs = self._finished["plan"]
            others = self._finished["encoders"]
        elif begun is not None:
            theirs, others = begun["plan"], {}
        else:
            if set(self.storage.entries()) - {UNFINISHED, LOG_FILE}:
                raise UsageError(f"{root} holds other files, no embeddings; choose an empty or new directory")
            theirs, others = self.plan, {}
        if digest_of(theirs) != digest_of(self.plan):
            raise UsageError(
                f"{root} holds embeddings of other rows ({_differing(theirs, self.plan)}); choose another "
                "directory, or delete this one"
            )
        others = others | (begun["encoders"] if begun is not None else {})
        for name, settings in self.encoders.items():
            if name in others and digest_of(decisive(others[name])) != digest_of(decisive(settings)):
                raise UsageError(
                    f"{root} holds embeddings of {name} made otherwise "
                    f"({_differing(decisive(others[name]), decisive(settings))}); choose another directory"
                )
        self.storage.sweep()
        self._recorded()

    def _recorded(self) -> None:
        """Records and failures of the shards that are there and whole."""
        entries: list[Any] = []
        if self._finished is not None:
            self.encoders = self._finished["encoders"] | self.encoders
            rest = iter(map(vars, read_failures(self.storage.root)))
            for part, shards in self._finished["shards"].items():
                for record in shards:
                    failed = list(islice(rest, record["failed"]))
                    entries.append([f"{part}/{Path(record['file']).stem}", record, failed])
        for line in self.storage.lines(_LOG):
            with suppress(ValueError):
                entries.append(parse_json(line))
        for name, record, failed in entries:
            if not self.storage.damage(record) and not (self.retry and failed):
                self.records[name] = record
                self._failures[name] = [Failure(**failure) for failure in failed]

    def _json(self, file: str) -> Any:
        with suppress(OSError, ValueError):
            return read_json(self.storage.path(file), MANIFEST_BYTES)
        return None

    def begin(self) -> None:
        """Say what is going to be made; nothing was written before."""
        self.storage.write_json(_PLAN, {"plan": self.plan, "encoders": self.encoders})

    def missing(self, part: str) -> list[str]:
        """Names of shards that a part lacks."""
        return [shard for shard in self.shards if f"{part}/{shard}" not in self.records]

    def write(self, part: str, shard: str, table: pa.Table, failures: Iterable[Failure] = ()) -> None:
        """Write a shard, and record it; ``failures``: of the rows that are not in it."""
        name = f"{part}/{shard}"
        texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
        with self.storage.writing(f"{name}.parquet") as file:
            pq.write_table(
                table, file, compression="zstd", use_dictionary=texts, write_statistics=texts,
                row_group_size=max(len(table), 1),
            )  # fmt: skip
        self._failures[name] = list(failures)
        counts = {"rows": len(table), "failed": len(self._failures[name])}
        self.records[name] = record = self.storage.record(f"{name}.parquet") | counts
        line = json.dumps([name, record, list(map(vars, self._failures[name]))], separators=(",", ":"))
        self.storage.append(_LOG, line)

    def failures(self) -> list[Failure]:
        """Of all shards that are there: by part, then by shard, in order of rows."""
        names = [f"{part}/{shard}" for part in self.parts for shard in self.shards]
        return [failure for name in names for failure in self._failures.get(name, ())]

    @property
    def parts(self) -> list[str]:
        """Parts of the directory in order."""
        return [ROWS, *(f"{settings['kind']}/{name}" for name, settings in self.encoders.items())]

    def finish(self, facts: Mapping[str, Any]) -> None:
        """List failures and write the manifest; ``facts``: plain data that readers may want.

        Raises: RunError when a shard is missing.
        """
        if lacking := [f"{part}/{name}" for part in self.parts for name in self.missing(part)]:
            raise RunError(f"{self.storage.root} lacks {lacking[0]}: this is a bug")
        with self.storage.writing(FAILURES) as file:
            file.writelines(json.dumps(vars(failure)).encode() + b"\n" for failure in self.failures())
        shards = {part: [self.records[f"{part}/{name}"] for name in self.shards] for part in self.parts}
        manifest = {"embeddings_format": FORMAT, "plan": self.plan, **facts, "encoders": self.encoders,
                    "failures": self.storage.record(FAILURES), "shards": shards}  # fmt: skip
        self.storage.write_json(MANIFEST, sealed(manifest))
        self.storage.remove(UNFINISHED)


def decisive(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of an encoder without what does not decide its vectors: where it was, versions."""
    return {name: value for name, value in settings.items() if name not in _BESIDE}


def _differing(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    keys = [key for key in {**ours, **theirs} if theirs.get(key) != ours.get(key)]
    return "; ".join(f"{key}: {short(theirs.get(key))} there, {short(ours.get(key))} now" for key in keys)


class _Encoder(BaseModel):
    model_config = ConfigDict(extra="allow")

    kind: str
    dim: int


class _Shard(File):
    rows: int
    failed: int


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="allow")

    embeddings_format: int
    plan: dict[str, Any]
    encoders: dict[str, _Encoder]
    failures: File
    shards: dict[str, list[_Shard]]


def read_manifest(root: str | Path) -> dict[str, Any]:
    """The manifest of an embeddings directory.

    Raises: UsageError where there is none; RunError where it can't be read, or the directory is unfinished.
    """
    path = Path(root) / MANIFEST
    try:
        manifest = read_json(path, MANIFEST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        if (Path(root) / _PLAN).exists():
            raise RunError(f"{root} is unfinished; run the same 'sousa embed' command again") from None
        raise UsageError(f"no embeddings in {root} (no {MANIFEST}); make some with 'sousa embed'") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} can't be read ({first_line(error)}); embed again") from None
    version = manifest.get("embeddings_format") if isinstance(manifest, dict) else None
    if version is None:
        raise UsageError(f"{root} holds something else, no embeddings; make some with 'sousa embed'")
    if version != FORMAT:
        raise RunError(f"{root} has format {short(version)}, this sousa reads {FORMAT}; use a newer sousa")
    try:
        _Manifest.model_validate(manifest)
    except ValidationError as failure:
        raise RunError(f"{path} is not a manifest ({first_problem(failure)}); embed again") from None
    if sealed(manifest) != manifest:
        raise RunError(f"{path} was changed by hand: it does not match its own digest; embed again")
    return manifest


def read_failures(root: str | Path) -> list[Failure]:
    """Rows that encoders could not take, from a finished directory; raises RunError."""
    path = Path(root) / FAILURES
    try:
        lines = read(path, MANIFEST_BYTES).decode().splitlines()
        return [Failure(**parse_json(line)) for line in lines]
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{path} can't be read ({first_line(error)}); embed again") from None


class Embeddings:
    """A finished embeddings directory, for reading.

    Args:
        root: the directory.

    Attributes:
        manifest: as read.
        encoders: settings by name; ``kind`` is ``audio`` or ``text``.

    Raises: UsageError or RunError where there is none, as :func:`read_manifest`.
    """

    def __init__(self, root: str | Path):
        self.storage = LocalStorage(expanded(root))
        self.manifest = read_manifest(self.storage.root)
        self.encoders: dict[str, dict[str, Any]] = self.manifest["encoders"]

    @cached_property
    def splits(self) -> list[str]:
        """Splits that have rows, in the order of SPLITS."""
        there = {Path(record["file"]).stem.rpartition("-")[0] for record in self.manifest["shards"][ROWS]}
        return [split for split in SPLITS if split in there]

    def names(self, kind: str) -> list[str]:
        """Encoders of a kind: audio or text."""
        return [name for name, settings in self.encoders.items() if settings["kind"] == kind]

    def failures(self) -> list[Failure]:
        """Rows that encoders could not take."""
        return read_failures(self.storage.root)

    def rows(self, split: str | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a split, or of all for None, with the metadata that declares their columns."""
        return self._part(ROWS, split, columns)

    def audio(self, encoder: str, split: str | None = None) -> pa.Table:
        """Windows of sounds, see :func:`audio_schema`; rows that failed have none."""
        return self._part(self._named(AUDIO, encoder), split)

    def text(self, encoder: str, split: str | None = None) -> pa.Table:
        """Texts, see :func:`text_schema`."""
        return self._part(self._named(TEXT, encoder), split)

    def _named(self, kind: str, encoder: str) -> str:
        if encoder not in (known := self.names(kind)):
            choice = one_of(encoder, known) if known else f"{encoder!r}: there is none of {kind}"
            raise UsageError(f"{self.storage.root} has no embeddings by {choice}")
        return f"{kind}/{encoder}"

    def _part(self, part: str, split: str | None, columns: Sequence[str] | None = None) -> pa.Table:
        if split is not None and split not in self.splits:
            raise UsageError(f"{self.storage.root} has no split {one_of(split, self.splits)}")
        tables = []
        for record in self.manifest["shards"][part]:
            if split in (None, Path(record["file"]).stem.rpartition("-")[0]):
                if damage := self.storage.damage(record):
                    raise RunError(f"{self.storage.root}: {damage}; embed again")
                try:
                    tables.append(parquet_table(self.storage.path(record["file"]), columns))
                except (OSError, pa.ArrowException) as error:
                    raise RunError(f"{record['file']} can't be read ({first_line(error)})") from None
        return pa.concat_tables(tables)
