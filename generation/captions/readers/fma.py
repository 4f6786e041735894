"""FMA: music of the Free Music Archive, with captions made from its genres and tags.

Conventions
-----------
``fma_metadata/tracks.csv`` has three lines of heads (group, field, ``track_id``) and 52 columns after the id;
lists are Python literals, texts have line breaks. Beside it are read, where they are there, ``genres.csv``
for the names of genres, and ``raw_tracks.csv`` for the addresses of licences and tracks.

The sounds of a size are in ``fma_<size>/<first three digits>/<six digits>.mp3``. Those of small, medium and
large are clips of 30 s, of which nobody published where in the track they begin; those of full are whole
tracks. Rows of small are in medium too, and those of medium in large. ``track_duration_sec`` is the length of
the track as the table states it, never that of the clip.

``genres`` begins with the main genre: ``genre_top``, or the root of the track's first genre where there is
none; then come the track's own genres, then all that those are kinds of. ``tags`` are those of the track, not
those of its album or artist.
"""

import csv
import tomllib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sousa.generation.captions.caption_columns import caption_columns
from sousa.generation.captions.columns import READ
from sousa.generation.captions.csv_blocks import Blocks, distinct, mapped
from sousa.generation.captions.files import csv_rows, meta, needed, number, text_lines, there
from sousa.generation.captions.licences import licence_of
from sousa.generation.captions.literals import literal_list, texts
from sousa.generation.captions.readers import BLOCK_ROWS, Reader, Rows, Wanted, sample_id, table_of
from sousa.generation.columns import STRINGS, arrow_type
from sousa.generation.errors import UsageError, one_of
from sousa.generation.outside import is_directory

SIZES = ("small", "medium", "large", "full")
SPLITS = {"training": "train", "validation": "validation", "test": "test"}
COLUMNS = (
    "track_id", "set.split", "set.subset", "track.genre_top", "track.genres", "track.genres_all",
    "track.tags", "track.license", "track.title", "track.duration", "track.language_code", "artist.name",
    "artist.id", "album.id",
)  # fmt: skip
HEADS = 3  # lines
ADDRESSES = ("track_id", "license_url", "track_url")
LICENCE = pa.schema([READ.field(name) for name in licence_of(None).columns()])
_LIST = arrow_type(STRINGS)
_BREAK = "\x1f"  # between cells that are looked at together
_NO_TEXTS = pa.array([], pa.string())
_BROKEN = tomllib.loads((Path(__file__).parent / "fma_broken.toml").read_text(encoding="utf-8"))


class FMA(Reader):
    """FMA."""

    name, title = "fma", "FMA"
    summary = "106,574 tracks of the Free Music Archive, with captions from their genres and tags"
    homepage = "https://github.com/mdeff/fma"
    caption_licence, caption_source, own = "CC-BY-4.0", "template", ("fma_size",)
    citation = """@inproceedings{fma_dataset,
  title = {{FMA}: A Dataset for Music Analysis},
  author = {Defferrard, Micha{\\"e}l and Benzi, Kirell and Vandergheynst, Pierre and Bresson, Xavier},
  booktitle = {ISMIR}, year = {2017}
}"""

    def read(self, root: Path, wanted: Wanted) -> Iterator[pa.Table]:
        """As for every reader; raises UsageError also when the wanted size is not there."""
        tracks = needed(root, self.title, "fma_metadata/tracks.csv", "tracks.csv")
        heads = [line.rstrip("\r\n").split(",") for line in islice(text_lines(tracks), 2)] or [[]]
        names = [
            f"{group}.{field}" if group else "track_id"
            for group, field in zip(heads[0], heads[-1], strict=False)
        ]
        table = Tracks(self, tracks.parent, wanted.seed, *_size(root, wanted))
        blocks = Blocks(tracks, names, COLUMNS, HEADS, BLOCK_ROWS)
        for block in blocks:
            yield table.rows(block)
        rows = Rows(self)
        for begin, cells in blocks.ragged:
            reason = f"a line of {cells} cells, not {len(names)}"
            yield from rows.add(source_id=table.name(begin.partition(",")[0]), rejected=reason)
        yield from rows.rest()


