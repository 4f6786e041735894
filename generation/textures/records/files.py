"""Folders of records: thousands of small files, each written whole or not at all.

Conventions: names are relative to the folder, with ``/`` between parts. A file is written under a temporary
name and renamed, but not synced: after a power failure some may be empty, which the digest shows and another
run mends. A file that is there with the same bytes is left alone. When a folder is closed, whatever else lies
in it (temporary files, shards of another plan) is removed, so its content never depends on what happened
before. Memory: 48 bytes a file.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from sousa.generation.errors import RunError
from sousa.generation.outside import holds
from sousa.generation.storage import explained, temporary, write_unsynced
from sousa.generation.textures.settings import RECORDS

DIRECTORY = "records"
LONGEST_NAME = 240  # bytes; file systems allow 255, and endings are added


def stem(row):
    """A row's sample_id, as the name of files. Raises: RunError when it can't be one."""
    name = row["sample_id"]
    if not name or name.startswith(".") or "/" in name or not name.isprintable():
        raise RunError(f"the row named {name!r} can't be written to a file of that name")
    if len(name.encode()) > LONGEST_NAME:
        raise RunError(
            f"the row named {name!r} can't be written to a file of that name: it is longer than "
            f"{LONGEST_NAME} bytes; give the parameters shorter names, or set naming to index"
        )
    return name


def member(name, value):
    """Text of one member of an indented JSON object, without the braces around it."""
    return json.dumps({name: value}, indent=4, ensure_ascii=False, allow_nan=False)[2:-2]


class Format:
    """A format being written to a folder; see :mod:`sousa.generation.textures.records`."""

    reads = "wav"

    def __init__(self, folder, config, labels):
        self.folder, self.config, self.labels = folder, config, labels

    @staticmethod
    def problems(config, labels):
        """Why a corpus can't be written so: iterable of sentences."""
        return ()

    def add(self, row, pcm):
        """Write a row; ``pcm``: its samples, or None."""
        raise NotImplementedError

    def close(self):
        """Write what is left."""


class JsonObject:
    """A JSON object written member by member to a stream, so that it is never whole in memory."""

    def __init__(self, stream):
        self.stream, self.before = stream, "{\n"

    def add(self, text):
        self.stream.write(f"{self.before}{text}".encode())
        self.before = ",\n"

    def close(self):
        self.stream.write(b"\n}\n")
        self.stream.close()


class Folder:
    """One format's folder being written: ``<root>/records/<name>``."""

    def __init__(self, root, name):
        self.path = Path(root) / DIRECTORY / name
        self._listing = _Listing()
        self._made = set()
        self._streams = []

    def put(self, name, data):
        """Write a file of these bytes. Raises: RunError when that fails."""
        path = self._place(name)
        with explained(path):
            if not holds(path, data):
                write_unsynced(path, data)
        self._listing.add(name, len(data), hashlib.sha256(data).digest())

    def stream(self, name):
        """A file written piece by piece; it takes its name when it is closed."""
        stream = Stream(self._place(name))
        stream.done = lambda: self._listing.add(name, stream.bytes, stream.sha.digest())
        self._streams.append(stream)
        return stream

    def close(self):
        """Remove what does not belong here.

        Returns: dict of ``files`` (count), ``bytes`` and ``sha256``, for the manifest.
        Raises: RunError when two files have one name, or the folder can't be tidied.
        """
        summary = self._listing.summary()
        with explained(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            count = sum(1 for _ in _walk(self.path))
            _tidy(self.path, "", self._listing.names() if count != summary["files"] else None)
        return summary

    def abandon(self):
        """Remove the temporary files of streams that were not closed."""
        for stream in self._streams:
            stream.abandon()

    def _place(self, name):
        path = f"{self.path}/{name}"
        directory = os.path.dirname(path)
        if directory not in self._made:
            with explained(directory):
                os.makedirs(directory, exist_ok=True)
            self._made.add(directory)
        return path


class Stream:
    """A file being written; ``bytes`` so far."""

    def __init__(self, path):
        self.path, self.bytes, self.sha = path, 0, hashlib.sha256()
        with explained(path):
            self.work, self.file = temporary(path)

    def write(self, data):
        """Add bytes. Raises: RunError when that fails."""
        with explained(self.path):
            self.file.write(data)
        self.sha.update(data)
        self.bytes += len(data)

    def close(self):
        """Give the file its name. Raises: RunError when that fails."""
        with explained(self.path):
            self.file.close()
            os.replace(self.work, self.path)
        self.done()

    def abandon(self):
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            os.unlink(self.work)


def damage(root, record):
    """What is wrong with the folder of a manifest record, or None; every file is read."""
    if record["format"] not in RECORDS:
        return f"the manifest names records of an unknown format, {record['format']!r}"
    path = Path(root) / DIRECTORY / record["format"]
    place = f"{DIRECTORY}/{record['format']}"
    if not os.path.isdir(path):
        return f"{place} is missing"
    listing = _Listing()
    try:
        for name, entry in _walk(path):
            with open(entry.path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").digest()
            listing.add(name, entry.stat(follow_symlinks=False).st_size, digest)
    except OSError as error:
        return f"{place} can't be read ({error.strerror or error})"
    summary = listing.summary()
    for key in ("files", "bytes"):
        if summary[key] != record[key]:
            return f"{place} has {summary[key]} {key} instead of {record[key]}"
    if summary["sha256"] != record["sha256"]:
        return f"{place} has a file that does not match its digest"
    return None


class _Listing:
    """Names and digests of files, whatever their order: 16 bytes of a digest of the name, 32 of content."""

    def __init__(self):
        self._entries = bytearray()
        self._bytes = 0

    def add(self, name, size, digest):
        self._entries += _hashed(name) + digest
        self._bytes += size

    def names(self):
        return {bytes(self._entries[i : i + 16]) for i in range(0, len(self._entries), 48)}

    def summary(self):
        entries = np.frombuffer(bytes(self._entries), dtype=">u8").reshape(-1, 6)
        entries = entries[np.lexsort((entries[:, 1], entries[:, 0]))]
        if (entries[1:, :2] == entries[:-1, :2]).all(axis=1).any():
            raise RunError("two rows have one name, so their files would replace each other: this is a bug")
        digest = hashlib.sha256(entries.tobytes()).hexdigest()
        return {"files": len(entries), "bytes": self._bytes, "sha256": digest}


def _hashed(name):
    return hashlib.blake2b(name.encode(), digest_size=16).digest()


def _walk(path, prefix=""):
    """Files below a directory: pairs of name and entry; links are not followed."""
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, f"{prefix}{entry.name}/")
            else:
                yield f"{prefix}{entry.name}", entry


def _tidy(path, prefix, known):
    """Remove files whose hashed names are not known (None: keep all), and empty directories."""
    with os.scandir(path) as entries:
        for entry in list(entries) if known is not None else entries:
            name = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                _tidy(entry.path, f"{name}/", known)
                with suppress(OSError):  # not empty
                    os.rmdir(entry.path)
            elif known is not None and _hashed(name) not in known:
                os.unlink(entry.path)
