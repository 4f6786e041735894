"""The manifest of a dataset directory, read and checked: whatever another hand has made of it is told here.

It is written by :class:`sousa.generation.shards.Store`.
"""

import json
import re
from pathlib import Path

from sousa.generation.errors import RunError, UsageError

MANIFEST = "manifest.json"
_SHARD_FILE = re.compile(r"^data/[a-z]+/[A-Za-z0-9_-]+\.parquet$")
_MANIFEST_TYPES = {
    "format_version": int, "config": dict, "config_digest": str, "complete": bool, "num_shards": int,
    "num_rows": int, "shards": dict,
}  # fmt: skip
_RECORD_TYPES = {"file": str, "split": str, "rows": int, "bytes": int, "sha256": str}
# what may stand beside the shards: lists of records of these types
_BESIDE = {
    "tables": {"file": str, "bytes": int, "sha256": str},
    "records": {"format": str, "rows": int, "files": int, "bytes": int, "sha256": str},
}


def read_manifest(root):
    """The manifest of a dataset directory, or None when there is none.

    Raises: RunError when it can't be read, or is not what :class:`sousa.generation.shards.Store` writes.
    """
    path = Path(root) / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise UsageError(f"{root} is a file; name a directory") from None
    except OSError as error:
        raise RunError(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} can't be read (not JSON: {error}); {_REMAKE}") from None
    if isinstance(manifest, dict) and "release_format" in manifest:
        raise UsageError(
            f"{root} is a release, not a dataset; name the dataset it was made of, or load it with "
            f'datasets.load_dataset("{root}")'
        )
    problem = _manifest_problem(manifest)
    if problem:
        raise RunError(f"{path} is not a manifest ({problem}); {_REMAKE}")
    return manifest


_REMAKE = "delete the dataset directory and generate again"


def _manifest_problem(manifest):
    if not isinstance(manifest, dict):
        return "no object"
    for name, kind in _MANIFEST_TYPES.items():
        if not isinstance(manifest.get(name), kind):
            return f"{name} is {short(manifest.get(name))}"
    for name, types in _BESIDE.items():
        listed = manifest.get(name, [])
        if not isinstance(listed, list) or not all(_has(record, types) for record in listed):
            return f"{name} is {short(listed)}"
    for name, record in manifest["shards"].items():
        if not _has(record, _RECORD_TYPES):
            return f"the record of shard {name} is incomplete"
        if not _SHARD_FILE.match(record["file"]):
            return f"shard {name} has file {record['file']!r}"
    return None


def _has(record, types):
    return isinstance(record, dict) and all(isinstance(record.get(key), kind) for key, kind in types.items())


def short(value):
    """A value in at most 80 letters of JSON."""
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
