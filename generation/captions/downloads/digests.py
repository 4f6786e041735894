"""Checksums of files, of the kinds that servers state: ``md5:``, ``sha1:``, ``sha256:`` and ``git:``."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from sousa.generation.outside import ANY_BYTES, opened

_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "git": 40}
_BLOCK = 1 << 20


def is_digest(text: str) -> bool:
    """Whether this is a checksum of a kind that is known here."""
    kind, _, digits = text.partition(":")
    return kind in _DIGITS and re.fullmatch(f"[0-9a-f]{{{_DIGITS[kind]}}}", digits) is not None


def digest_of(path: Path, kind: str, done: Callable[[int], object] = lambda count: None) -> str:
    """Checksum of a file; raises OSError.

    Args:
        path: of the file.
        kind: md5, sha1, sha256, or git: SHA-1 of the file as Git keeps it, with its size before it.
        done: called with each number of bytes that were read.
    """
    with opened(path, ANY_BYTES) as file:
        sum_ = hashlib.new("sha1" if kind == "git" else kind, usedforsecurity=False)
        if kind == "git":
            sum_.update(b"blob %d\0" % os.fstat(file.fileno()).st_size)
        while block := file.read(_BLOCK):
            sum_.update(block)
            done(len(block))
    return f"{kind}:{sum_.hexdigest()}"
