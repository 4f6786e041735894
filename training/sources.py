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
import logging
import os
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sousa.builders.release import layout
from sousa.builders.row_index import byte_ranges
from sousa.generation.errors import RunError, UsageError, first_line, one_of

log = logging.getLogger(__name__)
_OPEN_FILES = 64  # of one process
_HUB = "hf://"


@dataclass(frozen=True)
class File:
    """One Parquet file: ``path`` here or ``hf://…``, its split, and how it is called in messages."""

    path: str
    split: str
    name: str

    @property
    def remote(self):
        return self.path.startswith(_HUB)


@dataclass
class Source:
    """A dataset's files.

    Attributes:
        where: how the user named it; files: list of File; token: of the Hub, or None.
        revision: commit of a dataset on the Hub; root: directory that clips stored as paths must be in.
        index: Arrow table of the release's row index, for files on the Hub.
    """

    where: str
    files: list
    token: str | None = None
    revision: str | None = None
    root: Path | None = None
    index: pa.Table | None = field(default=None, repr=False)

    @property
    def splits(self):
        """Names of the splits, in the order of files."""
        return list(dict.fromkeys(file.split for file in self.files))

    def of(self, split):
        """The files of a split, or all for None.

        Raises: UsageError when there is no such split.
        """
        if split is not None and split not in self.splits:
            raise UsageError(f"{self.where} has no split {one_of(split, self.splits)}")
        return [file for file in self.files if split in (None, file.split)]


def find(where, name=None, revision=None, token=None):
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
    try:
        return _on_the_hub(where, name, revision or tag or None, token)
    except RunError as error:
        hint = "" if "such a directory here" in str(error) else "; nor is there such a directory here"
        raise RunError(f"{error}{hint}") from None


def _directory(where, name):
    from sousa.generation.manifest import complete_manifest, manifest_path

    root = Path(where)
    if manifest_path(root).exists():
        from sousa.builders.release import opened

        if not opened.is_release(where):
            manifest = complete_manifest(where)  # an unfinished dataset is refused
            lost = [one["file"] for one in manifest["shards"].values() if not (root / one["file"]).exists()]
            if lost:
                raise RunError(
                    f"{where} lacks {lost[0]}; run the 'sousa generate' command that made it again"
                )
    elif (root / "train").is_dir() is False and not any(root.glob("**/*.parquet")):
        complete_manifest(where)  # says how to make one
    files = _of_card(root, name)
    if files is None:
        files = _by_datasets(where, name, None, None)
    return Source(where, files, root=root)


def _of_card(root, name):
    """Files as the card lists them, or None when it has no list: the quick way, without ``datasets``."""
    import yaml

    card = root / layout.CARD
    match = (
        re.match(r"---\n(.*?)\n---\n", card.read_text(encoding="utf-8"), re.DOTALL) if card.exists() else None
    )
    try:
        configs = {one["config_name"]: one for one in yaml.safe_load(match[1])["configs"]} if match else {}
        lists = {
            key: [(part["split"], part["path"]) for part in one["data_files"]] for key, one in configs.items()
        }
    except (yaml.YAMLError, KeyError, TypeError):
        return None
    if not lists:
        return None
    if name is None:
        chosen = [key for key, one in configs.items() if one.get("default")] or list(lists)
        if len(chosen) != 1:
            raise UsageError(f"{root} has no default config; name one of {', '.join(lists)}")
        name = chosen[0]
    if name not in lists:
        raise UsageError(f"{root} has no config {one_of(name, lists)}")
    files = []
    for split, patterns in lists[name]:
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            files += [
                File(str(path), split, str(path.relative_to(root)))
                for path in sorted(root.glob(pattern)) if path.suffix == ".parquet"
            ]  # fmt: skip
    if not files:
        raise RunError(f"{root} has none of the files its card lists")
    return files


def _by_datasets(where, name, revision, token):
    """Files as ``datasets`` finds them."""
    import datasets

    try:
        builder = datasets.load_dataset_builder(where, name, revision=revision, token=token)
        found = builder.config.data_files or {}
    except (
        datasets.exceptions.DatasetNotFoundError,
        datasets.exceptions.DataFilesNotFoundError,
        ValueError,
    ) as error:
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


