"""From notes in seconds to a score, and from recordings to notes: what ``sousa transcribe`` does.

Conventions
-----------
Notes are arrays of :data:`NOTE` in order of onset, then pitch. A *pulse* is the beat that one counts: a
quarter note in 3/4, a dotted one in 6/8. Places in a score are whole numbers of ticks, :data:`TICKS` a
quarter note, from the start of the first bar: every subdivision that music uses is whole.
"""

import numpy as np

TICKS = 1680  # a quarter note: its 16ths, triplets, quintuplets and septuplets, halved once more
NOTE = np.dtype([("onset_sec", "f8"), ("offset_sec", "f8"), ("pitch", "i2"), ("velocity", "i2")])


def notes_of(onset_sec: object, offset_sec: object, pitch: object, velocity: object) -> np.ndarray:
    """Notes from their columns, put in order."""
    columns = [np.asarray(part) for part in (onset_sec, offset_sec, pitch, velocity)]
    out = np.zeros(len(columns[0]), dtype=NOTE)
    for name, column in zip(NOTE.names, columns, strict=True):
        out[name] = column
    return out[np.lexsort((out["pitch"], out["onset_sec"]))]
