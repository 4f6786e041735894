"""Where rows lie: the Parquet files of a dataset, here or on the Hub, and each row's bytes in them.

Conventions
-----------
A *source* is a list of Parquet files of one or more splits, in the order of the dataset's card (for a
generated directory or a release, the order of their names). A row's encoded audio is a byte range of
its file: :mod:`sousa.builders.row_index`. Three kinds of file have no such ranges and are dealt with once:

- compressed or dictionary-encoded audio columns (not ours) are unpacked into the cache directory, and
  ranges point there;
- on the Hub, files that no ``row_index.parquet`` describes are downloaded whole into the Hub's cache;
- rows that hold a path in place of bytes are read from that path beside the dataset.

The cache directory is ``$SOUSA_CACHE``, else ``~/.cache/sousa``.
"""

import hashlib
import json
import logging
import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sousa.builders.release import head, layout
from sousa.builders.row_index import byte_ranges
from sousa.generation.errors import RunError, UsageError, first_line, one_of
from sousa.generation.manifest import complete_manifest, manifest_path
from sousa.generation.shards import CARD
from sousa.training import roles

log = logging.getLogger(__name__)
_HUB = "hf://"


@dataclass(frozen=True)
class File:
    """One Parquet file: ``path`` here or ``hf://…``, its split, and how it is called in messages."""

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
        where: how the user named it; files: of all splits.
        token: of the Hub, or None; revision: commit of a dataset on the Hub.
        root: directory that clips stored as paths must be in.
        index: Arrow table of the release's row index, for files on the Hub.
        corpus: named by the dataset's manifest, or None.
    """

    where: str
    files: list[File]
    token: str | None = None
    revision: str | None = None
    root: Path | None = None
    index: pa.Table | None = field(default=None, repr=False)
    corpus: str | None = None

    @property
    def splits(self) -> list[str]:
        """Names of the splits, in the order of files."""
        return list(dict.fromkeys(file.split for file in self.files))

    @cached_property
    def schema(self) -> pa.Schema:
        """Arrow schema of the first file.

        Raises: RunError when it can't be read.
        """
        return read_columns(self, self.files[0], [])[1].schema.to_arrow_schema()

    @cached_property
    def known(self) -> roles.Known:
        """Roles of the columns."""
        return roles.of_schema(self.schema, self.corpus)

    def of(self, split: str | None) -> list[File]:
        """The files of a split, or all for None.

        Raises: UsageError when there is no such split.
        """
        if split is not None and split not in self.splits:
            raise UsageError(f"{self.where} has no split {one_of(split, self.splits)}")
        return [file for file in self.files if split in (None, file.split)]


def find(
    where: Any, name: str | None = None, revision: str | None = None, token: str | None = None
) -> Source:
    """The source a user names.

    Args:
        where: directory of a dataset or release, a Parquet file, or ``org/name`` on the Hub.
        name: config of the dataset, None for its default; revision: of the Hub.

    Raises: UsageError when it is none of these; RunError when it is unfinished or can't be read.
    """
    if isinstance(where, Source):
        return where
    where = os.path.expanduser(os.fspath(where))
    if os.path.isfile(where):
        return Source(where, [File(where, "train", where)], root=Path(where).parent)
    if os.path.isdir(where):
        if revision is not None:
            raise UsageError(f"{where} is a directory, which has no revisions; leave out {revision!r}")
        return _directory(where, name)
    where, _, tag = where.partition("@")
    if layout.repo_problem(where):
        raise UsageError(
            f"{where!r} is neither a directory or Parquet file here nor a dataset on the Hub (org/name); "
            "make one with 'sousa generate'"
        )
    return _on_the_hub(where, name, revision or tag or None, token)


def _directory(where: str, name: str | None) -> Source:
    root, manifest = Path(where), {}
    if manifest_path(root).exists():
        manifest = _json(manifest_path(root))
        if "release_format" not in manifest:
            manifest = complete_manifest(where)  # an unfinished dataset is refused
            lost = [one["file"] for one in manifest["shards"].values() if not (root / one["file"]).exists()]
            if lost:
                raise RunError(
                    f"{where} lacks {lost[0]}; run the 'sousa generate' command that made it again"
                )
    elif not (root / "train").is_dir() and not any(root.glob("**/*.parquet")):
        complete_manifest(where)  # says how to make one
    files = _of_card(root, name)
    if files is None:
        files = _by_datasets(where, name, None, None)
    return Source(where, files, root=root, corpus=_corpus(manifest))


def _json(path: str | Path) -> dict[str, Any]:
    """A manifest as far as it can be read."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _corpus(manifest: dict[str, Any]) -> str | None:
    """The corpus that the manifest of a release or dataset names."""
    config = manifest.get("config")
    return manifest.get("corpus") or (config.get("corpus") if isinstance(config, dict) else None)


