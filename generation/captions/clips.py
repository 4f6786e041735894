"""Clips that were cut from videos, and other sounds that are found by the names of their files.

Conventions: corpora of clips publish where they were cut, not the sound; who fetched them named the files in
one of a few ways. Times are seconds.
"""

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from sousa.generation.errors import RunError, told

Record = TypeVar("Record")
ENDINGS = frozenset((".aif", ".aiff", ".flac", ".m4a", ".mp3", ".mp4", ".ogg", ".opus", ".wav", ".webm"))
_LETTERS = 11  # letters of a video's id; "_" and "-" are some of them
_BRACKETS = re.compile(r"\[(.+)\]-\[\d+-\d+\]")


def all_files(root: Path) -> Iterator[os.DirEntry[str]]:
    """Files in a folder and those within it, in the order of their names; folders that are links, once.

    Links that lead nowhere are left out. Raises: RunError for a folder that may not be read.
    """
    folders, seen = [str(root)], set[tuple[int, int]]()
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except PermissionError as error:
            raise RunError(f"{told(error)}; make this folder readable, or take it away") from None
        except OSError:
            continue
        for entry in entries:
            try:
                about = entry.stat()
            except OSError:
                continue
            if not stat.S_ISDIR(about.st_mode):
                yield entry
            elif (place := (about.st_dev, about.st_ino)) not in seen:
                seen.add(place)
                folders.append(entry.path)


def sound_files(root: Path) -> dict[str, str]:
    """Sounds in a folder and those within it: their paths there, by their names without ending.

    Of several files of one name it is the first. Files that macOS leaves beside others (``._name``) are none.
    """
    files: dict[str, str] = {}
    for entry in all_files(root):
        stem, ending = os.path.splitext(entry.name)
        if ending.lower() in ENDINGS and not entry.name.startswith("._"):
            files.setdefault(stem, os.path.relpath(entry.path, root).replace(os.sep, "/"))
    return files


def clip_names(video: str, start: float, end: float) -> Iterator[str]:
    """The names that the file of a clip may have, without ending."""
    first, last = (f"{value:g}" if value < 1e6 else f"{value:.0f}" for value in (start, end))
    yield from (f"[{video}]-[{first}-{last}]", f"{video}_{first}_{last}", f"{video}_{first}", video)
    yield from (f"{video}_{start * 1000:.0f}_{end * 1000:.0f}", f"Y{video}")


def first_of(files: dict[str, str], names: Iterable[str]) -> str | None:
    """The path of the first name that is there."""
    return next((files[name] for name in names if name in files), None)


def video_of(stem: str) -> str:
    """The video that a clip was cut from, by the name of its file, whose end may number changed copies."""
    if match := _BRACKETS.fullmatch(stem):
        return match[1]
    return stem[:_LETTERS] if len(stem) >= _LETTERS else re.sub(r"_\d+$", "", stem)


def video_id(value: object) -> str | None:
    """The id of a video; None for what is none."""
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]+", value) else None


def watch(video: str, start: float | None = None) -> str:
    """The address of a video, from a second on."""
    return f"https://www.youtube.com/watch?v={video}" + (f"&t={start:.0f}s" if start else "")


def together(
    read: Callable[[], Iterator[Record]], key: Callable[[Record], Hashable]
) -> Iterator[list[Record]]:
    """Records of one key as lists, each where its last one is read.

    They are read twice, so that no more is in memory than the keys and the lists that are begun.
    """
    left = Counter(map(key, read()))
    begun: dict[Hashable, list[Record]] = {}
    for record in read():
        name = key(record)
        begun.setdefault(name, []).append(record)
        left[name] -= 1
        if not left[name]:
            yield begun.pop(name)
