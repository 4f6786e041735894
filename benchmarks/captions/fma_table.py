"""A fabricated tracks.csv of the true layout and size, to measure the reading of FMA's tables with.

``python benchmarks/captions/fma_table.py DIR`` writes DIR/fma_metadata/tracks.csv (106,574 rows of 52 columns
under three lines of heads, 200 MB and more), genres.csv and raw_tracks.csv. Words are drawn; figures are as
published: 46.5 % of tracks have a genre_top and 97.9 % any genre, 22 % have tags, licences are spelled in 114
ways. Biographies have line breaks, quotes and markup. How many different lists of genres and tags there are
is not published: here tracks of an album share theirs, but for a third.

``... --measure`` then reads them, all rows with their captions, and prints CPU seconds and peak memory.
"""

import argparse
import csv
import resource
import time
from pathlib import Path

import numpy as np

ROWS = 106_574
TOP = (
    "Hip-Hop", "Rock", "Experimental", "Electronic", "Folk", "International", "Instrumental", "Pop", "Jazz",
    "Classical", "Country", "Soul-RnB", "Spoken", "Blues", "Easy Listening", "Old-Time / Historic",
)  # fmt: skip
ALBUM = """comments date_created date_released engineer favorites id information listens producer tags title
    tracks type"""
ARTIST = """active_year_begin active_year_end associated_labels bio comments date_created favorites id
    latitude location longitude members name related_projects tags website wikipedia_page"""
TRACK = """bit_rate comments composer date_created date_recorded duration favorites genre_top genres
    genres_all information interest language_code license listens lyricist number publisher tags title"""
COLUMNS = {"album": ALBUM, "artist": ARTIST, "set": "split subset", "track": TRACK}
KINDS = (
    "Attribution", "Attribution-Noncommercial", "Attribution-NonCommercial-ShareAlike",
    "Attribution-NonCommercial-NoDerivatives (aka Music Sharing)", "Attribution-ShareAlike",
    "Attribution-Noncommercial-No Derivative Works",
)  # fmt: skip
VERSIONS = (
    "", " 2.0", " 2.5", " 3.0", " 4.0", " 3.0 International", " 4.0 International", " 3.0 United States",
    " 3.0 Germany", " 2.5 Italy", " 2.0 Belgium", " 2.1 Japan", " 2.5 Spain", " 3.0 Netherlands",
    " 2.0 France", " 3.0 Poland", " 2.5 Sweden", " 3.0 Spain", " 2.0 UK: England & Wales",
)  # fmt: skip
LICENCES = [kind + version for kind in KINDS for version in VERSIONS]  # as many as are published
TAGS = (
    "lo-fi", "rock 'n' roll", "ambient", "noise", "guitar", "piano", "drone", "synth", "upbeat", "calm",
    "dub", "field recording", "improv", 'the "band"', "live", "mellow", "dark", "drums", "bass", "happy",
)  # fmt: skip


