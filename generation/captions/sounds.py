"""Where the sound of a row is, and its bytes.

Conventions: ``audio_at`` is the path of a file relative to the folder of its corpus, with ``/``; or
``PATH.parquet#N``, row N of a Parquet file, from 0, whose column ``audio`` is a struct of bytes and path.
"""

import os
import re
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from sousa.generation.errors import RunError, told
from sousa.generation.outside import read
from sousa.generation.parquet import parquet_file

SOUND_BYTES = 2 << 30  # of one file: an hour of 24 bits and two channels at 96 kHz
_IN_PARQUET = re.compile(r"(?s)(.*\.parquet)#(\d+)")


def file_of(audio_at: str) -> str:
    """The path of the file that a sound is in, relative to the folder of its corpus."""
    place = _IN_PARQUET.fullmatch(audio_at)
    return place[1] if place else audio_at


def place_in_file(audio_at: str) -> tuple[str, int]:
    """The file that a sound is in, and its number there: sounds in this order are read without going back."""
    place = _IN_PARQUET.fullmatch(audio_at)
    return (place[1], int(place[2])) if place else (audio_at, 0)


def sound_bytes(root: Path, audio_at: str) -> bytes:
    """The bytes of a sound's file.

    Raises: RunError when it is not there or can't be read, or ``audio_at`` leads out of the root.
    """
    place = _IN_PARQUET.fullmatch(audio_at)
    path = _inside(root, file_of(audio_at))
    try:
        if not place:
            return read(path, SOUND_BYTES)
        sound = _sound_of(path, int(place[2]))
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"the sound {audio_at} can't be read: {told(error)}") from None
    if not sound or sound["bytes"] is None:
        raise RunError(f"the sound {audio_at} can't be read: there is no such row, or it has no sound")
    return sound["bytes"]


def file_bytes(path: str | Path) -> bytes:
    """The bytes of a sound's file that a user names; RunError when it is not there or can't be read."""
    try:
        return read(path, SOUND_BYTES)
    except FileNotFoundError:
        raise RunError(f"missing file: {path}") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} can't be read: {told(error)}") from None


def name_of(audio_at: str) -> str:
    """The name of a sound's file, without its folders; in a Parquet file, a name made of that of the file."""
    return PurePosixPath(audio_at).name


def _inside(root: Path, path: str) -> Path:
    if os.path.isabs(path) or ".." in PurePosixPath(path).parts or "\0" in path:
        raise RunError(f"the sound {path!r} is not read: it leads out of the folder of its corpus")
    return root / path


def _sound_of(path: Path, row: int) -> dict[str, Any] | None:
    for group, number in enumerate(_group_rows(path)):
        if row < number:
            return _sounds(path, group)[row].as_py()
        row -= number
    return None


@lru_cache(64)
def _group_rows(path: Path) -> list[int]:
    with parquet_file(path) as file:
        return [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]


@lru_cache(1)  # rows are read in order, and a group is some hundred megabytes
def _sounds(path: Path, group: int) -> pa.ChunkedArray:
    with parquet_file(path) as file:
        return file.read_row_group(group, columns=["audio"])["audio"]
