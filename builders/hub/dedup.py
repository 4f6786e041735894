"""How many bytes an upload would really send, by asking Xet's own chunker.

The Hub stores chunks of about 64 KB, each once. The files of the last release are chunked into a
scratch store on disk, then the new ones: what is new then is what would be sent.
"""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sousa.generation import environment

try:
    import hf_xet
except ImportError:  # the Hub is then spoken to without deduplication
    hf_xet = None


def available() -> bool:
    """Whether uploads from here are deduplicated: hf_xet is installed and not switched off."""
    off = os.environ.get("HF_HUB_DISABLE_XET", "").upper() in ("1", "ON", "YES", "TRUE")
    return hf_xet is not None and not off


def new_bytes(before: Iterable[Any], after: Iterable[Any], progress: Any = lambda done: None) -> int:
    """Bytes that an upload of files ``after`` would send where files ``before`` are there.

    They are the chunks that are new, packed and compressed as they are sent, and the lists of chunks.
    ``progress`` is called with bytes read.
    """
    environment.check_temporary()
    with tempfile.TemporaryDirectory(prefix="sousa-dedup-") as scratch:
        had = 0
        for paths in (before, after):
            had = _stored(scratch)
            for path in paths:
                with hf_xet.XetSession().new_upload_commit(endpoint=f"local://{scratch}") as commit:
                    handle = commit.start_upload_file(str(path))
                handle.result()
                progress(Path(path).stat().st_size)
        return _stored(scratch) - had


def _stored(scratch: str) -> int:
    """Bytes of blocks of chunks, and of lists of chunks, in a scratch store."""
    store = Path(scratch) / "xet" / "xorbs"
    kept = [p for folder in ("xorbs", "shards") for p in (store / folder).glob("*") if p.suffix != ".tagset"]
    return sum(path.stat().st_size for path in kept)