def write(root: Path, rows: int = ROWS, seed: int = 7) -> None:
    """Write the three tables."""
    draw = np.random.default_rng(seed)
    folder = root / "fma_metadata"
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = [f"word{i:04d}" for i in range(4000)]
    texts = [" ".join(vocabulary[i] for i in draw.integers(0, 4000, 4000)) for _ in range(40)]
    own_tags = [*TAGS, *(f"tag {i}" for i in range(3000))]
    with (folder / "genres.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("genre_id", "#tracks", "parent", "title", "top_level"))
        for genre in range(1, 164):
            top = (genre - 1) % 16 + 1
            title = TOP[genre - 1] if genre <= 16 else f"{TOP[top - 1]} kind {genre}"
            table.writerow((genre, 100, 0 if genre <= 16 else top, title, top))
    ids = np.cumsum(draw.integers(1, 3, rows)) + 1
    header = [("", *(group for group, names in COLUMNS.items() for _ in names.split())),
              ("", *(name for names in COLUMNS.values() for name in names.split())),
              ("track_id", *[""] * 52)]  # fmt: skip
    with (folder / "tracks.csv").open("w", newline="") as file, \
            (folder / "raw_tracks.csv").open("w", newline="") as raw:  # fmt: skip
        table, raw_table = csv.writer(file, lineterminator="\n"), csv.writer(raw, lineterminator="\n")
        table.writerows(header)
        raw_table.writerow(("track_id", "album_id", "license_title", "license_url", "track_url", "tags"))
        album, drawn = -1, (0, [], [], [])
        for track in ids.tolist():
            cells = dict.fromkeys(zip(header[0], header[1], strict=True), "")
            artist = track // 22
            place, length = int(artist * 31 % 3000), 300 + artist * 37 % 2200
            bio = f'<p>{texts[artist % 40][place : place + length]}</p>\n<p>said "no", and left</p>'
            information = f"<p>{texts[track // 11 % 40][place : place + length // 3]}</p>\nmore,\n"
            # tracks of an album have the same genres and tags, but for every third
            if track // 11 != album or draw.random() < 1 / 3:
                album, drawn = track // 11, _genres_and_tags(draw, own_tags)
            top, genres, all_genres, tags = drawn
            licence = int(len(LICENCES) * draw.random() ** 3)
            cells |= {
                ("", ""): track, ("album", "id"): track // 11, ("album", "tags"): "[]",
                ("album", "title"): f"Album {track // 11}", ("album", "information"): information,
                ("album", "date_created"): "2008-11-26 01:44:45", ("album", "type"): "Album",
                ("album", "listens"): 6073, ("album", "tracks"): 7,
                ("artist", "bio"): bio, ("artist", "id"): artist,
                ("artist", "name"): f"Artist, the {artist}th",
                ("artist", "tags"): f"['artist {artist}']", ("artist", "location"): "New Jersey",
                ("artist", "date_created"): "2008-11-26 01:42:32",
                ("set", "split"): ("training", "validation", "test")[
                    (artist % 10 >= 8) + (artist % 10 == 9)],
                ("set", "subset"): ("small", "medium", "large")[(track % 13 > 0) + (track % 4 > 0)],
                ("track", "bit_rate"): 256000, ("track", "duration"): int(draw.integers(0, 600)),
                ("track", "date_created"): "2008-11-26 01:48:12", ("track", "interest"): 4656,
                ("track", "genre_top"): TOP[top - 1] if len({g % 16 for g in all_genres}) == 1 else "",
                ("track", "genres"): str(genres), ("track", "genres_all"): str(all_genres),
                ("track", "language_code"): "en" if track % 7 == 0 else "",
                ("track", "license"): LICENCES[licence] if track % 1225 else "",
                ("track", "listens"): 1293, ("track", "number"): 3, ("track", "tags"): str(tags),
                ("track", "title"): f'Title "{track}"',
            }  # fmt: skip
            table.writerow(cells.values())
            raw_table.writerow((track, track // 11, LICENCES[licence],
                                "http://creativecommons.org/licenses/by-nc-sa/3.0/",
                                f"http://freemusicarchive.org/music/a/b/{track}", "[]"))  # fmt: skip


def _genres_and_tags(draw: np.random.Generator, own_tags: list[str]) -> tuple[int, list, list, list]:
    """The root of the first genre, 0 for none; genres; these with all that they are kinds of; tags."""
    top = int(draw.integers(1, 17))
    genres = sorted({top + 16 * int(10 * draw.random() ** 2) for _ in range(int(draw.integers(1, 4)))})
    other = [int(draw.integers(1, 17))] if draw.random() < 0.55 else []
    all_genres = sorted({*genres, top, *other})
    if draw.random() < 0.021:
        top, genres, all_genres = 0, [], []
    tags: list[str] = []
    if draw.random() < 0.22:
        tags = [own_tags[int(len(own_tags) * draw.random() ** 4)] for _ in range(int(draw.integers(1, 6)))]
    return top, genres, all_genres, tags


def measure(root: Path) -> None:
    """Read all rows, and print what it cost."""
    from sousa.generation.captions.readers import Wanted, reader

    before, rows, left_out = time.process_time(), 0, 0
    for table in reader("fma").read(root, Wanted(metadata_only=True)):
        rows += table.num_rows
        left_out += table.num_rows - table["rejected"].null_count
    spent = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = (root / "fma_metadata" / "tracks.csv").stat().st_size / 1e6
    print(f"{rows:,} rows of {size:.0f} MB, {left_out:,} of them rejected: {spent:.2f} CPU-s, with imports "
          f"{time.process_time():.2f}; peak {peak:.0f} MiB")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--measure", action="store_true", help="read what is there, and write nothing")
    chosen = parser.parse_args()
    measure(chosen.root) if chosen.measure else write(chosen.root, chosen.rows)
