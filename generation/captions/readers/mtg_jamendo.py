"""MTG-Jamendo: 55,525 tracks of Jamendo under 183 tags, in five published splits, captioned from the tags.

Files: ``data/splits/split-K/autotagging{,_genre,_instrument,_moodtheme,_top50tags}-SPLIT.tsv``, of which any
may be missing; ``data/autotagging.tsv``, which is a link; ``data/raw.meta.tsv`` (names); licences in
``audio_licenses.txt``, or in a table for the tracks that Song Describer was drawn from. Tables end in as many
tags as a track has.

Conventions: a row is a track of the wanted split, with all its tags there. Tracks that are in no part of the
split, because all their tags are rare, are rejected: others of their artist have a part already.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from sousa.generation.captions.files import followed, meta
from sousa.generation.captions.jamendo import (
    NAMELESS,
    Names,
    Notice,
    Sounds,
    Track,
    common,
    names,
    notices,
    tracks,
)
from sousa.generation.captions.readers import BLOCK_ROWS, Reader, Rows, Wanted, sample_id, told_of
from sousa.generation.captions.templates import captions_of
from sousa.generation.columns import SPLITS
from sousa.generation.errors import UsageError
from sousa.generation.outside import is_directory

TAG_SETS = ("", "_genre", "_instrument", "_moodtheme", "_top50tags")
_ALL = ("autotagging.tsv", "raw_30s_cleantags_50artists.tsv")
_LICENCES = ("audio_licenses.txt", "data/audio_licenses.txt", "split_0_test_tracks.tsv",
             "data/split_0_test_tracks.tsv")  # fmt: skip
_FOLDERS = ("audio", "audio-low", "raw_30s/audio", "raw_30s/audio-low", "audio/audio", "")
_KINDS = {"genres": "genre", "moods": "mood/theme", "instruments": "instrument"}


class MTGJamendo(Reader):
    """Reads MTG-Jamendo."""

    name, title = "mtg_jamendo", "MTG-Jamendo"
    summary = "55,525 tracks of Jamendo with tags of genre, instrument, mood and theme; captions made of them"
    homepage = "https://mtg.github.io/mtg-jamendo-dataset"
    caption_licence, caption_source = "CC-BY-NC-SA-4.0", "template"
    may_overlap, own = True, ("mtg_split",)
    citation = """@inproceedings{bogdanov2019mtg,
  title={The MTG-Jamendo Dataset for Automatic Music Tagging},
  author={Bogdanov, Dmitry and Won, Minz and Tovstogan, Philip and Porter, Alastair and Serra, Xavier},
  booktitle={Machine Learning for Music Discovery Workshop, ICML 2019},
  year={2019},
}"""

    def read(self, root: Path, wanted: Wanted) -> Iterator[pa.Table]:
        """A row a track, test first, then validation and train."""
        folder = _data(root)
        if not is_directory(_split_folder(root, wanted.mtg_split)):
            raise UsageError(
                f"{root} does not hold split {wanted.mtg_split} of {self.title}: there is no folder "
                f"data/splits/split-{wanted.mtg_split}; name the folder that holds it, or get it with "
                "'sousa download'"
            )
        licences = notices(*(root / name for name in _LICENCES))
        named = names(names_file(root))
        sounds = Sounds(root, _FOLDERS, (".mp3", ".low.mp3"))
        rows = Rows(self)
        for split in reversed(SPLITS):
            read, broken = split_tracks(root, wanted.mtg_split, split)
            for place in broken:
                yield from rows.add(source_id=place, rejected="a broken line")
            for first in range(0, len(read), BLOCK_ROWS):
                block = read[first : first + BLOCK_ROWS]
                for track, captions in zip(block, self._captions(block, wanted.seed), strict=True):
                    row = self._row(track, captions, licences.get(track.id), named.get(track.id, NAMELESS))
                    row |= {"split": split, "audio_at": sounds.at(track.path)}
                    yield from rows.add("in two parts of the split", **row)
        paths = [path for name in _ALL if (path := followed(folder / name))]
        for rare in tracks(paths[0]) if paths else ():
            if rare and rare.id not in rows.seen:
                row = self._row(rare, [], licences.get(rare.id), named.get(rare.id, NAMELESS))
                reason = "in no part of the split"
                yield from rows.add(reason, **row | {"rejected": reason})
        yield from rows.rest()

    def _captions(self, block: list[Track], seed: int) -> list[list[str]]:
        kinds = {name: [track.of(kind) for track in block] for name, kind in _KINDS.items()}
        known = tuple(f"{kind}---" for kind in _KINDS.values())
        others = [[tag for tag in track.tags if not tag.startswith(known)] for track in block]
        return captions_of(seed, [sample_id(self.name, track.id) for track in block], **kinds, tags=others)

    def _row(self, track: Track, captions: list[str], notice: Notice | None, named: Names) -> dict[str, Any]:
        return {
            **common(track.id, track.artist, track.album, notice, named),
            **told_of(captions, self.caption_source, self.language),
            "track_duration_sec": track.duration, "clip_start_sec": 0.0, "clip_end_sec": track.duration,
            "tags": track.tags, "genres": track.of("genre"),
            "meta": meta(attribution=notice and notice.attribution, album=named.album,
                         released=named.released),
            "rejected": None if captions else "no caption",
        }  # fmt: skip


def split_tracks(root: Path, number: int, split: str) -> tuple[list[Track], list[str]]:
    """Tracks of a part of a published split, each with the tags of all tables, and places of broken lines."""
    folder, joined, broken = _split_folder(root, number), dict[str, Track](), list[str]()
    for tag_set in TAG_SETS:
        if (path := followed(folder / f"autotagging{tag_set}-{split}.tsv")) is None:
            continue
        for line, track in enumerate(tracks(path)):
            if track is None:
                broken.append(f"{path.stem}.row-{line}")
                continue
            before = joined.setdefault(track.id, track)
            if not set(track.tags).issubset(before.tags):
                tags = tuple(dict.fromkeys((*before.tags, *track.tags)))
                joined[track.id] = replace(before, tags=tags)
    return list(joined.values()), broken


def holds_split(root: Path, number: int, split: str) -> bool:
    """Whether all tracks of a part of a published split are there."""
    there = [
        followed(_split_folder(root, number) / f"autotagging{tag_set}-{split}.tsv")
        for tag_set in TAG_SETS[:4]
    ]
    return bool(there[0] or all(there[1:]))


def names_file(root: Path) -> Path:
    """The table of names."""
    return _data(root) / "raw.meta.tsv"


def _data(root: Path) -> Path:
    return root / "data" if is_directory(root / "data") else root


def _split_folder(root: Path, number: int) -> Path:
    return _data(root) / "splits" / f"split-{number}"
