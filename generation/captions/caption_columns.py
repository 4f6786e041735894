"""Captions from tags for whole columns of tables, whose rows say the same of many.

Conventions: the same captions as :func:`sousa.generation.captions.templates.captions_of` gives, as Arrow
columns. Columns of lists come as their distinct values and which of them each row has, int64.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pyarrow as pa

from sousa.generation.captions.columns import OTHER
from sousa.generation.captions.english import orders
from sousa.generation.captions.templates import wordings
from sousa.generation.columns import arrow_type
from sousa.generation.seeds import words

_RECORD = [*arrow_type(OTHER).value_type]


def caption_columns(
    seed: int,
    sample_ids: Sequence[str],
    genres: tuple[Sequence[Sequence[str]], np.ndarray],
    tags: tuple[Sequence[Sequence[str]], np.ndarray],
    source: str,
    language: str | None,
) -> tuple[pa.Array, pa.Array]:
    """The columns ``caption``, null where there is nothing to say, and ``alt_captions`` of rows."""
    (genre_lists, genre_of), (tag_lists, tag_of) = genres, tags
    pairs, pair_of = np.unique(genre_of * len(tag_lists) + tag_of, return_inverse=True)
    genre, tag = np.divmod(pairs, len(tag_lists))
    texts = [
        wordings(tuple(genre_lists[g]), (), (), tuple(tag_lists[t]))
        for g, t in zip(genre.tolist(), tag.tolist(), strict=True)
    ]
    counts = np.array([len(wording) for wording in texts])
    firsts = np.cumsum(counts) - counts
    flat = pa.array([text for wording in texts for text in wording], pa.string())
    drawn = np.fromiter(words(seed, "caption", names=sample_ids), np.uint64, len(sample_ids))
    count = counts[pair_of]
    width = int(count.max(initial=0))
    # which text each row has at each place, -1 behind its last one
    place = np.full((len(count), max(width, 1)), -1)
    for number in np.unique(count[count > 0]).tolist():
        rows = np.flatnonzero(count == number)
        order = _orders(number)
        place[rows, :number] = firsts[pair_of[rows], None] + order[drawn[rows] % np.uint64(len(order))]
    caption = flat.take(pa.array(place[:, 0], mask=place[:, 0] < 0))
    other = flat.take(pa.array(place[:, 1:][place[:, 1:] >= 0]))
    ends = np.concatenate([[0], np.cumsum(np.maximum(count - 1, 0))])
    return caption, _records(other, ends, source, language)


@cache
def _orders(count: int) -> np.ndarray:
    """All orders of some wordings, (orders, count)."""
    return np.array(orders(count))


def _records(texts: pa.Array, ends: np.ndarray, source: str, language: str | None) -> pa.Array:
    """Texts as the column of further captions, cut at ``ends``."""
    same = {"source": source, "language": language}
    arrays = [
        texts if field.name == "text"
        else pa.repeat(pa.scalar(same.get(field.name), field.type), len(texts))
        for field in _RECORD
    ]  # fmt: skip
    records = pa.StructArray.from_arrays(arrays, fields=_RECORD)
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), records)
