"""Embeddings directories with fabricated vectors: what is said of a sound is hidden in both vectors."""

import numpy as np
import pyarrow as pa

from sousa.generation.captions.columns import MEASURED, PUBLISHED
from sousa.generation.columns import schema
from sousa.generation.storage import LocalStorage
from sousa.training.embedding import layout

INSTRUMENTS = ("piano", "flute", "drums", "organ", "violin", "bass")
MOODS = ("calm", "dark", "happy", "sad", "bright", "slow")
ROWS = schema((*PUBLISHED, *MEASURED), 44100)
AUDIO, TEXT = "heard", "read"


def embed(
    root, rows=60, audio_dim=12, text_dim=10, windows=3, seed=0, noise=0.3, splits=(0.6, 0.2, 0.2), shard=16,
    texts=1, dataset=("first", "second"), failing=(), parts=False,
):  # fmt: skip
    """Write an embeddings directory.

    Args:
        failing: numbers of rows that have no vectors of sound.
        parts: the second text of a row is about the end of its sound alone.
    """
    rng = np.random.default_rng(seed)
    meanings = [(rng.integers(len(MOODS)), rng.integers(len(INSTRUMENTS))) for _ in range(rows)]
    spaces = {
        (kind, name): rng.normal(size=(len(words), dim))
        for kind, dim in (("audio", audio_dim), ("text", text_dim))
        for name, words in (("mood", MOODS), ("instrument", INSTRUMENTS))
    }

    def vector(kind, meaning, rng=rng):
        mean = spaces[kind, "mood"][meaning[0]] + spaces[kind, "instrument"][meaning[1]]
        return mean + noise * rng.normal(size=mean.shape)

    names = layout.SPLITS
    ends = np.cumsum(np.array(splits) * rows).astype(int)
    split_of = [names[int(np.searchsorted(ends, i, side="right"))] for i in range(ends[-1])]
    shards = [
        (f"{split}-{number:05d}", members[at : at + shard])
        for split in names
        if (members := [i for i, s in enumerate(split_of) if s == split])
        for number, at in enumerate(range(0, len(members), shard))
    ]
    encoders = {
        AUDIO: {"kind": "audio", "dim": audio_dim, "model": "fabricated", "licence": "ISC"},
        TEXT: {"kind": "text", "dim": text_dim, "model": "fabricated", "licence": "Apache-2.0"},
    }
    plan, names_of = {"rows": rows, "seed": seed}, [name for name, _ in shards]
    with layout.Writer(LocalStorage(str(root)), plan, encoders, names_of) as out:
        out.begin()
        for name, members in shards:
            heard, read, described = [], [], []
            for i in members:
                mood, instrument = MOODS[meanings[i][0]], INSTRUMENTS[meanings[i][1]]
                text = f"A {mood} piece for {instrument}"
                end = (3.0 * (windows - 1), 3.0 * windows) if parts else (None, None)
                others = [_said(f"{instrument}, {mood}, number {n}", "human", *end) for n in range(1, texts)]
                described.append({
                    "sample_id": f"s{i}", "dataset": dataset[i % len(dataset)], "split": split_of[i],
                    "group_id": f"artist {i % 7}", "caption": text, "caption_source": "template",
                    "language": "en", "alt_captions": others, "title": f"Title {i}",
                    "artist": f"Artist {i % 7}",
                    "licence": "CC-BY-4.0", "tags": [], "genres": [], "duration_sec": 3.0 * windows,
                })  # fmt: skip
                if i not in failing:
                    for w in range(windows):
                        heard.append((f"s{i}", w, 3.0 * w, 3.0 * w + 3.0, vector("audio", meanings[i])))
                for n, other in enumerate([_said(text, "template"), *others]):
                    # the same text always has the same vector
                    noise_of = np.random.default_rng(list(other["text"].encode()))
                    read.append((f"s{i}", n, *other.values(), vector("text", meanings[i], noise_of)))
            failures = [layout.Failure(f"s{i}", AUDIO, "is silent") for i in members if i in failing]
            out.write("rows", name, pa.Table.from_pylist(described, ROWS))
            out.write(f"audio/{AUDIO}", name, _table(heard, layout.audio_schema(audio_dim)), failures)
            out.write(f"text/{TEXT}", name, _table(read, layout.text_schema(text_dim)))
        out.finish({})
    return root


def _said(text, source, start=None, end=None):
    return {"text": text, "source": source, "language": "en", "start_sec": start, "end_sec": end}


def _table(lines, kind):
    if not lines:
        return kind.empty_table()
    columns = list(zip(*lines, strict=True))
    vectors = np.array(columns[-1]).reshape(len(lines), -1)
    arrays = [pa.array(column, field.type) for column, field in zip(columns[:-1], kind, strict=False)]
    return pa.table([*arrays, layout.column_of(vectors)], schema=kind)
