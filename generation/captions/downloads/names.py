"""Names of files as servers, archives and catalogues state them: which may be used here."""

import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

_LONGEST, _LONGEST_PART = 1000, 255  # bytes


def unfit(name: str) -> str | None:
    """Why a name can't be that of a file inside a folder, in a few words; None for one that can."""
    if not name or name != str(PurePosixPath(name)):
        return "is no path in its plain form"
    if name.startswith("/"):
        return "begins at the root of the disk"
    parts = name.split("/")
    if ".." in parts or name == ".":
        return "leads out of its folder"
    if re.search(r"[\x00-\x1f\x7f\\]", name):
        return "has control characters or backslashes"
    try:
        sizes = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        return "is no text in UTF-8"
    if max(sizes) > _LONGEST_PART or sum(sizes) + len(sizes) > _LONGEST:
        return "is longer than file systems take"
    return None


def is_left_out(name: str) -> bool:
    """Whether a file is none of a corpus's: hidden ones, such as those that macOS adds to archives."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def matches(name: str, pattern: str) -> bool:
    """Whether a path fits a pattern, in which ``*`` stands for anything but a slash."""
    parts, patterns = name.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
