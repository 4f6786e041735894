"""A release read back: a directory here, or a revision of a dataset on the Hub.

Of a release on the Hub only the manifest and the row index are fetched; data files are opened in
place, and reading some columns of them transfers those alone.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sousa.builders.hub import remote
from sousa.builders.release import layout, versions
from sousa.generation.errors import RunError, UsageError, first_line
from sousa.generation.manifest import first_problem, sealed
from sousa.generation.outside import (
    MANIFEST_BYTES,
    UnfitFile,
    expanded,
    is_directory,
    meant,
    read_json,
    refuse_address,
)
from sousa.generation.parquet import parquet_schema
from sousa.generation.text import counted, shell


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _File(_Strict):
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _DataFile(_File):
    rows: Annotated[int, Field(ge=0)]
    split: str
    view: str


class _View(_Strict):
    folders: Annotated[list[str], Field(min_length=1)]
    columns: list[str] | None = None


class _Part(_Strict):
    kind: str
    name: str
    licence: str | None
    licence_id: str | None = None
    free: bool
    never: bool = False


class _Change(_Strict):
    version: str
    released: str
    lines: list[str]


class _Manifest(_Strict):
    """What is in the manifest of a release; :mod:`sousa.builders.release.make` writes it."""

    release_format: int
    corpus: str
    title: str
    version: str
    data_version: str
    released: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    repo: str | None
    identity: str
    config: dict[str, Any]
    config_digest: str
    num_rows: Annotated[int, Field(ge=0)]
    digest_column: str | None
    columns: dict[str, str]
    views: Annotated[dict[str, _View], Field(min_length=1)]
    made_of: list[_Part]
    provenance: dict[str, Any]
    previous: str | None
    notes: list[str]
    changelog: Annotated[list[_Change], Field(min_length=1)]
    card_text: str
    files: dict[str, dict[str, Any]]


HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True)
class Release:
    """A release."""

    where: str  # as the user named it
    manifest: dict[str, Any]
    local: Callable[[str], str | Path]  # a file in the release as a path here, fetched when it must be
    open: Callable[[str], Any]  # a file in the release as a binary file object

    def __repr__(self) -> str:
        manifest = self.manifest
        rate = manifest["config"].get("sample_rate")
        facts = [f"{manifest['corpus']} {manifest['data_version']}", counted(manifest["num_rows"], "row")]
        facts += [f"{rate:,} Hz"] if rate else []
        configs = ", ".join(manifest["views"])
        return f"release {self.version} in {self.where}\n  {', '.join(facts)}\n  configs: {configs}"

    @property
    def version(self) -> str:
        """``X.Y.Z``."""
        return self.manifest["version"]

    def index(self, without: Iterable[str] = ()) -> pa.Table:
        """The row index as an Arrow table, see :mod:`sousa.builders.release.layout`.

        Args:
            without: files whose rows are left out.
        """
        rows = ~pc.field("file").isin(list(without)) if without else None
        try:
            path = self.local(layout.INDEXES[self.manifest["release_format"]])
            if parquet_schema(path) != layout.INDEX_SCHEMA:
                raise RunError(f"the row index of {self.where} has other columns than a row index")
            names = ["file", "view", "split"]
            return pq.read_table(path, filters=rows, read_dictionary=names).unify_dictionaries()
        except (OSError, pa.ArrowException) as error:
            raise RunError(f"the row index of {self.where} can't be read ({first_line(error)})") from None


def is_release(root: str | Path) -> bool:
    """Whether a directory holds a release, whole or damaged, and not a dataset."""
    try:
        manifest = read_json(Path(root) / layout.MANIFEST, MANIFEST_BYTES)
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and "release_format" in manifest


def check_manifest(manifest: Any, where: str) -> dict[str, Any]:
    """The manifest, when it is one of a release.

    Raises: RunError.
    """
    if not isinstance(manifest, dict) or not isinstance(manifest.get("release_format"), int):
        raise RunError(f"{where} is not a release: its {layout.MANIFEST} is not one of 'sousa release'")
    if layout.index_name(manifest) is None:
        raise RunError(
            f"{where} has release format {manifest['release_format']}, this sousa knows up to "
            f"{layout.RELEASE_FORMAT}; use a newer sousa"
        )
    damaged = f"{where} has a damaged {layout.MANIFEST}:"
    if sealed(manifest) != manifest:
        raise RunError(f"{damaged} it does not match its own digest: somebody changed it")
    try:
        _Manifest.model_validate(manifest)
        for file, entry in manifest["files"].items():
            if file.startswith("/") or ".." in file:
                raise RunError(f"{damaged} the file {file!r} is outside of it")
            (_DataFile if layout.DATA_FILE.match(file) else _File).model_validate(entry)
    except ValidationError as failure:
        raise RunError(f"{damaged} {first_problem(failure)}") from None
    if versions.of_tag(f"v{manifest['version']}") is None:
        raise RunError(f"{damaged} version can't be used")
    return manifest


def read(root: str | Path) -> Release:
    """A release directory.

    Raises: UsageError or RunError when it is none, or not finished.
    """
    refuse_address(root)
    root = Path(expanded(root))
    if not is_directory(root):
        raise UsageError(f"{root} is not a directory")
    try:
        manifest = read_json(root / layout.MANIFEST, MANIFEST_BYTES)
    except FileNotFoundError:
        raise UsageError(
            f"{root} is not a finished release (no {layout.MANIFEST}); make it with 'sousa release DIR -o "
            f"{root} --version X.Y.Z', which goes on where it was stopped"
        ) from None
    except (OSError, ValueError) as error:
        raise RunError(f"{root / layout.MANIFEST} can't be read ({first_line(error)})") from None
    if isinstance(manifest, dict) and "shards" in manifest:
        raise UsageError(
            f"{root} is a dataset, not a release; make one of it with 'sousa release {shell(root)} -o "
            "RELEASE --version X.Y.Z'"
        )
    return directory(root, check_manifest(manifest, str(root)))


def directory(root: str | Path, manifest: dict[str, Any]) -> Release:
    """The Release in a directory, whose manifest need not have been written yet."""
    root = Path(root)
    return Release(str(root), manifest, lambda file: root / file, lambda file: (root / file).open("rb"))


def find(name: str | Path, token: str | None = None) -> Release:
    """A release by what the user calls it: a directory, or ``org/name`` or ``org/name@revision`` on the Hub.

    Raises: UsageError or RunError.
    """
    refuse_address(name)
    if is_directory(expanded(name)):
        return read(name)
    match = HUB_ID.fullmatch(str(name))
    if not match:
        raise UsageError(
            f"{str(name)!r} is neither a directory here nor of the form org/name or org/name@revision"
            f"{meant(expanded(name))}"
        )
    if not match["revision"] and (near := meant(match["repo"])):
        raise UsageError(f"there is no directory {name}{near}; for a release on the Hub write {name}@main")
    return on_hub(match["repo"], match["revision"], token)


def on_hub(repo: str, revision: str | None = None, token: str | None = None) -> Release:
    """A release on the Hub at a tag, branch or commit, None for main.

    Raises: RunError when there is none.
    """
    api = remote.client(token)
    with remote.hub_errors(repo, "reading"):
        commit = api.dataset_info(repo, revision=revision).sha

    def local(file: str) -> str:
        with remote.hub_errors(repo, "reading"):
            return api.hf_hub_download(repo, file, repo_type="dataset", revision=commit)

    def open_(file: str) -> Any:
        with remote.hub_errors(repo, "reading"):
            path = f"datasets/{repo}@{commit}/{file}"
            return remote.file_system(token).open(path, "rb", **remote.READ_AHEAD)

    where = f"{repo}@{revision}" if revision else repo
    try:
        manifest = read_json(local(layout.MANIFEST), MANIFEST_BYTES)
    except (UnfitFile, ValueError):
        manifest = None
    except remote.FileNotFoundOnHub:
        raise RunError(f"{where} is no release of sousa: it holds no {layout.MANIFEST}") from None
    return Release(where, check_manifest(manifest, where), local, open_)
