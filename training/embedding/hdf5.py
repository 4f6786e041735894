"""Embeddings as one HDF5 file, for tools that read that: a row a text, the vector of its sound beside it.

Conventions: groups ``train``, ``val`` and ``test``; in each ``NAME_embeddings`` float32 (texts, dim) for
every encoder, of a sound the mean of its windows; ``captions``; ``audio_ids``, the row's name with ``_main``
for its own text, ``_alt`` for the next one, then ``_alt2`` and so on. Rows that one of the encoders could not
take are left out. Attributes: ``config`` (JSON) and ``embedding_dimensions`` (JSON) of the file, ``stats``
(JSON) of groups.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from sousa.generation.storage import LocalStorage, explained, temporary
from sousa.training.embedding.layout import AUDIO, TEXT, Embeddings, vectors

FILE = "embeddings.h5"
_GROUPS = {"train": "train", "validation": "val", "test": "test"}


def export(storage: LocalStorage) -> Path:
    """Write FILE into a finished embeddings directory; returns its path.

    Raises: RunError when it can't be written.
    """
    import h5py

    embeddings = Embeddings(storage.root)
    path = storage.path(FILE)
    with explained(path):
        work, file = temporary(path)
        file.close()
        try:
            with h5py.File(work, "w") as out:
                out.attrs["config"] = json.dumps(embeddings.manifest["plan"])
                dims = {name: settings["dim"] for name, settings in embeddings.encoders.items()}
                out.attrs["embedding_dimensions"] = json.dumps(dims)
                for split in embeddings.splits:
                    _fill(out.create_group(_GROUPS[split]), embeddings, split)
            storage.move(os.path.basename(work), FILE)
        except BaseException:
            os.unlink(work)
            raise
    return path


def means(embeddings: Embeddings, encoder: str, split: str | None = None) -> tuple[list[str], np.ndarray]:
    """Names of rows, and the mean of the windows of each: float32 (rows, dim)."""
    table = embeddings.audio(encoder, split)
    names = table["sample_id"].to_pylist()
    starts = [i for i, name in enumerate(names) if not i or name != names[i - 1]]
    if not starts:
        return [], np.zeros((0, embeddings.encoders[encoder]["dim"]), np.float32)
    counts = np.diff([*starts, len(names)])
    return [names[i] for i in starts], np.add.reduceat(vectors(table), starts) / counts[:, None]


def _fill(group: Any, embeddings: Embeddings, split: str) -> None:
    import h5py

    sounds = {}
    for name in embeddings.names(AUDIO):
        ids, values = means(embeddings, name, split)
        sounds[name] = dict(zip(ids, values, strict=True))
    texts = {}
    for name in embeddings.names(TEXT):
        table = embeddings.text(name, split)
        keys = zip(table["sample_id"].to_pylist(), table["number"].to_pylist(), strict=True)
        texts[name] = (dict(zip(keys, vectors(table), strict=True)), table["text"].to_pylist())
    first = next(iter(texts.values()), ({}, []))
    words = dict(zip(first[0], first[1], strict=True)) if texts else {
        (name, 0): "" for name in embeddings.rows(split, ["sample_id"])["sample_id"].to_pylist()
    }  # fmt: skip
    kept = [
        key for key in words
        if all(key[0] in table for table in sounds.values()) and all(key in of for of, _ in texts.values())
    ]  # fmt: skip
    columns = {name: [table[key[0]] for key in kept] for name, table in sounds.items()}
    columns |= {name: [table[key] for key in kept] for name, (table, _) in texts.items()}
    for name, values in columns.items():
        shape = (len(kept), embeddings.encoders[name]["dim"])
        data = np.asarray(values, np.float32).reshape(shape)
        packed = {"compression": "gzip", "compression_opts": 4} if len(kept) else {}
        group.create_dataset(f"{name}_embeddings", data=data, **packed)
    text = h5py.string_dtype("utf-8")
    group.create_dataset("captions", data=[words[key] for key in kept], dtype=text, shape=(len(kept),))
    ids = [f"{name}{_ending(number)}" for name, number in kept]
    group.create_dataset("audio_ids", data=ids, dtype=text, shape=(len(kept),))
    stats = {"texts": len(kept), "rows": len({name for name, _ in kept}), "left_out": len(words) - len(kept)}
    group.attrs["stats"] = json.dumps(stats)


def _ending(number: int) -> str:
    return ("_main", "_alt")[number] if number < 2 else f"_alt{number}"
