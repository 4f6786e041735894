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
from sousa.generation.captions.files import csv_rows, meta, needed, number, text, there
from sousa.generation.captions.readers import Reader, Rows, Wanted, told_of

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
        rows, sounds = Rows(self), sound_files(root)
        some = needed(root, self.title, *(folder + file for folder in FOLDERS for file in FILES.values()))
        for split, file in reversed(FILES.items()):
            if not there(path := some.parent / file):
                continue
            read = partial(csv_rows, path, "audiocap_id", "youtube_id", "start_time", "caption")
            for captions in together(read, lambda row: (row["youtube_id"], row["start_time"])):
                again = "the clip is in a later split too"
                yield from rows.add(again, split=split, **self._values(captions, sounds))
        yield from rows.rest()

    def _values(self, captions: list[dict[str, str]], sounds: dict[str, str]) -> dict[str, Any]:
        video, start = video_id(captions[0]["youtube_id"]), number(captions[0]["start_time"])
        numbers = [row["audiocap_id"] for row in captions]
        texts = [row["caption"] for row in captions if text(row["caption"])]
        values = told_of(texts, self.caption_source, self.language) | {"meta": meta(audiocap_ids=numbers)}
        if video is None or start is None:
            return values | {"source_id": f"caption-{numbers[0]}", "rejected": "no id or no time"}
        names = [*clip_names(video, start, start + CLIP_SEC), *numbers]
        return values | {
            "source_id": f"{video}_{start:.0f}", "audio_at": first_of(sounds, names),
            "native_id": f"youtube:{video}", "group_id": f"youtube:{video}", "url": watch(video, start),
            "clip_start_sec": start, "clip_end_sec": start + CLIP_SEC,
            "rejected": None if texts else "no caption",
        }  # fmt: skip