def _on_the_hub(repo, name, revision, token):
    from huggingface_hub.errors import EntryNotFoundError

    from sousa.builders.hub import remote
    from sousa.builders.release.index import INDEX_SCHEMA

    with remote.hub_errors(repo, "reading"):
        files = _by_datasets(repo, name, revision, token)
        commit = re.match(rf"hf://datasets/{re.escape(repo)}@([^/]+)/", files[0].path)[1]
        index = None
        try:
            path = remote.client(token).hf_hub_download(
                repo, layout.INDEX, repo_type="dataset", revision=commit
            )
            if pq.read_schema(path) == INDEX_SCHEMA:
                index = pq.read_table(path, columns=["file", "row", "audio_offset", "audio_bytes"])
        except EntryNotFoundError:
            pass
        if index is None:
            files = [_fetched(repo, commit, file, token) for file in files]
    root = Path(files[0].path).parent if index is None else None
    return Source(f"{repo}@{commit[:12]}", files, token, commit, root, index)


def _fetched(repo, commit, file, token):
    from sousa.builders.hub import remote

    inside = file.path.split(f"@{commit}/", 1)[1]
    path = remote.client(token).hf_hub_download(repo, inside, repo_type="dataset", revision=commit)
    return File(path, file.split, inside)


def open_file(file, token=None):
    """A Parquet file opened for reading; of one on the Hub only what is read is transferred."""
    if not file.remote:
        return open(file.path, "rb")
    from huggingface_hub import HfFileSystem

    return HfFileSystem(token=token).open(file.path, "rb", cache_type="none")


def read_columns(source, file, columns):
    """Some columns of a file as an Arrow table, and the file's metadata; ``columns`` are Parquet paths.

    Raises: RunError when the file can't be read.
    """
    try:
        with open_file(file, source.token) as handle, pq.ParquetFile(handle) as parquet:
            return parquet.read(columns=columns), parquet.metadata
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{file.name} can't be read ({first_line(error)})") from None


def schema(source, file):
    """Arrow schema of a file.

    Raises: RunError when the file can't be read.
    """
    try:
        with open_file(file, source.token) as handle, pq.ParquetFile(handle) as parquet:
            return parquet.schema_arrow
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{file.name} can't be read ({first_line(error)})") from None


def audio_ranges(source, file, column, metadata):
    """``(path that holds the bytes, offsets, lengths)`` of a file's audio; see
    :mod:`sousa.builders.row_index`.

    Args:
        column: Parquet path of the leaf, such as ``audio.bytes``; metadata: of the file.
    """
    if file.remote:
        inside = file.path.split("@", 1)[1].split("/", 1)[1]
        import pyarrow.compute as pc

        rows = source.index.filter(pc.field("file") == inside).sort_by("row")
        offsets, lengths = (rows[name].fill_null(-1).to_numpy() for name in ("audio_offset", "audio_bytes"))
        return file.path, offsets, np.maximum(lengths, 0)
    try:
        return (file.path, *byte_ranges(file.path, column, metadata))
    except ValueError as reason:
        log.info("%s", reason)
        return _unpacked(file, column)


def cache_directory():
    """Where unpacked audio is kept."""
    return Path(os.environ.get("SOUSA_CACHE") or Path.home() / ".cache" / "sousa")


def _unpacked(file, column):
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


class Reader:
    """Byte ranges of files; a few files are held open, anew in each process.

    Can be pickled and used after a fork, and from several threads.
    """

    def __init__(self, token=None):
        self.token = token
        self._reset()

    def _reset(self):
        self._pid, self._open, self._lock, self._system = os.getpid(), OrderedDict(), threading.Lock(), None

    def __getstate__(self):
        return {"token": self.token}

    def __setstate__(self, state):
        self.__init__(**state)

    def read(self, path, offset, length):
        """Bytes of a range.

        Raises: OSError when they can't be read, EOFError when the file ends before.
        """
        if self._pid != os.getpid():
            self._reset()
        if path.startswith(_HUB):
            data = self._hub().cat_file(path, start=offset, end=offset + length, cache_type="none")
        else:
            with self._lock:  # a file must not be closed by another thread between here and the read
                data = os.pread(self._handle(path), length, offset)
        if len(data) != length:
            raise EOFError(f"it ends before byte {offset + length}")
        return data

    def _hub(self):
        if self._system is None:
            from huggingface_hub import HfFileSystem

            self._system = HfFileSystem(token=self.token)
        return self._system

    def _handle(self, path):
        if path in self._open:
            self._open.move_to_end(path)
        else:
            if len(self._open) >= _OPEN_FILES:
                os.close(self._open.popitem(last=False)[1])
            self._open[path] = os.open(path, os.O_RDONLY)
        return self._open[path]

    def __del__(self, close=os.close, getpid=os.getpid):  # modules may be gone when this runs
        if self._pid == getpid():
            for handle in self._open.values():
                close(handle)
