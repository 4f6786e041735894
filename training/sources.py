"""Where rows lie: the Parquet files of a dataset, here or on the Hub, and each row's bytes in them.

Conventions: a *source* is a list of Parquet files of one or more splits, in the order of the dataset's card
(for a generated directory or a release, the order of their names). A row's encoded audio is a byte range of
its file: :mod:`sousa.builders.row_index`. Three kinds of file have no such ranges and are dealt with once:

- compressed or dictionary-encoded audio columns (not ours) are copied uncompressed into the cache directory;
- on the Hub, files that no row index of a release describes are downloaded whole into the Hub's cache;
- rows that hold a path in place of bytes are read from that path beside the dataset.

The cache directory is ``$SOUSA_CACHE``, else ``~/.cache/sousa``.
"""

import hashlib
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sousa.builders.release import head, layout
from sousa.builders.row_index import byte_ranges
from sousa.generation import corpora, environment
from sousa.generation.corpus import Config
from sousa.generation.errors import RunError, UsageError, first_line, one_of
from sousa.generation.manifest import complete_manifest, manifest_path
from sousa.generation.outside import (
    MANIFEST_BYTES,
    expanded,
    is_directory,
    is_file,
    meant,
    read_json,
    refuse_address,
)
from sousa.generation.parquet import (
    NO_BUFFER_THREADS,
    NO_THREADS,
    parquet_file,
    parquet_schema,
    parquet_table,
)
from sousa.generation.shards import CARD
from sousa.generation.storage import atomic_file, file_digest
from sousa.training import roles

log = logging.getLogger(__name__)
_HUB = "hf://"


@dataclass(frozen=True)
class File:
    """One Parquet file: ``path`` here or ``hf://…``, its split, and its name in messages."""

    path: str
    split: str
    name: str

    @property
    def remote(self) -> bool:
        return self.path.startswith(_HUB)


@dataclass
class Source:
    """A dataset's files.

    Attributes:
        where: how the user named it.
        files: of all splits.
        token: of the Hub, or None.
        revision: commit of a dataset on the Hub.
        root: directory that clips stored as paths must be in.
        ranges: of a release on the Hub, for each file its clips' ``(offsets, lengths)``, -1 for none.
        corpus: named by the dataset's manifest, or None.
    """

    where: str
    files: list[File]
    token: str | None = None
    revision: str | None = None
    root: Path | None = None
    ranges: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)
    corpus: str | None = None

    @property
    def splits(self) -> list[str]:
        """Names of the splits, in the order of files."""
        return list(dict.fromkeys(file.split for file in self.files))

    @cached_property
    def schema(self) -> pa.Schema:
        """Arrow schema of the first file; RunError when it can't be read."""
        with _opened(self.files[0], self.token) as parquet:
            return parquet.schema_arrow

    @cached_property
    def known(self) -> roles.Known:
        """Roles of the columns."""
        return roles.of_schema(self.schema, self.corpus)

    def of(self, split: str | None) -> list[File]:
        """The files of a split, or all for None; UsageError when there is no such split."""
        if split is not None and split not in self.splits:
            raise UsageError(f"{self.where} has no split {one_of(split, self.splits)}")
        return [file for file in self.files if split in (None, file.split)]

    def identity(self) -> Any:
        """What the rows depend on, as plain data: not where they lie."""
        manifest = Path(self.where) / "manifest.json"
        if self.files[0].remote:
            return self.where  # with its commit
        if manifest.exists():  # digests of all files
            return file_digest(manifest)
        facts = [(file.name, os.stat(file.path)) for file in self.files]
        return [[name, fact.st_size, fact.st_mtime_ns] for name, fact in facts]

    def read(self, file: File, columns: Sequence[str]) -> pa.Table:
        """Columns of a file, by their Parquet paths; RunError when it can't be read."""
        with _opened(file, self.token) as parquet:
            return parquet.read(columns=list(dict.fromkeys(columns)), **NO_THREADS)

    def audio_ranges(self, file: File, column: str) -> tuple[str, np.ndarray, np.ndarray]:
        """``(path that holds the bytes, offsets, lengths)``; ``column`` is a Parquet path."""
        if file.remote:
            none = np.empty(0, np.int64)
            return (file.path, *self.ranges.get(file.name, (none, none)))
        try:
            return (file.path, *byte_ranges(file.path, column))
        except ValueError as reason:
            log.info("%s", reason)
            path = _unpacked(file, column)
            return (path, *byte_ranges(path, column))


