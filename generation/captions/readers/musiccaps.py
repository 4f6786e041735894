"""MusicCaps: clips of 10 s of YouTube videos, each with a caption and a list of aspects by a musician.

Conventions: ``musiccaps-public.csv`` (lists as Python literals, booleans as ``True`` and ``False``), a JSON
object of rows by the name of the clip, ``annotation.json`` (lists and booleans as in JSON), or a Parquet file
with the columns of either. Captions are kept to the letter; some have line breaks. Clips that AudioSet sets
aside for evaluation are ``test``, all others ``train``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from sousa.generation.captions.clips import clip_names, first_of, sound_files, video_id, video_of, watch
from sousa.generation.captions.files import csv_rows, meta, needed, number, text
from sousa.generation.captions.literals import texts, truth
from sousa.generation.captions.readers import Reader, Rows, Wanted
from sousa.generation.errors import RunError, first_line, told
from sousa.generation.outside import CONFIG_BYTES, read_json
from sousa.generation.parquet import parquet_file

FILES = ("musiccaps-public.csv", "annotation.json", "train.parquet", "musiccaps-public.parquet")


class MusicCaps(Reader):
    """MusicCaps."""

    name, title = "musiccaps", "MusicCaps"
    summary = "5,521 clips of 10 s with captions and aspects by musicians; the sound is on YouTube"
    homepage = "https://www.kaggle.com/datasets/googleai/musiccaps"
    caption_licence, caption_source, audio_from_youtube = "CC-BY-SA-4.0", "human", True
    citation = """@article{agostinelli2023musiclm,
  title = {{MusicLM}: Generating Music From Text},
  author = {Agostinelli, Andrea and Denk, Timo I. and Borsos, Zal{\\'a}n and Engel, Jesse and Verzetti, Mauro
    and Caillon, Antoine and Huang, Qingqing and Jansen, Aren and Roberts, Adam and Tagliasacchi, Marco and
    Sharifi, Matt and Zeghidour, Neil and Frank, Christian},
  journal = {arXiv:2301.11325}, year = {2023}
}"""

    def read(self, root: Path, wanted: Wanted) -> Iterator[pa.Table]:
        """As for every reader."""
        rows, sounds = Rows(self), sound_files(root)
        for line, row in enumerate(_published(needed(root, self.title, *FILES)), 1):
            values = _values(row, line)
            values["audio_at"] = first_of(sounds, values.pop("names"))
            yield from rows.add("a row of the same clip", **values)
        yield from rows.rest()


def _published(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".csv":
        yield from csv_rows(path, "ytid", "start_s", "end_s", "aspect_list", "caption")
    elif path.suffix == ".parquet":
        yield from _parquet_rows(path)
    else:
        try:
            data = read_json(path, CONFIG_BYTES)
        except (OSError, ValueError) as error:
            raise RunError(f"{path} can't be read: {told(error)}; get the file again") from None
        for name, row in data.items() if isinstance(data, dict) else enumerate(data):
            yield {"ytid": video_of(str(name)), **row} if isinstance(row, dict) else {}


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with parquet_file(path) as file:
            for group in range(file.num_row_groups):
                yield from file.read_row_group(group).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{path} can't be read: {first_line(error)}; get the file again") from None


def _values(row: dict[str, Any], line: int) -> dict[str, Any]:
    video, caption = video_id(row.get("ytid")), text(row.get("caption") or row.get("caption_ground_truth"))
    start, end = number(row.get("start_s")), number(row.get("end_s"))
    values = {
        "source_id": video or f"row-{line}", "names": (), "caption": caption,
        "split": "test" if truth(row.get("is_audioset_eval")) else "train",
        "clip_start_sec": start, "clip_end_sec": end, "tags": texts(row.get("aspect_list")),
        "meta": meta(
            author_id=text(row.get("author_id")), audioset_labels=text(row.get("audioset_positive_labels")),
            balanced_subset=truth(row.get("is_balanced_subset")),
        ),
    }  # fmt: skip
    if not video:
        return values | {"rejected": "no id"}
    known: dict[str, Any] = {
        "native_id": f"youtube:{video}",
        "group_id": f"youtube:{video}",
        "url": watch(video, start),
    }
    if start is not None and end is not None:
        known["names"] = clip_names(video, start, end)
    return values | known | ({} if caption else {"rejected": "no caption"})
