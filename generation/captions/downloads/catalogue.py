"""The catalogue of what can be fetched: ``catalogue.toml``, where its fields are explained, or a mirror's."""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sousa.generation import environment
from sousa.generation.captions.downloads.digests import is_digest
from sousa.generation.captions.downloads.names import unfit
from sousa.generation.captions.readers import READERS
from sousa.generation.errors import UsageError, one_of, told
from sousa.generation.models import Model, Text, Whole, validated
from sousa.generation.outside import CONFIG_BYTES, read_text

SHIPPED = Path(__file__).with_name("catalogue.toml")
LISTINGS = ("zenodo", "github", "hub", "sums")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


class Servers(Model):
    """Where listings are asked for, and files of those that have one."""

    REQUIRED: ClassVar = ("zenodo", "github", "raw", "hub")
    zenodo: Text = ""
    github: Text = ""
    raw: Text = ""
    hub: Text = ""


class Files(Model):
    """Files of a corpus that are at one place."""

    REQUIRED: ClassVar = ("where", "names", "bytes")
    where: Text = ""
    base: Text = ""
    names: list[Text] = []
    bytes: Whole = 0
    digest: Text | None = None
    sound: bool = False
    lists: bool = False
    choice: Text | None = None
    into: Text = "."
    unpack: Text | None = None
    content: Whole | None = None

    def listing(self) -> tuple[str, str] | None:
        """``(kind, place)`` of the listing that they are in, None for those at plain addresses."""
        kind, _, place = self.where.partition(":")
        return (kind, place) if kind in LISTINGS else None


class Corpus(Model):
    """What there is of one corpus."""

    REQUIRED: ClassVar = ("sound", "files")
    sound: Text = ""
    note: Text | None = None
    files: list[Any] = []


@dataclass(frozen=True)
class Catalogue:
    """Where published files are.

    Attributes:
        servers: see Servers.
        corpora: by name, in the order of the file.
    """

    servers: Servers
    corpora: dict[str, Corpus]

    def hub(self) -> str:
        """Address of the Hub: HF_ENDPOINT, where it is set."""
        return (os.environ.get("HF_ENDPOINT") or self.servers.hub).rstrip("/")


def read(path: str | Path = SHIPPED) -> Catalogue:
    """A catalogue from its file.

    Raises: UsageError with everything that is wrong with it, or when HF_ENDPOINT is no address.
    """
    try:
        tables = tomllib.loads(read_text(path, CONFIG_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"catalogue {path} can't be read: {told(error)}") from None
    problems: list[str] = []
    servers = validated(Servers, tables.pop("servers", {}), "servers", problems)
    problems += [f"unknown corpus {one_of(name, READERS)}" for name in tables if name not in READERS]
    corpora = {name: _corpus(name, table, problems) for name, table in tables.items()}
    problems += (
        f"servers: {name} is {server!r}; give http://... or https://..."
        for name, server in (servers.model_dump() if servers else {}).items()
        if server and not environment.is_address(server)
    )
    if problems:
        raise UsageError(*(f"{path}: {problem}" for problem in problems))
    catalogue = Catalogue(servers, {name: corpus for name, corpus in corpora.items() if corpus})
    if not environment.is_address(hub := catalogue.hub()):
        raise UsageError(f"HF_ENDPOINT is {hub!r}; give the address of a Hub, http://... or https://...")
    return catalogue


def _corpus(name: str, table: Any, problems: list[str]) -> Corpus | None:
    corpus = validated(Corpus, table, name, problems)
    if corpus is not None:
        files = [
            validated(Files, entry, f"{name}: files[{number}]", problems)
            for number, entry in enumerate(corpus.files)
        ]
        corpus.files = [entry for entry in files if entry is not None]
        for number, entry in enumerate(corpus.files):
            problems += (f"{name}: files[{number}]: {problem}" for problem in _wrong(entry))
    return corpus


def _wrong(entry: Files) -> list[str]:
    """What is wrong with values that are each of the right kind."""
    problems = []
    for name in (*entry.names, *filter(None, (entry.into, entry.unpack))):
        if name != "." and (why := unfit(name)):
            problems.append(f"{name!r} {why}")
    listing = entry.listing()
    addresses = [entry.where] if listing is None else []
    if listing and listing[0] == "sums":
        addresses = [listing[1], entry.base]
    problems += [
        f"{address!r} is no address; give http://... or https://..."
        for address in addresses
        if not environment.is_address(address)
    ]
    if listing is None and any("*" in name for name in entry.names):
        problems.append("* stands in names; that needs a listing")
    if entry.digest is not None and not is_digest(entry.digest):
        problems.append(f"digest is {entry.digest!r}; give md5:, sha1:, sha256: or git: and the digits")
    if entry.digest is not None and len(entry.names) != 1:
        problems.append("digest is that of one file, and there are other names")
    if entry.unpack and not all(name.endswith(ARCHIVES) for name in entry.names):
        problems.append(f"unpack is for files that end with {', '.join(ARCHIVES)}")
    if entry.bytes < 0 or (entry.content or 0) < 0:
        problems.append("bytes and content are 0 or more")
    return problems
