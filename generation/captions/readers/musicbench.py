"""MusicBench: clips of MusicCaps and changed copies of them, with captions that a model rewrote.

Conventions: ``MusicBench_train.json``, ``MusicBench_test_A.json`` and ``MusicBench_test_B.json``, JSON lines
in spite of their names. Rows of one sound are one row, those of the two tests too (B says of the same sounds
as A also their chords, beats, tempo and key); its first main caption is the caption, all others are further
ones. Changed copies (``data_aug2/<video>_<n>.wav``) are sounds of their own, without a native id; the video
is the group. Beats, chords, tempo and key are in ``meta`` as published: a tempo may be null, chords empty,
and the key is a pair.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from sousa.generation.captions.clips import together, video_of, watch
from sousa.generation.captions.files import json_lines, meta, needed, text, there
from sousa.generation.captions.readers import Reader, Rows, Wanted, told_of
from sousa.generation.outside import is_directory, is_file

TRAIN, TESTS = "MusicBench_train.json", ["MusicBench_test_A.json", "MusicBench_test_B.json"]
CHANGED = "data_aug2"  # folder of changed copies
ELSEWHERE = {"dataset", "location", "main_caption", "alt_caption"}  # columns have it
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class MusicBench(Reader):
    """MusicBench."""

    name, title = "musicbench", "MusicBench"
    summary = "clips of 10 s and changed copies of them, with captions that a model rewrote; cut from YouTube"
    homepage = "https://huggingface.co/datasets/amaai-lab/MusicBench"
    caption_licence, caption_source, audio_from_youtube = "CC-BY-SA-3.0", "model", True
    citation = """@inproceedings{melechovsky2024mustango,
  title = {Mustango: Toward Controllable Text-to-Music Generation},
  author = {Melechovsky, Jan and Guo, Zixun and Ghosal, Deepanway and Majumder, Navonil and Herremans, Dorien
    and Poria, Soujanya},
  booktitle = {NAACL-HLT}, year = {2024}
}"""

    def read(self, root: Path, wanted: Wanted) -> Iterator[pa.Table]:
        """As for every reader."""
        needed(root, self.title, TRAIN, *TESTS)
        rows, folders = Rows(self), _folders(root)
        for split, files in (("test", TESTS), ("train", [TRAIN])):
            for lines in together(partial(_lines, root, files), lambda line: line[0]):
                again = "the sound is in a later split too"
                yield from rows.add(again, split=split, **self._values(lines, root, folders))
        yield from rows.rest()

    def _values(self, lines: list[tuple[str, Any]], root: Path, folders: list[str]) -> dict[str, Any]:
        name, row = lines[0]
        if row is None:
            return {"source_id": name, "rejected": "a line that is no JSON object"}
        if not (path := _path(row)):
            return {"source_id": name, "rejected": "no location"}
        kinds = ("main_caption", "alt_caption")
        texts = [text(line.get(kind)) for kind in kinds for _, line in lines if line]
        captions = list(dict.fromkeys(filter(None, texts)))
        video = video_of(path.stem)
        return {
            "source_id": name, **told_of(captions, self.caption_source, self.language),
            "native_id": None if path.parent.name == CHANGED else f"youtube:{video}",
            "group_id": f"youtube:{video}", "url": watch(video),
            "audio_at": next((at for folder in folders if is_file(root / (at := f"{folder}{path}"))), None),
            "meta": meta(**{name: value for name, value in _richest(lines).items() if name not in ELSEWHERE}),
            "rejected": None if captions else "no caption",
        }  # fmt: skip


def _lines(root: Path, files: Sequence[str]) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Objects of files that are there, each with the name of its sound, or of its place where it has none."""
    for file in files:
        if there(root / file):
            for place, row in json_lines(root / file):
                path = row and _path(row)
                yield (_name(path) if path else f"{file.removesuffix('.json')}.{place}"), row


def _path(row: dict[str, Any]) -> PurePosixPath | None:
    """Where a sound is, its folder and name: the end of a path, which may begin on its author's machine."""
    parts = [part for part in PurePosixPath(text(row.get("location")) or "").parts if part not in ("/", "..")]
    return PurePosixPath(*parts[-2:]) if parts else None


def _name(path: PurePosixPath) -> str:
    return ".".join(_UNSAFE.sub("_", part) for part in (*path.parent.parts, path.stem))


def _richest(lines: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object that says most; of test B, where A has no sentences of control."""
    return max((row for _, row in lines), key=lambda row: len(json.dumps(row)))


def _folders(root: Path) -> list[str]:
    """Folders that locations may be in: the corpus's own, and those in it, as archives unpack."""
    inside = sorted(entry.name for entry in root.iterdir() if is_directory(entry))
    return ["", *(f"{name}/" for name in inside)]
