"""What corpora of Jamendo's music have in common: ids, tables with a tail of tags, lists of licences.

Conventions: ids are the digits of Jamendo's own, without zeros before them: ``226`` for ``track_0000226``,
``14`` for ``artist_000014``. They mean the same in all corpora of Jamendo's music.

Files of these corpora differ in what is published of them: a table may have a line of titles or none, and a
list of licences may be blocks of four lines, with an empty line or ``--`` after each, or a table.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sousa.generation.captions.files import followed, number, tab_rows, text_lines, there
from sousa.generation.captions.licences import licence_of

SOURCE = "jamendo"
_ID = re.compile(r"(?:[a-z]+_)?0*(\d{1,15})")
_BLOCK = re.compile(r"(?:\d+/)?(\d{1,15})(?:\.\w+)*\.mp3")
_SOUND = re.compile(r"(\w+)/(\w+)(?:\.2min|\.low)?\.mp3")
_PAGE = re.compile(r"\s+from Jamendo:\s*(\S+)\s*$")


@dataclass(frozen=True, slots=True)
class Track:
    """A row of a table with a tail of tags.

    Attributes:
        path: of its sound, ``26/226.mp3``.
        duration: s, of the whole track.
        tags: as published, ``genre---metal``.
    """

    id: str
    artist: str | None
    album: str | None
    path: str
    duration: float | None
    tags: tuple[str, ...]

    def of(self, kind: str) -> list[str]:
        """The tags of a kind, ``genre``, ``instrument`` or ``mood/theme``, without it."""
        return [tag[len(kind) + 3 :] for tag in self.tags if tag.startswith(f"{kind}---")]


@dataclass(frozen=True, slots=True)
class Notice:
    """What a list of licences says of a track."""

    attribution: str
    licence: str


@dataclass(frozen=True, slots=True)
class Names:
    """What a table of names says of a track; empty for what it does not."""

    title: str = ""
    artist: str = ""
    album: str = ""
    released: str = ""
    url: str = ""


NAMELESS = Names()


def id_of(value: Any) -> str | None:
    """An id of Jamendo's, from any way of writing it; None for what is none."""
    match = _ID.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[1] if match else None


def source(track: str) -> str:
    """The ``native_id`` of a track."""
    return f"{SOURCE}:{track}"


def tracks(path: Path) -> Iterator[Track | None]:
    """Rows of a table with a tail of tags, whether it has a line of titles or not; None for a broken one."""
    for cells in tab_rows(path):
        if cells[0] == "TRACK_ID":
            continue
        track = id_of(cells[0])
        if track is None or len(cells) < 5:
            yield None
            continue
        tags = dict.fromkeys(map(sys.intern, map(str.strip, cells[5:])))  # in their order, each once
        tags.pop("", None)
        yield Track(track, id_of(cells[1]), id_of(cells[2]), cells[3].strip(), number(cells[4]), tuple(tags))


def notices(*paths: Path) -> dict[str, Notice]:
    """What those lists of licences that are there say, by track; the first that names a track counts."""
    out: dict[str, Notice] = {}
    for path in filter(None, map(followed, paths)):
        for track, notice in _table(path) if path.suffix == ".tsv" else _blocks(path):
            out.setdefault(track, notice)
    return out


def names(path: Path) -> dict[str, Names]:
    """What a table of names says, by track; nothing where it is not there."""
    out: dict[str, Names] = {}
    for cells in tab_rows(path) if there(path) else ():
        cells = [cell.strip() for cell in cells]
        if (track := id_of(cells[0])) is None or len(cells) < 5:
            continue  # the line of titles, or a broken one: names are not needed
        if len(cells) == 9 and not cells[4]:  # two rows have an empty cell before the artist
            del cells[4]
        out.setdefault(track, Names(*cells[3:8]))
    return out


def common(
    track: str, artist: str | None, album: str | None, notice: Notice | None, named: Names = NAMELESS
) -> dict[str, Any]:
    """The columns of a row that say which track it is, by whom, and under which licence."""
    page, title, performer = None, named.title, named.artist
    if notice:
        page = _PAGE.search(notice.attribution)
        parts = _PAGE.sub("", notice.attribution).strip().split(" by ")
        if len(parts) == 2 and not title:  # with another "by" nobody knows where the title ends
            title, performer = parts
    return {
        "source_id": track, "native_id": source(track), "artist_id": artist, "album_id": album,
        "group_id": source(artist) if artist else None,
        "title": title or None, "artist": performer or None,
        "url": named.url or (page[1] if page else f"https://www.jamendo.com/track/{track}"),
        **licence_of(notice.licence if notice else None).columns(),
    }  # fmt: skip


class Sounds:
    """Where sounds lie, of those folders of a corpus that they may be in; each folder is listed once."""

    def __init__(self, root: Path, folders: Iterable[str], endings: Iterable[str]):
        self._root, self._listed = root, dict[str, frozenset[str]]()
        self._likely = [(f"{folder}/" if folder else "", ending) for folder in folders for ending in endings]

    def at(self, path: str) -> str | None:
        """The path of a sound in the folder of the corpus, by its published one; None if it is not there."""
        match = _SOUND.fullmatch(path)
        if not match:
            return None
        for place in self._likely:
            folder, name = f"{place[0]}{match[1]}", f"{match[2]}{place[1]}"
            if folder not in self._listed:
                self._listed[folder] = self._names(folder)
            if name in self._listed[folder]:
                if place is not self._likely[0]:  # where others of the corpus are as well
                    self._likely.remove(place)
                    self._likely.insert(0, place)
                return f"{folder}/{name}"
        return None

    def _names(self, folder: str) -> frozenset[str]:
        try:
            return frozenset(os.listdir(self._root / folder))
        except OSError:
            return frozenset()


def _blocks(path: Path) -> Iterator[tuple[str, Notice]]:
    """Blocks of lines: the path of a sound, title and artist, the licence, and an empty one."""
    track, lines = "", list[str]()
    for line in (*text_lines(path), "0.mp3"):
        line = line.strip()
        if match := _BLOCK.fullmatch(line):
            if track and lines:
                yield track, Notice(" ".join(lines[:-1]), sys.intern(lines[-1]))
            track, lines = str(int(match[1])), []
        elif line and line != "--":
            lines.append(line)


def _table(path: Path) -> Iterator[tuple[str, Notice]]:
    """A table of id, attribution and licence; a title with a tab, in quotes, makes it one cell wider."""
    for cells in tab_rows(path):
        track = id_of(cells[0])
        if track is not None and len(cells) >= 3:
            attribution = "".join(cells[1:-1]).strip()
            if len(attribution) > 1 and attribution[0] == attribution[-1] == '"':
                attribution = attribution[1:-1].replace('""', '"').strip()
            yield track, Notice(attribution, sys.intern(cells[-1].strip()))
