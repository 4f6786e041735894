"""A release read back: a directory here, or a revision of a dataset on the Hub.

Of a release on the Hub only the manifest and the row index are fetched; data files are opened in
place, and reading some columns of them transfers those alone.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from builders.release import layout
from generation.errors import RunError, UsageError

RELEASE_FORMAT = 1
_KEYS = {
    "release_format": int, "corpus": str, "version": str, "data_version": str, "released": str,
    "config": dict, "config_digest": str, "columns": dict, "views": dict, "num_rows": int, "made_of": list,
    "changelog": list, "files": dict,
}  # fmt: skip
HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True)
class Release:
    """A release.

    Attributes:
        where: how the user named it.
        manifest: of the release, plain data.
        local: function of a file in the release giving a path here, fetching it when it must.
        open: function of a file in the release giving a binary file object.
    """

    where: str
    manifest: dict
    local: object
    open: object

    @property
    def version(self):
        """``X.Y.Z``."""
        return self.manifest["version"]

    def index(self, columns=None):
        """The row index as an Arrow table; see :mod:`builders.release.pack`."""
        try:
            return pq.read_table(self.local(layout.INDEX), columns=columns)
        except (OSError, pa.ArrowException) as error:
            raise RunError(f"the row index of {self.where} can't be read ({_first(error)})") from None


def _first(error):
    return (str(error).splitlines() or [type(error).__name__])[0]


def check_manifest(manifest, where):
    """The manifest, when it is one of a release.

    Raises: RunError.
    """
    if not isinstance(manifest, dict) or not isinstance(manifest.get("release_format"), int):
        raise RunError(f"{where} is not a release: its {layout.MANIFEST} is not one of 'sousa release'")
    if manifest["release_format"] != RELEASE_FORMAT:
        raise RunError(
            f"{where} has release format {manifest['release_format']}, this sousa knows {RELEASE_FORMAT}; "
            "use a newer sousa"
        )
    wrong = [name for name, kind in _KEYS.items() if not isinstance(manifest.get(name), kind)]
    if wrong:
        raise RunError(f"{where} has a damaged {layout.MANIFEST}: {', '.join(wrong)} can't be used")
    for file, fact in manifest["files"].items():
        whole = isinstance(fact, dict) and isinstance(fact.get("sha256"), str)
        if not whole or not isinstance(fact.get("bytes"), int) or file.startswith("/") or ".." in file:
            raise RunError(f"{where} has a damaged {layout.MANIFEST}: the entry of {file!r} can't be used")
    return manifest


def read(root):
    """A release directory.

    Raises: UsageError or RunError when it is none, or not finished.
    """
    root = Path(root)
    if not root.is_dir():
        raise UsageError(f"{root} is not a directory")
    try:
        manifest = json.loads((root / layout.MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"{root} is not a finished release (no {layout.MANIFEST}); make it with 'sousa release DIR -o "
            f"{root} --version X.Y.Z', which goes on where it was stopped"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{root / layout.MANIFEST} can't be read ({_first(error)})") from None
    if isinstance(manifest, dict) and "shards" in manifest:
        raise UsageError(
            f"{root} is a dataset, not a release; make one of it with 'sousa release {root} -o RELEASE "
            "--version X.Y.Z'"
        )
    return directory(root, check_manifest(manifest, str(root)))


def directory(root, manifest):
    """The Release in a directory, whose manifest need not have been written yet."""
    root = Path(root)
    return Release(str(root), manifest, lambda file: root / file, lambda file: (root / file).open("rb"))


def find(name, revision=None, token=None):
    """A release by what the user calls it: a directory, or ``org/name`` or ``org/name@revision`` on the Hub.

    Raises: UsageError or RunError.
    """
    if revision is None and Path(name).is_dir():
        return read(name)
    match = HUB_ID.fullmatch(str(name))
    if not match:
        raise UsageError(f"{name} is neither a directory here nor of the form org/name or org/name@revision")
    from builders.hub import remote

    return remote.release(match["repo"], revision or match["revision"], token)
