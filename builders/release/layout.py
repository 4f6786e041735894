"""Where things lie in a release, and which files each config of it reads.

Conventions
-----------
A shard's file is ``data/<view>/<split>/<shard>.parquet`` under the smallest view that contains it.
Views are nested, so each reads its own folder and those of the views before it: nothing is stored
twice, and the file of a row never moves when larger views are added. Beside each view with sound and
MIDI stands ``<view>-midi``, the same files without the audio column; ``labels`` is everything without
audio and MIDI.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sousa.generation.columns import SPLITS as SPLITS  # for readers of releases

MANIFEST, CARD, CROISSANT, INDEX = "manifest.json", "README.md", "croissant.json", "row_index.parquet"
DATA_FILE = re.compile(r"^data/(?P<view>[a-z0-9_]+)/(?P<split>[a-z]+)/[A-Za-z0-9_.-]+\.parquet$")


def repo_problem(repo: str) -> str | None:
    """Why a text is no name of a repository on the Hub, or None."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        return f"{repo!r}, which the Hub does not allow ({str(error).splitlines()[0].rstrip('.')})"
    parts = repo.split("/")
    if len(parts) != 2 or not all(re.match(r"\w", part) for part in parts):
        return f"{repo!r}; give org/name"
    return None


@dataclass(frozen=True)
class View:
    """One config of a release.

    Attributes:
        name: of the config.
        folders: views whose folders it reads.
        columns: the columns it has, or None for all.
        default: it is what is loaded when no config is named.
    """

    name: str
    folders: tuple[str, ...]
    columns: tuple[str, ...] | None
    default: bool

    def pattern(self, folder: str, split: str) -> str:
        """Files of a split in one of the folders."""
        return f"data/{folder}/{split}/*.parquet"

    def reads(self, file: str) -> bool:
        """Whether a file of the release belongs to this config."""
        match = DATA_FILE.match(file)
        return bool(match) and match["view"] in self.folders


def files(
    views: Mapping[str, Iterable[str]], shards: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[str, str]]:
    """Where shards go: dict of shard name to ``(file, view)``.

    Args:
        views: dict of view, the smallest first, to its shards; shards: their records.
    """
    out: dict[str, tuple[str, str]] = {}
    for view, names in views.items():
        for name in names:
            stem = shards[name]["file"].rsplit("/", 1)[1]
            out.setdefault(name, (f"data/{view}/{shards[name]['split']}/{stem}", view))
    return out


def views(names: Iterable[str], columns: Iterable[str]) -> list[View]:
    """The configs of a release.

    Args:
        names: of the nested views, the smallest first.
        columns: names of all columns, in order.
    """
    names, columns = list(names), list(columns)
    out = [View(name, tuple(names[: i + 1]), None, name == names[-1]) for i, name in enumerate(names)]
    if {"audio", "midi"} <= set(columns):
        silent = tuple(column for column in columns if column != "audio")
        out += [View(f"{view.name}-midi", view.folders, silent, False) for view in list(out)]
    plain = tuple(column for column in columns if column not in ("audio", "midi"))
    if len(plain) < len(columns):
        out.append(View("labels", tuple(names), plain, False))
    return out
