"""Where things lie in a release, which files each config of it reads, and what its row index holds.

Conventions
-----------
A shard's file is ``data/<view>/<split>/<shard>.parquet`` under the smallest view that contains it.
Views are nested, so each reads its own folder and those of the views before it: nothing is stored
twice, and the file of a row never moves when larger views are added. Beside each view with sound and
MIDI stands ``<view>-midi``, the same files without the audio column; ``labels`` is everything without
audio and MIDI.

The row index is a Parquet file that those who look for the rows do not find: ``**/*.parquet`` does not match
its name, and readers of whole folders leave out names that begin with ``_``. It has one record a row, in the
order of rows of each file, files in order of names:

- ``sample_id``; ``file`` and ``row`` in it; ``view`` and ``split`` it belongs to
- ``audio_offset``, ``audio_bytes``, ``midi_offset``, ``midi_bytes``: where its encoded audio and its
  MIDI file lie in the file, in bytes, so that a row is one range read; null without
- ``audio_digest``, ``labels_digest``: see :mod:`sousa.builders.release.digests`; the first is made of the
  column that stands for the sound, the second of all others but the audio
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sousa.builders.release.digests import DIGEST_BYTES
from sousa.generation.errors import first_line

MANIFEST, CARD, CROISSANT, INDEX = "manifest.json", "README.md", "croissant.json", "_row_index.pq"
ATTRIBUTION = "ATTRIBUTION.md"  # of corpora whose rows are by many authors
# the format of a release to the name of its row index
INDEXES = {1: "row_index.parquet", 2: INDEX}
RELEASE_FORMAT = 2
DATA_FILE = re.compile(r"^data/(?P<view>[a-z0-9_]+)/(?P<split>[a-z]+)/[A-Za-z0-9_.-]+\.parquet$")
INDEX_SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()), ("file", pa.string()), ("row", pa.int32()), ("view", pa.string()),
        ("split", pa.string()), ("audio_offset", pa.int64()), ("audio_bytes", pa.int64()),
        ("midi_offset", pa.int64()), ("midi_bytes", pa.int64()), ("audio_digest", pa.binary(DIGEST_BYTES)),
        ("labels_digest", pa.binary(DIGEST_BYTES)),
    ]
)  # fmt: skip


def repo_problem(repo: str) -> str | None:
    """Why a text is no name of a repository on the Hub, or None."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        return f"{repo!r}, which the Hub does not allow ({first_line(error).rstrip('.')})"
    return None if re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", repo) else f"{repo!r}; give org/name"


@dataclass(frozen=True)
class View:
    """One config of a release."""

    name: str
    folders: tuple[str, ...]  # views whose folders it reads
    columns: tuple[str, ...] | None  # None for all
    default: bool = False  # it is loaded when no config is named


def index_name(manifest: Mapping[str, Any]) -> str | None:
    """The row index of the release that a manifest is of; None when it is of none."""
    release_format = manifest.get("release_format")
    return INDEXES.get(release_format) if isinstance(release_format, int) else None


def data_files(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the manifest of a release says of its data files, by file."""
    return {file: entry for file, entry in manifest["files"].items() if DATA_FILE.match(file)}


def placed(views: dict[str, list[str]], shards: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Where shards go: dict of file in the release, in order, to the shard's record with its ``view``.

    Args:
        views: dict of view, the smallest first, to its shards.
        shards: their records.
    """
    smallest = {name: view for view, names in reversed(views.items()) for name in names}
    records = [shards[name] | {"view": view} for name, view in smallest.items()]
    files = {f"data/{r['view']}/{r['split']}/{r['file'].rsplit('/', 1)[1]}": r for r in records}
    return dict(sorted(files.items()))


def views(names: Iterable[str], columns: Iterable[str]) -> list[View]:
    """The configs of a release, of its nested views, the smallest first, and all its columns in order."""
    names, columns = tuple(names), tuple(columns)
    out = [View(name, names[: i + 1], None, name == names[-1]) for i, name in enumerate(names)]
    if {"audio", "midi"} <= set(columns):
        silent = tuple(column for column in columns if column != "audio")
        out += [View(f"{view.name}-midi", view.folders, silent) for view in list(out)]
    plain = tuple(column for column in columns if column not in ("audio", "midi"))
    if len(plain) < len(columns):
        out.append(View("labels", names, plain))
    return out
