"""AudioCaps: clips of 10 s of YouTube videos, of sounds of all kinds, with a caption each or five.

Conventions: ``train.csv``, ``val.csv`` and ``test.csv``, of ``dataset2.0`` where it is there, of ``dataset``
(version 1) else, or in the folder itself. Captions of a clip, which stand apart in a file, are one row: the
first of them is its caption. The row comes where the last of them stands.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from sousa.generation.captions.clips import clip_names, first_of, sound_files, together, video_id, watch
from sousa.generation.captions.files import csv_rows, meta, needed, number, text
from sousa.generation.captions.readers import Reader, Rows, Wanted
from sousa.generation.outside import is_file

FILES = {"train": "train.csv", "validation": "val.csv", "test": "test.csv"}
FOLDERS = ("dataset2.0/", "dataset/", "")
CLIP_SEC = 10.0


class AudioCaps(Reader):
    """AudioCaps."""

    name, title = "audiocaps", "AudioCaps"
    summary = "51,000 clips of sounds of all kinds with captions; the sound is on YouTube"
    homepage = "https://github.com/cdjkim/audiocaps"
    caption_licence, caption_source, audio_from_youtube = "MIT", "human", True
    citation = """@inproceedings{kim2019audiocaps,
  title = {{AudioCaps}: Generating Captions for Audios in The Wild},
  author = {Kim, Chris Dongjoo and Kim, Byeongchang and Lee, Hyunmin and Kim, Gunhee},
  booktitle = {NAACL-HLT}, year = {2019}
}"""

    def read(self, root: Path, wanted: Wanted) -> Iterator[pa.Table]:
        """As for every reader."""
        rows, sounds, seen = Rows(self), sound_files(root), set[str]()
        some = needed(root, self.title, *(folder + file for folder in FOLDERS for file in FILES.values()))
        for split, file in FILES.items():
            if not is_file(path := some.parent / file):
                continue
            read = partial(csv_rows, path, "audiocap_id", "youtube_id", "start_time", "caption")
            for captions in together(read, lambda row: (row["youtube_id"], row["start_time"])):
                values = self._values(captions, sounds)
                if values["source_id"] in seen:
                    values["source_id"] += f".{split}"
                    values["rejected"] = "the clip is in an earlier split too"
                seen.add(values["source_id"])
                yield from rows.add(split=split, **values)
        yield from rows.rest()

    def _values(self, captions: list[dict[str, str]], sounds: dict[str, str]) -> dict[str, Any]:
        video, start = video_id(captions[0]["youtube_id"]), number(captions[0]["start_time"])
        numbers = [row["audiocap_id"] for row in captions]
        texts = [row["caption"] for row in captions if text(row["caption"])]
        usual = {"source": self.caption_source, "language": self.language}
        values = {
            "caption": texts[0] if texts else None, "meta": meta(audiocap_ids=numbers),
            "alt_captions": [{"text": other, **usual} for other in texts[1:]],
        }  # fmt: skip
        if video is None or start is None:
            return values | {"source_id": f"caption-{numbers[0]}", "rejected": "no id or no time"}
        names = [*clip_names(video, start, start + CLIP_SEC), *numbers]
        return values | {
            "source_id": f"{video}_{start:.0f}", "audio_at": first_of(sounds, names),
            "native_id": f"youtube:{video}", "group_id": f"youtube:{video}", "url": watch(video, start),
            "clip_start_sec": start, "clip_end_sec": start + CLIP_SEC,
            "rejected": None if texts else "no caption",
        }  # fmt: skip