class Live(Source):
    """A configuration whose rows are made when they are read; its files are the shards to be."""

    def __init__(self, config: Config):
        corpus = corpora.get(config.identity()["corpus"])
        shards: Any = corpus.plan(config)  # they have the split and name of a file
        super().__init__("the configuration", shards, corpus=corpus.name)
        self.config = config
        self.schema, self.known = corpus.schema(config), roles.Known(corpus.columns(config), corpus)

    def identity(self) -> Any:
        return self.config.identity()


def find(
    where: Any, name: str | None = None, revision: str | None = None, token: str | None = None
) -> Source:
    """The source a user names.

    Args:
        where: directory of a dataset or release, a Parquet file, ``org/name`` on the Hub, or the Config of a
            corpus, see :mod:`sousa.training.corpora`.
        name: config of the dataset, None for its default.
        revision: of the Hub.

    Raises: UsageError when it is none of these; RunError when it is unfinished or can't be read.
    """
    if isinstance(where, Source):
        return where
    if hasattr(where, "identity"):
        return Live(where)
    where = expanded(os.fspath(where))
    refuse_address(where)
    if is_file(where):
        return Source(where, [File(where, "train", where)], root=Path(where).parent)
    if is_directory(where):
        if revision is not None:
            raise UsageError(f"{where} is a directory, which has no revisions; leave out {revision!r}")
        return _directory(where, name)
    where, _, tag = where.partition("@")
    if layout.repo_problem(where):
        raise UsageError(
            f"{where!r} is neither a directory or Parquet file here nor a dataset on the Hub (org/name)"
            f"{meant(where)}; make one with 'sousa generate'"
        )
    if not (revision or tag) and (near := meant(where)):
        raise UsageError(f"there is no directory {where}{near}; for a dataset on the Hub give a revision")
    return _on_the_hub(where, name, revision or tag or None, token)


def _directory(where: str, name: str | None) -> Source:
    root, place = Path(where), manifest_path(where)
    manifest = _json(place)
    foreign = not place.exists() and ((root / "train").is_dir() or any(root.glob("**/*.parquet")))
    if not foreign and "release_format" not in manifest:
        manifest = complete_manifest(where)  # an unfinished dataset and an empty directory are refused
        files = [shard["file"] for shard in manifest["shards"].values()]
        if lost := [file for file in files if not (root / file).exists()]:
            raise RunError(f"{where} lacks {lost[0]}; run the 'sousa generate' command that made it again")
    files = _of_card(root, name) or _by_datasets(where, name)
    return Source(where, files, root=root, corpus=_corpus(manifest))


def _json(path: str | Path) -> dict[str, Any]:
    try:
        data = read_json(path, MANIFEST_BYTES)
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _corpus(manifest: dict[str, Any]) -> str | None:
    config = manifest.get("config")
    return manifest.get("corpus") or (config.get("corpus") if isinstance(config, dict) else None)


def _of_card(root: Path, name: str | None) -> list[File]:
    """Files as the card lists them, none when it has no list: the quick way, without ``datasets``."""
    config = head.config(head.read(root / CARD), name, str(root))
    if config is None:
        return []
    files = []
    for part in config["data_files"]:
        for pattern in [part["path"]] if isinstance(part["path"], str) else part["path"]:
            paths = (path for path in sorted(root.glob(pattern)) if path.suffix == ".parquet")
            files += [File(str(path), part["split"], str(path.relative_to(root))) for path in paths]
    if not files:
        raise RunError(f"{root} has none of the files its card lists")
    return files


def _by_datasets(
    where: str, name: str | None, revision: str | None = None, token: str | None = None
) -> list[File]:
    import datasets
    from datasets.exceptions import DataFilesNotFoundError, DatasetNotFoundError

    from sousa.builders.hub import remote

    try:
        with remote.kept(f"reading {where}"):
            builder = datasets.load_dataset_builder(where, name, revision=revision, token=token)
    except (DatasetNotFoundError, DataFilesNotFoundError, ValueError) as error:
        raise UsageError(f"{where} can't be read as a dataset: {first_line(error)}") from None
    files = []
    for split, paths in (builder.config.data_files or {}).items():
        for path in map(str, paths):
            if not path.endswith(".parquet"):
                raise UsageError(f"{where}: {path} is no Parquet file; only Parquet can be streamed by row")
            files.append(File(path, str(split), re.sub(rf"^{_HUB}datasets/[^@]+@[^/]+/", "", path)))
    if not files:
        raise UsageError(f"{where} has no Parquet files")
    return files


