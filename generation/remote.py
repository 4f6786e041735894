"""Datasets made where there are no directories: object stores, by address (``s3://bucket/name``).

Conventions: shards go to their place as they are finished, each as one upload that appears whole or not
at all. Everything else is made in a folder of the cache, goes up at the end, and the manifest last: without
it there is no dataset. A run that was stopped goes on from the log in that folder; on another machine it
makes its shards anew. pyarrow speaks to S3 and Google's store; other addresses are those of fsspec's packages
(such as ``hf://``). Keys, regions and endpoints are what these packages read from the environment.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.fs as pafs

from sousa.generation import environment
from sousa.generation.errors import RunError, UsageError, first_line
from sousa.generation.manifest import BEGUN, MANIFEST, UNFINISHED
from sousa.generation.storage import LocalStorage, is_address

_DATA = "data/"
_BLOCK = 8 << 20


def storage_of(output: str) -> LocalStorage:
    """The storage of an output, a path or an address; raises UsageError for what is neither."""
    if not is_address(output):
        return LocalStorage(output)
    parts = urlsplit(output)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    if parts.username or parts.query or parts.fragment or not (parts.netloc and parts.path.strip("/")):
        raise UsageError(
            f"--output is {shown!r}; give SCHEME://BUCKET/NAME, and keys, region and endpoint by the "
            "environment"
        )
    url = output.rstrip("/")
    _store(url)
    digest = hashlib.sha256(url.encode()).hexdigest()[:32]
    return RemoteStorage(str(environment.cache() / "remote" / digest), url)


@cache
def _store(url: str) -> tuple[pafs.FileSystem, str]:
    """The file system of an address, and the path in it; raises UsageError where there is none."""
    try:
        try:
            return pafs.FileSystem.from_uri(url)
        except pa.ArrowInvalid:  # a scheme that pyarrow does not know
            import fsspec

            system, path = fsspec.core.url_to_fs(url)
            return pafs.PyFileSystem(pafs.FSSpecHandler(system)), path
    except (pa.ArrowException, OSError, ValueError, ImportError) as error:
        raise UsageError(
            f"{url} can't be used ({first_line(error)}); name a directory or another address"
        ) from None


@contextmanager
def _spoken_to(url: str, doing: str) -> Iterator[None]:
    """Turn what a store answers into a RunError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RunError(f"{url}: {doing} failed ({first_line(error)}); run the same again to go on") from None


@dataclass(frozen=True)
class RemoteStorage(LocalStorage):
    """A folder of this machine, and the address where its shards and, in the end, all of it lie."""

    url: str = ""

    def __reduce__(self) -> Any:
        return type(self), (os.path.abspath(self.root), self.url)

    @property
    def where(self) -> str:
        return self.url

    def inside(self, folder: str) -> "RemoteStorage":
        return RemoteStorage(str(self.path(folder)), self.url)

    @contextmanager
    def recorded(self, file: str) -> Iterator[tuple[BinaryIO, dict[str, Any]]]:
        record: dict[str, Any] = {"file": file}
        with tempfile.TemporaryFile() as work:
            yield work, record
            size = work.seek(0, os.SEEK_END)
            work.seek(0)
            record |= {"bytes": size, "sha256": hashlib.file_digest(work, "sha256").hexdigest()}
            work.seek(0)
            self._upload(work, file)

    def source(self, file: str) -> Any:
        if not file.startswith(_DATA):
            return super().source(file)
        store, place = _store(self.url)
        with _spoken_to(self.url, f"reading {file}"):
            return store.open_input_file(f"{place}/{file}")

    def damage(self, record: Mapping[str, Any]) -> str | None:
        """What is wrong with a recorded file; of shards the size is looked at."""
        file = record["file"]
        if not file.startswith(_DATA):
            return super().damage(record)
        store, place = _store(self.url)
        with _spoken_to(self.url, f"looking for {file}"):
            info = store.get_file_info(f"{place}/{file}")
        if info.type != pafs.FileType.File:
            return f"{file} is missing"
        if info.size != record["bytes"]:
            return f"{file} has {info.size} bytes instead of {record['bytes']}"
        return None

    def has_begun(self) -> bool:
        return self._exists(BEGUN) or self._exists(MANIFEST)

    def write_json(self, file: str, data: object) -> None:
        super().write_json(file, data)
        if file == BEGUN:
            self._send(file)

    def free_bytes(self) -> int:
        return 1 << 62

    @contextmanager
    def locked(self, shared: bool = False) -> Iterator[None]:
        """Hold the local folder, with the manifest that lies at the address where there is one."""
        with super().locked(shared):
            self.look()
            yield

    def publish(self, *files: str) -> None:
        if files:
            for file in filter(lambda file: self.path(file).exists(), files):
                self._send(file)
            return
        paths = sorted(path for path in self.path().rglob("*") if path.is_file())
        names = [path.relative_to(self.root).as_posix() for path in paths]
        for file in [*(name for name in names if not name.startswith(".") and name != MANIFEST), MANIFEST]:
            self._send(file)
        store, place = _store(self.url)
        with _spoken_to(self.url, "finishing"):
            if self._exists(BEGUN):
                store.delete_dir(f"{place}/{UNFINISHED}")

    def _exists(self, file: str) -> bool:
        store, place = _store(self.url)
        with _spoken_to(self.url, f"looking for {file}"):
            return store.get_file_info(f"{place}/{file}").type == pafs.FileType.File

    def _send(self, file: str) -> None:
        with open(self.path(file), "rb") as content:
            self._upload(content, file)

    def _upload(self, content: Any, file: str) -> None:
        store, place = _store(self.url)
        target = f"{place}/{file}"
        with _spoken_to(self.url, f"writing {file}"):
            if store.type_name not in ("s3", "gcs"):  # these have no folders
                store.create_dir(os.path.dirname(target), recursive=True)
            with store.open_output_stream(target) as stream:
                while block := content.read(_BLOCK):
                    stream.write(block)

    def look(self) -> None:
        """Bring the manifest of what lies at the address; refuse what is no dataset."""
        for file in (MANIFEST, BEGUN):
            if self._exists(file):
                if not self.path(file).exists():
                    store, place = _store(self.url)
                    with _spoken_to(self.url, f"reading {file}"):
                        content = store.open_input_file(f"{place}/{file}").readall()
                    with self.writing(file) as out:
                        out.write(content)
                return
        store, place = _store(self.url)
        with _spoken_to(self.url, "listing it"):
            found = store.get_file_info(pafs.FileSelector(place, allow_not_found=True))
        if any(info.type == pafs.FileType.File or info.base_name != "data" for info in found):
            raise UsageError(f"{self.url} holds other files, not a dataset; choose an empty or new address")
        # whatever was made for it here is of a dataset that has been removed
        for name in self.entries():
            self.remove(name)
