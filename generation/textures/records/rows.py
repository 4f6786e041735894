"""Rows of Arrow tables, as the formats take them.

A row is a dict of the columns in PLAIN, and of

- ``audio``: the encoded file, a buffer;
- ``curves``: dict of parameter to ``(natural, norm)``, float64 arrays of one value a frame; empty where
  nothing moves;
- ``onsets``: int64 array of sample indices in the row, or None where the synthesizer has no events.

Lists of numbers go through numpy, because a Python object for each frame of each curve would cost more
than everything else together.
"""

import numpy as np
import pyarrow.compute as pc

PLAIN = (
    "sample_id", "setting_id", "sound", "synth", "synth_version", "split", "held_out", "setting_index",
    "example_index", "chunk_index", "start_sample", "duration_sec", "num_samples", "sample_rate", "seed",
    "params",
)  # fmt: skip
COLUMNS = (*PLAIN, "curves", "events", "audio")


class Lists:
    """A list column as arrays.

    ``size``: records of each row; ``start``: where they begin; ``row``: of each record; ``fields``: dict of
    Arrow arrays.
    """

    def __init__(self, column):
        lists = column.combine_chunks()
        self.size = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
        records = lists.flatten()
        self.row = np.repeat(np.arange(len(self.size)), self.size)
        self.fields = {field.name: records.field(field.name) for field in records.type}
        self.start = np.concatenate([[0], np.cumsum(self.size, dtype=np.int64)])

    def of(self, row):
        """Records of a row, as a slice of every field."""
        return slice(self.start[row], self.start[row + 1])


def rows(table):
    """Rows of an Arrow table, in order: iterator of dicts."""
    audio = pc.struct_field(table["audio"], "bytes")
    events, curves = Lists(table["events"]), _curves(Lists(table["curves"]))
    onsets = events.fields["onset_sample"].to_numpy().astype(np.int64)
    known = table["events"].is_valid().to_pylist()
    columns = zip(table.select(PLAIN).to_pylist(), audio, curves, known, strict=True)
    for i, (row, data, moving, has_events) in enumerate(columns):
        onset = onsets[events.of(i)] if has_events else None
        yield row | {"audio": data.as_buffer(), "curves": moving, "onsets": onset}


def _curves(lists):
    encoded = lists.fields["name"].dictionary_encode()
    names, code = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    frame, natural, norm = (lists.fields[name].to_numpy() for name in ("frame", "natural", "norm"))
    for row in range(len(lists.size)):
        curves, own = {}, lists.of(row)
        for name in dict.fromkeys(code[own].tolist()):
            at = own.start + np.flatnonzero(code[own] == name)
            at = at[np.argsort(frame[at], kind="stable")]
            curves[names[name]] = natural[at], norm[at]
        yield curves
