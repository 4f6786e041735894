"""Song Describer: 1,106 captions that people wrote of 706 tracks of Jamendo, for evaluation alone.

Files: ``song_describer.csv`` (a row a caption: up to five of a track, not in order), and beside it
``song_describer*.mtg-jamendo.tsv`` (tags; no line of titles), ``audio_licenses.txt``, ``audio_metadata.tsv``
(names; no line of titles), each of which may be missing. Sounds are the first two minutes of a track, while
``path`` and ``duration`` in the table are those of the whole one.

Conventions: a row is a track; its captions are in the order of the table, those of the valid subset first and
those that were voted down last. What annotators said of each is in ``meta``. All rows are ``test``.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from sousa.generation.captions.files import csv_rows, meta, needed, number, there
from sousa.generation.captions.jamendo import NAMELESS, Sounds, Track, common, id_of, names, notices, tracks
from sousa.generation.captions.readers import Reader, Rows, Wanted

TABLE = "song_describer.csv"
NAMES = "audio_metadata.tsv"
TAGS = "song_describer*.mtg-jamendo.tsv"
_CLIP_SEC = 120.0
_VALID = {"true": True, "false": False}
_ORDER = (True, None, False)
# one caption or more is in Spanish, and the table does not say which; these words are English alone
_ENGLISH = frozenset(
    [
        "the", "and", "with", "this", "that", "is", "are", "have", "which", "feels", "sounds", "sounding",
        "featuring", "by", "from", "like", "very", "slow", "loud", "quiet", "calm", "upbeat", "song", "songs",
        "track", "piece", "music", "tune", "drums", "drum", "guitar", "guitars", "strings", "voice", "vocals",
        "singer", "singing", "played", "playing", "relaxing", "happy", "heavy",
    ]
)  # fmt: skip


class SongDescriber(Reader):
    """Reads Song Describer."""

    name, title = "song_describer", "Song Describer"
    summary = "1,106 captions by people of 706 tracks of Jamendo, for evaluation"
    homepage = "https://doi.org/10.5281/zenodo.10072001"
    caption_licence, caption_source, language = "CC-BY-SA-4.0", "human", None
    citation = """@inproceedings{manco2023thesong,
  title={The Song Describer Dataset: a Corpus of Audio Captions for Music-and-Language Evaluation},
  author={Manco, Ilaria and Weck, Benno and Doh, Seungheon and Won, Minz and Zhang, Yixiao and
    Bogdanov, Dmitry and Wu, Yusong and Chen, Ke and Tovstogan, Philip and Benetos, Emmanouil and
    Quinton, Elio and Fazekas, Gy{\\"o}rgy and Nam, Juhan},
  booktitle={Machine Learning for Audio Workshop at NeurIPS 2023},
  year={2023},
}"""

    def read(self, root: Path, wanted: Wanted) -> Iterator[pa.Table]:
        """A row a track, in the order in which the table first names them."""
        table = needed(root, self.title, TABLE)
        tagged = {track.id: track for track in _tagged(root)}
        licences = notices(root / "audio_licenses.txt")
        named = names(root / NAMES)
        sounds = Sounds(root, ("audio", "audio/audio", ""), (".2min.mp3", ".mp3"))
        captions: dict[str, list[dict[str, str]]] = {}
        rows = Rows(self)
        for line, cells in enumerate(csv_rows(table, "track_id", "caption"), 2):
            if (track := id_of(cells["track_id"])) is None:
                yield from rows.add(source_id=f"row-{line}", rejected="no id")
            else:
                captions.setdefault(track, []).append(cells)
        for track in tagged:  # one that nobody described is told of as well
            captions.setdefault(track, [])
        for track, written in captions.items():
            head, tags = next(iter(written), {}), tagged.get(track)
            path = head.get("path") or (tags.path if tags else "")
            texts = sorted(filter(lambda cells: cells["caption"].strip(), written), key=_order)
            first, *others = [
                {"text": cells["caption"].strip(), "source": self.caption_source,
                 "language": english(cells["caption"])}
                for cells in texts
            ] or [{"text": None, "language": None}]  # fmt: skip
            duration = number(head.get("duration")) or (tags.duration if tags else None)
            at = sounds.at(path)
            cut = at is None or at.endswith(".2min.mp3")
            artist = id_of(head.get("artist_id")) or (tags.artist if tags else None)
            album = id_of(head.get("album_id")) or (tags.album if tags else None)
            notice, names_of = licences.get(track), named.get(track, NAMELESS)
            yield from rows.add(
                **common(track, artist, album, notice, names_of),
                caption=first["text"], language=first["language"], alt_captions=others,
                split="test", track_duration_sec=duration,
                clip_start_sec=0.0, clip_end_sec=min(duration, _CLIP_SEC) if duration and cut else duration,
                tags=tags.tags if tags else [], genres=tags.of("genre") if tags else [],
                meta=meta(annotations=[_annotation(cells) for cells in texts],
                          without_text=len(written) - len(texts) or None,
                          attribution=notice and notice.attribution,
                          album=names_of.album, released=names_of.released),
                audio_at=at, rejected=None if texts else "no caption",
            )  # fmt: skip
        yield from rows.rest()


def track_ids(root: Path) -> Iterator[tuple[str, str | None]]:
    """Ids of all tracks of the corpus with those of their artists, from whichever of its tables is there."""
    if there(root / TABLE):
        for cells in csv_rows(root / TABLE, "track_id"):
            if track := id_of(cells["track_id"]):
                yield track, id_of(cells.get("artist_id"))
    yield from ((track.id, track.artist) for track in _tagged(root))


def english(text: str) -> str | None:
    """``en`` for a text that has English words, more of them than words with other letters; else None."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    return "en" if sum(w in _ENGLISH for w in words) > sum(not w.isascii() for w in words) else None


def _tagged(root: Path) -> Iterator[Track]:
    for path in sorted(root.glob(TAGS)):
        yield from filter(None, tracks(path))


def _valid(cells: dict[str, str]) -> bool | None:
    """Whether a caption is in the valid subset; None where nobody judged it."""
    return _VALID.get(cells.get("is_valid_subset", "").strip().lower())


def _order(cells: dict[str, str]) -> int:
    return _ORDER.index(_valid(cells))


def _annotation(cells: dict[str, str]) -> dict[str, object]:
    """What is known of a caption."""
    familiarity = number(cells.get("familiarity"))
    return {
        "caption_id": cells.get("caption_id") or None,
        "valid": _valid(cells),
        "familiarity": None if familiarity is None else int(familiarity),
    }
