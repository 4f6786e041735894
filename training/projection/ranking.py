"""Ranks of texts among sounds and of sounds among texts, as a table that reports are made of.

Conventions: *text to audio*: each text is a query, every sound of the split a candidate, by the vector of all
of it; to a text belong all sounds that it, or a text that says the same, is of. *audio to text*: each sound
is a query, each different text a candidate; to a sound belong its own texts and those that say the same. A
text that two sounds have is thus no error for either.

The table has a row a text, see :mod:`sousa.training.report`; the sound as a query is in the row of its first
text, and null in the others.
"""

import json
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from sousa.generation.columns import Column, Group, Text, declared, stored_columns
from sousa.training import roles
from sousa.training.metrics.retrieval_metrics import KS, rank_values, ranks_of_vectors
from sousa.training.projection.pairs import Pairs

TO_AUDIO, TO_TEXT = "text_to_audio", "audio_to_text"
SOUND = Group("sound", "sounds")  # a caption is no more independent of the others of its sound than of itself
Vectors = tuple[np.ndarray, np.ndarray]  # of sounds and of texts, in one space


def by_model(model: Any, pairs: Pairs) -> Vectors:
    """Unit vectors of all sounds and texts."""
    if hasattr(model, "encoded"):  # whose encoders learn too
        pairs = model.encoded(pairs)
    return model.project("audio", pairs.audio[pairs.whole]), model.project("text", pairs.text)


def different(pairs: Pairs) -> np.ndarray:
    """The first of the texts that say the same, of each: int64, in order of ``words_of``."""
    return np.unique(pairs.words_of, return_index=True)[1]


def ranks(pairs: Pairs, vectors: Vectors) -> dict[str, list[Any]]:
    """Ranks by direction, a list with an entry for each text: int64 arrays, or None."""
    audio, text = vectors
    names, number = np.unique(pairs.words_of, return_inverse=True)
    count = len(names), len(pairs)
    ones = np.ones(len(number), np.int8)
    having = csr_array((ones, (number, pairs.sound_of)), shape=count)
    having.sum_duplicates()
    texts = text[different(pairs)]
    by_words = ranks_of_vectors(texts, audio, _lists(having))
    of_sounds = ranks_of_vectors(audio, texts, _lists(csr_array(having.T)))
    to_text: list[Any] = [None] * len(number)
    for sound, first in enumerate(pairs.first[:-1]):
        to_text[first] = of_sounds[sound]
    return {TO_AUDIO: [by_words[words] for words in number], TO_TEXT: to_text}


def _lists(matrix: Any) -> list[np.ndarray]:
    return np.split(matrix.indices, matrix.indptr[1:-1])


def table(pairs: Pairs, vectors: Vectors, **facts: Any) -> pa.Table:
    """The table of predictions; ``facts``: of the report, such as checkpoint, data and split."""
    known = roles.Known(stored_columns(pairs.rows.schema) or ())
    # who wrote a text and in which language is known of each, not only of the first of a sound
    of_text = {
        name: pairs.texts[which]
        for column in known.having(Text)
        for which, name in (("source", column.role.source), ("language", column.role.language))
    }
    columns = [Column("sample_id", "string", "", "", role=SOUND)]
    columns += [
        c for c in known.described if not isinstance(c.role, Group) and c.name in pairs.rows.column_names
    ]
    ranked = ranks(pairs, vectors)
    counts = {TO_AUDIO: len(pairs), TO_TEXT: len(different(pairs))}
    fields = [pairs.rows.schema.field(column.name) for column in columns]
    sounds = pa.array(pairs.sound_of)
    arrays = [of_text.get(field.name) or pairs.rows[field.name].take(sounds) for field in fields]
    for name, lists in ranked.items():
        arrays += [
            pa.array([None if entry is None else counts[name] for entry in lists], pa.int64()),
            pa.array(lists, pa.list_(pa.int64())),
        ]
        fields += [pa.field(f"true_{name}", pa.int64()), pa.field(f"pred_{name}", pa.list_(pa.int64()))]
    notes = {
        "targets": [{"name": name, "kind": "ranks"} for name in ranked],
        "columns": declared(columns), **facts,
    }  # fmt: skip
    arrays = [a.cast(field.type) for a, field in zip(arrays, fields, strict=True)]
    return pa.table(arrays, schema=pa.schema(fields, metadata={"sousa": json.dumps(notes)}))


def recall(pairs: Pairs, vectors: Vectors) -> dict[str, float]:
    """What training goes by: ``main`` is the mean of recall at 1, 5 and 10 in both directions."""
    out = {}
    for name, lists in ranks(pairs, vectors).items():
        values = rank_values([entry for entry in lists if entry is not None]).mean(0)
        out |= {f"{name}_recall_at_{k}": float(values[i]) for i, k in enumerate(KS)}
    return {**out, "main": float(np.mean(list(out.values())))}


def measure(model: Any, pairs: Pairs) -> dict[str, float]:
    """As :func:`recall`, of a model."""
    return recall(pairs, by_model(model, pairs))
