"""What servers say of the files they have: names, sizes and checksums.

A listing is a kind and a place, as in the catalogue: ``zenodo:RECORD``, ``github:OWNER/NAME@REVISION``,
``hub:OWNER/NAME@REVISION``, ``sums:ADDRESS``. Sources: https://developers.zenodo.org (records),
https://docs.github.com/rest/git/trees, https://huggingface.co/docs/hub/api, and the output of ``sha256sum``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sousa.generation.audio import download
from sousa.generation.captions.downloads.catalogue import Catalogue
from sousa.generation.captions.downloads.digests import is_digest
from sousa.generation.console import SILENT
from sousa.generation.corpus import Say
from sousa.generation.errors import RunError, told
from sousa.generation.outside import parse_json, read_text

MOST_BYTES = 64 << 20  # a repository of 100,000 files
TRIES = 6


@dataclass(frozen=True)
class Published:
    """A file that a server has; size and checksum are None where it does not state them."""

    address: str
    bytes: int | None = None
    digest: str | None = None


def address_of(catalogue: Catalogue, kind: str, place: str, name: str, base: str = "") -> str:
    """Where a file is, by its name in a listing."""
    name, servers = quote(name, safe="/*"), catalogue.servers
    repository, _, revision = place.partition("@")
    return {
        "zenodo": f"{servers.zenodo}/api/records/{place}/files/{name}/content",
        "github": f"{servers.raw}/{repository}/{revision}/{name}",
        "hub": f"{catalogue.hub()}/datasets/{repository}/resolve/{revision}/{name}",
        "sums": f"{base}/{name}",
    }[kind]


def ask(
    catalogue: Catalogue, kind: str, place: str, base: str, folder: Path, say: Say
) -> dict[str, Published]:
    """The files of a listing, by name.

    Args:
        catalogue: says where servers are.
        kind, place: of the listing.
        base: address of what a list of checksums is of.
        folder: where the answer is kept until it is read.
        say: called with a line of text before another try.

    Raises: RunError when it can't be had, or is no listing.
    """
    repository, _, revision = place.partition("@")
    address = {
        "zenodo": f"{catalogue.servers.zenodo}/api/records/{place}",
        "github": f"{catalogue.servers.github}/repos/{repository}/git/trees/{revision}?recursive=1",
        "hub": f"{catalogue.hub()}/api/datasets/{repository}/revision/{revision}?blobs=true",
        "sums": place,
    }[kind]
    part = folder / ".listing.part"
    download.forget(part)  # the answer to another question
    try:
        download.fetch(address, part, MOST_BYTES, say, SILENT.progress, TRIES)
        text = read_text(part, MOST_BYTES)
        files = list(_sums(text) if kind == "sums" else _KINDS[kind](parse_json(text)))
        if not files:
            raise ValueError("it has no files")
        commit = parse_json(text)["sha"] if kind == "hub" else None
        place = f"{repository}@{commit}" if commit else place
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(f"{address} gives no listing that can be read ({told(error)})") from None
    finally:
        download.forget(part)
    return {
        name: Published(
            address_of(catalogue, kind, place, name, base),
            size if isinstance(size, int) and size >= 0 else None,
            digest if is_digest(digest) else None,
        )
        for name, size, digest in files
    }


def _zenodo(answer: Any) -> Iterator[tuple[str, Any, str]]:
    for file in answer["files"]:
        yield str(file["key"]), file["size"], str(file["checksum"])


def _github(answer: Any) -> Iterator[tuple[str, Any, str]]:
    for entry in answer["tree"]:
        if entry["type"] == "blob":
            yield str(entry["path"]), entry.get("size"), f"git:{entry['sha']}"


def _hub(answer: Any) -> Iterator[tuple[str, Any, str]]:
    for file in answer["siblings"]:
        large = file.get("lfs") or {}
        digest = f"sha256:{large['sha256']}" if large else f"git:{file.get('blobId')}"
        yield str(file["rfilename"]), file.get("size"), digest


def _sums(text: str) -> Iterator[tuple[str, None, str]]:
    for line in text.splitlines():
        if found := re.fullmatch(r"([0-9a-f]{64}) [ *]?(\S.*)", line):
            yield found[2], None, f"sha256:{found[1]}"


_KINDS = {"zenodo": _zenodo, "github": _github, "hub": _hub}