def _of_card(root: Path, name: str | None) -> list[File] | None:
    """Files as the card lists them, or None when it has no list: the quick way, without ``datasets``."""
    chosen = head.config(head.read(root / CARD), name, str(root), UsageError)
    if chosen is None:
        return None
    files = []
    for part in chosen["data_files"]:
        for pattern in [part["path"]] if isinstance(part["path"], str) else part["path"]:
            paths = (path for path in sorted(root.glob(pattern)) if path.suffix == ".parquet")
            files += [File(str(path), part["split"], str(path.relative_to(root))) for path in paths]
    if not files:
        raise RunError(f"{root} has none of the files its card lists")
    return files


def _by_datasets(where: str, name: str | None, revision: str | None, token: str | None) -> list[File]:
    """Files as ``datasets`` finds them."""
    import datasets
    from datasets.exceptions import DataFilesNotFoundError, DatasetNotFoundError

    try:
        builder = datasets.load_dataset_builder(where, name, revision=revision, token=token)
        found = builder.config.data_files or {}
    except (DatasetNotFoundError, DataFilesNotFoundError, ValueError) as error:
        raise UsageError(f"{where} can't be read as a dataset: {first_line(error)}") from None
    out = []
    for split, paths in found.items():
        for path in map(str, paths):
            if not path.endswith(".parquet"):
                raise UsageError(
                    f"{where}: {path} is not a Parquet file; only Parquet can be streamed by row"
                )
            out.append(File(path, str(split), path.rsplit("@", 1)[-1] if path.startswith(_HUB) else path))
    if not out:
        raise UsageError(f"{where} has no Parquet files")
    return out


def _on_the_hub(repo: str, name: str | None, revision: str | None, token: str | None) -> Source:
    from huggingface_hub.errors import EntryNotFoundError

    from sousa.builders.hub import remote

    with remote.hub_errors(repo, "reading"):
        files = _by_datasets(repo, name, revision, token)
        commit = re.match(rf"hf://datasets/{re.escape(repo)}@([^/]+)/", files[0].path)[1]
        index, manifest = None, {}
        try:
            path = _download(repo, commit, layout.INDEX, token)
            if pq.read_schema(path) == layout.INDEX_SCHEMA:
                index = pq.read_table(path, columns=["file", "row", "audio_offset", "audio_bytes"])
            manifest = _json(_download(repo, commit, layout.MANIFEST, token))
        except EntryNotFoundError:
            pass
        if index is None:
            files = [_fetched(repo, commit, file, token) for file in files]
    root = Path(files[0].path).parent if index is None else None
    return Source(f"{repo}@{commit[:12]}", files, token, commit, root, index, _corpus(manifest))


def _download(repo: str, commit: str, file: str, token: str | None) -> str:
    from sousa.builders.hub import remote

    return remote.client(token).hf_hub_download(repo, file, repo_type="dataset", revision=commit)


def _fetched(repo: str, commit: str, file: File, token: str | None) -> File:
    inside = file.path.split(f"@{commit}/", 1)[1]
    return File(_download(repo, commit, inside, token), file.split, inside)


def open_file(file: File, token: str | None = None) -> BinaryIO:
    """A Parquet file opened for reading; of one on the Hub only what is read is transferred."""
    if not file.remote:
        return open(file.path, "rb")
    from huggingface_hub import HfFileSystem

    return HfFileSystem(token=token).open(file.path, "rb", cache_type="none")