def _on_the_hub(repo: str, name: str | None, revision: str | None, token: str | None) -> Source:
    from huggingface_hub.errors import EntryNotFoundError

    from sousa.builders.hub import remote

    client = remote.client(token)
    with remote.hub_errors(repo, "reading"):
        files = _by_datasets(repo, name, revision, token)
        commit = files[0].path.partition("@")[2].partition("/")[0]  # hf://datasets/org/name@commit/…
        download = partial(client.hf_hub_download, repo, repo_type="dataset", revision=commit)
        ranges, manifest, root = {}, {}, None
        try:
            manifest = _json(download(layout.MANIFEST))
            if name_of_index := layout.index_name(manifest):
                path = download(name_of_index)
                if parquet_schema(path) == layout.INDEX_SCHEMA:
                    ranges = _by_file(parquet_table(path, ["file", "row", "audio_offset", "audio_bytes"]))
        except EntryNotFoundError:
            pass
        if not ranges:
            files = [File(download(file.name), file.split, file.name) for file in files]
            root = Path(files[0].path).parent
    return Source(f"{repo}@{commit[:12]}", files, token, commit, root, ranges, _corpus(manifest))


def _by_file(index: pa.Table) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Offsets and lengths of clips by file, in the order of rows: the index is sorted once for all files."""
    index = index.filter(pc.field("file").is_valid())
    files = index["file"].combine_chunks().dictionary_encode()
    numbers = files.indices.to_numpy()
    order, ends = np.lexsort((index["row"].to_numpy(), numbers)), np.cumsum(np.bincount(numbers))
    offsets, lengths = (index[n].fill_null(-1).to_numpy()[order] for n in ("audio_offset", "audio_bytes"))
    parts = zip(np.split(offsets, ends), np.split(np.maximum(lengths, 0), ends), strict=True)
    return dict(zip(files.dictionary.to_pylist(), parts, strict=False))


def open_file(file: File, token: str | None = None) -> BinaryIO:
    """A Parquet file opened for reading; of one on the Hub only what is read is transferred."""
    if not file.remote:
        return open(file.path, "rb")
    from sousa.builders.hub import remote

    return remote.file_system(token).open(file.path, "rb", **remote.READ_AHEAD)


@contextmanager
def _opened(file: File, token: str | None = None) -> Iterator[pq.ParquetFile]:
    try:
        with open_file(file, token) as handle, parquet_file(handle, **NO_BUFFER_THREADS) as parquet:
            yield parquet
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{file.name} can't be read ({first_line(error)})") from None


def _unpacked(file: File, column: str) -> str:
    """Path of an uncompressed copy of a column, which is made once in the cache directory."""
    facts = os.stat(file.path)
    key = f"{os.path.abspath(file.path)}\n{facts.st_size}\n{facts.st_mtime_ns}\n{column}"
    copy = environment.cache() / "unpacked" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.parquet"
    if not copy.exists():
        log.warning("%s: its audio is stored compressed; unpacking it once into %s", file.name, copy.parent)
        with _opened(file) as parquet, atomic_file(copy) as out:
            schema = parquet.read_row_groups([], columns=[column]).schema
            with pq.ParquetWriter(out, schema, compression="none", use_dictionary=False) as writer:
                for batch in parquet.iter_batches(64, columns=[column], **NO_THREADS):
                    writer.write_batch(batch)
    return str(copy)


def read_range(path: str, offset: int, length: int, token: str | None = None) -> bytes:
    """Bytes of a file here or on the Hub; OSError when they can't be read, EOFError when it ends before."""
    if path.startswith(_HUB):
        from sousa.builders.hub import remote

        system, end = remote.file_system(token), offset + length
        data = system.cat_file(path, start=offset, end=end, cache_type="none")
    else:
        handle = os.open(path, os.O_RDONLY)  # 5 us of the 2,500 of a row
        try:
            data = os.pread(handle, length, offset)
        finally:
            os.close(handle)
    if len(data) != length:
        raise EOFError(f"it ends before byte {offset + length}")
    return data
