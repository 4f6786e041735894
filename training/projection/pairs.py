"""Sounds and what is said of them, as vectors: the rows that a projection is trained on and measured by.

Conventions: a *sound* is a row of an embeddings directory that has vectors of sound and of text. A *part* is
what a text is about: all of a sound, or the seconds that the text names. The vector of a part is the mean of
the windows that overlap it, where none does that of the whole sound. Texts are the same when they differ in
case and space only.

Vectors are read shard by shard, pooled, and kept as float16 in a file that has no name and is mapped into
memory: what is in use decides how much memory is taken, not how many rows there are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from scipy.sparse import csr_array

from sousa.generation import seeds
from sousa.generation.console import silent
from sousa.generation.errors import RunError, UsageError, first_line
from sousa.generation.parquet import parquet_table
from sousa.generation.text import counted
from sousa.training.embedding import layout
from sousa.training.embedding.layout import AUDIO, ROWS, TEXT, Embeddings


@dataclass(frozen=True)
class Pairs:
    """Sounds of a split with their texts; texts of a sound follow each other, in its order.

    Attributes:
        rows: columns of the sounds, without vectors.
        texts: of each text ``number, text, source, language``.
        audio: float16 (parts, size).
        text: float16 (texts, size).
        whole: int64 (sounds,), the part that is all of a sound.
        first: int64 (sounds + 1,), number of the first text of each sound.
        part_of: int64 (texts,), the part that each is about.
        sound_of: int64 (texts,), its sound.
        words_of: int64 (texts,), equal where texts are the same.
        left_out: rows that lack vectors of sound or of text.
        seed: of which text of a sound is learnt in an epoch.
        raw: by side, what gives texts or windows of sound for a batch, of ``(pairs, texts, epoch)``.
    """

    rows: pa.Table
    texts: pa.Table
    audio: np.ndarray
    text: np.ndarray
    whole: np.ndarray
    first: np.ndarray
    part_of: np.ndarray
    sound_of: np.ndarray
    words_of: np.ndarray
    left_out: int
    seed: int = 0
    raw: Mapping[str, Callable[..., list[Any]]] = field(default_factory=dict)
    _drawn: dict[int, np.ndarray] = field(default_factory=dict, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def drawn(self, epoch: int) -> np.ndarray:
        """The text that is learnt of each sound in an epoch: int64 (sounds,)."""
        if epoch not in self._drawn:
            draws = seeds.stream(self.seed, "texts", epoch, len(self)).random(len(self))
            self._drawn.clear()
            self._drawn[epoch] = self.first[:-1] + (draws * np.diff(self.first)).astype(np.int64)
        return self._drawn[epoch]

    def __getitems__(self, places: Sequence[tuple[int, int]]) -> dict[str, Any]:
        """A batch of ``(epoch, sound)``, as :class:`sousa.training.order.Order` deals them out."""
        texts = np.array([self.drawn(epoch)[sound] for epoch, sound in places], np.int64)
        return self.batch(texts, places[0][0])

    def batch(self, texts: np.ndarray, epoch: int = 0) -> dict[str, Any]:
        """Texts by number with the parts they are about, as tensors: what a model takes."""
        parts = self.part_of[texts]
        numbers = {"sounds": self.sound_of[texts], "parts": parts, "words": self.words_of[texts]}
        vectors = {"audio": self.audio[parts], "text": self.text[texts]}
        return {
            **{name: torch.from_numpy(values.astype(np.float32)) for name, values in vectors.items()},
            **{name: torch.from_numpy(values) for name, values in numbers.items()},
            **{f"raw_{side}": source(self, texts, epoch) for side, source in self.raw.items()},
        }


def read(
    embeddings: Embeddings, audio: str, text: str, split: str, seed: int = 0,
    folder: str | Path | None = None, progress: Any = silent,
) -> Pairs:  # fmt: skip
    """The sounds of a split.

    Args:
        audio, text: names of encoders.
        seed: see :class:`Pairs`.
        folder: on whose disk vectors are kept; None for that of temporary files.
        progress: as of :class:`sousa.generation.console.Console`.

    Raises: UsageError when there is no such encoder or split, or no row of it has both vectors; RunError when
        a file can't be read.
    """
    problems = [
        f"{embeddings.storage.root} has no {kind} encoder {name!r}; there is {', '.join(there) or 'none'}"
        for kind, name in ((AUDIO, audio), (TEXT, text))
        if name not in (there := embeddings.names(kind))
    ]
    if split not in embeddings.splits:
        there = ", ".join(embeddings.splits)
        problems.append(f"{embeddings.storage.root} has no split {split!r}; there is {there or 'none'}")
    if problems:
        raise UsageError(*problems)
    parts = (ROWS, f"{AUDIO}/{audio}", f"{TEXT}/{text}")
    shards = [_tables(embeddings, part, split) for part in parts]
    rows, texts, numbers, left_out = [], [], [], 0
    sizes = [embeddings.encoders[name]["dim"] for name in (audio, text)]
    total = sum(record["rows"] for record in _records(embeddings, ROWS, split))
    with ExitStack() as stack:
        files: list[Any] = [stack.enter_context(TemporaryFile(dir=folder)) for _ in sizes]
        done = stack.enter_context(progress(f"reading {split}", total))
        for table, windows, spoken in zip(*shards, strict=True):
            shard = _shard(table, windows, spoken)
            for file, vectors in zip(files, shard.vectors, strict=True):
                file.write(np.ascontiguousarray(vectors, np.float16).tobytes())
            rows.append(shard.rows)
            texts.append(shard.texts)
            numbers.append((shard.numbers, shard.num_parts))
            left_out += len(table) - len(shard.rows)
            done(len(table))
        mapped = [_mapped(file, size) for file, size in zip(files, sizes, strict=True)]
    joined = _joined(numbers)
    if not len(joined["whole"]):
        raise UsageError(
            f"of {counted(left_out, 'row')} of split {split} none has a vector of sound by {audio} and of "
            f"text by {text}; see failures.jsonl in {embeddings.storage.root}"
        )
    return Pairs(
        pa.concat_tables(rows), (said := pa.concat_tables(texts)), *mapped, **joined,
        words_of=_words(said["text"]), left_out=left_out, seed=seed,
    )  # fmt: skip


def sounds(embeddings: Embeddings, audio: str, split: str | None = None) -> Iterator[tuple[pa.Table, Any]]:
    """Rows that have vectors of sound, with the means of these, float32 (rows, size); a shard at a time."""
    parts = ROWS, f"{AUDIO}/{audio}"
    for rows, windows in zip(*(_tables(embeddings, part, split) for part in parts), strict=True):
        of_window = _rows_of(windows, rows)
        kept = np.unique(of_window)
        place = np.full(len(rows), -1)
        place[kept] = np.arange(len(kept))
        yield rows.take(kept), _pooled(_wholes(len(kept)), np.arange(len(kept)), place[of_window], windows)[0]


def _records(embeddings: Embeddings, part: str, split: str | None) -> list[dict[str, Any]]:
    records = embeddings.manifest["shards"][part]
    return [record for record in records if split in (None, Path(record["file"]).stem.rpartition("-")[0])]


def _tables(embeddings: Embeddings, part: str, split: str | None) -> Iterator[pa.Table]:
    """Shards of a part, one at a time."""
    for record in _records(embeddings, part, split):
        if damage := embeddings.storage.damage(record):
            raise RunError(f"{embeddings.storage.root}: {damage}; embed again")
        try:
            yield parquet_table(embeddings.storage.path(record["file"]))
        except (OSError, pa.ArrowException) as error:
            raise RunError(f"{record['file']} can't be read ({first_line(error)})") from None


@dataclass(frozen=True)
class _Shard:
    """What is kept of a shard; numbers count from its own beginning."""

    rows: pa.Table
    texts: pa.Table
    vectors: tuple[np.ndarray, np.ndarray]
    numbers: dict[str, np.ndarray]
    num_parts: int


def _shard(rows: pa.Table, windows: pa.Table, texts: pa.Table) -> _Shard:
    of_window, of_text = (_rows_of(table, rows) for table in (windows, texts))
    kept = np.intersect1d(of_window, of_text)
    texts = texts.take(order := np.flatnonzero(np.isin(of_text, kept)))
    place = np.full(len(rows), -1)
    place[kept] = np.arange(len(kept))
    sounds = place[of_text[order]]
    texts = texts.take(order := np.argsort(sounds, kind="stable"))
    sounds = sounds[order]
    begin = pc.fill_null(texts["start_sec"], -np.inf).to_numpy()
    end = pc.fill_null(texts["end_sec"], np.inf).to_numpy()
    count = len(kept)
    spans = np.concatenate([_wholes(count), np.stack([sounds, begin, end], axis=1)])
    parts, part_of = np.unique(spans, axis=0, return_inverse=True)
    part_of = part_of.reshape(-1)
    audio, empty = _pooled(parts, part_of[:count], place[of_window], windows)
    part_of = np.where(empty, part_of[:count][parts[:, 0].astype(np.int64)], np.arange(len(parts)))[part_of]
    return _Shard(
        rows.take(kept), texts.drop_columns(["embedding"]), (audio, layout.vectors(texts)),
        {"whole": part_of[:count], "part_of": part_of[count:], "sound_of": sounds}, len(parts),
    )  # fmt: skip


def _wholes(count: int) -> np.ndarray:
    """Parts that are all of a sound: its number, where it begins and ends."""
    return np.stack([np.arange(count), np.full(count, -np.inf), np.full(count, np.inf)], axis=1)


def _rows_of(table: pa.Table, rows: pa.Table) -> np.ndarray:
    """The row that each line of a shard is of: int64."""
    numbers = pc.index_in(table["sample_id"], rows["sample_id"].combine_chunks())
    if numbers.null_count:
        lost = table["sample_id"].filter(pc.is_null(numbers))[0].as_py()
        raise RunError(f"there are vectors of {lost!r}, and no such row; embed again")
    return numbers.to_numpy().astype(np.int64)


def _pooled(
    parts: np.ndarray, whole: np.ndarray, of_window: np.ndarray, windows: pa.Table
) -> tuple[np.ndarray, np.ndarray]:
    """Mean vectors of parts, float32 (parts, size), and which of them no window overlaps: bool (parts,)."""
    kept = np.flatnonzero(of_window >= 0)
    begin, end = (windows[name].to_numpy()[kept] for name in ("start_sec", "end_sec"))
    sound = of_window[kept]
    counts = np.bincount(parts[:, 0].astype(np.int64), minlength=len(whole))
    firsts = np.concatenate([[0], np.cumsum(counts)])
    # every window with every part of its sound
    repeats = counts[sound]
    window = np.repeat(np.arange(len(kept)), repeats)
    inside = np.arange(len(window)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    part = firsts[sound[window]] + inside
    overlaps = (end[window] > parts[part, 1]) & (begin[window] < parts[part, 2])
    window, part = window[overlaps], part[overlaps]
    number = np.bincount(part, minlength=len(parts))
    weights = (1.0 / number[part]).astype(np.float32)
    means = csr_array((weights, (part, window)), shape=(len(parts), len(kept)))
    return means @ layout.vectors(windows)[kept], number == 0


def _mapped(file: Any, size: int) -> np.ndarray:
    """The vectors that were written to a file, as an array of float16."""
    file.flush()
    count = file.tell() // (2 * size)
    return np.memmap(file, np.float16, "r", shape=(count, size)) if count else np.empty((0, size), np.float16)


def _joined(shards: list[tuple[dict[str, np.ndarray], int]]) -> dict[str, np.ndarray]:
    """Numbers of all shards together, and where the texts of each sound begin."""
    sounds = parts = 0
    out: dict[str, list[np.ndarray]] = {"whole": [], "part_of": [], "sound_of": []}
    for numbers, num_parts in shards:
        out["whole"].append(numbers["whole"] + parts)
        out["part_of"].append(numbers["part_of"] + parts)
        out["sound_of"].append(numbers["sound_of"] + sounds)
        sounds += len(numbers["whole"])
        parts += num_parts
    joined = {name: np.concatenate(arrays).astype(np.int64) for name, arrays in out.items()}
    counts = np.bincount(joined["sound_of"], minlength=sounds)
    return joined | {"first": np.concatenate([[0], np.cumsum(counts)])}


def _words(texts: pa.ChunkedArray) -> np.ndarray:
    """A number for each text, equal where they are the same."""
    plain = pc.utf8_trim_whitespace(pc.replace_substring_regex(pc.utf8_lower(texts), r"\s+", " "))
    return plain.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