def read_columns(source: Source, file: File, columns: list[str]) -> tuple[pa.Table, Any]:
    """Some columns of a file as an Arrow table, and the file's metadata; ``columns`` are Parquet paths.

    Raises: RunError when the file can't be read.
    """
    try:
        with open_file(file, source.token) as handle, pq.ParquetFile(handle) as parquet:
            return parquet.read(columns=columns), parquet.metadata
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{file.name} can't be read ({first_line(error)})") from None


def audio_ranges(
    source: Source, file: File, column: str, metadata: Any
) -> tuple[str, np.ndarray, np.ndarray]:
    """``(path that holds the bytes, offsets, lengths)`` of a file's audio; see
    :mod:`sousa.builders.row_index`.

    Args:
        column: Parquet path of the leaf, such as ``audio.bytes``; metadata: of the file.
    """
    if file.remote:
        inside = file.path.split("@", 1)[1].split("/", 1)[1]
        rows = source.index.filter(pc.field("file") == inside).sort_by("row")
        offsets, lengths = (rows[name].fill_null(-1).to_numpy() for name in ("audio_offset", "audio_bytes"))
        return file.path, offsets, np.maximum(lengths, 0)
    try:
        return (file.path, *byte_ranges(file.path, column))
    except ValueError as reason:
        log.info("%s", reason)
        return _unpacked(file, column)


def cache_directory() -> Path:
    """Where unpacked audio is kept."""
    return Path(os.environ.get("SOUSA_CACHE") or Path.home() / ".cache" / "sousa")


def _unpacked(file: File, column: str) -> tuple[str, np.ndarray, np.ndarray]:
    """Ranges of a column that has none: its values are written one after the other into the cache, once."""
    facts = os.stat(file.path)
    key = f"{os.path.abspath(file.path)}\n{facts.st_size}\n{facts.st_mtime_ns}\n{column}"
    stem = cache_directory() / "unpacked" / hashlib.sha256(key.encode()).hexdigest()[:32]
    values, ends = stem.with_suffix(".bin"), stem.with_suffix(".npy")
    if not ends.exists():
        log.warning("%s: its audio is stored compressed; unpacking it once into %s", file.name, stem.parent)
        own = f".{os.getpid()}.tmp"
        lengths = []
        try:
            stem.parent.mkdir(parents=True, exist_ok=True)
            with open(f"{values}{own}", "wb") as out, pq.ParquetFile(file.path) as parquet:
                for batch in parquet.iter_batches(batch_size=64, columns=[column]):
                    array = batch.column(0)
                    for part in column.split(".")[1:]:
                        array = array.field(part)
                    for value in array.to_pylist():
                        lengths.append(-1 if value is None else len(value))
                        out.write(value or b"")
            with open(f"{ends}{own}", "wb") as out:
                np.save(out, np.array(lengths, np.int64))
            os.replace(f"{values}{own}", values)
            os.replace(f"{ends}{own}", ends)
        except (OSError, pa.ArrowException) as error:
            for path in (values, ends):
                Path(f"{path}{own}").unlink(missing_ok=True)
            raise RunError(f"{file.name} can't be unpacked ({first_line(error)})") from None
    lengths = np.load(ends)
    sizes = np.maximum(lengths, 0)
    offsets = np.cumsum(sizes) - sizes
    return str(values), np.where(lengths < 0, -1, offsets), sizes


def read_range(path: str, offset: int, length: int, token: str | None = None) -> bytes:
    """Bytes of a file here or on the Hub.

    Raises: OSError when they can't be read, EOFError when the file ends before.
    """
    if path.startswith(_HUB):
        from huggingface_hub import HfFileSystem  # made once in each process

        data = HfFileSystem(token=token).cat_file(path, start=offset, end=offset + length, cache_type="none")
    else:
        handle = os.open(path, os.O_RDONLY)  # 5 us of the 2,500 of a row
        try:
            data = os.pread(handle, length, offset)
        finally:
            os.close(handle)
    if len(data) != length:
        raise EOFError(f"it ends before byte {offset + length}")
    return data
