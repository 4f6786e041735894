"""Rows of Arrow tables, as the formats take them.

A row is a dict of the columns in PLAIN, and of

- ``audio``: the encoded file, a buffer;
- ``curves``: dict of parameter to ``(natural, norm)``, float64 arrays of one value a frame; empty where
  nothing moves;
- ``onsets``: int64 array of sample indices in the row, or None where the synthesizer has no events.

Lists of numbers go through numpy, because a Python object for each frame of each curve would cost more
than everything else together.
"""

from itertools import pairwise

import numpy as np
import pyarrow.compute as pc

PLAIN = (
    "sample_id", "setting_id", "sound", "synth", "synth_version", "split", "held_out", "setting_index",
    "example_index", "chunk_index", "start_sample", "duration_sec", "num_samples", "sample_rate", "seed",
    "params",
)  # fmt: skip
COLUMNS = (*PLAIN, "curves", "events", "audio")


def rows(table):
    """Rows of an Arrow table, in order: iterator of dicts."""
    audio = pc.struct_field(table["audio"], "bytes")
    columns = zip(table.select(PLAIN).to_pylist(), audio, _curves(table), _onsets(table), strict=True)
    for row, data, curves, onsets in columns:
        yield row | {"audio": data.as_buffer(), "curves": curves, "onsets": onsets}


def _lists(column):
    """``(records, bounds)`` of a list column: row i has records bounds[i] to bounds[i + 1]."""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    return pc.list_flatten(column), np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def _numbers(records, name):
    return pc.struct_field(records, name).to_numpy()


def _onsets(table):
    records, bounds = _lists(table["events"])
    onsets = _numbers(records, "onset_sample").astype(np.int64)
    for i, known in enumerate(table["events"].is_valid().to_numpy()):
        yield onsets[bounds[i] : bounds[i + 1]] if known else None


def _curves(table):
    records, bounds = _lists(table["curves"])
    if not len(records):
        yield from ({} for _ in range(len(table)))
        return
    encoded = pc.struct_field(records, "name").combine_chunks().dictionary_encode()
    names, code = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    frame, natural, norm = (_numbers(records, name) for name in ("frame", "natural", "norm"))
    for first, last in pairwise(bounds):
        own = {}
        for one in dict.fromkeys(code[first:last].tolist()):
            at = first + np.flatnonzero(code[first:last] == one)
            at = at[np.argsort(frame[at], kind="stable")]
            own[names[one]] = natural[at], norm[at]
        yield own
