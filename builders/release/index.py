"""The row index of a release: where every row lies, and what it says.

Conventions
-----------
One record a row, in the order of rows of each file, files in order of names:

- ``sample_id``; ``file`` and ``row`` in it; ``view`` and ``split`` it belongs to
- ``audio_offset``, ``audio_bytes``, ``midi_offset``, ``midi_bytes``: where its encoded audio and its
  MIDI file lie in the file, in bytes, so that a row is one range read; null without
- ``audio_digest``, ``labels_digest``: see :mod:`sousa.builders.release.digests`; the first is made of the
  column that stands for the sound, the second of all others but the audio
"""

import pyarrow as pa

from sousa.builders.release.digests import DIGEST_BYTES

INDEX_SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()), ("file", pa.string()), ("row", pa.int32()), ("view", pa.string()),
        ("split", pa.string()), ("audio_offset", pa.int64()), ("audio_bytes", pa.int64()),
        ("midi_offset", pa.int64()), ("midi_bytes", pa.int64()), ("audio_digest", pa.binary(DIGEST_BYTES)),
        ("labels_digest", pa.binary(DIGEST_BYTES)),
    ]
)  # fmt: skip