class Tracks:
    """Rows of the table as rows of READ.

    Args:
        tables: the folder of the other tables.
        size: that is wanted.
        folder: of its sounds; None where they are not there.
    """

    def __init__(self, reader: Reader, tables: Path, seed: int, size: str, folder: str | None):
        self.reader, self.seed, self.size, self.folder = reader, seed, size, folder
        self.genres, self.addresses = Genres(tables / "genres.csv"), Addresses(tables / "raw_tracks.csv")
        self.not_wanted = dict.fromkeys(SIZES[SIZES.index(size) + 1 : 3], f"not in fma_{size}")
        self.broken = broken(clips=size != "full")
        self._seen: set[str] = set()
        self._number = 0

    def name(self, track: str) -> str:
        """The id of a track; of one without, or of one that was there before, the number of its row."""
        self._number += 1
        if not (track.isascii() and track.isdigit()) or track in self._seen:
            return f"row-{self._number}"
        self._seen.add(track)
        return track

    def rows(self, block: pa.Table) -> pa.Table:
        """A block."""
        count, tracks = len(block), block["track_id"].to_pylist()
        names = [self.name(track) for track in tracks]
        samples = [sample_id(self.reader.name, name) for name in names]
        lists, of_row = distinct(_joined(block, "track.genre_top", "track.genres", "track.genres_all"))
        genres = [self.genres.listed(cells) for cells in lists]
        tags, tags_of_row = distinct(block["track.tags"])
        tags = [texts(cell) for cell in tags]
        caption, other = caption_columns(
            self.seed, samples, ([names for _, names in genres], of_row.to_numpy()),
            (tags, tags_of_row.to_numpy()), self.reader.caption_source, self.reader.language,
        )  # fmt: skip
        subsets, silent = block["set.subset"].to_pylist(), caption.is_null().to_pylist()
        rejected = [
            ("no id, or a second row of one" if name != track else None) or self.not_wanted.get(subset)
            or self.broken.get(track) or ("no genre and no tag that says anything" if nothing else None)
            for name, track, subset, nothing in zip(names, tracks, subsets, silent, strict=True)
        ]  # fmt: skip
        ids = pa.array(names)
        usual = {
            "dataset": self.reader.name, "caption_source": self.reader.caption_source,
            "language": self.reader.language, "caption_licence": self.reader.caption_licence,
        }  # fmt: skip
        columns = {name: _repeated(text, count) for name, text in usual.items()}
        columns |= self.addresses.columns(block) | {
            "sample_id": pa.array(samples), "source_id": ids,
            "native_id": pc.binary_join_element_wise("fma", ids, ":"),
            "split": mapped(block["set.split"], SPLITS.get, pa.string()),
            "group_id": _group(block, ids),
            "caption": caption, "alt_captions": other,
            "track_duration_sec": self._lengths(block),
            "genres": pa.array([lists for lists, _ in genres], _LIST).take(of_row),
            "tags": pa.array(tags, _LIST).take(tags_of_row),
            "artist": _texts(block["artist.name"]), "artist_id": _texts(block["artist.id"]),
            "album_id": _texts(block["album.id"]), "title": _texts(block["track.title"]),
            "meta": mapped(_joined(block, "set.subset", "track.language_code"), _meta, pa.string()),
            "rejected": pa.array(rejected, pa.string()), "audio_at": self._audio_at(ids),
        }  # fmt: skip
        return table_of(columns, count)

    def _audio_at(self, ids: pa.Array) -> pa.Array | None:
        if self.folder is None:
            return None
        six = pc.utf8_lpad(ids, 6, "0")
        return pc.binary_join_element_wise(
            pa.scalar(f"{self.folder}/"), pc.utf8_slice_codeunits(six, 0, 3), pa.scalar("/"), six,
            pa.scalar(".mp3"), pa.scalar(""),
        )  # fmt: skip

    def _lengths(self, block: pa.Table) -> pa.Array:
        lengths = mapped(block["track.duration"], lambda cell: number(cell) or None, pa.float64())
        wrong = pc.is_in(block["track_id"].combine_chunks(), pa.array(map(str, _BROKEN["length"]["ids"])))
        return pc.if_else(wrong, None, lengths)


class Genres:
    """Names of genres, from ``genres.csv``; without it only those are known that the table itself names."""

    def __init__(self, path: Path):
        self._titles: dict[str, str] = {}
        self._roots: dict[str, str] = {}
        for row in csv_rows(path, "genre_id", "title", "top_level") if there(path) else ():
            self._titles[row["genre_id"]], self._roots[row["genre_id"]] = row["title"], row["top_level"]

    @lru_cache(1 << 13)  # noqa: B019 - it lives as long as the reading of a table
    def listed(self, cells: str) -> tuple[list[str], list[str]]:
        """All genres of a track, and those that its caption is made of, from the cells of its genres."""
        top, own, every = cells.split(_BREAK)
        (root, named), (_, wider) = self._named(own), self._named(every)
        return _unique([top or root, *named, *wider]), _unique(named) or _unique([top, *wider])

    @lru_cache(1 << 13)  # noqa: B019
    def _named(self, cell: str) -> tuple[str, list[str]]:
        """The root of the first genre of a list, and the names of all."""
        ids = [str(genre) for genre in literal_list(cell)]
        root = self._titles.get(self._roots.get(ids[0], ""), "") if ids else ""
        return root, [self._titles.get(genre, "") for genre in ids]


