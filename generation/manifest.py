"""The manifest of a dataset directory, read and checked. It is written by :mod:`sousa.generation.shards`.

Conventions: ``manifest.json`` holds the format of the directory, the identity of the configuration (what
decides every byte, with the corpus and its data version) and its digest, how many shards and rows there are,
a record of each shard in order of rows, and facts about what stands beside them. Formats 1 and 2 are read;
the first called the size ``preset`` and did not say to which size a shard belongs.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from sousa.generation.errors import RunError, UsageError

MANIFEST = "manifest.json"
FORMAT_VERSION = 2  # how shards and manifests are laid out, whatever is in them
KNOWN_FORMATS = (1, 2)
UNFINISHED = ".unfinished"  # folder of everything made so far; hidden, so that no reader takes it for data
LOG = f"{UNFINISHED}/shards.jsonl"
_SHARD_FILE = re.compile(r"^data/[a-z]+/[A-Za-z0-9_-]+\.parquet$")
_TYPES = {
    "format_version": int, "config": dict, "config_digest": str, "complete": bool, "num_shards": int,
    "num_rows": int, "shards": dict, "size": str,
}  # fmt: skip
_RECORD = {"file": str, "split": str, "rows": int, "bytes": int, "sha256": str}
_TABLE = {"file": str, "bytes": int, "sha256": str}
_REMAKE = "delete the dataset directory and generate again"


def manifest_path(root: str | Path) -> Path:
    """Where the manifest of a directory is or would be; hidden like all else while that is unfinished."""
    path, hidden = Path(root) / MANIFEST, Path(root) / UNFINISHED / MANIFEST
    return hidden if hidden.exists() and not path.exists() else path


def read_manifest(root: str | Path) -> dict[str, Any] | None:
    """The manifest of a dataset directory, or None when there is none.

    Raises: RunError when it can't be read, or is not what this program writes.
    """
    path = manifest_path(root)
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
    if isinstance(manifest, dict) and manifest.get("format_version") == 1:
        manifest["size"] = manifest.pop("preset", "custom")
    problem = _problem(manifest)
    if problem:
        raise RunError(f"{path} is not a manifest ({problem}); {_REMAKE}")
    return manifest


def complete_manifest(root: str | Path) -> dict[str, Any]:
    """The manifest of a finished dataset.

    Raises: RunError when there is no dataset, or it is not finished.
    """
    manifest = read_manifest(root)
    if manifest is None:
        raise RunError(f"no dataset in {root} (no manifest.json); make one with 'sousa generate -o {root}'")
    if not manifest["complete"]:
        have = len(manifest["shards"]) or _logged(root)
        raise RunError(
            f"{root} is unfinished ({have} of {manifest['num_shards']} shards); run the same 'sousa "
            "generate' command again"
        )
    return manifest


def _logged(root: str | Path) -> int:
    try:
        return (Path(root) / LOG).read_bytes().count(b"\n")
    except OSError:
        return 0


def _problem(manifest: Any) -> str | None:
    if not isinstance(manifest, dict):
        return "no object"
    for name, kind in _TYPES.items():
        if not isinstance(manifest.get(name), kind):
            return f"{name} is {short(manifest.get(name))}"
    tables = manifest.get("tables", [])
    if not isinstance(tables, list) or not all(_has(record, _TABLE) for record in tables):
        return f"tables is {short(tables)}"
    for name, record in manifest["shards"].items():
        if not valid_record(record):
            return f"the record of shard {name} is incomplete"
        if not _SHARD_FILE.match(record["file"]):
            return f"shard {name} has file {record['file']!r}"
    return None


def valid_record(record: object) -> bool:
    """Whether something is a record of a shard."""
    return _has(record, _RECORD)


def _has(record: Any, types: dict[str, type]) -> bool:
    return isinstance(record, dict) and all(isinstance(record.get(key), kind) for key, kind in types.items())


def short(value: object) -> str:
    """A value in at most 80 letters of JSON."""
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def config_digest(identity: dict[str, Any], format_version: int = FORMAT_VERSION) -> str:
    """SHA-256 of a configuration's identity."""
    text = json.dumps({**identity, "format_version": format_version}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
