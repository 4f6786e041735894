"""The manifest of a dataset directory, read and checked. It is written by :mod:`sousa.generation.shards`.

Conventions: ``manifest.json`` holds the format of the directory, the identity of the configuration (what
decides every byte, with the corpus and its data version) and its digest, how many shards and rows there are,
a record of each shard in order of rows, facts about what stands beside them, and a digest of all that.
Formats 1 and 2 are read; the first called the size ``preset`` and did not say to which size a shard belongs.
The digest is in the manifests that name the package that made them.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sousa.generation.errors import RunError, UsageError
from sousa.generation.outside import (
    MANIFEST_BYTES,
    is_file,
    meant,
    read,
    read_json,
    refuse_address,
    status_of,
)
from sousa.generation.text import loading, shell

MANIFEST = "manifest.json"
FORMAT_VERSION = 2  # how shards and manifests are laid out, whatever is in them
KNOWN_FORMATS = (1, 2)
UNFINISHED = ".unfinished"  # folder of everything made so far; hidden, so that no reader takes it for data
BEGUN = f"{UNFINISHED}/{MANIFEST}"
LOG = f"{UNFINISHED}/shards.jsonl"
# the log of a run that makes only some shards: their first and last number, and a digest of its settings
PART_LOG, PART_LOGS = "{}/shards-{}-{}-{:.12}.jsonl", r"shards-\d+-\d+-([0-9a-f]{12})\.jsonl"
UNFINISHED_RELEASE = "release.json"  # in it, where a release is being made
STEM = "[A-Za-z0-9_-]+"  # of a shard's file
_REMAKE = "delete the dataset directory and generate again"


class File(BaseModel):
    """Record of a file."""

    model_config = ConfigDict(strict=True)

    file: str
    bytes: int
    sha256: str


class ShardFile(File):
    """Record of a shard."""

    file: Annotated[str, Field(pattern=rf"^data/[a-z]+/{STEM}\.parquet$")]
    split: str
    rows: int


class _Manifest(BaseModel):
    model_config = ConfigDict(strict=True)

    format_version: int
    config: dict[str, Any]
    config_digest: str
    complete: bool
    num_shards: int
    num_rows: int
    size: str
    shards: dict[str, ShardFile]
    tables: list[File] = []


def manifest_path(root: str | Path) -> Path:
    """Where the manifest of a directory is or would be; hidden like all else while that is unfinished."""
    path, hidden = Path(root) / MANIFEST, Path(root) / UNFINISHED / MANIFEST
    return hidden if is_file(hidden) and status_of(path) is None else path


def read_manifest(root: str | Path) -> dict[str, Any] | None:
    """The manifest of a dataset directory, or None; raises RunError for what is no readable manifest."""
    path = manifest_path(root)
    try:
        manifest = read_json(path, MANIFEST_BYTES)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise UsageError(f"{root} is a file; name a directory") from None
    except OSError as error:
        raise RunError(f"{path} can't be read: {error.strerror}") from None
    except ValueError as error:
        raise RunError(f"{path} can't be read (not JSON: {error}); {_REMAKE}") from None
    if isinstance(manifest, dict) and "release_format" in manifest:
        raise UsageError(
            f"{root} is a release, not a dataset; name the dataset it was made of, or load it with "
            f"{loading(root)}"
        )
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if isinstance(version, int) and version not in KNOWN_FORMATS:
        known = ", ".join(map(str, KNOWN_FORMATS))
        raise RunError(f"{root} has format {version}, this sousa reads {known}; use a newer sousa")
    if version == 1:
        manifest["size"] = manifest.pop("preset", "custom")
    try:
        _Manifest.model_validate(manifest)
    except ValidationError as failure:
        raise RunError(f"{path} is not a manifest ({first_problem(failure)}); {_REMAKE}") from None
    if manifest.keys() & {"package", "manifest_digest"} and sealed(manifest) != manifest:
        wrong = "was changed by hand: it does not match its own digest"
        raise RunError(f"{path} {wrong}; put it back as it was, or {_REMAKE}")
    return manifest


def first_problem(failure: ValidationError) -> str:
    """What is wrong with plain data, its first problem."""
    problem = failure.errors()[0]
    place = ".".join(map(str, problem["loc"])) or "it"
    wrong = "missing" if problem["type"] == "missing" else f"{short(problem['input'])}: {problem['msg']}"
    return f"{place} is {wrong}"


def sealed(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest with the digest of its own content."""
    content = {name: value for name, value in manifest.items() if name != "manifest_digest"}
    return content | {"manifest_digest": digest_of(content)}


def digest_of(data: Any) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def complete_manifest(root: str | Path) -> dict[str, Any]:
    """The manifest of a finished dataset; raises RunError when there is none, UsageError for an address."""
    refuse_address(root)
    if is_file(Path(root) / UNFINISHED / UNFINISHED_RELEASE):
        raise RunError(f"{root} is an unfinished release; run the same 'sousa release' command again")
    if (manifest := read_manifest(root)) is None:
        raise RunError(
            f"no dataset in {root} (no manifest.json){meant(root)}; make one with 'sousa generate -o "
            f"{shell(root)}'"
        )
    if not manifest["complete"]:
        logs = sorted((Path(root) / UNFINISHED).glob("shards*.jsonl"))
        have = len(manifest["shards"]) or sum(read(log, MANIFEST_BYTES).count(b"\n") for log in logs)
        parts = any(re.fullmatch(PART_LOGS, log.name) for log in logs)
        raise RunError(
            f"{root} is unfinished ({min(have, manifest['num_shards'])} of {manifest['num_shards']} shards); "
            + (
                "run 'sousa merge' when all of them are there"
                if parts
                else "run the same 'sousa generate' command again"
            )
        )
    return manifest


def short(value: object) -> str:
    """A value in at most 80 letters of JSON."""
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def config_digest(identity: dict[str, Any], format_version: int = FORMAT_VERSION) -> str:
    """SHA-256 of a configuration's identity."""
    return digest_of({**identity, "format_version": format_version})