class Addresses:
    """Licences of tracks, with the addresses of ``raw_tracks.csv`` where it is there."""

    def __init__(self, path: Path):
        head = next(csv.reader(text_lines(path)), []) if there(path) else []
        blocks = Blocks(path, head, ADDRESSES, 1, BLOCK_ROWS) if {*ADDRESSES} <= {*head} else ()
        parts = [(_numbers(block["track_id"]), block["license_url"].combine_chunks().dictionary_encode(),
                  block["track_url"].combine_chunks()) for block in blocks]  # fmt: skip
        ids, licences, pages = zip(*parts, strict=True) if parts else (([],), (_NO_TEXTS,), (_NO_TEXTS,))
        self._licences = pa.chunked_array(licences).unify_dictionaries().combine_chunks()
        self._pages = pa.concat_arrays(pages)
        self._order = np.argsort(np.concatenate(ids), kind="stable")
        self._ids = np.concatenate(ids)[self._order]

    def columns(self, block: pa.Table) -> dict[str, pa.Array]:
        """Columns of the licence and the address of rows."""
        wanted = _numbers(block["track_id"])
        places = np.searchsorted(self._ids, wanted)
        there = np.append(self._ids, -2)[places] == wanted
        rows = pa.array(np.append(self._order, 0)[places], mask=~there)
        stated = pc.fill_null(self._licences.take(rows).cast(pa.string()), "")
        values, of_row = distinct(pc.binary_join_element_wise(block["track.license"], stated, _BREAK))
        licences = pa.Table.from_pylist([_licence(value) for value in values], LICENCE)
        return {name: column.combine_chunks() for name, column in
                zip(LICENCE.names, licences.take(of_row), strict=True)} | {
            "url": _texts(self._pages.take(rows))}  # fmt: skip


def broken(clips: bool) -> dict[str, str]:
    """Why tracks are known to be no good, by their ids.

    Args:
        clips: those of which the clip is no good, too.
    """
    kinds = [kind for kind in _BROKEN.values() if "reason" in kind and (clips or not kind["clips_only"])]
    return {str(track): kind["reason"] for kind in kinds for track in kind["ids"]}


def _size(root: Path, wanted: Wanted) -> tuple[str, str | None]:
    """The size that is read, and the folder of its sounds; None where that is not there."""
    if wanted.fma_size not in (None, *SIZES):
        raise UsageError(f"fma_size is {one_of(wanted.fma_size, SIZES)}")
    there = [size for size in SIZES if is_directory(root / f"fma_{size}")]
    if wanted.fma_size is None:
        return (there[-1], f"fma_{there[-1]}") if there else ("full", None)
    # clips of a size are in the larger ones too, but those of full are whole tracks
    fitting = [size for size in SIZES[SIZES.index(wanted.fma_size) : 3] or ("full",) if size in there]
    if not fitting and not wanted.metadata_only:
        raise UsageError(
            f"{root} has no fma_{wanted.fma_size}; it has "
            f"{', '.join(f'fma_{size}' for size in there) or 'the sounds of no size'}; get it with "
            f"'sousa download --datasets fma --fma-size {wanted.fma_size}', or choose another size"
        )
    return wanted.fma_size, f"fma_{fitting[0]}" if fitting else None


def _numbers(column: Any) -> np.ndarray:
    """Ids as int64; -1 for a text that is none."""
    cells = column.combine_chunks()
    ids = pc.if_else(pc.match_substring_regex(cells, "^[0-9]{1,18}$"), cells, "-1")
    return ids.cast(pa.int64()).to_numpy()


def _joined(block: pa.Table, *names: str) -> Any:
    return pc.binary_join_element_wise(*(block[name] for name in names), _BREAK)


def _repeated(text: str | None, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), count)


def _texts(column: Any) -> pa.Array:
    """Texts, null where they are empty."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pc.if_else(pc.equal(column, ""), None, column)


def _group(block: pa.Table, ids: pa.Array) -> pa.Array:
    """What must not be in two splits: the artist, or the track where nobody knows that."""
    artist = pc.binary_join_element_wise("artist", _texts(block["artist.id"]), ":")
    return pc.coalesce(artist, pc.binary_join_element_wise("track", ids, ":"))


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, names)))


def _licence(stated: str) -> dict[str, Any]:
    text, _, address = stated.partition(_BREAK)
    return licence_of(text or None, address or None).columns()


def _meta(cells: str) -> str | None:
    subset, _, language = cells.partition(_BREAK)
    return meta(subset=subset, track_language=language)
